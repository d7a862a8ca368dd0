"""What happens to a batch on its way through a net, layer by layer."""

from __future__ import annotations

import html
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary

from d2lhelpers.evaluating import evaluating

WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
WINDOWED_FUNCTIONS = ("conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "lp_pool2d")


@dataclass(frozen=True)
class LayerTrace:
    """One layer of a trace.

    Attributes
    ----------
    name : str
        Its place in the net, as in `net.get_submodule(name)`.
    kind : str
        Its class.
    output_shape : tuple of int
        Of what it returns; empty if that is not one tensor.
    parameters : int
        How many numbers it learns that no layer above it has counted.
    multiply_adds : int
        Multiplications with addition of convolutions and linear layers, for the whole batch.
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
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))
            )
            for row in table
        )

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            aligned = (
                f"<{tag} style='text-align:{'left' if i < 3 else 'right'}'>{html.escape(cell)}</{tag}>"
                for i, cell in enumerate(cells)
            )
            return f"<tr>{''.join(aligned)}</tr>"

        body = "".join(row(cells, "td") for cells in self.rows())
        return f"<table><thead>{row(self.HEADINGS, 'th')}</thead><tbody>{body}</tbody></table>"


def trace_shapes(net: nn.Module, X: torch.Tensor | Sequence[int], depth: int | None = None) -> ShapeTrace:
    """Send a batch through `net` and note what every layer makes of it.

    The net is left as it was: modes, weights and the statistics of batch norm do not change.

    Parameters
    ----------
    net : torch.nn.Module
        Its layers must be modules; what `forward` calls as functions is seen by the counts of the
        module around it.
    X : torch.Tensor, or sequence of int
        A batch, or its shape, for instance ``(1, 1, 224, 224)``.
    depth : int, optional
        How many levels of modules to open: 1 shows the children of `net`, each as one row. By
        default all, down to the layers.

    Returns
    -------
    ShapeTrace

    Raises
    ------
    ValueError
        If a shape is not made of positive whole numbers, or `depth` is less than 1.
    RuntimeError
        If a layer cannot take what it is given, or fails in another way; the message names the layer.

    References
    ----------
    Receptive fields after Araujo, Norris and Sim 2019, doi 10.23915/distill.00021.
    """
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise ValueError(f"depth must be a whole number from 1; got {depth!r}")
    X = _as_batch(net, X)
    counter = FlopCounterMode(display=False)
    fields = _ReceptiveFields()
    fields.of[X] = ((1, 1), (1, 1))
    layers: list[LayerTrace] = []
    running: list[tuple[str, int]] = []  # the modules that are at work, and the operations counted before them
    counted: set[nn.Parameter] = set()

    def enter(name: str) -> None:
        running.append((name, counter.get_total_flops()))

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        name, operations_before = running.pop()
        fields.widen(module, inputs, output)
        if _is_row(net, name, module, depth):
            operations = counter.get_total_flops() - operations_before
            new = set(module.parameters()) - counted
            counted.update(new)
            parameters = sum(parameter.numel() for parameter in new)
            shape = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
            field, kind = fields.size(output), type(module).__name__
            layers.append(LayerTrace(name, kind, shape, parameters, operations // 2, field))

    with ExitStack() as stack:
        for name, module in net.named_modules():
            handle = module.register_forward_pre_hook(lambda module, inputs, name=name: enter(name))
            stack.callback(handle.remove)
            stack.callback(module.register_forward_hook(leave).remove)
        stack.enter_context(evaluating(net))
        stack.enter_context(torch.no_grad())
        stack.enter_context(counter)
        stack.enter_context(fields)
        try:
            net(X)
        except Exception as error:
            where = f"layer {running[-1][0]!r}" if running and running[-1][0] else "the net"
            raise RuntimeError(f"{where} could not compute with what it was given: {error}") from error
    return ShapeTrace(layers)


class _ReceptiveFields(TorchFunctionMode):
    """Follow, for every tensor made from the input, the receptive field and the spacing of its positions.

    Both are kept for the height and for the width. Layers with a window widen the field; every
    other operation hands on the widest field of what it gets. What changes height or width in any
    other way ends the trail, and so does a window that is called as a function: the field is then None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of: WeakIdKeyDictionary = WeakIdKeyDictionary()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        inputs = [arg for arg in tree_leaves((args, kwargs)) if isinstance(arg, torch.Tensor) and arg in self.of]
        if isinstance(output, torch.Tensor) and inputs:
            fields = [self.of[arg] for arg in inputs]
            same_size = output.dim() == 4 and all(arg.shape[2:] == output.shape[2:] for arg in inputs)
            known = same_size and None not in fields and getattr(function, "__name__", "") not in WINDOWED_FUNCTIONS
            self.of[output] = tuple(tuple(map(max, zip(*axis))) for axis in zip(*fields)) if known else None
        return output

    def widen(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Widen the field where a layer with a window has been at work."""
        if isinstance(module, WINDOWED) and self.of.get(inputs[0]) is not None:
            windows = zip(*(_pair(getattr(module, name, 1)) for name in ("kernel_size", "dilation", "stride")))
            self.of[output] = tuple(
                (size + (window - 1) * dilation * spacing, spacing * stride)
                for (size, spacing), (window, dilation, stride) in zip(self.of[inputs[0]], windows)
            )

    def size(self, output: Any) -> int | None:
        """Return the longer side of the receptive field of one position of `output`, in pixels, or None."""
        field = self.of.get(output) if isinstance(output, torch.Tensor) else None
        return None if field is None else max(size for size, _ in field)


def _as_batch(net: nn.Module, X: torch.Tensor | Sequence[int]) -> torch.Tensor:
    """Return the batch itself, or a random one of the shape asked for, where the net is."""
    if isinstance(X, torch.Tensor):
        return X
    shape = tuple(X) if isinstance(X, Sequence) else ()
    if not shape or any(isinstance(side, bool) or not isinstance(side, int) or side < 1 for side in shape):
        raise ValueError(f"a shape is made of positive whole numbers, such as (1, 1, 224, 224); got {X!r}")
    parameter = next(net.parameters(), None)
    generator = torch.Generator().manual_seed(0)  # leaves the learner's own random numbers as they are
    return torch.rand(shape, generator=generator).to(parameter.device if parameter is not None else "cpu")


def _is_row(net: nn.Module, name: str, module: nn.Module, depth: int | None) -> bool:
    """Tell whether a module is a row of the table: a layer, or one at the depth that is opened last."""
    if module is net:
        return not any(net.children())
    levels = name.count(".") + 1
    is_layer = not any(module.children())
    return is_layer if depth is None else levels == depth or (levels < depth and is_layer)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width of a window that is given as one number or as two."""
    return value if isinstance(value, tuple) else (value, value)
