"""How many predictions are right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from d2lhelpers.accumulator import Accumulator


class ScoresNotFiniteError(ValueError):
    """The net returned scores that are nan or infinite."""


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
        If the shapes do not belong together, or there is no example.
    """
    predicted = y_hat.argmax(dim=1) if y_hat.dim() > 1 and y_hat.shape[1] > 1 else y_hat
    if predicted.shape != y.shape:
        raise ValueError(
            f"scores of shape {tuple(y_hat.shape)} do not belong to labels of shape {tuple(y.shape)}; "
            "expected (batch, classes) and (batch,)"
        )
    _check_not_empty(y)
    return (predicted.to(y.dtype) == y).sum()


def accuracy(y_hat: torch.Tensor, y: torch.Tensor) -> float:
    """Return the *number* of correct predictions, as the book's function of this name does.

    Parameters
    ----------
    y_hat : torch.Tensor
        Scores of shape (batch, classes), or predicted classes in the shape of `y`.
    y : torch.Tensor
        Labels of shape (batch,).

    Raises
    ------
    ValueError
        If shapes do not belong together, a score is not finite, or a label has no score.
    """
    correct = correct_predictions(y_hat, y)
    if not torch.isfinite(y_hat).all():
        bad = int((~torch.isfinite(y_hat)).sum())
        raise ValueError(f"{bad} of {y_hat.numel()} scores are not finite (nan or inf); no class can be read off them")
    if y_hat.dim() > 1 and y_hat.shape[1] > 1:
        check_labels(y, y_hat.shape[1])
    return float(correct)


def check_labels(y: torch.Tensor, num_classes: int) -> None:
    """Raise a ValueError if a label is not one of the classes 0 to `num_classes` - 1, or there is none."""
    _check_not_empty(y)
    lowest, highest = y.min().item(), y.max().item()
    if lowest < 0 or highest >= num_classes:
        raise ValueError(
            f"labels run from {lowest} to {highest}, but the scores have {num_classes} classes; "
            f"expected labels from 0 to {num_classes - 1}"
        )


def _check_not_empty(y: torch.Tensor) -> None:
    if y.numel() == 0:
        raise ValueError("there is no example in this batch: the labels have no element")


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
        If `data_iter` yields nothing, shapes or labels do not fit, or scores are not finite.
    """
    device = _device_of(net) if device is None else torch.device(device)
    metric = Accumulator(3)  # correct predictions, predictions, scores that are not finite
    with evaluating(net), torch.no_grad():
        for X, y in data_iter:
            y_hat = net(to_device(X, device))
            if y.device.type == "cpu" and y_hat.dim() > 1 and y_hat.shape[1] > 1:
                check_labels(y, y_hat.shape[1])
            y = to_device(y, device)
            metric.add(correct_predictions(y_hat, y), y.numel(), (~torch.isfinite(y_hat)).sum())
    if metric[1] == 0:
        raise ValueError("data_iter yielded no batch, so there is nothing to evaluate; was it used up before?")
    if metric[2] > 0:
        raise ScoresNotFiniteError(f"the net returned {metric[2]:.0f} scores that are not finite (nan or inf)")
    return metric[0] / metric[1]


@contextmanager
def evaluating(net: Callable[..., torch.Tensor]) -> Iterator[None]:
    """Put `net` in eval mode for the body of a `with`, then every module back in the mode it had.

    `net.train()` at the end would not do: it would wake the layers that a learner froze on purpose.
    """
    modules = list(net.modules()) if isinstance(net, nn.Module) else []
    modes = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module, mode in zip(modules, modes):
            module.training = mode


def to_device(X: torch.Tensor | list, device: torch.device | None) -> torch.Tensor | list:
    """Move a tensor, or every tensor of a list, to `device`; None leaves it where it is."""
    if device is None:
        return X
    if isinstance(X, (list, tuple)):
        return [to_device(x, device) for x in X]
    return X.to(device, non_blocking=True)


def _device_of(net: Callable[..., torch.Tensor]) -> torch.device | None:
    """Return the device of the first parameter or buffer of `net`, or None if it has neither."""
    if not isinstance(net, nn.Module):
        return None
    first = next(net.parameters(), None)
    if first is None:
        first = next(net.buffers(), None)
    return None if first is None else first.device
