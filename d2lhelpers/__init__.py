"""Helpers of the course *Residual networks, understood by running them*.

They carry the names of *Dive into Deep Learning*, so that ``import d2lhelpers as d2l`` runs the
chapters on convolutional networks of its edition 0.17; each module is named after the one thing in
it. What shows things in a notebook is in `d2lhelpers.page`, what knows right from wrong in
`d2lhelpers.course`.
"""

from __future__ import annotations

import sys
from typing import Any

# While Python looks for the module of `python -m d2lhelpers.doctor`, sys.argv says so; what follows may be broken then.
if sys.argv[:1] != ["-m"]:
    from d2lhelpers.accumulator import Accumulator
    from d2lhelpers.accuracy import accuracy, evaluate_accuracy_gpu
    from d2lhelpers.animator import Animator
    from d2lhelpers.corr2d import corr2d
    from d2lhelpers.course import check, hint, my_progress, solution
    from d2lhelpers.device import computes_bfloat16_fast, try_all_gpus, try_gpu
    from d2lhelpers.fashion_mnist import get_fashion_mnist_labels, load_data_fashion_mnist, read_fashion_mnist
    from d2lhelpers.images import show_images
    from d2lhelpers.out_of_memory import BatchTooLargeError
    from d2lhelpers.residual import Plain, Residual, ZeroPadding, cifar_resnet, resnet, resnet18, resnet_block
    from d2lhelpers.side_by_side import train_side_by_side
    from d2lhelpers.timer import Timer
    from d2lhelpers.trace import trace_shapes
    from d2lhelpers.train import History, LossNotFiniteError, train_ch6

__all__ = [
    "Accumulator", "Animator", "BatchTooLargeError", "History", "LossNotFiniteError", "Plain", "Residual", "Timer",
    "ZeroPadding", "accuracy", "check", "cifar_resnet", "computes_bfloat16_fast", "corr2d", "evaluate_accuracy_gpu",
    "get_fashion_mnist_labels", "hint", "load_data_fashion_mnist", "my_progress", "read_fashion_mnist", "resnet",
    "resnet18", "resnet_block", "show_images", "solution", "trace_shapes", "train_ch6", "train_side_by_side",
    "try_all_gpus", "try_gpu",
]  # fmt: skip

NOT_IN_THIS_EDITION = (
    "Classifier", "DataModule", "FashionMNIST", "HyperParameters", "Module", "ProgressBoard", "SGD", "Trainer",
)  # fmt: skip


def __dir__() -> list[str]:
    """Offer on Tab what a learner calls, and Matplotlib."""
    return sorted([*__all__, "plt"])


def __getattr__(name: str) -> Any:
    """Import Matplotlib only when ``d2lhelpers.plt`` is asked for: importing it takes a while."""
    if name == "plt":
        from matplotlib import pyplot

        return pyplot
    message = f"module {__name__!r} has no attribute {name!r}"
    if name in NOT_IN_THIS_EDITION:
        message += (
            ": it belongs to edition 1.0 of the book, the one on d2l.ai today. These helpers run the chapters of "
            "edition 0.17, which trains with train_ch6(net, train_iter, test_iter, num_epochs, lr, device)"
        )
    raise AttributeError(message)
