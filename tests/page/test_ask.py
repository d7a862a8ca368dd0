"""Bets and guesses: buttons that the page remembers."""

from __future__ import annotations

import sys

import pytest
from ipywidgets import Label, ToggleButtons, VBox

from d2lhelpers import page

OPTIONS = ["plain 8", "residual 8"]


@pytest.fixture
def shown(monkeypatch):
    """Forget what was asked, and return the list of the forms that are shown from now on."""
    forms = []
    monkeypatch.setattr("IPython.display.display", forms.append)
    sys.modules["d2lhelpers.page.ask"]._asked.clear()
    return forms


def labels(form: VBox) -> list[Label]:
    return [row.children[0] for row in form.children]


def buttons(form: VBox) -> list[ToggleButtons]:
    return [row.children[1] for row in form.children]


def test_nothing_is_chosen_before_the_reader_chooses(shown):
    bets = page.ask(["lowest", "highest"], OPTIONS)
    assert bets == {"lowest": None, "highest": None}
    assert [label.value for label in labels(shown[0])] == ["lowest", "highest"]
    assert [(row.options, row.value) for row in buttons(shown[0])] == [(tuple(OPTIONS), None)] * 2


def test_the_answers_follow_the_buttons(shown):
    bets = page.ask(["lowest", "highest"], OPTIONS)
    buttons(shown[0])[1].value = "plain 8"
    assert bets == {"lowest": None, "highest": "plain 8"}
    buttons(shown[0])[1].value = "residual 8"
    assert bets == {"lowest": None, "highest": "residual 8"}


def test_running_all_cells_again_takes_no_bet_back(shown):
    buttons((page.ask(iter(["lowest", "highest"]), iter(OPTIONS)), shown[0])[1])[0].value = "plain 8"
    bets = page.ask(["lowest", "highest"], OPTIONS)
    assert bets == {"lowest": "plain 8", "highest": None}
    assert [row.value for row in buttons(shown[1])] == ["plain 8", None]
    buttons(shown[1])[0].value = "residual 8"  # and it can be changed
    assert bets["lowest"] == "residual 8"


def test_another_question_or_other_options_begin_anew(shown):
    page.ask(["lowest"], OPTIONS)["lowest"] = "plain 8"
    assert page.ask(["lowest"], [*OPTIONS, "plain 20"]) == {"lowest": None}
    assert page.ask(["highest"], OPTIONS) == {"highest": None}
    assert page.ask(["lowest"], OPTIONS) == {"lowest": "plain 8"}


def test_an_answer_can_be_given_by_code_and_one_that_is_no_option_breaks_nothing(shown):
    page.ask(["lowest"], OPTIONS)["lowest"] = "the widest"
    assert page.ask(["lowest"], OPTIONS) == {"lowest": "the widest"}
    assert buttons(shown[1])[0].value is None


def test_labels_are_equally_wide_and_have_room_for_the_longest(shown):
    page.ask(["plain, norm", "residual, small"], OPTIONS)
    assert {label.layout.min_width for label in labels(shown[0])} == {"16ch"}


def test_without_ipywidgets_the_page_goes_on(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    bets = page.ask(["lowest"], ["one", "two"])
    assert bets == {"lowest": None}
    assert "one, two" in capsys.readouterr().out
    bets["lowest"] = "two"
    assert page.ask(["lowest"], ["one", "two"])["lowest"] == "two"


def test_in_a_notebook_the_form_is_the_output_and_the_answers_are_kept(run_notebook):
    cells = run_notebook(
        "from d2lhelpers import page\nbets = page.ask(['lowest'], ['one', 'two'])",
        "bets['lowest'] = 'two'",
        "bets = page.ask(['lowest'], ['one', 'two'])\nprint(bets)",
    )
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in cells[0].outputs)
    assert [output.text for output in cells[2].outputs if output.output_type == "stream"] == ["{'lowest': 'two'}\n"]
