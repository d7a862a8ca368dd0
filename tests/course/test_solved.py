"""The learner's progress: kept over restarts, and never in the way of the lesson."""

from __future__ import annotations

import json
import stat
import sys
import warnings

import pytest

from d2lhelpers.course import solved


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "progress.json"
    monkeypatch.setenv("D2LHELPERS_PROGRESS", str(path))
    return path


def test_what_is_solved_is_kept(file):
    assert solved.solved() == set()
    solved.note("3.2", "correct")
    solved.note("3.1", "correct")
    assert solved.solved() == {"3.1", "3.2"} == set(json.loads(file.read_text())["solved"])
    assert [path.name for path in file.parent.iterdir()] == [file.name]  # nothing temporary is left


@pytest.mark.parametrize("outcome", ["incorrect", "not attempted"])
def test_what_is_not_correct_is_not_noted_and_takes_nothing_back(file, outcome):
    solved.note("3.1", "correct")
    solved.note("3.1", outcome)
    solved.note("3.2", outcome)
    assert solved.solved() == {"3.1"}


DAMAGED = ["", "{", "[]", "null", '{"solved": 3}', '{"solved": [3]}', '{"other": []}', '"text"', "\x00\x01", "[[[["]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_costs_the_progress_and_nothing_else(file, content):
    file.parent.mkdir()
    file.write_text(content)
    with pytest.warns(UserWarning, match="damaged"):
        solved.note("3.1", "correct")
    assert solved.solved() == {"3.1"}
    assert file.with_name("progress.json.damaged").read_text() == content  # nothing of the learner's is thrown away


def test_a_file_that_is_not_text_is_damaged_too(file):
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.warns(UserWarning, match="damaged"):
        assert solved.solved() == set()


def test_a_folder_in_its_place_is_survived(file):
    file.mkdir(parents=True)
    with pytest.warns(UserWarning, match="could not be"):
        solved.note("3.1", "correct")


def test_a_place_where_nothing_can_be_written_is_survived(file, monkeypatch):
    monkeypatch.setenv("D2LHELPERS_PROGRESS", "/dev/null/progress.json" if sys.platform != "win32" else "?:/p.json")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        solved.note("3.1", "correct")
    assert any("could not be" in str(warning.message) for warning in seen)


def test_the_file_is_the_learners_alone(file):
    solved.note("3.1", "correct")
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or sys.platform == "win32"
