"""show_table: one form for every table."""

from __future__ import annotations

import IPython.display
import pytest

from d2lhelpers.page import show_table


@pytest.fixture
def shown(monkeypatch):
    """The texts that are displayed, as Markdown."""
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    return shown


def test_numbers_are_grouped_rounded_and_on_the_right(shown):
    show_table(["net", "parameters", "loss"], [["plain", 1234567, 0.123456], ["residual", 8, 12345.6]])
    assert shown[0]["text/markdown"].splitlines() == [
        "| net | parameters | loss |",
        "| --- | ---: | ---: |",
        "| plain | 1,234,567 | 0.123 |",
        "| residual | 8 | 12,346 |",
    ]
    assert shown[0]["text/plain"] == shown[0]["text/markdown"]


def test_text_stays_as_it_is_and_empty_cells_do_not_move_a_column(shown):
    show_table(["a", "b"], [["$x$", 1], [True, ""]])
    assert shown[0]["text/plain"].splitlines()[1:] == ["| --- | ---: |", "| $x$ | 1 |", "| True |  |"]


def test_a_bar_in_a_cell_does_not_end_it(shown):
    show_table(["a"], [["|x|"]])
    assert "\\|x\\|" in shown[0]["text/plain"]


@pytest.mark.parametrize(("rows", "message"), [([], "needs a row"), ([[1, 2], [1]], "2 headings, but a row of 1")])
def test_rows_that_do_not_fit_are_refused(shown, rows, message):
    with pytest.raises(ValueError, match=message):
        show_table(["a", "b"], rows)
    assert not shown


def test_text_that_reads_as_a_number_stands_on_the_right(shown):
    show_table(["error", "change", "net"], [["28.54", "−0.5 %", "18"], ["", 3, "34, twice"]])
    assert shown[0]["text/plain"].splitlines()[1:] == [
        "| ---: | ---: | --- |",
        "| 28.54 | −0.5 % | 18 |",
        "|  | 3 | 34, twice |",
    ]
