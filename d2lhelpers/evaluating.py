"""A net in eval mode for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


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
