"""Slides: all of a section that a room has to see, no answers, nothing torn apart, nothing loaded from elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest

from d2lhelpers.course.exercise import all_exercises

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tools"))

import exercises  # noqa: E402
import slides as tool  # noqa: E402

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path):
    return nbformat.read(path, as_version=4)


def texts(slides: list[tool.Slide]) -> list[str]:
    return [cell.source for slide in slides for cell in slide.cells]


@each_notebook
def test_no_exercise_and_no_answer_is_on_them(path):
    shown = "\n".join([*texts(tool.slides_of(read(path))), *(n for s in tool.slides_of(read(path)) for n in s.notes)])
    assert "### Exercise" not in shown and "d2l.check(" not in shown
    for asked in all_exercises().values():
        assert asked.solution not in shown
        assert "\n" not in exercises.stub(asked) or exercises.stub(asked) not in shown


@each_notebook
def test_each_section_begins_a_column_and_what_it_says_is_the_notebooks(path):
    notebook, slides = read(path), tool.slides_of(read(path))
    text = "\n".join(cell.source for cell in notebook.cells)
    headings = re.findall(r"^## (?!Exercises|References|Experiments).*", text, re.M)
    columns = [slide.cells[0].source for slide in slides if slide.begins_column]
    assert columns == [notebook.cells[0].source.split("\n")[0], *headings]
    sources = [cell.source for cell in notebook.cells]
    for text in [*texts(slides), *(note for slide in slides for note in slide.notes)]:
        assert any(text in source for source in sources), text


@each_notebook
def test_all_pictures_tables_and_claims_of_the_lesson_are_on_them(path):
    notebook, count, left_out = read(path), 0, False
    for cell in notebook.cells:
        headings = re.findall(r"^## .*", cell.source, re.M) if cell.cell_type == "markdown" else []
        left_out = tool._name(headings[-1]) in tool.LEFT_OUT if headings else left_out
        if cell.cell_type == "code" and not left_out and not tool.NOT_SHOWN & set(cell.metadata.get("tags", [])):
            count += len(cell.outputs)
    assert sum(len(c.get("outputs", [])) for s in tool.slides_of(notebook) for c in s.cells) == count


@each_notebook
def test_folded_code_is_not_on_them_and_what_follows_a_prediction_is_on_another_slide(path):
    notebook = read(path)
    folded = [c.source for c in notebook.cells if "hide-input" in c.metadata.get("tags", []) and "\n" in c.source]
    for slide in tool.slides_of(notebook):
        assert not set(folded) & {cell.source for cell in slide.cells}
        assert not any("**Predict" in cell.source for cell in slide.cells[:-1])


@each_notebook
def test_a_slide_is_full_only_if_one_part_fills_it(path):
    for slide in tool.slides_of(read(path)):
        assert slide.height <= tool.HEIGHT or len(slide.cells) == 1


def test_a_picture_keeps_its_caption_and_an_announcement_what_it_announces():
    for slide in tool.slides_of(read(PATHS[3])):
        assert not slide.cells[0].source.startswith("**Figure")
        assert not slide.cells[-1].source.endswith(":")


def test_the_lecture_has_the_sections_that_were_chosen_and_others_are_refused():
    columns = [s.cells[0].source for s in tool.slides_of(read(PATHS[3]), "1 4 Quiz") if s.begins_column]
    assert [column[:6] for column in columns] == ["# Resi", "## 1 T", "## 4 T", "## Qui"]
    with pytest.raises(ValueError, match=r"the sections are 1, 2, .*, Summary.*; got '1 77'"):
        tool.slides_of(read(PATHS[3]), "1 77")


def test_the_page_loads_nothing_from_elsewhere(tmp_path, monkeypatch):
    for name in ("dist/reveal.css", "dist/reveal.js", "dist/plugin/notes.js"):
        (tmp_path / "reveal.js" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "reveal.js" / name).write_text(f"/* {name} */")
    (tmp_path / "mathjax" / "es5").mkdir(parents=True)
    (tmp_path / "mathjax" / "es5" / "tex-svg-full.js").write_text("/* mathjax */")
    monkeypatch.setattr(tool, "LIBRARIES", tmp_path)
    page = tool.exported(tool.slides_of(read(PATHS[1]), "1 2"), "two sections")
    assert all(f"/* {name} */" in page for name in ("dist/reveal.css", "dist/reveal.js", "mathjax"))
    loaded = re.findall(
        r"<(?:script|img|iframe)[^>]*src=\"(?!data:)[^\"]*|<link[^>]*|@import[^;]*|url\((?!data:)", page
    )
    assert loaded == []
    assert page.count('<aside class="notes">') >= 1 and "<title>two sections</title>" in page
    assert page.count("<section") == page.count("</section>")
