"""tools/seeds.py: a notebook's claims with other settings."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

sys.path.append(str(Path(__file__).parent.parent / "tools"))
import seeds

CLAIM = """
from d2lhelpers import course
course.claim("Seeds are small: below 2", {seed: seed < 2 for seed in seeds}, {"seed": list(seeds)}, each="seed")
"""


@pytest.fixture
def notebook(tmp_path):
    """The path of a notebook with settings, a claim of each seed, one that divides by a setting, and one after it."""
    sources = ["seeds = (0, 1)\nlr = 1", CLAIM, "course.claim('It is one', 1 / lr == 1, {'lr': lr})", "check = 1"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    path = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_claims_are_judged_with_other_settings(notebook, monkeypatch):
    monkeypatch.delenv("D2LHELPERS_CLAIMS")
    assert seeds.verdicts(notebook, {}) == ({"Seeds are small: below 2": "✓ 2 of 2 seeds", "It is one": "✓"}, "")
    found, error = seeds.verdicts(notebook, {"seeds": "range(4)", "lr": "2"})
    assert found == {"Seeds are small: below 2": "✗ 2 of 4 seeds", "It is one": "✗"} and not error


def test_settings_that_the_page_cannot_run_with_are_reported(notebook):
    found, error = seeds.verdicts(notebook, {"lr": "0"})
    assert "ZeroDivisionError" in error and "It is one" not in found


def test_a_setting_that_the_page_does_not_have_is_refused(notebook):
    with pytest.raises(SystemExit, match="does not set rate"):
        seeds.verdicts(notebook, {"rate": "1"})
