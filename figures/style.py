"""The look that all drawings of the course share: colors, fonts, boxes, arrows.

Every drawing uses *pixel coordinates*: one unit is one pixel of a drawing that is
`WIDTH` pixels wide, x grows to the right and y grows **downwards**, as on a screen.

The colors are the eight of Okabe and Ito, which stay apart for color-blind readers
(https://jfly.uni-koeln.de/color/). Color is never the only carrier of a meaning: every
box also says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

Point = tuple[float, float]
Color = str | tuple[float, float, float]

WIDTH = 880  # pixels; shown at 720 the smallest font (14) still measures 11.5 pixels
SMALL, NORMAL, LARGE = 14, 16, 19  # font sizes in pixels

INK = "#1F2933"
MUTED = "#52606D"
BACKGROUND = "#FDFCF9"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

# One color for each kind of layer, the same in all drawings.
CONVOLUTION, NORMALIZATION, ACTIVATION, POOLING, LINEAR = BLUE, ORANGE, GREEN, PURPLE, SKY


def tint(color: Color, strength: float = 0.16) -> tuple[float, float, float]:
    """Mix a color into the background.

    Parameters
    ----------
    color : str or tuple of float
        Any color matplotlib understands.
    strength : float
        0 gives the background, 1 the color itself.

    Returns
    -------
    tuple of float
        Red, green and blue, each from 0 to 1.
    """
    pairs = zip(to_rgb(color), to_rgb(BACKGROUND), strict=True)
    red, green, blue = (strength * part + (1 - strength) * paper for part, paper in pairs)
    return red, green, blue


@dataclass(frozen=True)
class Box:
    """Where a box was drawn, so that arrows can start and end at its edges."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> Point:
        """The middle of the left edge."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        """The middle of the right edge."""
        return self.x + self.width / 2, self.y

    @property
    def top(self) -> Point:
        """The middle of the upper edge."""
        return self.x, self.y - self.height / 2

    @property
    def bottom(self) -> Point:
        """The middle of the lower edge."""
        return self.x, self.y + self.height / 2


def label(
    axes: Axes,
    position: Point,
    text: str,
    *,
    size: float = SMALL,
    color: Color = INK,
    align: str = "center",
    bold: bool = False,
    backed: bool = False,
) -> None:
    """Write text, centered vertically on `position`.

    Parameters
    ----------
    axes : Axes
        The drawing.
    position : Point
        Where, in pixels.
    text : str
        What; formulas between dollar signs.
    size : float
        Font size in pixels, at least `SMALL`.
    color : str or tuple of float
        Color of the letters.
    align : {"left", "center", "right"}
        Which part of the text lies at `position`.
    bold : bool
        Heavy letters, for headings.
    backed : bool
        Put the background's color behind the text, where it crosses a line.

    Raises
    ------
    ValueError
        If the font is too small to be read at the width the drawings are shown at.
    """
    if size < SMALL:
        raise ValueError(f"font size {size} is too small, use at least {SMALL}: {text!r}")
    x, y = position
    behind = {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 1.5} if backed else None
    axes.text(
        x,
        y - 0.1 * size,  # most letters have no part below the line they stand on
        text,
        fontsize=size,
        color=color,
        ha=align,
        va="center_baseline",
        weight="bold" if bold else "normal",
        linespacing=1.35,
        bbox=behind,
        zorder=5,
    )


def box(
    axes: Axes,
    center: Point,
    size: tuple[float, float],
    text: str = "",
    detail: str = "",
    *,
    color: Color = INK,
    strength: float = 0.16,
    dotted: bool = False,
    zorder: float = 2,
) -> Box:
    """Draw a rounded box with a line of text and, below it, a smaller line of detail.

    Parameters
    ----------
    axes : Axes
        The drawing.
    center : Point
        Middle of the box, in pixels.
    size : tuple of float
        Width and height, in pixels.
    text, detail : str
        What the box is; what more there is to say.
    color : str or tuple of float
        Color of the edge; the inside is a tint of it.
    strength : float
        How strong that tint is.
    dotted : bool
        Dotted edge instead of a drawn-through one.
    zorder : float
        Boxes with a larger number lie above those with a smaller one.

    Returns
    -------
    Box
        The place of the box.
    """
    (x, y), (width, height) = center, size
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=7",
            facecolor=tint(color, strength),
            edgecolor=color,
            linewidth=2 if dotted else 1.4,
            linestyle=(0, (1.2, 2.2)) if dotted else "solid",
            zorder=zorder,
        )
    )
    if detail:
        label(axes, (x, y - 9), text, size=NORMAL)
        label(axes, (x, y + 11), detail, color=MUTED)
    elif text:
        label(axes, (x, y), text, size=NORMAL)
    return Box(x, y, width, height)


def rounded_path(points: Sequence[Point], radius: float = 12) -> Path:
    """Join points by straight lines whose corners are rounded.

    Parameters
    ----------
    points : sequence of Point
        Start, corners and end, in pixels.
    radius : float
        How far from a corner the rounding begins, in pixels.

    Returns
    -------
    Path
        Straight lines and one quadratic curve for each corner.
    """
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        vertices += [_towards(corner, before, radius), corner, _towards(corner, after, radius)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def _towards(start: Point, end: Point, step: float) -> Point:
    """Go `step` pixels from `start` towards `end`, at most half of the way."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = (across**2 + down**2) ** 0.5
    share = min(step / length, 0.5)
    return start[0] + share * across, start[1] + share * down


def arrow(axes: Axes, *points: Point, color: Color = INK, width: float = 1.6, head: bool = True) -> None:
    """Draw an arrow through the points, with rounded corners.

    Parameters
    ----------
    axes : Axes
        The drawing.
    *points : Point
        Start, any number of corners, end.
    color : str or tuple of float
        Color of the line and its head.
    width : float
        Thickness of the line, in pixels.
    head : bool
        False leaves the arrow's head away.
    """
    axes.add_patch(
        FancyArrowPatch(
            path=rounded_path(points),
            arrowstyle="-|>,head_length=0.55,head_width=0.28" if head else "-",
            mutation_scale=14,
            color=color,
            linewidth=width,
            joinstyle="miter",
            capstyle="butt",
            zorder=3,
        )
    )


def plus(axes: Axes, center: Point, radius: float = 14) -> Box:
    """Draw the circle with a plus in which a residual block adds its two paths.

    Parameters
    ----------
    axes : Axes
        The drawing.
    center : Point
        Middle of the circle, in pixels.
    radius : float
        Its radius, in pixels.

    Returns
    -------
    Box
        The square around the circle.
    """
    x, y = center
    half = 0.5 * radius
    axes.add_patch(
        Circle(
            center,
            radius,
            facecolor=tint(VERMILLION, 0.14),
            edgecolor=VERMILLION,
            linewidth=2,
            zorder=4,
        )
    )
    axes.plot([x - half, x + half], [y, y], color=INK, linewidth=2, zorder=5)
    axes.plot([x, x], [y - half, y + half], color=INK, linewidth=2, zorder=5)
    return Box(x, y, 2 * radius, 2 * radius)


def bracket(axes: Axes, x: float, top: float, bottom: float, depth: float = 9) -> None:
    """Draw a square bracket that opens to the right.

    Parameters
    ----------
    axes : Axes
        The drawing.
    x : float
        Its back, in pixels from the left.
    top, bottom : float
        Its ends, in pixels from the top.
    depth : float
        How far its ends reach to the right, in pixels.
    """
    corners = [(x + depth, top), (x, top), (x, bottom), (x + depth, bottom)]
    arrow(axes, *corners, color=MUTED, width=1.8, head=False)
