"""The exercises of notebook 03: residual blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers.exercise import Incorrect, call, exercise, tensor, whole_number


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
    causes = {
        right - sum(channels): "these are the weights without the biases",
        sum(9 * c * c + c for c in channels): "that is what 3×3 convolutions would have; these are 1×1",
        right - 64 * 64 - 64: "one block of the first stage is missing: it has two without a convolution",
        sum(c * c + c for c in (64, 128, 256, 512)) * 2: "you counted eight blocks; three have one already",
        sum(c * (c // 2) + c for c in (128, 256, 512)): "those are the three convolutions that option B has already",
    }
    if found in causes:
        raise Incorrect(f"{found:,} is not it: {causes[found]}")
    if found != right:
        raise Incorrect(f"{found:,} is not it; add c·c + c over the five blocks whose shortcut is the plain input")


@exercise(
    "3.2",
    "A block without batch norm",
    difficulty=2,
    minutes=10,
    names=("ResidualWithoutNorm",),
    hints=(
        "Take the class `Residual` of this page and leave out what it does not need: batch norms, strides, the 1×1 convolution.",
        "`forward` has three steps: `Y = F.relu(self.conv1(X))`, then `Y = self.conv2(Y)`, then add and ReLU.",
    ),
)
def check_residual_without_norm(ResidualWithoutNorm: Any) -> None:
    """The formula with the block's own weights, on images that are not square and of both signs."""
    block = call(ResidualWithoutNorm, 5)
    if not isinstance(block, nn.Module):
        raise Incorrect(f"ResidualWithoutNorm(5) should be an nn.Module; it is a {type(block).__name__}")
    for name in ("conv1", "conv2"):
        layer = getattr(block, name, None)
        if not isinstance(layer, nn.Conv2d):
            raise Incorrect(f"the block needs a layer {name}, an nn.Conv2d")
        if layer.kernel_size != (3, 3) or layer.in_channels != 5 or layer.out_channels != 5:
            raise Incorrect(f"{name} should be a 3×3 convolution from 5 to 5 channels; it is {layer}")
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in block.modules()):
        raise Incorrect("the block has a batch norm; this one is to do without")
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(2, 5, 7, 4, generator=generator)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        before = X.clone()
        output = tensor(call(block, X, name="the block"), X.shape, "the output")
        if not torch.equal(X, before):
            raise Incorrect("the block changed its input; += and relu_ work in place")

        def conv(layer: nn.Conv2d, Z: torch.Tensor) -> torch.Tensor:
            return F.conv2d(Z, layer.weight, layer.bias, padding=1)

        hidden = F.relu(conv(block.conv1, X))
        Y = conv(block.conv2, hidden)
        if _same(output, F.relu(Y + X)):
            return
        without_activation = conv(block.conv2, conv(block.conv1, X))
        causes = [
            (F.relu(Y), "shape and count are right, but it does not change when F is set to zero: is the input added?"),
            (Y, "it is F(x) alone: the input is not added, and the last ReLU is missing"),
            (Y + X, "the ReLU after the addition is missing"),
            (F.relu(Y) + X, "the ReLU comes before the addition; it belongs after it"),
            (F.relu(F.relu(Y) + X), "there is a ReLU too many, before the addition: F can only push up"),
            (F.relu(without_activation + X), "there is no ReLU between the convolutions, so both are one"),
            (F.relu(Y + hidden), "what left the first ReLU is added, and not the input of the block"),
            (F.relu(Y - X), "the input is subtracted, not added"),
            (F.relu(Y * X), "the input is multiplied, not added"),
            (F.relu(conv(block.conv1, F.relu(conv(block.conv1, X))) + X), "conv1 is used twice and conv2 never"),
            (F.relu(Y + F.relu(X)), "the input passes a ReLU before it is added"),
        ]
        for wrong, cause in causes:
            if _same(output, wrong):
                raise Incorrect(cause)
    raise Incorrect("the output is not relu(F(x) + x) with F = conv1, ReLU, conv2")


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5)
