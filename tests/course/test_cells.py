"""A check sees that the cell of an answer failed or was edited; otherwise it would judge an older answer."""

from __future__ import annotations

import pytest

from d2lhelpers.course.cells import _names


@pytest.mark.parametrize(
    "source, names",
    [
        ("def f(x):\n    y = 2\n    return y", ["f"]),
        ("class A(nn.Module):\n    b = 3\n\nc = A(b=3)", ["A", "c"]),
        ("a, b_1 = 1, 2\nc: int = 3\nd == 4\ne += 5\nf(g=6)\nasync def h(): pass", ["a", "b_1", "c", "h"]),
        ("%%time\nx=[1,\n   2]\n!ls\nprint(x", ["x"]),
        ("def f(x:\n    return x", ["f"]),
        ("", []),
    ],
)
def test_names_are_found_also_in_code_that_does_not_parse(source, names):
    assert _names(source) == names


RIGHT = "parameters_of_the_layer = 8 * (3 * 3 * 3 + 1)"
SAVE = """import json, os, time
os.environ["JPY_SESSION_NAME"] = os.path.abspath("saved.ipynb")
def save(*sources):
    cells = [{"cell_type": "code", "source": [source]} for source in sources]
    open("saved.ipynb", "w").write(json.dumps({"cells": cells}))
    os.utime("saved.ipynb", (time.time() + 5, time.time() + 5))
"""
CORRECT = "✓ Exercise 0.1 correct."
FAILED = "○ Exercise 0.1 not attempted: the cell that defines parameters_of_the_layer failed ({})"
STORY = (  # what is run, or saved, and how the verdict begins that follows it
    ("# raises\nparameters_of_the_layer = 8 * (", FAILED.format("SyntaxError")),
    (RIGHT, CORRECT),
    ("# raises\nparameters_of_the_layer = 8 * (27 + 1", FAILED.format("SyntaxError")),
    ("# raises\nparameters_of_the_layer = 8 * no_such_name", FAILED.format("NameError")),
    ("# raises\nparameters_of_the_layer = 5000\n1 / 0", "✗ Exercise 0.1 incorrect: 5,000 is not it"),
    ("# raises\n" + RIGHT + "\n1 / 0", CORRECT),
    ("# raises\n" + RIGHT + "\n1 / 0", CORRECT),  # the same number once more: nothing changes
    (RIGHT, CORRECT),
    (SAVE, CORRECT),  # there is no such file
    (f"save('1 + 1', '{RIGHT}', 'unchanged = 1')", CORRECT),
    (
        "save('1 + 1', 'parameters_of_the_layer = 80')",
        "✓ Exercise 0.1 correct: The cell that defines parameters_of_the_layer has been edited since it ran",
    ),
    ("open('saved.ipynb', 'w').write('{}')", CORRECT),  # a file that is none
)


def test_an_answer_is_not_judged_by_an_older_one(run_notebook):
    steps = [source for what, _ in STORY for source in (what, 'd2l.check("0.1")')]
    cells = run_notebook("import d2lhelpers as d2l", *steps)
    for (what, expected), cell in zip(STORY, cells[2::2]):
        assert str(cell.outputs[0].data["text/plain"]).startswith(expected), what
