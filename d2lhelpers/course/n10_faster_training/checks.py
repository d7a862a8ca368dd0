"""The exercises of notebook 10: faster training."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, choice, counted, number, shown, tensor, unchanged, whole_number
from d2lhelpers.course.exercise import exercise

# Exercise 10.1


@exercise(
    "10.1",
    "The least time of a layer",
    difficulty=2,
    minutes=12,
    names=("least_seconds", "smallest_width"),
    hints=(
        "Call `Y = conv(X)`. How many multiply-adds does one number of `Y` take, and how many numbers does `Y` have? "
        "A filter is `conv.weight[0]`.",
        "Moved are X, the weights, and Y, each once; `numel()` counts numbers, and `X.element_size()` is the bytes of "
        "one. Each limit alone needs amount / rate seconds, and both have to be kept.",
        "The least time is the larger of the two. For `smallest_width`: per position the convolution does 9·c·c "
        "multiply-adds and moves 2·c numbers of two bytes each.",
    ),
)
def check_least_seconds(least_seconds: Any, smallest_width: Any) -> None:
    """Convolutions of all kinds, on machines that make them wait for arithmetic or for memory; then the width."""
    cases, answers = _layers(), []
    for conv, X, adds_rate, bytes_rate in cases:
        with unchanged([conv.weight, X], "[weights, X]"):
            answers.append(_time_and_limit(call(least_seconds, conv, X, adds_rate, bytes_rate)))
    right = [_roofline(*case) for case in cases]
    _explain_times(cases, answers, right)
    value = number(smallest_width, "smallest_width")
    causes = {
        17: "with 17 channels there are 9 · 17 / 4 = 38 multiply-adds for each byte, fewer than 40",
        36: "that is for float32; a number in bfloat16 has two bytes",
        9: "both the input and the output have to be moved, and each of their numbers has two bytes",
        5: "both the input and the output have to be moved, and each of their numbers has two bytes",
        160: "a 3×3 window takes nine multiply-adds for each pair of an input and an output channel",
        54: "a 3×3 window takes nine multiply-adds for each pair of an input and an output channel, not three",
        40: "40 is the balance of the machine; how many multiply-adds a byte does the convolution do with c channels?",
    }
    if value in causes:
        raise Incorrect(f"smallest_width = {value:g} is not it: {causes[value]}")
    if value != int(value):
        raise Incorrect(
            f"smallest_width = {value:.4g}: there are whole channels only; which is the first that will do?"
        )
    if value != 18:
        raise Incorrect(
            f"smallest_width = {value:g} is not it: at each position the convolution does 9·c·c multiply-adds; "
            "how many bytes does it move there?"
        )


Layer = tuple[nn.Conv2d, Tensor, float, float]


def _layers() -> list[Layer]:
    """Return convolutions, their inputs, and two rates, by which some wait for arithmetic and some for memory."""
    plans = [
        # in, out, kernel, stride, padding, (batch, height, width), type, balance of the machine beside the layer's own
        (8, 12, 3, 1, 1, (4, 9, 8), torch.bfloat16, 0.6),
        (8, 12, 3, 1, 1, (4, 9, 8), torch.bfloat16, 1.5),
        (16, 6, (1, 5), 2, 0, (2, 7, 11), torch.float32, 0.3),
        (3, 20, (5, 3), (2, 1), (1, 2), (3, 10, 7), torch.float32, 2.5),
        (24, 24, 1, 1, 0, (1, 5, 6), torch.bfloat16, 1.1),
        (24, 24, 3, 2, 1, (1, 3, 5), torch.float64, 0.9),
        (1, 4, 7, 1, 3, (5, 12, 10), torch.bfloat16, 4.0),
        (32, 16, 3, 1, 0, (1, 4, 4), torch.float32, 0.8),
        (6, 10, 3, 1, 1, (2, 6, 7), torch.bfloat16, 0.01),
        (6, 10, 3, 1, 1, (2, 6, 7), torch.float32, 50.0),
    ]
    generator, cases = torch.Generator().manual_seed(101), []
    for k, (inputs, outputs, kernel, stride, padding, size, dtype, balance) in enumerate(plans):
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        with torch.no_grad():
            conv.weight.copy_(torch.randn(conv.weight.shape, generator=generator))
        X = torch.randn(size[0], inputs, *size[1:], generator=generator).to(dtype)
        conv = conv.to(dtype).requires_grad_(False)
        bytes_rate = (2 + k) * 1e9
        multiply_adds, numbers = _amounts(conv, X)
        cases.append((conv, X, balance * multiply_adds / (sum(numbers) * X.element_size()) * bytes_rate, bytes_rate))
    return cases


def _amounts(conv: nn.Conv2d, X: Tensor) -> tuple[int, tuple[int, int, int]]:
    """Return the multiply-adds, and the numbers of input, weights, and output."""
    Y = conv(X)
    return Y.numel() * conv.weight[0].numel(), (X.numel(), conv.weight.numel(), Y.numel())


def _roofline(conv: nn.Conv2d, X: Tensor, adds_rate: float, bytes_rate: float) -> tuple[float, str]:
    multiply_adds, numbers = _amounts(conv, X)
    return _larger(multiply_adds / adds_rate, sum(numbers) * X.element_size() / bytes_rate)


def _larger(arithmetic: float, memory: float) -> tuple[float, str]:
    return max(arithmetic, memory), "arithmetic" if arithmetic > memory else "memory"


def _mistaken_times(conv: nn.Conv2d, X: Tensor, adds_rate: float, bytes_rate: float) -> Iterator[tuple]:
    """Yield what mistakes make of the two times, and which they are in words."""
    adds, (x, w, y) = _amounts(conv, X)
    size, window = X.element_size(), math.prod(conv.kernel_size)
    arithmetic, memory = adds / adds_rate, (x + w + y) * size / bytes_rate

    def moved(numbers: float, bytes_each: int = size) -> float:
        return numbers * bytes_each / bytes_rate

    yield (
        _larger(2 * arithmetic, memory),
        ("you count a multiplication and an addition as two; the rate counts multiply-adds, so the two are one"),
    )
    yield _larger(arithmetic, moved(x + y)), "the weights have to be read, too"
    yield _larger(arithmetic, moved(w + y)), "the input X has to be read, too"
    yield _larger(arithmetic, moved(x + w)), "the output has to be written, too"
    yield _larger(arithmetic, moved(x)), "the weights have to be read and the output has to be written, too"
    yield _larger(arithmetic, moved(x + w + y, 1)), "numbers are not bytes: `X.element_size()` is the bytes of one"
    for bytes_each in (2, 4):
        kind = {2: "bfloat16", 4: "float32"}[bytes_each]
        yield (
            _larger(arithmetic, moved(x + w + y, bytes_each)),
            (f"a number has {bytes_each} bytes in {kind}, but X may be of another type: `X.element_size()`"),
        )
    yield (
        (arithmetic + memory, _larger(arithmetic, memory)[1]),
        ("you add the two times; a machine computes while it moves, so the least time is the larger one alone"),
    )
    yield (
        (min(arithmetic, memory), "memory" if arithmetic > memory else "arithmetic"),
        ("that is the smaller of the two times; the layer has to wait for both, so the larger one is the limit"),
    )
    yield (
        (min(arithmetic, memory), _larger(arithmetic, memory)[1]),
        ("that is the smaller of the two times; the layer has to wait for both, so the larger one is the limit"),
    )
    yield (
        (max(arithmetic, memory), "memory" if arithmetic > memory else "arithmetic"),
        ("the time is right; the limit is the one that takes longer"),
    )
    yield _larger(arithmetic / len(X), memory), "the multiply-adds are those of one image; X has a batch of them"
    yield _larger(y * window / adds_rate, memory), "each number of the output takes a window from *every* input channel"
    yield _larger(arithmetic / conv.out_channels, memory), "the multiply-adds are those of one output channel"
    yield (
        _larger(x / X.shape[1] * w / adds_rate, memory),
        ("the filters do not stop at every position of the input: stride and padding decide where; look at `conv(X)`"),
    )
    same = x // X.shape[1] * conv.out_channels
    yield (
        _larger(x / X.shape[1] * w / adds_rate, moved(x + w + same)),
        ("the output is not as large as the input: stride and padding decide how large; look at `conv(X)`"),
    )
    yield _larger(arithmetic, moved(x + len(X) * w + y)), "the weights are read once, not once for each image"
    yield (
        _larger(arithmetic, moved(x * window + w + y)),
        ("each number of the input is read once, although several windows use it"),
    )
    yield _larger(adds / bytes_rate, (x + w + y) * size / adds_rate), "the two rates have changed places"
    yield _larger(arithmetic * adds_rate**2, memory * bytes_rate**2), "seconds are an amount divided by a rate"


def _explain_times(cases: list[Layer], answers: list[tuple[float, str]], right: list[tuple[float, str]]) -> None:
    """Refuse wrong times and limits, with the one mistake that explains all of them if there is one."""
    if _same_times(answers, right):
        return
    at = next(k for k in range(len(cases)) if not _same_times(answers[k : k + 1], right[k : k + 1]))
    conv, X, *_ = cases[at]
    kernel = "×".join(map(str, conv.kernel_size))
    said = (
        f"for a {kernel} convolution with stride {conv.stride} from {conv.in_channels} to {conv.out_channels} channels "
        f"and an X of shape {tuple(X.shape)} in {str(X.dtype)[6:]}, least_seconds returns {_said(answers[at])}; "
        f"expected {_said(right[at])}"
    )
    for mistakes in zip(*(_mistaken_times(*case) for case in cases)):
        if _same_times(answers, [mistake for mistake, _ in mistakes]):
            raise Incorrect(f"{said}: {mistakes[0][1]}")
    raise Incorrect(said)


def _same_times(some: list[tuple[float, str]], others: list[tuple[float, str]]) -> bool:
    return all(math.isclose(a, c, rel_tol=1e-4) and b == d for (a, b), (c, d) in zip(some, others))


def _said(answer: tuple[float, str]) -> str:
    return f"({answer[0]:.4g}, {answer[1]!r})"


def _time_and_limit(value: Any) -> tuple[float, str]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Incorrect(f"least_seconds should return two things, the seconds and the limit; it returns {shown(value)}")
    seconds, limit = value
    if isinstance(seconds, str) and not isinstance(limit, str):
        raise Incorrect("the two are in the wrong order: (seconds, limit)")
    word = str.strip(limit).lower() if isinstance(limit, str) else None
    if word not in ("arithmetic", "memory"):
        raise Incorrect(f"the limit is the word 'arithmetic' or the word 'memory'; it is {shown(limit)}")
    return number(seconds, "the first that least_seconds returns"), word


# Exercise 10.2


@exercise(
    "10.2",
    "White in color",
    difficulty=3,
    minutes=15,
    names=("whitening",),
    hints=(
        "`F.unfold(images, side)` has the shape (images, channels · side², positions), and each column is a patch, in "
        "the order in which a filter's weights lie. Make it a matrix with one row for each patch.",
        "Take the mean patch off, then `torch.linalg.eigh` the covariance, a *mean* over all patches. The eigenvectors "
        "are its columns, and the variance of the patches along one of them is its eigenvalue.",
        "A filter is an eigenvector divided by the root of its eigenvalue. conv2d adds the bias after the filters, so "
        "it is minus what the filters make of the mean patch: `-filters @ mean`.",
    ),
)
def check_whitening(whitening: Any) -> None:
    """Images whose pixels and channels resemble each other: the outputs of the filters do not."""
    for count, channels, height, width, side, seed in (
        (260, 1, 12, 10, 3, 0),
        (300, 3, 9, 11, 2, 1),
        (300, 2, 10, 9, 3, 2),
        (400, 4, 5, 6, 1, 3),
    ):
        images = _alike(count, channels, height, width, seed)
        with unchanged(images, "images"):
            found = call(whitening, images, side)
        if isinstance(found, Tensor) or not isinstance(found, (tuple, list)) or len(found) != 2:
            raise Incorrect(f"whitening should return two tensors, (filters, bias); it returns {shown(found)}")
        outputs = channels * side * side
        filters = tensor(found[0], (outputs, channels, side, side), "the first that whitening returns").double()
        bias = tensor(found[1], (outputs,), "the second that whitening returns").double()
        patches = _patches(images, side)
        made = patches @ filters.flatten(1).T + bias
        mean, covariance = made.mean(dim=0), torch.cov(made.T, correction=0)
        if _is_identity(covariance) and mean.abs().max() < 0.02:
            continue
        said = f"for {count} images of {counted(channels, 'channel')}, and side {side}, "
        if not _is_identity(covariance):
            raise Incorrect(said + _why_not_white(filters, images, patches, covariance))
        raise Incorrect(said + _why_not_centered(filters.flatten(1), bias, patches, mean))


def _alike(count: int, channels: int, height: int, width: int, seed: int) -> Tensor:
    """Return images with a mean, in which neighbors and channels are alike, and the first image less so."""
    generator = torch.Generator().manual_seed(1000 + seed)
    noise = torch.randn(count, channels, height + 2, width + 2, generator=generator)
    window = torch.tensor([[0.1, 0.3, 0.1], [0.7, 1.0, 0.2], [0.0, 0.2, 0.1]])  # not symmetric
    smooth = F.conv2d(noise, window.expand(channels, 1, 3, 3), groups=channels)
    mixed = torch.eye(channels) + 0.5 * torch.rand(channels, channels, generator=generator)
    images = torch.einsum("nchw,dc->ndhw", smooth, mixed)
    images[0] = torch.randn(channels, height, width, generator=generator)
    return images + 0.6 + 0.5 * torch.rand(channels, 1, 1, generator=generator)


def _patches(images: Tensor, side: int, step: int = 1) -> Tensor:
    """Return all patches, (patches, channels · side²), in double precision."""
    return F.unfold(images.double(), side, stride=step).transpose(1, 2).flatten(0, 1)


def _is_identity(matrix: Tensor, tolerance: float = 0.02) -> bool:
    return bool((matrix - torch.eye(len(matrix), dtype=matrix.dtype)).abs().max() < tolerance)


def _why_not_white(filters: Tensor, images: Tensor, patches: Tensor, covariance: Tensor) -> str:
    """Return what is wrong with filters whose outputs have not the identity as their covariance."""
    _, channels, side, _ = filters.shape
    matrix = filters.flatten(1)
    truth = torch.cov(patches.T, correction=0)
    eigenvalues = torch.linalg.eigvalsh(truth)
    blocks = torch.block_diag(*_channel_blocks(truth, channels))
    products = truth + torch.outer(patches.mean(dim=0), patches.mean(dim=0))
    others = [
        (products, "take the mean patch off before the products are averaged; without that, their mean is no "
         "covariance"),
        (products + 1e-2 * torch.eye(len(truth)), "these are the filters of section 3; take the mean patch off before "
         "the products are averaged, and leave out the hundredth"),
        (torch.cov(_patches(images[:1], side).T, correction=0), "the filters fit the patches of the first image alone"),
        (torch.cov(patches[:: len(patches) // len(images)].T, correction=0), "the filters fit the first patch of each "
         "image; take the patches at all positions"),
        (torch.cov(_patches(images, side, side).T, correction=0), "the filters fit patches that lie side by side; take "
         "those at all positions, so that they overlap"),
        (torch.cov(_patches(F.pad(images, [side // 2] * 4), side).T, correction=0), "the filters fit patches with a "
         "border of zeros; there is no padding here"),
        (truth.diag().diag(), "each pixel is scaled on its own; neighbors still vary together"),
        (blocks, "each channel is whitened on its own; the channels still vary together"),
        (truth * len(patches), "the covariance is a mean over patches; you took their sum"),
        (truth * len(patches) / len(images), "the covariance is a mean over all patches; you divide by the number of "
         "images, and each has many patches"),
    ]  # fmt: skip
    for other, cause in others:
        if _is_identity(matrix @ other @ matrix.T):
            return f"the outputs do not have the identity as their covariance: {cause}"
    turned = {
        "a filter's weights lie in the order (channel, row, column); yours have rows and columns exchanged": (
            filters.transpose(2, 3)
        ),
        "conv2d does not turn a filter around; yours are turned by 180 degrees": filters.flip(2, 3),
        "a filter's weights lie in the order (channel, row, column); in yours the channel is last": (
            filters.reshape(-1, side, side, channels).permute(0, 3, 1, 2)
        ),
    }
    for cause, other in turned.items():
        if _is_identity(other.flatten(1) @ truth @ other.flatten(1).T):
            return f"the outputs do not have the identity as their covariance: {cause}"
    if _in_columns(matrix, truth, eigenvalues):
        return (
            "the outputs do not have the identity as their covariance: eigh returns the eigenvectors as *columns*, and "
            "a filter is a row of your matrix"
        )
    variances = covariance.diag()
    if (covariance - variances.diag()).abs().max() > 0.02 * variances.max():
        return "the outputs of two filters still vary together; are the filters along the eigenvectors?"
    shapes = [
        (eigenvalues, "the eigenvectors are not scaled: divide each by the root of its eigenvalue"),
        (eigenvalues**2, "you multiply by the root of the eigenvalue; divide by it"),
        (1 / eigenvalues, "you divide by the eigenvalue, which is a variance; its root is the size"),
        (eigenvalues**3, "you multiply by the eigenvalue; divide by its root"),
        (eigenvalues / (eigenvalues + 1e-2), "the hundredth of section 3 keeps the smallest variances down; here all "
         "of them are to be 1"),
    ]  # fmt: skip
    for found, cause in shapes:
        if torch.allclose(variances.sort().values, found.sort().values, rtol=0.02):
            return f"the outputs do not have variance 1: {cause}"
    low, high = float(variances.min()), float(variances.max())
    if high < 1.02 * low:
        return f"the outputs are uncorrelated and equally large, but their variance is {high:.3g} and not 1"
    return f"the outputs are uncorrelated, but their variances lie between {low:.3g} and {high:.3g}; each should be 1"


def _channel_blocks(covariance: Tensor, channels: int) -> list[Tensor]:
    size = len(covariance) // channels
    return [covariance[i * size : (i + 1) * size, i * size : (i + 1) * size] for i in range(channels)]


def _in_columns(matrix: Tensor, truth: Tensor, eigenvalues: Tensor) -> bool:
    """Tell whether the rows of a matrix are not filters, because its columns, or columns before scaling, are."""
    candidates = [matrix.T]
    for roots in (eigenvalues.sqrt(), eigenvalues.sqrt().flip(0)):
        candidates.append(((matrix * roots[:, None]) / roots).T)  # scaled row by row, and not turned
    return any(_is_identity(candidate @ truth @ candidate.T) for candidate in candidates)


def _why_not_centered(matrix: Tensor, bias: Tensor, patches: Tensor, mean: Tensor) -> str:
    """Return what is wrong with a bias after which the outputs do not have mean 0."""
    right, middle = -matrix @ patches.mean(dim=0), patches.mean(dim=0)
    causes = [
        (torch.zeros_like(right), "the patches have a mean, and the bias does not take it off"),
        (-right, "the bias is added, so it has the other sign"),
        (-middle, "the bias is added *after* the filters, so what comes off is what they make of the mean patch"),
        (middle, "the bias is added *after* the filters, so what comes off is what they make of the mean patch"),
        (-matrix.T @ middle, "filters and mean patch are multiplied the wrong way around"),
        (-matrix.sum(dim=1) * middle.mean(), "the pixels of a patch do not have the same mean in all channels"),
    ]
    for other, cause in causes:
        if torch.allclose(bias, other, rtol=0.01, atol=0.01):
            return f"the outputs are white, but their means are up to {float(mean.abs().max()):.3g} from 0: {cause}"
    return (
        f"the outputs are white, but their means are up to {float(mean.abs().max()):.3g} from 0; what do the filters "
        "make of the mean patch?"
    )


# Exercise 10.3


@exercise(
    "10.3",
    "Every image from both sides",
    difficulty=1,
    minutes=8,
    names=("flipped", "one_side_only"),
    hints=(
        "One half of the images is drawn, and only once. What does an odd epoch do with it?",
        "`torch.Generator().manual_seed(seed)` gives random numbers of its own: `torch.rand(n, generator=generator)`.",
        "Draw the half in every call, always from the same seed, and return `~half` if `epoch % 2` is 1. For "
        "`one_side_only`: four tosses show heads four times, or tails four times.",
    ),
)
def check_flipped(flipped: Any, one_side_only: Any) -> None:
    """Several epochs in any order, with several seeds, under two global random states."""
    halves = {}
    for images, seed in ((4000, 0), (4000, 1), (3001, 7)):
        drawn = {}
        for epoch in (3, 0, 1, 2, 4, 0, 7):
            found = _flips(flipped, epoch, images, seed)
            if epoch in drawn and not torch.equal(drawn[epoch], found):
                raise Incorrect(
                    f"flipped({epoch}, {images}, {seed}) returns something else when it is called again; seed your own "
                    "generator in every call"
                )
            drawn[epoch] = found
        _check_alternation(drawn, f"with {images} images and seed {seed}")
        halves[images, seed] = drawn[0]
    if float((halves[4000, 0] == halves[4000, 1]).float().mean()) > 0.6:
        raise Incorrect("with the seeds 0 and 1 the same images are flipped; the half should depend on the seed")
    found = number(one_side_only, "one_side_only")
    causes = {
        1 / 16: "that is the share seen four times as it is; four times mirrored is from one side only, too",
        7 / 8: "that is the share seen from both sides",
        15 / 16: "that is the share mirrored at least once",
        1 / 4: "that is after three epochs; after four it is less",
        1 / 2: "that is after two epochs; after four it is less",
        0: "that is so if the flips alternate; here each is a coin of its own",
        12.5: "a share lies between 0 and 1",
    }
    for other, cause in causes.items():
        if abs(found - other) < 1e-6:
            raise Incorrect(f"one_side_only = {found:g} is not it: {cause}")
    if abs(found - 1 / 8) > 1e-6:
        raise Incorrect(
            f"one_side_only = {found:g} is not it: how likely do four tosses all show the same side, heads or tails?"
        )


def _flips(flipped: Any, epoch: int, images: int, seed: int) -> Tensor:
    """Return what flipped gives, the same under two states of the global random numbers, neither of which it moves."""
    found = []
    for state in (123, 456):
        for seed_all in (torch.manual_seed, random.seed, np.random.seed):
            seed_all(state)
        before = _global_state()
        flips = call(flipped, epoch, images, seed)
        if not isinstance(flips, Tensor):
            raise Incorrect(f"flipped should return a tensor of bool; it returns {shown(flips)}")
        flips = tensor(flips, None, "what flipped returns")
        if flips.shape != (images,):
            half = flips.dim() == 1 and abs(len(flips) - images / 2) < 0.1 * images
            raise Incorrect(
                f"flipped({epoch}, {images}, {seed}) has the shape {tuple(flips.shape)}; expected ({images},)"
                + (", one bool for each image and not the numbers of the flipped ones" if half else "")
            )
        if flips.dtype != torch.bool:
            raise Incorrect(f"flipped returns a tensor of {str(flips.dtype)[6:]}; expected bool")
        if before != _global_state():
            raise Incorrect(
                "flipped changes the global random numbers, so whatever is drawn after it depends on it; use a "
                "generator of its own"
            )
        found.append(flips)
    if not torch.equal(*found):
        raise Incorrect(
            f"flipped({epoch}, {images}, {seed}) depends on the global random numbers; it should depend on what it is "
            "given alone"
        )
    return found[0]


def _global_state() -> tuple:
    return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()


def _check_alternation(drawn: dict[int, Tensor], where: str) -> None:
    """Refuse epochs whose flips are not one random half and the other half in turns."""
    first = drawn[0]
    share = float(first.float().mean())
    if share in (0, 1):
        raise Incorrect(
            f"{where}, in epoch 0 {'all' if share else 'none'} of the images are flipped; it should be half"
        )
    if abs(share - 0.5) > 0.05:
        raise Incorrect(f"{where}, in epoch 0 {share:.0%} of the images are flipped; it should be half of them")
    half, alike = len(first) // 2, float((first[1:] == first[:-1]).float().mean())
    if abs(alike - 0.5) > 0.06 or abs(float(first[:half].float().mean()) - 0.5) > 0.06:
        raise Incorrect(f"{where}, the flipped images follow a pattern; draw them at random")
    agree = {epoch: float((flips == first).float().mean()) for epoch, flips in drawn.items()}
    odd, even = [agree[1], agree[3], agree[7]], [agree[2], agree[4]]
    if odd == [0, 0, 0] and even == [1, 1]:
        return
    fresh = "epoch {} flips other images, drawn anew; with independent draws some are seen from one side only"
    if 0.4 < agree[1] < 0.6:
        raise Incorrect(f"{where}, {fresh.format(1)}. It should flip exactly those that epoch 0 does not")
    if set(odd + even) == {1.0}:
        raise Incorrect(f"{where}, every epoch flips the same images; epoch 1 should flip the others")
    if agree[1] == 1:
        raise Incorrect(f"{where}, epoch 1 flips the images of epoch 0 again; it should flip the others")
    if agree[1] == 0 and 0.4 < agree[2] < 0.6:
        raise Incorrect(f"{where}, {fresh.format(2)}. It should flip the same as epoch 0 again")
    if agree[1] == 0 and agree[2] == 0:
        raise Incorrect(f"{where}, epoch 2 flips the others once more; it should flip the same as epoch 0 again")
    wrong = next(e for e in sorted(drawn) if agree[e] != 1 - e % 2)
    raise Incorrect(
        f"{where}, epoch {wrong} should flip {'the others' if wrong % 2 else 'the same images'} as seen from epoch 0; "
        f"it agrees with it on {agree[wrong]:.0%} of them"
    )


# Exercise 10.4


@exercise(
    "10.4",
    "Equally far in every direction",
    difficulty=2,
    minutes=12,
    names=("orthogonalized", "cubic_steps", "muon_steps"),
    hints=(
        "`gradient.flatten(1)` is the matrix with one row for each filter. `torch.linalg.svd(matrix, "
        "full_matrices=False)` returns three things; which of them holds the lengths?",
        "Leave the singular values out: the product of the first and the third. `torch.linalg.svd` returns $V$ "
        "transposed already. For the steps, a loop that counts.",
        "`U, S, Vh = torch.linalg.svd(...)`, then `(U @ Vh).view_as(gradient)`. For the steps: start with s = 0.01; "
        "while it is below 0.7, put it through the polynomial and add one to the count.",
    ),
)
def check_orthogonalized(orthogonalized: Any, cubic_steps: Any, muon_steps: Any) -> None:
    """Gradients with more filters than weights in each, as many, and fewer; singular values over two powers of ten."""
    for shape, smallest, seed in (
        ((6, 4, 3, 3), 0.05, 0),
        ((18, 2, 3, 3), 0.1, 1),
        ((30, 2, 3, 2), 0.02, 2),
        ((5, 7, 1, 1), 0.3, 3),
    ):
        gradient = _stretched(shape, smallest, seed)
        with unchanged(gradient, "gradient"):
            found = call(orthogonalized, gradient)
        found = tensor(found, shape, "what orthogonalized returns").double()
        U, S, Vh = torch.linalg.svd(gradient.double().flatten(1), full_matrices=False)
        if _near(found.flatten(1), U @ Vh):
            continue
        raise Incorrect(f"for a gradient of shape {shape}, {_why_not_orthogonal(found, gradient.double(), U, S, Vh)}")
    steps = {
        "cubic_steps": (cubic_steps, 11, "1.5 s - 0.5 s³"),
        "muon_steps": (muon_steps, 4, "3.4445 s - 4.775 s³ + 2.0315 s⁵"),
    }
    for name, (given, right, polynomial) in steps.items():
        value = whole_number(given, name)
        if value == right:
            continue
        other = next(theirs for theirs_name, (_, theirs, _) in steps.items() if theirs_name != name)
        causes = {
            right - 1: "after so many steps s is still below 0.7",
            right + 1: "one step fewer is enough; count the steps and not the values, of which the first is 0.01",
            other: "that is for the other polynomial",
        }
        advice = f"start with s = 0.01 and put it through {polynomial} until it is 0.7 or more"
        raise Incorrect(f"{name} = {value} is not it: {causes.get(value, advice)}")


def _stretched(shape: tuple[int, ...], smallest: float, seed: int) -> Tensor:
    """Return a gradient of this shape with singular values from 3 down to a share of that."""
    generator = torch.Generator().manual_seed(1040 + seed)
    U, S, Vh = torch.linalg.svd(torch.randn(*shape, generator=generator).flatten(1), full_matrices=False)
    return (U * torch.logspace(0, math.log10(smallest), len(S)) * 3 @ Vh).reshape(shape)


def _near(some: Tensor, other: Tensor, tolerance: float = 0.02) -> bool:
    """Tell whether no direction differs by more than so much."""
    return some.shape == other.shape and bool(torch.linalg.matrix_norm(some - other, ord=2) < tolerance)


def _why_not_orthogonal(found: Tensor, gradient: Tensor, U: Tensor, S: Tensor, Vh: Tensor) -> str:
    """Return what is wrong with a tensor that should be the gradient with singular values of 1."""
    matrix, given, right = found.flatten(1), gradient.flatten(1), U @ Vh
    unlike = "its directions are not those of the gradient"

    def polar(matrix: Tensor) -> Tensor:
        U, _, Vh = torch.linalg.svd(matrix, full_matrices=False)
        return U @ Vh

    scale = float((matrix * given).sum() / (given * given).sum())
    if _near(matrix, scale * given, 1e-3 * (1 + abs(scale))):
        return (
            "the result is the gradient times a number; that changes its length, and its directions are as unlike in "
            "length as before"
        )
    out, inputs, height, width = gradient.shape
    causes: list[tuple[Callable[[], Tensor], str]] = [
        (lambda: -right, "the result has the other sign; Muon subtracts it later"),
        (lambda: (U / S) @ Vh, "you divide by the singular values twice, so the shortest direction is now the longest"),
        (lambda: (U * S.sqrt()) @ Vh, "you divide by the roots of the singular values; that leaves the roots"),
        (lambda: given.sign(), "each entry has length 1 now, and the matrix's directions do not"),
        (lambda: F.normalize(given, dim=1), "each filter has length 1 now, and the filters are still not orthogonal"),
        (lambda: F.normalize(given, dim=0), "each column has length 1 now, and the columns are still not orthogonal"),
        (
            lambda: polar(gradient.transpose(0, 1).flatten(1)).reshape(inputs, out, height, width).transpose(0, 1),
            f"{unlike}: a row of the matrix is a filter, and yours is an input channel",
        ),
        (
            lambda: polar(gradient.reshape(out * inputs, -1)),
            f"{unlike}: a row of the matrix is a whole filter with all its input channels, and yours is one window",
        ),
        (
            lambda: polar(gradient.permute(2, 3, 0, 1)).permute(2, 3, 0, 1),
            f"{unlike}: a row of the matrix is a whole filter, and you took each place of the window on its own",
        ),
        (
            lambda: polar(gradient.flatten(2)),
            f"{unlike}: a row of the matrix is a filter, and you took each filter for a matrix of its own",
        ),
        (lambda: polar(gradient), f"{unlike}: svd took each window for a matrix; flatten all but the first dimension"),
        (lambda: U @ Vh.T, f"{unlike}: torch.linalg.svd returns V transposed already"),
        (lambda: torch.linalg.qr(given)[0], f"{unlike}: the Q of QR turns the first columns least, and others more"),
        (
            lambda: torch.linalg.qr(given.T)[0].T,
            f"{unlike}: the Q of QR turns the first filters least, and others more",
        ),
    ]
    for other, cause in causes:
        try:
            same = _near(matrix, other().reshape(matrix.shape), 0.03)
        except RuntimeError:  # for these shapes the mistake cannot be made
            continue
        if same:
            return cause
    lengths = torch.linalg.svdvals(matrix)
    low, high = float(lengths.min()), float(lengths.max())
    along = U.T @ matrix @ Vh.T
    directions_are_right = (along - along.diag().diag()).abs().max() < 0.03 * high
    if high - low < 0.02 * high:
        if abs(high - 1) < 0.02:
            return f"all singular values are 1, but {unlike}"
        return f"all singular values are equal, but {high:.3g} and not 1"
    cause = f"the singular values lie between {low:.3g} and {high:.3g}; each should be 1"
    if directions_are_right and 0.6 < low and high < 1.25:
        return cause + ". Muon's polynomial never settles at 1; 1.5 s - 0.5 s³ does, and svd needs no polynomial"
    if directions_are_right and high < 1.1:
        return cause + ". The small ones take more steps"
    return cause


# Exercise 10.5


@exercise(
    "10.5",
    "Unequal shares",
    difficulty=2,
    minutes=10,
    names=("averaged", "loss_factors", "my_batch_norm"),
    hints=(
        "The mean loss over all images is a weighted sum of the processes' mean losses. By what is a process's mean to "
        "be multiplied if it has 30 of 100 images? A gradient of a weighted sum is the same weighted sum of gradients.",
        "`zip(*gradients)` gives, parameter by parameter, what each process has for it. The shares are "
        "`size / sum(sizes)`.",
        "DistributedDataParallel divides the sum over P processes by P. With the factor P · size / sum(sizes) its P "
        "cancels. For the question: does an image's score depend on the other images of its process?",
    ),
)
def check_averaged(averaged: Any, loss_factors: Any, my_batch_norm: Any) -> None:
    """One to five processes of unlike sizes, by weighted sums; then the factors; then the question."""
    cases = []
    for k, sizes in enumerate(([5, 3, 2], [64, 17], [9], [8, 8], [1, 10, 4, 25, 2])):
        generator = torch.Generator().manual_seed(1050 + k)
        shapes = ((4, 3), (4,), (2, 4, 3, 3))
        gradients = [[torch.randn(shape, generator=generator) for shape in shapes] for _ in sizes]
        cases.append((gradients, sizes))
    for gradients, sizes in cases:
        given = [list(gradients), list(sizes)]
        with unchanged(given, "[gradients, sizes]"):
            found = call(averaged, *given)
        _check_average(found, gradients, sizes)
    for _, sizes in cases:
        given = list(sizes)
        with unchanged(given, "sizes"):
            factors = _numbers(call(loss_factors, given), len(sizes))
        _check_factors(factors, sizes)
    wrong = {
        "a": "that holds for each process's own function; with all images in one process it is another function",
        "b": "equal sizes make the weights equal, and each process still normalizes by its own images",
        "d": "in training mode the running statistics are noted and not used, so no gradient depends on them",
        "e": "a weight changes how much a process counts, not what its net computed for its images",
    }
    choice(my_batch_norm, "my_batch_norm", "c", wrong)


def _check_average(found: Any, gradients: list[list[Tensor]], sizes: list[int]) -> None:
    """Refuse gradients that are not those of the mean loss over all images."""
    if isinstance(found, Tensor) or not isinstance(found, (list, tuple)):
        raise Incorrect(f"averaged should return a list of tensors, one for each parameter; it returns {shown(found)}")
    parameters = len(gradients[0])
    if len(found) != parameters:
        raise Incorrect(
            f"for {len(sizes)} processes and {parameters} parameters averaged returns {len(found)} tensors; one for "
            f"each parameter is asked. `gradients[i]` is the list of process i"
        )
    made = [
        tensor(part, tuple(one.shape), f"gradient {i} that averaged returns").double()
        for i, (part, one) in enumerate(zip(found, gradients[0]))
    ]

    def weighted(weights: list[float]) -> list[Tensor]:
        return [sum(w * one.double() for w, one in zip(weights, parts)) for parts in zip(*gradients)]

    def same(others: list[Tensor]) -> bool:
        return all(torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(made, others))

    total, count, largest = sum(sizes), len(sizes), max(sizes)
    if same(weighted([size / total for size in sizes])):
        return
    said = f"with sizes {sizes}, averaged does not return the gradient of the mean loss over all images"
    inverse = [1 / size for size in sizes]
    sums: list[tuple[list[float], str]] = [
        ([1 / count] * count, "each process counts alike; one with more images counts more"),
        ([1] * count, "that is the plain sum; a mean over all images is asked"),
        (list(sizes), "that is the gradient of the summed loss; divide by the number of all images"),
        ([size / total / count for size in sizes], "you divide twice: the shares add up to 1 already"),
        ([size / count for size in sizes], "you divide by the number of processes; divide by that of all images"),
        ([1 / total] * count, "a process's gradient is that of a *mean*: multiply it by its size before you divide by "
         "the number of all images"),
        ([w / sum(inverse) for w in inverse], "a process with more images counts less here; it is to count more"),
        ([1 / size / count for size in sizes], "the gradients are those of means already; do not divide by the size"),
        ([1 / size for size in sizes], "the gradients are those of means already; do not divide by the size"),
        ([size / largest for size in sizes], "the shares have to add up to 1: divide by the number of all images"),
        ([size / total for size in reversed(sizes)], "the sizes are in the wrong order"),
        ([size**2 / sum(other**2 for other in sizes) for size in sizes], "the weights are shares of the images, not of "
         "their squares"),
        ([1] + [0] * (count - 1), "that is the gradient of the first process alone"),
        ([0] * (count - 1) + [1], "that is the gradient of the last process alone"),
    ]  # fmt: skip
    for weights, cause in sums:
        if same(weighted(weights)):
            raise Incorrect(f"{said}: {cause}")
    raise Incorrect(said)


def _numbers(value: Any, count: int) -> list[float]:
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        value = tensor(torch.as_tensor(value), None, "what loss_factors returns").tolist()
    if not isinstance(value, (list, tuple)) or len(value) != count:
        raise Incorrect(f"loss_factors should return {count} numbers for {count} sizes; it returns {shown(value)}")
    return [number(one, f"factor {i} that loss_factors returns") for i, one in enumerate(value)]


def _check_factors(found: list[float], sizes: list[int]) -> None:
    """Refuse factors with which the plain mean is not the gradient of the mean loss over all images."""
    total, count = sum(sizes), len(sizes)
    right = [count * size / total for size in sizes]

    def same(others: list[float]) -> bool:
        return all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(found, others))

    if same(right):
        return
    said = f"loss_factors({sizes}) = {', '.join(f'{one:.4g}' for one in found)} is not it"
    causes = [
        ([size / total for size in sizes], "after that DistributedDataParallel still divides by the number of "
         "processes; what undoes it?"),
        ([size / total / count for size in sizes], "DistributedDataParallel divides by the number of processes by "
         "itself; what undoes it?"),
        ([1.0] * count, "without factors each process counts alike; one with more images has to count more"),
        ([float(count)] * count, "one with more images has to count more"),
        ([total / (count * size) for size in sizes], "one with more images has to count more; yours count less"),
        ([total / size for size in sizes], "one with more images has to count more; yours count less"),
        ([float(size) for size in sizes], "with these, the mean is the gradient of the *summed* loss, divided by the "
         "number of processes"),
        ([size / max(sizes) for size in sizes], "the factors have to add up to the number of processes, so that their "
         "mean is 1"),
    ]  # fmt: skip
    for other, cause in causes:
        if same(other):
            raise Incorrect(f"{said}: {cause}")
    raise Incorrect(f"{said}: their plain mean, times the gradients, has to weigh each process by its share of images")
