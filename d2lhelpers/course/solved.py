"""What the learner has solved, in one small file that survives the kernel."""

from __future__ import annotations

import html
import json
import os
import platform
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def progress_file() -> Path:
    """Return the path of the learner's file: in the home folder, or what D2LHELPERS_PROGRESS names.

    Raises
    ------
    RuntimeError
        If nobody says where the home folder is, or the name has a variable that is not set.
    """
    named = os.path.expandvars(os.environ.get("D2LHELPERS_PROGRESS") or "~/.d2lhelpers_progress.json")
    if "$" in named:
        raise RuntimeError(f"D2LHELPERS_PROGRESS has a variable that is not set: {named}")
    return Path(named).expanduser()


def solved() -> dict[str, str]:
    """Return the numbers of the exercises that were solved so far, and when: ISO 8601, or "" if that is not known.

    Never raises: what cannot be read does not count, stays where it is, and a warning says so.
    """
    found: dict[str, str] = {}
    try:
        path = progress_file()
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        return found
    except (OSError, RuntimeError) as error:
        warnings.warn(f"your progress could not be read: {error}", stacklevel=2)
        return found
    for entry in _entries(text):
        try:
            numbers, when = entry["solved"], str(entry.get("when") or "")
            if not isinstance(numbers, list) or not all(isinstance(number, str) for number in numbers):
                raise TypeError("the numbers of exercises are a list of texts")
        except (TypeError, KeyError, AttributeError):
            warnings.warn(f"your progress file {path} is damaged; what can be read of it counts", stacklevel=2)
            continue
        for number in numbers:
            found.setdefault(number, when)
    return found


def note(number: str, outcome: str) -> None:
    """Note the outcome of a check. An exercise once solved stays so.

    A line is added at the end of the file, and nothing that stands in it is ever rewritten: neither a full disk
    nor a second notebook that notes at the same moment can cost more than this line.
    """
    if outcome != "correct" or number in solved():
        return
    entry = {"solved": [number], "when": datetime.now().astimezone().isoformat(timespec="minutes")}
    try:
        path = progress_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(entry)}\n")  # on a line of its own, whatever the last one looks like
    except (OSError, RuntimeError) as error:
        warnings.warn(f"your progress could not be saved: {error}", stacklevel=2)


def table(exercises: Sequence[Any]) -> str:
    """Return as Markdown the exercises notebook by notebook, with a mark at each that is solved, and what is next."""
    done = solved()
    rows = ["| notebook | solved | exercises |", "|---|---|---|"]
    for notebook in dict.fromkeys(_notebook(exercise) for exercise in exercises):
        of_notebook = [exercise for exercise in exercises if _notebook(exercise) == notebook]
        marks = [f"{'✓' if e.number in done else '○'} {e.number} {e.title}" for e in of_notebook]
        count = sum(e.number in done for e in of_notebook)
        rows.append(f"| {notebook} | {count} of {len(of_notebook)} | {'; '.join(marks)} |")
    return "\n".join([*rows, "", what_is_next(exercises, done)])


def what_is_next(exercises: Sequence[Any], done: dict[str, str]) -> str:
    """Return a sentence that names the first exercise that is not solved, after the one that was solved last."""
    last = max((i for i, e in enumerate(exercises) if e.number in done), default=0,
               key=lambda i: (done[exercises[i].number], i))  # fmt: skip
    for e in [*exercises[last:], *exercises[:last]]:
        if e.number not in done:
            return f"Next: exercise {e.number}, {e.title} ({e.minutes} minutes), in notebook {_notebook(e)}."
    return "You have solved all exercises."


def save_page(exercises: Sequence[Any], path: Path) -> None:
    """Write an HTML page to keep or to hand in: the date, the versions, what was solved and when.

    Raises
    ------
    ValueError
        If the name does not end in .html: a page must not take the place of a notebook.
    """
    import torch

    if path.suffix != ".html":
        raise ValueError(f'the page is HTML, so save wants a name such as "progress.html"; got "{path}"')
    done = solved()
    versions = f"Python {platform.python_version()}, PyTorch {torch.__version__}, d2lhelpers {_own_version()}"
    lines = [
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Progress</title>',
        "<style>body {font-family: sans-serif; margin: 2em} td, th {padding: 0 1em .3em 0; text-align: left}</style>",
        "<h1>Residual networks, understood by running them</h1>",
        f"<p>{sum(e.number in done for e in exercises)} of {len(exercises)} exercises solved, as of "
        f"{datetime.now():%Y-%m-%d %H:%M}.<br>{html.escape(versions)}.</p>",
        "<table>\n<tr><th></th><th>exercise</th><th>difficulty</th><th>solved on</th></tr>",
    ]
    for e in exercises:
        mark, day = ("✓", done[e.number][:10]) if e.number in done else ("○", "")
        difficulty = "●" * e.difficulty + "○" * (3 - e.difficulty)
        name = html.escape(f"{e.number} {e.title}")
        lines.append(f"<tr><td>{mark}</td><td>{name}</td><td>{difficulty}</td><td>{html.escape(day)}</td></tr>")
    path.write_text("\n".join([*lines, "</table>\n</html>\n"]), encoding="utf-8")


def _entries(text: str) -> Iterator[Any]:
    """Yield the JSON values that stand in a text one after the other, and None for each line that is none."""
    position = 0
    while rest := text[position:].lstrip():
        position = len(text) - len(rest)
        try:
            entry, position = json.JSONDecoder().raw_decode(text, position)
            yield entry
        except (ValueError, RecursionError):
            yield None
            position += len(rest.partition("\n")[0])


def _notebook(exercise: Any) -> str:
    return f"{int(exercise.number.split('.')[0]):02}"


def _own_version() -> str:
    try:
        return version("d2lhelpers")
    except PackageNotFoundError:  # imported from where it lies
        return "(not installed)"
