"""One step of training: forward, backward, update."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from d2lhelpers.accuracy import correct_predictions
from d2lhelpers.batches import check_labels, check_scores, checked_batches, first_images, scores_of
from d2lhelpers.device import computes_bfloat16_fast, to_device
from d2lhelpers.evaluating import evaluating
from d2lhelpers.out_of_memory import in_memory
from d2lhelpers.step_clock import StepClock


class TrainingStep:
    """Train a net on one batch at a time; `clock` knows how long that took, `count` how many there were.

    A batch that does not fit into the memory raises a `BatchTooLargeError`, which names a size that does.

    Parameters
    ----------
    net : torch.nn.Module
        On `device`; its lazy layers have seen a batch (`meet`).
    optimizer : torch.optim.Optimizer
        Of the net's parameters.
    device : torch.device
        Where to compute.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Stepped after each batch, as long as it has steps.
    steps_left : float
        How many that are.
    bfloat16, channels_last : bool, optional
        As in `train_ch6`.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        scheduler: Any = None,
        steps_left: float = math.inf,
        bfloat16: bool | None = None,
        channels_last: bool | None = None,
    ) -> None:
        self.net, self.optimizer, self.device = net, optimizer, device
        self.scheduler, self.steps_left = scheduler, steps_left
        self.bfloat16 = computes_bfloat16_fast(device) if bfloat16 is None else bfloat16
        self.may_change_format = channels_last is None
        if channels_last is None:
            channels_last = device.type == "cpu" or (device.type == "cuda" and self.bfloat16)
            channels_last = channels_last and not any(weight.dim() == 5 for weight in net.parameters())
        if channels_last:
            net.to(memory_format=torch.channels_last)
        self.clock, self.count, self.is_first = StepClock(device), 0, True

    def __call__(self, X: Any, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Train on one batch; return the sum of its losses and the number of correct predictions."""
        self.clock.start()
        loss, y_hat, y = in_memory(lambda size: self._gradients(X, y, size), len(y), "training images", self.device)
        self.optimizer.step()
        if self.scheduler is not None and self.count < self.steps_left:
            self.scheduler.step()
        self.count += 1
        with torch.no_grad():
            result = loss * len(y), correct_predictions(y_hat, y)
        self.clock.stop()
        return result

    def _gradients(self, X: Any, y: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compute the gradients for the first `size` images of a batch; return loss, scores, and labels."""
        if size < len(y):
            with _buffers_kept(self.net):
                return self._gradients(first_images(X, size), y[:size], size)
        labels = y
        X, y = to_device(X, self.device), to_device(y, self.device)
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            y_hat = self._forward(X)
            check_scores(y_hat, y)
            if self.is_first or labels.device.type == "cpu":  # later labels on an accelerator are not waited for
                check_labels(labels, y_hat.shape[1])
            loss = nn.functional.cross_entropy(y_hat, y)
        self.is_first = False
        loss.backward()
        return loss.detach(), y_hat.detach(), y

    def _forward(self, X: Any) -> torch.Tensor:
        """Return the scores; store the net in the ordinary way if it flattens with `view`, which only that allows."""
        try:
            return scores_of(self.net, X)
        except RuntimeError as error:
            if not self.is_first or not self.may_change_format or "view size is not compatible" not in str(error):
                raise
        self.net.to(memory_format=torch.contiguous_format)
        torch.clear_autocast_cache()  # which keeps the weights as they were
        return scores_of(self.net, X)


@contextmanager
def _buffers_kept(net: nn.Module) -> Iterator[None]:
    """Give the buffers of a net, such as the statistics of batch norm, their values back, and free its gradients."""
    kept = [(buffer, buffer.clone()) for buffer in net.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, values in kept:
                buffer.copy_(values)
        net.zero_grad()


def meet(net: nn.Module, batches: Iterable) -> None:
    """Show the first batch to a net with lazy layers, which know their shapes only then; leave others alone."""
    if any(map(is_lazy, [*net.parameters(), *net.buffers()])):
        X, _ = next(iter(checked_batches(batches, "train_iter")))
        with evaluating(net), torch.no_grad():
            scores_of(net, to_device(X, next(net.parameters()).device))
