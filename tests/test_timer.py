"""Timer: the book's stopwatch, on a clock that is never set back."""

from __future__ import annotations

import time

import d2l.torch as book
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lhelpers import Timer

LAPS = st.lists(st.floats(0, 1e4), min_size=1, max_size=20)


class Clock:
    """A clock that shows what a test wants."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


def test_a_new_timer_runs_already(clock):
    timer = Timer()
    clock.now += 2.5
    assert timer.stop() == 2.5
    assert timer.times == [2.5]


def test_start_begins_a_new_lap(clock):
    timer = Timer()
    clock.now += 10
    timer.start()
    clock.now += 3
    assert timer.stop() == 3


def test_a_lap_does_not_depend_on_the_wall_clock(clock, monkeypatch):
    monkeypatch.setattr(time, "time", iter([1e9, 0.0]).__next__)  # the computer's clock is set back
    timer = Timer()
    clock.now += 1
    assert timer.stop() == 1


@given(LAPS)
def test_mean_sum_and_running_sums_are_those_of_the_book(laps):
    ours, books = Timer(), book.Timer()
    ours.times, books.times = list(laps), list(laps)
    assert ours.avg() == books.avg()
    assert ours.sum() == books.sum()
    assert ours.cumsum() == pytest.approx(books.cumsum())


def test_mean_of_nothing_raises_a_clear_error():
    with pytest.raises(ValueError, match="stop()"):
        Timer().avg()


def test_sum_of_nothing_is_zero():
    assert Timer().sum() == 0
    assert Timer().cumsum() == []
