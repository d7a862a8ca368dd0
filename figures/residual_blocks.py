"""Draw the two residual blocks of the book, with the shape of the tensor on every arrow.

(a) keeps the shape, so that the input can be added as it is; (b) changes the number of
channels and halves height and width, so that a 1x1 convolution has to adapt the input first.

The blocks are those of "Dive into Deep Learning", chapter "Residual Networks (ResNet) and
ResNeXt" (https://d2l.ai/chapter_convolutional-modern/resnet.html), after He, Zhang, Ren and
Sun, 2015, arXiv:1512.03385, section 3.2. The drawing is our own.
"""

from __future__ import annotations

from itertools import pairwise

from matplotlib.axes import Axes

from style import (
    ACTIVATION,
    CONVOLUTION,
    INK,
    LARGE,
    MUTED,
    NORMAL,
    NORMALIZATION,
    VERMILLION,
    WIDTH,
    Box,
    arrow,
    box,
    bracket,
    label,
    plus,
    tint,
)
from svg import Drawing, write_svg

HEIGHT = 724
BOX_WIDTH = 184
SHORTCUT_OFFSET = 182  # from the middle of the main path to the shortcut
ROWS = {  # middle of each row, in pixels from the top
    "input": 110,
    "first convolution": 185,
    "first norm": 260,
    "first activation": 328,
    "second convolution": 403,
    "second norm": 478,
    "sum": 546,
    "last activation": 614,
    "output": 682,
}

TITLE = "The two residual blocks: identity shortcut and 1×1-convolution shortcut"
ALT = (
    "Two residual blocks side by side, read from top to bottom. Both have a main path F(x): 3×3 "
    "convolution, batch norm, ReLU, 3×3 convolution, batch norm; a shortcut that leaves before it; "
    "a circled plus that adds the two, giving H(x); and a last ReLU. (a) Identity shortcut: the "
    "input of shape (4, 3, 6, 6) keeps this shape on every arrow and is added unchanged: "
    "H(x) = F(x) + x. (b) 1×1-convolution shortcut: the first 3×3 convolution goes from 3 to 6 "
    "channels with stride 2, so the main path has shape (4, 6, 3, 3); a 1×1 convolution with "
    "stride 2 and no batch norm brings the input to the same shape: H(x) = F(x) + W_s x."
)
CAPTION = (
    "The two residual blocks. Shapes are (images, channels, height, width), as PyTorch prints "
    "them. As in the book, the 1×1 convolution on the shortcut has no batch norm after it; "
    "torchvision's ResNet has one there."
)


def draw(axes: Axes) -> None:
    """Draw both blocks."""
    draw_heading(axes, 164, "(a) identity shortcut", "channels, height and width stay")
    draw_main_path(axes, 164, out_channels=3, stride=1)
    draw_identity_shortcut(axes, 164)
    axes.plot([WIDTH / 2 - 6] * 2, [24, HEIGHT - 24], color=tint(INK, 0.2), linewidth=1)
    draw_heading(axes, 612, "(b) 1×1-convolution shortcut", "more channels, half height and width")
    draw_main_path(axes, 612, out_channels=6, stride=2)
    draw_projection_shortcut(axes, 612)


def draw_heading(axes: Axes, x: float, title: str, detail: str) -> None:
    """Write the heading of a block whose main path stands at `x`."""
    label(axes, (x + 56, 36), title, size=LARGE, bold=True)
    label(axes, (x + 56, 62), detail, color=MUTED)


def shape(channels: int) -> str:
    """Return the shape of a tensor in the drawing: 3 channels are 6×6, 6 are 3×3."""
    side = {3: 6, 6: 3}[channels]
    return f"(4, {channels}, {side}, {side})"


def draw_main_path(axes: Axes, x: float, out_channels: int, stride: int) -> None:
    """Draw the boxes from input to output, the arrows between them, and the bracket F(x).

    Parameters
    ----------
    axes : Axes
        The drawing.
    x : float
        Middle of the main path, in pixels.
    out_channels : int
        Number of channels after the first convolution; there are 3 before it.
    stride : int
        Stride of the first convolution.
    """
    first = f"3 → {out_channels} channels, stride {stride}"
    second = f"{out_channels} → {out_channels} channels, stride 1"
    rows = [
        draw_row(axes, x, "input", "input $x$", INK),
        draw_row(axes, x, "first convolution", "3×3 convolution", CONVOLUTION, first),
        draw_row(axes, x, "first norm", "batch norm", NORMALIZATION),
        draw_row(axes, x, "first activation", "ReLU", ACTIVATION),
        draw_row(axes, x, "second convolution", "3×3 convolution", CONVOLUTION, second),
        draw_row(axes, x, "second norm", "batch norm", NORMALIZATION),
        plus(axes, (x, ROWS["sum"])),
        draw_row(axes, x, "last activation", "ReLU", ACTIVATION),
        draw_row(axes, x, "output", "output", INK),
    ]
    for number, (above, below) in enumerate(pairwise(rows)):
        arrow(axes, above.bottom, below.top)
        middle = (above.bottom[1] + below.top[1]) / 2
        channels = 3 if number == 0 else out_channels
        label(axes, (x + 12, middle), shape(channels), color=MUTED, align="left")
    bracket(axes, x - 104, rows[1].top[1] - 4, rows[5].bottom[1] + 4)
    label(axes, (x - 130, rows[3].y), "$F(x)$", size=LARGE)


def draw_row(axes: Axes, x: float, row: str, text: str, color: str, detail: str = "") -> Box:
    """Draw one box of the main path; boxes without detail are lower."""
    height = 46 if detail else 34
    return box(axes, (x, ROWS[row]), (BOX_WIDTH, height), text, detail, color=color)


def draw_identity_shortcut(axes: Axes, x: float) -> None:
    """Lead the input round the main path, unchanged."""
    side = x + SHORTCUT_OFFSET
    corners = [(side, ROWS["input"]), (side, ROWS["sum"])]
    arrow(axes, (x + BOX_WIDTH / 2, ROWS["input"]), *corners, (x + 14, ROWS["sum"]), color=VERMILLION, width=2.6)
    middle = ROWS["first activation"]
    label(axes, (side, middle), f"$x$, unchanged\n{shape(3)}", backed=True)
    label(axes, (x - 24, ROWS["sum"]), "$H(x) = F(x) + x$", size=NORMAL, align="right")


def draw_projection_shortcut(axes: Axes, x: float) -> None:
    """Lead the input round the main path, through a 1x1 convolution."""
    side, middle = x + SHORTCUT_OFFSET, ROWS["first activation"]
    convolution = box(axes, (side, middle), (142, 68), color=CONVOLUTION)
    label(axes, (side, middle - 20), "1×1 convolution", size=NORMAL)
    label(axes, (side, middle), "3 → 6 channels", color=MUTED)
    label(axes, (side, middle + 19), "stride 2", color=MUTED)
    start, corner = (x + BOX_WIDTH / 2, ROWS["input"]), (side, ROWS["input"])
    arrow(axes, start, corner, convolution.top, color=VERMILLION, width=2.6)
    arrow(axes, convolution.bottom, (side, ROWS["sum"]), (x + 14, ROWS["sum"]), color=VERMILLION, width=2.6)
    label(axes, (side, ROWS["first norm"] - 40), shape(3), backed=True)
    label(axes, (side, ROWS["second convolution"] + 6), "no batch norm here", backed=True)
    label(axes, (side, ROWS["second norm"] + 6), f"$W_s\\, x$\n{shape(6)}", size=NORMAL, backed=True)
    label(axes, (x - 24, ROWS["sum"]), "$H(x) = F(x) + W_s\\, x$", size=NORMAL, align="right")


DRAWING = Drawing("residual_blocks", TITLE, ALT, HEIGHT, draw)

if __name__ == "__main__":
    print(write_svg(DRAWING))
