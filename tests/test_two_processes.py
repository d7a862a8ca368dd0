"""Two processes for real: what they compute together is what one computes, but for batch norm."""

from __future__ import annotations

import pytest
import torch

from d2lhelpers.two_processes import torchrun


@pytest.fixture(scope="module")
def found():
    """Return what one and what two processes print."""
    return {processes: torchrun(processes) for processes in (1, 2)}


def test_the_averaged_gradient_is_that_of_one_process(found):
    assert found[1]["Identity"] < 1e-6 and found[2]["Identity"] < 1e-6


def test_batch_norm_makes_it_another_function(found):
    assert found[1]["BatchNorm2d"] < 1e-6
    assert found[2]["BatchNorm2d"] > 1e-3


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has SyncBatchNorm")
def test_a_cpu_says_that_it_has_no_shared_batch_norm(found):
    assert "GPU" in found[2]["SyncBatchNorm"]


def test_both_say_how_fast_they_were(found):
    assert all(result["images/s"] > 0 for result in found.values())
