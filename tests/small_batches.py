"""Small random batches to train and evaluate on."""

from __future__ import annotations

import torch


def random_batches(sizes: list[int], channels: int = 1, side: int = 12, classes: int = 10, seed: int = 0) -> list:
    """Return batches `(X, y)` of random images and labels, as a list: the same in every epoch."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.rand(size, channels, side, side, generator=generator),
            torch.randint(0, classes, (size,), generator=generator),
        )
        for size in sizes
    ]
