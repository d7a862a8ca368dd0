"""What shows things in a notebook: figures, drawings, questions, and output that changes in place."""

from d2lhelpers.page.ask import ask
from d2lhelpers.page.live_output import LiveOutput
from d2lhelpers.page.plotting import (
    LINE_STYLES,
    OKABE_ITO,
    label_line_ends,
    picture,
    show_drawing,
    show_figure,
    subplots,
)
from d2lhelpers.page.progress_line import ProgressLine

__all__ = [
    "LINE_STYLES", "OKABE_ITO", "LiveOutput", "ProgressLine", "ask", "label_line_ends", "picture", "show_drawing",
    "show_figure", "subplots",
]  # fmt: skip
