"""Accumulator: the book's sums, without waiting for a device and without losing digits."""

from __future__ import annotations

import math

import d2l.torch as book
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from d2lhelpers import Accumulator

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


class Unreadable(torch.Tensor):
    """A tensor that lets nobody read its value, as a GPU's would make the reader wait."""

    READERS = {"item", "tolist", "__float__", "__int__", "__bool__", "__index__", "cpu", "numpy"}

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in cls.READERS:
            raise AssertionError(f"the value was read through {function.__name__}")
        return super().__torch_function__(function, types, args, kwargs or {})


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 10**6)), max_size=20))
def test_sums_are_those_of_the_book(rows):
    ours, books = Accumulator(3), book.Accumulator(3)
    for row in rows:
        ours.add(*row)
        books.add(*row)
    assert [ours[i] for i in range(3)] == [books[i] for i in range(3)]


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.sampled_from([torch.float64, torch.float32, torch.bfloat16]))
def test_sums_of_tensors_are_those_of_the_book(values, dtype):
    ours, books = Accumulator(1), book.Accumulator(1)
    for value in values:
        ours.add(torch.tensor(value, dtype=dtype))
        books.add(torch.tensor(value, dtype=dtype))
    assert ours[0] == books[0]


@pytest.mark.parametrize("value", [True, 3, 2.5, torch.tensor(True), torch.tensor([[4]]), torch.tensor([1.5])])
def test_every_kind_of_number_is_read_back_as_a_float(value):
    metric = Accumulator(1)
    metric.add(value)
    assert type(metric[0]) is float
    assert metric[0] == float(value)


def test_adding_does_not_read_the_value_of_a_tensor():
    metric = Accumulator(2)
    for _ in range(3):
        metric.add(torch.tensor(2.0).as_subclass(Unreadable), torch.ones(1).as_subclass(Unreadable))
    with pytest.raises(AssertionError, match="was read"):
        metric[0]


def test_adding_needs_no_value_at_all():
    metric = Accumulator(1)  # a tensor on the meta device has no value that could be read
    metric.add(torch.tensor(1.0, device="meta"))
    metric.add(torch.tensor(1.0, device="meta", dtype=torch.bfloat16))
    assert metric.data[0].device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_sum_over_an_epoch_keeps_full_precision(dtype):
    losses = (torch.rand(60_000, generator=torch.Generator().manual_seed(0)) * 3).to(dtype)
    metric = Accumulator(1)
    for loss in losses:
        metric.add(loss)
    assert metric[0] == pytest.approx(math.fsum(losses.tolist()), rel=1e-13)


def test_a_sum_is_not_kept_in_half_precision():
    metric = Accumulator(1)
    for _ in range(1000):
        metric.add(torch.tensor(1.0, dtype=torch.bfloat16))  # in bfloat16, 256 + 1 is 256
    assert metric[0] == 1000


def test_a_sum_holds_on_to_no_graph_of_the_gradient():
    loss = (torch.ones(3, requires_grad=True) * 2).sum()
    metric = Accumulator(1)
    metric.add(loss)
    assert not metric.data[0].requires_grad
    assert loss.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_changing_a_tensor_afterwards_does_not_change_the_sum(dtype):
    metric, value = Accumulator(1), torch.tensor(2.0, dtype=dtype)
    metric.add(value)
    value.fill_(100)
    metric.add(value)
    assert metric[0] == 102


def test_adding_leaves_the_tensor_as_it_was():
    metric, value = Accumulator(1), torch.tensor(2.0, dtype=torch.float64)
    metric.add(value)
    metric.add(1)
    assert value.item() == 2


def test_reset_sets_every_sum_to_zero_and_keeps_their_number():
    metric = Accumulator(2)
    metric.add(1, torch.tensor(2.0))
    metric.reset()
    assert len(metric) == 2
    assert (metric[0], metric[1]) == (0.0, 0.0)
    metric.add(3, 4)
    assert (metric[0], metric[1]) == (3.0, 4.0)


def test_nan_is_not_swallowed():
    metric = Accumulator(1)
    metric.add(torch.tensor(math.nan))
    metric.add(1)
    assert math.isnan(metric[0])


@pytest.mark.parametrize("values", [(), (1,), (1, 2, 3)])
def test_a_wrong_count_of_values_raises_and_adds_nothing(values):
    metric = Accumulator(2)
    metric.add(1, 2)
    with pytest.raises(ValueError, match=f"2 sums.*got {len(values)} values"):
        metric.add(*values)
    assert (metric[0], metric[1]) == (1, 2)


@pytest.mark.parametrize("tensor", [torch.ones(2), torch.ones(0), torch.ones(2, 3)])
def test_a_tensor_that_is_not_one_number_raises_and_adds_nothing(tensor):
    metric = Accumulator(2)
    with pytest.raises(ValueError, match="one element"):
        metric.add(1, tensor)
    assert metric[0] == 0


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None, True])
def test_a_wrong_number_of_sums_raises(n):
    with pytest.raises(ValueError, match="n must be a whole number"):
        Accumulator(n)


def test_reading_past_the_last_sum_raises():
    with pytest.raises(IndexError):
        Accumulator(2)[2]
