"""The book's training loop, and what it leaves behind."""

from __future__ import annotations

import math
import numbers
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from d2lhelpers.accumulator import Accumulator
from d2lhelpers.accuracy import (
    ScoresNotFiniteError,
    check_labels,
    correct_predictions,
    evaluate_accuracy_gpu,
    evaluating,
    to_device,
)
from d2lhelpers.animator import Animator
from d2lhelpers.device import computes_bfloat16_fast, try_gpu
from d2lhelpers.page.progress_line import ProgressLine

POINTS_AN_EPOCH = 5


@dataclass
class History:
    """What `train_ch6` saw; each list has one entry for every epoch that was finished.

    Attributes
    ----------
    train_loss : list of float
        Mean cross-entropy over the training examples, while the net was changing.
    train_acc, test_acc : list of float
        Share of correct predictions, between 0 and 1: on the training examples while the net was
        changing, on the test examples after the epoch.
    seconds : list of float
        The whole epoch, with loading, drawing and evaluating.
    step_images_per_second : float
        Over the training steps alone: forward, backward, update.
    epoch_images_per_second : float
        Over whole epochs.
    interrupted : bool
        Whether the learner stopped the training early.
    """

    train_loss: list[float] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    test_acc: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    step_images_per_second: float = math.nan
    epoch_images_per_second: float = math.nan
    interrupted: bool = False


class LossNotFiniteError(FloatingPointError):
    """The loss became nan or infinite. `history` holds the epochs before."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


def train_ch6(
    net: nn.Module,
    train_iter: Iterable,
    test_iter: Iterable,
    num_epochs: int,
    lr: float | None = None,
    device: torch.device | str | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    initialize: bool = True,
    bfloat16: bool | None = None,
    channels_last: bool | None = None,
) -> History:
    """Train `net` as the book does, show how it goes, and return the history.

    The weights of linear and convolution layers are initialised after Xavier; the optimiser is SGD,
    the loss cross-entropy. The net is trained in place and ends in training mode.

    Interrupting the kernel ends the training: the net keeps what it has learned and the history of
    the finished epochs is returned. Going on from there is ``initialize=False``.

    Parameters
    ----------
    net : torch.nn.Module
        Maps images of shape (batch, channels, height, width) to scores of shape (batch, classes).
    train_iter, test_iter : iterable with a length
        Yield batches `(X, y)`, once in every epoch.
    num_epochs : int
        How many times to go through the training examples.
    lr : float, optional
        Learning rate of SGD; left out if an `optimizer` is given, which has its own.
    device : torch.device, optional
        Where to train; by default what `try_gpu` finds.
    optimizer : torch.optim.Optimizer, optional
        Made for the parameters of `net`; replaces SGD.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Made for `optimizer`; stepped after every *batch*, so count in batches.
    initialize : bool
        Whether to initialise the weights; False goes on from where the net is.
    bfloat16 : bool, optional
        Whether to compute forward passes of the training in bfloat16 (autocast); by default where
        the hardware does so fast. The evaluation is always in float32.
    channels_last : bool, optional
        Whether to store weights and images channels last; by default on the CPU, and on CUDA
        together with bfloat16, if the net can be run so.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or arguments do not belong together.
    LossNotFiniteError
        If the loss becomes nan or infinite.

    References
    ----------
    *Dive into Deep Learning*, section "Convolutional Neural Networks (LeNet)", has the function of
    this name.
    """
    device = try_gpu() if device is None else torch.device(device)
    num_batches = _check_arguments(net, train_iter, test_iter, num_epochs, lr, optimizer, scheduler)
    if initialize:
        net.apply(_initialize_weights)
    net.to(device)
    train_iter, test_iter = _kept_on(train_iter, device), _kept_on(test_iter, device)
    if optimizer is None:
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    step = TrainingStep(net, optimizer, scheduler, device, bfloat16, channels_last)

    print("training on", device)
    progress = ProgressLine()
    animator = Animator(xlabel="epoch", xlim=[0, num_epochs], legend=["train loss", "train acc", "test acc"])
    history = History()
    images = 0
    plot_at = {round(num_batches * k / POINTS_AN_EPOCH) for k in range(1, POINTS_AN_EPOCH + 1)}
    started = time.perf_counter()
    try:
        for epoch in range(num_epochs):
            epoch_started = time.perf_counter()
            metric = Accumulator(3)  # sum of the losses, correct predictions, examples
            net.train()
            for i, (X, y) in enumerate(train_iter, start=1):
                loss_sum, correct = step(X, y)
                metric.add(loss_sum, correct, len(y))
                progress.show(_progress_text(epoch, num_epochs, i, num_batches, started))
                if device.type == "cpu" or i in plot_at:
                    _check_finite(loss_sum, epoch, i, optimizer, history)
                if i in plot_at:
                    animator.add(epoch + i / num_batches, (metric[0] / metric[2], metric[1] / metric[2], None))
            if metric[2] == 0:
                raise ValueError("train_iter yielded no batch in this epoch; an iterator can be used only once")
            try:
                test_acc = evaluate_accuracy_gpu(net, test_iter, device)
            except ScoresNotFiniteError:
                raise _not_finite_error(math.nan, epoch, i, optimizer, history) from None
            animator.add(epoch + 1, (None, None, test_acc))
            images += round(metric[2])
            history.train_loss.append(metric[0] / metric[2])
            history.train_acc.append(metric[1] / metric[2])
            history.test_acc.append(test_acc)
            history.seconds.append(time.perf_counter() - epoch_started)
            history.step_images_per_second = images / step.seconds()
            history.epoch_images_per_second = images / sum(history.seconds)
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        animator.draw()
        progress.finish(f"{len(history.seconds)} of {num_epochs} epochs in {time.perf_counter() - started:.0f} s")
    _print_result(history, device)
    return history


class TrainingStep:
    """One step of training: forward, backward, update; remembers how long the steps took."""

    def __init__(
        self,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        scheduler: Any,
        device: torch.device,
        bfloat16: bool | None,
        channels_last: bool | None,
    ) -> None:
        self.net, self.optimizer, self.scheduler, self.device = net, optimizer, scheduler, device
        self.bfloat16 = computes_bfloat16_fast(device) if bfloat16 is None else bfloat16
        self.channels_last = channels_last
        self.marks: list[tuple[Any, Any]] = []
        self.finished_seconds = 0.0
        self.is_first = True

    def __call__(self, X: Any, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Train on one batch; return the sum of its losses and the number of correct predictions."""
        if self.is_first:
            self._prepare(X, y)
        elif y.device.type == "cpu":
            check_labels(y, self.num_classes)
        start = _mark(self.device)
        X, y = to_device(X, self.device), to_device(y, self.device)
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            y_hat = self.net(X)
            loss = nn.functional.cross_entropy(y_hat, y)
        loss.backward()
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        with torch.no_grad():
            result = loss.detach() * len(y), correct_predictions(y_hat, y)
        self.marks.append((start, _mark(self.device)))
        return result

    def seconds(self) -> float:
        """Return the seconds that all steps so far have taken; waits for the device."""
        self.finished_seconds += sum(_seconds_between(start, end) for start, end in self.marks)
        self.marks.clear()
        return self.finished_seconds

    def _prepare(self, X: Any, y: torch.Tensor) -> None:
        """Look at the first batch: choose the memory format that the net can be run in, check shapes and labels."""
        gains = self.device.type == "cpu" or (self.device.type == "cuda" and self.bfloat16)
        wanted = gains if self.channels_last is None else self.channels_last
        X = to_device(X, self.device)
        few = [x[:2] for x in X] if isinstance(X, list) else X[:2]
        with evaluating(self.net), torch.no_grad():
            try:
                if wanted:
                    self.net.to(memory_format=torch.channels_last)
                y_hat = self.net(few)
            except RuntimeError:
                # A net that flattens with view(), or convolves volumes, cannot take channels last; let it fail on
                # its own mistakes only.
                if not wanted or self.channels_last:
                    raise
                self.net.to(memory_format=torch.contiguous_format)
                y_hat = self.net(few)
        if y_hat.dim() != 2 or y.shape != (len(y),):
            raise ValueError(
                f"the net returned scores of shape (batch, {', '.join(map(str, y_hat.shape[1:]))}) for labels of shape "
                f"{tuple(y.shape)}; expected (batch, classes) and (batch,)"
            )
        self.num_classes = y_hat.shape[1]
        check_labels(y, self.num_classes)
        self.is_first = False


def _check_arguments(
    net: Any, train_iter: Any, test_iter: Any, num_epochs: Any, lr: Any, optimizer: Any, scheduler: Any
) -> int:
    """Raise an error that says what is wrong with the arguments, or return the number of batches."""
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a torch.nn.Module; got {type(net).__name__}")
    if isinstance(num_epochs, bool) or not isinstance(num_epochs, int) or num_epochs < 1:
        raise ValueError(f"num_epochs must be a whole number from 1; got {num_epochs!r}")
    for name, iterable in (("train_iter", train_iter), ("test_iter", test_iter)):
        if not hasattr(iterable, "__len__"):
            raise TypeError(
                f"{name} must be an iterable with a length, such as a DataLoader; got {type(iterable).__name__}"
            )
        if len(iterable) == 0:
            raise ValueError(f"{name} has no batch")
    if optimizer is None:
        if not isinstance(lr, numbers.Real) or not (math.isfinite(lr) and lr > 0):
            raise ValueError(f"lr must be a positive number; got {lr!r}")
        if scheduler is not None:
            raise ValueError("a scheduler changes the learning rate of an optimizer; pass the optimizer too")
        return len(train_iter)
    if lr is not None:
        raise ValueError(f"the optimizer has its own learning rate; pass lr=None with it, not lr={lr!r}")
    of_net = set(map(id, net.parameters()))
    if not any(id(parameter) in of_net for group in optimizer.param_groups for parameter in group["params"]):
        raise ValueError("the optimizer was made for another net: it holds none of this net's parameters")
    if scheduler is not None and getattr(scheduler, "optimizer", None) is not optimizer:
        raise ValueError("the scheduler was made for another optimizer")
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise TypeError("ReduceLROnPlateau wants a metric at every step; use a scheduler that counts batches")
    return len(train_iter)


def _initialize_weights(module: nn.Module) -> None:
    """Initialise the weights of a linear or convolution layer as the book does."""
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


def _kept_on(data_iter: Iterable, device: torch.device) -> Iterable:
    """Let an iterable that can make its batches on `device` do so."""
    return data_iter.to(device) if hasattr(data_iter, "to") else data_iter


def _mark(device: torch.device) -> Any:
    """Return a point in time: on an accelerator one in its own queue of work, so that nobody waits."""
    if device.type == "cpu":
        return time.perf_counter()
    event = torch.Event(device, enable_timing=True)
    event.record()
    return event


def _seconds_between(start: Any, end: Any) -> float:
    """Return the seconds between two marks."""
    if isinstance(start, float):
        return end - start
    end.synchronize()
    return start.elapsed_time(end) / 1000


def _check_finite(
    loss_sum: torch.Tensor, epoch: int, batch: int, optimizer: torch.optim.Optimizer, history: History
) -> None:
    if not math.isfinite(loss_sum.item()):
        raise _not_finite_error(loss_sum.item(), epoch, batch, optimizer, history)


def _not_finite_error(
    loss: float, epoch: int, batch: int, optimizer: torch.optim.Optimizer, history: History
) -> LossNotFiniteError:
    rates = ", ".join(f"{group['lr']:.3g}" for group in optimizer.param_groups)
    return LossNotFiniteError(
        f"the loss became {loss} in epoch {epoch + 1}, by batch {batch}; the learning rate was {rates}. "
        "Try a smaller one, from newly initialised weights: those of this net are spoilt.",
        history,
    )


def _progress_text(epoch: int, num_epochs: int, batch: int, num_batches: int, started: float) -> str:
    done = (epoch + batch / num_batches) / num_epochs
    spent = time.perf_counter() - started
    left = spent * (1 - done) / done
    return f"epoch {epoch + 1} of {num_epochs}, batch {batch} of {num_batches}, about {left:.0f} s left"


def _print_result(history: History, device: torch.device) -> None:
    if history.interrupted:
        print(
            f"interrupted after {len(history.seconds)} finished epochs; the net keeps what it has learned, "
            "train_ch6(..., initialize=False) goes on"
        )
    if history.seconds:
        print(
            f"loss {history.train_loss[-1]:.3f}, train acc {history.train_acc[-1]:.3f}, "
            f"test acc {history.test_acc[-1]:.3f}"
        )
        print(
            f"{history.step_images_per_second:.1f} examples/sec in the training steps, "
            f"{history.epoch_images_per_second:.1f} over whole epochs, on {device}"
        )
