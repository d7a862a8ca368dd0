"""The exercises of notebook 14: the block in Keras."""

from __future__ import annotations

import itertools
import math
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from d2lhelpers.course.checking import (
    Incorrect,
    call,
    counted,
    described,
    is_stub,
    number,
    shown,
    tensor,
    unchanged,
    whole_number,
)
from d2lhelpers.course.exercise import exercise


@exercise(
    "14.1",
    "As few zeros as needed",
    difficulty=2,
    minutes=10,
    names=("same_padding",),
    hints=(
        "How many pixels do the windows need, from the first pixel of the first one to the last pixel of the last one?",
        "There are `ceil(side / stride)` windows, `stride` pixels apart; the last one is `kernel_size` pixels wide.",
        "`zeros = max(0, (positions - 1) * stride + kernel_size - side)`; half of them, rounded down, come before.",
    ),
)
def check_same_padding(same_padding: Any) -> None:
    """The 6×6 image of the page, then odd and even sides, windows, strides, also windows that leave pixels out."""
    cases = [(6, 3, 2), (7, 3, 2), (6, 3, 1), (224, 7, 2), (8, 1, 2), (5, 2, 1), (5, 4, 1), (9, 2, 3), (1, 5, 1)]
    chance = random.Random(141)
    cases += [(chance.randint(3, 20), chance.randint(1, 7), chance.randint(1, 4)) for _ in range(25)]
    answers = {case: _two_numbers(call(same_padding, *case)) for case in dict.fromkeys(cases)}
    wrong = [case for case, found in answers.items() if found != _same_padding(*case)]
    if not wrong:
        return
    said = f"same_padding({', '.join(map(str, wrong[0]))}) = {answers[wrong[0]]} is not it"
    causes = [cause for _, cause in _padding_causes(*wrong[0])]
    for place, cause in enumerate(causes):  # a mistake that explains all answers, not one of them by chance
        if all(list(_padding_causes(*case))[place][0] == found for case, found in answers.items()):
            raise Incorrect(f"{said}: {cause}")
    raise Incorrect(f"{said}; expected {_same_padding(*wrong[0])}")


def _same_padding(side: int, kernel_size: int, stride: int) -> tuple[int, int]:
    zeros = max(0, (-(-side // stride) - 1) * stride + kernel_size - side)
    return zeros // 2, zeros - zeros // 2


def _padding_causes(side: int, kernel_size: int, stride: int) -> Iterator[tuple[tuple[int, int], str]]:
    before, after = _same_padding(side, kernel_size, stride)
    needed = (-(-side // stride) - 1) * stride + kernel_size - side
    rounded_down = max(0, (side // stride - 1) * stride + kernel_size - side)
    yield (after, before), "the odd zero comes at the end, not at the beginning"
    yield (before + after, 0), "the zeros are shared between both ends"
    yield (0, before + after), "the zeros are shared between both ends; only the odd one is extra at the end"
    yield (
        (needed // 2, needed - needed // 2),
        "the windows need fewer pixels than the image has, and nothing is cut off: zeros cannot be fewer than none",
    )
    half = (kernel_size - 1) // 2
    yield (half, half), "that is PyTorch's padding for odd windows, on both sides alike; the stride plays a part here"
    whole = kernel_size - 1
    yield (whole // 2, whole - whole // 2), "that is right at stride 1; with a larger stride fewer zeros may do"
    yield (
        (rounded_down // 2, rounded_down - rounded_down // 2),
        "the number of positions is rounded up: a last window that is not full is filled with zeros",
    )
    yield (
        (kernel_size // 2, kernel_size // 2),
        "that is half of the window on both sides; the stride and the number of windows play a part here",
    )
    yield (before, before), "both ends alike: where does the odd zero go?"
    yield (after, after), "both ends alike: one zero too many where their number is odd"


def _two_numbers(found: Any) -> tuple[int, int]:
    if isinstance(found, (Tensor, np.ndarray)):
        found = found.tolist()
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise Incorrect(f"same_padding returned {shown(found)}; expected two numbers, the zeros before and after")
    return whole_number(found[0], "the zeros before"), whole_number(found[1], "the zeros after")


@exercise(
    "14.2",
    "The linear layer after Flatten",
    difficulty=2,
    minutes=10,
    names=("to_linear",),
    hints=(
        "Row k of Keras's weights belongs to place k of the flattened map. Which height, width, and channel is that?",
        "`kernel.reshape(height, width, channels, -1)` undoes Keras's flattening. In which order does PyTorch want the "
        "four axes?",
        "Then `.permute(3, 2, 0, 1)`, out, channels, height, width, and `.flatten(start_dim=1)`.",
    ),
)
def check_to_linear(to_linear: Any) -> None:
    """Maps of different sides, then of equal ones: the scores have to be those of Keras's order."""
    generator = torch.Generator().manual_seed(142)
    for height, width, channels, out in ((2, 3, 4, 5), (4, 2, 3, 7), (3, 3, 3, 9), (1, 5, 2, 1), (3, 4, 1, 2)):
        kernel = torch.randn(height * width * channels, out, generator=generator)
        shape = (height, width, channels)
        with unchanged(kernel, "kernel"):
            found = call(to_linear, kernel, shape, name="to_linear")
        found = tensor(found, None, "what to_linear returns")
        expected_shape = (out, channels * height * width)
        if tuple(found.shape) != expected_shape:
            hint = "; nn.Linear keeps (out, in), Keras (in, out)" if found.shape == kernel.shape else ""
            has = tuple(found.shape)
            raise Incorrect(f"for {shape} the weight has the shape {has}; expected {expected_shape}{hint}")
        X = torch.randn(2, channels, height, width, generator=generator)
        right = X.permute(0, 2, 3, 1).flatten(1) @ kernel
        if torch.allclose(X.flatten(1) @ found.float().T, right, atol=1e-4):
            continue
        for wrong, cause in _linear_causes(kernel, shape):
            if wrong.shape == found.shape and torch.allclose(found.float(), wrong):
                raise Incorrect(f"for maps of {shape}: {cause}")
        raise Incorrect(f"for maps of {shape} the scores are not those of Keras's layer")


def _linear_causes(kernel: Tensor, shape: tuple[int, int, int]) -> Iterator[tuple[Tensor, str]]:
    height, width, channels = shape
    by_place = kernel.reshape(height, width, channels, -1)
    yield (
        kernel.T,
        "you swapped in and out, but the places are still in Keras's order, height, width, channel; PyTorch flattens "
        "channel, height, width",
    )
    yield by_place.permute(3, 2, 1, 0).flatten(1), "height and width are swapped"
    yield by_place.permute(3, 1, 0, 2).flatten(1), "the channels come first in PyTorch; in yours they come last"
    yield (
        kernel.reshape(channels, height, width, -1).permute(3, 1, 2, 0).flatten(1),
        "that is the way back, from PyTorch's order to Keras's",
    )
    yield kernel.reshape(kernel.shape[1], -1), "reshape does not swap axes; it only cuts the same numbers differently"


def _raise_if_stub(function: Any) -> None:
    """Raise what the stub raises before Keras is imported, which takes seconds where it is not yet."""
    try:
        function(None, 1)
    except (Exception, SystemExit) as error:
        if is_stub(error):
            raise


def _keras() -> Any:
    """Return Keras on PyTorch, as the notebook imports it. The package does without it."""
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        os.environ.setdefault("KERAS_HOME", tempfile.mkdtemp())  # else it writes into the home folder
    import keras

    return keras


@exercise(
    "14.3",
    "The block that halves",
    difficulty=3,
    minutes=15,
    names=("halving_block",),
    hints=(
        "Begin with `residual_block` of this page. What has stride 2, and what adapts the shortcut?",
        "Two defaults have to go: the padding of the convolution with stride 2 (Figure 14.3), and one number of the "
        "batch norms (Figure 14.2).",
        "`layers.ZeroPadding2D(1)(x)`, then `layers.Conv2D(filters, 3, strides=2)` without padding; "
        "`epsilon=1e-5` in both norms; `layers.Conv2D(filters, 1, strides=2)(x)` is the shortcut.",
    ),
)
def check_halving_block(halving_block: Any) -> None:
    """Images with even and odd sides; the block's own layers give the weights, PyTorch's functions the numbers."""
    _raise_if_stub(halving_block)
    keras = _keras()
    for height, width, channels, filters in ((6, 8, 3, 5), (7, 6, 2, 3), (5, 7, 4, 6)):
        image = keras.Input((height, width, channels))
        output = call(halving_block, image, filters, name="halving_block")
        if isinstance(output, (list, tuple)):
            raise Incorrect(f"halving_block returned a {type(output).__name__}; expected one tensor, as residual_block")
        try:
            model = keras.Model(image, output)
        except Exception as error:
            raise Incorrect(
                f"halving_block returned {shown(output)}, which is no output of a Keras model: {described(error)}"
            ) from None
        candidates = _parts(keras, model, channels, filters)
        X = torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(height))
        with torch.no_grad():
            found = model(X.permute(0, 2, 3, 1).to(candidates[0]["conv1"].kernel.value.device), training=False)
        shape = (2, -(-height // 2), -(-width // 2), filters)
        found = tensor(found, shape, f"the output for {height}×{width} pixels and {filters} filters")
        _check_halved(found.permute(0, 3, 1, 2), X, candidates)


def _parts(keras: Any, model: Any, channels: int, filters: int) -> list[dict[str, Any]]:
    """Return the block's layers by the names that they have in `d2l.Residual`, with unusual weights.

    Where the graph does not say which batch norm is which, there are two ways to name them.
    """
    layers = list(dict.fromkeys(model._flatten_layers(include_self=False)))  # also those of layers within layers
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    sides = sorted(layer.kernel_size[0] for layer in convolutions)
    if sides == [3, 3]:
        raise Incorrect(
            "there is no 1×1 convolution in the model. Either the shortcut has none, and then it cannot be added, or "
            "it is never added: Keras keeps only what the output needs"
        )
    if sides == [3, 3, 3]:
        raise Incorrect("there are three 3×3 convolutions; that of the shortcut is a 1×1 convolution")
    if sides != [1, 3, 3]:
        raise Incorrect(
            f"the convolutions have windows of {sides}; expected two of 3×3 pixels, and one of 1×1 on the shortcut"
        )
    if len(norms) != 2:
        more = " (the shortcut of d2l.Residual has none)" if len(norms) == 3 else ""
        raise Incorrect(f"the block has {counted(len(norms), 'batch norm')}; expected 2{more}")
    if not all(layer.use_bias for layer in convolutions):
        raise Incorrect("the convolutions of d2l.Residual have biases, and a convolution of yours has none")
    for norm in norms:
        if norm.axis not in (-1, 3):
            raise Incorrect(f"a batch norm of yours has axis={norm.axis}; here the channels are the last axis")
        if norm.gamma is None or norm.beta is None:
            raise Incorrect("the batch norms of d2l.Residual scale and shift, and one of yours does not")
    _draw_weights(model)
    parts = {"conv3": next(layer for layer in convolutions if layer.kernel_size[0] == 1)}
    large = [layer for layer in convolutions if layer.kernel_size[0] == 3]
    wanted = {"conv1": (channels, filters), "conv2": (filters, filters)}
    for name, in_and_out in wanted.items():
        fitting = [layer for layer in large if tuple(layer.kernel.shape[2:]) == in_and_out]
        if not fitting:
            has = ", ".join(f"{layer.kernel.shape[2]}→{layer.kernel.shape[3]}" for layer in large)
            raise Incorrect(
                f"the 3×3 convolutions go {has}; expected {channels}→{filters} and {filters}→{filters}: "
                "what does each of them read?"
            )
        parts[name] = fitting[0]
    small = tuple(parts["conv3"].kernel.shape[2:])
    if small != (channels, filters):
        goes = f"{small[0]}→{small[1]}"
        raise Incorrect(f"the 1×1 convolution goes {goes}; expected {channels}→{filters}: the shortcut reads x itself")
    fed_by = [[name for name in wanted if _reads(norm, parts[name])] for norm in norms]
    if fed_by[0] and fed_by[0] == fed_by[1]:
        raise Incorrect("each of the two 3×3 convolutions has a batch norm that reads it; here both read the same one")
    if all(fed_by):
        return [parts | {by[0].replace("conv", "bn"): norm for by, norm in zip(fed_by, norms)}]
    return [parts | dict(zip(names, norms)) for names in (("bn1", "bn2"), ("bn2", "bn1"))]


def _reads(layer: Any, other: Any) -> bool:
    try:
        return layer.input is other.output
    except Exception:  # a layer within a layer, which has none
        return False


def _draw_weights(model: Any) -> None:
    """Give all weights random values that hide nothing."""
    generator = np.random.default_rng(143)
    for weight in model.weights:
        values = generator.uniform(-0.4, 0.4, tuple(weight.shape))
        if weight.name == "gamma":
            values = abs(values) + 0.4
        elif "variance" in weight.name:
            values = values**2 + 0.004  # small ones betray another epsilon
        elif len(weight.shape) == 1:
            values *= 2
        weight.assign(values)


def _check_halved(found: Tensor, X: Tensor, candidates: list[dict[str, Any]]) -> None:
    def agrees(wrong: Tensor) -> bool:
        return wrong.shape == found.shape and bool((wrong - found).abs().max() < 1e-4 * (1 + wrong.abs().max()))

    def add(Y: Tensor, shortcut: Tensor) -> Tensor:
        return F.relu(Y + shortcut)

    if any(agrees(_halved(X, parts, add, False, True)) for parts in candidates):
        return
    others = sorted({float(candidates[0][name].epsilon) for name in ("bn1", "bn2")} - {1e-5})
    both = all(candidates[0][name].epsilon != 1e-5 for name in ("bn1", "bn2"))
    for parts, same, usual in itertools.product(candidates, (False, True), (True, False)):
        causes = []
        if same:
            causes.append(
                'on even sides the windows of the convolution with stride 2 lie one pixel off, where "same" puts them '
                "(Figure 14.3)"
            )
        if not usual:
            where = "your batch norms" if both else "one of your batch norms"
            causes.append(f"epsilon is {' and '.join(f'{e:g}' for e in others)} in {where} and 1e-05 in PyTorch's")
        for combine, how, cause in _WRONG_WAYS:
            if (usual or others) and agrees(_halved(X, parts, combine or add, same, usual, **how)):
                raise Incorrect("; and ".join([*causes, *([cause] if cause else [])]))
    if len(candidates) > 1:
        raise Incorrect("the numbers are not it; does each batch norm read the output of one of the 3×3 convolutions?")
    raise Incorrect("the numbers are not those of d2l.Residual(..., use_1x1conv=True, strides=2) with the same weights")


def _halved(
    X: Tensor,
    parts: dict[str, Any],
    combine: Callable[..., Tensor],
    same: bool,
    usual_epsilon: bool,
    first_relu: bool = True,
    second_strides: bool = False,
) -> Tensor:
    """Return what the block's layers make of X, combined in a right or a wrong way."""

    def convolve(name: str, Z: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        kernel, bias = (weight.value.detach().cpu().float() for weight in (parts[name].kernel, parts[name].bias))
        return F.conv2d(Z, kernel.permute(3, 2, 0, 1), bias, stride=stride, padding=padding)

    def normalize(name: str, Z: Tensor) -> Tensor:
        norm = parts[name]
        weights = (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta)
        mean, variance, gamma, beta = (weight.value.detach().cpu() for weight in weights)
        epsilon = 1e-5 if usual_epsilon else max(norm.epsilon, 1e-30)  # PyTorch 2.11 refuses zero
        return F.batch_norm(Z, mean, variance, gamma, beta, eps=epsilon)

    def three_by_three(name: str, Z: Tensor, stride: int) -> Tensor:
        if stride == 1 or not same:
            return convolve(name, Z, stride, padding=1)
        down, right = ((0, 1) if side % 2 == 0 else (1, 1) for side in Z.shape[2:])
        return convolve(name, F.pad(Z, (*right, *down)), stride)

    Y = normalize("bn1", three_by_three("conv1", X, 1 if second_strides else 2))
    Y = F.relu(Y) if first_relu else Y
    Y = normalize("bn2", three_by_three("conv2", Y, 2 if second_strides else 1))
    return combine(Y, convolve("conv3", X, stride=2))


_WRONG_WAYS: tuple[tuple[Callable[..., Tensor] | None, dict[str, bool], str], ...] = (
    (None, {}, ""),
    (lambda Y, shortcut: Y + shortcut, {}, "the ReLU after the addition is missing"),
    (lambda Y, shortcut: F.relu(Y) + shortcut, {}, "the last ReLU comes before the addition; it belongs after it"),
    (lambda Y, shortcut: F.relu(F.relu(Y) + shortcut), {}, "there is a ReLU too many, before the addition"),
    (lambda Y, shortcut: F.relu(Y + F.relu(shortcut)), {}, "the shortcut passes a ReLU before it is added"),
    (lambda Y, shortcut: F.relu(Y * shortcut), {}, "the two are multiplied; they should be added"),
    (lambda Y, shortcut: F.relu(Y - shortcut), {}, "the shortcut is subtracted; it should be added"),
    (lambda Y, shortcut: F.relu((Y + shortcut) / 2), {}, "the two are averaged; they should be added"),
    (lambda Y, shortcut: F.relu(torch.maximum(Y, shortcut)), {}, "the larger one is taken; they should be added"),
    (lambda Y, shortcut: F.relu(shortcut), {}, "F(x) is not added: the output is the shortcut alone"),
    (None, {"first_relu": False}, "there is no ReLU between the two 3×3 convolutions"),
    (None, {"second_strides": True}, "the second 3×3 convolution has the stride; in d2l.Residual it is the first"),
)
"""How Y and the shortcut may be combined, what else may differ, and the cause; the first way is right."""


@exercise(
    "14.4",
    "When the rate falls",
    difficulty=2,
    minutes=10,
    names=("pytorch_positions", "keras_positions", "keras_over_pytorch"),
    hints=(
        "Write the two rules of the task as a loop over `zip(gradients, rates)`; position and velocity begin at 0.",
        "In PyTorch's rule the rate multiplies the whole velocity, in Keras's only the new gradient.",
        "The first step after the fall is `positions[20] - positions[19]`, in both.",
    ),
)
def check_two_momenta(pytorch_positions: Any, keras_positions: Any, keras_over_pytorch: Any) -> None:
    """Constant rates, falling and rising ones, without momentum, no step at all; then the ratio."""
    chance = random.Random(144)
    cases: list[tuple[list[float], list[float], float]] = [
        ([1.0, 2.0, -0.5, 3.0], [0.1] * 4, 0.9),
        ([1.0, 0.5, 1.0, 2.0, 1.0, 1.5], [0.1] * 3 + [0.01] * 3, 0.9),
        ([2.0, -1.0, 0.5], [0.5, 0.5, 0.25], 0.0),
        ([], [], 0.9),
    ]
    for _ in range(4):
        steps = chance.randint(3, 7)
        gradients, rates = ([chance.uniform(low, 1) for _ in range(steps)] for low in (-1, 0.01))
        cases.append((gradients, rates, chance.uniform(0.3, 0.95)))
    for function, name in ((pytorch_positions, "pytorch_positions"), (keras_positions, "keras_positions")):
        for gradients, rates, momentum in cases:
            given = (list(gradients), list(rates))
            with unchanged(given, "what your function was given"):
                found = call(function, *given, momentum, name=name)
            _check_positions(_numbers(found, name), name, gradients, rates, momentum)
    ratio = number(keras_over_pytorch, "keras_over_pytorch")
    pytorch, keras = (_walk(kind, [1.0] * 21, [0.1] * 20 + [0.01], 0.9) for kind in ("pytorch", "keras"))
    right = (keras[20] - keras[19]) / (pytorch[20] - pytorch[19])
    causes = {
        1 / right: "that is PyTorch's step over Keras's",
        1.0: "the steps are equal while the rate is constant; look at the first one after the fall",
        10.0: "the rate falls by a factor of 10, but the new gradient counts with the new rate in both",
        keras[20] / pytorch[20]: "those are the positions; the last steps are asked",
    }
    if not math.isclose(ratio, right, rel_tol=0.01):
        cause = next((text for wrong, text in causes.items() if math.isclose(ratio, wrong, rel_tol=0.005)), "")
        advice = cause or "subtract position 20 from position 21, counted from 1, in both, and divide"
        raise Incorrect(f"keras_over_pytorch = {ratio:.4g} is not it: {advice}")


def _walk(kind: str, gradients: Sequence[float], rates: Sequence[float], momentum: float) -> list[float]:
    """Return the position after each step, by the rule of one library or by one with a mistake."""
    position = velocity = 0.0
    positions = []
    for gradient, rate in zip(gradients, rates):
        if kind in ("pytorch", "uphill", "nesterov"):
            velocity = momentum * velocity + gradient
            ahead = gradient + momentum * velocity if kind == "nesterov" else velocity
            position -= (-rate if kind == "uphill" else rate) * ahead
        elif kind == "averaged":
            velocity = momentum * velocity + (1 - momentum) * gradient
            position -= rate * velocity
        elif kind == "no momentum":
            position -= rate * gradient
        elif kind == "old velocity":
            position -= rate * velocity
            velocity = momentum * velocity + gradient
        else:
            velocity = momentum * velocity - rate * gradient
            position += -velocity if kind == "keras uphill" else velocity
        positions.append(position)
    return positions


_WALKS = {
    "uphill": "the sign: the position moves against the gradient; in Keras's rule the velocity has the minus already",
    "keras uphill": "the sign: in Keras's rule the velocity has the minus already, and is added to the position",
    "averaged": "the new gradient is not weighted with 1 - momentum; both libraries add it in full",
    "no momentum": "the velocity is not kept from step to step",
    "old velocity": "the position moves with the velocity of the step before; update the velocity first",
    "nesterov": "that is Nesterov's momentum; the plain rule moves by the velocity alone",
}


def _check_positions(
    found: list[float], name: str, gradients: Sequence[float], rates: Sequence[float], momentum: float
) -> None:
    kind = name.split("_")[0]
    other = "keras" if kind == "pytorch" else "pytorch"
    right = _walk(kind, gradients, rates, momentum)
    if len(found) != len(right):
        raise Incorrect(f"{name} returned {len(found)} positions for {counted(len(right), 'step')}; expected as many")

    def close(a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-5)

    def agrees(wrong: list[float]) -> bool:
        return all(map(close, found, wrong))

    if agrees(right):
        return
    said = f"{name} is not it for the rates {[round(rate, 3) for rate in rates]}"
    if agrees(_walk(other, gradients, rates, momentum)):
        raise Incorrect(f"{said}: that is the other library's rule, which differs once the rate changes")
    for wrong, cause in _WALKS.items():
        if agrees(_walk(wrong, gradients, rates, momentum)):
            raise Incorrect(f"{said}: {cause}")
    if agrees(_walk(kind, gradients, [rates[0]] * len(rates), momentum)):
        raise Incorrect(f"{said}: all steps are made with the first rate; each has a rate of its own")
    if agrees(_walk(kind, gradients, rates, 0.9)):
        raise Incorrect(f"{said} and momentum {momentum:.3g}: the momentum is taken for 0.9")
    steps = [b - a for a, b in zip([0.0, *right], right)]
    if agrees(steps):
        raise Incorrect(f"{said}: those are the steps; the positions are their running sums")
    first = next(i for i, (a, b) in enumerate(zip(found, right)) if not close(a, b))
    where = f"the position after step {first + 1}"
    raise Incorrect(f"{said} and momentum {momentum:.3g}: {where} is {found[first]:.4g}, expected {right[first]:.4g}")


def _numbers(found: Any, name: str) -> list[float]:
    if isinstance(found, (Tensor, np.ndarray)):
        found = found.tolist()
    if not isinstance(found, (list, tuple)):
        raise Incorrect(f"{name} returned {shown(found)}; expected a list with the position after each step")
    return [number(value, f"a position of {name}") for value in found]
