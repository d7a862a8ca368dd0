"""check, hint, solution and progress: what a learner sees of them. The single exercises: test_exercises.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import d2lhelpers as d2l
from d2lhelpers.course import exercise, guarded, solved
from d2lhelpers.course.checking import Incorrect, call, number
from d2lhelpers.course.exercise import Exercise, _without_marks, judge

sys.path.append(str(Path(__file__).parents[2] / "tools"))

import exercises as tool  # noqa: E402


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LHELPERS_PROGRESS", str(tmp_path / "progress.json"))
    exercise._hints_given.clear()


def asking(check, names=("answer",)) -> Exercise:
    return Exercise("99.1", "A test", 1, 1, names, ("look", "look there"), check)


def must_be_seven(value) -> None:
    if number(value, "answer") != 7:
        raise Incorrect("it is not seven")


def test_the_three_outcomes():
    asked = asking(must_be_seven)
    assert [judge(asked, {"answer": value}).outcome for value in (7, 8, ...)] == [
        "correct",
        "incorrect",
        "not attempted",
    ]
    assert judge(asked, {}).outcome == "not attempted" and "define answer" in judge(asked, {}).cause
    assert str(judge(asked, {"answer": 8})) == "✗ Exercise 99.1 incorrect: it is not seven"


def test_answers_are_found_where_check_is_called():
    variables = {"d2l": d2l}
    exec("extra_parameters_of_option_c = 0\nverdict = d2l.check('16.1')", variables)
    assert variables["verdict"].outcome == "incorrect"


def test_a_solved_exercise_is_noted_and_shown():
    variables = {}
    exec("from torch import nn\n" + exercise.find("16.1").solution, variables)
    assert "○ 16.1" in d2l.my_progress()
    assert d2l.check("16.1", variables).outcome == "correct"
    assert set(solved.solved()) == {"16.1"}
    assert "✓ 16.1" in d2l.my_progress() and "○ 16.2" in d2l.my_progress()
    assert d2l.check("16.1", {}).outcome == "not attempted" and set(solved.solved()) == {"16.1"}


@pytest.mark.parametrize("function", [d2l.check, d2l.hint, d2l.solution])
def test_a_number_that_does_not_exist_is_named(function):
    with pytest.raises(ValueError, match=r"no exercise '3.99'; there are 3.1, 3.2"):
        function("3.99")


@pytest.mark.parametrize("function", [d2l.check, d2l.hint, d2l.solution])
def test_a_number_without_quotes_is_refused(function):
    """As numbers, 15.10 and 15.1 are the same, and the solution of the one would be given away for the other."""
    with pytest.raises(TypeError, match="quotes"):
        function(15.10)


def test_only_a_correct_verdict_is_true():
    """Automatic grading asserts it."""
    asked = asking(must_be_seven)
    assert [bool(judge(asked, {"answer": value})) for value in (7, 8, ...)] == [True, False, False]


def test_hints_come_one_by_one_and_the_last_stays():
    hints = [d2l.hint("3.1") for _ in range(4)]
    assert hints[0] != hints[1] and hints[-1] == hints[-2]


def test_the_verdict_is_shown_without_html_of_the_learners():
    verdict = judge(asking(lambda value: call(value)), {"answer": "<b>bold</b>"})
    assert "<b>bold" not in verdict._repr_html_() and "&lt;b&gt;bold" in verdict._repr_html_()


def test_a_stub_that_raises_is_not_attempted_and_pytorchs_own_error_is_wrong():
    def stub():
        raise NotImplementedError

    asked = asking(lambda function: call(function))
    assert judge(asked, {"answer": stub}).outcome == "not attempted"
    no_forward = torch.nn.Module()
    verdict = judge(asking(lambda module: call(module, 3)), {"answer": no_forward})
    assert verdict.outcome == "incorrect" and "forward" in verdict.cause


def test_what_the_learners_code_raises_is_told():
    def fails(a, b):
        raise KeyError("width")

    verdict = judge(asking(lambda function: call(function, 3, torch.ones(2))), {"answer": fails})
    assert verdict.cause == "fails(3, a tensor of shape (2,)) raised KeyError: 'width'"


@pytest.mark.parametrize("forks", [True, False], ids=["in a fork", "in this process"])
def test_checking_changes_nothing_of_the_learners(forks, monkeypatch):
    forks = forks and guarded._can_fork()
    monkeypatch.setattr(guarded, "_can_fork", lambda: forks)
    net = torch.nn.BatchNorm1d(2)
    before = torch.get_rng_state()

    def check(module):
        module(torch.randn(5, 2))
        torch.nn.init.ones_(module.bias)

    judge(asking(check), {"answer": net})
    assert not net.bias.any() and not net.running_mean.any() and torch.equal(before, torch.get_rng_state())


SOURCE = """
a = 1  # answer
# answer
b = [
    2,
]
# end of answer

def f(x):
    y = 2
    # answer
    return y * x  # a comment
    # end of answer
"""

STUB = """
a = ...
b = ...

def f(x):
    y = 2
    raise NotImplementedError  # your code here
"""

SOLUTION = """
a = 1
b = [
    2,
]

def f(x):
    y = 2
    return y * x  # a comment
"""


def test_the_stub_is_cut_from_the_solution():
    assert tool.cut(SOURCE) == STUB.strip()
    assert _without_marks(SOURCE) == SOLUTION.strip()


@pytest.mark.parametrize("source", ["a, b = 1, 2  # answer", "# answer\nx = 1", "print(3)  # answer"])
def test_an_answer_that_cannot_be_cut_out_is_noticed(source):
    with pytest.raises(ValueError, match="marked"):
        tool.cut(source)


def test_a_kernel_survives_what_learners_write(run_notebook):
    define = (
        "class ResidualWithoutNorm(nn.Module):\n    def __init__(self, channels):\n        super().__init__()\n        "
    )
    cells = run_notebook(
        "import os\nimport torch\nfrom torch import nn\nimport d2lhelpers as d2l\n"
        "from d2lhelpers.course import guarded\nguarded.CPU_SECONDS = 0.5",
        "torch.ones(300, 300) @ torch.ones(300, 300);  # so that PyTorch's threads have been at work",
        define + "while True: pass",
        "d2l.check('3.1')",
        define + "os._exit(1)",
        "d2l.check('3.1')",
        define + "print('noise'); display('noise'); input('?')",
        "d2l.check('3.1')",
        "guarded._can_fork = lambda: False",
        "d2l.check('3.1')",
        "d2l.my_progress()",
    )
    shown = [str(cell.outputs) for cell in cells]
    assert "Is there a loop that never ends?" in shown[3] and "ended the whole process" in shown[5]
    assert "StdinNotImplementedError" in shown[7] and "StdinNotImplementedError" in shown[9] and "○ 3.1" in shown[10]
    assert not any(output.output_type in ("error", "stream") for cell in cells for output in cell.outputs)
