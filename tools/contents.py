"""Write the contents from the notebooks' headers: the links between them, the minutes, the map in 00, README's table.

    python tools/contents.py

The order is that of the files; titles and parts are in `PARTS`, which is where a new notebook is entered.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent

PARTS = {
    "Part I: why": {"00": "Start here", "01": "Function classes", "02": "Degradation"},
    "Part II: the block": {"03": "Residual blocks", "04": "Gradient flow"},
    "Part III: the network": {
        "05": "ResNet-18's shapes",
        "06": "Fashion-MNIST",
        "07": "The training loop",
        "08": "Training ResNet-18",
        "09": "Reading the results",
        "10": "Faster training",
    },
    "Part IV: further": {
        "11": "The ResNet family",
        "12": "Detection",
        "13": "Sound",
        "14": "Keras",
        "15": "The bug museum",
    },
    "Part V: a closer look": {
        "16": "Shortcuts up close",
        "17": "Why depth hurts",
        "18": "Receptive fields",
        "19": "Block variants",
        "20": "Two borrowed scripts",
    },
}
"""The titles in links and tables, by number, part by part."""

BELONGS_TO = {"16": "03", "17": "04", "18": "05", "19": "11", "20": "15"}
"""What a second reading is a second reading of."""

TITLES = {number: title for titles in PARTS.values() for number, title in titles.items()}
FOLDED = {"hide-input", "colab"}
READING, EXERCISES, SECONDS = r"reading and running (\d+) min", r"exercises (\d+) min", r"in\s+about\s+(\d+)\s+seconds"


def main() -> None:
    """Rewrite what depends on the headers."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
        for cell in (texts[0], texts[-1]):
            lines = cell.source.rstrip().split("\n")
            if not re.match(r"\[(← )?\d\d ", lines[-1]):
                raise SystemExit(
                    f"{path.name}: the first and the last text end with a line of links; got {lines[-1]!r}"
                )
            cell.source = "\n".join([*lines[:-1], links(path, paths)])
        minutes = max(5, 5 * round(reading_minutes(notebook.cells) / 5))
        texts[0].source = re.sub(READING, f"reading and running {minutes} min", texts[0].source)
        nbformat.write(notebook, path)
    headers = {path: nbformat.read(path, as_version=4).cells[0].source for path in paths}
    the_map = [row for row in table(headers, "", (READING, EXERCISES)) if "(00_" not in row]
    start = nbformat.read(paths[0], as_version=4)
    for cell in start.cells:
        cell.source = replaced(cell.source, the_map) if cell.cell_type == "markdown" else cell.source
    nbformat.write(start, paths[0])
    readme = ROOT / "README.md"
    rows = table(headers, "notebooks/", (READING, EXERCISES, SECONDS))
    readme.write_text(replaced(readme.read_text(encoding="utf-8"), rows), encoding="utf-8")


def links(path: Path, paths: list[Path]) -> str:
    """Return the line of links of a notebook: what is before it, what it belongs to, what is next, a closer look."""
    names = {path.stem[:2]: path.name for path in paths}
    place, number = paths.index(path), path.stem[:2]
    parts = [link("← {}", paths[place - 1].stem[:2], names)] if place else []
    parts += [link("belongs to {}", BELONGS_TO[number], names)] if BELONGS_TO.get(number) in names else []
    parts += [link("{} →", paths[place + 1].stem[:2], names) if place + 1 < len(paths) else link("{} ↺", "00", names)]
    parts += [link("a closer look: {}", closer, names) for closer in names if BELONGS_TO.get(closer) == number]
    return " · ".join(parts)


def link(form: str, number: str, names: dict[str, str]) -> str:
    """Return a link to a notebook."""
    text = f"{number} {TITLES[number]}"
    if ":" in form or form.startswith("belongs"):
        return form.format(f"[{text}]({names[number]})")
    return f"[{form.format(text)}]({names[number]})"


def body(cells: list) -> list:
    """Return the cells before the exercises, without the header."""
    ends = [i for i, cell in enumerate(cells) if re.match(r"## (\d+ )?(Exercises|Quiz|References)", cell.source)]
    return cells[1 : ends[0] if ends else len(cells)]


def reading_minutes(cells: list) -> float:
    """Return the minutes of a reader who runs everything.

    200 words of prose per minute, five seconds for each line of code that is not folded, thirty for each figure, table
    and prediction, and the time that the page runs.
    """
    text = "\n".join(cell.source for cell in body(cells) if cell.cell_type == "markdown")
    code = [
        cell for cell in body(cells) if cell.cell_type == "code" and not FOLDED & set(cell.metadata.get("tags", []))
    ]
    lines = sum(bool(line.strip()) for cell in code for line in cell.source.splitlines())
    looks = len(re.findall(r"^\*\*(?:Figure|Table) \d|\*\*Predict", text, flags=re.MULTILINE))
    seconds = int(re.search(SECONDS, cells[0].source)[1])
    return len(text.split()) / 200 + 5 * lines / 60 + looks / 2 + seconds / 60


def table(headers: dict[Path, str], folder: str, columns: tuple[str, ...]) -> list[str]:
    """Return a row for each part and notebook: link, question, and the numbers that `columns` find in the header."""
    rows = []
    for part, titles in PARTS.items():
        there = [path for path in headers if path.stem[:2] in titles]
        rows += [f"| **{part}** |" + " |" * (1 + len(columns))] if there else []
        for path in there:
            question = re.search(r"\*\*The question:\*\* (.*)", headers[path])[1]
            numbers = [re.search(column, headers[path])[1] for column in columns]
            name = f"[{path.stem[:2]} {titles[path.stem[:2]]}]({folder}{path.name})"
            rows.append(f"| {name} | {question} | " + " | ".join(numbers) + " |")
    return rows


def replaced(text: str, rows: list[str]) -> str:
    """Return the text with other rows in its table of notebooks, if it has one."""
    head = r"(\| notebook \| the question .*\n\|---.*\n)"
    return re.sub(head + r"\|.*(?:\n\|.*)*", lambda match: match[1] + "\n".join(rows), text)


if __name__ == "__main__":
    main()
