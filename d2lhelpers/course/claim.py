"""State a finding together with the evidence for it."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

from d2lhelpers.page.printable import printable
from d2lhelpers.page.stop import any_interrupted


class ClaimError(AssertionError):
    """The evidence does not bear the claim."""


def claim(
    statement: str,
    holds: bool | Iterable[bool],
    evidence: Mapping[str, Any],
    *,
    strict: bool = True,
    runs: Any = None,
) -> Claim:
    """State a finding, show the evidence for it, and fail loudly if the evidence does not bear it.

    Parameters
    ----------
    statement : str
        The finding as a sentence. Keep measured digits out of it; they belong in the evidence.
    holds : bool, or iterable of bool
        Whether the evidence bears the statement: one answer, or one for every seed (or case). The
        claim stands only if every one of them is true; the text says how many there were.
    evidence : mapping
        The numbers that decide, by name. Floats are shown with three significant digits.
    strict : bool
        Whether a claim that does not hold raises. A notebook whose settings the learner has changed
        passes False: then the failure is shown like any other result, and the page goes on.
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
        If any of `holds` is false, or a number in the evidence is not finite, and `strict`.
    ValueError
        If the statement, the cases or the evidence are missing.
    TypeError
        If `holds` is something that is neither true nor false.

    Examples
    --------
    >>> print(claim("Three is more than two", holds=3 > 2, evidence={"three": 3, "two": 2}))
    CLAIM HOLDS: Three is more than two.
    evidence: three = 3, two = 2
    """
    if not isinstance(statement, str) or not statement.strip():
        raise ValueError(f"a claim needs a statement, a sentence as text; got {statement!r}")
    if any_interrupted(runs):
        return Claim(statement.strip().rstrip("."), [], dict(evidence))
    if not evidence:
        raise ValueError("a claim needs evidence: pass the numbers that decide, by name")
    verdicts = _as_verdicts(holds)
    result = Claim(statement.strip().rstrip("."), verdicts, dict(evidence))
    if not strict:
        return result
    not_finite = [name for name, value in result.evidence.items() if not _is_finite(value)]
    if not_finite:
        raise ClaimError(
            f"CLAIM NOT SHOWN, evidence that is not finite decides nothing ({', '.join(not_finite)}): "
            f"{result.statement}.\n{result.evidence_text}"
        )
    if not all(verdicts):
        raise ClaimError(str(result))
    return result


class Claim:
    """A finding with its verdicts, of which there is none if a run was stopped early, and its evidence."""

    def __init__(self, statement: str, verdicts: list[bool], evidence: dict[str, Any]) -> None:
        self.statement, self.verdicts, self.evidence = statement, verdicts, evidence

    @property
    def verdict(self) -> str:
        """The verdict in words; it does not depend on the digits of the evidence."""
        if not self.verdicts:
            return "CLAIM NOT DECIDED, a run was stopped early"
        cases = len(self.verdicts)
        count = "" if cases == 1 else f" in {sum(self.verdicts)} of {cases} cases"
        return f"CLAIM HOLDS{count}" if all(self.verdicts) else f"CLAIM DOES NOT HOLD{count and ', only' + count}"

    @property
    def evidence_text(self) -> str:
        """The evidence in one line."""
        return "evidence: " + ", ".join(f"{name} = {_shown(value)}" for name, value in self.evidence.items())

    def __bool__(self) -> bool:
        return bool(self.verdicts) and all(self.verdicts)

    def __repr__(self) -> str:
        return printable(f"{self.verdict}: {self.statement}.\n{self.evidence_text}")

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<td style='text-align:left'>{html.escape(name)}: <b>{html.escape(_shown(value))}</b></td>"
            for name, value in self.evidence.items()
        )
        mark, color = ("✓", "#009E73") if self else ("✗", "#D55E00") if self.verdicts else ("…", "#E69F00")
        return (
            f"<div style='border-left:4px solid {color};padding:.2em .8em'>"
            f"<p><b>{mark} {html.escape(self.verdict)}:</b> {html.escape(self.statement)}.</p>"
            f"<table class='evidence'><tr>{cells}</tr></table></div>"
        )


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
