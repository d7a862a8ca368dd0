"""LiveOutput: one output of a cell, redrawn in place no oftener than it is worth. Real kernels: test_animator.py."""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace

import IPython
import IPython.display
import pytest

from d2lhelpers.page import live_output
from d2lhelpers.page.live_output import LiveOutput, notebook_shell


class Events:
    """The events of a shell: what IPython calls when a cell ends."""

    def __init__(self):
        self.at_cell_end = []

    def register(self, name, function):
        assert name == "post_execute"
        self.at_cell_end.append(function)

    def unregister(self, name, function):
        self.at_cell_end.remove(function)

    def end_cell(self):
        for function in list(self.at_cell_end):
            function()


class Notebook:
    """A notebook that keeps what is shown, and a clock that a test sets."""

    def __init__(self):
        self.now = 50.0
        self.events = Events()
        self.shown: list[str] = []  # every state that was drawn
        self.outputs = 0
        self.publisher = SimpleNamespace(clear_output=lambda wait=False: None)
        self.run_cell("first")

    def run_cell(self, name):
        self.publisher.parent_header = {"msg_id": name, "msg_type": "execute_request"}

    def call_back(self, name):
        """Let a widget call a function, while no cell runs."""
        self.publisher.parent_header = {"msg_id": name, "msg_type": "comm_msg"}

    def display(self, data, metadata, raw, display_id):
        assert raw and display_id
        self.outputs += 1
        self.shown.append(data["text/plain"])
        return SimpleNamespace(update=lambda data, metadata, raw: self.shown.append(data["text/plain"]))


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    shell = SimpleNamespace(kernel=object(), events=notebook.events, display_pub=notebook.publisher)
    monkeypatch.setattr(live_output, "notebook_shell", lambda: shell)
    monkeypatch.setattr(IPython.display, "display", notebook.display)
    monkeypatch.setattr(time, "perf_counter", lambda: notebook.now)
    return notebook


class Counter:
    """A thing to show: its state is a number, and drawing it takes some seconds."""

    def __init__(self, notebook, cost=0.0):
        self.state, self.notebook, self.cost = 0, notebook, cost
        self.output = LiveOutput(self.render)

    def render(self):
        self.notebook.now += self.cost
        return {"text/plain": str(self.state)}, {}

    def change(self):
        self.state += 1
        self.output.changed()


def test_the_first_state_is_shown_at_once(notebook):
    Counter(notebook).change()
    assert notebook.shown == ["1"]


def test_redraws_are_at_least_a_pause_apart_however_often_something_changes(notebook):
    counter = Counter(notebook)
    for _ in range(1000):  # ten seconds
        counter.change()
        notebook.now += 0.01
    assert counter.output.redraws == len(notebook.shown)
    assert 10 <= len(notebook.shown) <= 10 / LiveOutput.SHORTEST_PAUSE + 1
    assert notebook.outputs == 1


def test_slow_drawing_takes_at_most_a_tenth_of_the_time(notebook):
    counter = Counter(notebook, cost=0.5)
    start = notebook.now
    while notebook.now < start + 100:
        counter.change()
        notebook.now += 0.1
    assert 0.5 * len(notebook.shown) <= 0.1 * (notebook.now - start) + 0.5
    assert len(notebook.shown) >= 10


def test_the_last_state_is_drawn_when_the_cell_ends(notebook):
    counter = Counter(notebook)
    for _ in range(5):
        counter.change()
    assert notebook.shown == ["1"]
    notebook.events.end_cell()
    assert notebook.shown == ["1", "5"]


def test_after_the_end_of_a_cell_nothing_keeps_listening(notebook):
    counter = Counter(notebook)
    counter.change()
    counter.change()
    assert len(notebook.events.at_cell_end) == 1
    notebook.events.end_cell()
    assert notebook.events.at_cell_end == []
    notebook.events.end_cell()
    assert notebook.shown == ["1", "2"]


def test_drawing_on_demand_does_not_wait_and_leaves_nothing_to_do(notebook):
    counter = Counter(notebook)
    for _ in range(3):
        counter.change()
    counter.output.draw()
    assert notebook.shown == ["1", "3"]
    assert notebook.events.at_cell_end == []


# Where it is shown


def test_a_later_cell_that_goes_on_shows_it_anew(notebook):
    counter = Counter(notebook)
    counter.change()
    notebook.events.end_cell()
    notebook.run_cell("second")
    counter.change()
    notebook.events.end_cell()
    assert (notebook.shown, notebook.outputs) == (["1", "2"], 2)


def test_a_callback_between_cells_changes_what_is_shown_and_draws_its_last_state(notebook):
    counter = Counter(notebook)
    counter.change()
    notebook.events.end_cell()
    notebook.call_back("click")
    counter.change()
    counter.change()
    notebook.events.end_cell()
    assert (notebook.shown, notebook.outputs) == (["1", "3"], 1)


def test_a_thread_goes_on_where_it_began_while_other_cells_run(notebook):
    counter = Counter(notebook)
    counter.change()
    notebook.run_cell("second")
    notebook.now += 60
    thread = threading.Thread(target=counter.change)
    thread.start()
    thread.join()
    assert (notebook.shown, notebook.outputs) == (["1", "2"], 1)


def test_what_the_running_cell_clears_is_shown_again_at_its_end(notebook):
    first, second = Counter(notebook), Counter(notebook)
    for counter in (first, second):
        counter.change()
    notebook.publisher.clear_output()
    assert notebook.outputs == 2
    notebook.events.end_cell()
    assert (notebook.shown, notebook.outputs) == (["1", "1", "1", "1"], 4)


def test_clearing_another_cell_changes_nothing(notebook):
    counter = Counter(notebook)
    counter.change()
    notebook.run_cell("second")
    notebook.publisher.clear_output()
    notebook.events.end_cell()
    assert (notebook.shown, notebook.outputs) == (["1"], 1)


def test_clearing_tells_the_notebook_once_however_many_outputs_there_are(notebook):
    cleared = []
    notebook.publisher.clear_output = lambda wait=False: cleared.append(wait)
    for _ in range(3):
        Counter(notebook).change()
    notebook.publisher.clear_output(wait=True)
    assert cleared == [True]


def test_two_outputs_do_not_disturb_each_other(notebook):
    first, second = Counter(notebook), Counter(notebook)
    for counter in (first, second, first, first, second):
        counter.change()
    notebook.events.end_cell()
    assert notebook.shown == ["1", "1", "3", "2"]
    assert notebook.outputs == 2


def test_nothing_is_rendered_outside_a_notebook(monkeypatch):
    monkeypatch.setattr(live_output, "notebook_shell", lambda: None)

    def render():
        raise AssertionError("rendered for nobody")

    output = LiveOutput(render)
    output.changed()
    output.draw()
    assert output.redraws == 0


@pytest.mark.parametrize(
    "shell, is_notebook", [(None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=1), True)]
)
def test_only_a_shell_with_a_kernel_is_a_notebook(monkeypatch, shell, is_notebook):
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert (notebook_shell() is not None) is is_notebook


def test_ipython_is_not_imported_to_find_out(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook_shell() is None
    assert "IPython" not in sys.modules
