"""Assignments for nbgrader: complete, without answers, and graded as they should be by the real nbgrader."""

from __future__ import annotations

import builtins
import importlib.util
import re
import sys
from pathlib import Path

import nbformat
import pytest

from d2lhelpers.course.exercise import CORRECT, all_exercises, judge

sys.path.append(str(Path(__file__).parent.parent / "tools"))

import assignment as tool  # noqa: E402
import exercises  # noqa: E402

EXERCISES = all_exercises()
CHOSEN = ["1.1", "3.1", "3.2", "5.4"]  # worth 1, 2, 2 and 3 points

each_exercise = pytest.mark.parametrize("asked", EXERCISES.values(), ids=EXERCISES)


def role(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


@pytest.fixture(scope="module")
def of_all():
    """Return an assignment of all exercises."""
    return tool.assignment(list(EXERCISES.values()), "all")


# What is in it


@each_exercise
def test_an_answer_finds_all_that_it_uses(asked):
    code = "\n".join([tool.what_they_use([asked]), asked.solution])
    defined = set().union(*(tool._defined_by(node) for node, _ in tool._statements(code)))
    assert tool._names_used(code) <= defined | set(dir(builtins))


@pytest.mark.parametrize("number", ["1.3", "2.4", "4.4", "6.2", "11.2", "16.2", "18.2", "20.5"])
def test_what_an_answer_uses_runs_and_the_answer_is_correct(number):
    variables: dict = {"__name__": "__main__"}
    exec(tool.what_they_use([EXERCISES[number]]), variables)
    exec(EXERCISES[number].solution, variables)
    assert judge(EXERCISES[number], variables).outcome == CORRECT


def test_a_name_that_only_the_task_speaks_of_is_there_unless_the_page_fills_it_later():
    assert "def fit(" in tool.what_they_use([EXERCISES["1.6"]])
    assert "\nmeasuring = {" in tool.what_they_use([EXERCISES["4.2"]])
    assert "trained = {}" not in tool.what_they_use([EXERCISES["7.3"]])


def test_it_has_each_task_with_its_stub_and_its_check(of_all):
    cells = {role(cell).get("grade_id"): cell.source for cell in of_all.cells}
    for number, asked in EXERCISES.items():
        name = number.replace(".", "-")
        assert cells[f"task-{name}"].startswith(f"### Exercise {number}: {asked.title}\n")
        assert cells[f"answer-{name}"] == exercises.stub(asked)
        assert f'd2l.check("{number}")' in cells[f"check-{name}"]
        assert (f"exhibit-{name}" in cells) == number.startswith("15.")


def test_no_answer_is_in_it(of_all):
    text = "\n".join(cell.source for cell in of_all.cells)
    assert "<summary>" not in text
    for asked in EXERCISES.values():
        assert asked.solution not in text


def test_only_the_answers_may_be_edited_and_only_the_checks_have_points(of_all):
    for cell in of_all.cells:
        kind = role(cell).get("grade_id", "colab").split("-")[0]
        assert role(cell).get("solution", True) == (kind in ("answer", "colab"))
        assert role(cell).get("locked", False) == (kind not in ("answer", "colab"))
        assert role(cell).get("grade", False) == ("points" in role(cell)) == (kind == "check")
    assert sum(role(cell).get("points", 0) for cell in of_all.cells) == sum(e.difficulty for e in EXERCISES.values())


def test_it_is_a_valid_notebook_whose_links_lead_out_of_the_folder(of_all):
    nbformat.validate(of_all)
    text = "\n".join(cell.source for cell in of_all.cells if cell.cell_type == "markdown")
    assert re.findall(r"\]\((?!https://)[^)]*\)|<img", text) == []


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no exercise '3.9'; there are 3.1, 3.2"):
        tool.make(["3.1", "3.9"], folder=tmp_path)
    with pytest.raises(ValueError, match="choose at least one exercise"):
        tool.make([], folder=tmp_path)
    with pytest.raises(ValueError, match="letters, digits, - and _ only.*got '../x'"):
        tool.make(["3.1"], name="../x", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


# What nbgrader makes of it

has_nbgrader = pytest.mark.skipif(
    importlib.util.find_spec("nbgrader") is None,
    reason="nbgrader is not installed here; `make test-assignment` installs it beside the course and runs this",
)

RAISES = "raise RuntimeError('this cell never gets to its answer')"
SLEEPS = "import time\n\nwhile True:\n    time.sleep(1)"
SUBMISSIONS = {
    "all-right": {},
    "half": {"1.1": "def is_safe(chain):\n    return True", "5.4": None},
    "raises": {"1.1": RAISES, "3.2": "def adds_its_input(block, X):\n    return block.no_such_layer(X)"},
    "for-ever": {"3.1": SLEEPS, "5.4": "def unnoticed_map(state):\n    while True:\n        pass"},
}
"""What each student answers in place of the solution; None is what was handed out."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Release an assignment, hand in four submissions, and let nbgrader grade them; return the course's folder."""
    folder = tmp_path_factory.mktemp("grading")
    released = tool.make(CHOSEN, "week2", folder)
    for student, answers in SUBMISSIONS.items():
        notebook = nbformat.read(released, as_version=4)
        for cell in notebook.cells:
            kind, _, number = role(cell).get("grade_id", "").partition("-")
            asked = EXERCISES.get(number.replace("-", "."))
            if kind == "answer" and answers.get(asked.number, asked.solution) is not None:
                cell.source = answers.get(asked.number, asked.solution)
            if kind == "check" and student == "half":
                cell.source = "print('I need no check')"
        path = folder / "submitted" / student / "week2" / "week2.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    tool.nbgrader(folder, "autograde", "week2")
    return folder


@has_nbgrader
def test_what_is_released_has_no_answer_and_no_output(graded):
    released = nbformat.read(graded / "release" / "week2" / "week2.ipynb", as_version=4)
    answers = [cell.source for cell in released.cells if role(cell).get("solution")]
    assert answers == [exercises.stub(EXERCISES[number]) for number in CHOSEN]
    assert all(cell.outputs == [] for cell in released.cells if cell.cell_type == "code")


@has_nbgrader
@pytest.mark.parametrize(
    ("student", "expected"),
    {"all-right": [1, 2, 2, 3], "half": [0, 2, 2, 0], "raises": [0, 2, 0, 3], "for-ever": [1, 0, 2, 0]}.items(),
)
def test_the_marks_are_exactly_what_the_answers_earn(graded, student, expected):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission("week2", student)
        marks = {grade.name: grade.score for grade in submission.notebooks[0].grades}
        assert [marks[f"check-{number.replace('.', '-')}"] for number in CHOSEN] == expected
        assert (submission.score, submission.max_score) == (sum(expected), 8)
        assert not submission.needs_manual_grade


@has_nbgrader
@pytest.mark.parametrize(
    ("student", "number", "cause"),
    [
        ("all-right", "5.4", "✓ Exercise 5.4 correct"),
        ("half", "1.1", "✗ Exercise 1.1 incorrect: "),
        ("half", "5.4", "○ Exercise 5.4 not attempted: "),
        ("raises", "1.1", "define is_safe in the cell above"),
        ("raises", "3.2", "no attribute 'no_such_layer'"),
        ("for-ever", "3.1", "define ResidualWithoutNorm in the cell above"),
        ("for-ever", "5.4", "your code was stopped, it (computed for 5 s|was not done after 20 s)"),
    ],
)
def test_the_graded_notebook_says_why(graded, student, number, cause):
    notebook = nbformat.read(graded / "autograded" / student / "week2" / "week2.ipynb", as_version=4)
    outputs = {role(cell).get("grade_id"): cell.get("outputs") for cell in notebook.cells}
    printed = "".join(output.get("text", "") for output in outputs[f"check-{number.replace('.', '-')}"])
    assert re.search(cause, printed)
