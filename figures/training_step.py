"""Draw one training step on a timeline: what Python does, and what the device does meanwhile.

Above, the loop reads no number, so Python runs ahead and the device always has work. Below, a
`loss.item()` after each step makes Python wait, and the device has nothing to do until the next lines
have been sent to it.

Lengths are chosen to show the order of things; they are no measurement. That PyTorch puts work for a GPU
in a queue, and what waits for it, is told in its notes, section "Asynchronous execution"
(https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution). The drawing is our own.
"""

from __future__ import annotations

from matplotlib.axes import Axes

from style import BLUE, GREEN, INK, LARGE, MUTED, NORMAL, ORANGE, VERMILLION, WIDTH, arrow, box, label, tint
from svg import Drawing, write_svg

HEIGHT = 446
START = 112  # where the first line of Python begins, in pixels from the left
DELAY = 30  # from sending the first line to its beginning on the device
BAR = 36  # height of a box
LINES = {  # name: (color, pixels in Python, pixels on the device)
    "forward": (BLUE, 64, 92),
    "loss": (ORANGE, 44, 44),
    "backward": (VERMILLION, 78, 142),
    "step": (GREEN, 44, 56),
}
PYTHON_STEP = sum(python for _, python, _ in LINES.values())
DEVICE_STEP = sum(device for _, _, device in LINES.values())

TITLE = "One training step on a timeline, with and without reading a number"
ALT = (
    "Two timelines, each with a row for Python and a row for the device; time runs to the right. In both, Python sends "
    "forward, loss, backward and step of batch 1, and the device computes them a little later and more slowly. "
    "(a) No number is read: Python goes on with batch 2 and batch 3 at once, while the device still computes batch 1, "
    "and the device computes batch 2 directly after batch 1. (b) With loss.item() after each step: Python waits until "
    "the device has finished batch 1, and only then sends batch 2; until that arrives, the device is idle."
)
CAPTION = "One training step on a timeline. Lengths show the order of things; they are no measurement."


def draw(axes: Axes) -> None:
    """Draw both timelines, one below the other."""
    draw_timeline(axes, 28, "(a) no number is read: Python runs ahead, the device never waits", reads=False)
    axes.plot([24, WIDTH - 24], [212, 212], color=tint(INK, 0.2), linewidth=1)
    draw_timeline(axes, 244, "(b) loss.item() after each step: Python waits, then the device does", reads=True)
    arrow(axes, (START, HEIGHT - 30), (WIDTH - 24, HEIGHT - 30), color=MUTED)
    label(axes, (START + 4, HEIGHT - 14), "time", color=MUTED, align="left")


def draw_timeline(axes: Axes, top: float, title: str, reads: bool) -> None:
    """Draw the row of Python and the row of the device.

    Parameters
    ----------
    axes : Axes
        The drawing.
    top : float
        Middle of the title, in pixels from the top.
    title : str
        What is to be seen.
    reads : bool
        Whether Python reads the loss after each step.
    """
    python, device = top + 60, top + 126
    label(axes, (24, top), title, size=LARGE, bold=True, align="left")
    label(axes, (24, python), "Python", size=NORMAL, align="left")
    label(axes, (24, device), "device", size=NORMAL, align="left")
    device_end = START + DELAY + DEVICE_STEP
    draw_step(axes, START, python, 0, "batch 1 is sent")
    draw_step(axes, START + DELAY, device, 1, "batch 1 is computed")
    if reads:
        sent = START + PYTHON_STEP
        draw_idle(axes, sent, device_end, python, "loss.item() waits")
        draw_step(axes, device_end, python, 0, "batch 2 is sent")
        draw_idle(axes, device_end, device_end + DELAY, device, "idle")
        draw_step(axes, device_end + DELAY, device, 1, "batch 2 is computed")
    else:
        draw_step(axes, START + PYTHON_STEP, python, 0, "batch 2 is sent")
        draw_step(axes, START + 2 * PYTHON_STEP, python, 0, "batch 3 is sent")
        draw_step(axes, device_end, device, 1, "batch 2 is computed")


def draw_step(axes: Axes, left: float, middle: float, row: int, caption: str) -> None:
    """Draw the four lines of a step from `left` on; `row` is 0 for Python, 1 for the device."""
    x = left
    for name, (color, *lengths) in LINES.items():
        length = lengths[row]
        box(axes, (x + length / 2, middle), (length - 2, BAR), color=color, strength=0.16 if row == 0 else 0.42)
        label(axes, (x + length / 2, middle), name)
        x += length
    label(axes, (left + 2, middle - BAR / 2 - 11), caption, color=MUTED, align="left")


def draw_idle(axes: Axes, left: float, right: float, middle: float, text: str) -> None:
    """Draw a span in which nothing is done."""
    middle_of_span, below = (left + right) / 2, BAR / 2 + 11 if right - left < 60 else 0
    box(axes, (middle_of_span, middle), (right - left - 2, BAR), color=MUTED, strength=0.0, dotted=True)
    label(axes, (middle_of_span, middle + below), text)


DRAWING = Drawing("training_step", TITLE, ALT, HEIGHT, draw)

if __name__ == "__main__":
    print(write_svg(DRAWING))
