"""The exercises of notebook 01: function classes."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from itertools import islice, product
from typing import Any

import numpy as np
import torch
from numpy.polynomial import Legendre
from torch import nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, unchanged
from d2lhelpers.course.exercise import exercise
from d2lhelpers.residual import Residual

NUM_POINTS = math.lcm(*range(1, 17))
# Below 2**63; the largest come first, where what makes a list of all bins fails at once.
LARGE_CHAINS = ([3, 10**17 + 1], [3, 10**17 + 2], [3, 3 * (10**17 + 1)], [2, 10**10 + 1], [2, 2**24 + 1], [1, 10**6])


@exercise(
    "1.1",
    "Safe chains",
    difficulty=1,
    minutes=5,
    names=("is_safe",),
    hints=(
        "Section 3 says when the class of m bins contains the class of k bins. "
        "Which pairs of the chain have to be nested?",
        "`zip(chain, chain[1:])` gives each number with the next. The next has to be a multiple: `m % k == 0`.",
        "`all(m % k == 0 for k, m in zip(chain, chain[1:]))` is True if it holds for every pair.",
    ),
)
def check_safe_chains(is_safe: Any) -> None:
    """Chains short and long, of few bins and many; rules that people mistake for the right one answer as well."""
    chains = [[1, 3, 6, 12], [2, 4, 6, 8], [5, 10, 15], [1, 2, 4, 8], [3, 9], [3, 6, 15], [2, 14], [7], [12, 6, 3],
              [2, 3, 6], [1, 2, 3, 12], [4, 8, 12], [6, 12, 3], [8, 4, 8], [1, 5, 15], [2, 6, 12], [1, 7, 8], [3, 4],
              [1, 11], [5, 6, 12], [2, 10], [4, 4], [3, 3, 9], [2, 4, 4], [6, 3, 9], [4, 12, 6],
              [1, 2, 4, 8, 16], [1, 2, 4, 8, 12], [2, 2, 4, 4, 6], [5, 20], [100, 300], [30, 31],
              [2000, 2001]]  # fmt: skip
    chains += [[k, m] for k in range(1, 13) for m in range(1, 13)]
    found = [_as_bool(call(is_safe, list(chain), name="is_safe"), chain) for chain in chains]

    def pairs_where(rule: Callable[[int, int], bool]) -> Callable[[list[int]], bool]:
        return lambda chain: all(rule(k, m) for k, m in zip(chain, chain[1:]))

    def divides(k: int, m: int) -> bool:
        return m % k == 0

    right = pairs_where(divides)
    if found == [right(chain) for chain in chains]:
        for chain in LARGE_CHAINS:
            said = _as_bool(call(is_safe, list(chain), name="is_safe"), chain)
            if said != right(chain):
                raise Incorrect(
                    f"right for small numbers, but is_safe({chain}) is {said}: a quotient with / and floats are "
                    "rounded; % of whole numbers is exact"
                )
        return
    grows = (
        "it asks whether the numbers grow. A larger class need not contain the smaller one: "
        "three bins have no cut at 1/2"
    )
    rules = [
        (pairs_where(lambda k, m: k < m), grows),
        (pairs_where(lambda k, m: k <= m), grows),
        (lambda chain: right(sorted(chain)), "it sorts the chain; the order is that in which the class is changed"),
        (
            pairs_where(lambda k, m: divides(k, m) and m > k),
            "it calls a chain unsafe in which a number comes twice; a class contains itself",
        ),
        (pairs_where(lambda k, m: m == 2 * k), "it accepts doubling only. Three times the bins keep every cut as well"),
        (
            pairs_where(lambda k, m: m in (2 * k, 3 * k)),
            "it accepts two or three times the bins; any multiple keeps every cut",
        ),
        (
            pairs_where(lambda k, m: divides(m, k)),
            "it divides the wrong way round: the number that comes later has to be a multiple of the one before",
        ),
        (
            pairs_where(lambda k, m: divides(k, m) or divides(m, k)),
            "it divides both ways, so it calls a shrinking chain safe",
        ),
        (
            pairs_where(lambda k, m: math.gcd(k, m) > 1),
            "it asks for a common divisor, but 4 and 6 have one and are not nested",
        ),
        (
            lambda chain: all(m % chain[0] == 0 for m in chain),
            "it compares each class with the first of the chain, not with the one before: 2 divides 4 and 6, "
            "but 4 does not divide 6",
        ),
        (
            lambda chain: all(chain[-1] % k == 0 for k in chain),
            "it compares each class with the last of the chain: 2 and 3 divide 6, but 2 does not divide 3",
        ),
        (
            lambda chain: right(chain[:2]),
            "it looks at the first pair and no further. Is there a return inside the loop?",
        ),
        (
            lambda chain: right(chain[-2:]),
            "it looks at the last pair only. Does the loop overwrite what it found before?",
        ),
        (
            lambda chain: any(map(divides, chain, chain[1:])),
            "one safe step is enough for it; every step has to be safe",
        ),
        (lambda chain: not right(chain), "it says True where it should say False, and the other way round"),
        (lambda chain: True, "it says True to every chain"),
        (lambda chain: False, "it says False to every chain"),
    ]
    for rule, cause in rules:
        if found == [rule(chain) for chain in chains]:
            raise Incorrect(cause)
    chain, said = next((chain, said) for chain, said in zip(chains, found) if said != right(chain))
    steps = [(k, m) for k, m in zip(chain, chain[1:]) if m % k]
    if steps:
        reason = f"{steps[0][0]} does not divide {steps[0][1]}"
    else:
        reason = "each number divides the next" if len(chain) > 1 else "it has no step that could do harm"
    raise Incorrect(f"is_safe({chain}) is {said}, but {reason}")


@exercise(
    "1.2",
    "A function that prefers three",
    difficulty=1,
    minutes=5,
    names=("likes_three",),
    hints=(
        "If the distance to the best member is zero, the function is a member itself: it has three steps. "
        "Which heights does it have, and how long is each?",
        "`repeat_interleave` makes each of three heights `num_points // 3` long. The heights have to differ by enough, "
        "so that four bins miss the cuts at 1/3 and 2/3 by a lot.",
        "`torch.tensor([0.0, 1.0, 0.0]).repeat_interleave(num_points // 3)`",
    ),
)
def check_likes_three(likes_three: Any) -> None:
    """Both distances are measured again; other numbers of bins tell what the function likes instead."""
    if isinstance(likes_three, np.ndarray) and likes_three.dtype.kind in "biuf":
        likes_three = torch.from_numpy(likes_three.copy())
    f = tensor(likes_three, None, "likes_three")
    if f.is_complex():
        raise Incorrect("likes_three has complex numbers; the functions here have real ones")
    f = f.double()
    if f.numel() == 3:
        raise Incorrect("likes_three has three numbers, one for each step; repeat each num_points // 3 times")
    if f.numel() == NUM_POINTS and f.dim() != 1:
        raise Incorrect(f"likes_three has the shape {tuple(f.shape)}; reshape(-1) makes a line of it")
    f = tensor(f, (NUM_POINTS,), "likes_three")
    distances = {k: _distance(f, _best_member(f, k)) for k in (1, 3, 4)}
    size = max(distances[1], 1e-300)
    if distances[1] <= 1e-9 * max(float(f.abs().max()), 1e-300):
        raise Incorrect("likes_three is constant, so the distance is zero for 4 bins as well")
    if distances[3] > 1e-7 * size:
        raise Incorrect(_what_it_likes(f, size))
    if not distances[4] > 0.1:
        raise Incorrect(
            f"three bins are perfect, but the distance to four is {distances[4]:.3g}, and larger than 0.1 is wanted; "
            "let the heights differ more"
        )


@exercise(
    "1.3",
    "Where the gain goes",
    difficulty=2,
    minutes=10,
    names=("surplus", "zero_for", "theorem"),
    hints=(
        "Make both best members first, then measure three distances with `distance` and square each of them.",
        "Try your function on the rising wave and on a random walk, with all six decimals. "
        "What do k and m have in common where it is zero for both?",
        "Draw f as a point and the larger class as a line. The shortest way from a point to a line "
        "meets it at a right angle. It is zero where the class of m bins contains that of k bins: where k divides m.",
    ),
)
def check_where_the_gain_goes(surplus: Any, zero_for: Any, theorem: Any) -> None:
    """The formula on random walks that are not centered; then the pairs, then the theorem behind it."""
    generator = torch.Generator().manual_seed(13)
    cases, found = [], []
    for k, m in ((3, 5), (4, 6), (5, 7)):
        steps = torch.randn(NUM_POINTS, generator=generator, dtype=torch.float64)
        f = steps.cumsum(dim=0) / 300 + 1.7
        with unchanged(f, "the function f"):
            found.append(number(call(surplus, f, k, m, name="surplus"), f"surplus(f, {k}, {m})"))
        cases.append((f, k, m))
    _compare_surplus(found, cases)
    _compare_pairs(zero_for)
    wrong = {
        "a": "the triangle inequality says at most; here three squares add up exactly",
        "b": "f_k is the best member of the smaller class. The way from f to it is at right angles to that class, "
        "and f_m is no member of it",
        "d": "with another angle the law of cosines has a further term. That the surplus is zero for every f says "
        "which angle it is",
    }
    choice(theorem, "theorem", "c", wrong)


@exercise(
    "1.4",
    "Another identity",
    difficulty=2,
    minutes=10,
    names=("W_1", "W_2"),
    hints=(
        "Whatever the first convolution does, the second has to undo it, "
        "and the ReLU between must have nothing to cut.",
        "The first could make everything twice as large, or put the channels in another order. What undoes that?",
        "`W_1 = 2 * dirac` and `W_2 = dirac / 2`; or `dirac.roll(1, dims=0)` and `dirac.roll(-1, dims=0)`.",
    ),
)
def check_another_identity(W_1: Any, W_2: Any) -> None:
    """The plain block on images that are not negative: crowded ones, and ones with a single bright pixel."""
    W_1, W_2 = _kernels(W_1, "W_1"), _kernels(W_2, "W_2")
    generator = torch.Generator().manual_seed(14)
    crowded = 3 * torch.rand(3, 8, 7, 5, generator=generator, dtype=torch.float64) ** 3
    single = torch.zeros(16, 8, 7, 5, dtype=torch.float64)
    for i in range(16):  # in each channel one pixel inside and one at an edge
        row = int(torch.randint(7, (1,), generator=generator))
        single[i, i % 8, row, int(torch.randint(1, 4, (1,), generator=generator)) if i < 8 else 4 * (i % 2)] = 2
    X = torch.cat([crowded, single])
    hidden = F.conv2d(X, W_1, padding=1)
    output = F.relu(F.conv2d(F.relu(hidden), W_2, padding=1))
    dirac = nn.init.dirac_(torch.empty(8, 8, 3, 3, dtype=torch.float64))
    still = [name for name, W in (("W_1", W_1), ("W_2", W_2)) if bool((W - dirac).abs().max() < 0.00999)]
    if len(still) == 2:
        raise Incorrect("both are the Dirac kernels that you know, or nearer to them than 0.01; look for others")
    if not _same(output, X):
        raise Incorrect(_why_not_identity(X, W_1, W_2, hidden, output))
    for size in (1, 255):
        small = F.relu(F.conv2d(F.relu(F.conv2d(size * X.float(), W_1.float(), padding=1)), W_2.float(), padding=1))
        if not bool((small - size * X).abs().max() <= 0.01 * size):
            raise Incorrect(
                "on paper it is the identity, in 32-bit numbers it is not: the weights are so large or so small that "
                "numbers overflow or vanish between the convolutions"
            )
    if still:
        raise Incorrect(f"{still[0]} is still dirac, or nearer to it than 0.01; both are to be different")


@exercise(
    "1.5",
    "Where no identity is at hand",
    difficulty=3,
    minutes=15,
    names=("copy_by_shortcut", "share_ignored", "what_is_lost"),
    hints=(
        "Section 5 silences a new block by the scale of its last batch norm. "
        "In a block that was trained, the shift of that batch norm is no longer zero either.",
        "The 1×1 convolution has weights of shape (16, 8, 1, 1), output channels first, and a bias. With stride 2 "
        "it reads the pixels 0, 2, 4, ... in both directions; it computes nothing from the others.",
        "Set to zero: `bn2.weight`, `bn2.bias`, `conv3.bias`. `nn.init.dirac_(block.conv3.weight)` copies channel i to "
        "channel i. Of four neighboring pixels the shortcut reads one.",
    ),
)
def check_no_identity_at_hand(copy_by_shortcut: Any, share_ignored: Any, what_is_lost: Any) -> None:
    """A block with unusual weights and statistics, in both modes, on images that are not square."""
    generator = torch.Generator().manual_seed(15)
    block = Residual(8, 16, use_1x1conv=True, strides=2)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
        for norm in (block.bn1, block.bn2):
            norm.running_mean.copy_(torch.randn(16, generator=generator))
            norm.running_var.copy_(0.5 + torch.rand(16, generator=generator))
    changed = call(copy_by_shortcut, block, name="copy_by_shortcut")
    if changed is None:
        raise Incorrect("copy_by_shortcut returns nothing; it should return the block")
    if changed is not block:
        found = "another block" if isinstance(changed, Residual) else shown(changed)
        raise Incorrect(f"copy_by_shortcut should change the block that it is given, and return it; it returns {found}")
    conv3 = block.conv3
    if not isinstance(conv3, nn.Conv2d) or conv3.kernel_size != (1, 1) or conv3.stride != (2, 2):
        found = conv3 if isinstance(conv3, nn.Conv2d) else shown(conv3)
        raise Incorrect(f"the shortcut should stay a 1×1 convolution with stride 2; it is {found}")
    for training in (False, True, False):
        X = 3 * torch.rand(3, 8, 10, 7, generator=generator) ** 2
        with torch.no_grad():
            given = X.clone()
            output = call(Residual.forward, block.train(training), given, name="the block")
        output = tensor(output, (3, 16, 5, 4), "the block's output")
        if not _same(output[:, :8].double(), X[:, :, ::2, ::2].double()):
            raise Incorrect(_why_not_copied(block, X, output, "training" if training else "evaluation"))
    share = number(share_ignored, "share_ignored")
    causes = {
        0.5: "the output has half as many numbers as the input, but its 16 channels all come from the same few pixels. "
        "Which pixels does a 1×1 convolution with stride 2 read?",
        0.25: "that is the share that the shortcut reads; asked is the share that it ignores",
        0.0: "a 1×1 convolution with stride 2 steps over pixels. How many of each four?",
        1.0: "the output does depend on some of the input: the shortcut reads every second pixel",
        8 / 9: "that would be a 3×3 window of which the middle is read; "
        "here the windows are as far apart as the stride, 2",
        0.875: "you counted the channels too: all 8 are read, at a quarter of the pixels",
        75.0: "that is in percent; give it as a number between 0 and 1",
    }
    if not math.isclose(share, 0.75, abs_tol=1e-6):
        near = [cause for wrong, cause in causes.items() if math.isclose(share, wrong, abs_tol=0.006)]
        say = (
            near[0]
            if near
            else "count, in a square of 2 times 2 pixels, how many a 1×1 convolution with stride 2 reads"
        )
        raise Incorrect(f"share_ignored is {share:.3g}: {say}")
    wrong = {
        "a": "every channel arrives, but at a quarter of its pixels only",
        "b": "conv3 is a 1×1 convolution with stride 2: whatever its weights are, it never reads the other three",
        "d": "channels that are too many do no harm, the layers behind can ignore them; it is pixels that are lost",
        "e": "with γ = β = 0 in bn2, F is zero in training mode as well",
    }
    choice(what_is_lost, "what_is_lost", "c", wrong)


@exercise(
    "1.6",
    "Nested, and yet too large",
    difficulty=2,
    minutes=15,
    names=("two_errors", "true_statements", "why_limit"),
    hints=(
        "`fit` and `root_mean_square` of section 4 are all that you need. Fit once, and measure twice.",
        "`learned = fit(t, values, degree)` may see the first pair only. Both errors are the root mean square of "
        "`learned(...)` minus the values at the same places.",
        "For the statements: nesting is about what exists, so it speaks of the best fit "
        "to the points that were fitted. Run your function with degree 23 on the 24 points, "
        "and with 10,000 points, and see.",
    ),
)
def check_nested_and_too_large(two_errors: Any, true_statements: Any, why_limit: Any) -> None:
    """Few noisy points at random places, in no order; then the statements, one cause for each."""
    random = np.random.default_rng(16)
    for num_train, num_new, degree in ((14, 31, 3), (9, 12, 5), (20, 8, 1), (24, 40, 9), (60, 40, 16)):
        t, t_new = (random.permutation((np.arange(num) + random.random(num)) / num) for num in (num_train, num_new))
        values = 2 * np.cos(5 * t) - 1 + 0.3 * random.standard_normal(num_train)
        values_new = 2 * np.cos(5 * t_new) - 1 + 0.3 * random.standard_normal(num_new)
        given = [array.copy() for array in (t, values, t_new, values_new)]
        errors = _two_numbers(call(two_errors, *given, degree, name="two_errors"))
        if not all(map(np.array_equal, given, (t, values, t_new, values_new))):
            raise Incorrect("two_errors changes the arrays that it is given")
        _compare_errors(errors, t, values, t_new, values_new, degree, two_errors)
    statements = _numbers_of_statements(true_statements)
    causes = {
        1: "is the fit of degree 7 one of the candidates of degree 14?",
        2: "statement 2 is not true: nesting is about the points that were fitted. In section 4 the generalization "
        "error of degree 14 was the larger one",
        3: "how many coefficients has the largest polynomial, and how many points are there?",
        4: "statement 4 is not true: the fit of degree 7 is still in the class of degree 14; "
        "the 24 points make another member look better",
        5: "what becomes of the noise when there are many points? Try it",
    }
    unknown = statements - set(causes)
    if unknown:
        raise Incorrect(f"the statements have the numbers 1 to 5; there is no {min(unknown):g}")
    if statements == {2, 4}:
        raise Incorrect("these are the two that are false; the true ones are asked for")
    for statement in (2, 4):
        if statement in statements:
            raise Incorrect(causes[statement])
    for statement in (1, 3, 5):
        if statement not in statements:
            raise Incorrect(f"one that is true is not among true_statements: {causes[statement]}")
    wrong = {
        "a": "the best member of a larger class that contains the smaller one is at least as near to f*",
        "c": "the question says that the classes are nested: the smaller fit is still there, and is not chosen",
        "d": "the training error cannot rise: the smaller fit is one of the candidates",
        "e": "polynomials of higher degree come closer to a wave, if there are enough points to find them",
    }
    choice(why_limit, "why_limit", "b", wrong)


# Exercise 1.1


def _as_bool(value: Any, chain: list[int]) -> bool:
    """Return a verdict on a chain: True or False, or what stands for them in NumPy and PyTorch."""
    if value is None:
        raise Incorrect(f"is_safe({chain}) returns nothing; is the result printed and not returned?")
    if (
        isinstance(value, (list, tuple))
        or isinstance(value, (torch.Tensor, np.ndarray))
        and math.prod(value.shape) != 1
    ):
        raise Incorrect(
            f"is_safe({chain}) returns several values; it should say True or False once, for the whole chain"
        )
    if isinstance(value, (torch.Tensor, np.ndarray)) and str(getattr(value, "device", "")) != "meta":
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or isinstance(value, numbers.Real) and value in (0, 1):
        return bool(value)
    raise Incorrect(f"is_safe({chain}) should be True or False; it is {shown(value)}")


# Exercises 1.2 and 1.3


def _distance(f: torch.Tensor, g: torch.Tensor) -> float:
    return (f - g).square().mean().sqrt().item()


def _best_member(f: torch.Tensor, k: int) -> torch.Tensor:
    bins = f.reshape(k, -1)  # (points,) -> (bins, points in a bin)
    return bins.mean(dim=1, keepdim=True).expand_as(bins).reshape(-1)


def _what_it_likes(f: torch.Tensor, size: float) -> str:
    """Say why a function is not constant on each third."""
    columns = f.reshape(-1, 3)  # (points,) -> (thirds of the points, 3)
    if bool((columns == columns[0]).all()):
        return "the heights alternate from point to point; repeat_interleave makes long steps, repeat and tile do not"
    distances = {k: _distance(f, _best_member(f, k)) for k in range(1, 17)}
    liked = [k for k, gap in distances.items() if gap <= 1e-7 * size]
    if 4 in liked and 2 not in liked:
        return "likes_three is constant on each quarter: it likes four bins, and three fit it badly"
    if liked:
        return f"likes_three is a staircase of {liked[0]} equal steps, and the class of 3 bins does not contain it"
    thirds = f.reshape(3, -1)
    off = int((thirds != thirds.median(dim=1, keepdim=True).values).sum())
    if off < 0.05 * NUM_POINTS:
        return f"the cuts are near 1/3 and 2/3, but {off:,} of the {NUM_POINTS:,} points are on the wrong side of one"
    if off < 0.4 * NUM_POINTS:
        return "likes_three has steps, but not all of its cuts are at 1/3 and 2/3"
    return f"the distance to three bins is {distances[3]:.3g}, not zero: likes_three is not constant on each third"


def _compare_surplus(found: list[float], cases: list[tuple[torch.Tensor, int, int]]) -> None:
    """Compare what surplus returned in each case with the right number, and with those of the usual mistakes."""
    squares = [_three_squares(*case) for case in cases]
    right = [a - b - c for a, b, c in squares]
    if all(math.isclose(value, wanted, abs_tol=1e-6) for value, wanted in zip(found, right)):
        return
    n = NUM_POINTS
    mistakes: list[tuple[Callable[[float, float, float], float], str]] = [
        (
            lambda a, b, c: 0.0,
            "it is 0 for every pair, also where it should not be. Does it use m, or 2k bins whatever m is? Or is "
            "it rounded?",
        ),
        (lambda a, b, c: a**0.5 - b**0.5 - c**0.5, "the distances are not squared"),
        (lambda a, b, c: a - b - c**0.5, "the last distance is not squared"),
        (lambda a, b, c: (a**0.5 - b**0.5) ** 2 - c, "the square of a difference is not the difference of the squares"),
        (lambda a, b, c: (a**0.5 - b**0.5 - c**0.5) ** 2, "square each distance, not what is left of the three"),
        (lambda a, b, c: a - b + c, "the last square is to be subtracted, too"),
        (lambda a, b, c: b + c - a, "the sign is reversed: the distance to the best member of k bins comes first"),
        (lambda a, b, c: b - a - c, "the classes of k and of m bins are mixed up"),
        (lambda a, b, c: a - b, "this is the gain alone; the distance between the two best members is missing"),
        (lambda a, b, c: c, "this is the last square alone"),
        (lambda a, b, c: abs(a - b - c), "the sign is lost"),
        (lambda a, b, c: (a - b - c) * n, "these are sums over the points; the distance is a mean"),
    ]
    for mistake, cause in mistakes:
        if _all_close(found, [mistake(*three) for three in squares]):
            raise Incorrect(cause)
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    wave = x + 0.5 * torch.sin(4 * torch.pi * x)
    of_wave = [a - b - c for a, b, c in (_three_squares(wave, k, m) for _, k, m in cases)]
    if _all_close(found, of_wave):
        raise Incorrect("it uses f_star of the notebook, and not the function f that it is given")
    i = next(i for i in range(len(cases)) if not math.isclose(found[i], right[i], abs_tol=1e-6))
    _, k, m = cases[i]
    raise Incorrect(f"surplus(f, {k}, {m}) is {found[i]:.6g} for a random walk f, and should be {right[i]:.6g}")


def _three_squares(f: torch.Tensor, k: int, m: int) -> tuple[float, float, float]:
    f_k, f_m = _best_member(f, k), _best_member(f, m)
    return _distance(f, f_k) ** 2, _distance(f, f_m) ** 2, _distance(f_k, f_m) ** 2


def _all_close(found: list[float], wanted: list[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6) for a, b in zip(found, wanted))


PAIRS = {(1, 5), (2, 3), (2, 4), (2, 6), (3, 4), (4, 6), (4, 8), (5, 10)}


def _compare_pairs(zero_for: Any) -> None:
    found = _as_pairs(zero_for)
    right = {(k, m) for k, m in PAIRS if m % k == 0}
    if found == right:
        return
    if found == PAIRS - right:
        raise Incorrect("zero_for has the pairs where surplus is not zero; the others are asked for")
    if found == {(k, m) for k, m in PAIRS if m == 2 * k}:
        raise Incorrect("zero_for has the doublings alone; try 2 and 6, and 1 and 5: there it is zero as well")
    if found == PAIRS:
        raise Incorrect("zero_for has every pair; try 2 and 3 on the rising wave: is it zero there?")
    if not found:
        raise Incorrect("zero_for is empty; try 2 and 4: there surplus is zero for any function")
    if found - PAIRS:
        raise Incorrect(f"{min(found - PAIRS)} in zero_for is not one of the eight pairs")
    if found - right == {(3, 4)}:
        raise Incorrect("3 and 4: for the rising wave it is -0.00019, small but not zero; try a random walk")
    if found - right:
        k, m = min(found - right)
        raise Incorrect(
            f"{(k, m)} in zero_for: the class of {m} bins does not contain that of {k}, and surplus is not zero"
        )
    raise Incorrect(f"zero_for lacks {min(right - found)}: there surplus is zero for any function")


def _as_pairs(value: Any) -> set[tuple[float, float]]:
    wanted = "zero_for should be a list of pairs, such as [(2, 3)]"
    pairs = set()
    for pair in _items(value, wanted):
        if not isinstance(pair, (list, tuple, torch.Tensor, np.ndarray)) or len(_items(pair, wanted)) != 2:
            raise Incorrect(f"{wanted}; one of its items is {shown(pair)}")
        k, m = _items(pair, wanted)
        pairs.add((number(k, "k in zero_for"), number(m, "m in zero_for")))
    return pairs


# Exercise 1.4


def _kernels(value: Any, name: str) -> torch.Tensor:
    if isinstance(value, torch.Tensor) and tuple(value.shape) == (8, 8, 1, 1):
        raise Incorrect(f"{name} has 1×1 kernels; plain pads by one pixel, so they have to be 3×3")
    kernels = tensor(value, (8, 8, 3, 3), name)
    if kernels.is_complex():
        raise Incorrect(f"{name} has complex numbers")
    return kernels.double()


def _why_not_identity(
    X: torch.Tensor, W_1: torch.Tensor, W_2: torch.Tensor, hidden: torch.Tensor, output: torch.Tensor
) -> str:
    """Say what a plain block does to images instead of returning them."""
    for name, W in (("W_1", W_1), ("W_2", W_2)):
        if not W.any():
            return f"{name} is all zero, so the block returns zero for every image"
    if _same(F.conv2d(hidden, W_2, padding=1), X):
        return "W_2 undoes W_1, but the ReLU between them cuts the negative numbers that W_1 makes"
    if not output.any():
        return "the block returns zero for every image: a ReLU cuts everything away"
    inside = (..., slice(1, -1), slice(1, -1))
    if _same(output[inside], X[inside]):
        return (
            "inside the image it is the identity, but at the edge pixels are lost: a shift moves them out of the image"
        )
    scale = float((output * X).sum() / (X * X).sum())
    if _same(output, scale * X):
        return (
            f"the block returns {scale:.4g} times the image; the second convolution has to undo the scale of the first"
        )
    order = output[3:11].amax(dim=(2, 3)).argmax(dim=1).tolist()  # where each channel's bright pixel arrives
    if sorted(order) == list(range(8)) and order != list(range(8)) and _same(output[:, order], X):
        c = next(c for c in range(8) if order[c] != c)
        return (
            f"channels arrive in another order: channel {c} ends in channel {order[c]}. "
            "Put them back the other way round"
        )
    for down in range(-2, 3):
        for right in range(-2, 3):
            moved = X.roll((down, right), dims=(2, 3))
            if (down or right) and _same(output[..., 2:-2, 2:-2], moved[..., 2:-2, 2:-2]):
                return f"the block moves the image, by {abs(down)} rows and {abs(right)} columns"
    if _same(output[:3], X[:3]):
        return "it is the identity for some images, but not for one with a single bright pixel"
    if torch.equal(W_1, W_2):
        return "W_1 and W_2 are the same; twice the same is the identity only if it undoes itself"
    gap = float((output - X).abs().max())
    size = float(X.max())
    return (
        f"the block is not the identity: for an image of numbers up to {size:.1f} the largest difference is {gap:.2g}"
    )


# Exercise 1.5


def _why_not_copied(block: Residual, X: torch.Tensor, output: torch.Tensor, mode: str) -> str:
    """Say why the first 8 output channels are not every second pixel of the input."""
    with torch.no_grad():
        made_by_F = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(X)))))
    silent = not (made_by_F[:, :8].abs() > 1e-5).any()
    if not silent:
        if not isinstance(block.bn2, nn.BatchNorm2d) or block.bn2.weight is None:
            return f"in {mode} mode F is not zero, and bn2 is no longer the block's batch norm"
        if not block.bn2.weight[:8].any():
            return "bn2.weight is zero, but bn2.bias is not, and it is still added"
        if not block.conv2.weight.any():
            after = {
                "conv2.bias": block.conv2.bias,
                "bn2.running_mean": block.bn2.running_mean,
                "bn2.bias": block.bn2.bias,
            }
            left = [name for name, value in after.items() if value is not None and value.any()]
            if mode == "training":  # there the batch's own mean is subtracted
                return "in training mode F is not zero: conv2.weight is, but the last batch norm still adds bn2.bias"
            return (
                f"in {mode} mode F is not zero. A zero convolution is not enough in a block that has seen data: its "
                f"last batch norm subtracts the mean that it remembers, and adds its bias. Not zero: {', '.join(left)}"
            )
        return "the block is not silenced: bn2.weight is not zero, so F is still added"
    weight = block.conv3.weight.detach()
    bias = torch.zeros(16) if block.conv3.bias is None else block.conv3.bias.detach()
    if not weight.any():
        return "conv3.weight is all zero: the block forgets its input. It has to copy"
    if bias[:8].any():
        return "conv3 still has its bias, which is added to what it copies"
    copied = X[:, :, ::2, ::2].double()
    candidates = [
        (copied.sum(dim=1, keepdim=True).expand_as(copied), "each output channel is the sum of all input channels; "
         "conv3.weight[i, j] should be 1 for i = j and 0 for all others"),
        (copied.mean(dim=1, keepdim=True).expand_as(copied), "each output channel is the mean of all input channels"),
        (copied[:, :1].expand_as(copied), "each output channel is a copy of input channel 0"),
        (copied.flip(1), "the channels arrive in reverse order"),
        (2 * copied, "everything is twice as large as it should be"),
    ]  # fmt: skip
    for wrong, cause in candidates:
        if _same(output[:, :8].double(), wrong):
            return cause
    if _same(output[:, 8:].double(), copied):
        return "the copies are in the last 8 channels; they should be in the first 8"
    if _same(output[:, ::2].double(), copied):
        return "the copies are in the channels 0, 2, 4, ...; they should be in the first 8, 0 to 7"
    wrong_channels = [c for c in range(8) if not _same(output[:, c].double(), copied[:, c])]
    return (
        f"F is silent, but output channel {wrong_channels[0]} is not a copy of input channel {wrong_channels[0]}; "
        f"look at conv3.weight[{wrong_channels[0]}]"
    )


# Exercise 1.6


def _two_numbers(value: Any) -> tuple[float, float]:
    wanted = "two_errors should return two numbers, first the training error"
    errors = _items(value, wanted)
    if len(errors) != 2 or isinstance(value, (set, frozenset)):
        raise Incorrect(f"{wanted}; it returns {shown(value)}")
    return number(errors[0], "the training error"), number(errors[1], "the held-out error")


def _compare_errors(
    found: tuple[float, float],
    t: np.ndarray,
    values: np.ndarray,
    t_new: np.ndarray,
    values_new: np.ndarray,
    degree: int,
    two_errors: Any,
) -> None:
    def gaps(t_fit: np.ndarray, v_fit: np.ndarray, degree: int = degree) -> tuple[np.ndarray, np.ndarray]:
        learned = Legendre.fit(t_fit, v_fit, degree, domain=[0, 1])
        return learned(t) - values, learned(t_new) - values_new

    def rms(difference: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.square(difference))))

    def like(wrong: Iterable[float], tolerance: float = 1e-4) -> bool:
        return all(math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-7) for a, b in zip(found, wrong))

    train, new = gaps(t, values)
    if like((rms(train), rms(new))):
        return
    own, own_new = gaps(t_new, values_new)
    all_points = gaps(np.concatenate([t, t_new]), np.concatenate([values, values_new]))
    wave = t_new + 0.5 * np.sin(4 * np.pi * t_new)
    causes = [
        ((rms(new), rms(train)), "the two are in the wrong order: "
         "first the training error, then the held-out error, whichever is the larger"),
        ((rms(own), rms(own_new)), "the polynomial was fitted to the new points, which it must not see"),
        ((rms(own_new), rms(own)), "the polynomial was fitted to the new points, which it must not see"),
        (map(rms, all_points), "the polynomial was fitted to all points: what is held out leaked into the training"),
        ((rms(train), rms(own_new)), "you fitted a second polynomial to the new points; measure the first one there"),
        ((rms(train), rms(train)), "both are the training error"),
        ((rms(new), rms(new)), "both are the held-out error"),
        ((rms(train), rms(np.concatenate([train, new]))), "the second is the error of all points together; "
         "the held-out error is that of the new ones alone"),
        ((rms(train) ** 2, rms(new) ** 2), "these are the mean squares; the root is missing"),
        ((np.abs(train).mean(), np.abs(new).mean()), "these are means of absolute differences; "
         "root mean square is asked for"),
        ((np.abs(train).max(), np.abs(new).max()), "these are the largest differences; root mean square is asked for"),
        ((np.linalg.norm(train), np.linalg.norm(new)), "these are roots of sums; the mean over the points is missing"),
        ((train.std(), new.std()), "a standard deviation takes off the mean difference first; "
         "the root mean square does not"),
        ((abs(train.mean()), abs(new.mean())), "differences of both signs cancel in their mean; square them first"),
        ((train.mean(), new.mean()), "differences of both signs cancel in their mean; square them first"),
        ((rms(train), rms(new + values_new - wave)), "the held-out error is compared with the rising wave; "
         "compare with values_new"),
    ]  # fmt: skip
    for wrong, cause in causes:
        if like(wrong):
            raise Incorrect(cause)
    for other in range(degree + 2):
        if like(map(rms, gaps(t, values, other))):
            cause = f"asked for degree {degree}, it fits one of degree {other}"
            given = [array.copy() for array in (t, values, t_new, values_new)]
            found = _two_numbers(call(two_errors, *given, degree + 1, name="two_errors"))
            if other == degree - 1 and like(map(rms, gaps(t, values, degree))):
                cause = "the degree is one too low: degree n has n + 1 coefficients"
            if other == degree + 1 and like(map(rms, gaps(t, values, degree + 2))):
                cause = "the degree is one too high"
            raise Incorrect(cause)
    for ordered in product((np.copy, np.sort), repeat=4):
        at, wanted, at_new, wanted_new = (order(given) for order, given in zip(ordered, (t, values, t_new, values_new)))
        learned = Legendre.fit(at, wanted, degree, domain=[0, 1])
        if like((rms(learned(at) - wanted), rms(learned(at_new) - wanted_new))):
            raise Incorrect(
                "an array was sorted without the one that belongs to it: values[i] is the value at t[i], and "
                "values_new[i] that at t_new[i]"
            )
    expected = (rms(train), rms(new))
    names = ("training error", "held-out error")
    which = next(i for i in (0, 1) if not math.isclose(found[i], expected[i], rel_tol=1e-4, abs_tol=1e-7))
    if like(expected, tolerance=0.01) or degree > 9:
        raise Incorrect(
            f"the {names[which]} of degree {degree} is {found[which]:.7g}, and should be {expected[which]:.7g}. Are "
            "digits lost to rounding? Solving V.T @ V @ c = V.T @ values for powers of t loses them; "
            "fit, Legendre.fit and np.linalg.lstsq keep enough"
        )
    raise Incorrect(
        f"the {names[which]} of degree {degree} is {found[which]:.4g} on random points, "
        f"and should be {expected[which]:.4g}"
    )


def _numbers_of_statements(value: Any) -> set[float]:
    items = _items(value, "true_statements should be a set of numbers from 1 to 5, such as {2, 4}")
    if any(isinstance(item, (bool, np.bool_)) for item in items):
        raise Incorrect("true_statements should hold the numbers of the true statements, not True or False for each")
    return {number(item, "an item of true_statements") for item in items}


# Shared


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and float((a - b).abs().max()) <= 5e-5 * max(1.0, float(b.abs().max()))


def _items(value: Any, wanted: str) -> list[Any]:
    """Return what a list, a set, a range, an array ... has in it, at most the first hundred."""
    if isinstance(value, torch.Tensor):
        value = tensor(value, None, "an answer").tolist()
    elif isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, dict)):
        raise Incorrect(f"{wanted}; it is {shown(value)}")
    return list(islice(value, 100))
