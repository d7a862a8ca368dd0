"""What to do when a batch does not fit into the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

MESSAGES = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "bad allocation")
"""What PyTorch's allocators say: of CUDA and MPS; of the CPU under Linux and macOS, under Windows; C++'s own."""


class BatchTooLargeError(RuntimeError):
    """A batch did not fit into the memory. `batch_size` is one that was seen to fit, or None."""

    def __init__(self, message: str, batch_size: int | None = None) -> None:
        super().__init__(message)
        self.batch_size = batch_size


def ran_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is used up, whoever has raised it."""
    if isinstance(error, MemoryError):
        return True
    # PyTorch's torch.OutOfMemoryError is a RuntimeError, and so is what its CPU allocator raises.
    try:
        return isinstance(error, RuntimeError) and any(message in str(error) for message in MESSAGES)
    except Exception:  # an error of somebody else's, whose text cannot be made
        return False


def in_memory(compute: Callable[[int], Result], count: int, what: str, device: torch.device | None) -> Result:
    """Return ``compute(count)``; if memory does not suffice, find out for how many images it does, and say so.

    Parameters
    ----------
    compute : callable
        Computes on the first so many images of a batch.
    count : int
        Images in the batch.
    what : str
        What the batch is of, for the message: "training images".
    device : torch.device, optional
        Whose memory it is; by default the computer's.

    Raises
    ------
    BatchTooLargeError
        If the memory does not suffice. Halves of the batch have been tried then, and the first that fitted is
        named; whatever `compute` changes has been changed by that try.
    """
    device = torch.device("cpu") if device is None else device
    try:
        return compute(count)
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        text = str(error).strip().splitlines()[0] if str(error).strip() else "out of memory"
    # Only here, where the error and what its frames held are gone, is their memory free.
    size = count // 2
    while size and not _fits(compute, size, device):
        size //= 2
    where = "this computer" if device.type == "cpu" else str(device)
    advice = (
        f"Half of it again and again was tried, and {size} did fit: try batch_size={size}"
        if size
        else "A single image did not fit either: take a smaller net, or smaller images"
    )
    raise BatchTooLargeError(
        f"a batch of {count} {what} does not fit into the free memory of {where} ({text}). {advice}", size or None
    )


def _fits(compute: Callable[[int], object], size: int, device: torch.device) -> bool:
    if hasattr(module := torch.get_device_module(device), "empty_cache"):
        module.empty_cache()
    try:
        compute(size)
    except (RuntimeError, MemoryError) as error:
        if ran_out_of_memory(error):
            return False
        raise
    return True
