"""What arguments have to be, and an error that says so."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any


def whole_number(value: Any, name: str, lowest: int = 1, highest: int | None = None) -> int:
    """Return an argument that has to be a whole number, of Python's type or of NumPy's.

    Raises
    ------
    ValueError
        If it is none, or outside its range; the message has the argument's name and what was given.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < lowest or (highest is not None and number > highest):
        to = "" if highest is None else f" to {highest}"
        raise ValueError(f"{name} must be a whole number from {lowest}{to}; got {value!r}")
    return number


def positive_number(value: Any, name: str) -> float:
    """Return an argument that has to be a number above zero, such as a learning rate.

    Raises
    ------
    ValueError
        If it is none; the message has the argument's name and what was given.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number; got {value!r}")
    return value
