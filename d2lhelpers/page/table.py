"""A table of text and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any


def show_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Show a table in the notebook, in Markdown, so that it can be read on every page.

    Parameters
    ----------
    headings : sequence of str
        One for each column.
    rows : iterable of sequences
        Whole numbers get thousands separators, other numbers three significant digits, and both are
        aligned to the right, as is text that reads as a number ("28.54"); everything else is shown as text.

    Raises
    ------
    ValueError
        If there is no row, or a row has more or fewer cells than there are headings.
    """
    rows = [list(row) for row in rows]
    if not rows:
        raise ValueError("a table needs a row; got none")
    for row in rows:
        if len(row) != len(headings):
            raise ValueError(f"{len(headings)} headings, but a row of {len(row)}: {row}")
    from IPython.display import display

    numeric = [all(_reads_as_number(row[column]) for row in rows) for column in range(len(headings))]
    lines = [
        headings,
        ["---:" if right else "---" for right in numeric],
        *([_shown(cell) for cell in row] for row in rows),
    ]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    display({"text/markdown": text, "text/plain": text}, raw=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _reads_as_number(value: Any) -> bool:
    """Whether a cell belongs on the right: a number, such a text, or nothing."""
    return _is_number(value) or isinstance(value, str) and re.fullmatch(r"([-−±]?[\d.,]+( ?%)?)?", value) is not None


def _shown(value: Any) -> str:
    """Return one cell as text; a bar would end the cell."""
    if _is_number(value):
        return (
            f"{value:,}"
            if isinstance(value, Integral)
            else f"{value:,.0f}"
            if 1000 <= abs(value) < 1e15
            else f"{value:.3g}"
        )
    return str(value).replace("|", "\\|")
