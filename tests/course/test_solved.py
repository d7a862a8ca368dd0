"""The learner's progress: kept over restarts, and never in the way of the lesson."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path

import pytest
import torch

import d2lhelpers as d2l
from d2lhelpers.course import solved
from d2lhelpers.course.exercise import all_exercises

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor links of this kind")


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "progress.json"
    monkeypatch.setenv("D2LHELPERS_PROGRESS", str(path))
    return path


def numbers() -> set[str]:
    return set(solved.solved())


# Noting and reading


def test_what_is_solved_is_kept_with_the_moment(file):
    assert solved.solved() == {}
    before = datetime.now().astimezone().replace(second=0, microsecond=0)
    solved.note("3.2", "correct")
    solved.note("3.1", "correct")
    assert numbers() == {"3.1", "3.2"}
    assert all(before <= datetime.fromisoformat(when) for when in solved.solved().values())
    assert [path.name for path in file.parent.iterdir()] == [file.name]  # nothing temporary is left


def test_what_is_solved_again_keeps_its_first_moment_and_adds_nothing(file):
    file.parent.mkdir()
    file.write_text('{"solved": ["3.1"], "when": "2026-01-02T15:30+01:00"}\n')
    before = file.read_bytes()
    solved.note("3.1", "correct")
    assert file.read_bytes() == before and solved.solved() == {"3.1": "2026-01-02T15:30+01:00"}


@pytest.mark.parametrize("outcome", ["incorrect", "not attempted"])
def test_what_is_not_correct_is_not_noted_and_takes_nothing_back(outcome):
    solved.note("3.1", "correct")
    solved.note("3.1", outcome)
    solved.note("3.2", outcome)
    assert numbers() == {"3.1"}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["", "\n", "\r\n\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_of_the_first_version_is_read_and_goes_on(file, indent, end, encoding):
    file.parent.mkdir()
    file.write_bytes((json.dumps({"solved": ["0.1", "3.2"]}, indent=indent) + end).encode(encoding))
    assert solved.solved() == {"0.1": "", "3.2": ""}
    solved.note("3.3", "correct")
    assert numbers() == {"0.1", "3.2", "3.3"}


def test_an_empty_file_is_a_beginning(file):
    file.parent.mkdir()
    file.write_text("\n")
    solved.note("3.1", "correct")
    assert numbers() == {"3.1"}


# Damage


DAMAGED = ["{", "[]", "null", '{"solved": 3}', '{"solved": [3]}', '{"solved": "0.1"}', '{"solved": {"0.1": ""}}',
           '{"other": []}', '"text"', "\x00\x01", "[" * 100_000]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: content[:20])
def test_a_damaged_file_costs_what_cannot_be_read_and_nothing_else(file, content):
    file.parent.mkdir()
    file.write_text(content)
    with pytest.warns(UserWarning, match="damaged"):
        solved.note("3.1", "correct")
    with pytest.warns(UserWarning, match=re.escape(str(file))):
        assert numbers() == {"3.1"}
    assert file.read_text().startswith(content)  # nothing of the learner's is thrown away


def test_a_line_that_was_cut_off_costs_itself_alone(file):
    solved.note("3.1", "correct")
    with file.open("a") as opened:
        opened.write('\n{"solved": ["3.2"], "wh')  # the disk was full
    with pytest.warns(UserWarning, match="damaged"):
        solved.note("3.3", "correct")
    with pytest.warns(UserWarning, match="damaged"):
        assert numbers() == {"3.1", "3.3"}


def test_a_file_that_is_not_text_is_damaged_too(file):
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.warns(UserWarning, match="damaged"):
        assert solved.solved() == {}


# The file's surroundings


def outcome_of_a_check(monkeypatch, place: str | None) -> tuple[str, list[str]]:
    """Solve an exercise with the progress in this place; return the verdict's outcome and the warnings."""
    if place is None:
        monkeypatch.delenv("D2LHELPERS_PROGRESS")
    else:
        monkeypatch.setenv("D2LHELPERS_PROGRESS", place)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        verdict = d2l.check("0.1", {"parameters_of_the_layer": 8 * 3 * 3 * 3 + 8})
        d2l.my_progress()
    return verdict.outcome, [str(warning.message) for warning in seen if "progress" in str(warning.message)]


def test_a_folder_in_its_place_costs_no_verdict_and_leaves_nothing_behind(monkeypatch, file):
    file.mkdir(parents=True)
    outcome, said = outcome_of_a_check(monkeypatch, str(file))
    assert outcome == "correct" and any("could not be saved" in text for text in said)
    assert list(file.parent.iterdir()) == [file] and list(file.iterdir()) == []


def test_a_place_where_nothing_can_be_written_costs_no_verdict(monkeypatch):
    place = "/dev/null/progress.json" if sys.platform != "win32" else "?:/p.json"
    outcome, said = outcome_of_a_check(monkeypatch, place)
    assert outcome == "correct" and any("could not be saved" in text for text in said)


def test_without_a_home_folder_the_verdict_comes_and_a_warning(monkeypatch):
    def no_home(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    outcome, said = outcome_of_a_check(monkeypatch, None)
    assert outcome == "correct" and any("could not be saved" in text for text in said)


@pytest.mark.parametrize("place", ["~/in_home.json", "$SOME_FOLDER/in_home.json", "${SOME_FOLDER}/in_home.json"])
def test_home_and_variables_in_the_name_are_understood(monkeypatch, tmp_path, place):
    for name in ("HOME", "USERPROFILE", "SOME_FOLDER"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert outcome_of_a_check(monkeypatch, place) == ("correct", [])
    assert [path.name for path in tmp_path.iterdir()] == ["in_home.json"]


def test_a_variable_that_is_not_set_makes_no_folder_of_its_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    outcome, said = outcome_of_a_check(monkeypatch, "$NOBODY_SET_THIS/progress.json")
    assert outcome == "correct" and any("$NOBODY_SET_THIS" in text for text in said)
    assert list(tmp_path.iterdir()) == []


@on_posix
def test_a_new_file_gets_the_mode_that_the_system_gives_and_an_old_one_keeps_its_own(file):
    mask = os.umask(0o027)
    try:
        solved.note("3.1", "correct")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    file.chmod(0o644)
    solved.note("3.2", "correct")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@on_posix
def test_a_link_stays_one_and_is_followed(file, tmp_path):
    file.parent.mkdir()
    file.symlink_to(tmp_path / "elsewhere.json")
    solved.note("3.1", "correct")
    assert file.is_symlink() and "3.1" in (tmp_path / "elsewhere.json").read_text()


def test_notebooks_that_note_at_the_same_moment_lose_nothing(file):
    script = """
import sys
from d2lhelpers.course import solved
for i in range(30):
    solved.note(f"{sys.argv[1]}.{i}", "correct")
"""
    writers = [subprocess.Popen([sys.executable, "-c", script, str(writer)]) for writer in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert numbers() == {f"{writer}.{i}" for writer in range(3) for i in range(30)}


# What is shown of it


def test_what_is_next_is_the_first_unsolved_one_after_the_one_solved_last(file):
    exercises = list(all_exercises().values())
    assert "Next: exercise 0.1" in d2l.my_progress()
    file.parent.mkdir()
    file.write_text('{"solved": ["0.1", "2.1", "2.2"]}')
    assert "Next: exercise 2.3" in d2l.my_progress()
    file.write_text(
        '{"solved": ["15.1"], "when": "2026-03-01T12:00+00:00"}\n{"solved": ["1.1"], "when": "2026-03-02T12:00+00:00"}'
    )
    assert "Next: exercise 1.2" in d2l.my_progress()  # in spite of the excursion to 15
    assert exercises[-1].number == "20.5"
    file.write_text('{"solved": ["20.5"]}')
    assert "Next: exercise 0.1" in d2l.my_progress()
    file.write_text(json.dumps({"solved": [exercise.number for exercise in exercises]}))
    assert "all exercises" in d2l.my_progress() and "Next" not in d2l.my_progress()


def test_numbers_that_the_course_does_not_have_disturb_nothing(file):
    file.parent.mkdir()
    file.write_text('{"solved": ["99.1", "nonsense", "0.1"]}')
    assert "| 00 | 1 of 1 |" in d2l.my_progress() and "Next: exercise 1.1" in d2l.my_progress()


def test_a_page_to_keep_says_what_was_solved_when_and_with_what(file, tmp_path):
    file.parent.mkdir()
    file.write_text('{"solved": ["0.1"]}\n{"solved": ["3.1"], "when": "2026-01-02T15:30+01:00"}\n')
    page = tmp_path / "my progress.html"
    assert d2l.my_progress(save=page) == d2l.my_progress()
    text = page.read_text(encoding="utf-8")
    assert f"2 of {len(all_exercises())} exercises solved, as of {datetime.now():%Y-%m-%d}" in text
    assert f"PyTorch {torch.__version__}" in text and "Python 3." in text and "d2lhelpers" in text
    assert re.search(r"<td>✓</td><td>3\.1 .*<td>2026-01-02</td>", text)
    assert re.search(r"<td>✓</td><td>0\.1 .*<td></td>", text) and re.search(r"<td>○</td><td>3\.2 ", text)
    d2l.my_progress(save=str(page))  # a newer one takes its place


def test_a_page_never_takes_the_place_of_a_notebook(tmp_path):
    notebook = tmp_path / "03_residual_blocks.ipynb"
    notebook.write_text("mine")
    with pytest.raises(ValueError, match="progress.html.*03_residual_blocks.ipynb"):
        d2l.my_progress(save=notebook)
    assert notebook.read_text() == "mine"


def test_progress_can_be_printed_where_the_marks_cannot():
    script = "import d2lhelpers as d2l; print(d2l.my_progress())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"}
    )
    assert done.returncode == 0 and b"| 00 | 0 of 1 |" in done.stdout
