"""Make pages of the notebooks: links from words and citations, hints and solutions that open."""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode
from references import CITATION, Work, cited

from d2lhelpers.course.exercise import Exercise, all_exercises

BADGES = re.compile(r"\[!\[[^\]]*\]\(https://[^)]*\)\]\((?P<url>[^)]*)\) ?")
"""Pictures from other places, which lead somewhere."""

NOT_PROSE = (
    r"```.*?```|`[^`]+`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)|"
    r"<summary>.*?</summary>|<[^>]+>|^#[^\n]*$|^\|[^\n]*$"
)
"""What stands in a text and is none: code, formulas, links, HTML, headings, tables."""

AMBIGUOUS = {"Claim", "Head", "Step", "Stride"}
"""Words of the glossary that the text also uses in their everyday meaning; no link leads to them."""


def prepare(notebook: NotebookNode, terms: dict[str, str], works: list[Work]) -> None:
    """Make a page of a notebook, given the terms of the glossary and the works that the notebook cites."""
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    texts[0].source = BADGES.sub(r"[Open in Colab](\g<url>){.button}", texts[0].source)
    texts[-1].source = list_of_references(notebook)
    unseen = dict(terms)
    for cell in texts[1:-1]:
        cell.source = with_links(cell.source, unseen, works)
    cells = []
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])
        cells.append(cell)
        if "colab" in tags:
            tags.append("remove-cell")
        if "widget" in tags:
            cells.append(nbformat.v4.new_markdown_cell("*In the running notebook, buttons or sliders are here.*"))
        if "check" in tags:
            exercise = all_exercises()[re.search(r'"([\d.]+)"', cell.source)[1]]
            cells.append(nbformat.v4.new_markdown_cell(folded_help(exercise)))
    notebook.cells = cells


def list_of_references(notebook: NotebookNode) -> str:
    """Return the last text of a notebook, without the line of links that ends it: the site has its own."""
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"][-1]
    return re.sub(r"\n\[(← )?\d\d [^\n]*$", "", text)


def folded_help(exercise: Exercise) -> str:
    """Return the hints and the solution of an exercise, each folded away."""
    names = ["A hint", "Another hint", *["One more hint"] * len(exercise.hints)]
    parts = [*zip(names, exercise.hints), ("A solution", f"```python\n{exercise.solution}\n```")]
    return "\n".join(f"<details><summary>{name}</summary>\n\n{text}\n\n</details>" for name, text in parts)


def with_links(text: str, terms: dict[str, str], works: list[Work]) -> str:
    """Return a text in which citations and words of the glossary are links; a term that is met leaves `terms`."""

    def link(match: re.Match[str]) -> str:
        if match["citation"]:
            work = cited(match, works, text[match.end() :])
            return f"[{match[0]}](../REFERENCES.md#{work.anchor})" if work else match[0]
        term = next((term for pattern, term in terms.items() if re.fullmatch(pattern, match[0])), None)
        for pattern in [pattern for pattern in terms if terms[pattern] == term]:
            del terms[pattern]
        return f"{{term}}`{match[0]} <{term}>`" if term else match[0]

    words = "|".join(sorted(terms, key=len, reverse=True)) or "(?!)"
    pattern = rf"{NOT_PROSE}|(?P<citation>{CITATION})|(?<![\w-])(?:{words})(?![\w-])"
    return re.sub(pattern, link, text, flags=re.S | re.M)


def glossary(text: str) -> tuple[str, dict[str, str]]:
    """Return the glossary with its list of words as definitions, and its terms by patterns of the words for them."""
    terms: dict[str, str] = {}

    def definition(match: re.Match[str]) -> str:
        term = match[1].replace("**", "")
        for word in re.split(r", or |, | \(|\)", term) if term not in AMBIGUOUS else []:
            if word:
                rest = re.escape(word[1:]).replace("network", "net(?:work)?")
                terms[f"[{word[0].upper()}{word[0].lower()}]{rest}s?"] = term
        return f"{term}\n: {match[2]}\n"

    symbols, words = text.split("## Words\n")
    definitions = re.sub(r"^- ([^:]*): (.*)$", definition, words.strip(), flags=re.M)
    return f"{symbols}## Words\n\n{{.glossary}}\n{definitions}", terms
