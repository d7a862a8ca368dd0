"""The book's training loop, and what it leaves behind."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterable
from copy import copy
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from d2lhelpers.accumulator import Accumulator
from d2lhelpers.accuracy import ScoresNotFiniteError, evaluate_accuracy_gpu
from d2lhelpers.animator import Animator
from d2lhelpers.arguments import whole_number
from d2lhelpers.batches import checked_batches, count_not_finite, number_of_batches
from d2lhelpers.checkpoint import Checkpoint
from d2lhelpers.device import try_gpu
from d2lhelpers.page.progress_line import ProgressLine
from d2lhelpers.page.stop import end_cell_if_stopped, remember_stop
from d2lhelpers.recipe import check_recipe, steps_left
from d2lhelpers.training_step import TrainingStep, meet

POINTS_AN_EPOCH = 5

COLUMNS = ("train_loss", "train_acc", "test_acc", "seconds")


class Epoch(NamedTuple):
    """What `train_ch6` saw in one epoch; nan where there was none."""

    train_loss: float = math.nan
    train_acc: float = math.nan
    test_acc: float = math.nan


@dataclass(repr=False)
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
        Over the training steps alone: forward, backward, update. On accelerators other than CUDA over
        everything but the evaluation.
    epoch_images_per_second : float
        Over whole epochs.
    interrupted : bool
        Whether the training ended before its last epoch: the learner stopped it, or an error did.
    """

    train_loss: list[float] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    test_acc: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    step_images_per_second: float = math.nan
    epoch_images_per_second: float = math.nan
    interrupted: bool = False

    def plot(self) -> None:
        """Draw the finished epochs as `train_ch6` does, without training."""
        self._animator(max(1, len(self.seconds))).draw()

    def to_csv(self, path: str | PathLike) -> None:
        """Write a line for each finished epoch, below a line with the columns' names.

        The columns are epoch, train_loss, train_acc, test_acc and seconds; a number is written so that it is the
        same when it is read again.
        """
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("epoch", *COLUMNS))
            writer.writerows(zip(range(1, len(self.seconds) + 1), *(getattr(self, name) for name in COLUMNS)))

    @classmethod
    def from_csv(cls, path: str | PathLike) -> History:
        """Read what `to_csv` has written. Images per second and `interrupted` are not in it.

        Raises
        ------
        ValueError
            If a column is missing, or something in one is no number.
        """
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (rows.fieldnames or [])]:
                raise ValueError(f"{path} has no column {missing[0]}; expected epoch, {', '.join(COLUMNS)}")
            return cls(*map(list, zip(*([float(row[name]) for name in COLUMNS] for row in rows))))

    def _animator(self, num_epochs: int) -> Animator:
        """Return a figure with what there is so far, and room for `num_epochs`."""
        animator = Animator(xlabel="epoch", xlim=[0, num_epochs], legend=["train loss", "train acc", "test acc"])
        for epoch, values in enumerate(zip(self.train_loss, self.train_acc, self.test_acc), start=1):
            animator.add(epoch, values)
        return animator

    @property
    def last(self) -> Epoch:
        """The last finished epoch: `last.test_acc` is ``test_acc[-1]``, or nan if no epoch was finished."""
        return Epoch(self.train_loss[-1], self.train_acc[-1], self.test_acc[-1]) if self.seconds else Epoch()

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in self.last._asdict().items())
        stopped = ", stopped early" if self.interrupted else ""
        epochs = f"{len(self.seconds)} epoch{'' if len(self.seconds) == 1 else 's'}"
        rate = "" if math.isnan(self.epoch_images_per_second) else f", {self.epoch_images_per_second:.0f} images/s"
        return f"{epochs}{stopped}: {numbers}{rate}"


class LossNotFiniteError(FloatingPointError):
    """The loss, or a score after an epoch, became nan or infinite. `history` holds the epochs before."""


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
    checkpoint: str | PathLike | None = None,
) -> History:
    """Train `net` as the book does, show how it goes, and return the history.

    **By default the weights of linear and convolution layers are drawn anew first**, after Xavier, as the book
    does: what the net has learned before is lost. ``initialize=False`` goes on from where it is.

    The optimizer is SGD, the loss cross-entropy. The net is trained in place. Every epoch puts all of it in
    training mode, also a batch norm that was frozen by `eval`, and it ends in training mode.

    Interrupting the kernel ends the training: the net keeps what it has learned, and the history of the
    finished epochs is returned, with `interrupted` set. To go on, pass the same optimizer and scheduler,
    the epochs that are left, and ``initialize=False``. In a notebook the other trainings of the cell do
    not begin then; in a program, look at `interrupted`. Any error that ends a training has the history up
    to there as its attribute `history`; in a notebook the last error is ``sys.last_value``.

    Parameters
    ----------
    net : torch.nn.Module
        Maps images of shape (batch, channels, height, width) to scores of shape (batch, classes).
    train_iter, test_iter : iterable with a length
        Yield batches `(X, y)`, once in every epoch. If they have a method `to`, it is a shallow copy that is
        kept on the device.
    num_epochs : int
        How many times to go through the training examples.
    lr : float, optional
        Learning rate of SGD; left out if an `optimizer` is given, which has its own.
    device : torch.device, optional
        Where to train; by default what `try_gpu` finds.
    optimizer : torch.optim.Optimizer, optional
        Made for the parameters of `net`; replaces SGD.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Made for `optimizer`; stepped after every *batch*, so count in batches. One that ends (`OneCycleLR`)
        must have steps for all epochs; if less than an epoch is missing, the rest keeps its last rate.
    initialize : bool
        Whether to draw the weights of linear and convolution layers anew (other parameters, such as biases and
        those of batch norm, stay); False goes on from where the net is.
    bfloat16 : bool, optional
        Whether to compute forward passes of the training in bfloat16 (autocast); by default where
        the hardware does so fast; on a card without bfloat16, such as the T4, that is never. The
        evaluation is always in float32, for which recent NVIDIA cards compute convolutions in TF32.
    channels_last : bool, optional
        Whether to store the weights of convolutions channels last, which the layers' outputs follow; by
        default on the CPU, and on CUDA together with bfloat16, if the net can be run so. The net stays so.
        The batches stay as they are; with one channel both formats are the same for them.
    checkpoint : str or path, optional
        A file that keeps the training: written before the first epoch and after each. If it is there already,
        the training goes on where it was saved, whatever `net` is now and whatever `initialize` says, and on a CPU
        comes to the same numbers, to the last bit, as one that nobody stopped. A training of another net or
        recipe is refused.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or arguments do not belong together; nothing is changed then.
        Or if the first batch is no pair of tensors, or its scores and labels do not fit.
    BatchTooLargeError
        If a batch does not fit into the memory; it names a size that was seen to fit.
    OSError
        If the checkpoint cannot be written before the first epoch. Later the training goes on, and a line says so.
    LossNotFiniteError
        If the loss becomes nan or infinite, or the scores of finite test images do.
    KeyboardInterrupt
        If another training was stopped in the same cell of a notebook.

    References
    ----------
    *Dive into Deep Learning*, section "Convolutional Neural Networks (LeNet)", has the function of
    this name.
    """
    device = try_gpu() if device is None else torch.device(device)
    num_epochs = whole_number(num_epochs, "num_epochs")
    num_batches, _ = number_of_batches(train_iter, "train_iter"), number_of_batches(test_iter, "test_iter")
    check_recipe(net, lr, optimizer, scheduler)
    resumes = checkpoint is not None and Path(checkpoint).expanduser().exists()
    left = math.inf if resumes else steps_left(scheduler, num_epochs, num_batches, initialize)
    end_cell_if_stopped()

    train_iter, test_iter = _kept_on(train_iter, device), _kept_on(test_iter, device)
    meet(net, train_iter)
    if initialize and not resumes:
        net.apply(_initialize_weights)
    net.to(device)
    if optimizer is None:
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    step = TrainingStep(net, optimizer, device, scheduler, left, bfloat16, channels_last)
    kept = None if checkpoint is None else Checkpoint(checkpoint, net, optimizer, scheduler, train_iter, device)
    saved = kept.load() if kept else None
    history = History(**saved["history"]) if saved else History()
    images, seconds_before = (saved["images"], saved["step_seconds"]) if saved else (0, 0.0)
    finished = len(history.seconds)
    if saved and finished < num_epochs:
        step.count = finished * num_batches
        left = steps_left(scheduler, num_epochs - finished, num_batches, initialize=False)
        step.steps_left = step.count + left
    elif kept and not saved:
        kept.save(_results(history, images, seconds_before))

    print("training on", device)
    if saved:
        rest = "the training goes on from there" if finished < num_epochs else "nothing is left to train"
        print(f"{kept.path} has {_epochs(finished)}; {rest}")
    if left < (num_epochs - finished) * num_batches:
        missing = (num_epochs - finished) * num_batches - left
        print(f"the schedule ends after {left} batches; the last {missing} keep its last rate")
    progress = ProgressLine()
    animator = history._animator(num_epochs)
    plot_at = {max(1, round(num_batches * k / POINTS_AN_EPOCH)) for k in range(1, POINTS_AN_EPOCH + 1)}
    started = time.perf_counter()
    try:
        net.train()
        for epoch in range(finished, num_epochs):
            epoch_started = time.perf_counter()
            metric = Accumulator(3)  # sum of the losses, correct predictions, examples
            net.train()
            for i, (X, y) in enumerate(checked_batches(train_iter, "train_iter"), start=1):
                loss_sum, correct = step(X, y)
                metric.add(loss_sum, correct, len(y))
                progress.show(_progress_text(epoch, num_epochs, i, num_batches, started, finished))
                if device.type == "cpu" or i in plot_at:
                    _check_finite(loss_sum, X, step, epoch, i)
                if i in plot_at:
                    if epoch > 0 and i == min(plot_at):
                        animator.add(epoch, (math.nan, math.nan, None))  # the sums began anew: break their lines
                    animator.add(epoch + i / num_batches, (metric[0] / metric[2], metric[1] / metric[2], None))
            if metric[2] == 0:
                raise ValueError("train_iter yielded no batch in this epoch; is it an iterator, to be used only once?")
            step_seconds = seconds_before + step.clock.seconds()
            try:
                test_acc = evaluate_accuracy_gpu(net, test_iter, device)
            except ScoresNotFiniteError:
                raise _not_finite_error("scores of test images became nan or infinite", step, epoch, i) from None
            animator.add(epoch + 1, (None, None, test_acc))
            images += round(metric[2])
            history.train_loss.append(metric[0] / metric[2])
            history.train_acc.append(metric[1] / metric[2])
            history.test_acc.append(test_acc)
            history.seconds.append(time.perf_counter() - epoch_started)
            history.step_images_per_second = images / step_seconds
            history.epoch_images_per_second = images / sum(history.seconds)
            if kept:
                _save_or_say(kept, _results(history, images, step_seconds))
    except BaseException as error:
        history.interrupted, error.history = True, history
        if not isinstance(error, KeyboardInterrupt):
            if history.seconds:
                print(f"the history of {_epochs(len(history.seconds))} is kept: sys.last_value.history")
            raise
        remember_stop()
    finally:
        animator.draw()
        progress.finish(f"{len(history.seconds)} of {num_epochs} epochs in {time.perf_counter() - started:.0f} s")
    if history.interrupted:
        print(_how_to_go_on(len(history.seconds), num_epochs - step.count // num_batches, kept))
    _print_result(history, device)
    return history


def _initialize_weights(module: nn.Module) -> None:
    """Initialize the weights of a linear or convolution layer as the book does."""
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


def _kept_on(data_iter: Iterable, device: torch.device) -> Iterable:
    """Let a copy of an iterable that can make its batches on `device` do so."""
    return copy(data_iter).to(device) if hasattr(data_iter, "to") else data_iter


def _check_finite(loss_sum: torch.Tensor, X: Any, step: TrainingStep, epoch: int, batch: int) -> None:
    """Raise a LossNotFiniteError if the loss of a batch is not finite, with its cause if one look tells it."""
    if math.isfinite(loss_sum.item()):
        return
    where = f"the loss became {loss_sum.item()} in epoch {epoch + 1}, by batch {batch}"
    if bad := int(count_not_finite(X)):
        raise LossNotFiniteError(
            f"{where}: {bad} values of this batch's images are nan or infinite, and the net has taken a step on them. "
            "Fix the data, and begin with a new net"
        )
    if step.count == 1:
        raise LossNotFiniteError(
            f"{where}, before the first step, from images that are finite. Look at what the net computes from them"
        )
    raise _not_finite_error(f"the loss became {loss_sum.item()}", step, epoch, batch)


def _not_finite_error(what: str, step: TrainingStep, epoch: int, batch: int) -> LossNotFiniteError:
    rates = ", ".join(f"{group['lr']:.3g}" for group in step.optimizer.param_groups)
    bad = {name: int(count_not_finite(weight)) for name, weight in step.net.named_parameters()}
    where = [name for name, count in bad.items() if count]
    first = f", first in {where[0]}" if where else ""
    return LossNotFiniteError(
        f"{what} in epoch {epoch + 1}, by batch {batch}, which is step {step.count}; the learning rate was {rates}, "
        f"and {sum(bad.values())} weights are nan or infinite now{first}. "
        "Try a smaller rate first, from newly initialized weights"
    )


def _progress_text(epoch: int, num_epochs: int, batch: int, num_batches: int, started: float, finished: int) -> str:
    done = (epoch - finished + batch / num_batches) / (num_epochs - finished)
    spent = time.perf_counter() - started
    left = spent * (1 - done) / done
    return f"epoch {epoch + 1} of {num_epochs}, batch {batch} of {num_batches}, about {left:.0f} s left"


def _results(history: History, images: int, step_seconds: float) -> dict[str, Any]:
    """Return what a checkpoint keeps beside net, optimizer and schedule."""
    return {"history": asdict(history), "images": images, "step_seconds": step_seconds}


def _save_or_say(kept: Checkpoint, results: dict[str, Any]) -> None:
    """Save a checkpoint; a full disk does not end a training of hours."""
    try:
        kept.save(results)
    except OSError as error:
        print(f"the checkpoint of epoch {len(results['history']['seconds'])} could not be written: {error}")


def _how_to_go_on(finished: int, left: int, checkpoint: Checkpoint | None) -> str:
    """Say what an interrupted training has left, and how to have the rest."""
    kept = f"interrupted after {_epochs(finished)}: the history has what was finished, the net all that it has learned"
    if checkpoint:
        return f"{kept}; the same call goes on from {checkpoint.path}, with the epoch that was not finished"
    if left <= 0:
        return f"{kept}; only the last evaluation is missing, evaluate_accuracy_gpu(net, test_iter)"
    return f"{kept}; to go on, train_ch6(..., num_epochs={left}, initialize=False) with everything else as before"


def _epochs(finished: int) -> str:
    return f"{finished} finished {'epoch' if finished == 1 else 'epochs'}"


def _print_result(history: History, device: torch.device) -> None:
    if history.seconds:
        loss, train_acc, test_acc = history.last
        print(f"loss {loss:.3f}, train acc {train_acc:.3f}, test acc {test_acc:.3f}")
        print(
            f"{history.step_images_per_second:.1f} examples/sec in the training steps, "
            f"{history.epoch_images_per_second:.1f} over whole epochs, on {device}"
        )
