"""Small nets, and what the checks of notebooks 04 and 17 measure on them."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, shown, unchanged, used
from d2lhelpers.residual import cifar_resnet


def random_numbers(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return 64-bit numbers of both signs; the same seed gives the same numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(4000 + seed), dtype=torch.float64)


def some_images(seed: int, num_images: int = 6) -> tuple[Tensor, Tensor]:
    """Return images that are not square, in 64 bits, and their labels."""
    return random_numbers((num_images, 1, 11, 14), seed), torch.tensor([3, 0, 9, 3, 7, 1] * 4)[:num_images]


def small_net(depth: int, residual: bool, norm: bool, seed: int, width: int = 3, scale: float = 1.0) -> nn.Sequential:
    """Return a small net with weights that nobody would choose; without norm it has no biases, as those of the page."""
    net = cifar_resnet(depth, width, residual=residual, norm=norm, stem_strides=2)
    generator = torch.Generator().manual_seed(4500 + seed)

    def draw(shape: tuple[int, ...], low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator)

    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                fan_in = layer.weight[0].numel()
                factor = draw((1,), 0.8, 1.25).item()
                random = torch.randn(layer.weight.shape, generator=generator)
                layer.weight.copy_(random * factor * scale * math.sqrt(2 / fan_in))
                layer.bias.copy_(draw(layer.bias.shape, -0.4, 0.4) if norm else torch.zeros_like(layer.bias))
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.copy_(draw(layer.weight.shape, 0.6, 1.8))
                layer.bias.copy_(draw(layer.bias.shape, -0.3, 0.5))
                layer.running_mean.copy_(draw(layer.bias.shape, -0.5, 0.5))
                layer.running_var.copy_(draw(layer.bias.shape, 0.5, 2.0))
    return net


def copy_in_float64(net: nn.Module, training: bool = True) -> nn.Module:
    """Return a copy in 64 bits."""
    return copy.deepcopy(net).double().train(training)


def way_back(
    net: nn.Module, X: Tensor, y: Tensor, training: bool = True
) -> tuple[list[Tensor], tuple[Tensor, ...], Tensor]:
    """Return x_0, ..., x_L, the gradients there, and the one at the first convolution's weights; no hooks."""
    net = copy_in_float64(net, training)
    xs = [net[0](X)]
    for stage in net[1:-3]:
        for block in stage:
            xs.append(block(xs[-1]))
    *gradients, at_weights = torch.autograd.grad(F.cross_entropy(net[-3:](xs[-1]), y), [*xs, net[0][0].weight])
    return xs, tuple(gradients), at_weights


def growth_of(net: nn.Module, X: Tensor, y: Tensor, training: bool = True) -> float:
    _, gradients, _ = way_back(net, X, y, training)
    return float(gradients[0].norm() / gradients[-1].norm())


def scaled_by(net: nn.Module, factor: float) -> nn.Module:
    net = copy_in_float64(net)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight *= factor
    return net


def with_statistics_of(net: nn.Module, X: Tensor) -> nn.Module:
    """Return a copy whose batch norms have stored the statistics of this batch."""
    net = copy_in_float64(net)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        net(X)
    return net


def after_a_step(
    net: nn.Module, X: Tensor, y: Tensor, lr: float, training: bool = True, only: Any = None, rule: Any = None
) -> nn.Module:
    """Return a copy after one step of gradient descent; `only` chooses parameters by name, `rule` changes the step."""
    net = copy_in_float64(net, training)
    parameters = dict(net.named_parameters())
    gradients = torch.autograd.grad(F.cross_entropy(net(X), y), list(parameters.values()))
    with torch.no_grad():
        for (name, parameter), g in zip(parameters.items(), gradients):
            if only is None or only(name):
                parameter -= lr * (g if rule is None else rule(parameter, g))
    return net


def call_on_a_net(function: Any, net: nn.Module, X: Tensor, y: Tensor, *more: Any, name: str) -> Any:
    """Call a learner's function with a net and images, which have to stay as they are."""
    given, images, labels = used(copy.deepcopy(net)), X.clone(), y.clone()
    with unchanged(given, "the net that is given"):
        result = call(function, given, images, labels, *more, name=name)
    if not (torch.equal(images, X) and torch.equal(labels, y)):
        raise Incorrect(f"{name} changes the images or the labels that it gets; work on copies.")
    return result


def check_word(value: Any, name: str, right: str, causes: dict[str, str]) -> None:
    """Check an answer that should be one of a few texts, whatever its capitals and spaces."""

    def essence(word: str) -> str:
        return "".join(character for character in str.lower(word) if character.isalpha())

    if not isinstance(value, str):
        raise Incorrect(f'{name} should be a text in quotes, such as "{next(iter(causes))}"; it is {shown(value)}.')
    if essence(value) in (essence(right), essence(right.removeprefix("about the "))):
        return
    for word, cause in causes.items():
        if essence(value) == essence(word):
            raise Incorrect(f"{word!r} is not it: {cause}")
    known = ", ".join(f'"{word}"' for word in sorted([right, *causes]))
    raise Incorrect(f"{name} should be one of {known}; it is {shown(value)}.")


def is_near(a: float, b: float) -> bool:
    return math.isfinite(b) and math.isclose(a, b, rel_tol=3e-4)


def are_same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=1e-5, atol=1e-5)
