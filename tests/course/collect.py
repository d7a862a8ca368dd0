"""Where the modules beside this one put their answers."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """Code that a learner might write.

    Attributes
    ----------
    number : str
        Of the exercise.
    name : str
        What is special about this answer.
    code : str
        Runs after the notebook's imports and the definitions that the exercise needs.
    cause : str
        For a wrong answer: a regular expression that the message must match, the cause of this very mistake.
    """

    number: str
    name: str
    code: str
    cause: str = ""


RIGHT: list[Answer] = []
WRONG: list[Answer] = []
NEEDS: dict[str, tuple[str, ...]] = {}


def right(number: str, name: str, code: str) -> None:
    """Add an answer that is right, and written differently from the solution."""
    RIGHT.append(Answer(number, name, code))


def wrong(number: str, name: str, code: str, cause: str) -> None:
    """Add a mistake that people make, and what the message must say."""
    WRONG.append(Answer(number, name, code, cause))


def needs(number: str, *names: str) -> None:
    """Say which definitions of its notebook an exercise builds on."""
    NEEDS[number] = names


def load() -> None:
    """Import all modules of answers, once."""
    for path in sorted(Path(__file__).parent.glob("n[0-9][0-9]_*.py")):
        importlib.import_module(path.stem)
