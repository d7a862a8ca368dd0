"""claim: a finding with its evidence, which fails loudly where the evidence does not bear it."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from d2lhelpers.course import ClaimError, claim

TRUE = [
    True, np.bool_(True), np.array(True), torch.tensor(True),
    [True, True], (True,), np.array([True]), torch.tensor([True, True]),
]  # fmt: skip
FALSE = [
    False, np.bool_(False), torch.tensor(False),
    [True, False], np.array([True, False]), torch.tensor([False, False]),
]  # fmt: skip


@pytest.mark.parametrize("holds", TRUE, ids=repr)
def test_a_claim_that_holds_is_returned(holds):
    result = claim("Deeper is worse.", holds, {"loss": 0.5})
    assert str(result).startswith("Holds")
    assert "Deeper is worse." in str(result)
    assert "loss = 0.5" in str(result)


@pytest.mark.parametrize("holds", FALSE, ids=repr)
def test_a_claim_that_does_not_hold_fails_with_statement_and_evidence(holds):
    with pytest.raises(ClaimError, match="Does not hold") as caught:
        claim("Deeper is worse", holds, {"loss of 8 layers": 0.51234, "loss of 56 layers": 1.5})
    assert "Deeper is worse." in str(caught.value)
    assert "loss of 8 layers = 0.512, loss of 56 layers = 1.5" in str(caught.value)


def test_the_error_is_an_assertion_error_as_tests_expect():
    assert issubclass(ClaimError, AssertionError)


def test_a_list_of_cases_is_counted():
    assert "Holds for 3 of 3 cases" in claim("s", [True] * 3, {"n": 1}).verdict
    assert "Holds for 2 of 2 cases" in claim("s", (x > 0 for x in (1, 2)), {"n": 1}).verdict
    with pytest.raises(ClaimError, match="only for 1 of 3 cases"):
        claim("s", [True, False, False], {"n": 1})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float32("nan"), torch.tensor(math.nan)])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [1.0, x], lambda x: [[1], [x]]], ids=["one", "list", "nested"])
def test_evidence_that_is_not_finite_bears_nothing(number, wrap):
    with pytest.raises(ClaimError, match="not finite.*bad") as caught:
        claim("s", True, {"good": 1.0, "bad": wrap(number)})
    assert "Holds" not in str(caught.value)


def test_tensors_and_arrays_of_evidence_are_looked_into():
    with pytest.raises(ClaimError):
        claim("s", True, {"losses": torch.tensor([1.0, math.nan])})
    with pytest.raises(ClaimError):
        claim("s", True, {"losses": np.array([[1.0], [math.inf]])})


@pytest.mark.parametrize("evidence", [{}, None, []])
def test_a_claim_without_evidence_is_refused(evidence):
    with pytest.raises(ValueError, match="needs evidence"):
        claim("s", True, evidence)


@pytest.mark.parametrize("statement", ["", "  ", None, 3])
def test_a_claim_without_statement_is_refused(statement):
    with pytest.raises(ValueError, match="needs a statement"):
        claim(statement, True, {"n": 1})


@pytest.mark.parametrize("holds", [[], (), torch.tensor([], dtype=torch.bool), np.array([], dtype=bool)], ids=repr)
def test_a_claim_over_no_case_is_refused(holds):
    with pytest.raises(ValueError, match="empty"):
        claim("s", holds, {"n": 1})


@pytest.mark.parametrize(
    "holds",
    ["yes", "True", None, 1, 0.9, [1, True], ["a"], torch.tensor(1.0), torch.tensor([1, 0]), np.array([0.5])],
    ids=repr,
)
def test_what_is_neither_true_nor_false_is_refused(holds):
    with pytest.raises(TypeError, match="true or false"):
        claim("s", holds, {"n": 1})


def test_evidence_is_shown_rounded_grouped_and_in_order():
    evidence = {
        "share": 0.123456, "speed": 1234.5, "parameters": 11_178_378, "same": True, "name": "SGD", "seeds": [0.5, 1.0],
        "t": torch.tensor([2, 3]),
    }  # fmt: skip
    shown = str(claim("s", True, evidence)).splitlines()[1]
    assert shown == (
        "evidence: share = 0.123, speed = 1,234, parameters = 11,178,378, same = True, name = SGD, seeds = 0.5, 1, "
        "t = 2, 3"
    )


def test_html_has_statement_verdict_and_evidence_and_is_escaped():
    html = claim("a < b", [True, True], {"<a>": 1.25, "b": "<i>"})._repr_html_()
    assert "Holds for 2 of 2 cases" in html
    assert "a &lt; b." in html
    assert "&lt;a&gt;: <b>1.25</b>" in html
    assert "b: <b>&lt;i&gt;</b>" in html
    assert "<i>" not in html


def test_the_verdict_does_not_depend_on_measured_digits():
    assert claim("s", True, {"x": 0.1}).verdict == claim("s", True, {"x": 0.2}).verdict


def test_a_full_stop_is_not_doubled():
    assert "s..\n" not in str(claim("s.", True, {"n": 1}))


def test_changing_the_evidence_afterwards_does_not_change_the_claim():
    evidence = {"n": 1}
    result = claim("s", True, evidence)
    evidence["n"] = 2
    assert "n = 1" in str(result)


def test_in_a_learners_hands_a_failure_is_a_result(monkeypatch):
    monkeypatch.delenv("D2LHELPERS_CLAIMS")
    shown = claim("Three is more than two", [True, False], {"three": 3, "two": float("nan")})
    assert str(shown).startswith("Does not hold, only for 1 of 2 cases: Three")
    assert "✗" in shown._repr_html_() and "✓" not in shown._repr_html_() and not shown
    shown = claim("Three is more than two", True, {"three": math.nan})
    assert "not finite" in shown.verdict and "✗" in shown._repr_html_() and not shown


@pytest.mark.parametrize("holds", [*TRUE, *FALSE, [], "nonsense", [float("nan") > 1]], ids=repr)
def test_a_claim_from_a_run_that_was_stopped_early_is_not_decided_whatever_holds(holds):
    runs = {"a": SimpleNamespace(interrupted=False), "b": SimpleNamespace(interrupted=True)}
    shown = claim("Deeper is worse", holds, {"loss": math.nan}, runs=runs)
    assert str(shown).startswith("Not decided, a run was stopped early: Deeper is worse.")
    assert "loss = nan" in str(shown)
    assert "✓" not in shown._repr_html_() and "✗" not in shown._repr_html_() and "Not decided" in shown._repr_html_()
    assert not shown


def test_runs_that_were_not_stopped_decide():
    whole = [SimpleNamespace(interrupted=False)] * 2
    assert claim("s", True, {"n": 1}, runs=whole)
    with pytest.raises(ClaimError):
        claim("s", False, {"n": 1}, runs=whole)


def test_a_claim_is_true_if_it_holds(monkeypatch):
    monkeypatch.delenv("D2LHELPERS_CLAIMS")
    assert claim("s", [True, True], {"n": 1})
    assert not claim("s", [True, False], {"n": 1})
    assert not claim("s", {0: True, 1: False}, {"n": 1})


def test_a_case_can_have_its_name_and_its_column():
    shown = claim("Deeper is worse", {7: True, 8: True}, {"shallow": [0.5, 0.25], "deep": (1, 2)}, each="seed")
    assert str(shown) == "Holds for 2 of 2 seeds: Deeper is worse.\nevidence: shallow = 0.5, 0.25, deep = 1, 2"
    rows = re.findall("<tr>(.*?)</tr>", shown._repr_html_())
    assert [re.findall(r"<t[hd][^>]*>(?:<b>)?([^<]*)", row) for row in rows] == [
        ["seed", "7", "8"], ["shallow", "0.5", "0.25"], ["deep", "1", "2"]
    ]  # fmt: skip


def test_evidence_that_is_not_of_the_cases_stays_in_one_row():
    html = claim("s", {7: True, 8: True}, {"shallow": [0.5, 0.25], "images": 3}, each="seed")._repr_html_()
    assert html.count("<tr>") == 1 and "shallow: <b>0.5, 0.25</b>" in html


def test_a_mapping_with_a_false_case_does_not_hold():
    with pytest.raises(ClaimError, match="Does not hold, only for 1 of 2 seeds"):
        claim("s", {0: True, 1: False}, {"n": 1}, each="seed")
    with pytest.raises(ValueError, match="empty"):
        claim("s", {}, {"n": 1})
