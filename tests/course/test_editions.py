"""The editions with and without answers: made from the same sources, and different in nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

from d2lhelpers.course.exercise import all_exercises

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))

import exercises as tool  # noqa: E402


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    """Return the cells of all notebooks, without and with answers."""
    folders = tool.make_editions(tmp_path_factory.mktemp("editions"))
    paths = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert [sorted(path.name for path in folder.iterdir()) for folder in folders] == [paths, paths]
    return {name: [nbformat.read(folder / name, as_version=4) for folder in folders] for name in paths}


def test_they_differ_in_the_answers_alone(editions):
    exercises, seen = all_exercises(), []
    for without, filled in editions.values():
        assert len(without.cells) == len(filled.cells)
        number = None
        for stub, answer in zip(without.cells, filled.cells):
            heading = tool.HEADING.match(stub.source) if stub.cell_type == "markdown" else None
            number = heading[1] if heading else number
            tags = stub.metadata.get("tags", [])
            if "exercise" in tags:
                assert stub.source == tool.stub(exercises[number]) and answer.source == exercises[number].solution
                seen.append(number)
            elif "check" in tags:
                assert stub.source == answer.source == f'd2l.check("{number}")'
                assert answer.outputs[0].data["text/plain"] == f"✓ Exercise {number} correct."
            else:
                assert (stub.cell_type, stub.source) == (answer.cell_type, answer.source)
    assert sorted(seen) == sorted(exercises)


def test_no_answer_stands_in_the_edition_without(editions):
    for without, _ in editions.values():
        sources = [cell.source for cell in without.cells]
        for asked in all_exercises().values():
            assert asked.solution not in sources


def test_writing_the_cells_again_changes_nothing():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        tool.write_cells(notebook)
        assert notebook == nbformat.read(path, as_version=4), f"{path.name}: run `make exercises`"


def test_no_output_in_the_edition_without_answers_says_what_the_page_asks(editions):
    for without, _ in editions.values():
        code = [cell for cell in without.cells if cell.cell_type == "code"]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_both_editions_are_valid_notebooks(editions):
    for without, filled in editions.values():
        nbformat.validate(without)
        nbformat.validate(filled)
        count = [cell.execution_count for cell in filled.cells if cell.cell_type == "code" and cell.source.strip()]
        assert count == list(range(1, len(count) + 1))
