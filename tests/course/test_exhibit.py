"""The bug museum's machinery: a test that cannot tell broken from fixed is sent back."""

from __future__ import annotations

import difflib
import random
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

from d2lhelpers.course.checking import Incorrect
from d2lhelpers.course.exercise import all_exercises, folder_of
from d2lhelpers.course.exhibit import IMPORTS, check_hunt, exhibit_code
from d2lhelpers.course.guarded import _TooLate

NUMBERS = [number for number in all_exercises() if (folder_of(number) / "exhibits.py").is_file()]


@pytest.mark.parametrize("number", NUMBERS)
def test_both_versions_run_and_differ(number):
    codes = [exhibit_code(number, version) for version in ("broken", "fixed")]
    assert codes[0] != codes[1]
    for code in codes:
        exec(code, {"__name__": "exhibit", **IMPORTS})
        assert "# broken" not in code and "# fixed" not in code, "the code gives the mistake away"


def difference(number) -> str:
    """Return the lines in which an exhibit's versions differ, with one line before and after."""
    codes = [exhibit_code(number, version).splitlines() for version in ("broken", "fixed")]
    lines = list(difflib.unified_diff(*codes, n=1, lineterm=""))[3:]
    return "\n".join("..." if line.startswith("@@") else line for line in lines)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_page_shows_how_they_differ(number):
    path = Path(__file__).parents[2] / "notebooks" / "15_bug_museum.ipynb"
    page = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    room = re.search(rf"### Exercise {re.escape(number)}:.*?</details>", page, flags=re.DOTALL)[0]
    shown = re.search(r"<details>.*?```diff\n(.*?)\n```", room, flags=re.DOTALL)
    assert shown and shown[1] == difference(number)


def test_there_are_at_least_twelve():
    assert len(NUMBERS) >= 12


def test_an_exhibit_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="no exhibit '15.99'"):
        exhibit_code("15.99", "broken")


def judged(test, diagnosis="c", **more) -> str:
    """Return why an answer to exhibit 15.1 is rejected; nothing if it is not."""
    try:
        check_hunt("15.1", "Residual", (diagnosis, test), "c", {"a": "no, because"}, **more)
    except Incorrect as error:
        return str(error)
    return ""


def catches(Residual):
    assert Residual(4, 6, True, 2).conv3.kernel_size == (1, 1)


def catches_upside_down(Residual):
    assert Residual(4, 6, True, 2).conv3.kernel_size != (1, 1)


def catches_nothing(Residual):
    assert Residual(4, 6, True, 2)(torch.rand(2, 4, 6, 6)).shape == (2, 6, 3, 3)


def catches_everything(Residual):
    assert Residual(4, 6, True, 2) is None


def is_wrong_itself(Residual):
    assert Residual(4, 6, True, 2).shortcut.kernel_size == (1, 1)


def wants_more_than_it_may(Residual):
    assert Residual(4, 6, True, 2).conv3.kernel_size == (1, 1) and Residual(4, 4).conv3 is None


def test_a_good_test_passes():
    assert judged(catches) == ""
    assert judged(catches, " C ") == ""


@pytest.mark.parametrize(
    "test, cause",
    [
        (catches_upside_down, "upside down"), (catches_nothing, "passes on the broken code too"),
        (catches_everything, "fails on the fixed code too"), (is_wrong_itself, "AttributeError"),
        (lambda Residual: Residual(4, 6, True, 2).conv3.kernel_size == (1, 1), "returned .*use assert"),
        (None, "should be a function"), (lambda: None, "fails on the fixed code too.*TypeError"),
    ],
)  # fmt: skip
def test_a_bad_test_is_sent_back_with_the_reason(test, cause):
    import re

    assert re.search(cause, judged(test))


def test_what_a_test_returns_does_not_count_and_any_exception_is_a_no():
    class OfItsOwn(BaseException):
        pass

    def returns_too(Residual):
        catches(Residual)
        return True

    def raises_no_exception(Residual):
        if Residual(4, 6, True, 2).conv3.kernel_size != (1, 1):
            raise OfItsOwn

    def fails_by_pytest(Residual):
        if Residual(4, 6, True, 2).conv3.kernel_size != (1, 1):
            pytest.fail("it is another")

    for test in (returns_too, raises_no_exception, fails_by_pytest):
        assert judged(test) == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, _TooLate, NotImplementedError, RecursionError])
def test_what_stops_a_check_is_no_outcome_of_a_test(error):
    def stops(Residual):
        raise error

    with pytest.raises(error):
        judged(stops)


def gives_a_generator(Residual):
    catches(Residual)
    yield


async def gives_a_coroutine(Residual):
    catches(Residual)


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize("test", [gives_a_generator, gives_a_coroutine, lambda Residual: (_ for _ in ())])
def test_a_body_that_never_runs_is_named(test):
    assert "yield or async" in judged(test)


def test_a_test_that_says_no_the_second_time_is_told_that_it_keeps_something():
    seen = []

    def remembers(Residual):
        assert Residual.__name__ not in seen
        seen.append(Residual.__name__)

    assert "one thing and then another" in judged(remembers)
    seen.clear()

    def adds_up(Residual):
        seen.append(1)
        assert len(seen) < 2 and Residual(4, 6, True, 2).conv3.kernel_size == (1, 1)

    Other = type("Other", (nn.Module,), {})
    assert "one thing and then another" in judged(adds_up, also_right={"other": Other})


def test_chance_does_not_pass():
    """Python's, NumPy's and PyTorch's random numbers are the same in each run."""
    for draw in (random.random, np.random.rand, lambda: float(torch.rand(()))):
        numbers = []

        def tosses(Residual, draw=draw, numbers=numbers):
            numbers.append(draw())
            catches(Residual)

        assert judged(tosses) == "" and len(set(numbers)) == 1


def test_the_diagnosis_comes_first():
    assert judged(None, "a") == "it is not (a): no, because"
    for letter in ("z", "", None, 3):
        assert "one of the letters a, c" in judged(catches, letter)


def test_right_code_written_differently_has_to_pass_and_the_same_mistake_elsewhere_to_fail():
    class Always(nn.Module):
        def __init__(self, *arguments):
            super().__init__()
            self.conv3 = nn.Conv2d(4, 6, 1)

    assert "written differently (always)" in judged(wants_more_than_it_may, also_right={"always": Always})
    assert judged(catches, also_right={"always": Always}) == ""
    assert "misses the same mistake elsewhere (again)" in judged(catches, also_broken={"again": Always})
