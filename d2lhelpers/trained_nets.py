"""Nets that come trained, to be taken apart: their weights are part of this package."""

from __future__ import annotations

import io
import lzma
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from d2lhelpers.residual import cifar_resnet

DATA_FOLDER = Path(__file__).parent / "data" / "trained_nets"


def _twenty_layers(residual: bool) -> nn.Sequential:
    net = cifar_resnet(20, residual=residual)
    net[0].append(nn.MaxPool2d(2))  # the blocks see 14×14, for a quarter of the work
    return net


def _two_convolutions() -> nn.Sequential:
    """Return the plain net of two convolutions that notebook 08 compares with."""
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 10),
    )  # fmt: skip


UNTRAINED: dict[str, Callable[[], nn.Sequential]] = {
    "residual 20": lambda: _twenty_layers(residual=True),
    "plain 20": lambda: _twenty_layers(residual=False),
    "two convolutions": _two_convolutions,
    "residual 56": lambda: cifar_resnet(56, width=6, stem_strides=2),
    "plain 56": lambda: cifar_resnet(56, width=6, residual=False, stem_strides=2),
}
"""The nets by name, as they are before training. Those of 56 layers take images of 14×14, the others of 28×28."""


def trained_net(name: str, seed: int) -> nn.Sequential:
    """Return a net that `tools/trained_nets.py` has trained on Fashion-MNIST, in eval mode, on the CPU.

    Parameters
    ----------
    name : str
        ``"residual 20"``, ``"plain 20"``, ``"two convolutions"`` (for images of 28×28), ``"residual 56"`` or
        ``"plain 56"`` (14×14).
    seed : int
        0, 1 or 2: of the first weights and of the order of the batches.

    Returns
    -------
    torch.nn.Sequential
        Maps (batch, 1, height, width) to (batch, 10). Its weights are rounded to five significant bits, which makes
        the file small; the net is what it is with these weights.

    Raises
    ------
    ValueError
        If there is no such net.
    """
    path = file_of(name, seed)
    if name not in UNTRAINED or not path.is_file():
        there = ", ".join(sorted(path.name for path in DATA_FOLDER.glob("*.xz")))
        raise ValueError(f"there is no trained net {name!r} of seed {seed!r}; there are the files {there}")
    net = UNTRAINED[name]()
    numbers = io.BytesIO(lzma.decompress(path.read_bytes()))
    net.load_state_dict(torch.load(numbers, weights_only=True))  # tensors only: nothing in the file is run
    return net.eval()


def file_of(name: str, seed: int) -> Path:
    """Return the path of a net's file."""
    return DATA_FOLDER / f"{name.replace(' ', '_')}_seed_{seed}.pt.xz"
