"""An accelerator that does not exist: its tensors are in the CPU's memory, and PyTorch does not know.

`install` makes ``torch.device("pretended")``. It computes what the CPU computes, and refuses what an accelerator
refuses: operations on tensors of two devices (but for numbers without a dimension, and positions given on the CPU),
and NumPy. It is for a process of its own, because a device cannot be taken out of PyTorch again.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretended"
META = torch._C.DispatchKeySet(torch._C.DispatchKey.Meta)
TAKES_TWO_DEVICES = ("_to_copy", "copy_", "index", "index_put_", "_index_put_impl_")

aten = torch.ops.aten
libraries: list[torch.library.Library] = []
memory: dict[int, tuple[torch.UntypedStorage, StorageWeakRef]] = {}
"""The CPU's memory behind each storage of the device, by the storage's address."""


def install(float64: bool = True) -> None:
    """Make the device; without `float64` it refuses such tensors, as Apple's do."""
    if libraries:
        return
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module)
    torch.__future__.set_swap_module_params_on_conversion(True)  # net.to(device) keeps the parameters that they are
    torch.Event = _Event
    clone = torch.UntypedStorage.clone  # which copy.deepcopy calls
    torch.UntypedStorage.clone = lambda self: _clone(self) if self.device.type == NAME else clone(self)
    _there.float64 = float64
    libraries.append(torch.library.Library("_", "IMPL"))
    libraries[0].fallback(_compute, "PrivateUse1")
    libraries[0].fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")  # autocast changes nothing
    libraries.append(torch.library.Library("aten", "IMPL"))
    for name, function in {
        "as_strided": lambda *args, **kwargs: aten.as_strided.default.redispatch(META, *args, **kwargs),
        "view": lambda *args, **kwargs: aten.view.default.redispatch(META, *args, **kwargs),
        "set_.source_Storage_storage_offset": _set,
        "_copy_from": _copy,
        "convolution_overrideable": lambda *args: _compute(aten.convolution.default, *args),
        "convolution_backward_overrideable": lambda gradient, X, weight, *args: _compute(
            aten.convolution_backward.default, gradient, X, weight, [len(weight)], *args
        ),
    }.items():
        libraries[1].impl(name, function, "PrivateUse1")


class _Module:
    """What PyTorch asks of ``torch.pretended``."""

    is_available = is_initialized = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    current_device = staticmethod(lambda: 0)
    manual_seed_all = synchronize = staticmethod(lambda *_: None)
    _is_in_bad_fork = staticmethod(lambda: False)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16, torch.float16])


class _Event:
    """A point in time."""

    def __init__(self, device: Any = None, **_: Any) -> None:
        self.time = 0.0

    def record(self, *_: Any) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, end: _Event) -> float:
        return 1000 * (end.time - self.time)


def _is_there(x: torch.Tensor) -> bool:
    return x.device.type == NAME


def _here(x: torch.Tensor) -> torch.Tensor:
    """Return the tensor of the CPU that lies in the memory of one of the device."""
    if not _is_there(x):
        return x
    where = x.storage_offset(), x.shape, x.stride()
    return torch.empty(0, dtype=x.dtype).set_(memory[x.untyped_storage()._cdata][0], *where)


def _there(x: torch.Tensor, base: torch.Tensor | None = None) -> torch.Tensor:
    """Return a tensor of the device that lies in the memory of one of the CPU, a view of `base` if there is one."""
    if x.dtype == torch.float64 and x.dim() > 0 and not _there.float64:  # Accumulator knows Apple's device by name
        raise TypeError(f"the device {NAME} has no float64")
    if base is None:
        base = _new(x.dtype, x.untyped_storage())
    return aten.as_strided.default.redispatch(META, base, x.shape, x.stride(), x.storage_offset())


def _new(dtype: torch.dtype, behind: torch.UntypedStorage) -> torch.Tensor:
    """Return an empty tensor of the device with the CPU's memory behind its storage."""
    tensor = torch._C._acc.create_empty_tensor((0,), dtype)
    memory[tensor.untyped_storage()._cdata] = behind, StorageWeakRef(tensor.untyped_storage())
    if len(memory) % 1000 == 0:
        for address, (_, storage) in list(memory.items()):
            if storage.expired():
                memory.pop(address, None)
    return tensor


def _compute(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Compute on the CPU what PyTorch asks of the device."""
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []  # each tensor as it is here, and as it was given

    def bring(x: Any) -> Any:
        if isinstance(x, torch.device):
            return torch.device("cpu") if x.type == NAME else x
        if isinstance(x, torch.Tensor):
            pairs.append((_here(x), x))
            return pairs[-1][0]
        return x

    def take_back(x: Any) -> Any:
        if not isinstance(x, torch.Tensor) or kwargs.get("device") == torch.device("cpu"):
            return x
        return known[id(x)] if id(x) in known else _there(x, bases.get(x.untyped_storage()._cdata))

    args_here, kwargs_here = _each(bring, args), {name: _each(bring, value) for name, value in kwargs.items()}
    strange = [x for _, x in pairs if not _is_there(x) and x.dim() > 0]
    if strange and len(strange) < len(pairs) and function.overloadpacket.__name__ not in TAKES_TWO_DEVICES:
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{NAME}:0 and {strange[0].device}! (in {function})"
        )
    known = {id(here): x for here, x in pairs}
    bases = {here.untyped_storage()._cdata: x for here, x in pairs if _is_there(x)}
    result = function(*args_here, **kwargs_here)
    for here, x in pairs:
        if here.shape != x.shape:  # it has been resized
            _set(x, x.untyped_storage(), here.storage_offset(), here.shape, here.stride())
    return _each(take_back, result)


def _each(function: Any, value: Any) -> Any:
    """Apply a function to a value, or to each of those in a list or tuple."""
    return type(value)([_each(function, x) for x in value]) if type(value) in (list, tuple) else function(value)


def _set(x: torch.Tensor, *where: Any) -> torch.Tensor:
    return aten.set_.source_Storage_storage_offset.redispatch(META, x, *where)


def _clone(storage: torch.UntypedStorage) -> torch.UntypedStorage:
    return _new(torch.uint8, memory[storage._cdata][0].clone()).untyped_storage()


def _copy(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    _here(target).copy_(_here(source))
    return target
