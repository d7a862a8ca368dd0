"""The teacher's guide: its minutes are the notebooks' and its quotations the checks'."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest

from d2lhelpers.course.exercise import all_exercises, folder_of

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tools"))

import contents  # noqa: E402
import slides  # noqa: E402

GUIDE = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
EXERCISES = all_exercises()
NOTEBOOKS = {path.stem[:2]: nbformat.read(path, as_version=4) for path in (ROOT / "notebooks").glob("*.ipynb")}
ROWS = [[field.strip() for field in line.strip("|").split("|")] for line in GUIDE.splitlines() if line[:2] == "| "]
PLANNED = [row for row in ROWS if len(row) == 5 and re.match(r"\d\d(, \d\d)*$", row[1]) and row[3].isdigit()]
QUOTED = [row for row in ROWS if len(row) == 3 and row[0] in EXERCISES]


def stated(number: str, what: str) -> int:
    return int(re.search(what, NOTEBOOKS[number].cells[0].source)[1])


@pytest.mark.parametrize("row", PLANNED, ids=lambda row: row[0])
def test_the_minutes_of_a_day_or_week_are_those_of_its_notebooks(row):
    _, numbers, chosen, reading, minutes = row
    numbers = numbers.split(", ")
    assert int(reading) == sum(stated(number, contents.READING) for number in numbers)
    if chosen == "all":
        assert int(minutes) == sum(stated(number, contents.EXERCISES) for number in numbers)
    else:
        assert int(minutes) == sum(EXERCISES[number].minutes for number in chosen.split(", ") if number != "none")


def test_there_is_a_week_and_four_weeks():
    assert len(PLANNED) == 9


def test_the_lecture_has_the_sections_that_its_slides_show_and_its_minutes_add_up():
    lecture = [row for row in ROWS if len(row) == 5 and row[0] in slides.LECTURE]
    shown = [(number, section) for number, sections in slides.LECTURE.items() for section in sections.split()]
    assert [tuple(row[:2]) for row in lecture] == [(n, section) for n, section in shown if section.isdigit()]
    assert f"That is {sum(int(row[2]) for row in lecture)} minutes" in GUIDE
    for number, section, minutes, *_ in lecture:
        counted = minutes_of_section(NOTEBOOKS[number], section) + 2 * (section == "1")  # two for the title
        counted += stated("02", contents.SECONDS) / 60 * (number + section == "023")  # it is run live
        assert abs(int(minutes) - counted) <= 1, (number, section, counted)


def minutes_of_section(notebook, section: str) -> float:
    """Return the minutes of reading as the headers count them, and one more for each prediction."""
    text, lines, is_it = "", 0, False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=## )", cell.source, flags=re.M):
                is_it = slides._name(part) == section if part.startswith("## ") else is_it
                text += part if is_it else ""
        elif is_it and not contents.FOLDED & set(cell.metadata.get("tags", [])):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    looks = len(re.findall(r"^\*\*(?:Figure|Table) \d", text, flags=re.M))
    return len(text.split()) / 200 + 5 * lines / 60 + looks / 2 + 1.5 * text.count("**Predict")


@pytest.mark.parametrize("row", QUOTED, ids=lambda row: row[1][:40])
def test_a_check_says_what_the_guide_quotes(row):
    source = ast.parse((folder_of(row[0]) / "checks.py").read_text(encoding="utf-8"))
    said = [node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert any(row[1].strip('"') in text for text in said), row[1]


def test_it_quotes_the_notebooks_of_the_main_path():
    assert {row[0].split(".")[0] for row in QUOTED} == {str(number) for number in range(1, 10)}


def test_its_links_lead_somewhere_and_its_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE):
        assert (ROOT / target).exists(), target
    for command in set(re.findall(r"make ([a-z-]+)", re.sub(r"make[^`]*\bmake\b", "", GUIDE))):
        assert f"\n{command}:" in makefile or f"`make {command}" not in GUIDE, command
