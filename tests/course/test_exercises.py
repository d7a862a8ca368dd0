"""The exercises' checks: no wrong answer passes, no right one is refused, and nothing kills the kernel."""

from __future__ import annotations

import ast
import functools
import re
import sys
from pathlib import Path
from unittest import mock

import collect
import nbformat
import pytest

from d2lhelpers.course import exercise as package
from d2lhelpers.course import guarded
from d2lhelpers.course.exercise import CORRECT, INCORRECT, NOT_ATTEMPTED, Exercise, all_exercises, judge
from d2lhelpers.course.exhibit import exhibit_code

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))

import exercises as tool  # noqa: E402

NOTEBOOKS = {path.stem[:2]: path for path in (ROOT / "notebooks").glob("*.ipynb")}
collect.load()
EXERCISES = all_exercises()

each_exercise = pytest.mark.parametrize("asked", EXERCISES.values(), ids=EXERCISES)


def identity(answer: collect.Answer) -> str:
    return f"{answer.number}-{answer.name.replace(' ', '_')}"


@functools.lru_cache
def notebook_cells(notebook: str) -> list:
    return nbformat.read(NOTEBOOKS[notebook], as_version=4).cells


@functools.lru_cache
def code_of_definitions(notebook: str) -> dict[str, str]:
    """Return the source of each definition and assignment on the top level of a notebook, by name; the first counts."""
    sources: dict[str, str] = {}
    for cell in notebook_cells(notebook):
        if cell.cell_type != "code" or {"colab", "exercise"} & set(cell.metadata.get("tags", [])):
            continue
        for node in ast.parse(cell.source).body:
            names = [getattr(node, "name", None)]
            if isinstance(node, ast.Assign):
                names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            for name in filter(None, names):
                sources.setdefault(name, ast.unparse(node))
    return sources


@functools.lru_cache
def code_of_imports(notebook: str) -> str:
    """Return all import statements of a notebook."""
    imports = [
        ast.unparse(node)
        for cell in notebook_cells(notebook)
        if cell.cell_type == "code" and "colab" not in cell.metadata.get("tags", [])
        for node in ast.parse(cell.source).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    return "\n".join(imports)


def answered(number: str, code: str) -> dict:
    """Return the variables of a notebook in which the exercise was answered with this code."""
    notebook = f"{int(number.split('.')[0]):02}"
    variables: dict = {"__name__": "__main__"}
    exec(code_of_imports(notebook), variables)
    for name in collect.NEEDS.get(number, ()):
        exec(code_of_definitions(notebook)[name], variables)
    exec(code, variables)
    return variables


def answers_to(asked: Exercise, answers: list[collect.Answer]) -> list[collect.Answer]:
    return [answer for answer in answers if answer.number == asked.number]


@functools.cache
def verdicts_on(number: str) -> dict[collect.Answer, package.Verdict]:
    """Judge all answers to an exercise, in one process of their own: a fork takes longer than a check."""
    asked = EXERCISES[number]
    answers = [*answers_to(asked, collect.RIGHT), *answers_to(asked, collect.WRONG)]
    variables = [answered(number, answer.code) for answer in answers]

    def judge_all() -> list:
        guarded._can_fork = lambda: False
        return [vars(judge(asked, values)) for values in variables]

    try:
        with mock.patch.object(guarded, "CPU_SECONDS", 60), mock.patch.object(guarded, "WAITING_SECONDS", 300):
            verdicts = [package.Verdict(**result) for result in guarded.run_guarded(judge_all)]
    except guarded.Stopped:
        verdicts = [judge(asked, values) for values in variables]
    return dict(zip(answers, verdicts))


def verdict_on(answer: collect.Answer) -> package.Verdict:
    return verdicts_on(answer.number)[answer]


# Right answers pass


@each_exercise
def test_the_solution_is_correct(asked):
    assert str(judge(asked, answered(asked.number, asked.solution))) == f"✓ Exercise {asked.number} correct."


@pytest.mark.parametrize("answer", collect.RIGHT, ids=identity)
def test_a_right_answer_written_differently_is_correct(answer):
    verdict = verdict_on(answer)
    assert verdict.outcome == CORRECT, verdict.cause


@each_exercise
def test_there_are_at_least_two_other_right_answers(asked):
    assert len(answers_to(asked, collect.RIGHT)) >= 2


# Wrong answers do not, and the cause is named


@pytest.mark.parametrize("answer", collect.WRONG, ids=identity)
def test_a_wrong_answer_is_rejected_with_its_cause(answer):
    verdict = verdict_on(answer)
    assert verdict.outcome == INCORRECT
    assert re.search(answer.cause, verdict.cause), verdict.cause


@each_exercise
def test_there_are_at_least_five_wrong_answers_with_causes(asked):
    wrong = answers_to(asked, collect.WRONG)
    assert len(wrong) >= 5
    assert all(answer.cause for answer in wrong)
    messages = {verdict_on(answer).cause for answer in wrong}
    assert len(messages) >= 4, "the messages do not tell the mistakes apart"


# The stub


@each_exercise
def test_the_stub_runs_and_counts_as_not_attempted(asked):
    assert judge(asked, answered(asked.number, tool.stub(asked))).outcome == NOT_ATTEMPTED
    assert judge(asked, {}).outcome == NOT_ATTEMPTED


@each_exercise
def test_the_stub_does_not_give_the_answer_away(asked):
    assert "# answer" in asked.source
    assert "answer" not in asked.solution.split("#")[-1] or "# answer" not in asked.solution
    assert tool.stub(asked) != asked.solution
    assert re.search(r"= \.\.\.|raise NotImplementedError  # your code here", tool.stub(asked))


@each_exercise
def test_the_notebook_has_the_exercise_as_the_package_does(asked):
    cells = notebook_cells(f"{int(asked.number.split('.')[0]):02}")
    at = [i for i, cell in enumerate(cells) if cell.source.startswith(f"### Exercise {asked.number}: {asked.title}\n")]
    assert len(at) == 1, "the heading is missing, or differs from the title"
    task, *below = cells[at[0] : at[0] + 4]
    if below[0].metadata.get("tags") == ["exhibit"]:
        assert below.pop(0).source == exhibit_code(asked.number, "broken"), "run `make exercises`"
    stub, check = below[:2]
    difficulty = "●" * asked.difficulty + "○" * (3 - asked.difficulty)
    assert f"*Difficulty: {difficulty}, {asked.minutes} minutes.*" in task.source
    for name in asked.names:
        assert name in task.source, f"the task does not name {name}"
    assert stub.source == tool.stub(asked) and stub.metadata["tags"] == ["exercise"], "run `make exercises`"
    assert check.source == f'd2l.check("{asked.number}")'
    assert set(check.metadata["tags"]) == {"check", "nbval-check-output"}
    assert "not attempted" in str(check.outputs)


# Help


@each_exercise
def test_there_are_at_least_two_hints_and_the_last_says_most(asked):
    assert len(asked.hints) >= 2 and all(len(text) > 20 for text in asked.hints)
    package._hints_given.clear()
    given = [package.hint(asked.number) for _ in range(len(asked.hints) + 1)]
    assert [asked.hints[min(i, len(asked.hints) - 1)] in text for i, text in enumerate(given)] == [True] * len(given)


@each_exercise
def test_the_solution_can_be_shown(asked):
    assert asked.solution in package.solution(asked.number)


# Nonsense: a friendly verdict, never a traceback, never a dead kernel


class Raises:
    def __init__(self, *arguments, **options):
        raise KeyError("nonsense")


class HidesItsNature:
    def __repr__(self):
        raise RuntimeError("no")

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


def raises(*arguments, **options):
    raise ZeroDivisionError("nonsense")


def returns_nan(*arguments, **options):
    return float("nan")


def returns_none(*arguments, **options):
    return None


def calls_itself(*arguments, **options):
    return calls_itself()


def exits(*arguments, **options):
    raise SystemExit(1)


def kills_the_process(*arguments, **options):
    import os

    os._exit(1)


NONSENSE = {
    "None": "None", "a number": "3.75", "a negative number": "-1", "nan": "float('nan')", "infinity": "float('inf')",
    "True": "True", "a text": "'nonsense'", "an empty list": "[]", "a list": "[1, 'two', None]",
    "a dictionary": "{'nonsense': 1}", "a tensor": "__import__('torch').full((2, 3), float('nan'))",
    "a tensor on another device": "__import__('torch').ones(4, 3, device='meta')",
    "a module": "__import__('torch').nn.Identity()", "a module's class": "__import__('torch').nn.Identity",
    "the class object": "object", "a huge number": "10**400",
}  # fmt: skip
OBJECTS = [Raises, HidesItsNature(), raises, returns_nan, returns_none, calls_itself, exits]


def assert_friendly(verdict):
    assert verdict.outcome in (INCORRECT, NOT_ATTEMPTED)
    assert "Traceback" not in verdict.cause and len(verdict.cause) < 600 and verdict.cause
    assert verdict.number in verdict._repr_html_() and repr(verdict)


@each_exercise
def test_nonsense_gets_a_friendly_verdict(asked, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(guarded, "_can_fork", lambda: False)  # a fork takes longer than the check
        values = {name: eval(code) for name, code in NONSENSE.items()} | {str(type(o)): o for o in OBJECTS}
        for name, value in values.items():
            try:
                assert_friendly(judge(asked, dict.fromkeys(asked.names, value)))
            except AssertionError as error:
                raise AssertionError(f"{name} as an answer: {error}") from error
    assert_friendly(judge(asked, dict.fromkeys(asked.names, kills_the_process)))


def runs_for_ever(*arguments, **options):
    while True:
        pass


def eats_memory(*arguments, **options):
    return bytearray(10**11)


@each_exercise
def test_an_answer_without_end_is_stopped(asked, monkeypatch):
    monkeypatch.setattr(guarded, "CPU_SECONDS", 0.2)
    for function in (runs_for_ever, eats_memory):
        assert_friendly(judge(asked, dict.fromkeys(asked.names, function)))


# The score


def test_every_notebook_of_the_core_course_has_at_least_three_exercises():
    for notebook in range(1, 9):
        assert sum(number.split(".")[0] == str(notebook) for number in EXERCISES) >= 3


def test_no_two_exercises_share_a_name():
    """A name that two exercises of one notebook ask for would let one answer count for the other."""
    for notebook in NOTEBOOKS:
        names = [
            name
            for number, asked in EXERCISES.items()
            if int(number.split(".")[0]) == int(notebook)
            for name in asked.names
        ]
        assert len(names) == len(set(names))
