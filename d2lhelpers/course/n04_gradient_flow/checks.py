"""The exercises of notebook 04: gradient flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, number, shown, tensor, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.course.n04_gradient_flow.nets import (
    after_a_step,
    are_same,
    call_on_a_net,
    check_word,
    growth_of,
    is_near,
    random_numbers,
    small_net,
    some_images,
    way_back,
    with_statistics_of,
)


@exercise(
    "4.1",
    "A shortcut that blocks",
    difficulty=1,
    minutes=5,
    names=("Cancelling",),
    hints=(
        "The gradient is multiplied by I + J. For which matrix J is that zero, and what is J for a linear layer?",
        "J is the weight of the layer, so it has to be -I. What keeps the output from being zero then?",
        "In `__init__`, under `torch.no_grad()`: `self.F.weight.copy_(-torch.eye(4))`, and a bias that is not zero.",
    ),
)
def check_cancelling(Cancelling: Any) -> None:
    """With its own weights the gradient is exactly zero; with others the block is x + F(x), forwards and backwards."""
    errors = {}
    for training in (True, False):
        try:
            _check_that_it_adds(_new_cancelling(Cancelling).train(training))
            _check_that_it_cancels(_new_cancelling(Cancelling).train(training))
        except Incorrect as error:
            errors["training" if training else "eval"] = error
    if len(errors) == 1:
        [(mode, error)] = errors.items()
        raise Incorrect(f"right in {'eval' if mode == 'training' else 'training'} mode; in {mode} mode: {error}")
    if errors:
        raise errors["training"]


def _new_cancelling(Cancelling: Any) -> nn.Module:
    if isinstance(Cancelling, nn.Module):
        raise Incorrect("Cancelling is a block already; the class itself is asked for, without parentheses.")
    block = call(Cancelling, name="Cancelling")
    if not isinstance(block, nn.Module):
        raise Incorrect(f"Cancelling() should be an nn.Module; it is {shown(block)}.")
    layer = getattr(block, "F", None)
    if not isinstance(layer, nn.Linear):
        what = "has none of that name" if layer is None else f"has {shown(layer)} there"
        raise Incorrect(f"the block needs a layer self.F, an nn.Linear(4, 4); it {what}.")
    if (layer.in_features, layer.out_features) != (4, 4):
        raise Incorrect(f"self.F should be nn.Linear(4, 4); it is {layer}.")
    tensor(layer.weight, (4, 4), "self.F.weight")
    if layer.bias is not None:
        tensor(layer.bias, (4,), "self.F.bias")
    return block.cpu()


def _check_that_it_adds(block: nn.Module) -> None:
    """Give F other weights: then the block has to be x + F(x), for the gradient too."""
    layer = block.F
    X, g = random_numbers((5, 4), 1).to(layer.weight.dtype), random_numbers((5, 4), 2).to(layer.weight.dtype)
    W = random_numbers((4, 4), 3).to(X.dtype)
    b = torch.zeros_like(X[0]) if layer.bias is None else random_numbers((4,), 4).to(X.dtype)
    with torch.no_grad():
        layer.weight.copy_(W)
        if layer.bias is not None:
            layer.bias.copy_(b)
    output, gradient = _output_and_gradient(block, X, g)
    if block.F is not layer:
        raise Incorrect("forward makes a new self.F at each call; make it once, in __init__.")
    if not torch.equal(layer.weight, W):
        raise Incorrect("forward changes the weights of self.F; set them once, in __init__.")
    of_F = X @ W.T + b
    causes = (
        (of_F, "the output is F(x) alone: the input is not added."),
        (X - of_F, "forward returns x - F(x); a residual block adds, x + self.F(x)."),
        (of_F - X, "forward returns F(x) - x; a residual block adds, x + self.F(x)."),
        (X, "forward returns x alone; F is not used."),
        (F.relu(X + of_F), "there is a ReLU after the sum; forward returns x + self.F(x) and nothing else."),
        (X + F.relu(of_F), "there is a ReLU after F; forward returns x + self.F(x) and nothing else."),
        (X + X @ W.T, "the bias of F is left out; forward returns x + self.F(x)."),
        (X + X @ W + b, "the weight is used without its transpose; forward returns x + self.F(x)."),
    )
    if not are_same(output, X + of_F):
        for wrong, cause in causes:
            if are_same(output, wrong):
                raise Incorrect(cause)
        raise Incorrect("with other weights in self.F, forward does not return x + self.F(x).")
    if gradient is None or not are_same(gradient, g + g @ W):
        raise Incorrect(
            "with other weights in self.F the output is right and the gradient is not: look for detach, no_grad, "
            "or hooks. It is the weights that should cancel, not a gradient that was cut off."
        )


def _check_that_it_cancels(block: nn.Module) -> None:
    W, bias = block.F.weight.detach(), block.F.bias
    X, g = random_numbers((5, 4), 5).to(W.dtype), random_numbers((5, 4), 6).to(W.dtype)
    output, gradient = _output_and_gradient(block, X, g)
    identity = torch.eye(4, dtype=W.dtype)
    if gradient is None or gradient.any():
        if torch.equal(W, torch.zeros_like(W)):
            raise Incorrect("F has a weight of zeros, so J = 0 and the gradient passes as it is; I + J should be zero.")
        if torch.equal(W, identity):
            raise Incorrect("with the weight +I, x is added to itself: I + J = 2I doubles the gradient.")
        if torch.equal(W, -torch.ones_like(W)):
            raise Incorrect("all 16 weights are -1; the identity has ones on its diagonal only, zeros elsewhere.")
        if torch.equal(W.diagonal(), -torch.ones_like(W[0])):
            raise Incorrect("the diagonal of the weight is right; the other elements should be zero.")
        if are_same(W, W[0, 0] * identity):
            times = next(filter("-1".__ne__, (f"{W[0, 0]:.{digits}g}" for digits in (4, 7, 9, 17))))
            raise Incorrect(f"the weight is {times} times I, which leaves {1 + W[0, 0]:.4g} of the gradient.")
        raise Incorrect(
            f"the gradient is not zero: with the weight that __init__ sets, I + J has an element of "
            f"{(identity + W).flatten()[(identity + W).abs().argmax()]:.4g}. J is the weight of F."
        )
    if not output.any():
        without = "F has no bias" if bias is None else "the bias is zero"
        raise Incorrect(f"the gradient is zero, but so is the output, since {without}; the output should not be.")


def _output_and_gradient(block: nn.Module, X: Tensor, g: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return what the block makes of X, and what g becomes on its way back."""
    leaf = X.clone().requires_grad_()
    given = leaf.clone()
    output = call(block, given, name="the block")
    values = tensor(output, tuple(X.shape), "the output")
    if not torch.equal(given.detach(), X):
        raise Incorrect("the block changes its input: += works in place, on a name for x that means x itself.")
    if not output.requires_grad:
        return values, None
    try:
        gradient = torch.autograd.grad(output, leaf, g.to(output.dtype), allow_unused=True)[0]
    except RuntimeError as error:
        first_line = (str(error).splitlines() or [""])[0][:120]
        raise Incorrect(f"the gradient cannot be computed: {first_line}") from None
    return values, gradient


@exercise(
    "4.2",
    "Predict a power of ten",
    difficulty=1,
    minutes=5,
    names=("powers_of_ten_110",),
    hints=(
        "Section 6 worked it out for 56 layers. Which number in that formula changes with the depth?",
        "A block has two convolutions, and each scales the gradient by one over the root of 6.",
        "54 blocks have 108 convolutions: the growth shrinks by 6 to the power of -108/2. "
        "Take the logarithm to base 10.",
    ),
)
def check_powers_of_ten(powers_of_ten_110: Any) -> None:
    """One over the root of six for each of 108 convolutions: 6^-54, or 10^-42."""
    name = "powers_of_ten_110"
    found = number(powers_of_ten_110, name)
    if found != int(found) and abs(found - 42) < 0.1:
        raise Incorrect(f"{found:g} is right; asked is a whole number, so round it.")
    if 0 < found < 1e-30 or found > 1e30:
        raise Incorrect("that is the factor itself; asked is its power of ten, such as 3 for a factor of 1000.")
    found = whole_number(found, name)
    causes = {
        -42: "the size is right; by how many powers it is smaller is a positive number",
        21: "that is the answer for 56 layers, or for one convolution in a block; here are 54 blocks of two",
        42 * 2: "each convolution scales by one over the root of 6, not by 1/6",
        43: "all 110 layers would give that, but the growth is from x_L to x_0, so stem and head do not count; or is a "
        "number rounded up that is nearer to the one below?",
        54: "that is the power of 6, not of 10",
        -54: "that is the power of 6, not of 10",
        108: "that is the number of convolutions; each of them counts for less than a power of ten",
        97: "that is the natural logarithm; powers of ten need the logarithm to base 10",
        140: "that is the logarithm to base 2; powers of ten need the one to base 10",
        41: "that counts 53 blocks; (110 - 2) / 2 is 54",
        51: "that is the growth with small weights itself; asked is how much smaller it is than with He's",
        52: "that is the growth with small weights itself; asked is how much smaller it is than with He's",
        9: "that is how far the growth falls with He's weights; asked is how much further with small ones",
        10: "that is how far the growth falls with He's weights; asked is how much further with small ones",
        16: "you scaled by one over the root of 2 for each convolution; it is one over the root of 6",
        26: "so small is the growth itself at 56 layers, with small weights, and one over the root of 3 for each of "
        "108 convolutions would give that, too; asked is how much smaller it is than with He's, at 110",
    }
    if found != 42:
        cause = causes.get(found, "how many convolutions are there, and how many in Section 6, at 56 layers")
        raise Incorrect(f"{found:,} is not it: {cause}.")


@exercise(
    "4.3",
    "A colleague's measurement",
    difficulty=2,
    minutes=10,
    names=("corrected_growth", "measured_in_truth"),
    hints=(
        "Two lines of the colleague's function are about gradients, and they are right. In which mode is the net?",
        "In eval mode batch norm subtracts its stored mean and divides by its stored deviation. "
        "What are these in a net that was never trained, and what does batch norm do then?",
        "Take `.eval()` away: `in_float64` switches to training mode. With stored mean 0 and variance 1 batch norm "
        "does nothing, so the colleague measured a net without norm, with the weights of `cifar_resnet`.",
    ),
)
def check_corrected_growth(corrected_growth: Any, measured_in_truth: Any) -> None:
    """Nets with and without norm, in both modes: the growth is that of training mode, and the net stays as it is."""
    if not callable(corrected_growth):
        raise Incorrect(f"corrected_growth should be a function of (net, X, y); it is {shown(corrected_growth)}.")
    for depth, residual, norm, training in (
        (14, False, True, True), (8, True, True, True), (8, False, False, True), (8, False, True, False),
    ):  # fmt: skip
        net = small_net(depth, residual, norm, seed=depth, width=3 if norm else 5).train(training)
        X, y = some_images(depth, 22 if residual else 6)
        found = number(call_on_a_net(corrected_growth, net, X, y, name="corrected_growth"), "the growth")
        right = growth_of(net, X, y)
        if is_near(found, right):
            continue
        for wrong, cause in _causes_of_growth(net, X, y):
            if is_near(found, wrong):
                raise Incorrect(cause)
        what = f"{'residual' if residual else 'plain'} net {'with' if norm else 'without'} norm"
        raise Incorrect(f"for a {what} of {depth} layers the growth is {right:.4g}, yours is {found:.4g}.")
    check_word(
        measured_in_truth,
        "measured_in_truth",
        "plain, He",
        {
            "plain, norm": "that is what the colleague meant to measure. What does batch norm do in eval mode, "
            "with the stored statistics of a new net?",
            "plain, small": "its gradient vanishes by about 26 powers of ten, the colleague's by five; "
            "no line of the function makes the weights smaller.",
            "residual, norm": "no line of the function adds a shortcut; it is a plain net that vanishes.",
            "residual, He": "no line of the function adds a shortcut; it is a plain net that vanishes.",
            "residual, small": "no line of the function adds a shortcut; it is a plain net that vanishes.",
        },
    )


def _causes_of_growth(net: nn.Module, X: Tensor, y: Tensor) -> Iterable[tuple[float, str]]:
    """What typical mistakes would measure."""
    if not net.training:
        yield (
            growth_of(net, X, y, training=False),
            "right for a net that comes in training mode; this one comes in eval mode, and was left there.",
        )
    yield (
        growth_of(net, X, y, training=False),
        "the net is still measured in eval mode, where batch norm uses its stored statistics and not the batch's.",
    )
    yield (
        growth_of(with_statistics_of(net, X), X, y, training=False),
        "the statistics are those of the batch, but taken as constants (eval mode); in training mode the gradient "
        "goes through mean and variance, too.",
    )
    xs, gradients, at_weights = way_back(net, X, y)
    n = [g.norm() for g in gradients]
    first, last = gradients[0].abs(), gradients[-1].abs()
    ratios = (
        (n[-1] / n[0], "the ratio is upside down: the growth is the first block's norm over the last's."),
        (at_weights.norm() / n[-1], "that starts from the gradient at the first convolution's weights; take x_0."),
        (n[0], "that is the norm at x_0 alone; divide it by the norm at x_L."),
        (n[0] / n[-2], "that ends at the input of the last block; x_L is its output."),
        (n[1] / n[-1], "that starts at the input of the second block; x_0 is the input of the first."),
        (n[1] / n[-2], "first and last are a block off: from x_0, the first input, to x_L, the last output."),
        ((n[0] / n[-1]) ** 2, "that is the ratio of the squares; a norm has a root."),
        (first.sum() / last.sum(), "that compares sums of absolute values; norm() is the root of the sum of squares."),
        (
            first.mean() / last.mean(),
            "that compares means, over tensors of different sizes; norm() is a root of a sum.",
        ),
        (first.max() / last.max(), "that compares the largest elements; norm() is the root of the sum of squares."),
        (xs[0].norm() / xs[-1].norm(), "that compares the x's; the growth compares the gradients at them."),
        (xs[-1].norm() / xs[0].norm(), "that compares the x's; the growth compares the gradients at them."),
    )
    for ratio, cause in ratios:
        yield float(ratio), cause


@exercise(
    "4.4",
    "One step",
    difficulty=2,
    minutes=15,
    names=("growth_after_one_step",),
    hints=(
        "Three lines: a copy of the net, a step on it, a measurement. `in_float64(net)` is a copy.",
        "The step: the loss `cross_entropy(net(X), y)`, its gradient with respect to every parameter, "
        "and `p -= lr * g` for each under `torch.no_grad()`, or `torch.optim.SGD(net.parameters(), lr=lr)`.",
        "After the step, `growth(gradient_norms(net, X, y))` of the copy. The net that was given has to stay as it "
        "was, or the next learning rate would start from a net that has moved.",
    ),
)
def check_one_step(growth_after_one_step: Any) -> None:
    """Nets with norm and without, several learning rates: the growth after the very step."""
    if not callable(growth_after_one_step):
        what = shown(growth_after_one_step)
        raise Incorrect(f"growth_after_one_step should be a function of (net, X, y, lr); it is {what}.")
    cases = (
        (8, False, True, 0.2, True, 6), (8, False, True, 0.6, True, 22), (14, True, True, 0.1, True, 6),
        (8, False, False, 1.0, True, 6), (8, False, True, 0.4, False, 6),
    )  # fmt: skip
    for depth, residual, norm, lr, training, num_images in cases:
        net, X, y = (
            small_net(depth, residual, norm, seed=depth + 1).train(training),
            *some_images(depth + 1, num_images),
        )
        found = number(call_on_a_net(growth_after_one_step, net, X, y, lr, name="growth_after_one_step"), "the growth")
        stepped = after_a_step(net, X, y, lr)
        right = growth_of(stepped, X, y)
        if is_near(found, right):
            continue
        longer = call_on_a_net(growth_after_one_step, net, X, y, 1.7 * lr, name="growth_after_one_step")
        given_lr_counts = not is_near(number(longer, "the growth"), found)
        for wrong, cause in _causes_after_one_step(net, stepped, X, y, lr, given_lr_counts):
            if is_near(found, wrong):
                raise Incorrect(cause)
        raise Incorrect(
            f"after a step with lr={lr} on a net of {depth} layers the growth is {right:.4g}, not {found:.4g}."
        )


def _causes_after_one_step(
    net: nn.Module, stepped: nn.Module, X: Tensor, y: Tensor, lr: float, given_lr_counts: bool
) -> Iterable[tuple[float, str]]:
    """What typical mistakes would measure."""
    after = growth_of(stepped, X, y)
    before = growth_of(net, X, y)
    if not net.training:
        in_eval = after_a_step(net, X, y, lr, training=False)
        cause = "right for a net that comes in training mode; this one comes in eval mode, and the step was taken in it"
        yield growth_of(in_eval, X, y), f"{cause}."
        yield growth_of(in_eval, X, y, training=False), f"{cause}, as was the measurement."
        cause = "right for a net that comes in training mode; this one comes in eval mode, and was measured in it."
        yield growth_of(stepped, X, y, training=False), cause
    yield before, "that is the growth before the step: is the copy measured that took the step?"
    up = after_a_step(net, X, y, -lr)
    yield growth_of(up, X, y), "the step goes up the gradient; descent subtracts lr times the gradient."
    yield growth_of(after_a_step(stepped, X, y, lr), X, y), "that is the growth after two steps."
    yield (
        growth_of(after_a_step(net, X, y, lr * len(X)), X, y),
        "the step is as many times too long as there are images: the loss is the mean over them, not the sum.",
    )
    yield growth_of(stepped, X, y, training=False), "the step is right, but the growth is measured in eval mode."
    yield (
        growth_of(after_a_step(net, X, y, lr, training=False), X, y),
        "the gradient for the step is computed in eval mode; a step of training belongs to training mode.",
    )
    yield 1 / after, "the ratio is upside down: the growth is the first block's norm over the last's."
    yield 1 / before, "the ratio is upside down, and it is the one before the step."
    yield after / before, "that is the growth after the step over that before; asked is the first alone."
    yield before / after, "that is the growth before the step over that after; asked is the second alone."
    for wrong_lr in (1.0, 0.1, 0.05, 0.01, 0.001):
        if wrong_lr != lr and not given_lr_counts:  # half of 0.2 is 0.1, too
            moved = after_a_step(net, X, y, wrong_lr)
            yield growth_of(moved, X, y), f"the step was taken with lr={wrong_lr:g}; it should be the lr that is given."
    yield (
        growth_of(after_a_step(net, X, y, lr, only=lambda name: name.startswith("0.0.")), X, y),
        "only the first convolution has moved; a step moves every parameter.",
    )
    for what, name_part in (("biases have", "bias"), ("weights have", "weight")):
        moved = after_a_step(net, X, y, lr, only=lambda name, part=name_part: name.endswith(part))
        yield growth_of(moved, X, y), f"only the {what} moved; a step moves every parameter."
    yield (
        growth_of(after_a_step(net, X, y, lr, only=lambda name: "conv" in name or name.startswith("0.0.")), X, y),
        "only the convolutions have moved; a step moves every parameter, batch norms and head too.",
    )
    yield (
        growth_of(after_a_step(net, X, y, lr, only=lambda name: "conv" in name and name.endswith("weight")), X, y),
        "only the weights of the blocks' convolutions have moved; a step moves every parameter.",
    )
    yield (
        growth_of(after_a_step(net, X, y, 1.9 * lr), X, y),
        "the step is 1.9 times too long: that is Nesterov's momentum; plain gradient descent has none.",
    )
    yield (
        growth_of(after_a_step(net, X, y, lr, rule=lambda p, g: g.sign()), X, y),
        "every element moved by lr, whatever its gradient, as in sign descent, or in Adam's first step; "
        "plain gradient descent moves it by lr times its gradient.",
    )
    yield (
        growth_of(after_a_step(net, X, y, lr, rule=lambda p, g: g / g.norm()), X, y),
        "the gradient was divided by its norm before the step; plain gradient descent takes it as it is.",
    )
    for part in (len(X) // 2, 16):
        few = X[:part], y[:part]
        moved = after_a_step(net, *few, lr)
        yield growth_of(moved, X, y), f"the step was taken on {part} of the {len(X)} images; take it on all of them."
        yield growth_of(stepped, *few), f"the growth was measured on {part} of the {len(X)} images; use all of them."
        yield growth_of(moved, *few), f"step and measurement have used {part} of the {len(X)} images; use all of them."
    for decay in (5e-4, 1e-4, 1e-3, 1e-2):
        yield (
            growth_of(after_a_step(net, X, y, lr, rule=lambda p, g, decay=decay: g + decay * p), X, y),
            f"the step makes the weights smaller, too: weight decay, {decay:g}; plain gradient descent has none.",
        )
