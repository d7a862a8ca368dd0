"""What the checks of the learners' blocks are made of: unusual weights, the formulas in 64 bits, and causes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, shown, tensor


def random(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """Return numbers of both signs; the same seed gives the same numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1000 + seed))


def set_unusual_weights(module: nn.Module, seed: int = 0) -> nn.Module:
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


def new_block(make: Any, name: str, channels: int, kinds: dict[str, type]) -> nn.Module:
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
    return set_unusual_weights(block)


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


def output_of(block: nn.Module, X: Tensor) -> Tensor:
    """Return what the learner's block makes of X, which must not change."""
    given = X.clone()
    with torch.no_grad():
        output = tensor(call(block, given, name="the block"), tuple(X.shape), "the output")
    if not torch.equal(given, X):
        raise Incorrect("the block changes its input: += and relu_ work in place, on a name for X that means X itself.")
    return output


def name_the_cause(
    output: Tensor,
    causes: Iterable[tuple[Tensor, str]],
    otherwise: str,
    block: nn.Module,
    X: Tensor,
    right: Callable[[Tensor], Tensor],
) -> None:
    """Raise the first cause that gives this output, and say so if the other mode is right."""
    with torch.no_grad():
        cause = next((cause for wrong, cause in causes if same(output, wrong)), "")
    if not cause and any(getattr(module, "padding_mode", "zeros") != "zeros" for module in block.modules()):
        cause = "a convolution pads with something else than zeros (padding_mode); leave it at zeros."
    if not cause and not same(output, output_of(block, X)):
        cause = "the same input gives another output each time: is there a dropout, or a layer made anew in forward?"
    mode, other = ("training", "eval") if block.training else ("eval", "training")
    block.train(not block.training)
    try:
        is_right = same(output_of(block, X), right(X))
    except Incorrect:
        is_right = False
    raise Incorrect(f"right in {other} mode; in {mode} mode: {cause or otherwise}" if is_right else cause or otherwise)


def paddings(block: nn.Module) -> str:
    """Return in words how the convolutions pad, where that is not by 1."""
    layers = {name: getattr(block, name).padding for name in ("conv1", "conv2")}
    others = [f"{name} has padding={p}" for name, p in layers.items() if p not in (1, (1, 1), "same")]
    return f"{' and '.join(others)}; each convolution is to have padding=1."


def check_gradient(block: nn.Module, right: Callable[[Tensor], Tensor], channels: int) -> None:
    """Compare the gradients on input and weights: a shortcut must hand them back, and so must F."""
    X, direction = random((2, channels, 7, 6), seed=1), random((2, channels, 7, 6), seed=2)
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
    if gradients[1][0] is None or not same(gradients[0][0], gradients[1][0]):
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


def conv(layer: nn.Conv2d, Z: Tensor, padding: Any = 1) -> Tensor:
    """Convolution with 64 bits, whatever the layer has."""
    bias = None if layer.bias is None else layer.bias.double()
    return F.conv2d(Z.double(), layer.weight.double(), bias, padding=padding)


def norm(layer: nn.BatchNorm2d, Z: Tensor) -> Tensor:
    """Batch norm by its formula, with 64 bits; it leaves the stored statistics as they are."""
    Z = Z.double()
    if layer.training or layer.running_mean is None:
        mean, variance = Z.mean(dim=(0, 2, 3)), Z.var(dim=(0, 2, 3), unbiased=False)
    else:
        mean, variance = layer.running_mean, layer.running_var
    Z = (Z - mean[:, None, None]) / (variance[:, None, None] + layer.eps).sqrt()
    return Z if layer.weight is None else Z * layer.weight[:, None, None] + layer.bias[:, None, None]


def apply(layers: Iterable[nn.Module], X: Tensor) -> Tensor:
    for layer in layers:
        X = layer(X)
    return X


def same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-4)


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=1e-11)
