"""Put the exercises' cells into the notebooks, and make the editions with and without answers.

    python tools/exercises.py cells      # below each exercise's heading: its stub and its check
    python tools/exercises.py editions   # editions/with_answers and editions/without_answers
    python tools/exercises.py score      # how many wrong answers the checks reject, how many right ones they pass

The answers stand in each notebook's `solutions.py` in `d2lhelpers/course` and nowhere else: the stub is cut
from there, and the edition with answers is filled from there.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
from pathlib import Path

import lab
import nbformat
from nbformat import NotebookNode

from d2lhelpers.course.exercise import CORRECT, INCORRECT, Exercise, Verdict, all_exercises, folder_of, judge
from d2lhelpers.course.exhibit import exhibit_code

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
EDITIONS = ROOT / "editions"
OURS = {"exhibit", "exercise", "check"}
HEADING = re.compile(r"### Exercise (\d+\.\d+):")


def write_cells(notebook: NotebookNode) -> None:
    """Below each exercise's heading, put its exhibit if it has one, its stub, and its check with the stub's verdict."""
    kept = [cell for cell in notebook.cells if not OURS & set(cell.metadata.get("tags", []))]
    notebook.cells = []
    exercises = all_exercises()
    for cell in kept:
        notebook.cells.append(cell)
        heading = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading and heading[1] in exercises:
            notebook.cells += _cells_of(exercises[heading[1]], stub(exercises[heading[1]]))
    _number(notebook)


def fill(notebook: NotebookNode) -> None:
    """Replace each stub by its solution, and the output of each check by that of a correct answer."""
    exercises = all_exercises()
    asked = None
    for cell in notebook.cells:
        heading = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        asked = exercises.get(heading[1]) if heading else asked
        tags = cell.metadata.get("tags", [])
        if "exercise" in tags:
            cell.source = asked.solution
        elif "check" in tags:
            cell.outputs = [_shown(Verdict(asked.number, CORRECT))]
    _number(notebook)


def make_editions(folder: Path = EDITIONS) -> list[Path]:
    """Write both editions, beside each other; return the folders.

    That without answers is for the students, so it has no recorded outputs either: they answer what the page asks.
    """
    folders = [folder / "without_answers", folder / "with_answers"]
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        lab.write(lab.without_outputs(lab.read(path)), folders[0] / path.name)
        notebook = nbformat.read(path, as_version=4)
        fill(notebook)
        nbformat.write(notebook, folders[1] / path.name)
    return folders


def score() -> str:
    """Judge all answers that the tests know; return a table, notebook by notebook."""
    sys.path.append(str(ROOT / "tests" / "course"))
    import collect
    from test_exercises import answered, verdict_on

    counts: dict[str, list[int]] = {}
    exercises = all_exercises()
    for number, asked in exercises.items():
        row = counts.setdefault(f"{int(number.split('.')[0]):02}", [0] * 6)
        row[0] += 1
        for code in (asked.solution, *(answer.code for answer in collect.RIGHT if answer.number == number)):
            row[1] += 1
            row[2] += judge(asked, answered(number, code)).outcome == CORRECT
        for answer in (answer for answer in collect.WRONG if answer.number == number):
            verdict = verdict_on(answer)
            row[3] += 1
            row[4] += verdict.outcome == INCORRECT
            row[5] += verdict.outcome == INCORRECT and bool(re.search(answer.cause, verdict.cause))
    counts["all"] = [sum(column) for column in zip(*counts.values())]
    heading = "| notebook | exercises | right answers | passed | wrong answers | rejected | with their cause |"
    rows = [f"| {name} | {' | '.join(map(str, row))} |" for name, row in counts.items()]
    return "\n".join([heading, "|---" * 7 + "|", *rows])


def stub(asked: Exercise) -> str:
    """Return the code of an exercise with the answer cut out.

    ``name = value  # answer`` becomes ``name = ...``. The lines from ``# answer`` to ``# end of answer``
    become one that raises NotImplementedError or, outside functions, ``name = ...`` for each name that
    they assign.
    """
    return cut(asked.source)


def cut(source: str) -> str:
    """Return code without the answer that stands between its marks; see `stub`."""
    lines, block = [], None
    for line in source.strip().splitlines():
        mark = line.strip()
        if mark == "# answer":
            block, indentation = [], line[: -len(mark)]
        elif mark == "# end of answer":
            lines += [f"{indentation}raise NotImplementedError  # your code here"] if indentation else _blanks(block)
            block = None
        elif block is not None:
            block.append(line)
        else:
            lines.append(re.sub(r"^(\s*\w+ =) .*# answer$", r"\1 ...", line))
    if block is not None or any(line.endswith("# answer") for line in lines):
        raise ValueError(f"an answer is not marked as it should be in:\n{source}")
    return "\n".join(lines)


def _blanks(block: list[str]) -> list[str]:
    """Return ``name = ...`` for each name that these lines assign."""
    assigned = [
        target.id
        for node in ast.parse("\n".join(block)).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return [f"{name} = ..." for name in dict.fromkeys(assigned)]


def _cells_of(asked: Exercise, code: str) -> list[NotebookNode]:
    stub = nbformat.v4.new_code_cell(code, metadata={"tags": ["exercise"]})
    check = nbformat.v4.new_code_cell(
        f'd2l.check("{asked.number}")', metadata={"tags": ["check", "nbval-check-output"]}
    )
    variables: dict = {}
    exec("import torch\nfrom torch import nn\nfrom torch.nn import functional as F", variables)
    exec(code, variables)
    check.outputs = [_shown(judge(asked, variables))]
    return [*_exhibit(asked.number), stub, check]


def _exhibit(number: str) -> list[NotebookNode]:
    """Return the cell with the broken code of an exhibit, if the exercise has one."""
    if not (folder_of(number) / "exhibits.py").is_file():
        return []
    return [nbformat.v4.new_code_cell(exhibit_code(number, "broken"), metadata={"tags": ["exhibit"]})]


def _shown(verdict: Verdict) -> NotebookNode:
    return nbformat.v4.new_output(
        "execute_result", {"text/html": verdict._repr_html_(), "text/plain": repr(verdict)}, execution_count=1
    )


def _number(notebook: NotebookNode) -> None:
    """Number cells and runs, as if the notebook had been run from top to bottom."""
    count = 0
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03}"
        if cell.cell_type == "code" and cell.source.strip():
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count


def main(command: str) -> None:
    """Run one of the three commands."""
    if command == "cells":
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            write_cells(notebook)
            nbformat.write(notebook, path)
    elif command == "editions":
        print(*(path.relative_to(ROOT) for path in make_editions()), sep="\n")
    elif command == "score":
        print(score())
    else:
        sys.exit(f"there are three commands, cells, editions and score; got {command!r}")


if __name__ == "__main__":
    main(*sys.argv[1:2] or [""])
