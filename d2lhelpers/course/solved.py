"""What the learner has solved, in one small file that survives the kernel."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def progress_file() -> Path:
    """Return the path of the learner's file: in the home folder, or what D2LHELPERS_PROGRESS names."""
    return Path(os.environ.get("D2LHELPERS_PROGRESS") or Path.home() / ".d2lhelpers_progress.json")


def solved() -> set[str]:
    """Return the numbers of the exercises that were solved so far.

    A file that cannot be read costs the progress and nothing else: it is put aside under another
    name, and a warning says where.
    """
    path = progress_file()
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))["solved"]
        if not all(isinstance(number, str) for number in numbers):
            raise ValueError("the numbers of exercises are texts")
        return set(numbers)
    except FileNotFoundError:
        return set()
    except OSError as error:
        warnings.warn(f"your progress could not be read: {error}", stacklevel=2)
        return set()
    except (ValueError, KeyError, TypeError):
        aside = path.with_name(path.name + ".damaged")
        try:
            os.replace(path, aside)
            warnings.warn(f"your progress file was damaged; it is now {aside}, and a new one begins", stacklevel=2)
        except OSError:
            warnings.warn(f"your progress file {path} is damaged; progress begins anew", stacklevel=2)
        return set()


def note(number: str, outcome: str) -> None:
    """Note the outcome of a check. An exercise once solved stays so."""
    if outcome != "correct":
        return
    numbers = solved()
    if number in numbers:
        return
    path = progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8") as new:
            json.dump({"solved": sorted(numbers | {number})}, new)
        os.replace(new.name, path)  # at once or not at all
    except OSError as error:
        warnings.warn(f"your progress could not be saved: {error}", stacklevel=2)


def table(exercises: Sequence[Any]) -> str:
    """Return as Markdown the exercises notebook by notebook, with a mark at each that is solved."""
    done = solved()
    rows = ["| notebook | solved | exercises |", "|---|---|---|"]
    for notebook in dict.fromkeys(exercise.number.split(".")[0] for exercise in exercises):
        of_notebook = [exercise for exercise in exercises if exercise.number.split(".")[0] == notebook]
        marks = [f"{'✓' if e.number in done else '○'} {e.number} {e.title}" for e in of_notebook]
        count = sum(e.number in done for e in of_notebook)
        rows.append(f"| {int(notebook):02} | {count} of {len(of_notebook)} | {'; '.join(marks)} |")
    return "\n".join(rows)
