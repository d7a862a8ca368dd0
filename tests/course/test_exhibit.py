"""The bug museum's machinery: a test that cannot tell broken from mended is sent back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from d2lhelpers.course.checking import Incorrect
from d2lhelpers.course.exercise import all_exercises, folder_of
from d2lhelpers.course.exhibit import IMPORTS, check_hunt, exhibit_code

NUMBERS = [number for number in all_exercises() if (folder_of(number) / "exhibits.py").is_file()]


@pytest.mark.parametrize("number", NUMBERS)
def test_both_versions_run_and_differ(number):
    codes = [exhibit_code(number, version) for version in ("broken", "mended")]
    assert codes[0] != codes[1]
    for code in codes:
        exec(code, {"__name__": "exhibit", **IMPORTS})
        assert "# broken" not in code and "# mended" not in code, "the code gives the mistake away"


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
        (catches_everything, "fails on the mended code too"), (is_wrong_itself, "AttributeError"),
        (lambda Residual: Residual(4, 6, True, 2).conv3.kernel_size == (1, 1), "returned .*use assert"),
        (None, "should be a function"), (lambda: None, "fails on the mended code too.*TypeError"),
    ],
)  # fmt: skip
def test_a_bad_test_is_sent_back_with_the_reason(test, cause):
    import re

    assert re.search(cause, judged(test))


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
