"""Turn a drawing into an SVG file that is the same each time and can be read aloud.

- The same code gives the same file, byte for byte (with the same matplotlib): no date,
  and fixed names for the parts of the file.
- Letters are stored as outlines, so that no font has to be installed.
- `<title>` and `<desc>` hold the name and the text alternative of the drawing. The text
  alternative is written once, as `ALT` in the drawing's script.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from style import BACKGROUND, WIDTH

FOLDER = Path(__file__).resolve().parent
POINTS_PER_INCH = 72  # at this resolution matplotlib's point is our pixel

SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "mathtext.fontset": "dejavusans",
    "svg.fonttype": "path",
    "svg.hashsalt": "residual networks",
}


@dataclass(frozen=True)
class Drawing:
    """All that is needed to write one SVG file.

    Parameters
    ----------
    name : str
        File name without its ending.
    title : str
        A short name for the drawing.
    alternative : str
        What is to be seen, for readers who do not see it.
    height : float
        In pixels, for a width of `style.WIDTH`.
    draw : callable
        Draws on the axes it is given, in pixel coordinates.
    """

    name: str
    title: str
    alternative: str
    height: float
    draw: Callable[[Axes], None]


def write_svg(drawing: Drawing, folder: Path = FOLDER) -> Path:
    """Draw, and write the SVG file.

    Parameters
    ----------
    drawing : Drawing
        What to draw.
    folder : Path
        Where to put the file.

    Returns
    -------
    Path
        The file that was written.
    """
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _empty_page(drawing.height)
        drawing.draw(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    path = folder / f"{drawing.name}.svg"
    source = _shorten_numbers(_add_alternative(buffer.getvalue(), drawing))
    path.write_text(source, encoding="utf-8")
    return path


def _empty_page(height: float) -> tuple[Figure, Axes]:
    """Return a figure without frame whose axes count pixels from the upper left corner."""
    size_in_inches = (WIDTH / POINTS_PER_INCH, height / POINTS_PER_INCH)
    figure = Figure(figsize=size_in_inches, dpi=POINTS_PER_INCH, facecolor=BACKGROUND)
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_autoscale_on(False)
    axes.set_axis_off()
    return figure, axes


def _add_alternative(source: str, drawing: Drawing) -> str:
    """Give the root element its size in pixels, its role, title and description."""
    title_id, description_id = f"{drawing.name}-title", f"{drawing.name}-desc"
    root = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg"'
        f' version="1.1" width="{WIDTH}" height="{drawing.height:g}"'
        f' viewBox="0 0 {WIDTH} {drawing.height:g}"'
        f' id="{drawing.name}" role="img" aria-labelledby="{title_id} {description_id}">\n'
        f' <title id="{title_id}">{escape(drawing.title)}</title>\n'
        f' <desc id="{description_id}">{escape(drawing.alternative)}</desc>'
    )
    with_root, replaced = re.subn(r"<svg\b[^>]*>", lambda _: root, source, count=1)
    if replaced != 1:
        raise ValueError("expected an <svg> element in what matplotlib wrote, found none")
    # matplotlib's rule for all elements (*) must not reach a page that this file is pasted into.
    return with_root.replace(">*{stroke", f">#{drawing.name} *{{stroke", 1)


def _shorten_numbers(source: str) -> str:
    """Round coordinates to a hundredth of a pixel and cut spaces at line ends: a smaller file."""

    def round_one(number: re.Match[str]) -> str:
        return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")

    def round_all(attribute: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d+", round_one, attribute[0])

    rounded = re.sub(r'\bd="[^"]*"|translate\([^)]*\)', round_all, source)
    return "\n".join(line.rstrip() for line in rounded.splitlines()) + "\n"
