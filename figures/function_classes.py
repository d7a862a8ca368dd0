"""Draw why a bigger class of functions can be a worse one, unless it contains the smaller.

Left, six classes that grow but are not nested; right, six that are. The distances in the
drawing are computed: each class is a region with a smooth outline, and its best member is
the point of the region nearest to f*.

The idea is that of the section on function classes in "Dive into Deep Learning", chapter
"Residual Networks (ResNet) and ResNeXt" (https://d2l.ai/chapter_convolutional-modern/resnet.html);
the drawing is our own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.path import Path
from numpy.typing import NDArray

from style import (
    BLUE,
    INK,
    LARGE,
    MUTED,
    NORMAL,
    VERMILLION,
    WIDTH,
    YELLOW,
    Point,
    label,
    tint,
)
from svg import Drawing, write_svg

CORNERS = 180  # corners of the polygon that is drawn, and that is measured
PIXELS_PER_UNIT = 100
HEIGHT = 510
NESTED_SUBSCRIPT = 23  # font size at which the subscript of a subscript is still legible
COLORS = {3: BLUE, 6: VERMILLION}  # the two classes that are compared
TARGET: Point = (3.42, 0.72)  # f*, in units, y upwards


@dataclass(frozen=True)
class Region:
    """A class of functions, drawn as a region of the plane.

    Parameters
    ----------
    center : Point
        In units, y upwards.
    radius : float
        Mean radius, in units.
    turn : float
        Turns the bulges of the outline, in degrees.
    label_at : Point
        Where its name stands, in units.
    offsets : tuple of Point
        Where the name of its best member and the distance stand, from the best member on.
    """

    center: Point
    radius: float
    turn: float
    label_at: Point
    offsets: tuple[Point, Point] = ((0, 0), (0, 0))

    def point(self, degrees: float | NDArray) -> NDArray:
        """Return the outline in a direction from the center, shape (..., 2)."""
        angle = np.radians(degrees)
        turned = angle - np.radians(self.turn)
        radius = self.radius * (1 + 0.07 * np.cos(2 * turned) + 0.04 * np.cos(3 * turned))
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        return np.asarray(self.center) + np.asarray(radius)[..., None] * direction

    def outline(self) -> NDArray:
        """Return the outline as a closed polygon, shape (CORNERS + 1, 2)."""
        return self.point(np.linspace(0, 360, CORNERS + 1))


NOT_NESTED = [
    Region((3.70, 3.72), 0.23, 20, label_at=(3.75, 3.76)),
    Region((3.42, 3.30), 0.36, 70, label_at=(3.42, 3.26)),
    Region((3.33, 2.24), 0.50, 110, label_at=(3.40, 2.26), offsets=((0.30, -0.20), (0.23, -0.60))),
    Region((2.62, 2.86), 0.65, 30, label_at=(2.62, 2.92)),
    Region((1.62, 2.86), 0.83, 80, label_at=(1.50, 3.00)),
    Region((1.17, 1.42), 1.06, 150, label_at=(1.00, 1.34), offsets=((-0.35, 0.03), (0.52, -0.38))),
]
NESTED = [
    Region((1.99, 2.74), 0.21, 100, label_at=(1.99, 2.74)),
    Region((1.92, 2.70), 0.42, 95, label_at=(1.68, 2.62)),
    Region((1.84, 2.52), 0.72, 90, label_at=(1.36, 2.32)),
    Region((1.74, 2.45), 0.95, 85, label_at=(1.03, 2.12)),
    Region((1.66, 2.38), 1.17, 80, label_at=(0.73, 1.93)),
    Region((1.57, 2.18), 1.47, 75, label_at=(0.33, 1.68)),
]
NESTED[2] = replace(NESTED[2], offsets=((-0.24, 0.16), (0.74, -0.46)))
NESTED[5] = replace(NESTED[5], offsets=((-0.42, -0.08), (0.26, -0.38)))


def nearest_point(region: Region, target: Point = TARGET) -> NDArray:
    """Find the point of a region that is nearest to the target.

    Each edge of the outline is a piece of a straight line: the nearest point of that line is
    the foot of the perpendicular, cut off at the ends of the edge. The best edge wins.

    Parameters
    ----------
    region : Region
        The class of functions.
    target : Point
        f*, in units.

    Returns
    -------
    numpy.ndarray
        Shape (2,). The target itself if it lies in the region.
    """
    corners = region.outline()
    if Path(corners).contains_point(target):
        return np.asarray(target)
    starts, edges = corners[:-1], np.diff(corners, axis=0)
    shares = ((target - starts) * edges).sum(axis=1) / (edges**2).sum(axis=1)
    candidates = starts + np.clip(shares, 0, 1)[:, None] * edges
    return candidates[np.linalg.norm(candidates - target, axis=1).argmin()]


def distance(region: Region, target: Point = TARGET) -> float:
    """Return the distance from the target to the best member of a region, in units."""
    return float(np.linalg.norm(nearest_point(region, target) - target))


def area(region: Region) -> float:
    """Return the area of a region (shoelace formula), in square units."""
    x, y = region.outline().T
    return float(abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2)


def contains(larger: Region, smaller: Region) -> bool:
    """Say whether one region lies wholly inside another."""
    return bool(Path(larger.outline()).contains_points(smaller.outline()).all())


def check_geometry() -> None:
    """Check that the drawing shows what it says.

    Raises
    ------
    ValueError
        If a class does not grow, is nested or not nested against its panel's title, or a
        distance grows where it must not.
    """
    for regions, nested in ((NOT_NESTED, False), (NESTED, True)):
        for smaller, larger in pairwise(regions):
            if area(larger) <= area(smaller):
                raise ValueError(f"{larger} has to be larger than {smaller}")
            if contains(larger, smaller) != nested:
                raise ValueError(f"{larger} contains {smaller}: expected {nested}")
            if nested and distance(larger) > distance(smaller):
                raise ValueError(f"{larger} is nested, yet farther from f* than {smaller}")
    if distance(NOT_NESTED[5]) <= distance(NOT_NESTED[2]):
        raise ValueError("left, the sixth class has to lie farther from f* than the third")


DISTANCES = {
    (panel, number): distance(regions[number - 1])
    for panel, regions in (("left", NOT_NESTED), ("right", NESTED))
    for number in (3, 6)
}
TITLE = "Function classes: not nested and nested"
ALT = (
    "Two panels, each with a star, the function f* that we want, and six regions F1 to F6 that "
    "grow in area: classes of functions. Left, not nested: the regions form a hook-shaped chain, "
    "each partly outside the next. The best member of F3, the point nearest to the star, is "
    f"{DISTANCES['left', 3]:.2f} away from it; the best member of F6, the largest region, is "
    f"{DISTANCES['left', 6]:.2f} away, so the larger class is the worse one. Right, nested: each "
    f"region lies inside the next. The distance falls from {DISTANCES['right', 3]:.2f} for F3 to "
    f"{DISTANCES['right', 6]:.2f} for F6; growing can never move the best member away from the star."
)
CAPTION = (
    "Classes of functions that grow. Only if each class contains the one before it can growing "
    "never take the best member farther from f*. Distances are computed from the drawn outlines."
)


def draw(axes: Axes) -> None:
    """Draw both panels."""
    check_geometry()
    draw_panel(axes, 22, "Not nested", NOT_NESTED)
    draw_panel(axes, 456, "Nested", NESTED)
    axes.plot([WIDTH / 2] * 2, [24, HEIGHT - 24], color=tint(INK, 0.2), linewidth=1)
    label(axes, (226, 470), verdict(NOT_NESTED, "larger, yet farther from"), size=NORMAL)
    label(axes, (660, 470), verdict(NESTED, "larger, and never farther from"), size=NORMAL)


def verdict(regions: list[Region], words: str) -> str:
    """Say in one line what became of the distance from the third class to the sixth."""
    third, sixth = distance(regions[2]), distance(regions[5])
    return rf"{words} $f^*$:  {third:.2f} $\rightarrow$ {sixth:.2f}"


def draw_panel(axes: Axes, left: float, title: str, regions: list[Region]) -> None:
    """Draw one panel, whose left edge is `left` pixels from that of the drawing."""
    label(axes, (left + 204, 34), title, size=LARGE, bold=True)
    for number in range(6, 0, -1):  # the largest first, so that the smaller ones stay visible
        draw_region(axes, left, regions[number - 1], number)
    for number, marker in ((3, "o"), (6, "s")):
        draw_best_member(axes, left, regions[number - 1], number, marker)
    x, y = to_pixels(TARGET, left)
    axes.plot(x, y, marker="*", markersize=24, color=YELLOW, markeredgecolor=INK, zorder=6)
    label(axes, (x + 16, y + 18), "$f^*$", size=LARGE)


def to_pixels(point: NDArray | Point, left: float) -> Point:
    """Turn units, y upwards, into pixels, y downwards."""
    return left + PIXELS_PER_UNIT * point[0], 450 - PIXELS_PER_UNIT * point[1]


def draw_region(axes: Axes, left: float, region: Region, number: int) -> None:
    """Draw one class; the third and the sixth stand out."""
    color = COLORS.get(number, MUTED)
    corners = [to_pixels(corner, left) for corner in region.outline()]
    thickness = 2.6 if number in COLORS else 1.3
    inside = (*tint(color, 0.5), 0.28 if number in COLORS else 0.16)
    axes.add_patch(Polygon(corners, facecolor=inside, edgecolor=color, linewidth=thickness))
    name = rf"$\mathcal{{F}}_{number}$"
    label(axes, to_pixels(region.label_at, left), name, size=LARGE)


def draw_best_member(axes: Axes, left: float, region: Region, number: int, marker: str) -> None:
    """Mark the best member of a class and its distance to f*."""
    best, color = nearest_point(region), COLORS[number]
    line = [to_pixels(point, left) for point in (best, TARGET)]
    axes.plot(*zip(*line, strict=True), color=color, linewidth=1.3, zorder=4)
    axes.plot(*line[0], marker=marker, markersize=9, color=color, markeredgecolor=INK, zorder=5)
    name_at, distance_at = (to_pixels(best + offset, left) for offset in region.offsets)
    label(axes, name_at, rf"$f^*_{{\mathcal{{F}}_{number}}}$", size=NESTED_SUBSCRIPT)
    label(axes, distance_at, f"{distance(region):.2f}", color=color, bold=True)


DRAWING = Drawing("function_classes", TITLE, ALT, HEIGHT, draw)

if __name__ == "__main__":
    print(write_svg(DRAWING))
