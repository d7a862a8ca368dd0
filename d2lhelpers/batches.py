"""What batches and scores have to be, and errors that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch


def number_of_batches(data_iter: Any, name: str) -> int:
    """Return how many batches an iterable yields in an epoch.

    Raises
    ------
    TypeError, ValueError
        If it does not know, or if there is none.
    """
    try:
        count = len(data_iter)
    except TypeError:
        raise TypeError(
            f"{name} must be an iterable with a length, the number of its batches; got {type(data_iter).__name__}. "
            "A DataLoader has one if its data set has; list(...) makes a list of what yields a few batches"
        ) from None
    if count == 0:
        raise ValueError(f"{name} has no batch")
    return count


def checked_batches(data_iter: Iterable, name: str) -> Iterator[tuple[Any, torch.Tensor]]:
    """Yield the batches of an iterable, and look at the first: is it a pair of tensors?

    Raises
    ------
    TypeError
        If it is something else; the message says what.
    """
    for i, batch in enumerate(data_iter):
        if i == 0:
            _check_pair(batch, name)
        yield batch


def _check_pair(batch: Any, name: str) -> None:
    expected = f"{name} must yield pairs (X, y) of tensors, a batch of images and its labels"
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        count = f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else ""
        raise TypeError(f"{expected}; got a {type(batch).__name__}{count}")
    X, y = batch
    for part in (*(X if isinstance(X, (tuple, list)) else [X]), y):
        if not isinstance(part, torch.Tensor):
            raise TypeError(
                f"{expected}; got a pair with a {type(part).__name__}. A DataLoader makes batches of tensors"
            )
    if y.dim() == 0:
        raise TypeError(f"{expected}; got a single label, as a data set yields. A DataLoader makes batches of it")


def scores_of(net: Callable[..., torch.Tensor], X: Any) -> torch.Tensor:
    """Return `net(X)`; if the net fails, say on what, and refuse what is no tensor.

    Raises
    ------
    RuntimeError, ValueError
        If the net cannot compute this batch; the message has its shape. Other errors of the net, such as
        running out of memory, are left as they are.
    TypeError
        If the net returns something else than one tensor.
    """
    try:
        y_hat = net(X)
    except (RuntimeError, ValueError) as error:
        if type(error) not in (RuntimeError, ValueError):
            raise
        advice = ""
        if "more than 1 value per channel" in str(error):
            advice = " Batch norm in training mode needs two images or more; DataLoader has drop_last=True for that."
        raise type(error)(f"the net failed on images of shape {_shape_of(X)}: {error}{advice}") from error
    if not isinstance(y_hat, torch.Tensor):
        raise TypeError(f"the net must return its scores as one tensor, (batch, classes); got a {type(y_hat).__name__}")
    return y_hat


def check_scores(y_hat: torch.Tensor, y: torch.Tensor) -> None:
    """Raise a ValueError if cross-entropy cannot compare these scores and labels; read none of them."""
    if y_hat.dim() != 2 or y.shape != (len(y),) or len(y_hat) != len(y):
        raise ValueError(
            f"the net returned scores of shape {tuple(y_hat.shape)} for labels of shape {tuple(y.shape)}; "
            "expected (batch, classes) and (batch,)"
        )
    if y.dtype not in (torch.int64, torch.uint8):
        raise ValueError(f"labels must be class numbers of dtype int64; got {y.dtype}, which y.long() converts")


def check_labels(y: torch.Tensor, num_classes: int) -> None:
    """Raise a ValueError if a label is not one of the classes 0 to `num_classes` - 1, or there is none."""
    check_not_empty(y)
    lowest, highest = y.min().item(), y.max().item()
    if lowest < 0 or highest >= num_classes:
        raise ValueError(
            f"labels run from {lowest} to {highest}, but the scores have {num_classes} classes; "
            f"expected labels from 0 to {num_classes - 1}"
        )


def check_not_empty(y: torch.Tensor) -> None:
    """Raise a ValueError if a batch has no label."""
    if y.numel() == 0:
        raise ValueError("there is no example in this batch: the labels have no element")


def count_not_finite(X: Any) -> torch.Tensor | int:
    """Count the values that are nan or infinite, in a tensor or a list of them, without waiting for the device."""
    if isinstance(X, (tuple, list)):
        return sum(count_not_finite(x) for x in X)
    return (~torch.isfinite(X)).sum()


def first_images(X: Any, size: int) -> Any:
    """Return the first images of a batch, which may be a list of tensors."""
    return [first_images(x, size) for x in X] if isinstance(X, (tuple, list)) else X[:size]


def _shape_of(X: Any) -> Any:
    return [_shape_of(x) for x in X] if isinstance(X, (tuple, list)) else tuple(X.shape)
