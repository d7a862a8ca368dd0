"""The exercises of notebook 03: residual blocks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, shown, tensor, unchanged, used, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.residual import Plain, Residual


@exercise(
    "3.1",
    "Option C for ResNet-18",
    difficulty=1,
    minutes=5,
    names=("extra_parameters_of_option_c",),
    hints=(
        "Option C puts a 1×1 convolution on every shortcut. Five of the eight blocks have none yet. "
        "How many channels go in and out of each of them?",
        "The five are: two of 64 channels, one each of 128, 256 and 512. A 1×1 convolution from c to c channels has "
        "c·c weights and c biases.",
    ),
)
def check_option_c(extra_parameters: Any) -> None:
    """Two blocks of 64 channels, and one each of 128, 256 and 512."""
    found = whole_number(extra_parameters, "extra_parameters_of_option_c")
    channels = (64, 64, 128, 256, 512)
    right = sum(c * c + c for c in channels)
    of_option_b = sum(c * c // 2 + c for c in (128, 256, 512))
    causes = {
        sum(c * c for c in channels): "these are the weights without the biases",
        sum(9 * c * c + c for c in channels): "that is what 3×3 convolutions would have; these are 1×1",
        sum(9 * c * c for c in channels): "that is what 3×3 convolutions without biases would have; these are 1×1",
        right - 64 * 64 - 64: "one block of the first stage is missing: both its blocks are without a convolution",
        right - 2 * (64 * 64 + 64): "the first stage is missing: both its blocks are without a convolution",
        2 * right - 2 * (64 * 64 + 64): "you counted both blocks of every stage but the first, and none of that; "
        "in the later stages the first block has a convolution already",
        2 * sum(c * c + c for c in (64, 128, 256, 512)): "you counted eight blocks with as many channels going in as "
        "out; three of the blocks have a convolution already",
        of_option_b: "those are the three convolutions that option B has already",
        right + of_option_b: "that is all eight convolutions; option B has three of them already",
        right + 2 * sum(channels): "you counted batch norms on the shortcuts; the book's shortcut has none",
        sum(c * c + 1 for c in channels): "there is one bias for each output channel, and not one for each layer",
        11_178_378 + right: "that is the whole network afterwards; asked is what it gains",
    }
    if found in causes:
        raise Incorrect(f"{found:,} is not it: {causes[found]}.")
    if found != right:
        raise Incorrect(
            f"{found:,} is not it. Go through the five blocks one by one: how many channels come in and go out, and "
            "how many weights and biases has a 1×1 convolution between them?"
        )


@exercise(
    "3.2",
    "A block without batch norm",
    difficulty=2,
    minutes=10,
    names=("ResidualWithoutNorm",),
    hints=(
        "Take the class `Residual` of this page and leave out what it does not need: "
        "batch norms, strides, the 1×1 convolution.",
        "`forward` has three steps: `Y = F.relu(self.conv1(X))`, then `Y = self.conv2(Y)`, then add and ReLU.",
    ),
)
def check_residual_without_norm(ResidualWithoutNorm: Any) -> None:
    """The formula with the block's own weights, on images that are not square and of both signs."""
    for channels in (5, 1, 16):
        kinds = {"conv1": nn.Conv2d, "conv2": nn.Conv2d}
        _check_without_norm(_new_block(ResidualWithoutNorm, "ResidualWithoutNorm", channels, kinds), channels)


def _check_without_norm(block: nn.Module, channels: int) -> None:
    def right(X: Tensor) -> Tensor:
        return F.relu(_conv(block.conv2, F.relu(_conv(block.conv1, X))) + X)

    for training, shape in ((True, (2, channels, 7, 6)), (False, (1, channels, 4, 9)), (False, (3, channels, 1, 1))):
        block.train(training)
        X = _random(shape)
        output = _output_of(block, X)
        if not _same(output, right(X)):
            otherwise = "the output is not relu(F(x) + x) with F = conv1, ReLU, conv2."
            _name_the_cause(output, _causes_without_norm(block, X), otherwise, block, X, right)
    _check_gradient(block, right, channels)


def _causes_without_norm(block: nn.Module, X: Tensor) -> Iterable[tuple[Tensor, str]]:
    conv1, conv2 = (lambda Z: _conv(block.conv1, Z)), (lambda Z: _conv(block.conv2, Z))
    hidden = F.relu(conv1(X))
    Y = conv2(hidden)
    yield (
        F.relu(Y),
        "shapes and count are right, but with F set to zero the output does not depend on the input: "
        "is the input added?",
    )
    yield Y, "the output is F(x) alone: the input is not added, and the last ReLU is missing."
    yield Y + X, "the ReLU after the addition is missing."
    yield F.relu(Y) + X, "the last ReLU comes before the addition; it belongs after it."
    yield F.relu(F.relu(Y) + X), "there is a ReLU too many, before the addition: F can only push up."
    yield F.relu(conv2(conv1(X)) + X), "there is no ReLU between the convolutions, so that both are one."
    yield conv2(conv1(X)) + X, "there is no ReLU at all: one belongs between the convolutions, one after the sum."
    yield F.relu(Y + hidden), "what left the first ReLU is added; what entered conv1 should be."
    yield F.relu(Y + conv1(X)), "what left conv1 is added; what entered conv1 should be."
    yield F.relu(Y - X), "the input is subtracted; it should be added."
    yield F.relu(Y * X), "the input is multiplied with F(x); it should be added."
    yield F.relu(Y + 2 * X), "the input is added twice."
    yield F.relu(conv1(hidden) + X), "conv1 is used twice and conv2 never."
    yield F.relu(conv1(F.relu(conv2(X))) + X), "conv2 is used before conv1."
    yield F.relu(Y + F.relu(X)), "the input passes a ReLU before it is added; its negative numbers belong to it."
    yield F.relu(conv2(F.relu(conv1(F.relu(X)))) + X), "the input passes a ReLU before conv1."
    yield (
        F.relu(conv2(F.relu(conv1(F.relu(X)))) + F.relu(X)),
        "the input passes a ReLU at the start; its negative numbers belong to it, in conv1 and in the sum.",
    )
    yield F.relu(conv2(conv1(F.relu(X))) + X), "the first ReLU stands before conv1; it belongs between conv1 and conv2."
    for other in (F.gelu, F.leaky_relu, F.silu, F.elu, torch.tanh, torch.sigmoid):
        yield F.relu(conv2(other(conv1(X))) + X), f"between the convolutions stands {other.__name__}, not a ReLU."
    Y = _conv(block.conv2, F.relu(_conv(block.conv1, X, block.conv1.padding)), block.conv2.padding)
    if Y.shape == X.shape:
        yield F.relu(Y + X), _paddings(block)


@exercise(
    "3.3",
    "A detector",
    difficulty=2,
    minutes=15,
    names=("adds_its_input",),
    hints=(
        "Test 1 of this page needs two lines: set F to zero, and compare. It spoils the block, though. "
        "What could you spoil in its place?",
        "`copy.deepcopy(block)` gives a block that you may spoil: weights, stored statistics, all. "
        "With F at zero, what does a right block return for an X with negative numbers?",
        "In the copy, set both `bn2.weight` and `bn2.bias` to zero and return `torch.equal(the_copy(X), F.relu(X))`.",
    ),
)
def check_detector(adds_its_input: Any) -> None:
    """Right blocks and wrong ones, new and with unusual weights, in both modes; none may be changed."""
    said, spoiled = {}, None
    for k, (name, (new, training, combine)) in enumerate(_SUSPECTS.items()):
        channels = 5 if "five channels" in name else 3
        block = used(_suspect(combine, new, channels, seed=k)).train(training)
        X = _random((4, channels, 6, 5), seed=k)
        try:
            with unchanged(block, "the block"), unchanged(X, "X"):
                said[name] = _yes_or_no(call(adds_its_input, block, X, name="adds_its_input"))
        except Incorrect as error:
            if name not in said:
                raise
            spoiled = spoiled or error
    wrong_blocks = [name for name in said if not name.startswith("right")]
    of_three = [answer for name, answer in said.items() if "five channels" not in name]
    if len(set(of_three)) == 1:
        _check_it_goes_by_numbers(adds_its_input)
    if all(answer != name.startswith("right") for name, answer in said.items()):
        raise Incorrect(
            "your detector says False about every block that is right, and True about all others: "
            "are True and False swapped?"
        )
    if all(of_three):
        raise Incorrect(
            "your detector says True about every block, also about one that never adds its input. Shape and number of "
            "parameters do not tell them apart; the numbers that come out do."
        )
    if not any(of_three):
        raise Incorrect(
            "your detector says False about every block, also about the book's. Try it on Residual(3, 3), which is "
            "right, and look at the two tensors that it compares."
        )
    for name, hint in _RIGHT_ONES.items():
        if not said[name]:
            raise Incorrect(f"your detector says False about {name.partition(': ')[2]}. {hint}")
    missed = [name for name in wrong_blocks if said[name]]
    if missed:
        raise Incorrect(f"your detector says True about {missed[0]}.")
    if spoiled:
        raise Incorrect(f"its answers are right, but {spoiled}")


def _check_it_goes_by_numbers(adds_its_input: Any) -> None:
    """Give it two blocks twice, the second time under another class; the numbers are the same."""
    for name, kind in (("right: a new block that is right", Residual), (_NEVER_ADDS, NeverAdds)):
        new, training, combine = _SUSPECTS[name]
        block, twin = _suspect(combine, new, 3, seed=0).train(training), kind(3, 3).train(training)
        twin.load_state_dict(block.state_dict())
        one, other = (
            _yes_or_no(call(adds_its_input, suspect, _random((4, 3, 6, 5)), name="adds_its_input"))
            for suspect in (block, twin)
        )
        if one != other:
            raise Incorrect(
                "your detector goes by a block's class, name or source, and not by what it computes: "
                f"it says {other} about a {kind.__name__}, and {one} about a block of another class that does the same."
            )


_RIGHT_ONES = {
    "right: a new block that is right": "With F = 0 a right block returns relu(x), and not x.",
    "right: a right block with weights that nobody would choose": "About a new one it is right. "
    "A new bn2 has the shift 0; F is zero only if scale and shift both are.",
    "right: a right block in eval mode": "In train mode it is right. "
    "In eval mode a batch norm uses its stored statistics, not those of the batch.",
    "right: a right block of five channels": "Does it take three channels for granted?",
    "right: a right block that adds in place (Y += X)": "What a hook hears is overwritten then, unless it is cloned.",
}


def _in_one_place(dim: int, index: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return what a block makes of F(x) and x that adds x in one image, channel, row or column only."""

    def combine(Y: Tensor, X: Tensor, hidden: Tensor) -> Tensor:
        added = torch.zeros_like(X)
        added.select(dim, index).copy_(X.select(dim, index))
        return F.relu(Y + added)

    return combine


_NEVER_ADDS = "a block that returns relu(F(x)) and never adds its input"
_SUSPECTS: dict[str, tuple[bool, bool, Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    # name: whether its weights are new, whether it is in train mode, what it makes of F(x), x, and the hidden layer
    "right: a new block that is right": (True, True, lambda Y, X, hidden: F.relu(Y + X)),
    "right: a right block with weights that nobody would choose": (False, True, lambda Y, X, hidden: F.relu(Y + X)),
    "right: a right block in eval mode": (False, False, lambda Y, X, hidden: F.relu(Y + X)),
    "right: a right block of five channels": (False, True, lambda Y, X, hidden: F.relu(Y + X)),
    "right: a right block that adds in place (Y += X)": (False, True, lambda Y, X, hidden: F.relu(Y.add_(X))),
    _NEVER_ADDS: (False, True, lambda Y, X, hidden: F.relu(Y)),
    "a block in eval mode that never adds its input": (False, False, lambda Y, X, hidden: F.relu(Y)),
    "a block that adds what left the first ReLU, in place of its input": (
        False, True, lambda Y, X, hidden: F.relu(Y + hidden),
    ),
    "a block that adds after the last ReLU. With F = 0 it returns x, and a right block relu(x)": (
        False, True, lambda Y, X, hidden: F.relu(Y) + X,
    ),
    "a block without the last ReLU. With F = 0 it returns x, and a right block relu(x)": (
        False, True, lambda Y, X, hidden: Y + X,
    ),
    "a block that subtracts its input": (False, True, lambda Y, X, hidden: F.relu(Y - X)),
    "a block that adds nine tenths of its input; look at how large a difference it lets pass": (
        False, False, lambda Y, X, hidden: F.relu(Y + 0.9 * X),
    ),
    "a block that adds 0.99 of its input; look at how large a difference it lets pass": (
        False, True, lambda Y, X, hidden: F.relu(Y + 0.99 * X),
    ),
    "a block of five channels that never adds its input": (False, True, lambda Y, X, hidden: F.relu(Y)),
    "a block that adds to each image another image of the batch: compare number by number, "
    "not sums or averages": (True, True, lambda Y, X, hidden: F.relu(Y + X.flip(0))),
    **{
        f"a block that adds its input in the {place} {part} only": (False, True, _in_one_place(dim, index))
        for dim, part in enumerate(("image", "channel", "row", "column"))
        for place, index in (("first", 0), ("last", -1))
    },
    "a block that adds the mean of the channels to each of them": (
        False, False, lambda Y, X, hidden: F.relu(Y + X.mean(dim=1, keepdim=True)),
    ),
    "a block that multiplies F(x) with its input": (True, True, lambda Y, X, hidden: F.relu(Y * X)),
}  # fmt: skip


class SomeBlock(Residual):
    """A block with the layers of `Residual`, which does what it is told with F(x) and x."""

    def __init__(self, combine: Callable[[Tensor, Tensor, Tensor], Tensor], channels: int) -> None:
        super().__init__(channels, channels)
        self.combine = combine

    def forward(self, X: Tensor) -> Tensor:
        hidden = F.relu(self.bn1(self.conv1(X)))
        return self.combine(self.bn2(self.conv2(hidden)), X, hidden)


class NeverAdds(nn.Module):
    """A plain block under the name that it has on the page; it is no `Residual`."""

    def __init__(self, input_channels: int, num_channels: int) -> None:
        super().__init__()
        for name, layer in Plain(input_channels, num_channels).named_children():
            self.add_module(name, layer)
        self.conv3 = None

    forward = Plain.forward


def _suspect(combine: Callable[[Tensor, Tensor, Tensor], Tensor], new: bool, channels: int, seed: int) -> SomeBlock:
    block = SomeBlock(combine, channels)
    if not new:
        _set_unusual_weights(block, seed)
    return block


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, Tensor) and value.numel() == 1 and value.dtype == torch.bool and value.device.type != "meta":
        value = value.item()
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        value = bool(value)
    if isinstance(value, int) and value in (0, 1):
        value = bool(value)
    if not isinstance(value, bool):
        raise Incorrect(f"adds_its_input(block, X) should return True or False; it returned {shown(value)}.")
    return value


@exercise(
    "3.4",
    "More parameters, fewer functions",
    difficulty=2,
    minutes=10,
    names=("kernel_size_of_the_one", "parameters_of_the_pair", "parameters_of_the_one"),
    hints=(
        "Two 3×3 kernels make one of 5×5: the second reaches one place further on each side. "
        "How far does a 3×3 kernel reach over a 5×5 one?",
        "The one goes from 20 to 20 channels, with k = 5 + 3 - 1. A k×k convolution from c to d channels has "
        "k²·c·d weights and d biases.",
    ),
)
def check_pair_and_one(kernel_size: Any, of_the_pair: Any, of_the_one: Any) -> None:
    """The pair has 20,450 parameters, the one 19,620."""
    if type(kernel_size).__module__ == "numpy" and getattr(kernel_size, "ndim", 0) == 1:
        kernel_size = kernel_size.tolist()
    if isinstance(kernel_size, (tuple, list)) and len(kernel_size) == 2:
        sides = [whole_number(side, "a side of kernel_size_of_the_one") for side in kernel_size]
        kernel_size = sides[0] if sides[0] == sides[1] else kernel_size
    k = whole_number(kernel_size, "kernel_size_of_the_one")
    pair = whole_number(of_the_pair, "parameters_of_the_pair")
    one = whole_number(of_the_one, "parameters_of_the_one")
    causes = {
        5: "that is the size of the larger kernel; the second kernel reaches over the border of the first",
        8: "the sizes add up less one: where both kernels touch, a place counts once",
        15: "the sizes are not multiplied: the second kernel slides over the first's outputs place by place",
        3: "that is the size of the smaller kernel; both together see more than each alone",
        9: "the second kernel reaches one place further on each side, not two",
        49: "that is the number of places in the kernel; asked is the length of a side",
    }
    if k != 7:
        raise Incorrect(f"kernel_size_of_the_one is not {k}: {causes.get(k, 'slide a 3 over a 5 and count')}.")
    first, second = 25 * 20 * 30, 9 * 30 * 20
    causes = {
        first + second: "these are the weights without the biases",
        first + second + 20: "the biases of the first convolution are missing, one for each of its 30 channels",
        first + second + 30: "the biases of the second convolution are missing, one for each of its 20 channels",
        first + second + 40: "a bias belongs to an output channel: the first convolution has 30, the second 20",
        first + second + 60: "a bias belongs to an output channel: the first convolution has 30, the second 20",
        first + 30: "that is the first convolution alone",
        49 * 400 + 20: "that is the one convolution; asked is the pair",
        (5 + 3) * 600 + 50: "a k×k kernel has k² places",
        (5 + 3) * 600: "a k×k kernel has k² places, and there are biases",
    }
    if pair != 20_450:
        cause = causes.get(pair, "count weights and biases of each of the two by itself")
        raise Incorrect(f"parameters_of_the_pair is not {pair:,}: {cause}.")
    causes = {
        49 * 400: "these are the weights without the biases",
        49 * 600 + 20: "the 30 channels between are gone; the one goes from 20 to 20 channels",
        49 * 600 + 30: "the 30 channels between are gone; the one goes from 20 to 20 channels",
        49 * 600: "the 30 channels between are gone, and there are biases",
        25 * 400 + 20: "you counted a 5×5 kernel; the one has 7×7",
        49 * 400 + 50: "the biases of both merge: there is one for each of the 20 output channels",
        49 * 400 + 30: "there is one bias for each of the 20 output channels",
        7 * 400 + 20: "a k×k kernel has k² places",
        20_450: "that is the pair; a 7×7 convolution from 20 to 20 channels has fewer",
    }
    if one != 19_620:
        cause = causes.get(one, "count weights and biases of a 7×7 convolution from 20 to 20 channels")
        raise Incorrect(f"parameters_of_the_one is not {one:,}: {cause}.")


@exercise(
    "3.5",
    "Fold a block",
    difficulty=3,
    minutes=20,
    names=("folded",),
    hints=(
        "In eval mode a batch norm multiplies channel o by γ/√(σ² + eps) and adds β - μ·γ/√(σ² + eps). "
        "Put that into the convolution before it first, once for each pair.",
        "Into weights and bias: `factor = bn.weight / (bn.running_var + bn.eps).sqrt()`, then "
        "`conv.weight * factor[:, None, None, None]` and `(conv.bias - bn.running_mean) * factor + bn.bias`.",
        "With each pair written into a new `nn.Conv2d`, `compose(first, second)` gives weight and bias of the one. "
        "Make that one with `dtype=conv1.weight.dtype`.",
    ),
)
def check_folded(folded: Any) -> None:
    """Layers of unusual weights, statistics and eps, 64 bits, images that are not square."""
    for channels in ((3, 8, 4), (1, 2, 1), (4, 4, 4), (2, 1, 5)):
        layers = _layers_to_fold(*channels)
        with ExitStack() as stack:
            for name, layer in zip(("conv1", "bn1", "conv2", "bn2"), layers):
                stack.enter_context(unchanged(layer, name))
            one = call(folded, *layers, name="folded")
        _check_it_is_one_convolution(one, channels[0], channels[-1])
        for shape in ((2, channels[0], 9, 11), (1, channels[0], 5, 5)):
            _check_it_equals(one, layers, _random(shape).double())


def _check_it_equals(one: nn.Conv2d, layers: list[nn.Module], X: Tensor) -> None:
    with torch.no_grad():
        right = _apply(layers, X)
        if float((F.conv2d(X, one.weight, one.bias) - right).abs().max()) >= 1e-10:
            _name_the_cause_of_folding(one, layers)
            raise Incorrect("the output is off by more than 1e-10.")
        output = tensor(call(one, X, name="the folded convolution"), tuple(right.shape), "its output")
        if float((output - right).abs().max()) >= 1e-10:
            raise Incorrect(
                "weights and bias are right, but the layer does not give what a convolution with them gives."
            )


def _layers_to_fold(ins: int, between: int, outs: int) -> list[nn.Module]:
    layers = [
        nn.Conv2d(ins, between, 3), nn.BatchNorm2d(between, eps=1e-3),
        nn.Conv2d(between, outs, 3), nn.BatchNorm2d(outs, eps=1e-2),
    ]  # fmt: skip
    return [used(_set_unusual_weights(layer, seed).double().eval()) for seed, layer in enumerate(layers)]


def _check_it_is_one_convolution(one: Any, ins: int, outs: int) -> None:
    if not isinstance(one, nn.Conv2d):
        raise Incorrect(f"folded should return one nn.Conv2d; it returned {shown(one)}.")
    if tuple(one.kernel_size) != (5, 5):
        size = "×".join(map(str, one.kernel_size))
        raise Incorrect(f"the kernel is {size}; two 3×3 kernels make one of 5×5.")
    if (one.in_channels, one.out_channels) != (ins, outs) or one.groups != 1:
        raise Incorrect(f"it should go from {ins} to {outs} channels, as the two do together; it is {one}.")
    if one.padding not in (0, (0, 0), "valid"):
        raise Incorrect(f"it has padding={one.padding}; the two are without padding, so is the one.")
    if one.stride != (1, 1) or one.dilation != (1, 1):
        raise Incorrect(f"its stride and dilation should be 1; it is {one}.")
    if one.bias is None:
        raise Incorrect("it has no bias; biases and batch norms of the two leave one.")
    if one.weight.dtype != torch.float64 or one.bias.dtype != torch.float64:
        raise Incorrect(
            f"its weights are of {one.weight.dtype}, and those that were given of torch.float64; "
            "nn.Conv2d(..., dtype=conv1.weight.dtype) makes it alike."
        )
    tensor(one.weight, (outs, ins, 5, 5), "its weight")
    tensor(one.bias, (outs,), "its bias")


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale


def _fold(layers: list[Any], norm1: tuple[Tensor, Tensor], norm2: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return weight and bias, given scale and shift of both norms."""
    conv1, _, conv2, _ = layers
    weight1, bias1 = conv1.weight * norm1[0][:, None, None, None], conv1.bias * norm1[0] + norm1[1]
    weight2, bias2 = conv2.weight * norm2[0][:, None, None, None], conv2.bias * norm2[0] + norm2[1]
    return _composed(weight1, weight2), bias2 + weight2.sum(dim=(2, 3)) @ bias1


def _composed(weight1: Tensor, weight2: Tensor) -> Tensor:
    return F.conv2d(weight1.transpose(0, 1), weight2.flip(2, 3), padding=2).transpose(0, 1)


def _name_the_cause_of_folding(one: nn.Conv2d, layers: list[Any]) -> None:
    """Raise the cause, from the weights first and, if they are right, from the bias."""
    conv1, bn1, conv2, bn2 = layers
    found = one.weight.detach(), one.bias.detach()
    norms = [_scale_and_shift(norm) for norm in (bn1, bn2)]
    right = _fold(layers, *norms)

    def variant(of: Callable[[nn.BatchNorm2d], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        return _fold(layers, of(bn1), of(bn2))

    unchanged = [(torch.ones_like(norm.weight), torch.zeros_like(norm.weight)) for norm in (bn1, bn2)]
    flipped1, flipped2 = (layer.weight.flip(2, 3) for layer in (conv1, conv2))
    scaled1, scaled2 = (scale[:, None, None, None] for scale, _ in norms)
    weights = [
        (_without_eps(variant, 0.0)[0], "eps is missing: a batch norm divides by √(σ² + eps), and each has its own."),
        (_without_eps(variant, 1e-5)[0], "eps is taken to be 1e-5; use that of the layer, bn.eps."),
        (
            variant(lambda n: (n.weight / (n.running_var + n.eps), n.bias))[0],
            "the batch norm divides by the standard deviation, √(σ² + eps); you divided by the variance.",
        ),
        (
            variant(lambda n: (1 / (n.running_var + n.eps).sqrt(), n.bias))[0],
            "the scale γ of the batch norms (bn.weight) is missing.",
        ),
        (variant(lambda n: (n.weight, n.bias))[0], "the division by the standard deviation is missing."),
        (_fold(layers, *unchanged)[0], "the batch norms' factors are missing from the weights."),
        (_fold(layers, unchanged[0], norms[1])[0], "the factors of bn1 are missing from the weights."),
        (_fold(layers, norms[0], unchanged[1])[0], "the factors of bn2 are missing from the weights."),
        (right[0].flip(2, 3), "the kernel is upside down and left-right reversed; a place of K is the sum u + v."),
        (right[0].transpose(2, 3), "rows and columns of the kernel are exchanged."),
        (_composed(flipped1 * scaled1, conv2.weight * scaled2), "conv1's kernels got reversed on the way."),
        (_composed(conv1.weight * scaled1, flipped2 * scaled2), "conv2's kernels got reversed on the way."),
    ]
    if not _close(found[0], right[0]):
        for wrong, cause in weights:
            if _close(found[0], wrong):
                raise Incorrect(cause)
        if torch.allclose(found[0], right[0], rtol=1e-4, atol=1e-5):
            raise Incorrect("the weights are right to 32 bits only; stay with 64-bit numbers all the way.")
        also = "the bias is right" if _close(found[1], right[1]) else "nor is the bias"
        raise Incorrect(f"the weights of the one are not those of the two with their batch norms; {also}.")
    weight2 = conv2.weight * scaled2
    sums, bias2 = weight2.sum(dim=(2, 3)), conv2.bias * norms[1][0] + norms[1][1]
    bias1 = conv1.bias * norms[0][0] + norms[0][1]
    biases = [
        (bias2, "what conv1 and bn1 add is missing: it passes conv2, each channel times the sum of its kernel."),
        (bias2 + sums @ (conv1.bias * norms[0][0]), "the shift of bn1 is missing: conv2 passes it on, times its sums."),
        (bias2 + sums @ norms[0][1], "the bias of conv1 is missing, times the factor of bn1."),
        (sums @ bias1 + norms[1][1], "the bias of conv2 is missing, times the factor of bn2."),
        (sums @ norms[0][1] + norms[1][1], "the biases of the convolutions are missing."),
        (sums @ bias1 + conv2.bias + norms[1][1], "the bias of conv2 is to be multiplied by the factor of bn2."),
        (
            bias2 + sums @ (conv1.bias + norms[0][1]),
            "the bias of conv1 is to be multiplied by the factor of bn1.",
        ),
        (
            conv2.bias + norms[1][1] + sums @ (conv1.bias + norms[0][1]),
            "the biases of the convolutions are to be multiplied by the factors of the batch norms.",
        ),
        (
            bias2 + conv2.weight.sum(dim=(2, 3)) @ bias1,
            "what passes conv2 is to be multiplied by the factor of bn2 too.",
        ),
        (
            variant(lambda n: (_scale_and_shift(n)[0], n.bias))[1],
            "the stored means of the batch norms (running_mean) are not subtracted.",
        ),
        (
            variant(lambda n: (_scale_and_shift(n)[0], -n.running_mean * _scale_and_shift(n)[0]))[1],
            "the shifts β of the batch norms (bn.bias) are missing.",
        ),
        (
            variant(lambda n: (_scale_and_shift(n)[0], n.bias - n.running_mean))[1],
            "the stored mean is to be multiplied by the factor, γ/√(σ² + eps), too.",
        ),
        (
            conv2.bias - bn2.running_mean + bn2.bias + sums @ (conv1.bias - bn1.running_mean + bn1.bias),
            "the convolution's bias, less the stored mean, is to be multiplied by the factor, γ/√(σ² + eps), too.",
        ),
        (torch.zeros_like(bias2), "the bias is zero; biases and batch norms of the two leave one."),
        (
            variant(lambda n: (_scale_and_shift(n)[0], n.bias + n.running_mean * _scale_and_shift(n)[0]))[1],
            "the stored mean is added; a batch norm subtracts it.",
        ),
    ]
    if not _close(found[1], right[1]):
        for wrong, cause in biases:
            if _close(found[1], wrong):
                raise Incorrect(f"the weights are right, the bias is not: {cause}")
        if torch.allclose(found[1], right[1], rtol=1e-4, atol=1e-5):
            raise Incorrect("the bias is right to 32 bits only; stay with 64-bit numbers all the way.")
        raise Incorrect("the weights are right, the bias is not: send an image of zeros through both and compare.")


def _without_eps(variant: Callable, eps: float) -> tuple[Tensor, Tensor]:
    return variant(lambda norm: (norm.weight / (norm.running_var + eps).sqrt(), norm.bias))


@exercise(
    "3.6",
    "The order of 2016",
    difficulty=2,
    minutes=15,
    names=("PreActivationResidual",),
    hints=(
        "The layers are those of `Residual`; the order in `forward` is another. Which numbers go into the first "
        "batch norm, and which are added at the end?",
        "A batch norm works on what comes in now: `bn1` and `bn2` both have `num_channels` channels. "
        "Keep X as it came, and give the result of each step another name.",
        "`Y = self.conv1(F.relu(self.bn1(X)))`, then the same with `conv2` and `bn2`, then `return Y + X`.",
    ),
)
def check_pre_activation(PreActivationResidual: Any) -> None:
    """x + F(x) with the block's own weights, in both modes, on images that are not square."""
    kinds = {"bn1": nn.BatchNorm2d, "conv1": nn.Conv2d, "bn2": nn.BatchNorm2d, "conv2": nn.Conv2d}
    for channels in (5, 1, 16):
        _check_order(_new_block(PreActivationResidual, "PreActivationResidual", channels, kinds), channels)


def _check_order(block: nn.Module, channels: int) -> None:
    def right(X: Tensor) -> Tensor:
        Y = _conv(block.conv1, F.relu(_norm(block.bn1, X)))
        return X + _conv(block.conv2, F.relu(_norm(block.bn2, Y)))

    for training in (True, False):
        block.train(training)
        for shape in ((2, channels, 7, 6), (1, channels, 4, 9)):
            X = _random(shape)
            expected = right(X)
            output = _output_of(block, X)
            if _same(output, expected):
                continue
            block.train(not training)
            if _same(output, right(X)):
                raise Incorrect(
                    f"in {'train' if training else 'eval'} mode the output is that of the other mode: batch norms use "
                    "the statistics of the batch in train mode, and their stored ones in eval mode."
                )
            block.train(training)
            otherwise = "the output is not F(x) + x with F = bn1, ReLU, conv1, bn2, ReLU, conv2."
            _name_the_cause(output, _causes_of_pre_activation(block, X), otherwise, block, X, right)
    _check_gradient(block, right, channels)
    _check_statistics(block.train(), channels)


def _check_statistics(block: nn.Module, channels: int) -> None:
    """After one pass in train mode the stored statistics are those of one pass."""
    X = _random((2, channels, 7, 6), seed=3)
    norms = {name: copy.deepcopy(getattr(block, name)).float() for name in ("bn1", "bn2")}
    with torch.no_grad():
        norms["bn2"](_conv(block.conv1, F.relu(norms["bn1"](X))).float())
    _output_of(block, X)
    for name, norm in norms.items():
        found = getattr(block, name).running_mean
        if found is not None and norm.running_mean is not None and not _same(found, norm.running_mean):
            raise Incorrect(
                f"the output is right, but one pass in train mode does not move the stored statistics of {name} as one "
                f"call of it does: is it called twice, or not called at all?"
            )


def _causes_of_pre_activation(block: nn.Module, X: Tensor) -> Iterable[tuple[Tensor, str]]:
    conv1, conv2 = (lambda Z: _conv(block.conv1, Z)), (lambda Z: _conv(block.conv2, Z))
    bn1, bn2 = (lambda Z: _norm(block.bn1, Z)), (lambda Z: _norm(block.bn2, Z))
    active = F.relu(bn1(X))
    middle = conv1(active)
    Y = conv2(F.relu(bn2(middle)))
    old = bn2(conv2(F.relu(bn1(conv1(X)))))
    yield F.relu(Y + X), "there is a ReLU after the addition; in this order nothing comes after it."
    yield (
        Y,
        "shapes and count are right, but with F set to zero the output does not depend on the input: "
        "is the input added?",
    )
    yield F.relu(Y), "the input is not added, and nothing should come after conv2 but the addition."
    yield Y + active, "what is added has passed bn1 and ReLU; the input is to be added as it came."
    yield Y + bn1(X), "what is added has passed bn1; the input is to be added as it came."
    yield Y + F.relu(X), "what is added has passed a ReLU; the input is to be added as it came."
    yield F.relu(Y) + X, "there is a ReLU between conv2 and the addition: F can only push up."
    yield F.relu(old + X), "that is the order of Residual: conv, BN, ReLU. Here BN and ReLU come before each conv."
    yield old + X, "that is the order of Residual without its last ReLU. Here BN and ReLU come before each conv."
    yield F.relu(old) + X, "that is conv, BN, ReLU, twice. Here BN and ReLU come before each conv."
    yield F.relu(F.relu(old) + X), "that is conv, BN, ReLU, twice. Here BN and ReLU come before each conv."
    yield F.relu(old), "that is the order of a plain block: conv, BN, ReLU. Here BN and ReLU come before each conv."
    yield conv2(F.relu(bn2(conv1(bn1(X))))) + X, "the ReLU between bn1 and conv1 is missing."
    yield conv2(bn2(middle)) + X, "the ReLU between bn2 and conv2 is missing."
    yield conv2(bn2(conv1(bn1(X)))) + X, "both ReLUs are missing, so that in eval mode F is affine."
    yield (
        conv2(bn2(F.relu(conv1(bn1(F.relu(X)))))) + X,
        "batch norm and ReLU are exchanged: the batch norm comes first, then the ReLU.",
    )
    yield (
        bn2(conv2(F.relu(bn1(conv1(F.relu(X)))))) + X,
        "only the ReLUs stand before the convolutions; the batch norms belong before them too.",
    )
    yield conv2(F.relu(bn1(middle))) + X, "bn1 is used twice and bn2 never."
    yield conv1(F.relu(bn2(middle))) + X, "conv1 is used twice and conv2 never."
    yield conv2(F.relu(middle)) + X, "bn2 is never used."
    yield conv2(F.relu(bn2(conv1(F.relu(X))))) + X, "bn1 is never used."
    yield Y + middle, "what left conv1 is added; what entered bn1 should be."
    yield Y - X, "the input is subtracted; it should be added."
    yield X - Y, "F(x) is subtracted; it should be added."
    yield Y + 2 * X, "the input is added twice."
    yield (
        conv1(F.relu(bn1(conv2(F.relu(bn2(X)))))) + X,
        "the layers are used in another order: bn1 and conv1 come first, then bn2 and conv2.",
    )
    yield (
        conv2(F.relu(bn1(conv1(F.relu(bn2(X)))))) + X,
        "bn2 is used before bn1: bn1 and conv1 come first, then bn2 and conv2.",
    )
    Y = _conv(block.conv2, F.relu(bn2(_conv(block.conv1, active, block.conv1.padding))), block.conv2.padding)
    if Y.shape == X.shape:
        yield Y + X, _paddings(block)


@exercise(
    "3.7",
    "Inception block and residual block",
    difficulty=2,
    minutes=10,
    names=("inception_shape", "true_statements"),
    hints=(
        "Draw both blocks. Where do lines part, what does each line pass, and what happens where they meet?",
        "Side by side along the channels: the channels of the four branches add up; images, height and width stay. "
        "What counts is what leaves a branch, not what is inside it.",
        "Go through the statements with weights of zero in mind: what is left of each block then? "
        "Four of the seven are true.",
    ),
)
def check_inception(shape: Any, statements: Any) -> None:
    """256 channels; statements 1, 4, 6 and 7."""
    _check_inception_shape(shape)
    on_meta = isinstance(statements, Tensor) and statements.device.type == "meta"
    if (isinstance(statements, Tensor) and not on_meta) or type(statements).__module__ == "numpy":
        statements = statements.tolist() if statements.ndim else [statements.item()]
    if isinstance(statements, Iterable) and not isinstance(statements, (str, bytes, dict, Tensor)):
        statements = list(islice(statements, 100))
    if not isinstance(statements, list):
        raise Incorrect(f"true_statements should be a set of numbers such as {{2, 3}}; it is {shown(statements)}.")
    chosen = {whole_number(statement, "each of true_statements") for statement in statements}
    if not chosen:
        raise Incorrect("true_statements is empty; some of them are true.")
    if chosen - _STATEMENTS.keys():
        other = sorted(chosen - _STATEMENTS.keys())[0]
        raise Incorrect(f"there is no statement {other}; they go from 1 to {len(_STATEMENTS)}.")
    for k, (true, why) in _STATEMENTS.items():
        if k in chosen and not true:
            raise Incorrect(f"statement {k} is not true: {why}")
    for k, (true, question) in _STATEMENTS.items():
        if true and k not in chosen:
            raise Incorrect(f"what you chose is true, but something is missing: {question}")


_STATEMENTS = {
    1: (True, "where does each branch of an Inception block take its input from?"),
    2: (False, "each branch has a convolution, the one with the pool too; nothing passes as it came."),
    3: (False, "to put tensors side by side needs no parameters, no more than to add them does."),
    4: (True, "in which of the two blocks do the numbers of channels have to agree?"),
    5: (False, "each Inception branch then gives zeros, and the input is lost; a residual block keeps it."),
    6: (True, "which sizes of kernels has each of the blocks?"),
    7: (True, "what would you call a branch that has no layers?"),
}  # fmt: skip


def _check_inception_shape(value: Any) -> None:
    if isinstance(value, Tensor) and value.dim() == 1 and value.device.type != "meta":
        value = value.tolist()
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 0) == 1:
        value = value.tolist()
    if not isinstance(value, (tuple, list)):
        raise Incorrect(f"inception_shape should be a shape such as (2, 3, 4, 5); it is {shown(value)}.")
    shape = tuple(whole_number(side, "each side in inception_shape") for side in value)
    if shape == (2, 256, 28, 20):
        return
    if len(shape) != 4:
        raise Incorrect(f"inception_shape has {len(shape)} numbers; there are four: images, channels, height, width.")
    if shape == (2, 28, 20, 256):
        raise Incorrect("the channels come second in PyTorch: images, channels, height, width.")
    if shape[0] != 2:
        raise Incorrect(f"{shape[0]} images do not leave the block: it puts channels side by side, images it leaves.")
    if shape[2:] != (28, 20):
        raise Incorrect(f"height and width stay 28 and 20 in every branch; you have {shape[2]} and {shape[3]}.")
    causes = {
        192: "that is what comes in, as after an addition; side by side the branches' channels add up",
        448: "192 of these are the input's; the input is not one of the branches",
        368: "you counted 96 and 16 too, which stay inside their branches",
        128: "that is the widest branch; side by side the branches' channels add up",
        224: "the branch with the pool is missing: its 32 channels count as the others' do",
        416: "a pool keeps 192 channels, but a 1×1 convolution to 32 follows in that branch",
        208: "you added what goes into the last convolutions; count what leaves them",
        192 * 4: "no branch keeps the 192 channels; count what leaves each",
        64: "that is one branch; side by side the branches' channels add up",
    }
    raise Incorrect(f"{shape[1]} channels are not it: {causes.get(shape[1], 'how many leave each of the branches')}.")


# What several checks need


def _random(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """Return numbers of both signs; the same seed gives the same numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1000 + seed))


def _set_unusual_weights(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and statistic a value that nobody would choose."""
    generator = torch.Generator().manual_seed(2000 + seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for values in (layer.weight, layer.running_var):
                    if values is not None:
                        values.copy_(0.5 + 1.5 * torch.rand(values.shape, generator=generator))
                if layer.running_mean is not None:
                    layer.running_mean.copy_(torch.randn(layer.running_mean.shape, generator=generator))
    return module


def _new_block(make: Any, name: str, channels: int, kinds: dict[str, type]) -> nn.Module:
    """Return a block of the learner's class with these layers and unusual weights; else say what is wrong with it."""
    if isinstance(make, nn.Module):
        raise Incorrect(f"{name} is a block already; the class itself is asked for, without parentheses.")
    block = call(make, channels, name=name)
    if not isinstance(block, nn.Module):
        raise Incorrect(f"{name}({channels}) should be an nn.Module; it is {shown(block)}.")
    if any(parameter.device.type == "meta" for parameter in block.parameters()):
        raise Incorrect("the block's parameters are on the device 'meta', where tensors have no numbers.")
    block = block.cpu()
    layers = {layer: _layer(block, layer, kind) for layer, kind in kinds.items()}
    for layer_name, layer in layers.items():
        _check_layer(layer_name, layer, channels)
    if len(set(map(id, layers.values()))) < len(layers):
        raise Incorrect("two names stand for one and the same layer; make a layer of its own for each.")
    weights = [id(parameter) for layer in layers.values() for parameter in layer.parameters()]
    if len(set(weights)) < len(weights):
        raise Incorrect("two layers share their weights; each needs its own.")
    shape = (2, channels, 7, 6)
    try:
        with torch.no_grad():
            tensor(call(block, torch.zeros(shape), name="the block"), shape, "the output")
    except Incorrect as error:
        for layer_name, layer in layers.items():
            padding = getattr(layer, "padding", 1)
            if padding not in (1, (1, 1), "same"):
                cause = f"{layer_name} has padding={padding}; with a 3×3 kernel padding=1 keeps height and width"
                raise Incorrect(f"{cause} ({error}).") from None
        raise
    for layer_name, layer in layers.items():  # again, since lazy layers are made by the first input
        if getattr(block, layer_name, None) is not layer:
            raise Incorrect(f"forward makes a new {layer_name} at each call; make it once, in __init__.")
        _check_layer(layer_name, layer, channels)
    for other in block.modules():
        if not any(other is layer for layer in layers.values()):
            norm = isinstance(other, nn.modules.batchnorm._BatchNorm)
            if norm and "bn1" not in kinds:
                raise Incorrect("the block has a batch norm; this one is to do without.")
            if norm or any(True for _ in other.parameters(recurse=False)):
                what = "parameters of its own" if other is block else f"{shown(other)} with parameters"
                raise Incorrect(f"besides {', '.join(kinds)} the block has {what}; it needs none.")
    return _set_unusual_weights(block)


def _layer(block: nn.Module, name: str, kind: type) -> nn.Module:
    layer = getattr(block, name, None)
    if kind is nn.BatchNorm2d and isinstance(layer, nn.LazyBatchNorm2d):  # becomes an nn.BatchNorm2d
        return layer
    if not isinstance(layer, kind):
        what = "has none of that name" if layer is None else f"has {shown(layer)} there"
        raise Incorrect(f"the block needs a layer {name}, an nn.{kind.__name__}; it {what}.")
    return layer


def _check_layer(name: str, layer: Any, channels: int) -> None:
    if isinstance(layer, nn.modules.lazy.LazyModuleMixin) and layer.has_uninitialized_params():
        return
    if isinstance(layer, nn.BatchNorm2d):
        if layer.num_features != channels:
            raise Incorrect(f"{name} should have as many channels as the block, here {channels}; it is {layer}.")
        return
    if tuple(layer.kernel_size) != (3, 3) or tuple(layer.stride) != (1, 1) or layer.groups != 1:
        raise Incorrect(f"{name} should be a 3×3 convolution with stride 1; it is {layer}.")
    if tuple(layer.dilation) != (1, 1):
        raise Incorrect(f"{name} has dilation={layer.dilation}, so its kernel has gaps; leave dilation at 1.")
    if (layer.in_channels, layer.out_channels) != (channels, channels):
        raise Incorrect(
            f"{name} should go from num_channels to num_channels, here from {channels} to {channels}; it is {layer}."
        )


def _output_of(block: nn.Module, X: Tensor) -> Tensor:
    """Return what the learner's block makes of X, which must not change."""
    given = X.clone()
    with torch.no_grad():
        output = tensor(call(block, given, name="the block"), tuple(X.shape), "the output")
    if not torch.equal(given, X):
        raise Incorrect("the block changes its input: += and relu_ work in place, on a name for X that means X itself.")
    return output


def _name_the_cause(
    output: Tensor,
    causes: Iterable[tuple[Tensor, str]],
    otherwise: str,
    block: nn.Module,
    X: Tensor,
    right: Callable[[Tensor], Tensor],
) -> None:
    """Raise the first cause that gives this output, and say so if the other mode is right."""
    with torch.no_grad():
        cause = next((cause for wrong, cause in causes if _same(output, wrong)), "")
    if not cause and any(getattr(module, "padding_mode", "zeros") != "zeros" for module in block.modules()):
        cause = "a convolution pads with something else than zeros (padding_mode); leave it at zeros."
    if not cause and not _same(output, _output_of(block, X)):
        cause = "the same input gives another output each time: is there a dropout, or a layer made anew in forward?"
    mode, other = ("training", "eval") if block.training else ("eval", "training")
    block.train(not block.training)
    try:
        is_right = _same(_output_of(block, X), right(X))
    except Incorrect:
        is_right = False
    raise Incorrect(f"right in {other} mode; in {mode} mode: {cause or otherwise}" if is_right else cause or otherwise)


def _paddings(block: nn.Module) -> str:
    """Return in words how the convolutions pad, where that is not by 1."""
    layers = {name: getattr(block, name).padding for name in ("conv1", "conv2")}
    others = [f"{name} has padding={p}" for name, p in layers.items() if p not in (1, (1, 1), "same")]
    return f"{' and '.join(others)}; each convolution is to have padding=1."


def _check_gradient(block: nn.Module, right: Callable[[Tensor], Tensor], channels: int) -> None:
    """Compare the gradients on input and weights: a shortcut must hand them back, and so must F."""
    X, direction = _random((2, channels, 7, 6), seed=1), _random((2, channels, 7, 6), seed=2)
    gradients, weights = [], {name: parameter for name, parameter in block.named_parameters() if "conv" in name}
    frozen = [name for name, parameter in block.named_parameters() if not parameter.requires_grad]
    if frozen:
        raise Incorrect(f"{frozen[0]} asks for no gradient (requires_grad), so it cannot learn.")
    for function in (right, lambda Z: call(block, Z, name="the block")):
        leaf = X.clone().requires_grad_()
        try:
            (function(leaf) * direction).sum().backward()
        except RuntimeError as error:
            first_line = (str(error).splitlines() or [""])[0][:120]
            raise Incorrect(f"the numbers are right, but no gradient can be computed: {first_line}") from None
        gradients.append([leaf.grad, *(weight.grad for weight in weights.values())])
        block.zero_grad()
    if gradients[1][0] is None or not _same(gradients[0][0], gradients[1][0]):
        raise Incorrect(
            "the numbers are right, but the gradient on the input is not: "
            "look for detach, .data, no_grad or a new tensor on the way."
        )
    for name, expected, found in zip(weights, gradients[0][1:], gradients[1][1:]):
        if found is None or not torch.allclose(
            expected, found, rtol=1e-3, atol=1e-3 * (1 + float(expected.abs().max()))
        ):
            raise Incorrect(
                f"the numbers are right, but the gradient of {name} is not, so it cannot learn as it should."
            )


def _conv(layer: nn.Conv2d, Z: Tensor, padding: Any = 1) -> Tensor:
    """Convolution with 64 bits, whatever the layer has."""
    bias = None if layer.bias is None else layer.bias.double()
    return F.conv2d(Z.double(), layer.weight.double(), bias, padding=padding)


def _norm(layer: nn.BatchNorm2d, Z: Tensor) -> Tensor:
    """Batch norm by its formula, with 64 bits; it leaves the stored statistics as they are."""
    Z = Z.double()
    if layer.training or layer.running_mean is None:
        mean, variance = Z.mean(dim=(0, 2, 3)), Z.var(dim=(0, 2, 3), unbiased=False)
    else:
        mean, variance = layer.running_mean, layer.running_var
    Z = (Z - mean[:, None, None]) / (variance[:, None, None] + layer.eps).sqrt()
    return Z if layer.weight is None else Z * layer.weight[:, None, None] + layer.bias[:, None, None]


def _apply(layers: Iterable[nn.Module], X: Tensor) -> Tensor:
    for layer in layers:
        X = layer(X)
    return X


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-4)


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=1e-11)
