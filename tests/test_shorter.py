"""tools/shorter.py: the edition that `make test` runs says nothing else than the pages, with fewer seeds or epochs."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.append(str(Path(__file__).parent.parent / "tools"))
import exercises
import shorter

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def settings_of(notebook) -> dict[str, str]:
    """Return what the cell `parameters` assigns, as code, by name."""
    sources = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return {ast.unparse(node.targets[0]): ast.unparse(node.value) for node in ast.parse("\n".join(sources)).body}


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    """Return each notebook with answers, as its readers see it and as `make test` runs it, by name."""
    _, with_answers = exercises.make_editions(tmp_path_factory.mktemp("editions"))
    shorter_ones = shorter.make_edition(tmp_path_factory.mktemp("editions"))
    assert sorted(path.name for path in shorter_ones.iterdir()) == [path.name for path in PATHS]
    return {
        path.stem: [nbformat.read(folder / path.name, as_version=4) for folder in (with_answers, shorter_ones)]
        for path in PATHS
    }


def test_each_shorter_setting_is_one_of_its_page_and_differs(editions):
    for name, settings in shorter.SHORTER.items():
        of_the_page, run = map(settings_of, editions[name])
        assert of_the_page | {key: ast.unparse(ast.parse(value)) for key, value in settings.items()} == run
        assert all(of_the_page[key] != run[key] for key in settings), name


def test_nothing_else_differs_but_the_number_of_seeds_in_verdicts(editions):
    for name, (page, run) in editions.items():
        assert len(page.cells) == len(run.cells)
        for expected, cell in zip(page.cells, run.cells):
            if name in shorter.SHORTER and "parameters" in cell.metadata.get("tags", []):
                expected.source = cell.source
            if name in shorter.SHORTER:
                expected, cell = (re.sub(r"Holds(?: for (\d+) of \1 seeds)?:", "", str(it)) for it in (expected, cell))
            assert cell == expected


def test_a_setting_that_the_page_does_not_have_is_refused():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("seeds = (0, 1)  # some")])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    with pytest.raises(ValueError, match="has to set seed on a line of its own"):
        shorter.shorten(notebook, {"seed": "0"})
    shorter.shorten(notebook, {"seeds": "(0,)"})
    assert notebook.cells[0].source == "seeds = (0,)  # some"
