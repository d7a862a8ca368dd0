"""How many predictions are right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from d2lhelpers.accumulator import Accumulator
from d2lhelpers.batches import check_labels, check_not_empty, checked_batches, count_not_finite, first_images, scores_of
from d2lhelpers.device import to_device
from d2lhelpers.evaluating import evaluating
from d2lhelpers.out_of_memory import in_memory


class ScoresNotFiniteError(ValueError):
    """The net returned scores that are nan or infinite, for images that are neither."""


def correct_predictions(y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Count the correct predictions on the device where they are, without waiting for it.

    Parameters
    ----------
    y_hat : torch.Tensor
        Scores of shape (batch, classes), or predicted classes in the shape of `y`.
    y : torch.Tensor
        Labels of shape (batch,).

    Returns
    -------
    torch.Tensor
        The number of correct predictions, of shape ().

    Raises
    ------
    ValueError
        If the shapes do not belong together, there is no example, or predictions in the shape of `y` are
        not class numbers, such as the scores of a net with one output. (Only then a value is read.)
    """
    predicted = y_hat.argmax(dim=1) if y_hat.dim() > 1 and y_hat.shape[1] > 1 else y_hat
    if predicted.shape != y.shape:
        raise ValueError(
            f"scores of shape {tuple(y_hat.shape)} do not belong to labels of shape {tuple(y.shape)}; "
            "expected (batch, classes) and (batch,)"
        )
    check_not_empty(y)
    if predicted.is_floating_point() and ((predicted < 0) | (predicted != predicted.round())).any():
        raise ValueError(
            "predictions in the shape of the labels must be class numbers, whole and from 0. Scores of a net with one "
            "output become that by a threshold: (y_hat > 0), or (y_hat > 0.5) after a sigmoid"
        )
    return (predicted.to(y.dtype) == y).sum()


def accuracy(y_hat: Any, y: Any) -> float:
    """Return the *number* of correct predictions, as the book's function of this name does.

    Parameters
    ----------
    y_hat : torch.Tensor, or what `torch.as_tensor` makes one of
        Scores of shape (batch, classes), or predicted classes in the shape of `y`.
    y : torch.Tensor, or what `torch.as_tensor` makes one of
        Labels of shape (batch,).

    Raises
    ------
    ValueError
        If shapes do not belong together, a score is not finite, a label has no score, or predictions in
        the shape of `y` are not class numbers.
    """
    y_hat, y = torch.as_tensor(y_hat), torch.as_tensor(y)
    if not torch.isfinite(y_hat).all():
        bad = int((~torch.isfinite(y_hat)).sum())
        raise ValueError(f"{bad} of {y_hat.numel()} scores are not finite (nan or inf); no class can be read off them")
    correct = correct_predictions(y_hat, y)
    if y_hat.dim() > 1 and y_hat.shape[1] > 1:
        check_labels(y, y_hat.shape[1])
    return float(correct)


def evaluate_accuracy_gpu(
    net: Callable[..., torch.Tensor],
    data_iter: Iterable,
    device: torch.device | str | None = None,
) -> float:
    """Return the share of examples that `net` classifies correctly, between 0 and 1.

    Every example counts the same, whatever the size of its batch. The net is evaluated in eval
    mode, and each of its modules is left in the mode in which it was found.

    Parameters
    ----------
    net : torch.nn.Module or callable
        Takes a batch, returns scores of shape (batch, classes).
    data_iter : iterable
        Yields `(X, y)`; `X` may be a list of tensors, which `net` then gets as one list.
    device : torch.device, optional
        Where to compute; by default where the net's parameters are.

    Raises
    ------
    ValueError
        If `data_iter` yields nothing, shapes or labels do not fit, or scores are not finite; then the
        message says whether the images were.
    TypeError
        If a batch is not a pair `(X, y)`, or the net returns something else than a tensor.
    BatchTooLargeError
        If a batch does not fit into the memory; it names a size that was seen to fit.
    """
    device = _device_of(net) if device is None else torch.device(device)
    metric = Accumulator(4)  # correct predictions, predictions, scores and pixels that are not finite
    with evaluating(net), torch.no_grad():
        for X, y in checked_batches(data_iter, "data_iter"):
            X = to_device(X, device)
            y_hat = in_memory(lambda size: scores_of(net, first_images(X, size)), len(y), "images to evaluate", device)
            if y.device.type == "cpu" and y_hat.dim() > 1 and y_hat.shape[1] > 1:
                check_labels(y, y_hat.shape[1])
            y = to_device(y, device)
            metric.add(correct_predictions(y_hat, y), y.numel(), count_not_finite(y_hat), count_not_finite(X))
    if metric[1] == 0:
        raise ValueError("data_iter yielded no batch, so there is nothing to evaluate; was it used up before?")
    if metric[2] > 0 and metric[3] > 0:
        raise ValueError(f"{metric[3]:.0f} values of the images are not finite (nan or inf), and so are scores")
    if metric[2] > 0:
        raise ScoresNotFiniteError(
            f"the net returned {metric[2]:.0f} scores that are not finite (nan or inf), for images that are finite"
        )
    return metric[0] / metric[1]


def _device_of(net: Callable[..., torch.Tensor]) -> torch.device | None:
    """Return the device of the first parameter or buffer of `net`, or None if it has neither."""
    if not isinstance(net, nn.Module):
        return None
    first = next(net.parameters(), None)
    if first is None:
        first = next(net.buffers(), None)
    return None if first is None else first.device
