"""Figures with a text alternative, in colors that everybody can tell apart."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2lhelpers.page.live_output import MimeBundle
from d2lhelpers.page.stop import any_interrupted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"
)  # fmt: skip
OKABE_ITO = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, "#F0E442")
"""Eight colors that color-blind readers can tell apart (Okabe and Ito 2008); residual is blue, plain vermillion."""

LINE_STYLES = ("-", "--", "-.", ":")

STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "grid.alpha": 0.35,
    "lines.linewidth": 1.8,
}


def subplots(
    nrows: int = 1, ncols: int = 1, figsize: tuple[float, float] = (6, 3.4), **options: Any
) -> tuple[Figure, Any]:
    """Make a figure in the course's style; show it with `show_figure`.

    Parameters
    ----------
    nrows, ncols : int
        Panels.
    figsize : (float, float)
        Width and height in inches.
    **options
        Handed to `matplotlib.figure.Figure.subplots`, for instance ``sharey=True``.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes, or an array of them if there is more than one panel
    """
    import matplotlib
    from cycler import cycler
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**STYLE, "axes.prop_cycle": cycler(color=OKABE_ITO)}):
        figure = Figure(figsize=figsize)
        return figure, figure.subplots(nrows, ncols, **options)


def show_figure(figure: Figure, alt: str, runs: Any = None) -> None:
    """Show a figure in the notebook, with a text alternative for those who cannot see it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As `subplots` makes it.
    alt : str
        What is to be seen, in a sentence or two.
    runs : optional
        The history, or several, that it shows, as in `d2lhelpers.course.claim`: if one was interrupted, a
        note below the figure and the text alternative say so.

    Raises
    ------
    ValueError
        If there is no text alternative.
    """
    if not alt.strip():
        raise ValueError("a figure needs a text alternative: say in alt what is to be seen")
    if any_interrupted(runs):
        note = "Not complete: a run was stopped early."
        figure.supxlabel(note, color="#D55E00", fontsize="medium")
        alt = f"{note} {alt}"
    from IPython.display import display

    data, metadata = picture(figure, alt)
    display(data, metadata=metadata, raw=True)


def show_drawing(name: str) -> None:
    """Show one of the course's drawings, for instance ``show_drawing("resnet18")``.

    The text alternative is the drawing's own description.

    Raises
    ------
    FileNotFoundError
        If there is no drawing of this name; the message lists those there are.
    """
    from xml.etree import ElementTree

    from IPython.display import display

    folder = _drawings_folder()
    path = folder / f"{name}.svg"
    if not path.is_file():
        raise FileNotFoundError(
            f"no drawing {name!r}; there are: {', '.join(sorted(p.stem for p in folder.glob('*.svg')))}"
        )
    svg = path.read_text(encoding="utf-8")
    alt = ElementTree.fromstring(svg).findtext("{http://www.w3.org/2000/svg}desc", default=name)
    data = {"image/svg+xml": svg, "text/html": _image_element("image/svg+xml", svg.encode(), alt), "text/plain": alt}
    display(data, metadata={"image/svg+xml": {"alt": alt}}, raw=True)


def label_line_ends(axes: Axes, room: float = 0.22) -> None:
    """Write each labeled line's label beside its last point, instead of a legend.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With lines that were plotted with a `label`.
    room : float
        Share of the panel's width that is kept free for the labels.
    """
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_") and len(line.get_xdata())]
    axes.margins(x=0.02)
    axes.figure.draw_without_rendering()
    to_pixels = axes.transData.transform
    ends = sorted(
        ((to_pixels((line.get_xdata()[-1], line.get_ydata()[-1])), line) for line in lines), key=lambda end: end[0][1]
    )
    gap = 13 * axes.figure.dpi / 72
    lowest = float("-inf")
    for (_, y), line in ends:
        lowest = max(y, lowest + gap)  # one line of text above the label below
        x = line.get_xdata()[-1]
        axes.annotate(
            line.get_label(), xy=(x, line.get_ydata()[-1]), xytext=(6, (lowest - y) * 72 / axes.figure.dpi),
            textcoords="offset points", va="center", color=line.get_color(), fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    scale = axes.xaxis.get_transform()
    left, right = scale.transform(axes.get_xlim())
    last = max((line.get_xdata()[-1] for _, line in ends), default=float("inf"))
    axes.set_xlim(right=scale.inverted().transform(right + room * (right - left)))
    _clip_ticks(axes.xaxis, last)


def _clip_ticks(axis: Axis, last: float) -> None:
    """Take away an axis's ticks beyond its last data, where only the labels are."""
    for minor in (False, True):
        ticks = axis.get_ticklocs(minor=minor)
        if len(ticks) and max(ticks) > last:
            labels = axis.get_major_formatter().format_ticks(ticks) if not minor else [""] * len(ticks)
            kept = [(tick, label) for tick, label in zip(ticks, labels) if tick <= last]
            axis.set_ticks([tick for tick, _ in kept], [label for _, label in kept], minor=minor)


def picture(figure: Figure, alt: str, dots_per_inch: int = 144, compact: bool = True) -> MimeBundle:
    """Return a figure as PNG, and as an HTML image which carries the text alternative everywhere.

    JupyterLab ignores the ``alt`` of a PNG, which nbconvert reads; both read that of the HTML, and
    so does Colab. A compact PNG has 256 colors and half the size, but takes longer to make.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    png = _with_256_colors(buffer) if compact else buffer.getvalue()
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    data = {
        "image/png": base64.b64encode(png).decode(),
        "text/html": _image_element("image/png", png, alt, width),
        "text/plain": alt,
    }
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}


def _with_256_colors(png: io.BytesIO) -> bytes:
    """Return a PNG with at most 256 colors."""
    from PIL import Image

    smaller = io.BytesIO()
    Image.open(png).convert("RGB").quantize(256).save(smaller, format="png", optimize=True)
    return smaller.getvalue()


def _image_element(mime_type: str, content: bytes, alt: str, width: int | None = None) -> str:
    """Return an HTML image that holds its own content."""
    size = "" if width is None else f' width="{width}"'
    encoded = base64.b64encode(content).decode()
    return f'<img alt="{html.escape(alt)}"{size} style="max-width:100%" src="data:{mime_type};base64,{encoded}">'


def _drawings_folder() -> Path:
    """Return the folder of the drawings: inside an installed package, or beside it in the repository."""
    package = Path(__file__).parents[1]
    inside = package / "figures"
    return inside if inside.is_dir() else package.parent / "figures"
