"""Make slides from the notebooks, one file each that works offline; the text is the notebooks' own.

    python tools/slides.py                  # slides/lecture.html, the lecture of TEACHING.md
    python tools/slides.py 05 06            # all sections of these notebooks, a file each

A section is a column, and its slides stand below each other. On a slide are headings, short paragraphs, lists,
formulas, predictions, short code that is not folded, results and captions. Longer paragraphs are what the speaker says:
they are in the notes (press S). What follows a prediction begins on a new slide. Exercises are left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode
from traitlets.config import Config

ROOT = Path(__file__).parent.parent
SLIDES = ROOT / "slides"
LIBRARIES = ROOT / ".slides" / "node_modules"
"""Where `make slides` puts reveal.js and MathJax."""

LECTURE = {"01": "1 2 3", "02": "1 2 3 4 5", "03": "1 2 3 4 Quiz Summary"}
"""The sections that make the lecture, notebook by notebook; quiz and summary are for what time is left."""

LEFT_OUT = {"Exercises", "References", "Experiments"}
NOT_SHOWN = {"colab", "parameters", "widget", "exercise", "check", "exhibit"}
CODE_HIDDEN = {"hide-input"}
SHOWS_WHAT_FOLLOWS = r"course\.claim\(|\bLiveOutput\("
"""A claim says in words what its code does, and a live picture shows it."""

WORDS_TO_SHOW = 60
"""Paragraphs of more words are spoken: they go to the notes."""

LINES_TO_SHOW = 16
"""Longer code is left out, unless it is what the page teaches: a class or function that the package has."""

ROWS_TO_SHOW = 14
"""Longer tables go to the notes, too."""

HEIGHT = 610
"""Room on a slide below its title, in pixels at 1280 × 720."""


@dataclass
class Slide:
    """What is shown at once, and what is said about it."""

    begins_column: bool
    cells: list[NotebookNode] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    height: float = 0.0
    is_full: bool = False


def slides_of(notebook: NotebookNode, sections: str = "") -> list[Slide]:
    """Return the slides of a notebook.

    Parameters
    ----------
    notebook : NotebookNode
    sections : str, optional
        The numbers of the sections to show, or their first words, such as ``"1 2 5 Quiz"``; the title is shown in
        any case. By default all but the exercises, experiments and references.

    Raises
    ------
    ValueError
        If the notebook has no section of such a number.
    """
    chosen, parts = sections.split(), list(_parts(notebook))
    there = [_name(item) for kind, item in parts if kind == "section"]
    if not set(chosen) <= set(there):
        raise ValueError(f"the sections are {', '.join(there)}; got {sections!r}")
    slides, is_shown = [Slide(begins_column=True)], True
    for place, (kind, item) in enumerate(parts):
        if kind == "section":
            is_shown = _name(item) in chosen if chosen else _name(item) not in LEFT_OUT
        if is_shown and kind == "said":
            slides[-1].notes.append(item)
        elif is_shown:
            begins = kind in ("section", "slide") or slides[-1].is_full
            if begins or slides[-1].cells and slides[-1].height + _needed(parts[place:]) > HEIGHT:
                slides.append(Slide(begins_column=kind == "section"))
            slides[-1].cells.append(nbformat.v4.new_markdown_cell(item) if isinstance(item, str) else item)
            slides[-1].height += _height(kind, item)
            slides[-1].is_full = isinstance(item, str) and "**Predict" in item
    return [slide for slide in slides if slide.cells]


def _name(heading: str) -> str:
    """Return the number of a section, or its first word."""
    return heading.split()[1].strip("`*.,:")


def _needed(parts: list[tuple[str, str | NotebookNode]]) -> float:
    """Return the height of the first part, with what must not be torn from it as far as a slide has room for both."""
    (kind, item), following = parts[0], parts[1:2]
    height = _height(kind, item)
    if not following or following[0][0] in ("section", "slide", "said"):
        return height
    is_kept = {
        "code": following[0][0] in ("result", "picture"),
        "picture": isinstance(following[0][1], str),
    }.get(kind, isinstance(item, str) and item.rstrip().endswith((":", ",")))
    together = height + _needed(parts[1:]) if is_kept else height
    return together if together <= HEIGHT else height


def _parts(notebook: NotebookNode) -> Iterator[tuple[str, str | NotebookNode]]:
    """Yield what a notebook consists of, and how it is used: section, slide, shown, said, or the kind of a result."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for block in _blocks(cell.source):
                if number or _is_title(block):
                    yield _use(block), block
        elif not NOT_SHOWN & set(cell.metadata.get("tags", [])) and not _only_imports(cell.source):
            yield from _code_and_results(cell)


def _code_and_results(cell: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Yield a cell's code, unless it is folded, too long, or there to show what follows, and its results."""
    tags = set(cell.metadata.get("tags", []))
    is_short = cell.source.count("\n") < LINES_TO_SHOW or {"saved", "short"} & tags
    if is_short and not CODE_HIDDEN & tags and not re.search(SHOWS_WHAT_FOLLOWS, cell.source):
        yield "code", nbformat.v4.new_code_cell(cell.source)
    for output in cell.outputs:
        result = nbformat.v4.new_code_cell("", outputs=[output], metadata={"tags": ["hide-input"]})
        is_picture = {"image/png", "image/svg+xml"} & set(output.get("data", {}))
        yield "picture" if is_picture else "result", result


def _blocks(source: str) -> list[str]:
    """Return the paragraphs, headings, formulas, items of lists, tables, and questions that a text consists of."""
    blocks, open_until = [], None
    for part in re.split(r"\n\s*\n", source.strip()):
        if open_until:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks += re.split(r"\n(?=- |\d\. |\$\$)", part)
        for begin, end in (("<details", "</details>"), ("```", "```")):
            if part.count(begin) > part.count(end) or begin == end and part.count(begin) % 2:
                open_until = None if open_until == end and begin == end else end
        if open_until and open_until != "```" and blocks[-1].count("<details") == blocks[-1].count("</details>"):
            open_until = None
    return [block for block in blocks if block.strip() and block.strip() != "<br>"]


def _is_title(block: str) -> bool:
    """Tell whether a block of the header belongs on the first slide."""
    return bool(re.match(r"# |- |\*\*The question|\*\*You will", block))


def _use(block: str) -> str:
    """Return how a block of text is used."""
    if block.startswith("## "):
        return "section"
    if block.startswith("### ") or block.startswith("**Question "):
        return "slide"
    if block.startswith("|") and block.count("\n") > ROWS_TO_SHOW:
        return "said"
    if re.match(r"# |- |\d\. |\||\$\$|```|<details|\*\*(Figure|Table) ", block) or "**Predict" in block:
        return "shown"
    return "shown" if len(block.split()) <= WORDS_TO_SHOW else "said"


def _only_imports(source: str) -> bool:
    return all(re.match(r"(import|from) |\s|$|#|\)", line) for line in source.splitlines())


def _height(kind: str, item: str | NotebookNode) -> float:
    """Return about how many pixels a part takes."""
    if kind == "picture":
        return 440
    if kind == "code":
        return 24 * (item.source.count("\n") + 1) + 30
    if kind == "result":
        data = item.outputs[0].get("data", {})
        if "text/html" in data:
            return 120 + 44 * data["text/html"].count("<tr")
        text = item.outputs[0].get("text") or data.get("text/markdown") or data.get("text/plain", "")
        return 38 * (text.count("\n") + 1) + 20
    if kind == "section":
        return 80
    if item.startswith("|"):
        return 38 * (item.count("\n") + 1) + 20
    if item.startswith("<details"):
        return 42
    text = re.sub(r"\]\([^)]*\)|[*`]", "", item)
    return (90 if "$$" in text else 0) + 38 * (len(text) // 92 + 1) + 16


def exported(slides: list[Slide], title: str) -> str:
    """Return the page that shows these slides."""
    notebook = nbformat.v4.new_notebook(metadata={"title": title})
    for slide in slides:
        first, *others = (cell.copy() for cell in slide.cells)
        first.metadata.update(_slideshow("slide" if slide.begins_column else "subslide"))
        said = [nbformat.v4.new_markdown_cell("\n\n".join(slide.notes), metadata=_slideshow("notes"))]
        said = said if slide.notes else []
        notebook.cells += [first, *others, *said]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03}"
    exporter = SlidesExporter(
        template_name="slides_template",
        extra_template_basedirs=[str(Path(__file__).parent)],
        extra_template_paths=[str(LIBRARIES)],
        config=Config(TagRemovePreprocessor={"enabled": True, "remove_input_tags": CODE_HIDDEN}),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    return exporter.from_notebook_node(notebook)[0]


def _slideshow(slide_type: str) -> NotebookNode:
    return nbformat.from_dict({"slideshow": {"slide_type": slide_type}})


def main(numbers: list[str]) -> None:
    """Write the lecture, or the slides of some notebooks."""
    if not (LIBRARIES / "reveal.js").is_dir():
        sys.exit("reveal.js and MathJax are missing: `make slides` fetches them")
    SLIDES.mkdir(exist_ok=True)
    paths = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    wanted = {paths[number].stem: {number: ""} for number in numbers} or {"lecture": LECTURE}
    for name, sections in wanted.items():
        slides = []
        for number, of_notebook in sections.items():
            slides += slides_of(nbformat.read(paths[number], as_version=4), of_notebook)
        target = SLIDES / f"{name}.html"
        target.write_text(exported(slides, name.replace("_", " ")), encoding="utf-8")
        print(f"{target.relative_to(ROOT)}: {len(slides)} slides")


if __name__ == "__main__":
    main(sys.argv[1:])
