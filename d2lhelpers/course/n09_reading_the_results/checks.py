"""The exercises of notebook 09: reading the results."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, unchanged, used
from d2lhelpers.course.exercise import exercise
from d2lhelpers.residual import Residual, cifar_resnet, resnet


@exercise(
    "9.1",
    "The cheapest answer",
    difficulty=2,
    minutes=12,
    names=("cheapest", "ask_below"),
    hints=(
        "Fix one image and one answer. Each possible truth has a probability and a cost; what does the answer cost "
        "on average?",
        "That is a sum over the truths, and a matrix product does it for all images and answers at once: "
        "`probabilities @ cost` has the shape (images, answers).",
        "Take the answer with the lowest expected cost, `.argmin(dim=1)`. For `ask_below`: answering costs 5 with "
        "probability 1 - p, asking costs 1 for certain.",
    ),
)
def check_cheapest(cheapest: Any, ask_below: Any) -> None:
    """Random probabilities and costs, with more answers than classes and with fewer; then the threshold."""
    for classes, answers, seed in ((3, 5, 0), (4, 4, 1), (5, 3, 2), (10, 11, 3)):
        generator = torch.Generator().manual_seed(seed)
        probabilities = (3 * torch.randn(64, classes, generator=generator)).softmax(dim=1)
        cost = 10 * torch.rand(classes, answers, generator=generator)
        with unchanged([probabilities, cost], "what the function is given"):
            found = call(cheapest, probabilities, cost)
        if isinstance(found, Tensor) and found.is_floating_point() and found.shape == (64,):
            if torch.allclose(found, (probabilities @ cost).amin(dim=1), rtol=1e-3):
                raise Incorrect("cheapest returns the costs of the cheapest answers; its numbers are asked: argmin")
        found = tensor(found, (64,), "what cheapest returns")
        if torch.equal(found.long(), (probabilities @ cost).argmin(dim=1)):
            continue
        said = f"for {classes} classes and {answers} answers, cheapest chooses other answers than the cheapest ones"
        wrong: list[tuple[Callable[[], Tensor], str]] = [
            (lambda: (probabilities @ cost).argmax(dim=1), "these are the dearest ones"),
            (lambda: probabilities.argmax(dim=1), "these are the most probable classes; the costs are not used"),
            (
                lambda: cost[probabilities.argmax(dim=1)].argmin(dim=1),
                "you take the most probable class for the truth; every class that could be the truth has its share "
                "in the cost",
            ),
            (
                lambda: (probabilities @ cost.T).argmin(dim=1),
                "a row of `cost` is a truth, and a column an answer; you have them the other way around",
            ),
            (
                lambda: cost.sum(dim=0).argmin().expand(64),
                "the probabilities are not used; they differ from image to image",
            ),
            (
                lambda: (probabilities[:, :, None] * cost).amax(dim=1).argmin(dim=1),
                "you look at the worst case; the expected cost is a sum over all truths",
            ),
        ]
        for other, cause in wrong:
            try:
                if torch.equal(found.long(), other()):
                    raise Incorrect(f"{said}: {cause}")
            except RuntimeError:
                continue
        raise Incorrect(f"{said}: the expected cost of an answer is the sum over the truths of probability times cost")
    value = number(ask_below, "ask_below")
    causes = {
        0.2: "that is the probability of a mistake at which the two cost the same; the certainty is what remains",
        80: "a certainty lies between 0 and 1",
        0.5: "at .5 answering costs 2.5 on average, and asking costs 1",
        5: "a certainty lies between 0 and 1; when does (1 - p) · 5 exceed 1?",
    }
    for other, cause in causes.items():
        if abs(value - other) < 1e-6:
            raise Incorrect(f"ask_below = {value:g} is not it: {cause}")
    if abs(value - 0.8) > 1e-6:
        raise Incorrect(f"ask_below = {value:g} is not it: for which certainty p is (1 - p) · 5 equal to 1?")


@exercise(
    "9.2",
    "Calibration error by hand",
    difficulty=2,
    minutes=12,
    names=("calibration_error",),
    hints=(
        "Sort the answers into bins of equal width by their certainty: `(certainty * num_bins).long()` is the number "
        "of the bin. Which certainty falls out at the end?",
        "For each bin that is not empty: the mean certainty of its answers minus the share of them that is right, "
        "without the sign.",
        "Add these up, each weighted with the share of all answers that is in the bin.",
    ),
)
def check_calibration_error(calibration_error: Any) -> None:
    """Random answers, crowded at high certainty, with empty bins and with answers of certainty 1."""
    for count, bins, seed, low in (
        (60, 20, 2, 0.1),
        (400, 10, 0, 0.05),
        (1000, 15, 1, 0.3),
        (37, 3, 3, 0.5),
        (5, 10, 4, 0.9),
    ):
        certainty, right = _answers(count, bins, seed, low)
        with unchanged([certainty, right], "what the function is given"):
            found = number(call(calibration_error, certainty, right, bins), "what calibration_error returns")
        expected = _calibration_error(certainty, right, bins)
        if abs(found - expected) < 1e-5:
            continue
        said = f"for {count} answers and {bins} bins calibration_error returns {found:.4g}; expected {expected:.4g}"
        for options, cause in (
            (
                {"weighted": False},
                "a bin counts with its share of the answers; a plain mean over bins lets a bin of two count like one "
                "of two hundred",
            ),
            (
                {"weighted": False, "all_bins": True},
                "a bin counts with its share of the answers, and an empty one not at all",
            ),
            (
                {"weighted": False, "total": True},
                "each bin's gap is weighted with its share of the answers before they are added up",
            ),
            (
                {"signed": True},
                "the gaps lose their sign before they are added up; else too sure here makes up for too modest there",
            ),
            ({"middle": True}, "take the mean certainty of the answers in a bin, not the middle of the bin"),
            ({"squared": True}, "the gap is taken without its sign, not squared"),
            (
                {"largest": True},
                "that is the largest gap of all bins, the maximum calibration error; the mean is asked",
            ),
            (
                {"without_last": True},
                "answers with a certainty of exactly 1 are in no bin of yours; they belong to the last one",
            ),
            (
                {"one_more": True},
                "answers with a certainty of exactly 1 have a bin of their own, as in torchmetrics; they belong to "
                "the last one",
            ),
            (
                {"narrowed": True},
                "your bins begin at the lowest certainty that occurs; they divide the numbers from 0 to 1",
            ),
        ):
            if abs(found - _calibration_error(certainty, right, bins, **options)) < 1e-5:
                raise Incorrect(f"{said}: {cause}")
        if abs(found - float((certainty - right.float()).abs().mean())) < 1e-5:
            raise Incorrect(f"{said}: that is the gap of each answer by itself; a share of right answers needs a bin")
        if abs(found - _calibration_error(certainty, right, bins, squared=True) ** 0.5) < 1e-5:
            raise Incorrect(f"{said}: the gaps are averaged without their sign, not squared and the root taken")
        if abs(found - abs(float(certainty.mean() - right.float().mean()))) < 1e-5:
            raise Incorrect(f"{said}: that is the gap of all answers together, in which bins make up for each other")
        raise Incorrect(said)


@exercise(
    "9.3",
    "Agreement beyond chance",
    difficulty=2,
    minutes=10,
    names=("agreement", "when_contained"),
    hints=(
        "Two nets agree on an image if both are right or both are wrong. `(wrong_a == wrong_b)` says where.",
        "If mistakes fell independently, with rates a and b, both would be wrong on a·b of the images, and both "
        "right on (1 - a)(1 - b).",
        "Kappa is (observed - by chance) / (1 - by chance). For `when_contained` make two tensors of 100 images, "
        "with 10 "
        "and 20 mistakes, the ten among the twenty.",
    ),
)
def check_agreement(agreement: Any, when_contained: Any) -> None:
    """Random mistakes of unlike rates, from fully independent to contained in each other; then one number."""
    for rate_a, shared, extra, seed in (
        (0.1, 0.7, 0.15, 0),
        (0.3, 0.2, 0.1, 1),
        (0.5, 0.1, 0.6, 2),
        (0.08, 1.0, 0.0, 3),
    ):
        generator = torch.Generator().manual_seed(seed)
        a = torch.rand(1000, generator=generator) < rate_a
        b = torch.where(
            a, torch.rand(1000, generator=generator) < shared, torch.rand(1000, generator=generator) < extra
        )
        with unchanged([a, b], "what the function is given"):
            found = number(call(agreement, a, b), "what agreement returns")
        ab, ra, rb = _rate(a & b), _rate(a), _rate(b)
        observed, chance = _rate(a == b), ra * rb + (1 - ra) * (1 - rb)
        expected, mean_rate = (observed - chance) / (1 - chance), (ra + rb) / 2
        if abs(found - expected) < 1e-4:
            continue
        said = f"with mistakes on {ra:.3f} and {rb:.3f} of the images, and common ones on {ab:.3f}, agreement "
        f"returns {found:.4g}; expected {expected:.4g}"
        wrong = [
            (observed, "that is the observed agreement; what chance would give is to come off"),
            (observed - chance, "divide by what is left above chance, so that two equal nets have 1"),
            ((observed - chance) / chance, "divide by 1 - by chance, so that two equal nets have 1"),
            ((observed - ra * rb) / (1 - ra * rb), "by chance both can be right, too: add (1 - a)(1 - b)"),
            ((ab - ra * rb) / (1 - ra * rb), "nets agree also where both are right"),
            (
                (ab - ra * rb) / (ra * (1 - ra) * rb * (1 - rb)) ** 0.5,
                "that is the correlation of the mistakes; kappa divides by 1 - by chance",
            ),
            (ab / max(_rate(a | b), 1e-9), "that is common mistakes as a share of all mistakes, without chance"),
            (ab / max(ra, 1e-9), "that is the share of one net's mistakes that the other makes, without chance"),
            ((observed - 0.5) / 0.5, "chance is not one half: it depends on how often each net is wrong"),
            (
                1 - (1 - observed) / (2 * mean_rate * (1 - mean_rate)),
                "each net has its own rate of mistakes; you take their mean for both",
            ),
        ]
        for other, cause in wrong:
            if abs(found - other) < 1e-4:
                raise Incorrect(f"{said}: {cause}")
        raise Incorrect(said)
    found, right = number(when_contained, "when_contained"), (0.9 - 0.74) / 0.26
    causes = {
        1: "only for two equal nets; here one of them makes ten mistakes of its own",
        0.9: "that is the observed agreement; chance alone gives .74",
        0.5: "that is the share of the one net's mistakes that are the other's; kappa counts what is right as well",
        0.16: "divide by 1 - by chance",
        0.74: "that is the agreement by chance; kappa is what is observed beyond it, as a share of what is possible",
        2 / 3: "that is the correlation of the mistakes; kappa divides by 1 - by chance",
    }
    for other, cause in causes.items():
        if abs(found - other) < 1e-3:
            raise Incorrect(f"when_contained = {found:g} is not it: {cause}")
    if abs(found - right) > 0.006:
        raise Incorrect(
            f"when_contained = {found:g} is not it: the nets agree on 90 of 100 images; how many by chance?"
        )


@exercise(
    "9.4",
    "Several lesions",
    difficulty=2,
    minutes=12,
    names=("with_lesions",),
    hints=(
        "Begin with `deepcopy(net)`, and replace in the copy. `net[stage][i]` is a block.",
        "A residual block returns relu(F(x) + shortcut). Without F that is relu(shortcut), where the shortcut is "
        "`block.conv3`, or x if that is None.",
        "x has been through a ReLU, so without a `conv3` an `nn.Identity()` will do. With one it is "
        "`nn.Sequential(block.conv3, nn.ReLU())`.",
    ),
)
def check_with_lesions(with_lesions: Any) -> None:
    """Two kinds of shortcuts, several lesions, against a walk through the blocks."""
    nets = {"cifar_resnet(14, width=4)": _unusual(cifar_resnet(14, width=4), 0)}
    stem = nn.Sequential(nn.Conv2d(1, 4, kernel_size=3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    nets["a net with 1×1 convolutions on shortcuts"] = _unusual(resnet(stem, (2, 2), 4), 1)
    X = torch.rand(5, 1, 12, 10, generator=torch.Generator().manual_seed(2))
    for name, net in nets.items():
        for lesions in ([], [(1, 1)], [(1, 0), (2, 1)], [(2, 0)], [(1, 0), (1, 1), (2, 0), (2, 1)]):
            used(net)
            with unchanged(net, "the net"):
                lesioned = call(with_lesions, net, list(lesions), name="with_lesions")
                if not isinstance(lesioned, nn.Module):
                    raise Incorrect(f"with_lesions should return a net; it returns {shown(lesioned)}")
                with torch.no_grad():
                    found = tensor(call(lesioned.eval(), X, name="the net with lesions"), (5, 10), "its scores")
            with torch.no_grad():
                expected = _walk(net, X, lesions)
                if torch.allclose(found, expected, rtol=1e-3, atol=1e-4):
                    continue
                said = f"{name} with the lesions {lesions} gives other scores than its shortcuts alone would"
                shifted = [(stage, i - 1) for stage, i in lesions]
                for other, cause in (
                    (_walk(net, X, []), "the blocks still do all their work"),
                    (
                        _walk(net, X, lesions, relu=False),
                        "relu(F(x) + shortcut) without F is relu(shortcut); a 1×1 convolution can give negative "
                        "numbers",
                    ),
                    (
                        _walk(net, X, lesions, branch=True),
                        "you have kept F(x) and taken out the shortcut; it is the other way around",
                    ),
                    (_walk(net, X, lesions[:1]), "only the first of the lesions is there"),
                    (
                        _walk(net, X, lesions[-1:]),
                        "only the last of the lesions is there; do you begin anew from the net each time?",
                    ),
                    (_walk(net, X, shifted), "blocks are counted from 0"),
                    (
                        _walk(net, X, [(stage + 1, i) for stage, i in lesions]),
                        "that is a block of the next stage; `net[0]` is the stem, and a lesion (1, i) is `net[1][i]`",
                    ),
                    (
                        _walk(net, X, lesions, doubled=True),
                        "the shortcut is added twice: without F nothing else is to be added",
                    ),
                ):
                    if torch.allclose(found, other, rtol=1e-3, atol=1e-4):
                        raise Incorrect(f"{said}: {cause}")
            raise Incorrect(said)


@exercise(
    "9.5",
    "One function, two sizes",
    difficulty=3,
    minutes=14,
    names=("enlarged", "my_surface"),
    hints=(
        "Every convolution of these nets is followed by a batch norm. If all that comes into it is multiplied by "
        "`factor`, "
        "what happens to the mean and to the variance?",
        "In training mode the batch norm divides `factor` out by itself. In eval mode it uses `running_mean` and "
        "`running_var`.",
        "Multiply weights and biases of the convolutions and the running means by `factor`, the running variances by "
        "`factor**2`. Scale and "
        "shift of the batch norms stay, and so does the linear layer.",
    ),
)
def check_enlarged(enlarged: Any, my_surface: Any) -> None:
    """The weights are enlarged, and the scores are the same in both modes."""
    net = _unusual(cifar_resnet(8, width=4), 5)
    X = torch.rand(64, 1, 12, 10, generator=torch.Generator().manual_seed(6))
    for factor in (3.0, 0.5):
        used(net)
        with unchanged(net, "the net"):
            larger = call(enlarged, net, factor, name="enlarged")
            if not isinstance(larger, nn.Module):
                raise Incorrect(f"enlarged should return a net; it returns {shown(larger)}")
        larger = copy.deepcopy(larger)
        before = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
        after = [layer for layer in larger.modules() if isinstance(layer, nn.Conv2d)]
        if len(before) != len(after):
            raise Incorrect(f"the net has {len(before)} convolutions, and what enlarged returns has {len(after)}")
        for mine, theirs in zip(after, before):
            if torch.allclose(mine.weight, theirs.weight):
                raise Incorrect("a convolution's weights are as before; they should be `factor` times as large")
            if not torch.allclose(mine.weight, factor * theirs.weight, rtol=1e-4):
                ratio = float((mine.weight / theirs.weight).detach().median())
                raise Incorrect(
                    f"with factor {factor:g} a convolution's weights are {ratio:g} times as large as before"
                )
        with torch.no_grad():
            evaluated = call(larger.eval(), X, name="the enlarged net"), net.eval()(X)
        if not _close(*evaluated):
            cause = _cause(net, larger, factor)
            raise Incorrect(f"with factor {factor:g} the scores in eval mode are not those of the net: {cause}")
        with torch.no_grad():
            trained = call(larger.train(), X, name="the enlarged net"), copy.deepcopy(net).train()(X)
        if not _close(*trained):
            raise Incorrect(
                f"with factor {factor:g} the scores in eval mode are right, and in training mode they are not. Scale "
                f"and shift of a "
                "batch norm work in both modes; what belongs to eval mode alone?"
            )
    wrong = {
        "a": "the same step is a smaller part of the larger weights, so it changes the function less",
        "c": "the center is the same function and has the same loss; away from it, a step of the same length does less",
        "d": "running statistics are no direction here; they stay what they are while the weights move",
    }
    choice(my_surface, "my_surface", "b", wrong)


def _answers(count: int, bins: int, seed: int, low: float) -> tuple[Tensor, Tensor]:
    """Return certainties and whether the answers are right; none is on an edge between bins, some are 1."""
    generator = torch.Generator().manual_seed(seed)
    certainty = low + (1 - low) * torch.rand(count, generator=generator).sqrt()
    place = certainty * bins
    certainty = (place.floor() + (place - place.floor()).clamp(0.02, 0.98)) / bins
    certainty = certainty.clamp_max(0.999)
    certainty[: max(1, count // 10)] = 1.0
    right = torch.rand(count, generator=generator) < 0.2 + 0.6 * certainty  # too modest below .5, too sure above
    return certainty, right


def _calibration_error(
    certainty: Tensor,
    right: Tensor,
    bins: int,
    *,
    weighted: bool = True,
    all_bins: bool = False,
    total: bool = False,
    signed: bool = False,
    middle: bool = False,
    squared: bool = False,
    largest: bool = False,
    without_last: bool = False,
    one_more: bool = False,
    narrowed: bool = False,
) -> float:
    """Return the expected calibration error, or what one mistake would make of it."""
    low = certainty.min() if narrowed else 0
    place = ((certainty - low) / (1 - low) * bins).long()
    if not without_last and not one_more:
        place = place.clamp_max(bins - 1)
    gaps, shares = [], []
    for i in range(bins + one_more):
        inside = place == i
        if inside.any():
            sure = (i + 0.5) / bins if middle else float(certainty[inside].double().mean())
            gap = sure - float(right[inside].double().mean())
            gaps.append(gap if signed else gap**2 if squared else abs(gap))
            shares.append(float(inside.double().mean()))
    if largest:
        return max(gaps, default=0.0)
    if not weighted:
        return sum(gaps) / (1 if total else bins if all_bins else max(1, len(gaps)))
    return sum(gap * share for gap, share in zip(gaps, shares))


def _rate(some: Tensor) -> float:
    return float(some.double().mean())


def _unusual(net: nn.Sequential, seed: int) -> nn.Sequential:
    """Give a net weights and statistics that no wrong formula can hide behind."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d):
                layer.bias.copy_(0.3 * torch.randn(layer.bias.shape, generator=generator))
                layer.weight.copy_(0.4 * torch.randn(layer.weight.shape, generator=generator))
            elif isinstance(layer, nn.BatchNorm2d):
                layer.weight.copy_(0.5 + torch.rand(layer.weight.shape, generator=generator))
                layer.bias.copy_(0.3 * torch.randn(layer.bias.shape, generator=generator))
                layer.running_mean.copy_(0.3 * torch.randn(layer.bias.shape, generator=generator))
                layer.running_var.copy_(0.5 + torch.rand(layer.bias.shape, generator=generator))
    return net.eval()


def _walk(
    net: nn.Sequential,
    X: Tensor,
    lesions: list[tuple[int, int]],
    relu: bool = True,
    doubled: bool = False,
    branch: bool = False,
) -> Tensor:
    """Return a net's scores, block by block, without what the given blocks add, or with a mistake made there."""
    X = net[0](X)
    for stage, blocks in enumerate(net[1:-3], start=1):
        for i, block in enumerate(blocks):
            assert isinstance(block, Residual)
            if (stage, i) not in lesions:
                X = block(X)
                continue
            if branch:
                X = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(X)))))
            elif block.conv3 is not None:
                X = block.conv3(X)
            X = 2 * X if doubled else X
            X = F.relu(X) if relu else X
    return net[-3:](X)


def _close(found: Any, expected: Tensor) -> bool:
    return (
        isinstance(found, Tensor)
        and found.shape == expected.shape
        and torch.allclose(found, expected, rtol=0.02, atol=0.02)
    )


def _cause(net: nn.Module, larger: nn.Module, factor: float) -> str:
    """Return which numbers of an enlarged net are not what they should be."""
    mine, theirs = larger.state_dict(), net.state_dict()
    powers = {"running_mean": 1, "running_var": 2}
    linear = next(name for name, layer in reversed(list(net.named_modules())) if isinstance(layer, nn.Linear))
    for name, before in theirs.items():
        if name not in mine or mine[name].shape != before.shape or "num_batches" in name:
            continue
        last, of_norm = name.rpartition(".")[2], name.rpartition(".")[0] + ".running_mean" in theirs
        power = powers.get(last, 0 if of_norm or name.startswith(linear) else 1)
        if torch.allclose(mine[name], before * factor**power, rtol=1e-3, atol=1e-5):
            continue
        if last == "running_var" and torch.allclose(mine[name], before * factor, rtol=1e-3):
            return "the variance of numbers that are `factor` times as large is `factor**2` times as large"
        if last == "running_var":
            return "the running variances do not fit the enlarged maps"
        if last == "running_mean":
            return "the running means do not fit the enlarged maps"
        if name.startswith(linear):
            return "the linear layer has no batch norm behind it, so it has to stay as it is"
        if of_norm:
            return "scale and shift of a batch norm come after the division, so they have to stay as they are"
        if last == "bias":
            return "the biases of the convolutions come in before the batch norm, and grow as the weights do"
    return "compare what goes into a batch norm and what comes out of it, in both nets"
