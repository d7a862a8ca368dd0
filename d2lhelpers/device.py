"""Which device to compute on, and what it computes fast."""

from __future__ import annotations

import platform
from contextlib import nullcontext, suppress
from pathlib import Path

import torch

from d2lhelpers.arguments import whole_number


def try_gpu(i: int = 0) -> torch.device:
    """Return accelerator number `i` if there is one: CUDA first, then Apple's MPS; else the CPU.

    Raises
    ------
    ValueError
        If `i` is not a whole number from 0.
    """
    i = whole_number(i, "i", lowest=0)
    if torch.cuda.device_count() > i:
        return torch.device("cuda", i)
    if i == 0 and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def try_all_gpus() -> list[torch.device]:
    """Return every CUDA device, or else what `try_gpu` finds, as a list."""
    return [torch.device("cuda", i) for i in range(torch.cuda.device_count())] or [try_gpu()]


def computes_bfloat16_fast(device: torch.device | str) -> bool:
    """Tell whether `device` multiplies bfloat16 numbers in hardware.

    A processor without AVX512-BF16 or AMX emulates bfloat16, many times slower than float32
    (PyTorch issues 118499 and 146508), so nothing may turn it on unasked there.
    """
    device = torch.device(device)
    if device.type == "cuda":
        # The question is put to the current card, which need not be this one.
        with nullcontext() if device.index is None else torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    if hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())


def to_device(X: torch.Tensor | list, device: torch.device | None) -> torch.Tensor | list:
    """Move a tensor, or every tensor of a list, to `device`; None leaves it where it is."""
    if device is None:
        return X
    if isinstance(X, (list, tuple)):
        return [to_device(x, device) for x in X]
    return X.to(device, non_blocking=True)


def device_name(device: torch.device) -> str:
    """Return what a device calls itself, and for a CPU the number of threads, too."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{processor_name()}, {torch.get_num_threads()} threads" if device.type == "cpu" else str(device)


def processor_name() -> str:
    """Return what the processor calls itself."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
