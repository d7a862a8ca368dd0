"""Whole numbers are what Python can count with, whoever made them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from d2lhelpers.arguments import positive_number, whole_number


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3), torch.tensor([3])])
def test_a_whole_number_of_any_library_is_one(value):
    number = whole_number(value, "batch_size")
    assert number == 3 and type(number) is int


@pytest.mark.parametrize("value", [0, -1, True, np.int64(0), 3.0, "3", None, [3], np.float32(3), torch.tensor(3.0)])
def test_anything_else_is_refused_with_its_name(value):
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1; got"):
        whole_number(value, "batch_size")


def test_the_lowest_may_be_another():
    assert whole_number(0, "i", lowest=0) == 0
    with pytest.raises(ValueError, match="i must be a whole number from 2"):
        whole_number(1, "i", lowest=2)


@pytest.mark.parametrize("value", [3, 0.1, np.float32(0.5), np.int64(2)])
def test_a_positive_number_of_any_type_is_one(value):
    assert positive_number(value, "lr") == value


@pytest.mark.parametrize("value", [0, -0.1, float("nan"), float("inf"), True, "0.1", None, [0.1]])
def test_no_other_is(value):
    with pytest.raises(ValueError, match="lr must be a positive number; got"):
        positive_number(value, "lr")
