"""Animator: the book's growing lines, drawn in place, in a notebook and in a plain script."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace

import d2l.torch as book
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lhelpers import Animator

VALUE = st.none() | st.floats(-1e3, 1e3)


def drawn(animator: Animator, line: int = 0) -> tuple[list[float], list[float]]:
    """Return the points of one line that Matplotlib gets."""
    animator.draw()
    x, y = animator._lines[line].get_data()
    return list(x), list(y)


# The points


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(0, 10), VALUE, VALUE, VALUE), min_size=1, max_size=6))
def test_points_are_those_that_the_book_keeps(rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "use_svg_display", lambda: None)  # gone in IPython 9
        patch.setattr(book, "display", SimpleNamespace(display=lambda figure: None, clear_output=lambda wait: None))
        books = book.Animator(xlabel="epoch", xlim=[1, 10], legend=["train loss", "train acc", "test acc"])
        ours = Animator(xlabel="epoch", xlim=[1, 10], legend=["train loss", "train acc", "test acc"])
        for x, *y in rows:
            books.add(x, y)
            ours.add(x, tuple(y))
        book.plt.close(books.fig)
    assert ours.X == books.X
    assert ours.Y == books.Y


def test_none_gives_a_line_no_point():
    animator = Animator()
    animator.add(1, (0.5, None))
    animator.add([2, None], (None, 0.7))
    animator.add(3, (0.4, 0.8))
    assert animator.X == [[1, 3], [3]]
    assert animator.Y == [[0.5, 0.4], [0.8]]


@pytest.mark.parametrize(
    "y",
    [
        0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor(0.5, requires_grad=True),
        [0.5], (0.5,), torch.tensor([0.5]),
    ],
)  # fmt: skip
def test_a_single_line_takes_any_kind_of_number(y):
    animator = Animator()
    animator.add(1, y)
    assert (animator.X, animator.Y) == ([[1.0]], [[0.5]])
    assert type(animator.Y[0][0]) is float


def test_every_line_can_have_an_x_of_its_own():
    animator = Animator()
    animator.add([1, 2], [3, 4])
    assert animator.X == [[1], [2]]


@pytest.mark.parametrize("count", [1, 4, 5, 12])
def test_any_number_of_lines_is_drawn_and_told_apart(count):
    animator = Animator(legend=[f"line {i}" for i in range(count)])
    for x in range(3):
        animator.add(x, [x + i for i in range(count)])
    animator.draw()
    looks = {(line.get_color(), line.get_linestyle()) for line in animator._lines}
    assert len(animator._lines) == len(animator.axes[0].get_lines()) == count
    assert min(count, 8) <= len(looks)
    assert [drawn(animator, i)[1] for i in range(count)] == [[i, i + 1, i + 2] for i in range(count)]
    assert len(animator.axes[0].get_legend().get_texts()) == count


def test_the_books_formats_are_used_in_turn():
    animator = Animator(fmts=("-", "m--"))
    animator.add(0, [1, 2, 3])
    assert [line.get_linestyle() for line in animator._lines] == ["-", "--", "-"]
    assert animator._lines[1].get_color() == "m"


# The axes


def test_xlim_hides_no_point():
    animator = Animator(xlim=[1, 10], ylim=[0, 1])  # the book's own limits hide the first epoch
    animator.add(0.2, 1.7)
    animator.add(12, -0.5)
    animator.draw()
    assert animator.axes[0].get_xlim() == (0.2, 12)
    assert animator.axes[0].get_ylim() == (-0.5, 1.7)


def test_xlim_is_kept_where_it_shows_every_point():
    animator = Animator(xlim=[0, 10])
    animator.add(1, 5)
    animator.add(2, 6)
    animator.draw()
    assert animator.axes[0].get_xlim() == (0, 10)
    low, high = animator.axes[0].get_ylim()
    assert low <= 5 and high >= 6


def test_limits_hold_before_there_is_a_point_and_with_values_that_are_not_finite():
    animator = Animator(xlim=[0, 10], ylim=[0, 1])
    animator.draw()
    assert animator.axes[0].get_xlim() == (0, 10)
    animator.add(1, math.nan)
    animator.add(2, math.inf)
    animator.draw()
    assert animator.axes[0].get_xlim() == (0, 10)
    assert animator.axes[0].get_ylim() == (0, 1)


@pytest.mark.parametrize("wanted, limits", [([1, 0], (1, -0.5)), ([2, 0], (2, -0.5)), ((0.2, 0.1), (1, -0.5))])
def test_limits_with_the_higher_one_first_turn_the_axis_upside_down(wanted, limits):
    animator = Animator(ylim=wanted)
    animator.add(0, 1)
    animator.add(1, -0.5)
    animator.draw()
    assert animator.axes[0].get_ylim() == limits


@pytest.mark.filterwarnings("error")
def test_limits_that_are_equal_leave_room_for_the_point_between_them():
    animator = Animator(xlim=[1, 1])  # the book's [1, num_epochs], for one epoch
    animator.draw()
    animator.add(1, 0.5)
    animator.draw()
    low, high = animator.axes[0].get_xlim()
    assert low < 1 < high


def test_limits_that_the_learner_sets_on_a_panel_stay():
    animator = Animator()
    animator.add(0, 1)
    animator.axes[0].set_ylim(-3, 3)
    animator.add(1, 9)
    animator.draw()
    assert animator.axes[0].get_ylim() == (-3, 3)


def test_labels_and_scales_are_set():
    animator = Animator(xlabel="epoch", ylabel="loss", xscale="log", yscale="log")
    animator.add(1, 10)
    panel = animator.axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("epoch", "loss")
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")


@pytest.mark.parametrize("nrows, ncols", [(1, 2), (2, 1), (2, 2)])
def test_each_panel_gets_a_line_and_the_last_one_the_rest(nrows, ncols):
    animator = Animator(nrows=nrows, ncols=ncols, legend=list("abcde"))
    animator.add(0, [1, 2, 3, 4, 5])
    panels = nrows * ncols
    assert [len(panel.get_lines()) for panel in animator.axes] == [1] * (panels - 1) + [5 - panels + 1]
    assert all(panel.get_legend() is not None for panel in animator.axes)


def test_a_panel_more_than_lines_stays_empty():
    animator = Animator(nrows=1, ncols=3)
    animator.add(0, [1, 2])
    animator.draw()
    assert [len(panel.get_lines()) for panel in animator.axes] == [1, 1, 0]


def test_nan_breaks_a_line_and_moves_no_limit():
    animator = Animator(xlim=[0, 2])
    for x, y in ((0.5, 3.0), (1, 2.0), (1, math.nan), (1.5, 1.0), (2, 0.5)):
        animator.add(x, y)
    assert drawn(animator)[0] == [0.5, 1, 1, 1.5, 2]
    assert np.isnan(drawn(animator)[1]).tolist() == [False, False, True, False, False]
    assert animator.axes[0].get_xlim() == (0, 2)
    low, high = animator.axes[0].get_ylim()
    assert low < 0.5 and high > 3
    assert "0.5 at x 2" in animator.description()


def test_a_marker_at_the_edge_is_drawn_whole_and_none_outside_of_limits_that_the_learner_set():
    animator = Animator(xlim=[0, 2])
    animator.add(2, 1)
    animator.draw()
    assert not animator._lines[0].get_clip_on()
    animator.axes[0].set_ylim(2, 3)
    animator.draw()
    assert animator._lines[0].get_clip_on()


def test_ticks_are_whole_numbers_where_there_are_two_of_them():
    for xlim, whole in (([0, 2], True), ([0, 3], True), ([0, 0.4], False)):
        animator = Animator(xlim=xlim)
        animator.draw()
        ticks = [tick for tick in animator.axes[0].get_xticks() if xlim[0] <= tick <= xlim[1]]
        assert len(ticks) >= 2 and all(tick == round(tick) for tick in ticks) is whole


# Wrong counts


@pytest.mark.parametrize("x, y", [(2, [1]), (2, [1, 2, 3]), ([1, 2, 3], [1, 2]), ([1], [1, 2]), (2, 1)])
def test_a_wrong_count_of_values_raises_and_adds_nothing(x, y):
    animator = Animator()
    animator.add(1, [1, 2])
    with pytest.raises(ValueError, match="draws 2 lines"):
        animator.add(x, y)
    assert animator.X == [[1], [1]]


@pytest.mark.parametrize("y", [1, [1], [1, 2, 3]])
def test_a_legend_that_names_another_number_of_lines_raises(y):
    with pytest.raises(ValueError, match="legend names 2 lines"):
        Animator(legend=["a", "b"]).add(1, y)


# The text alternative


def test_the_text_alternative_states_the_last_values():
    animator = Animator(xlabel="epoch", legend=["train loss", "test acc", "other"])
    animator.add(1, (0.51234, None, None))
    animator.add(2, (0.31234, 0.9, None))
    data, metadata = animator._render()
    expected = "Line plot, last values: train loss 0.312 at epoch 2; test acc 0.9 at epoch 2; other no point yet."
    assert animator.description() == data["text/plain"] == metadata["image/png"]["alt"] == expected
    assert f'alt="{expected}"' in data["text/html"]


def test_the_text_alternative_speaks_of_lines_without_a_legend():
    animator = Animator()
    assert "without points" in animator.description()
    animator.add(1, [2, 3])
    assert "line 1 2 at x 1; line 2 3 at x 1" in animator.description()


# Many points


def test_all_of_ten_thousand_points_are_kept_and_drawn():
    animator = Animator()
    for i in range(10_000):
        animator.add(i, [math.sin(i), i % 7])
    assert [len(x) for x in animator.X] == [10_000] * 2
    assert [drawn(animator, i) for i in (0, 1)] == list(zip(animator.X, animator.Y))


# In a plain script


def test_a_plain_script_prints_nothing_and_can_save_the_figure(tmp_path):
    script = """
from d2lhelpers import Animator
animator = Animator(xlabel="epoch", legend=["loss"])
for i in range(20):
    animator.add(i, i)
animator.draw()
animator.fig.savefig("lines.png")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "lines.png").read_bytes().startswith(b"\x89PNG")


# In a notebook


CELLS = {
    "imports": "from d2lhelpers import Animator",
    "one": """
print("printed before")
animator = Animator(xlabel="epoch", legend=["loss", "accuracy"])
for i in range(400):
    animator.add(i, (2 * i, None if i % 2 else i))
    if i == 200:
        print("printed between")
print("printed after")""",
    "redraws": "print(animator._output.redraws)",
    "exception": """# raises
failing = Animator(legend=["loss"])
for i in range(50):
    failing.add(i, i)
raise ValueError("on purpose")""",
    "interrupt": """# raises
interrupted = Animator(legend=["loss"])
for i in range(50):
    interrupted.add(i, i)
raise KeyboardInterrupt""",
    "two": """
first, second = Animator(legend=["first"]), Animator(legend=["second"])
for i in range(50):
    first.add(i, i)
    second.add(i, -i)""",
    "several cells": "grows = Animator(legend=['loss'])\nfor i in range(5): grows.add(i, i)",
    "later": "for i in range(5, 99): grows.add(i, i)",
    "cleared": """
from IPython.display import clear_output
cleared = Animator(xlabel="epoch", legend=["loss"])
for i in range(5):
    cleared.add(i, i)
    clear_output(wait=True)
    print("epoch", i)""",
    "cleared, then drawn": "grows.draw()\nclear_output()\ngrows.draw()",
    "drawn, then cleared": "grows.draw()\nclear_output()",
    "widgets": """
import ipywidgets
from IPython.display import display
from d2lhelpers.page import ProgressLine

def seen_in(output):
    \"""Print what an Output shows: what was printed there, and the text of the widgets in it.\"""
    widgets = ipywidgets.Widget.get_manager_state()["state"]
    for shown in output.outputs:
        if shown["output_type"] == "stream":
            print("printed:", shown["text"].strip())
        else:
            html = widgets[shown["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]]["state"]["value"]
            print("shown:", html.split('alt="')[-1].split('"')[0])

states = []  # what the browser is sent after the first state
output, decorated, mixed, wiped = (ipywidgets.Output() for _ in range(4))
display(output, decorated, mixed, wiped)""",
    "with output": """
with output:
    print("before")
    inside, line = Animator(legend=["loss"]), ProgressLine()
    inside._output.PAUSE_IN_COSTS = inside._output.SHORTEST_PAUSE = 0  # draw every state
    inside.add(0, 0)
    inside._output._handle.widget.observe(lambda change: states.append(change["new"]), "value")
    for i in range(1, 20):
        inside.add(i, i)
        line.show(f"step {i}")
    print("after")""",
    "seen with output": "seen_in(output)\nprint('states:', len(set(states)))",
    "capture": """
@decorated.capture()
def learn():
    animator = Animator(legend=["loss"])
    for i in range(20):
        animator.add(i, i)
    animator.draw()
learn()""",
    "seen with capture": "seen_in(decorated)",
    "interact": """
@ipywidgets.interact(n=ipywidgets.IntSlider(3))
def learn(n):
    animator = Animator(legend=["loss"])
    for i in range(n):
        animator.add(i, i)
slider = learn.widget.children[0]""",
    "seen with interact": "seen_in(learn.widget.out)",
    "slider moved": "slider.value = 30",
    "seen after moving": "seen_in(learn.widget.out)",
    "begun outside": """
outside = Animator(legend=["loss"])
outside.add(0, 0)
with mixed:
    for i in range(1, 20):
        outside.add(i, i)""",
    "seen of mixed": "seen_in(mixed)",
    "output cleared": """
with wiped:
    gone = Animator(legend=["loss"])
    for i in range(20):
        gone.add(i, i)
        clear_output(wait=True)
        print("epoch", i)""",
    "seen of wiped": "seen_in(wiped)",
    "still listening": "print(get_ipython().events.callbacks['post_execute'])",
}


@pytest.fixture(scope="module")
def cells(run_notebook):
    return dict(zip(CELLS, run_notebook(*CELLS.values())))


def pictures(cell) -> list:
    return [output for output in cell.outputs if output.output_type == "display_data"]


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_a_cell_has_one_picture_and_records_the_last_state(cells):
    (picture,) = pictures(cells["one"])
    expected = "Line plot, last values: loss 798 at epoch 399; accuracy 398 at epoch 398."
    assert picture.data["text/plain"] == expected
    assert f'alt="{expected}"' in picture.data["text/html"]
    assert picture.metadata["image/png"]["alt"] == expected
    assert picture.data["image/png"]


def test_what_was_printed_before_the_picture_stays(cells):
    assert printed(cells["one"]).split("\n") == ["printed before", "printed between", "printed after", ""]
    assert cells["one"].outputs[0].output_type == "stream"  # and in its place


def test_redraws_are_throttled(cells):
    assert 1 < int(printed(cells["redraws"])) < 100


@pytest.mark.parametrize("name, error", [("exception", "ValueError"), ("interrupt", "KeyboardInterrupt")])
def test_the_last_state_is_recorded_when_the_cell_fails_or_is_interrupted(cells, name, error):
    assert [output.ename for output in cells[name].outputs if output.output_type == "error"] == [error]
    (picture,) = pictures(cells[name])
    assert picture.data["text/plain"] == "Line plot, last values: loss 49 at x 49."


def test_two_animators_in_a_cell_have_a_picture_each(cells):
    texts = [picture.data["text/plain"] for picture in pictures(cells["two"])]
    assert texts == ["Line plot, last values: first 49 at x 49.", "Line plot, last values: second -49 at x 49."]


def test_a_later_cell_that_adds_shows_the_lines_where_the_learner_looks(cells):
    for name, last in (("several cells", 4), ("later", 98)):
        (picture,) = pictures(cells[name])
        assert picture.data["text/plain"] == f"Line plot, last values: loss {last} at x {last}."


def test_what_was_cleared_is_shown_again_when_the_cell_ends(cells):
    assert printed(cells["cleared"]) == "epoch 4\n"
    (picture,) = pictures(cells["cleared"])
    assert picture.data["text/plain"] == "Line plot, last values: loss 4 at epoch 4."


def test_what_was_cleared_is_shown_again_when_it_is_drawn(cells):
    (picture,) = pictures(cells["cleared, then drawn"])
    assert picture.data["text/plain"] == "Line plot, last values: loss 98 at x 98."


def test_what_was_drawn_for_the_last_time_can_be_cleared(cells):
    assert cells["drawn, then cleared"].outputs == []


# Inside an Output of ipywidgets


def seen(cells, name: str) -> list[str]:
    return printed(cells[name]).splitlines()


def test_an_output_widget_shows_every_state_in_place_between_what_is_printed_there(cells):
    assert seen(cells, "seen with output") == [
        "printed: before",
        "shown: Line plot, last values: loss 19 at x 19.",
        "shown: <pre>step 19</pre>",
        "printed: after",
        "states: 19",
    ]
    assert cells["with output"].outputs == []


@pytest.mark.parametrize("name", ["seen with capture", "seen of mixed"])
def test_a_function_whose_output_is_captured_shows_its_last_state(cells, name):
    assert seen(cells, name) == ["shown: Line plot, last values: loss 19 at x 19."]


def test_what_was_shown_before_the_output_widget_took_over_stays(cells):
    (picture,) = pictures(cells["begun outside"])
    assert picture.data["text/plain"] == "Line plot, last values: loss 0 at x 0."


@pytest.mark.parametrize("name, last", [("seen with interact", 2), ("seen after moving", 29)])
def test_interact_shows_the_last_state_of_each_call(cells, name, last):
    assert seen(cells, name) == [f"shown: Line plot, last values: loss {last} at x {last}."]


def test_what_was_cleared_in_an_output_widget_is_shown_there_again(cells):
    assert seen(cells, "seen of wiped") == ["printed: epoch 19", "shown: Line plot, last values: loss 19 at x 19."]
    assert cells["output cleared"].outputs == []


# The bookkeeping


def test_nothing_keeps_listening_after_the_cells(cells):
    assert "LiveOutput" not in printed(cells["still listening"])


def test_a_line_of_a_single_point_can_be_seen():
    animator = Animator()
    animator.add(1, 0.5)
    animator.draw()
    assert animator.fig.axes[0].get_lines()[0].get_marker() == "o"
    for x in range(2, 100):
        animator.add(x, 0.5)
    animator.draw()
    assert animator.fig.axes[0].get_lines()[0].get_marker() == ""


def test_a_wrong_number_of_values_leaves_the_animator_as_it_was():
    animator = Animator()
    for x, y in ((1, []), ([1, 2], [1])):
        with pytest.raises(ValueError, match="draws 1 lines"):
            animator.add(x, y)
    animator.add(1, [0.1, 0.2])
    assert animator.Y == [[0.1], [0.2]]
