"""Make an nbgrader assignment of chosen exercises: released without answers, graded by the course's own checks.

    python tools/assignment.py 3.1 3.2 5.4                # the assignment "exercises", in the folder grading
    python tools/assignment.py --name week2 3.1 3.2 5.4

The assignment is one notebook: each exercise's task and stub as the course has them, above them what they use of
their notebook, and below them the check, which is worth as many points as the exercise has ● for its difficulty.
The folder is a course of nbgrader, which makes the students' version; `TEACHING.md` says how to go on.
"""

from __future__ import annotations

import argparse
import ast
import functools
import os
import re
import shutil
import subprocess
import symtable
import sys
from collections.abc import Iterable
from pathlib import Path

import contents
import exercises
import nbformat
import repository
from nbformat import NotebookNode

from d2lhelpers.course.exercise import Exercise, find

ROOT = Path(__file__).parent.parent
GRADING = ROOT / "grading"
CONFIGURATION = Path(__file__).parent / "nbgrader_config.py"
NOT_FOR_IT = {"colab", "exercise", "check", "exhibit", "widget"}
"""Tags of the cells in which an exercise finds nothing that it uses."""


def make(numbers: Iterable[str], name: str = "exercises", folder: Path = GRADING) -> Path:
    """Write the assignment into a course of nbgrader and let nbgrader make the students' version; return its path.

    Raises
    ------
    ValueError
        If there is no such exercise, or the name is none for a folder.
    RuntimeError
        If nbgrader is missing, or refuses; the message has what it said.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"an assignment's name has letters, digits, - and _ only, such as week2; got {name!r}")
    notebook = assignment([find(number) for number in dict.fromkeys(numbers)], name)
    source = folder / "source" / name
    source.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, source / f"{name}.ipynb")
    if not (folder / CONFIGURATION.name).exists():
        shutil.copy(CONFIGURATION, folder)
    nbgrader(folder, "generate_assignment", name, "--force")
    return folder / "release" / name / f"{name}.ipynb"


def nbgrader(folder: Path, *command: str) -> str:
    """Run a command of nbgrader in a course's folder; return what it said."""
    programs = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}  # alembic
    ran = subprocess.run([sys.executable, "-m", "nbgrader", *command], cwd=folder, env={**os.environ, **programs},
                         capture_output=True, text=True)  # fmt: skip
    if ran.returncode:
        raise RuntimeError(f"nbgrader {' '.join(command)} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout + ran.stderr


def assignment(chosen: list[Exercise], name: str) -> NotebookNode:
    """Return the notebook of an assignment, without answers.

    Raises
    ------
    ValueError
        If no exercise is chosen.
    """
    if not chosen:
        raise ValueError('choose at least one exercise: make assignment EXERCISES="3.1 3.2"')
    points = sum(asked.difficulty for asked in chosen)
    notebook = nbformat.v4.new_notebook(metadata=page_of(chosen[0]).metadata)
    notebook.cells = [
        _text(
            f"# {name}\n\n{len(chosen)} exercises, {points} points, about {sum(asked.minutes for asked in chosen)} "
            "minutes. Write each answer in the cell below its task. The cell below the answer checks it as often as "
            "you like, and says what is wrong with it. At the end, restart the kernel, run all cells, save, and hand "
            "in this file.",
            "introduction",
        ),
        *(cell.copy() for cell in page_of(chosen[0]).cells if "colab" in cell.metadata.get("tags", [])),
    ]
    for number in dict.fromkeys(_notebook(asked) for asked in chosen):
        of_notebook = [asked for asked in chosen if _notebook(asked) == number]
        notebook.cells += [_about(of_notebook[0]), _code(what_they_use(of_notebook), f"setup-{number}", locked=True)]
        for asked in of_notebook:
            notebook.cells += _cells_of(asked)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03}"
    return notebook


def page_of(asked: Exercise) -> NotebookNode:
    """Return the notebook in which an exercise stands."""
    return _read(next((ROOT / "notebooks").glob(f"{_notebook(asked)}_*.ipynb")))


@functools.lru_cache
def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def what_they_use(chosen: list[Exercise]) -> str:
    """Return code: the imports of a notebook, and the definitions that these exercises use or speak of.

    Where a name is defined more than once, the first definition counts. What a task only speaks of is left out if the
    page fills or changes it after its definition, as it does with the results of a training.
    """
    page = page_of(chosen[0])
    parts = [part for cell in page.cells if _is_lesson(cell) for part in _statements(cell.source)]
    kept = {code for node, code in parts if isinstance(node, (ast.Import, ast.ImportFrom))}
    for asked in chosen:
        used = _names_used(asked.solution) | _names_used(exercises.stub(asked))
        kept |= _with_what_they_need(used - set(asked.names), parts)
        for name in _names_in(_own_cells(page, asked)[0].source) - set(asked.names) - _arguments(exercises.stub(asked)):
            code = _with_what_they_need({name}, parts)
            if not any(_is_changed_later(part, parts) or re.search(r"\bpage\.", part) for part in code):
                kept |= code
    codes = [code for _, code in parts if code in kept]
    return "\n".join(_apart(list(dict.fromkeys(codes)))).strip()


def _apart(codes: list[str]) -> list[str]:
    """Return statements, imports first, with blank lines around functions and classes."""
    imports = [code for code in codes if re.match(r"import |from ", code)]
    others = [code for code in codes if code not in imports]
    blank = ["" if re.match(r"@|def |class ", code) is None else "\n\n" for code in others]
    spaced = [max(own, above) + code for code, own, above in zip(others, blank, ["\n", *blank])]
    return imports + spaced


def _is_lesson(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and not NOT_FOR_IT & set(cell.metadata.get("tags", []))


def _statements(source: str) -> list[tuple[ast.stmt, str]]:
    """Return the statements on the top level of a cell, each with its lines."""
    lines = source.splitlines()
    found = []
    for node in ast.parse(source).body:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        found.append((node, "\n".join(lines[first - 1 : node.end_lineno])))
    return found


def _defined_by(node: ast.stmt) -> set[str]:
    """Return the names that a definition, an import or an assignment gives a meaning."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign):
        return {leaf.id for target in node.targets for leaf in ast.walk(target) if _is_stored(leaf)}
    return set()


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _names_used(source: str) -> set[str]:
    """Return the names of other code that this code uses, also inside its functions."""
    found, tables = set(), [symtable.symtable(source, "<cell>", "exec")]
    while tables:
        table = tables.pop()
        found |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module")
        }
        tables += table.get_children()
    return found


def _with_what_they_need(names: set[str], parts: list[tuple[ast.stmt, str]]) -> set[str]:
    """Return the statements that define these names first, and those that define what they use in turn."""
    kept, open_names, seen = set(), set(names), set()
    while open_names:
        name = open_names.pop()
        seen.add(name)
        code = next((code for node, code in parts if name in _defined_by(node)), None)
        if code is not None:
            kept.add(code)
            open_names |= _names_used(code) - seen
    return kept


def _is_changed_later(code: str, parts: list[tuple[ast.stmt, str]]) -> bool:
    """Tell whether what this statement assigns is bound or filled by another one, too."""
    node = ast.parse(code).body[0]
    if not isinstance(node, ast.Assign):
        return False
    names = _defined_by(node)
    return any(names & _bound_anywhere(other) for other, text in parts if text != code)


def _bound_anywhere(node: ast.AST) -> set[str]:
    """Return the names that code outside functions binds, or whose parts it assigns."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.comprehension):
        return set()
    if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
        return {leaf.id for leaf in ast.walk(node.value) if isinstance(leaf, ast.Name)}
    if _is_stored(node):
        return {node.id}
    return set().union(*map(_bound_anywhere, ast.iter_child_nodes(node)))


def _arguments(source: str) -> set[str]:
    return {argument.arg for argument in ast.walk(ast.parse(source)) if isinstance(argument, ast.arg)}


def _names_in(task: str) -> set[str]:
    """Return the names that stand between backticks, but not those of attributes and keywords."""
    spans = re.findall(r"`([^`]+)`", task)
    return {name for span in spans for name in re.findall(r"(?<![.\w\"'])[A-Za-z_]\w*(?![\w\"'=])", span)}


def _own_cells(page: NotebookNode, asked: Exercise) -> list[NotebookNode]:
    """Return an exercise's task and, if it has one, its exhibit; not what the page explains after the check."""
    start = next(i for i, cell in enumerate(page.cells) if cell.source.startswith(f"### Exercise {asked.number}:"))
    following = page.cells[start + 1 : start + 3]
    return [page.cells[start], *(cell for cell in following if "exhibit" in cell.metadata.get("tags", []))]


def _cells_of(asked: Exercise) -> list[NotebookNode]:
    """Return the cells of an exercise: its task, its exhibit if it has one, its stub, and the check that is graded."""
    task, *exhibit = _own_cells(page_of(asked), asked)
    points = f"{asked.difficulty} point{'s' if asked.difficulty > 1 else ''}"
    name = asked.number.replace(".", "-")
    check = f'verdict = d2l.check("{asked.number}")\nprint(verdict)\nassert verdict  # {points}'
    return [
        _text(task.source, f"task-{name}"),
        *(_code(cell.source, f"exhibit-{name}", locked=True) for cell in exhibit),
        _code(exercises.stub(asked), f"answer-{name}", solution=True),
        _code(check, f"check-{name}", locked=True, grade=True, points=asked.difficulty),
    ]


def _about(asked: Exercise) -> NotebookNode:
    number = _notebook(asked)
    file = next((ROOT / "notebooks").glob(f"{number}_*.ipynb")).name
    link = f"[notebook {number}, {contents.TITLES[number]}]({repository.address()}/blob/main/notebooks/{file})"
    return _text(
        f"## From notebook {number}\n\nWhat the tasks use of {link}. "
        'Where a task says "this page", or names what is not defined here, it means that notebook.',
        f"about-{number}",
    )


def _text(source: str, name: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"nbgrader": _role(name, locked=True)})


def _code(source: str, name: str, **role: bool | int) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": _role(name, **role)})


def _role(name: str, **role: bool | int) -> dict:
    """Return what nbgrader has to know about a cell."""
    return {"grade_id": name, "schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False,
            **role}  # fmt: skip


def _notebook(asked: Exercise) -> str:
    return f"{int(asked.number.split('.')[0]):02}"


def main(arguments: list[str]) -> None:
    """Make an assignment, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="of an exercise, such as 3.2")
    parser.add_argument("--name", default="exercises", help="of the assignment, such as week2")
    chosen = parser.parse_args(arguments)
    try:
        released = make(chosen.numbers, chosen.name)
    except (ValueError, RuntimeError) as error:
        sys.exit(f"no assignment was made: {error}")
    print(f"hand out: {released.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
