"""Exercises that know right from wrong: check, hint, solution."""

from __future__ import annotations

import contextlib
import copy
import html
import importlib
import random
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from d2lhelpers.course import cells, solved
from d2lhelpers.course.checking import Incorrect, described, is_stub
from d2lhelpers.course.guarded import Stopped, run_guarded
from d2lhelpers.out_of_memory import ran_out_of_memory
from d2lhelpers.page.printable import printable

FOLDER = Path(__file__).parent

CORRECT, INCORRECT, NOT_ATTEMPTED = "correct", "incorrect", "not attempted"


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is asked, how an answer is checked, and what helps.

    Attributes
    ----------
    number : str
        Notebook and place in it, such as "3.2".
    title : str
        As in the heading.
    difficulty : int
        1 to 3.
    minutes : int
        How long it takes.
    names : tuple of str
        The variables, functions or classes that the learner defines.
    hints : tuple of str
        At least two, each says more than the one before.
    check : callable
        Takes what the names stand for, in this order; raises `Incorrect` with the cause.
    """

    number: str
    title: str
    difficulty: int
    minutes: int
    names: tuple[str, ...]
    hints: tuple[str, ...]
    check: Callable[..., None]

    @property
    def source(self) -> str:
        """The one place where the answer stands: code with marks around what is the learner's to write."""
        return section(folder_of(self.number) / "solutions.py", "exercise", self.number)

    @property
    def solution(self) -> str:
        """The code with the answer filled in."""
        return _without_marks(self.source)


@dataclass
class Verdict:
    """What a check found.

    Attributes
    ----------
    number : str
        Of the exercise.
    outcome : str
        "correct", "incorrect" or "not attempted".
    cause : str
        What is wrong, or what to do next.

    A verdict is true if the answer is correct, and only then.
    """

    number: str
    outcome: str
    cause: str = ""

    def __bool__(self) -> bool:
        return self.outcome == CORRECT

    def __str__(self) -> str:
        mark = {CORRECT: "✓", INCORRECT: "✗", NOT_ATTEMPTED: "○"}[self.outcome]
        return printable(f"{mark} Exercise {self.number} {self.outcome}" + (f": {self.cause}" if self.cause else "."))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        color = {CORRECT: "#009E73", INCORRECT: "#D55E00", NOT_ATTEMPTED: "#888888"}[self.outcome]
        head, _, rest = str(self).partition(": ") if self.cause else (str(self), "", "")
        text = f"<b>{html.escape(head)}{':' if rest else ''}</b> {html.escape(rest)}".strip()
        return f"<div style='border-left:4px solid {color};padding:.2em .8em'>{text}</div>"


class MarkdownText(str):
    """Text that a notebook shows as Markdown; in a script it is a text like any other, which IPython's class is not."""

    def __new__(cls, text: str) -> MarkdownText:
        return super().__new__(cls, printable(text))

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


_registry: dict[str, Exercise] = {}
_hints_given: dict[str, int] = {}
cells.listen()


def exercise(
    number: str, title: str, *, difficulty: int, minutes: int, names: tuple[str, ...], hints: tuple[str, ...]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the decorated function as the check of an exercise; see `Exercise` for the parameters."""

    def register(check: Callable[..., None]) -> Callable[..., None]:
        _registry[number] = Exercise(number, title, difficulty, minutes, names, hints, check)
        return check

    return register


def all_exercises() -> dict[str, Exercise]:
    """Return every exercise of the course by number, in order."""
    for folder in sorted(FOLDER.glob("n[0-9][0-9]_*")):
        importlib.import_module(f"d2lhelpers.course.{folder.name}.checks")
    return dict(sorted(_registry.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def find(number: str) -> Exercise:
    """Return the exercise with this number.

    Raises
    ------
    TypeError
        If it is not a text: as numbers, 15.1 and 15.10 are the same.
    ValueError
        If there is none; the message lists those of the same notebook.
    """
    if not isinstance(number, str):
        raise TypeError(f'the number of an exercise is a text: write it in quotes, such as "15.10"; got {number!r}')
    exercises = all_exercises()
    if number not in exercises:
        near = [other for other in exercises if other.split(".")[0] == number.split(".")[0]] or list(exercises)
        raise ValueError(f"there is no exercise {number!r}; there are {', '.join(near)}")
    return exercises[number]


def folder_of(number: str) -> Path:
    """Return the folder in which all exercises of the same notebook stand."""
    notebook = int(number.split(".")[0])
    return next(FOLDER.glob(f"n{notebook:02}_*"))


def section(path: Path, kind: str, number: str) -> str:
    """Return what stands in a file below the line ``# Kind number``, up to the next line of this kind.

    Raises
    ------
    ValueError
        If the file has no such line.
    """
    sections = re.split(rf"^# {kind.capitalize()} ([\d.]+)\n", path.read_text(encoding="utf-8"), flags=re.M)
    found = dict(zip(sections[1::2], sections[2::2]))
    if number not in found:
        raise ValueError(f"there is no {kind} {number!r}; there are {', '.join(found)}")
    return found[number].strip()


def check(number: str, answers: Mapping[str, Any] | None = None) -> Verdict:
    """Check your answer to an exercise and say what is wrong with it, if something is.

    Parameters
    ----------
    number : str
        Such as ``"3.2"``.
    answers : mapping, optional
        What you defined, by name; by default all that is defined where this is called, in a
        notebook all its variables.

    Returns
    -------
    Verdict
        Correct, incorrect with the cause, or not attempted yet; true only if it is correct. It is
        also noted in your progress.

    Raises
    ------
    TypeError, ValueError
        If the number is not a text, or no exercise has it.
    """
    asked = find(number)
    edited = ""
    if answers is None:
        failed, edited = cells.failed(asked.names), cells.edited(asked.names)
        if failed:
            return Verdict(asked.number, NOT_ATTEMPTED, failed)
        answers = sys._getframe(1).f_globals
    verdict = judge(asked, answers)
    solved.note(asked.number, verdict.outcome)
    verdict.cause = f"{verdict.cause} {edited}".strip()
    return verdict


def judge(asked: Exercise, answers: Mapping[str, Any]) -> Verdict:
    """Check an answer as `check` does, without noting it."""
    outcome, cause = _outcome(asked, answers)
    if outcome == NOT_ATTEMPTED:
        cause += f' d2l.hint("{asked.number}") helps.'
    return Verdict(asked.number, outcome, cause)


def _outcome(asked: Exercise, answers: Mapping[str, Any]) -> tuple[str, str]:
    """Return the outcome and its cause."""
    missing = [name for name in asked.names if name not in answers]
    if missing:
        return NOT_ATTEMPTED, f"define {', '.join(missing)} in the cell above, run it, and check again."
    given = [answers[name] for name in asked.names]
    blank = [name for name, value in zip(asked.names, given) if value is ...]
    if blank:
        return NOT_ATTEMPTED, f"{', '.join(blank)} {'is' if len(blank) == 1 else 'are'} still to be found."
    try:
        return run_guarded(lambda: _try(asked, given))
    except Stopped as error:
        return INCORRECT, f"your code {error}"


def _try(asked: Exercise, given: list[Any]) -> tuple[str, str]:
    """Run the check itself; whatever the learner's code raises becomes an outcome and its cause."""
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(10_000 + int(asked.number.replace(".", "")))  # no check's generator has this seed
    with contextlib.suppress(Exception):  # what cannot be copied, the check takes as it is
        given = copy.deepcopy(given)
    try:
        asked.check(*given)
    except Incorrect as error:
        return INCORRECT, str(error)
    except RecursionError:
        return INCORRECT, "your code calls itself without end (RecursionError)."
    except (Exception, SystemExit) as error:
        if ran_out_of_memory(error):
            raise MemoryError from None
        if is_stub(error):
            return NOT_ATTEMPTED, "a part is still to be written."
        return INCORRECT, f"your code raised {described(error)}"
    return CORRECT, ""


def hint(number: str) -> MarkdownText:
    """Return a hint; each call says more than the one before."""
    asked = find(number)
    shown = _hints_given.get(asked.number, 0)
    _hints_given[asked.number] = shown + 1
    k = min(shown, len(asked.hints) - 1)
    more = f' (another: d2l.hint("{asked.number}") again)' if k + 1 < len(asked.hints) else ""
    return MarkdownText(f"**Hint {k + 1} of {len(asked.hints)}.** {asked.hints[k]}{more}")


def solution(number: str) -> MarkdownText:
    """Return the solution of an exercise, as code to read or to paste."""
    asked = find(number)
    heading = f"**Exercise {asked.number}, a solution.** Others are right too."
    return MarkdownText(f"{heading}\n\n```python\n{asked.solution}\n```")


def my_progress(save: str | Path | None = None) -> MarkdownText:
    """Return a table of the course's exercises, what you have solved in all your sessions, and what is next.

    Parameters
    ----------
    save : str or Path, optional
        Write a page to keep or to hand in under this name, such as ``"progress.html"``. It says what was solved
        and when, on which day it was made, and with which versions.

    Raises
    ------
    ValueError
        If the name does not end in ``.html``.
    """
    exercises = list(all_exercises().values())
    if save is not None:
        solved.save_page(exercises, Path(save))
    return MarkdownText(solved.table(exercises))


def _without_marks(source: str) -> str:
    """Return the code with the answer, without the marks."""
    lines = source.strip().splitlines()
    kept = [line for line in lines if line.strip() not in ("# answer", "# end of answer")]
    return "\n".join(re.sub(r"\s*# answer$", "", line) for line in kept)
