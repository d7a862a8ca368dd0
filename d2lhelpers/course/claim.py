"""State a finding together with the evidence for it."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

from d2lhelpers.page.printable import printable
from d2lhelpers.page.stop import any_interrupted


class ClaimError(AssertionError):
    """The evidence does not bear the claim."""


def claim(
    statement: str,
    holds: bool | Iterable[bool] | Mapping[Any, bool],
    evidence: Mapping[str, Any],
    *,
    each: str = "case",
    runs: Any = None,
) -> Claim:
    """State a finding, show the evidence for it, and say whether the evidence bears it.

    A claim that does not hold is shown like any other result, and the page goes on: with your own
    settings, that is what you wanted to know. The course's tests set ``D2LHELPERS_CLAIMS=strict`` in the
    environment; then it raises.

    Parameters
    ----------
    statement : str
        The finding as a sentence. Keep measured digits out of it; they belong in the evidence.
    holds : bool, iterable of bool, or mapping to bool
        Whether the evidence bears the statement: one answer, or one for every seed (or case), perhaps
        with the seed as its key. The claim holds only if every one of them is true; the text says how
        many there were.
    evidence : mapping
        The numbers that decide, by name. Floats are shown with three significant digits. Where every
        case has its number, they are shown as a table with a column for each case.
    each : str
        What a case is, in the singular: ``"seed"``.
    runs : optional
        The history, or several, that the evidence is from: anything with an attribute `interrupted`, an
        iterable of such, or a mapping to such. If one was interrupted, the claim is not decided, whatever
        `holds` says; that is shown, and nothing raises.

    Returns
    -------
    Claim
        Shown by the notebook as the last value of its cell; true in an `if` or `assert` if it holds.

    Raises
    ------
    ClaimError
        Under ``D2LHELPERS_CLAIMS=strict``, if the claim does not hold.
    ValueError
        If the statement, the cases or the evidence are missing.
    TypeError
        If `holds` is something that is neither true nor false.

    Examples
    --------
    >>> print(claim("Three is more than two", holds=3 > 2, evidence={"three": 3, "two": 2}))
    Holds: Three is more than two.
    evidence: three = 3, two = 2
    >>> losses = {0: (0.6, 1.5), 1: (0.5, 1.7)}
    >>> claim(
    ...     "The deep net has the higher loss",
    ...     holds={seed: deep > shallow for seed, (shallow, deep) in losses.items()},
    ...     evidence={"8 layers": [0.6, 0.5], "56 layers": [1.5, 1.7]},
    ...     each="seed",
    ... )
    Holds for 2 of 2 seeds: The deep net has the higher loss.
    evidence: 8 layers = 0.6, 0.5, 56 layers = 1.5, 1.7
    """
    if not isinstance(statement, str) or not statement.strip():
        raise ValueError(f"a claim needs a statement, a sentence as text; got {statement!r}")
    statement = statement.strip().rstrip(".")
    if any_interrupted(runs):
        return Claim(statement, [], dict(evidence), each)
    if not evidence:
        raise ValueError("a claim needs evidence: pass the numbers that decide, by name")
    labels = list(holds) if isinstance(holds, Mapping) else None
    verdicts = _as_verdicts(list(holds.values()) if isinstance(holds, Mapping) else holds)
    result = Claim(statement, verdicts, dict(evidence), each, labels)
    if not result and os.environ.get("D2LHELPERS_CLAIMS") == "strict":
        raise ClaimError(str(result))
    return result


class Claim:
    """A finding with its verdicts, of which there is none if a run was stopped early, and its evidence."""

    def __init__(
        self,
        statement: str,
        verdicts: list[bool],
        evidence: dict[str, Any],
        each: str = "case",
        labels: list[Any] | None = None,
    ) -> None:
        self.statement, self.verdicts, self.evidence = statement, verdicts, evidence
        self.each, self.labels = each, labels

    @property
    def not_finite(self) -> list[str]:
        """The names of evidence that is not finite and so decides nothing."""
        return [name for name, value in self.evidence.items() if not _is_finite(value)]

    @property
    def verdict(self) -> str:
        """The verdict in words; it does not depend on the digits of the evidence."""
        if not self.verdicts:
            return "Not decided, a run was stopped early"
        held, cases = sum(self.verdicts), len(self.verdicts)
        if held == cases and self.not_finite:
            return f"Not shown, evidence that is not finite decides nothing ({', '.join(self.not_finite)})"
        count = "" if cases == 1 else f" for {held} of {cases} {self.each}s"
        return f"Holds{count}" if held == cases else f"Does not hold{count and ', only' + count}"

    @property
    def evidence_text(self) -> str:
        """The evidence in one line."""
        return "evidence: " + ", ".join(f"{name} = {_shown(value)}" for name, value in self.evidence.items())

    def __bool__(self) -> bool:
        return bool(self.verdicts) and all(self.verdicts) and not self.not_finite

    def __repr__(self) -> str:
        return printable(f"{self.verdict}: {self.statement}.\n{self.evidence_text}")

    def _repr_html_(self) -> str:
        mark, color = ("✓", "#009E73") if self else ("✗", "#D55E00") if self.verdicts else ("…", "#E69F00")
        return (
            f"<div style='border-left:4px solid {color};padding:.2em .8em'>"
            f"<p><b>{mark} {html.escape(self.verdict)}:</b> {html.escape(self.statement)}.</p>"
            f"<table class='evidence'>{self._evidence_rows()}</table></div>"
        )

    def _evidence_rows(self) -> str:
        """Return the evidence as rows: a column for each case if every case has a number of its own."""
        rows = {name: [_shown_number(number) for number in _numbers(value)] for name, value in self.evidence.items()}
        cases = len(self.verdicts)
        if cases < 2 or any(len(row) != cases for row in rows.values()):
            return (
                "<tr>" + "".join(_cell(f"{name}: ", _shown(value)) for name, value in self.evidence.items()) + "</tr>"
            )
        labels = [self.each, *map(str, self.labels)] if self.labels else []
        head = "<tr>" + "".join(f"<th style='text-align:right'>{html.escape(text)}</th>" for text in labels) + "</tr>"
        body = (_cell(name, "") + "".join(_cell("", number, "right") for number in row) for name, row in rows.items())
        return (head if labels else "") + "".join(f"<tr>{row}</tr>" for row in body)


def _cell(plain: str, strong: str, align: str = "left") -> str:
    """Return a cell of a table in HTML, with a plain and a bold part."""
    bold = f"<b>{html.escape(strong)}</b>" if strong else ""
    return f"<td style='text-align:{align}'>{html.escape(plain)}{bold}</td>"


def _as_verdicts(holds: Any) -> list[bool]:
    """Return the cases as a list of bool; refuse what is neither true nor false."""
    cases = list(holds) if isinstance(holds, Iterable) and not _is_scalar(holds) else [holds]
    if not cases:
        raise ValueError("a claim over no case at all says nothing: holds is empty")
    for case in cases:
        value = case.item() if _is_scalar(case) else case
        if not isinstance(value, bool):
            raise TypeError(f"holds must be true or false, or one of these for each case; got {case!r}")
    return [bool(case) for case in cases]


def _is_scalar(value: Any) -> bool:
    """Tell whether `value` is a tensor or array of one element without a dimension."""
    return hasattr(value, "item") and getattr(value, "ndim", None) == 0


def _numbers(value: Any) -> list[Any]:
    """Return the numbers in one piece of evidence: itself, or the elements of a list or tensor."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [number for element in value for number in _numbers(element)]
    return [value]


def _is_finite(value: Any) -> bool:
    return all(math.isfinite(number) for number in _numbers(value) if isinstance(number, float))


def _shown(value: Any) -> str:
    """Return one piece of evidence as text."""
    return ", ".join(_shown_number(number) for number in _numbers(value))


def _shown_number(number: Any) -> str:
    if isinstance(number, float):
        return f"{number:,.0f}" if 1000 <= abs(number) < 1e15 else f"{number:.3g}"
    return f"{number:,}" if type(number) is int else str(number)
