"""Whether net, optimizer and schedule belong together, asked before a weight is touched."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from d2lhelpers.arguments import positive_number


def check_recipe(net: Any, lr: Any, optimizer: Any, scheduler: Any) -> None:
    """Raise a TypeError or ValueError that says what does not belong together."""
    check_net(net)
    if optimizer is None:
        positive_number(lr, "lr")
        if scheduler is not None:
            raise ValueError("a scheduler changes the learning rate of an optimizer; pass the optimizer too")
        return
    if lr is not None:
        raise ValueError(f"the optimizer has its own learning rate; pass lr=None with it, not lr={lr!r}")
    of_net = set(map(id, net.parameters()))
    if not any(id(parameter) in of_net for group in optimizer.param_groups for parameter in group["params"]):
        raise ValueError("the optimizer was made for another net: it holds none of this net's parameters")
    if isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError("LBFGS asks for the loss several times a step, which this loop cannot do; take SGD or Adam")
    if scheduler is not None and getattr(scheduler, "optimizer", None) is not optimizer:
        raise ValueError("the scheduler was made for another optimizer")
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise TypeError("ReduceLROnPlateau wants a metric at every step; use a scheduler that counts batches")


def check_net(net: Any, name: str = "net") -> None:
    """Raise an error if something is no module, or has nothing to learn."""
    if not isinstance(net, nn.Module):
        raise TypeError(f"{name} must be a torch.nn.Module; got {type(net).__name__}")
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"{name} has no parameter that can learn: there is none, or requires_grad is False for all")


def steps_left(scheduler: Any, num_epochs: int, num_batches: int, initialize: bool) -> float:
    """Return how many steps a schedule still has, one a batch; infinity if it does not end.

    A schedule that ends has `total_steps` and raises an error after them, as `OneCycleLR` does. Others,
    such as `LinearLR` and `PolynomialLR`, keep their last rate for as long as one likes.

    Raises
    ------
    ValueError
        If the weights are to be initialized and the schedule is not new, if it is used up, or if it is
        too short by a whole epoch. Nothing has been changed then.
    """
    taken = getattr(scheduler, "last_epoch", 0)  # which counts steps, whatever they are
    anew = "To start again, make net, optimizer and scheduler anew (nothing has been changed now)"
    if initialize and taken > 0:
        raise ValueError(
            f"the scheduler has taken {taken} steps already, and initialize=True starts with new weights. {anew}; "
            "to go on from where the net is, pass initialize=False"
        )
    total = getattr(scheduler, "total_steps", None)
    if not isinstance(total, int):
        return math.inf
    left = total - taken
    if left <= 0:
        raise ValueError(f"the scheduler is used up: it has taken all of its {total} steps. {anew}")
    if num_epochs * num_batches - left >= num_batches:
        raise ValueError(
            f"the scheduler has {left} steps left, and {num_epochs} epochs of {num_batches} batches need "
            f"{num_epochs * num_batches}. It is enough for num_epochs={-(-left // num_batches)}. {anew}"
        )
    return left
