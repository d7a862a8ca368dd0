"""corr2d: the book's cross-correlation."""

from __future__ import annotations

import d2l.torch as book
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from d2lhelpers import corr2d


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_values_are_those_of_the_book_and_of_torch(height, width, data):
    kernel_height, kernel_width = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 100)))
    X = torch.randn(height, width, generator=generator)
    K = torch.randn(kernel_height, kernel_width, generator=generator)
    result = corr2d(X, K)
    torch.testing.assert_close(result, book.corr2d(X, K))
    torch.testing.assert_close(result, torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0])


def test_the_kernel_is_not_flipped():
    X = torch.arange(9.0).reshape(3, 3)
    K = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    assert corr2d(X, K).tolist() == [[19.0, 25.0], [37.0, 43.0]]


def test_arrays_and_lists_are_taken_too():
    X, K = [[1.0, 2.0], [3.0, 4.0]], [[1.0, -1.0]]
    assert corr2d(X, K).tolist() == corr2d(np.array(X), torch.tensor(K)).tolist() == [[-1.0], [-1.0]]


def test_a_kernel_can_be_learned_through_it():
    X, K = torch.rand(6, 8), torch.rand(1, 2, requires_grad=True)
    corr2d(X, K).sum().backward()
    torch.testing.assert_close(K.grad, torch.stack([X[:, :-1].sum(), X[:, 1:].sum()])[None])


@pytest.mark.parametrize("image, kernel", [((3, 3), (4, 1)), ((3, 3), (1, 4)), ((1, 3, 3), (2, 2)), ((3, 3), (2,))])
def test_shapes_that_do_not_fit_raise(image, kernel):
    with pytest.raises(ValueError, match="image"):
        corr2d(torch.ones(image), torch.ones(kernel))
