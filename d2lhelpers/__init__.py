"""Helpers of the course *Residual networks, understood by running them*.

They carry the names of *Dive into Deep Learning*, so that ``import d2lhelpers as d2l`` runs the
book's chapters on convolutional networks; each module is named after the one thing in it.
"""

from __future__ import annotations

from typing import Any

from d2lhelpers.accumulator import Accumulator
from d2lhelpers.accuracy import accuracy, evaluate_accuracy_gpu
from d2lhelpers.animator import Animator
from d2lhelpers.claim import ClaimError, claim
from d2lhelpers.corr2d import corr2d
from d2lhelpers.device import computes_bfloat16_fast, try_all_gpus, try_gpu
from d2lhelpers.exercise import check, hint, my_progress, solution
from d2lhelpers.exhibit import exhibit, exhibit_code
from d2lhelpers.fashion_mnist import get_fashion_mnist_labels, load_data_fashion_mnist, read_fashion_mnist
from d2lhelpers.images import show_images
from d2lhelpers.plotting import label_line_ends, show_drawing, show_figure, subplots
from d2lhelpers.progress import Progress
from d2lhelpers.residual import Plain, Residual, ZeroPadding, cifar_resnet, resnet, resnet18, resnet_block
from d2lhelpers.side_by_side import train_side_by_side
from d2lhelpers.timer import Timer
from d2lhelpers.trace import trace_shapes
from d2lhelpers.train import History, LossNotFiniteError, train_ch6

__all__ = [
    "Accumulator", "Animator", "ClaimError", "History", "LossNotFiniteError", "Plain", "Progress", "Residual",
    "Timer", "ZeroPadding", "accuracy", "check", "cifar_resnet", "claim", "computes_bfloat16_fast", "corr2d",
    "evaluate_accuracy_gpu", "exhibit", "exhibit_code", "get_fashion_mnist_labels", "hint", "label_line_ends",
    "load_data_fashion_mnist", "my_progress", "read_fashion_mnist", "resnet", "resnet18", "resnet_block",
    "show_drawing", "show_figure", "show_images", "solution", "subplots", "trace_shapes", "train_ch6",
    "train_side_by_side", "try_all_gpus", "try_gpu",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import Matplotlib only when ``d2lhelpers.plt`` is asked for: importing it takes a while."""
    if name == "plt":
        from matplotlib import pyplot

        return pyplot
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
