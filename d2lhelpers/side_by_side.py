"""Several networks trained on the same batches, one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import nn

from d2lhelpers.arguments import positive_number
from d2lhelpers.batches import checked_batches
from d2lhelpers.device import try_gpu
from d2lhelpers.page.stop import end_cell_if_stopped, remember_stop
from d2lhelpers.recipe import check_net
from d2lhelpers.training_step import TrainingStep, meet


def train_side_by_side(
    nets: Mapping[str, nn.Module],
    batches: Iterable,
    lr: float,
    momentum: float = 0.9,
    device: torch.device | str | None = None,
) -> SideBySide:
    """Train several nets on the same batches and yield, after every step, the loss of each.

    All nets take a step on a batch before the next batch comes, so that whoever stops early has
    stopped all of them at the same point. The optimizer is SGD, the loss cross-entropy. On a CPU as
    many nets compute at a time as PyTorch has threads, each in one thread: for small nets that is
    faster, and the results do not depend on the number of threads. Nets that draw random numbers in the
    first step, as dropout does, share one generator; so then they take their steps one after the other.

    A net whose loss is no longer finite goes on and spoils none of the others. Interrupting the kernel ends
    the loop after the last whole step; what is returned here is `interrupted` then, as long as it has not come
    to its end.

    Parameters
    ----------
    nets : mapping of str to torch.nn.Module
        The nets by name. Each is trained in place, in training mode, and keeps what it has learned.
    batches : iterable
        Yields images of shape (batch, channels, height, width) and labels of shape (batch,).
    lr, momentum : float
        Of SGD.
    device : torch.device, optional
        Where to train; by default what `try_gpu` finds.

    Returns
    -------
    SideBySide
        An iterator over the steps. Each is the mean loss over the batch before the step, for each net by name: a
        tensor without a dimension, on the device, so that nobody waits for a GPU who does not look.

    Raises
    ------
    ValueError, TypeError
        If `nets` is no mapping of names to nets that can learn, two names stand for the same one, or `lr` or
        `momentum` is out of its range. With the first batch: if it is no pair of tensors, or a net's scores
        do not fit its labels.
    KeyboardInterrupt
        If another training was stopped in the same cell of a notebook.

    Examples
    --------
    >>> nets = {"plain": cifar_resnet(8, residual=False), "residual": cifar_resnet(8)}
    >>> for losses in train_side_by_side(nets, train_iter, lr=0.05):
    ...     print(losses["plain"], losses["residual"])
    """
    if not isinstance(nets, Mapping):
        raise TypeError(f"nets must be a mapping of names to nets, such as {{'plain': net}}; got {type(nets).__name__}")
    if not nets:
        raise ValueError("there is no net to train: nets is empty")
    for name, net in nets.items():
        check_net(net, f"nets[{name!r}]")
    if len(set(map(id, nets.values()))) < len(nets):
        raise ValueError("two names stand for the same net; it would be trained twice on each batch")
    positive_number(lr, "lr")
    if momentum != 0:
        positive_number(momentum, "momentum")
    end_cell_if_stopped()
    return SideBySide(_steps(nets, batches, lr, momentum, try_gpu() if device is None else torch.device(device)))


class SideBySide(Iterator[dict[str, torch.Tensor]]):
    """The steps of `train_side_by_side`.

    Attributes
    ----------
    interrupted : bool
        Whether batches are left: true until the last one has been seen, and for ever if the learner stopped it.
    """

    def __init__(self, steps: Iterator[dict[str, torch.Tensor]]) -> None:
        self._steps, self._stopped, self.interrupted = steps, False, True

    def __next__(self) -> dict[str, torch.Tensor]:
        try:
            return next(self._steps)
        except StopIteration:
            self.interrupted = self._stopped
            raise
        except KeyboardInterrupt:
            self._stopped = True
            remember_stop()
            raise StopIteration from None


def _steps(
    nets: Mapping[str, nn.Module], batches: Iterable, lr: float, momentum: float, device: torch.device
) -> Iterator[dict[str, torch.Tensor]]:
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    steps: list[TrainingStep] = []
    with ThreadPoolExecutor(workers) as pool:
        for X, y in checked_batches(batches, "batches"):
            if not steps:
                steps = [_new_step(net, (X, y), lr, momentum, device) for net in nets.values()]
                generator = torch.get_rng_state()
                sums = _in_one_thread_each(map, steps, X, y)
                in_turn = workers == 1 or not torch.equal(generator, torch.get_rng_state())
            else:
                sums = _in_one_thread_each(map if in_turn else pool.map, steps, X, y)
            yield {name: loss_sum / len(y) for name, loss_sum in zip(nets, sums)}


def _new_step(net: nn.Module, batch: Any, lr: float, momentum: float, device: torch.device) -> TrainingStep:
    meet(net, [batch])
    optimizer = torch.optim.SGD(net.to(device).train().parameters(), lr=lr, momentum=momentum, foreach=True)
    return TrainingStep(net, optimizer, device, bfloat16=False)


def _in_one_thread_each(map_: Callable, steps: list[TrainingStep], X: Any, y: torch.Tensor) -> list[torch.Tensor]:
    """Take all steps, with PyTorch in one thread in each, and give it its threads back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return list(map_(lambda step: step(X, y)[0], steps))
    finally:
        torch.set_num_threads(threads)
