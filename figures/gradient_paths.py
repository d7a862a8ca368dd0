"""Draw the eight paths by which a gradient comes back through three residual blocks, and gates that close them.

Above, nothing follows the addition: at each block the gradient goes on along the shortcut and
through the branch, so that there are 2 · 2 · 2 paths. Below, a ReLU follows each addition; a
closed gate stops the shortcut and the branch alike.

The unraveled view is that of Veit, Wilber and Belongie, "Residual Networks Behave Like Ensembles
of Relatively Shallow Networks", 2016, arXiv:1605.06431; the gates are ours, as is the drawing.
"""

from __future__ import annotations

from matplotlib.axes import Axes

from style import (
    ACTIVATION,
    BLUE,
    INK,
    LARGE,
    MUTED,
    NORMAL,
    VERMILLION,
    WIDTH,
    Point,
    arrow,
    box,
    label,
    plus,
    tint,
)
from svg import Drawing, write_svg

HEIGHT = 560
BLOCK, FIRST = 236, 62  # pixels from one block to the next; where x_0 stands
ABOVE, BELOW = 166, 424  # the two rows, in pixels from the top
BRANCH = 68  # from the shortcut up to the branch
SLOPES = ("a", "b", "c")
PATHS = ("1", "a", "b", "c", "ab", "ac", "bc", "abc")
GONE = tint(INK, 0.22)  # where no gradient comes by

TITLE = "Eight paths through three residual blocks, and one gate that closes them all"
ALT = (
    "Two rows, each with three residual blocks from x0 at the left to x3 and the loss at the right; arrows show the "
    "gradient, which travels from the right to the left. Each block has a straight shortcut and a branch above it, "
    "with slopes a, b and c. Above, nothing follows the additions: the gradient divides at each block, and eight paths "
    "arrive at x0, listed below the row: 1 (the direct path), a, b, c, ab, ac, bc, abc. Below, a ReLU follows each "
    "addition, drawn as a gate between the plus and the next x. The gates of the first and third block are open, that "
    "of the second is closed. Everything to the left of it is gray, shortcuts and branches, and all eight paths are "
    "crossed out: none arrives."
)
CAPTION = (
    "The gradient on its way back through three blocks, for one element of x. Nothing after the addition: eight paths. "
    "A ReLU after the addition: one closed gate ends all of them, the direct path included."
)


def draw(axes: Axes) -> None:
    """Draw both rows."""
    heading = "Nothing after the addition: 8 paths, and one of them is direct"
    label(axes, (20, 34), heading, size=LARGE, bold=True, align="left")
    draw_row(axes, ABOVE, gates=None)
    draw_paths(axes, ABOVE + 66, arrive=True)
    axes.plot([24, WIDTH - 24], [HEIGHT / 2 - 2] * 2, color=tint(INK, 0.2), linewidth=1)
    heading = "A ReLU after the addition: one closed gate, and none of the 8 arrives"
    label(axes, (20, 304), heading, size=LARGE, bold=True, align="left")
    draw_row(axes, BELOW, gates=(True, False, True))
    draw_paths(axes, BELOW + 76, arrive=False)


def draw_row(axes: Axes, y: float, gates: tuple[bool, ...] | None) -> None:
    """Draw three blocks and the gradient that comes back through them, from the right to the left."""
    end = FIRST + 3 * BLOCK
    label(axes, (end + 60, y), "loss", size=NORMAL, bold=True)
    arrow(axes, (end + 38, y), (end + 16, y), color=VERMILLION, width=2.6)
    label(axes, (end, y), "$x_3$", size=LARGE)
    arrives = True
    for number in (2, 1, 0):
        gate = None if gates is None else gates[number]
        arrives = draw_block(axes, (FIRST + number * BLOCK, y), number, gate, arrives)
        label(axes, (FIRST + number * BLOCK, y), f"$x_{number}$", size=LARGE, color=INK if arrives else MUTED)


def draw_block(axes: Axes, start: Point, number: int, gate: bool | None, arrives: bool) -> bool:
    """Draw one block and say whether the gradient gets through it.

    Parameters
    ----------
    axes : Axes
        The drawing.
    start : Point
        Where its input stands, in pixels.
    number : int
        0, 1 or 2.
    gate : bool or None
        Whether the gate after the addition is open; None if there is no gate.
    arrives : bool
        Whether a gradient arrives at the block's output.
    """
    x, y = start
    split, middle, end = x + 30, x + 76, x + BLOCK
    total = plus(axes, (x + 122 if gate is not None else x + 136, y))
    out = end - 16
    if gate is None:
        arrow(axes, (out, y), total.right, color=VERMILLION if arrives else GONE, width=2.6)
    else:
        place = box(axes, (x + 178, y), (34, 36), "1" if gate else "0", color=ACTIVATION if gate else INK)
        label(axes, (x + 178, y + 34), "open" if gate else "closed", bold=not gate, color=INK if arrives else MUTED)
        arrow(axes, (out, y), place.right, color=VERMILLION if arrives else GONE, width=2.6)
        arrives = arrives and gate
        arrow(axes, place.left, total.right, color=VERMILLION if arrives else GONE, width=2.6)
    arrow(axes, total.left, (x + 16, y), color=VERMILLION if arrives else GONE, width=2.6)
    branch = box(axes, (middle, y - BRANCH), (64, 40), color=BLUE if arrives else MUTED)
    label(axes, (middle, y - BRANCH), f"${SLOPES[number]}$", size=LARGE, color=INK if arrives else MUTED)
    color = BLUE if arrives else GONE
    arrow(axes, total.top, (total.x, y - BRANCH), branch.right, color=color, width=2.2)
    arrow(axes, branch.left, (split, y - BRANCH), (split, y - 3), color=color, width=2.2)
    return arrives


def draw_paths(axes: Axes, y: float, arrive: bool) -> None:
    """List the eight paths; cross them out if none arrives."""
    label(axes, (20, y), "at $x_0$:", size=NORMAL, align="left", backed=True)
    for number, path in enumerate(PATHS):
        color = (VERMILLION if path == "1" else BLUE) if arrive else MUTED
        place = box(axes, (136 + 92 * number, y), (62, 36), color=color, strength=0.14 if arrive else 0.04)
        name = path if path == "1" else rf"${' '.join(path)}$"
        label(axes, (place.x, y), name, size=LARGE, color=INK if arrive else MUTED)
        if not arrive:
            axes.plot([place.left[0] + 6, place.right[0] - 6], [y + 12, y - 12], color=INK, linewidth=1.8, zorder=6)
        if arrive and number < len(PATHS) - 1:
            label(axes, (place.x + 46, y), "+", size=NORMAL)


DRAWING = Drawing("gradient_paths", TITLE, ALT, HEIGHT, draw)

if __name__ == "__main__":
    print(write_svg(DRAWING))
