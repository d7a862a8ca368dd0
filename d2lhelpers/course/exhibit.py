"""The exhibits of the bug museum: code with a mistake, and the same code fixed."""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, choice, described, is_stub, shown
from d2lhelpers.course.exercise import folder_of, section
from d2lhelpers.course.guarded import _TooLate
from d2lhelpers.evaluating import evaluating
from d2lhelpers.out_of_memory import ran_out_of_memory

IMPORTS = {"torch": torch, "nn": nn, "F": F, "evaluating": evaluating}


def exhibit_code(number: str, version: str) -> str:
    """Return the code of an exhibit: its "broken" or its "fixed" version.

    Both stand in one file. Lines that end in ``# broken`` or ``# fixed`` belong to one of them,
    all others to both.
    """
    other = {"broken": "fixed", "fixed": "broken"}[version]
    lines = section(folder_of(number) / "exhibits.py", "exhibit", number).splitlines()
    kept = [line for line in lines if not line.endswith(f"# {other}")]
    return "\n".join(re.sub(rf"\s*# {version}$", "", line) for line in kept)


def exhibit(number: str, subject: str) -> tuple[Any, Any]:
    """Return what is called `subject` in an exhibit, broken and fixed.

    Parameters
    ----------
    number : str
        Such as ``"15.1"``.
    subject : str
        The name of a class or function in its code.
    """
    versions = []
    for version in ("broken", "fixed"):
        variables: dict[str, Any] = {"__name__": "exhibit", **IMPORTS}
        exec(exhibit_code(number, version), variables)
        versions.append(variables[subject])
    return versions[0], versions[1]


def check_hunt(
    number: str,
    subject: str,
    answers: tuple[Any, Any],
    right: str,
    wrong: Mapping[str, str],
    also_right: Mapping[str, Any] | None = None,
    also_broken: Mapping[str, Any] | None = None,
) -> None:
    """Check a learner's diagnosis of an exhibit, and the test that is to catch the mistake.

    Parameters
    ----------
    number, subject
        Of the exhibit.
    answers : (diagnosis, test)
        The letter that the learner chose, and a function of one argument, the class or function to be tested.
    right : str
        The right letter.
    wrong : mapping of str to str
        Why each other letter is not the cause.
    also_right, also_broken : mapping of str to object, optional
        Right code that is written differently, and code with the same mistake in another place, by
        what is special about it. The test has to judge them rightly too.

    Raises
    ------
    Incorrect
        If the diagnosis is another, or the test does not fail on the broken and pass on the right code, the same
        each time. What it returns does not count.
    """
    diagnosis, test = answers
    choice(diagnosis, "the diagnosis", right, wrong)
    if not callable(test):
        raise Incorrect(f"the diagnosis is right; the test should be a function of one argument, it is {shown(test)}")
    broken, fixed = exhibit(number, subject)
    on_fixed, _ = _outcome(test, fixed)
    on_broken, result = _outcome(test, broken)
    if on_fixed and not on_broken:
        raise Incorrect(
            f"your test is upside down: it passes on the broken code and fails on the fixed one ({on_fixed})"
        )
    if on_fixed:
        raise Incorrect(f"your test fails on the fixed code too, so it cannot tell them apart: {on_fixed}")
    if not on_broken:
        raise Incorrect(_said_nothing(result))
    for what, subject_object in (also_right or {}).items():
        error, _ = _outcome(test, subject_object)
        if error:
            _require_the_same_again(test, broken, fixed)
            raise Incorrect(f"your test fails on right code that is written differently ({what}): {error}")
    for what, subject_object in (also_broken or {}).items():
        error, result = _outcome(test, subject_object)
        if not error:
            _require_the_same_again(test, broken, fixed)
            said = "" if result is None else f"; there it returned {shown(result)} and raised nothing, use assert"
            raise Incorrect(f"your test catches this exhibit, and misses the same mistake elsewhere ({what}){said}")
    _require_the_same_again(test, broken, fixed)


def _outcome(test: Callable[[Any], Any], subject: Any) -> tuple[str, Any]:
    """Run a test; return how it failed, nothing if it passed, and what it returned."""
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(0)
    try:
        return "", test(subject)
    except AssertionError as error:
        return described(error) if error.args else "an assertion does not hold", None
    except (KeyboardInterrupt, GeneratorExit, _TooLate):
        raise
    except BaseException as error:  # that of pytest.fail is no Exception
        if is_stub(error) or ran_out_of_memory(error) or isinstance(error, RecursionError):
            raise
        if "is a built-in class" in str(error) or "could not get source code" in str(error):
            return "its source cannot be read; test what the code does, not how it is written", None
        return described(error), None


def _said_nothing(result: Any) -> str:
    """Return what is wrong with a test that passes on the broken code, by what it returned there."""
    if inspect.isgenerator(result) or inspect.iscoroutine(result) or inspect.isasyncgen(result):
        return "your test has a yield or async (or is a generator expression), so its body never runs"
    if result is not None:
        return f"your test returned {shown(result)} on the broken code and raised nothing; use assert"
    return "your test passes on the broken code too; the diagnosis is right, so look at what it changes"


def _require_the_same_again(test: Callable[[Any], Any], broken: Any, fixed: Any) -> None:
    """Run a test once more, and refuse it if it does not fail on the broken and pass on the fixed code as before."""
    on_broken, on_fixed = (_outcome(test, subject)[0] for subject in (broken, fixed))
    if on_fixed or not on_broken:
        raise Incorrect(
            "your test says one thing and then another of the same code: it keeps something from one call to the "
            "next, or asks chance. Make nets and data inside the test"
        )
