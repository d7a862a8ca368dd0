"""What shows things in a notebook: figures, drawings, questions, and output that changes in place."""

from d2lhelpers.page.ask import ask
from d2lhelpers.page.live_output import LiveOutput
from d2lhelpers.page.plotting import (
    BLACK,
    BLUE,
    GREEN,
    LINE_STYLES,
    OKABE_ITO,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    label_line_ends,
    picture,
    show_drawing,
    show_figure,
    subplots,
)
from d2lhelpers.page.progress_line import ProgressLine
from d2lhelpers.page.stop import Stoppable
from d2lhelpers.page.table import show_table

__all__ = [
    "BLACK", "BLUE", "GREEN", "LINE_STYLES", "OKABE_ITO", "ORANGE", "PURPLE", "SKY", "VERMILLION", "LiveOutput",
    "ProgressLine", "Stoppable", "ask", "label_line_ends", "picture", "show_drawing", "show_figure", "show_table",
    "subplots",
]  # fmt: skip
