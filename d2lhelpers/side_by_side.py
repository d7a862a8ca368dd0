"""Several networks trained on the same batches, one step at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from d2lhelpers.device import try_gpu
from d2lhelpers.train import TrainingStep


def train_side_by_side(
    nets: Mapping[str, nn.Module],
    batches: Iterable,
    lr: float,
    momentum: float = 0.9,
    device: torch.device | str | None = None,
) -> Iterator[dict[str, torch.Tensor]]:
    """Train several nets on the same batches and yield, after every step, the loss of each.

    All nets take a step on a batch before the next batch comes, so that whoever stops early has
    stopped all of them at the same point. The optimiser is SGD, the loss cross-entropy. On a CPU as
    many nets compute at a time as PyTorch has threads, each in one thread: for small nets that is
    faster, and the results do not depend on the number of threads.

    A net whose loss is no longer finite goes on and spoils none of the others. Whoever leaves the loop
    early and goes on in the same cell closes the generator (``steps.close()``): only then PyTorch has its
    threads again.

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

    Yields
    ------
    dict of str to torch.Tensor
        The mean loss over the batch before the step, for each net by name: a tensor without a
        dimension, on the device, so that nobody waits for a GPU who does not look.

    Raises
    ------
    ValueError
        If there is no net, or two names stand for the same one.

    Examples
    --------
    >>> nets = {"plain": cifar_resnet(8, residual=False), "residual": cifar_resnet(8)}
    >>> for losses in train_side_by_side(nets, train_iter, lr=0.05):
    ...     print(losses["plain"], losses["residual"])
    """
    if not nets:
        raise ValueError("there is no net to train: nets is empty")
    if len(set(map(id, nets.values()))) < len(nets):
        raise ValueError("two names stand for the same net; it would be trained twice on each batch")
    return _steps(nets, batches, lr, momentum, try_gpu() if device is None else torch.device(device))


def _steps(
    nets: Mapping[str, nn.Module], batches: Iterable, lr: float, momentum: float, device: torch.device
) -> Iterator[dict[str, torch.Tensor]]:
    steps = []
    for net in nets.values():
        optimizer = torch.optim.SGD(net.to(device).train().parameters(), lr=lr, momentum=momentum, foreach=True)
        steps.append(TrainingStep(net, optimizer, None, device, bfloat16=False, channels_last=None))
    threads = torch.get_num_threads()
    workers = threads if device.type == "cpu" else 1
    torch.set_num_threads(threads if workers == 1 else 1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            for X, y in batches:
                sums = pool.map(lambda step: step(X, y)[0], steps)  # noqa: B023, all are done before X is rebound
                yield {name: loss_sum / len(y) for name, loss_sum in zip(nets, sums)}
    finally:
        torch.set_num_threads(threads)
