"""A stopped training: the cell's other trainings, and what is made from it. In a kernel: `tests/test_train.py`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from d2lhelpers import History
from d2lhelpers.page import stop


class Shell:
    """Stands in for IPython's shell."""

    def __init__(self) -> None:
        self.callbacks = []
        self.events = self

    def register(self, event, callback) -> None:
        assert event == "pre_run_cell"
        self.callbacks.append(callback)

    def unregister(self, event, callback) -> None:
        self.callbacks.remove(callback)

    def begin_cell(self) -> None:
        for callback in list(self.callbacks):
            callback()


def test_a_stop_is_remembered_to_the_end_of_its_cell(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(stop, "notebook_shell", lambda: shell)
    stop.end_cell_if_stopped()
    stop.remember_stop()
    stop.remember_stop()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt, match="a training of this cell was stopped"):
            stop.end_cell_if_stopped()
    shell.begin_cell()
    stop.end_cell_if_stopped()
    assert shell.callbacks == []


def test_without_cells_nothing_is_remembered():
    stop.remember_stop()
    stop.end_cell_if_stopped()


WHOLE, STOPPED = History(), History(interrupted=True)


@pytest.mark.parametrize(
    "runs, expected",
    [
        (None, False), (WHOLE, False), (STOPPED, True), ([WHOLE, STOPPED], True), ([], False), ((WHOLE,), False),
        ({"a": WHOLE, ("b", 1): STOPPED}, True), ({0: [WHOLE, WHOLE], 1: {"x": STOPPED}}, True),
        ((run for run in (WHOLE, STOPPED)), True), (SimpleNamespace(interrupted=True), True),
    ],
)  # fmt: skip
def test_one_interrupted_run_is_enough(runs, expected):
    assert stop.any_interrupted(runs) is expected


@pytest.mark.parametrize("runs", [3, "history", [WHOLE, 0.5], {"a": "b"}])
def test_what_is_no_history_is_refused(runs):
    with pytest.raises(TypeError, match="runs must be one history or several"):
        stop.any_interrupted(runs)
