"""Draw ResNet-18 from a (1, 1, 224, 224) input to ten scores, with its 18 counted layers.

The network is that of "Dive into Deep Learning", chapter "Residual Networks (ResNet) and
ResNeXt" (https://d2l.ai/chapter_convolutional-modern/resnet.html), after table 1 of He, Zhang,
Ren and Sun, 2015, arXiv:1512.03385. The drawing is our own.
"""

from __future__ import annotations

from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.patches import Circle, Polygon

from style import (
    ACTIVATION,
    BACKGROUND,
    BLUE,
    CONVOLUTION,
    INK,
    LARGE,
    LINEAR,
    MUTED,
    NORMAL,
    NORMALIZATION,
    POOLING,
    VERMILLION,
    Box,
    Point,
    arrow,
    box,
    label,
    plus,
    tint,
)
from svg import Drawing, write_svg

HEIGHT = 856
STEM, STAGES, HEAD = 104, (238, 366, 494, 622), 736  # rows, in pixels from the top
CHANNELS, SIDES = (64, 128, 256, 512), (56, 28, 14, 7)  # after each stage
FRAME = (248, 104)  # width and height of a residual block
BLOCKS = (266, 534)  # middles of the two blocks of a stage
TURN_RIGHT, TURN_LEFT = 674, 126  # where the connection to the next row turns
SHAPES = 696  # left edge of the column with the shapes
SLAB_SIDE, SLAB_DEPTH = 0.3, 0.17  # pixels for one pixel of a tensor, for one channel

TITLE = "ResNet-18 from input to scores, with its 18 counted layers"
ALT = (
    "ResNet-18 in six rows, read from top to bottom, each from left to right. The layers that give "
    "it its name carry the numbers 1 to 18. Stem: input (1, 1, 224, 224); layer 1, a 7×7 "
    "convolution with stride 2 and 64 channels, gives 112×112, as do batch norm and ReLU; a 3×3 "
    "max-pool with stride 2 gives (1, 64, 56, 56). Four stages follow, each of two residual blocks "
    "with two 3×3 convolutions and a shortcut. Stage 1, layers 2 to 5, 64 channels: "
    "(1, 64, 56, 56). Stage 2, layers 6 to 9, 128 channels: (1, 128, 28, 28). Stage 3, layers 10 "
    "to 13, 256 channels: (1, 256, 14, 14). Stage 4, layers 14 to 17, 512 channels: "
    "(1, 512, 7, 7). The first block of stages 2, 3 and 4 has stride 2 and a 1×1 convolution on "
    "its shortcut, which is not counted. Head: global average pool (1, 512, 1, 1), flatten "
    "(1, 512), and layer 18, linear, (1, 10). At the right, slabs drawn to scale shrink in height "
    "and width and grow in depth from row to row."
)
CAPTION = (
    "ResNet-18: 1 convolution in the stem, 16 in the residual blocks, and 1 linear layer are "
    "counted, 18 in all. The 1×1 convolutions of the shortcuts are not. Shapes are (images, "
    "channels, height, width)."
)


def draw(axes: Axes) -> None:
    """Draw stem, stages and head, one row each, from top to bottom."""
    label(axes, (20, 28), "ResNet-18", size=LARGE, bold=True, align="left")
    label(axes, (SHAPES, 28), "shape after the row", color=MUTED, align="left")
    end = draw_stem(axes)
    for stage in range(4):
        end = draw_stage(axes, stage, end)
    draw_head(axes, end)
    note = (
        "Numbers: the 18 counted layers; the 1×1 convolutions on shortcuts are not counted.\n"
        "Not drawn: batch norm after every 3×3 convolution; ReLU after the first of a block and "
        "after each plus."
    )
    label(axes, (20, HEIGHT - 36), note, color=MUTED, align="left")


def name_row(axes: Axes, y: float, name: str, detail: str) -> None:
    """Write the name of a row at its left."""
    label(axes, (20, y - 11), name, size=NORMAL, bold=True, align="left")
    label(axes, (20, y + 11), detail, color=MUTED, align="left")


def number_layer(axes: Axes, place: Box, number: int) -> None:
    """Put the number of a counted layer on the upper left corner of its box."""
    corner = (place.left[0] + 4, place.top[1])
    disc = Circle(corner, 12, facecolor=INK, edgecolor=BACKGROUND, linewidth=1.5, zorder=4)
    axes.add_patch(disc)
    label(axes, corner, str(number), color=BACKGROUND, bold=True)


def turn_to_next_row(axes: Axes, start: Point, end: Point, gap: float) -> None:
    """Lead from the right end of a row to the left end of the next, through the gap."""
    corners = [(TURN_RIGHT, start[1]), (TURN_RIGHT, gap), (TURN_LEFT, gap), (TURN_LEFT, end[1])]
    arrow(axes, start, *corners, end)


def draw_stem(axes: Axes) -> Point:
    """Draw the input and the stem; return where the arrow to the next row starts."""
    name_row(axes, STEM, "Stem", "64 channels")
    draw_slab(axes, (144, STEM), channels=1, side=224)
    label(axes, (178, STEM + 48), "(1, 1, 224, 224)", color=MUTED)
    label(axes, (178, STEM), "input")
    modules = [
        box(axes, (287, STEM), (108, 46), "7×7 conv", "stride 2", color=CONVOLUTION),
        box(axes, (399, STEM), (68, 46), "batch\nnorm", color=NORMALIZATION),
        box(axes, (491, STEM), (68, 46), "ReLU", color=ACTIVATION),
        box(axes, (604, STEM), (110, 46), "max-pool", "3×3, stride 2", color=POOLING),
    ]
    number_layer(axes, modules[0], 1)
    arrow(axes, (144 + 224 * SLAB_SIDE, STEM), modules[0].left)
    join(axes, modules)
    label(axes, (379, STEM + 48), "each of these three: (1, 64, 112, 112)", color=MUTED)
    show_shape(axes, STEM, channels=64, side=56)
    return modules[-1].right


def draw_stage(axes: Axes, stage: int, start: Point) -> Point:
    """Draw one stage of two residual blocks.

    Parameters
    ----------
    axes : Axes
        The drawing.
    stage : int
        0 to 3.
    start : Point
        Where the arrow from the row above starts.

    Returns
    -------
    Point
        Where the arrow to the next row starts.
    """
    y, channels = STAGES[stage], CHANNELS[stage]
    name_row(axes, y, f"Stage {stage + 1}", f"{channels} channels")
    first = 2 + 4 * stage
    entry, middle = draw_block(axes, (BLOCKS[0], y), first, halve=stage > 0)
    turn_to_next_row(axes, start, entry, gap=y - FRAME[1] / 2 - 13)
    entry, end = draw_block(axes, (BLOCKS[1], y), first + 2, halve=False)
    arrow(axes, middle, entry)
    show_shape(axes, y, channels, SIDES[stage])
    return end


def draw_block(axes: Axes, center: Point, number: int, halve: bool) -> tuple[Point, Point]:
    """Draw one residual block.

    Parameters
    ----------
    axes : Axes
        The drawing.
    center : Point
        Middle of the block, in pixels.
    number : int
        Number of its first counted layer.
    halve : bool
        Whether the block halves height and width, with a 1x1 convolution on its shortcut.

    Returns
    -------
    tuple of Point
        Where an arrow into the block ends, and where an arrow out of it starts.
    """
    left, y = center[0] - FRAME[0] / 2, center[1]
    main, side = y + 20, y - 28  # heights of main path and shortcut
    box(axes, center, FRAME, color=MUTED, strength=0.05, zorder=1)
    stride = "stride 2" if halve else "stride 1"
    first = box(axes, (left + 69, main), (84, 46), "3×3", stride, color=CONVOLUTION)
    second = box(axes, (left + 167, main), (84, 46), "3×3", "stride 1", color=CONVOLUTION)
    total = plus(axes, (left + 232, main), radius=11)
    join(axes, [first, second, total])
    number_layer(axes, first, number)
    number_layer(axes, second, number + 1)
    draw_shortcut(axes, (left + 13, main), total.top, side, halve)
    return first.left, total.right


def draw_shortcut(axes: Axes, start: Point, end: Point, y: float, halve: bool) -> None:
    """Lead the input of a block over its convolutions, at height `y`."""
    ahead, behind = (start[0], y), (end[0], y)
    if not halve:
        arrow(axes, start, ahead, behind, end, color=VERMILLION, width=2)
        return
    middle = ((start[0] + end[0]) / 2, y)
    convolution = box(axes, middle, (140, 30), "1×1, stride 2", color=CONVOLUTION)
    arrow(axes, start, ahead, convolution.left, color=VERMILLION, width=2)
    arrow(axes, convolution.right, behind, end, color=VERMILLION, width=2)


def draw_head(axes: Axes, start: Point) -> None:
    """Draw global average pool, flatten and the linear layer, with the shape after each."""
    name_row(axes, HEAD, "Head", "10 classes")
    modules = [
        box(axes, (237, HEAD), (190, 46), "global average pool", color=POOLING),
        box(axes, (424, HEAD), (100, 46), "flatten", color=INK),
        box(axes, (591, HEAD), (134, 46), "linear", "512 → 10", color=LINEAR),
    ]
    number_layer(axes, modules[-1], 18)
    turn_to_next_row(axes, start, modules[0].left, gap=HEAD - 49)
    join(axes, modules)
    for module, shape in zip(modules, ("(1, 512, 1, 1)", "(1, 512)"), strict=False):
        label(axes, (module.x, HEAD + 37), shape, color=MUTED)
    arrow(axes, modules[-1].right, (SHAPES - 8, HEAD))
    label(axes, (SHAPES, HEAD), "(1, 10)", size=NORMAL, bold=True, align="left")
    label(axes, (SHAPES, HEAD + 24), "one score a class", color=MUTED, align="left")


def join(axes: Axes, modules: list[Box]) -> None:
    """Draw arrows from each box to the next."""
    for before, after in pairwise(modules):
        arrow(axes, before.right, after.left)


def show_shape(axes: Axes, y: float, channels: int, side: int) -> None:
    """Write the shape after a row at its right, and draw it to scale."""
    text = f"(1, {channels}, {side}, {side})"
    label(axes, (SHAPES, y - 16), text, size=NORMAL, bold=True, align="left")
    draw_slab(axes, (SHAPES, y + 20), channels, side)


def draw_slab(axes: Axes, left: Point, channels: int, side: int) -> None:
    """Draw a tensor as a slab: height and width to one scale, channels to another.

    Parameters
    ----------
    axes : Axes
        The drawing.
    left : Point
        Middle of the left edge of its front, in pixels.
    channels, side : int
        Number of channels; height and width.
    """
    x, y = left
    size, depth = SLAB_SIDE * side, SLAB_DEPTH * channels
    right, top, bottom = x + size, y - size / 2, y + size / 2
    back, up = depth * 0.97, -depth * 0.22
    faces = {
        0.18: [(x, top), (right, top), (right, bottom), (x, bottom)],
        0.42: [(x, top), (x + back, top + up), (right + back, top + up), (right, top)],
        0.66: [(right, top), (right + back, top + up), (right + back, bottom + up), (right, bottom)],
    }
    for strength, corners in faces.items():
        face = tint(BLUE, strength)
        axes.add_patch(Polygon(corners, facecolor=face, edgecolor=BLUE, linewidth=0.8))


DRAWING = Drawing("resnet18", TITLE, ALT, HEIGHT, draw)

if __name__ == "__main__":
    print(write_svg(DRAWING))
