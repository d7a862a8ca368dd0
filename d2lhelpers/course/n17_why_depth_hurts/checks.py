"""The exercises of notebook 17: why depth hurts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, choice, number, shown
from d2lhelpers.course.exercise import exercise
from d2lhelpers.course.n04_gradient_flow.nets import (
    call_on_a_net,
    check_word,
    copy_in_float64,
    growth_of,
    is_near,
    scaled_by,
    small_net,
    some_images,
)


@exercise(
    "17.1",
    "Parameters that do nothing",
    difficulty=1,
    minutes=10,
    names=("idle_parameters",),
    hints=(
        "Batch norm subtracts the mean of each channel. What becomes of a constant that was added to it before?",
        "You can measure it: `torch.autograd.grad(loss, list(net.parameters()))` for a copy of the net in training "
        "mode and in 64-bit numbers, `in_float64(net)`. Which norms are zero, but for rounding?",
        "Keep a name of `net.named_parameters()` if the norm of its gradient is less than a billionth of the largest.",
    ),
)
def check_idle_parameters(idle_parameters: Any) -> None:
    """Nets with norm and without, and one with a ReLU before its norm: the names of what has no gradient."""
    if not callable(idle_parameters):
        raise Incorrect(f"idle_parameters should be a function of (net, X, y); it is {shown(idle_parameters)}.")
    X, y = some_images(1)
    cases = (
        ("a residual net with batch norm", small_net(8, residual=True, norm=True, seed=1)),
        ("a plain net with batch norm that comes in eval mode", small_net(14, False, True, seed=2).eval()),
        ("a plain net without norm", small_net(8, residual=False, norm=False, seed=3, width=5)),
        ("a net whose first convolution has a ReLU before the batch norm", _relu_before_norm()),
    )
    for what, net in cases:
        result = call_on_a_net(idle_parameters, net, X, y, name="idle_parameters")
        _check_names(_as_names(result, net), net, X, y, what)


def _relu_before_norm() -> nn.Sequential:
    torch.manual_seed(17)
    return nn.Sequential(
        nn.Conv2d(1, 3, kernel_size=3, padding=1), nn.ReLU(), nn.BatchNorm2d(3),
        nn.Conv2d(3, 4, kernel_size=3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10),
    )  # fmt: skip


def _as_names(result: Any, net: nn.Module) -> set[str]:
    if isinstance(result, str) or not isinstance(result, Iterable):
        raise Incorrect(f"idle_parameters should return a list of names; it returned {shown(result)}.")
    names = list(result)
    known = set(dict(net.named_parameters()))
    for name in names:
        if not isinstance(name, str):
            raise Incorrect(f"asked are names, such as '0.0.bias'; one of what you return is {shown(name)}.")
        if name not in known:
            hint = "; a parameter's name ends in .weight or .bias" if f"{name}.bias" in known else ""
            raise Incorrect(f"{shown(name)} is no name in net.named_parameters(){hint}.")
    return set(names)


def _check_names(found: set[str], net: nn.Module, X: Tensor, y: Tensor, what: str) -> None:
    twin = copy_in_float64(net)
    parameters = dict(twin.named_parameters())
    gradients = torch.autograd.grad(F.cross_entropy(twin(X), y), list(parameters.values()))
    norms = {name: g.norm().item() for name, g in zip(parameters, gradients)}
    right = {name for name, norm in norms.items() if norm < 1e-9 * max(norms.values())}
    missing, too_many = sorted(right - found), sorted(found - right)
    if not missing and not too_many:
        return
    if not found:
        raise Incorrect(
            f"for {what} you return nothing. In training mode {missing[0]} has no gradient but rounding; "
            "is the copy in training mode, and is the limit above the rounding?"
        )
    if too_many and all(name.endswith(".weight") for name in too_many):
        raise Incorrect(f"for {what} you return {too_many[0]}, a weight; its gradient is {norms[too_many[0]]:.2g}.")
    if too_many and not right:
        raise Incorrect(f"for {what} every parameter counts, and you return {too_many[0]}: no batch norm takes it off.")
    if too_many:
        raise Incorrect(
            f"for {what} you return {too_many[0]}, whose gradient is {norms[too_many[0]]:.2g}: "
            "is it followed at once by a batch norm?"
        )
    raise Incorrect(f"for {what}, {missing[0]} is missing: its gradient is {norms[missing[0]]:.2g}, rounding.")


@exercise(
    "17.2",
    "The scale at another depth",
    difficulty=2,
    minutes=10,
    names=("keeping_scale_of", "scale_at_32"),
    hints=(
        "`keeping_scale` in Section 3 does it for one depth. What has to be counted and measured anew for another net?",
        "A factor c on all weights multiplies the growth by c once for each convolution between x_0 and x_L. "
        "`blocks_of(net)` counts the blocks, `growth(gradient_norms(net, X, y))` measures.",
        "`growth(gradient_norms(net, X, y)) ** (-1 / (2 * len(blocks_of(net))))`. For the prediction: "
        "the factor makes up for what one convolution loses at the borders, "
        "and each depth has a third of its blocks in each stage.",
    ),
)
def check_keeping_scale(keeping_scale_of: Any, scale_at_32: Any) -> None:
    """Nets of two depths, their weights too small, too large or unequal: c to the power of -1 over the convolutions."""
    if not callable(keeping_scale_of):
        raise Incorrect(f"keeping_scale_of should be a function of (net, X, y); it is {shown(keeping_scale_of)}.")
    measured = []
    for depth, scale, seed in ((14, 0.4, 1), (8, 1.7, 2), (20, 0.7, 3)):
        net = small_net(depth, residual=False, norm=False, seed=seed, width=5, scale=scale).train(depth != 8)
        X, y = some_images(seed, 22 if depth == 8 else 6)
        found = number(call_on_a_net(keeping_scale_of, net, X, y, name="keeping_scale_of"), "the factor")
        measured.append((found, net, X, y))
    _check_factors(measured)
    net, X, y = small_net(56, residual=False, norm=False, seed=4, width=3, scale=0.08), *some_images(4)
    try:
        found = number(call_on_a_net(keeping_scale_of, net, X, y, name="keeping_scale_of"), "the factor")
    except Incorrect as error:
        raise Incorrect(
            f"it is right for three nets, but for one with small weights, whose gradient shrinks by some 60 powers of "
            f"ten, {error}. 32-bit numbers end at 1e-45"
        ) from error
    _check_factors([(found, net, X, y)])
    check_word(
        scale_at_32,
        "scale_at_32",
        "about the same",
        {
            "larger": "a larger factor would make the growth too large at 32 layers. What one convolution "
            "loses does not know how many others there are.",
            "smaller": "a shallower net loses less in total, but over fewer convolutions; "
            "the factor is for each of them.",
        },
    )


def _check_factors(measured: list[tuple[float, nn.Module, Tensor, Tensor]]) -> None:
    """Compare the factors of several nets; a cause explains them all, as in one net two counts may be the same."""
    cases = []
    for found, net, X, y in measured:
        convolutions = 2 * sum(len(stage) for stage in net[1:-3])
        growth = growth_of(net, X, y)
        right = growth ** (-1 / convolutions)
        is_right = found > 0 and (is_near(found, right) or abs(growth_of(scaled_by(net, found), X, y) - 1) < 0.02)
        cases.append((found, convolutions, growth, right, is_right))
    if all(is_right for *_, is_right in cases):
        return
    fit = [
        told[0][1]
        for told in zip(*(_mistakes_of_factor(growth, convolutions) for _, convolutions, growth, *_ in cases))
        if all(is_near(case[0], wrong) for case, (wrong, _) in zip(cases, told))
    ]
    found, convolutions, growth, right, _ = next(case for case in cases if not case[-1])
    if fit:
        raise Incorrect(f"for a net with {convolutions} convolutions in its blocks: {fit[0]}")
    wanted = f"expected {right:.4g}, the growth {growth:.3g} to the power of -1/{convolutions}"
    raise Incorrect(f"for a net with {convolutions} convolutions in its blocks the factor is {found:.4g}; {wanted}.")


def _mistakes_of_factor(measured: float, convolutions: int) -> list[tuple[float, str]]:
    """Return what mistakes give, and which they are in words."""
    right = measured ** (-1 / convolutions)
    return [
        (1 / right, "it is upside down: where the growth is too small, the factor has to be above 1 (mind the minus)."),
        (
            measured ** (-2 / convolutions),
            "that is the factor for a block, which has two convolutions; or the root of the norms is missing.",
        ),
        (
            measured ** (2 / convolutions),
            "that is for a block, or with squared norms, and upside down: the exponent is -1 / convolutions.",
        ),
        (measured ** (-1 / (convolutions + 1)),
         "you counted a convolution too many; the stem's is not between x_0 and x_L."),
        (measured ** (-1 / (convolutions + 2)),
         "you counted two convolutions too many: stem and head are not between x_0 and x_L, and "
         "x_0 to x_L are one more than the blocks."),
        (measured ** (-1 / 54), "54 is the number of convolutions at 56 layers; count those of the net that is given."),
        (measured ** (-1 / 30), "30 is the number of convolutions at 32 layers; count those of the net that is given."),
        (1 / measured, "that is one over the growth, for all convolutions together; each should take its share."),
        (measured, "that is the growth itself; the factor is for each convolution."),
        (measured ** (-1.5 / convolutions), "you counted the convolutions of two in three blocks; all stages count."),
        (measured ** (-3 / convolutions), "you counted the convolutions of one in three blocks; all stages count."),
        (measured ** (-1 / 6), "6 is the number in three blocks, one for each stage; count all blocks."),
        (
            -math.log(measured) / convolutions,
            "that is the logarithm of the factor; exp makes the factor of it.",
        ),
        (1.0, "a factor of 1 changes nothing, and the growth of this net is not 1."),
    ]  # fmt: skip


@exercise(
    "17.3",
    "A gentler branch",
    difficulty=3,
    minutes=15,
    names=("limit_of_correlation", "why_it_stops_there"),
    hints=(
        "Section 4 has the law for branches that are not scaled: each block multiplies the covariance by 1 + q. "
        "What becomes of q when the branch is divided by the root of L?",
        "A gradient passes the branch twice in a covariance, so q is divided by L: each block multiplies the "
        "correlation by (1 + 1/(2L)) / (1 + 1/L), and there are L blocks.",
        "(1 + a/L) to the power of L tends to e to the power of a. "
        "The limit is the one for a = 1/2 over the one for a = 1.",
    ),
)
def check_limit(limit_of_correlation: Any, why_it_stops_there: Any) -> None:
    """The factor for each block, (1 + 1/2L) / (1 + 1/L), to the power of L tends to one over the root of e."""
    found = number(limit_of_correlation, "limit_of_correlation")
    right = math.exp(-0.5)
    if abs(found - right) >= 0.0055 or round(found, 2) != 0.61:
        causes = (
            (1.0, "each block's factor tends to 1, but there are L of them, and their product does not."),
            (0.0, "without the scaling, (3/4)^L tends to 0, and so it does where q is divided by the root of L. "
             "A covariance has the branch in it twice, so q is divided by L."),
            (0.75, "that is the factor of one block that is not scaled."),
            (0.5, "that is the share that a plain block keeps; here I adds one to each."),
            (math.exp(-1), "that would be for gates that are never open together; q is 1/2, not 0."),
            (math.exp(0.5), "that is the covariance of two images; divide it by how much each one's variance grows."),
            (math.exp(1), "that is how much the variance grows; a correlation is a covariance over a variance."),
            (math.exp(0.5) / 2, "the variance grows by e and not by 2: (1 + 1/L)^L."),
            (math.exp(-0.25), "a root too many: the covariance is divided by the variance, not by its root."),
            (-0.5, "that is the logarithm of the limit."),
            (1 - math.exp(-1), "that is 1 - 1/e; no limit is taken from 1 here, one is divided by another."),
            (math.exp(-2), "look at the exponents again: 1/2 above, 1 below."),
        )  # fmt: skip
        for wrong, cause in causes:
            if abs(found - wrong) < 0.0055:
                raise Incorrect(f"{found:g} is not it: {cause}")
        at = {L: ((1 + 0.5 / L) / (1 + 1 / L)) ** L for L in range(2, 64)}
        L = min(at, key=lambda L: abs(found - at[L]))
        if abs(found - at[L]) < 2e-6:  # with fewer digits it may be another number: 1 - 1/e is near that at 8 blocks
            raise Incorrect(f"{found:g} is the correlation at {L} blocks; asked is the limit for ever more of them.")
        if abs(found - right) < 0.02:
            raise Incorrect(f"{found:g} is near the limit, but rounded to two decimals the limit is another number.")
        if not 0 < found < 1:
            raise Incorrect(f"{found:g} cannot be it: the correlation falls from 1 and stays positive.")
        raise Incorrect(
            f"{found:g} is not it. Compute the correlation for some L, such as 10, 100 and 1000: where does it go?"
        )
    wrong = {
        "a": "that is so without the scaling. Here each block loses less the more blocks there are",
        "b": "each block's factor tends to 1, but the product of L of them does not",
        "c": "each branch is small, but all of them together are not: the variance grows by e over the whole depth",
        "e": "the factor does not depend on how many images or gates there are; the limit is the same for any width",
    }
    choice(why_it_stops_there, "why_it_stops_there", "d", wrong)
