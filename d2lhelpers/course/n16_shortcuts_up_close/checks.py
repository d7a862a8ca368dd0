"""The exercises of notebook 16: shortcuts up close."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, shown, tensor, unchanged, used, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.course.n03_residual_blocks.blocks import (
    apply,
    check_gradient,
    close,
    conv,
    name_the_cause,
    new_block,
    norm,
    output_of,
    paddings,
    random,
    same,
    set_unusual_weights,
)


@exercise(
    "16.1",
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
    "16.2",
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
            _check_it_equals(one, layers, random(shape).double())


def _check_it_equals(one: nn.Conv2d, layers: list[nn.Module], X: Tensor) -> None:
    with torch.no_grad():
        right = apply(layers, X)
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
    return [used(set_unusual_weights(layer, seed).double().eval()) for seed, layer in enumerate(layers)]


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
    if not close(found[0], right[0]):
        for wrong, cause in weights:
            if close(found[0], wrong):
                raise Incorrect(cause)
        if torch.allclose(found[0], right[0], rtol=1e-4, atol=1e-5):
            raise Incorrect("the weights are right to 32 bits only; stay with 64-bit numbers all the way.")
        also = "the bias is right" if close(found[1], right[1]) else "nor is the bias"
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
    if not close(found[1], right[1]):
        for wrong, cause in biases:
            if close(found[1], wrong):
                raise Incorrect(f"the weights are right, the bias is not: {cause}")
        if torch.allclose(found[1], right[1], rtol=1e-4, atol=1e-5):
            raise Incorrect("the bias is right to 32 bits only; stay with 64-bit numbers all the way.")
        raise Incorrect("the weights are right, the bias is not: send an image of zeros through both and compare.")


def _without_eps(variant: Callable, eps: float) -> tuple[Tensor, Tensor]:
    return variant(lambda norm: (norm.weight / (norm.running_var + eps).sqrt(), norm.bias))


@exercise(
    "16.3",
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
        _check_order(new_block(PreActivationResidual, "PreActivationResidual", channels, kinds), channels)


def _check_order(block: nn.Module, channels: int) -> None:
    def right(X: Tensor) -> Tensor:
        Y = conv(block.conv1, F.relu(norm(block.bn1, X)))
        return X + conv(block.conv2, F.relu(norm(block.bn2, Y)))

    for training in (True, False):
        block.train(training)
        for shape in ((2, channels, 7, 6), (1, channels, 4, 9)):
            X = random(shape)
            expected = right(X)
            output = output_of(block, X)
            if same(output, expected):
                continue
            block.train(not training)
            if same(output, right(X)):
                raise Incorrect(
                    f"in {'train' if training else 'eval'} mode the output is that of the other mode: batch norms use "
                    "the statistics of the batch in train mode, and their stored ones in eval mode."
                )
            block.train(training)
            otherwise = "the output is not F(x) + x with F = bn1, ReLU, conv1, bn2, ReLU, conv2."
            name_the_cause(output, _causes_of_pre_activation(block, X), otherwise, block, X, right)
    check_gradient(block, right, channels)
    _check_statistics(block.train(), channels)


def _check_statistics(block: nn.Module, channels: int) -> None:
    """After one pass in train mode the stored statistics are those of one pass."""
    X = random((2, channels, 7, 6), seed=3)
    norms = {name: copy.deepcopy(getattr(block, name)).float() for name in ("bn1", "bn2")}
    with torch.no_grad():
        norms["bn2"](conv(block.conv1, F.relu(norms["bn1"](X))).float())
    output_of(block, X)
    for name, once in norms.items():
        found = getattr(block, name).running_mean
        if found is not None and once.running_mean is not None and not same(found, once.running_mean):
            raise Incorrect(
                f"the output is right, but one pass in train mode does not move the stored statistics of {name} as one "
                f"call of it does: is it called twice, or not called at all?"
            )


def _causes_of_pre_activation(block: nn.Module, X: Tensor) -> Iterable[tuple[Tensor, str]]:
    conv1, conv2 = (lambda Z: conv(block.conv1, Z)), (lambda Z: conv(block.conv2, Z))
    bn1, bn2 = (lambda Z: norm(block.bn1, Z)), (lambda Z: norm(block.bn2, Z))
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
    Y = conv(block.conv2, F.relu(bn2(conv(block.conv1, active, block.conv1.padding))), block.conv2.padding)
    if Y.shape == X.shape:
        yield Y + X, paddings(block)
