"""Draw what the layers of a plain block have to learn, and what those of a residual block.

Both blocks are to compute H(x). In the plain block the layers have to produce all of it; in
the residual block the input is added to what they produce, so that only the difference
F(x) = H(x) - x is left for them to learn.

The idea is from He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015,
arXiv:1512.03385, section 3.1, and from the chapter "Residual Networks (ResNet) and ResNeXt" of
"Dive into Deep Learning" (https://d2l.ai/chapter_convolutional-modern/resnet.html). The
drawing is our own.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from style import (
    ACTIVATION,
    BLUE,
    CONVOLUTION,
    INK,
    LARGE,
    MUTED,
    NORMAL,
    ORANGE,
    VERMILLION,
    WIDTH,
    Box,
    arrow,
    box,
    label,
    plus,
    tint,
)
from svg import Drawing, write_svg

HEIGHT = 540
LEFT, RIGHT = 138, 582  # middle of the plain and of the residual block
INPUT, LAYERS, SUM, LAST = 88, (164, 226, 288), 388, 452  # rows, in pixels from the top
DOTTED = (200, 186)  # width and height of the dotted box
STEPS = np.linspace(-1, 1, 81)  # the x of the small graphs
UNIT = 62  # pixels for a length of one in them

TITLE = "What a plain block and a residual block have to learn"
ALT = (
    "A plain block and a residual block side by side, each with a dotted box around its layers: "
    "weight layer, ReLU, weight layer. Left, plain: the input x enters the dotted box, H(x) comes "
    "out and goes to a ReLU: the dotted box must learn H(x). A small graph shows H(x), a curve "
    "that rises and wavers around the dashed diagonal. Right, residual: x also runs around the "
    "dotted box and is added to its result F(x) at a circled plus, which gives H(x) before the "
    "ReLU: the dotted box must learn F(x) = H(x) − x. Its small graph, at the same scale, shows "
    "only the wavering, now around a dashed line at zero. Below: if H(x) = x is best, the plain "
    "layers must build the identity, the residual layers must give zero."
)
CAPTION = (
    "The same H(x), learned in two ways. The closer it is to the identity, the less is left for "
    "the layers of the residual block: F(x) = H(x) − x."
)


def wanted(x: NDArray) -> NDArray:
    """Return the H(x) of the small graphs: near the identity, but not the identity."""
    return x + 0.16 * np.sin(4.2 * x + 0.4)


def draw(axes: Axes) -> None:
    """Draw both blocks and their graphs."""
    label(axes, (LEFT + 76, 36), "Plain block", size=LARGE, bold=True)
    dotted = draw_layers(axes, LEFT)
    last = draw_end(axes, LEFT)
    arrow(axes, dotted.bottom, last.top)
    label(axes, (LEFT + 14, SUM), "$H(x)$", size=LARGE, align="left")
    draw_graph(axes, LEFT, "$H(x)$", wanted(STEPS), given=STEPS)
    draw_remark(axes, LEFT, "build the identity")

    label(axes, (RIGHT + 76, 36), "Residual block", size=LARGE, bold=True)
    draw_residual_path(axes)
    draw_graph(axes, RIGHT, "$F(x) = H(x) - x$", wanted(STEPS) - STEPS, given=0 * STEPS)
    draw_remark(axes, RIGHT, "give zero")
    axes.plot([WIDTH / 2] * 2, [24, HEIGHT - 24], color=tint(INK, 0.2), linewidth=1)


def draw_layers(axes: Axes, x: float) -> Box:
    """Draw the input and the dotted box with its layers; return the dotted box."""
    dotted = box(axes, (x, LAYERS[1]), DOTTED, color=BLUE, strength=0.05, dotted=True, zorder=1)
    names = (("weight layer", CONVOLUTION), ("ReLU", ACTIVATION), ("weight layer", CONVOLUTION))
    layers = [box(axes, (x, y), (150, 36), name, color=color) for y, (name, color) in zip(LAYERS, names, strict=True)]
    label(axes, (x, INPUT - 14), "$x$", size=LARGE)
    arrow(axes, (x, INPUT), layers[0].top)
    for above, below in pairwise(layers):
        arrow(axes, above.bottom, below.top)
    axes.plot([x, x], [layers[-1].bottom[1], dotted.bottom[1]], color=INK, linewidth=1.6)
    return dotted


def draw_end(axes: Axes, x: float) -> Box:
    """Draw the last ReLU and the arrow out of the block; return the ReLU."""
    last = box(axes, (x, LAST), (150, 36), "ReLU", color=ACTIVATION)
    arrow(axes, last.bottom, (x, HEIGHT - 24))
    return last


def draw_residual_path(axes: Axes) -> None:
    """Draw the residual block: layers, shortcut and sum."""
    dotted, last = draw_layers(axes, RIGHT), draw_end(axes, RIGHT)
    total = plus(axes, (RIGHT, SUM))
    side, branch = RIGHT - 124, INPUT + 14
    arrow(axes, (RIGHT, branch), (side, branch), (side, SUM), total.left, color=VERMILLION, width=2.6)
    arrow(axes, dotted.bottom, total.top)
    arrow(axes, total.bottom, last.top)
    label(axes, (side, LAYERS[1]), "$x$", size=LARGE, backed=True)
    label(axes, (RIGHT + 14, 346), "$F(x)$", size=LARGE, align="left")
    label(axes, (RIGHT + 24, SUM), "$H(x) = F(x) + x$", size=NORMAL, align="left")


def draw_graph(axes: Axes, block: float, formula: str, to_learn: NDArray, given: NDArray) -> None:
    """Draw, beside a block, the function that its dotted box has to learn.

    Parameters
    ----------
    axes : Axes
        The drawing.
    block : float
        Middle of the block, in pixels.
    formula : str
        Name of the function.
    to_learn : numpy.ndarray
        The function at `STEPS`.
    given : numpy.ndarray
        The function from which it differs by F(x), at `STEPS`: the identity, or zero.
    """
    center_x, center_y = block + 202, 246
    label(axes, (center_x, 96), "the dotted box\nmust learn", color=MUTED)
    label(axes, (center_x, 142), formula, size=LARGE)
    across, up = np.array([-1.15, 1.15]), np.zeros(2)
    for line in ((across, up), (up, across)):
        axes.plot(center_x + UNIT * line[0], center_y - UNIT * line[1], color=MUTED, linewidth=1)
    label(axes, (center_x + 1.15 * UNIT, center_y + 14), "$x$", color=MUTED)
    x, curve, base = center_x + UNIT * STEPS, center_y - UNIT * to_learn, center_y - UNIT * given
    axes.fill_between(x, curve, base, color=tint(ORANGE, 0.55), linewidth=0)
    axes.plot(x, base, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.plot(x, curve, color=BLUE, linewidth=3)


def draw_remark(axes: Axes, block: float, task: str) -> None:
    """Say what the layers would have to do if the identity were best."""
    text = f"If $H(x) = x$ is best,\nits layers must\n{task}."
    label(axes, (block + 202, LAST + 10), text)


DRAWING = Drawing("plain_and_residual", TITLE, ALT, HEIGHT, draw)

if __name__ == "__main__":
    print(write_svg(DRAWING))
