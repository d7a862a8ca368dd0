"""What happens to a batch on its way through a net, layer by layer."""

from __future__ import annotations

import html
import reprlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakTensorKeyDictionary

from d2lhelpers.arguments import whole_number
from d2lhelpers.evaluating import evaluating
from d2lhelpers.page.printable import printable

aten = torch.ops.aten

PRODUCTS = flop_registry | {
    aten.mv: lambda A, x, **_: 2 * A.numel(),
    aten.addmv: lambda b, A, x, **_: 2 * A.numel(),
    aten.dot: lambda x, y, **_: 2 * x.numel(),
    aten.mkldnn_rnn_layer: lambda X, W_x, W_h, *_, **__: 2 * X.shape[:-1].numel() * (W_x.numel() + W_h.numel()),
    aten._cudnn_rnn: lambda X, Ws, *_, **__: 2 * X.shape[:-1].numel() * sum(W.numel() for W in Ws if W.dim() == 2),
}
"""PyTorch's formulas for the operations of convolutions and matrix products, and those that it lacks."""

POINTWISE = ("hardswish", "hardswish_", "_prelu_kernel", "_to_copy", "detach", "copy_")
"""Operations on each position alone, beside those that PyTorch itself tags as pointwise."""


@dataclass(frozen=True)
class LayerTrace:
    """One layer of a trace.

    Attributes
    ----------
    name : str
        Its place in the net, as in `net.get_submodule(name)`.
    kind : str
        Its class. A module that calls others has a row of its own, "rest of" its class, if it
        learns or multiplies something beside them.
    output_shape : tuple of int
        Of what it returns; empty if that is not one tensor.
    parameters : int
        How many numbers it learns that no layer above it has counted. What belongs to a module
        that is never called counts for the module around it.
    multiply_adds : int
        Multiplications with addition of convolutions and matrix products (linear, recurrent and
        attention layers among them), for the whole batch. Norms, activations and pooling count as 0.
    receptive_field : int or None
        Side in pixels of the square of the input that one output position can see; None where the
        trace cannot know, and after a global pooling, which sees everything.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: int | None


class ShapeTrace(Sequence):
    """The layers that a batch went through, in order; a table when printed or shown in a notebook."""

    HEADINGS = ("layer", "kind", "output shape", "parameters", "multiply-adds", "receptive field")

    def __init__(self, layers: Sequence[LayerTrace]) -> None:
        self.layers = list(layers)

    def __getitem__(self, index: Any) -> Any:
        return ShapeTrace(self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def parameters(self) -> int:
        """Parameters of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers."""
        return sum(layer.multiply_adds for layer in self.layers)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as text, with a last row for the sums."""
        rows = [
            (
                layer.name, layer.kind, "×".join(map(str, layer.output_shape)), f"{layer.parameters:,}",
                f"{layer.multiply_adds:,}", "" if layer.receptive_field is None else str(layer.receptive_field),
            )
            for layer in self.layers
        ]  # fmt: skip
        return rows + [("all", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "")]

    def __repr__(self) -> str:
        table = [self.HEADINGS, *self.rows()]
        widths = [max(len(row[column]) for row in table) for column in range(len(self.HEADINGS))]
        lines = (
            "  ".join(
                cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))
            )
            for row in table
        )
        return printable("\n".join(lines))

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            aligned = (
                f"<{tag} style='text-align:{'left' if i < 3 else 'right'}'>{html.escape(cell)}</{tag}>"
                for i, cell in enumerate(cells)
            )
            return f"<tr>{''.join(aligned)}</tr>"

        body = "".join(row(cells, "td") for cells in self.rows())
        return f"<table><thead>{row(self.HEADINGS, 'th')}</thead><tbody>{body}</tbody></table>"


def trace_shapes(net: nn.Module, X: torch.Tensor | Iterable[int], depth: int | None = None) -> ShapeTrace:
    """Send a batch through `net` and note what every layer makes of it.

    The sums are those of the whole net, at any depth. The net is left as it was: modes, weights and
    the statistics of batch norm do not change.

    Parameters
    ----------
    net : torch.nn.Module
        Its layers are the modules that call no other module.
    X : torch.Tensor, or sequence of int
        A batch, or its shape, for instance ``(1, 1, 224, 224)``: then a random one of the number
        type of the net.
    depth : int, optional
        How many levels of calls to open: 1 shows the modules that `net` itself calls, each as one
        row. By default all, down to the layers.

    Returns
    -------
    ShapeTrace

    Raises
    ------
    TypeError
        If `net` is not a module.
    ValueError
        If `X` is neither one tensor nor a shape of positive whole numbers, or `depth` no whole number from 1.
    RuntimeError
        If the net fails; the message names the innermost layer that was at work.

    References
    ----------
    Receptive fields after Araujo, Norris and Sim 2019, doi 10.23915/distill.00021.
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a torch.nn.Module; got {type(net).__name__}")
    depth = None if depth is None else whole_number(depth, "depth")
    X = _as_batch(net, X)
    watch = _Watch(X)
    names = {module: name for name, module in net.named_modules()}
    running: list[_Call] = []  # the modules that are at work, the innermost last
    rows: list[tuple[_Call, LayerTrace]] = []

    def enter(module: nn.Module, inputs: Any) -> None:
        if module in names:
            running.append(_Call(names[module], watch.operations))

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        if module not in names:
            return
        while (call := running.pop()).name != names[module]:
            running[-1].take_over(call)  # the net has caught the error of this one
        operations = watch.operations - call.operations_before
        call.multiply_adds += (operations - call.operations_inside) // 2
        around = running[-1] if running else _Call("", 0)
        around.operations_inside += operations
        if ".parametrizations." in f".{call.name}.":
            return  # it computes the weight of the layer around it, and belongs to that
        if depth is not None and len(running) > depth:
            around.multiply_adds += call.multiply_adds
            return
        around.is_layer = False
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
        kind = type(module).__name__ if call.is_layer else f"rest of {type(module).__name__}"
        rows.append((call, LayerTrace(call.name, kind, shape, 0, call.multiply_adds, watch.receptive_field(output))))

    try:
        with ExitStack() as stack:
            stack.callback(register_module_forward_pre_hook(enter).remove)
            stack.callback(register_module_forward_hook(leave).remove)
            # Attention in one step of PyTorch's own would hide its products.
            stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
            torch.backends.mha.set_fastpath_enabled(False)
            for context in (sdpa_kernel(SDPBackend.MATH), evaluating(net), torch.no_grad(), watch):
                stack.enter_context(context)
            net(X)
    except Exception as error:
        where = f"layer {running[-1].name!r}" if running and running[-1].name else "the net"
        if (of_the_net := _error_of(net, X)) is not None:
            raise RuntimeError(f"{where} failed: {type(of_the_net).__name__}: {of_the_net}") from of_the_net
        raise RuntimeError(f"the net runs, but trace_shapes cannot follow {where}: {error}") from error
    return ShapeTrace(_with_parameters(net, rows))


@dataclass
class _Call:
    """A module that is at work."""

    name: str
    operations_before: int
    operations_inside: int = 0
    multiply_adds: int = 0
    is_layer: bool = True

    def take_over(self, call: _Call) -> None:
        """Count what was seen inside another call as seen inside this one."""
        self.operations_inside += call.operations_inside
        self.multiply_adds += call.multiply_adds
        self.is_layer &= call.is_layer


def _with_parameters(net: nn.Module, rows: list[tuple[_Call, LayerTrace]]) -> list[LayerTrace]:
    """Count every parameter for the innermost module around it that has been called, in its first row."""
    names = {layer.name for _, layer in rows}
    counts: Counter[str] = Counter()
    for name, parameter in net.named_parameters():
        while (name := name.rpartition(".")[0]) and name not in names:
            pass
        counts[name] += 0 if is_lazy(parameter) else parameter.numel()
    layers = [(call, replace(layer, parameters=counts.pop(layer.name, 0))) for call, layer in rows]
    return [layer for call, layer in layers if call.is_layer or layer.parameters or layer.multiply_adds]


def _error_of(net: nn.Module, X: torch.Tensor) -> Exception | None:
    """Return what the net raises when nobody watches it, or None."""
    try:
        with evaluating(net), torch.no_grad():
            net(X)
    except Exception as error:
        return error
    return None


class _Watch(TorchDispatchMode):
    """Count the operations of products, and follow which pixels of the input each position of a tensor sees.

    For height and width alike: position i sees the pixels from first + i·step to last + i·step.
    Operations that are known to have a window, or to work on each position alone, hand this on;
    after all others it is None.
    """

    def __init__(self, X: torch.Tensor) -> None:
        super().__init__()
        self.operations = 0
        self.seen: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.seen[X] = [(0, 0, 1), (0, 0, 1)] if X.dim() == 4 else None
        self.lost = False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with self:  # in inference mode an operation comes whole; its parts come here again
            result = function.decompose(*args, **kwargs)
        if result is not NotImplemented:
            return result
        result = function(*args, **kwargs)
        count = PRODUCTS.get(function.overloadpacket)
        self.operations += count(*args, **kwargs, out_val=result) if count else 0
        sources = [arg for arg in tree_leaves((args, kwargs)) if isinstance(arg, torch.Tensor) and arg in self.seen]
        outputs = [output for output in tree_leaves(result) if isinstance(output, torch.Tensor)]
        if sources:
            # Where a number leaves the tensors, or is written into a part of one, nobody sees where it goes.
            self.lost |= not outputs or (function._schema.is_mutable and any(output._is_view() for output in outputs))
            seen = None if self.lost else self._seen_through(function, args, sources, outputs[0])
            for output in outputs:
                self.seen[output] = seen
        return result

    def _seen_through(self, function: Any, args: Any, sources: list[torch.Tensor], output: torch.Tensor) -> list | None:
        """Return what the positions of `output` see, or None."""
        name = function.overloadpacket.__name__
        given = dict(zip((argument.name for argument in function._schema.arguments), args))
        seen = [self.seen[source] for source in sources]
        if None in seen or output.dim() != 4:
            return None
        from_one = len(sources) == 1 and sources[0] is next(iter(args), None)  # and not its weights from the input, too
        if from_one and name in ("max_pool2d_with_indices", "avg_pool2d"):
            return _widened(seen[0], given["kernel_size"], given)
        if from_one and name == "convolution" and not given["transposed"]:
            return _widened(seen[0], given["weight"].shape[2:], given)
        if from_one and name == "constant_pad_nd":
            left, _, top, _ = (*given["pad"], 0, 0)[:4]
            return _widened(seen[0], [1], {"padding": [top, left]})
        is_pointwise = (
            torch.Tag.pointwise in function.tags
            or name in POINTWISE
            or (name == "cat" and given.get("dim") in (1, -3))
            or (from_one and "batch_norm" in name and not given.get("training"))
        )
        same_size = all(source.shape[2:] == output.shape[2:] for source in sources)
        return _joined(seen) if is_pointwise and same_size else None

    def receptive_field(self, output: Any) -> int | None:
        """Return the longer side, in pixels, of what one position of `output` sees, or None."""
        seen = self.seen.get(output) if isinstance(output, torch.Tensor) else None
        return None if seen is None else max(last - first + 1 for first, last, _ in seen)


def _widened(seen: list, kernel_size: Sequence[int], given: dict[str, Any]) -> list:
    """Return what is seen through a window."""

    def pair(value: Any) -> tuple[int, ...]:
        return tuple(value) * 2 if len(value) == 1 else tuple(value)

    kernel_size = pair(kernel_size)
    stride = pair(given.get("stride") or kernel_size)
    padding, dilation = (pair(given.get(name, [default])) for name, default in (("padding", 0), ("dilation", 1)))
    return [
        (first - p * step, last + ((k - 1) * d - p) * step, step * s)
        for (first, last, step), k, s, p, d in zip(seen, kernel_size, stride, padding, dilation)
    ]


def _joined(seen: list) -> list | None:
    """Return what is seen through any of several tensors of one size, or None if their steps differ."""
    axes = [tuple(zip(*axis)) for axis in zip(*seen)]  # for height and width: all firsts, all lasts, all steps
    if any(len(set(steps)) > 1 for _, _, steps in axes):
        return None
    return [(min(firsts), max(lasts), steps[0]) for firsts, lasts, steps in axes]


def _as_batch(net: nn.Module, X: torch.Tensor | Iterable[int]) -> torch.Tensor:
    """Return the batch itself, or a random one of the shape asked for, where the net is and as precise as it is."""
    if isinstance(X, torch.Tensor):
        return X
    try:
        shape = [whole_number(side, "a side") for side in X]
    except (TypeError, ValueError):
        shape = []
    if not shape:
        raise ValueError(
            "X must be one tensor, or its shape in positive whole numbers such as (1, 1, 224, 224); got "
            f"{reprlib.repr(X)}. A net of several inputs can be traced as part of a module that takes one"
        )
    floating = (x for x in chain(net.parameters(), net.buffers()) if x.is_floating_point())
    like = next(floating, torch.empty(0))
    generator = torch.Generator().manual_seed(0)  # leaves the learner's own random numbers as they are
    return torch.rand(shape, generator=generator).to(like.device, like.dtype)
