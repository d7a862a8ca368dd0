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
from d2lhelpers.animator import MOST_POINTS_DRAWN

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


def test_ten_thousand_points_are_drawn_as_at_most_a_thousand_and_all_are_kept():
    animator = Animator()
    for i in range(10_000):
        animator.add(i, [math.sin(i), i % 7])
    assert [len(x) for x in animator.X] == [10_000] * 2 == [len(y) for y in animator.Y]
    for line in (0, 1):
        x, y = drawn(animator, line)
        assert len(x) <= MOST_POINTS_DRAWN
        assert (min(y), max(y)) == (min(animator.Y[line]), max(animator.Y[line]))


def lines():
    """Lines as long as it takes to be thinned: rough ones, steps, constant ones, a single peak."""
    generator, seeds, lengths = np.random.default_rng, st.integers(0, 99), st.integers(900, 3000)
    return st.one_of(
        st.builds(lambda seed, n: generator(seed).normal(size=n).tolist(), seeds, lengths),
        st.builds(lambda seed, n: generator(seed).integers(0, 2, n).tolist(), seeds, lengths),
        st.builds(lambda n: [0.1] * n, lengths),
        st.builds(lambda n, at: [0.0] * at + [9.0] + [0.0] * (n - at), lengths, st.integers(0, 900)),
    )


@settings(max_examples=25)
@given(lines())
def test_thinning_keeps_the_extremes_the_end_and_the_order(values):
    animator = Animator()
    for i, value in enumerate(values):
        animator.add(i, value)
    x, y = drawn(animator)
    assert len(x) <= MOST_POINTS_DRAWN
    assert (min(y), max(y)) == (min(values), max(values))
    assert (x[-1], y[-1]) == (len(values) - 1, values[-1])
    assert x == sorted(set(x))
    assert all(values[int(a)] == b for a, b in zip(x, y))
    assert animator.Y[0] == values


def test_few_points_are_all_drawn():
    animator = Animator()
    for i in range(MOST_POINTS_DRAWN):
        animator.add(i, -i)
    assert drawn(animator) == (animator.X[0], animator.Y[0])


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
    "still listening": "print(get_ipython().events.callbacks['post_run_cell'])",
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


def test_adding_in_a_later_cell_updates_the_same_output(cells):
    (picture,) = pictures(cells["several cells"])
    assert picture.data["text/plain"] == "Line plot, last values: loss 98 at x 98."
    assert cells["later"].outputs == []


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
