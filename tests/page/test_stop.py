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


def test_a_stoppable_training_ends_early_without_an_error_and_ends_its_cell(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(stop, "notebook_shell", lambda: shell)
    whole, stopped = stop.Stoppable(), stop.Stoppable()
    assert whole.interrupted
    with whole:
        pass
    steps = []
    with stopped:
        steps.append(1)
        raise KeyboardInterrupt
        steps.append(2)
    assert (steps, whole.interrupted, stopped.interrupted) == ([1], False, True)
    with pytest.raises(KeyboardInterrupt, match="a training of this cell was stopped"):
        with stop.Stoppable():
            raise AssertionError("the cell's next training has begun")
    shell.begin_cell()
    with stop.Stoppable():
        pass


def test_an_error_in_a_stoppable_training_is_not_hidden():
    run = stop.Stoppable()
    with pytest.raises(ZeroDivisionError):
        with run:
            1 / 0
    assert run.interrupted
