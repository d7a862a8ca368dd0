"""Running sums over an epoch."""

from __future__ import annotations

import torch

from d2lhelpers.arguments import whole_number


class Accumulator:
    """Keep `n` running sums, for instance of the loss, of the correct predictions and of the examples.

    A tensor is added on the device where it lives, so adding never makes the program wait for a GPU;
    only reading a sum does. Sums of tensors are kept in 64 bits (on Apple's MPS, which has no
    64-bit floats, in 32).

    Parameters
    ----------
    n : int
        How many sums.

    References
    ----------
    *Dive into Deep Learning*, section "Softmax Regression from Scratch", has the class of this name.
    """

    def __init__(self, n: int) -> None:
        self.data: list[float | torch.Tensor] = [0.0] * whole_number(n, "n")

    def add(self, *values: float | torch.Tensor) -> None:
        """Add one number, or tensor of one element, to each sum.

        Raises
        ------
        ValueError
            If there are more or fewer values than sums, or a tensor has not exactly one element.
        """
        if len(values) != len(self.data):
            raise ValueError(f"this Accumulator keeps {len(self.data)} sums; add() got {len(values)} values")
        values = [_widened(value) for value in values]
        self.data = [total + value for total, value in zip(self.data, values)]

    def reset(self) -> None:
        """Set every sum back to zero."""
        self.data = [0.0] * len(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> float:
        """Return one sum as a float; waits for the device if the sum is still being computed."""
        return float(self.data[index])


def _widened(value: float | torch.Tensor) -> float | torch.Tensor:
    """Return `value` cut off from autograd, in the widest number type that its device has."""
    if not isinstance(value, torch.Tensor):
        return float(value)
    if value.numel() != 1:
        raise ValueError(f"add() takes tensors of one element; got one of shape {tuple(value.shape)}")
    widest = torch.float32 if value.device.type == "mps" else torch.float64
    return value.detach().reshape(()).to(widest)
