"""Exercises that know right from wrong: check, hint, solution."""

from __future__ import annotations

import ast
import html
import importlib
import numbers
import pkgutil
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from d2lhelpers import learner
from d2lhelpers.guarded import CPU_SECONDS, DiedSilently, RanTooLong, run_guarded

SOLUTIONS = Path(__file__).parent / "exercises" / "solutions"

CORRECT, INCORRECT, NOT_ATTEMPTED = "correct", "incorrect", "not attempted"


class Incorrect(Exception):
    """An answer is wrong; the message names the cause."""


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
        return (SOLUTIONS / f"exercise_{self.number.replace('.', '_')}.py").read_text(encoding="utf-8")

    @property
    def solution(self) -> str:
        """The code with the answer filled in."""
        return _without_marks(self.source)

    @property
    def stub(self) -> str:
        """The code with the answer cut out."""
        return _cut(self.source)


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
    """

    number: str
    outcome: str
    cause: str = ""

    def __str__(self) -> str:
        mark = {CORRECT: "✓", INCORRECT: "✗", NOT_ATTEMPTED: "○"}[self.outcome]
        return f"{mark} Exercise {self.number} {self.outcome}" + (f": {self.cause}" if self.cause else ".")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        color = {CORRECT: "#009E73", INCORRECT: "#D55E00", NOT_ATTEMPTED: "#888888"}[self.outcome]
        head, _, rest = str(self).partition(": ") if self.cause else (str(self), "", "")
        text = f"<b>{html.escape(head)}{':' if rest else ''}</b> {html.escape(rest)}".strip()
        return f"<div style='border-left:4px solid {color};padding:.2em .8em'>{text}</div>"


class Text(str):
    """Text that a notebook shows as Markdown."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


_registry: dict[str, Exercise] = {}
_hints_given: dict[str, int] = {}


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
    from d2lhelpers import exercises

    for module in pkgutil.iter_modules(exercises.__path__):
        importlib.import_module(f"{exercises.__name__}.{module.name}")
    return dict(sorted(_registry.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def find(number: str) -> Exercise:
    """Return the exercise with this number.

    Raises
    ------
    ValueError
        If there is none; the message lists those of the same notebook.
    """
    exercises = all_exercises()
    number = str(number)
    if number not in exercises:
        near = [other for other in exercises if other.split(".")[0] == number.split(".")[0]] or list(exercises)
        raise ValueError(f"there is no exercise {number!r}; there are {', '.join(near)}")
    return exercises[number]


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
        Correct, incorrect with the cause, or not attempted yet. It is also noted in your progress.
    """
    asked = find(number)
    if answers is None:
        answers = sys._getframe(1).f_globals
    verdict = judge(asked, answers)
    learner.note(asked.number, verdict.outcome)
    return verdict


def judge(asked: Exercise, answers: Mapping[str, Any]) -> Verdict:
    """Check an answer as `check` does, without noting it."""
    missing = [name for name in asked.names if name not in answers]
    if missing:
        todo = f"define {', '.join(missing)} in the cell above, run it, and check again"
        return Verdict(asked.number, NOT_ATTEMPTED, todo + f'. d2l.hint("{asked.number}") helps.')
    given = [answers[name] for name in asked.names]
    if any(value is ... for value in given):
        blank = [name for name, value in zip(asked.names, given) if value is ...]
        verb = "is" if len(blank) == 1 else "are"
        todo = f'{", ".join(blank)} {verb} still to be found. d2l.hint("{asked.number}") helps.'
        return Verdict(asked.number, NOT_ATTEMPTED, todo)
    try:
        result = run_guarded(lambda: _judge_here(asked, given))
    except RanTooLong:
        cause = f"your code was stopped, it took more than {CPU_SECONDS:g} s. Is there a loop that never ends?"
        return Verdict(asked.number, INCORRECT, cause)
    except MemoryError:
        return Verdict(asked.number, INCORRECT, "your code was stopped, it wanted more memory than a check may take.")
    except DiedSilently:
        return Verdict(asked.number, INCORRECT, "your code ended the whole process; look for exit() and the like.")
    return Verdict(asked.number, **result)


def hint(number: str) -> Text:
    """Return a hint; each call says more than the one before."""
    asked = find(number)
    shown = _hints_given.get(asked.number, 0)
    _hints_given[asked.number] = shown + 1
    k = min(shown, len(asked.hints) - 1)
    more = f' (another: d2l.hint("{asked.number}") again)' if k + 1 < len(asked.hints) else ""
    return Text(f"**Hint {k + 1} of {len(asked.hints)}.** {asked.hints[k]}{more}")


def solution(number: str) -> Text:
    """Return the solution of an exercise, as code to read or to paste."""
    asked = find(number)
    return Text(f"**Exercise {asked.number}, a solution.** Others are right too.\n\n```python\n{asked.solution}\n```")


def my_progress() -> Text:
    """Return a table of the course's exercises and what you have solved, from all your sessions."""
    return Text(learner.table(list(all_exercises().values())))


def _judge_here(asked: Exercise, given: list[Any]) -> dict[str, str]:
    """Run the check itself; whatever the learner's code raises becomes a verdict."""
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning is not a mistake
            torch.manual_seed(int(asked.number.replace(".", "")))
            asked.check(*given)
    except Incorrect as error:
        return {"outcome": INCORRECT, "cause": str(error)}
    except MemoryError:
        raise
    except RecursionError:
        return {"outcome": INCORRECT, "cause": "your code calls itself without end (RecursionError)."}
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if _is_stub(error):
            todo = f'a part is still to be written. d2l.hint("{asked.number}") helps.'
            return {"outcome": NOT_ATTEMPTED, "cause": todo}
        if "not enough memory" in str(error) or "allocate memory" in str(error):
            raise MemoryError from None
        return {"outcome": INCORRECT, "cause": f"your code raised {_described(error)}"}
    return {"outcome": CORRECT, "cause": ""}


# What checks are made of


def call(function: Any, *arguments: Any, name: str | None = None) -> Any:
    """Call what the learner wrote; what it raises becomes `Incorrect` with the call and the error.

    Parameters
    ----------
    function : callable
        The learner's function, class or module.
    *arguments
        What to call it with.
    name : str, optional
        What to call it in the message.

    Raises
    ------
    Incorrect
        If it cannot be called, or raises.
    NotImplementedError
        If it is still the stub.
    """
    name = name or getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        raise Incorrect(f"{name} should be something to call, a function or a class; it is {shown(function)}")
    try:
        return function(*arguments)
    except (MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:
        if _is_stub(error):
            raise
        if "not enough memory" in str(error) or "allocate memory" in str(error):
            raise MemoryError from None
        with_what = ", ".join(shown(argument) for argument in arguments)
        raise Incorrect(f"{name}({with_what}) raised {_described(error)}") from error


def number(value: Any, name: str) -> float:
    """Return an answer that should be a number; a tensor of one element will do.

    Raises
    ------
    Incorrect
        If it is not a finite number.
    """
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise Incorrect(f"{name} should be a number; it is {shown(value)}")
    if abs(value) > 1e300 or value != value:
        raise Incorrect(f"{name} is {shown(value)}; it should be a finite number of ordinary size")
    return value


def whole_number(value: Any, name: str) -> int:
    """Return an answer that should be a whole number; 3.0 will do.

    Raises
    ------
    Incorrect
        If it is not.
    """
    value = number(value, name)
    if value != int(value):
        raise Incorrect(f"{name} is {float(value):g}; it should be a whole number")
    return int(value)


def tensor(value: Any, shape: tuple[int, ...] | None, name: str) -> torch.Tensor:
    """Return an answer that should be a tensor of finite numbers, of a shape if one is given.

    Raises
    ------
    Incorrect
        If it is not; the message has the shape that was found.
    """
    if not isinstance(value, torch.Tensor):
        raise Incorrect(f"{name} should be a tensor; it is {shown(value)}")
    if value.device.type == "meta":
        raise Incorrect(f"{name} is on the device 'meta', where tensors have no numbers")
    if value.layout != torch.strided:
        raise Incorrect(f"{name} is a tensor of layout {value.layout}; expected an ordinary one")
    value = value.detach().cpu()
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise Incorrect(f"{name} has the shape {tuple(value.shape)}; expected {tuple(shape)}")
    if not bool(torch.isfinite(value).all()):
        raise Incorrect(f"{name} has numbers that are not finite (nan or inf)")
    return value


def text(value: Any, name: str, words: int) -> str:
    """Return an answer that should be a text of at least so many words.

    Raises
    ------
    Incorrect
        If it is not.
    """
    if not isinstance(value, str):
        raise Incorrect(f"{name} should be a text in quotes; it is {shown(value)}")
    found = len(set(re.findall(r"\w+", value.lower())))
    if found < words:
        raise Incorrect(f"{name} has {found} different words; say it in at least {words}")
    return value


def shown(value: Any) -> str:
    """Return a short description of any value, which cannot fail."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, torch.nn.Module):
        return f"a {type(value).__name__}"
    if isinstance(value, type) or callable(value):
        return getattr(value, "__name__", type(value).__name__)
    try:
        described = repr(value)
    except Exception:
        return f"a {type(value).__name__}"
    return described if len(described) <= 60 else f"a {type(value).__name__}"


def _is_stub(error: BaseException) -> bool:
    """Tell whether this error says that the answer is not written yet; PyTorch's own have a message."""
    return isinstance(error, NotImplementedError) and not error.args


def _described(error: BaseException) -> str:
    """Return an exception in one line, which cannot fail."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    return type(error).__name__ + (f": {message[:200]}" if message else "")


# The stub is cut from the solution


def _cut(source: str) -> str:
    """Return the code without the answer.

    ``name = value  # answer`` becomes ``name = ...``. The lines from ``# answer`` to ``# end of answer``
    become one that raises NotImplementedError or, outside functions, ``name = ...`` for each name that
    they assign.
    """
    lines, block = [], None
    for line in source.strip().splitlines():
        mark = line.strip()
        if mark == "# answer":
            block, indentation = [], line[: -len(mark)]
        elif mark == "# end of answer":
            lines += [f"{indentation}raise NotImplementedError  # your code here"] if indentation else _blanks(block)
            block = None
        elif block is not None:
            block.append(line)
        else:
            lines.append(re.sub(r"^(\s*\w+ =) .*# answer$", r"\1 ...", line))
    if block is not None or any(line.endswith("# answer") for line in lines):
        raise ValueError(f"an answer is not marked as it should be in:\n{source}")
    return "\n".join(lines)


def _blanks(block: list[str]) -> list[str]:
    """Return ``name = ...`` for each name that these lines assign."""
    assigned = [
        target.id
        for node in ast.parse("\n".join(block)).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return [f"{name} = ..." for name in dict.fromkeys(assigned)]


def _without_marks(source: str) -> str:
    """Return the code with the answer, without the marks."""
    lines = source.strip().splitlines()
    kept = [line for line in lines if line.strip() not in ("# answer", "# end of answer")]
    return "\n".join(re.sub(r"\s*# answer$", "", line) for line in kept)
