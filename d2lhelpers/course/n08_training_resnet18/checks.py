"""The exercises of notebook 08: ResNet-18 on Fashion-MNIST."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import random
import statistics
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy
import torch

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, whole_number
from d2lhelpers.course.exercise import exercise


@exercise(
    "8.1",
    "Flipped images",
    difficulty=2,
    minutes=15,
    names=("FlippedBatches",),
    hints=(
        "Three methods: `__init__` keeps `data_iter` and makes a `torch.Generator` with the seed, `__len__` asks "
        "`data_iter`, and `__iter__` is a loop over `data_iter` with a `yield`.",
        "One coin for each image: `turned = torch.rand(len(X), generator=self.generator) < 0.5`. Which dimension of "
        "`(batch, channels, height, width)` runs from left to right?",
        "`torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X)` is a new tensor, so the batch that came in stays as "
        "it is. Make the generator in `__init__`: in `__iter__` every epoch would begin it anew.",
    ),
)
def check_flipped_batches(FlippedBatches: Any) -> None:
    """Two epochs of odd little images, compared image by image with the originals and their mirror images."""
    before = _global_random_states()
    source = _Batches()
    batches = call(FlippedBatches, source, 5, name="FlippedBatches")
    _check_length(batches, source)
    first = _turned_in_one_epoch(batches, source)
    passes = len(source.passes)
    if not _same_random_states(before, _global_random_states()):
        raise Incorrect(
            "the choice comes from the random numbers that all code shares, or sets their seed: what else is random, "
            "such as a net's first weights, changes it and is changed by it. Make a generator of your own with the seed"
        )
    second = _turned_in_one_epoch(batches, source, again=True)
    if len(source.passes) == passes:
        raise Incorrect(
            "the second epoch has the batches of the first: data_iter was gone through once and kept. Go through it "
            "anew in every epoch, it has another order then"
        )
    same_source, other_source = _Batches(), _Batches()
    same = call(FlippedBatches, same_source, 5, name="FlippedBatches")
    other = call(FlippedBatches, other_source, 6, name="FlippedBatches")
    same_choice, other_choice = _turned_in_one_epoch(same, same_source), _turned_in_one_epoch(other, other_source)
    _check_choice(first, second, other_choice)
    choices = [first, other_choice]
    for seed in (7, 1005):
        source_of_seed = _Batches()
        of_seed = call(FlippedBatches, source_of_seed, seed, name="FlippedBatches")
        choices.append(_turned_in_one_epoch(of_seed, source_of_seed))
    if any(_same_choice(a, b) for a, b in itertools.combinations(choices, 2)):
        raise Incorrect("two FlippedBatches with different seeds turn the same images: is the seed used as it is?")
    if not _same_choice(first, same_choice):
        raise Incorrect(
            "two FlippedBatches with the same seed turn different images: is the seed used, and has each object a "
            "generator of its own?"
        )
    other_images = _Batches(seed=9)
    if not _same_choice(
        first,
        _turned_in_one_epoch(call(FlippedBatches, other_images, 5, name="FlippedBatches"), other_images),
    ):
        raise Incorrect(
            "the choice depends on the images or labels: with the same seed and others in the batches, other places "
            "are turned. Draw from the generator alone"
        )
    _check_an_epoch_that_was_left(other, other_source)
    _check_other_batches(FlippedBatches)


def _check_an_epoch_that_was_left(batches: Any, source: _Batches) -> None:
    """Take one batch and leave; the next epoch must be whole."""
    call(lambda: next(iter(batches)), name="next(iter(FlippedBatches))")
    _turned_in_one_epoch(batches, source)


def _check_other_batches(FlippedBatches: Any) -> None:
    """Other numbers of channels and of images, other types; named arguments, as in the task."""
    for options in ({"sizes": (7, 1), "channels": 3, "dtype": torch.float64}, {"sizes": (6,), "channels": 5}):
        source = _Batches(**options)
        batches = call(functools.partial(FlippedBatches, seed=0), source, name="FlippedBatches")
        _check_length(batches, source)
        _turned_in_one_epoch(batches, source)


@exercise(
    "8.2",
    "More than one number",
    difficulty=1,
    minutes=10,
    names=("summary", "wins"),
    hints=(
        "The *sample* standard deviation divides the sum of the squared differences from the mean by one less than the "
        "number of runs. For `wins`, put the two accuracies of each seed side by side with `zip`.",
        "`variance = sum((a - mean) ** 2 for a in accuracies) / (len(accuracies) - 1)`, then the square root. "
        "`sum(a > b for a, b in zip(ours, theirs))` counts, since `True` is 1.",
    ),
)
def check_summary_and_wins(summary: Any, wins: Any) -> None:
    """Lists of two to five runs, also with equal ones, for one; seeds with ties and losses for the other."""
    for accuracies in (
        [0.846, 0.861, 0.755, 0.892, 0.871],
        [0.798, 0.913, 0.784],
        [0.9, 0.86],
        [0.9, 0.9, 0.81, 0.87],
    ):
        _check_summary(summary, accuracies)
    _check_wins(wins)


@exercise(
    "8.3",
    "The last step",
    difficulty=3,
    minutes=20,
    names=(
        "last_of_125",
        "last_of_128",
        "say_of_an_image",
        "share_of_running_mean",
        "true_statements",
        "last_step_explanation",
    ),
    hints=(
        "The batch's loss is a mean: how much of it comes from one image among 16, and from one among 128? The running "
        "mean has a rule of its own, which notebook 07 checked.",
        "After each batch, large or small, the running mean is nine tenths of the old one and one tenth of the batch's"
        ". Neither the batch's size nor the learning rate is in that rule.",
        "In the table, compare the first row with the second (only the statistics change), then with the third (only "
        "the weights do). Then recall where the one-cycle schedule ends: the true ones are three.",
    ),
)
def check_last_step(
    last_of_125: Any,
    last_of_128: Any,
    say_of_an_image: Any,
    share_of_running_mean: Any,
    true_statements: Any,
    last_step_explanation: Any,
) -> None:
    """Four numbers, the statements that follow from rules and table, and the explanation that they make."""
    _check_count(
        last_of_125,
        "last_of_125",
        125,
        {
            0: "125 divides 10,000; then the last batch is a full one, not an empty one",
            80: "that is how many batches there are",
            16: "that is with batches of 128",
        },
        "125 divides 10,000",
    )
    _check_count(
        last_of_128,
        "last_of_128",
        16,
        {
            128: "the last batch is smaller: 78 · 128 = 9,984",
            112: "that is what the last batch lacks to 128",
            96: "that is with 60,000 images in batches of 256",
            78: "that is how many full batches there are",
            79: "that is how many batches there are",
            17: "78 · 128 = 9,984; count what is left once more",
        },
        "how many images are left for it after all the full batches?",
    )
    _check_say(say_of_an_image)
    _check_share(share_of_running_mean)
    _check_statements(true_statements)
    wrong = {
        "a": "compare the table's first row with the second: new statistics alone cost hardly anything, and their rule "
        "has no learning rate in it",
        "b": "the table's rows differ by a single step, so what is lost is lost in that step, not for want of steps",
        "d": "it is a mean over 16 images, not a sum over 128: each image counts more, but a mean of few is not eight "
        "times as long",
        "e": "the schedule knows how many steps there are, and nothing about a batch, its size or its noise",
    }
    choice(last_step_explanation, "last_step_explanation", "c", wrong)


@exercise(
    "8.4",
    "What room costs",
    difficulty=2,
    minutes=15,
    names=("cost_factor_56", "parameter_factor_56", "cost_factor_width_32"),
    hints=(
        "A convolution costs places times channels in times channels out times window. Go through the parts of the "
        "net: which of these numbers change, and by how much?",
        "With 28×28 the maps of stem and stages have sides of 14, 7, 4, 2, 1; with 56×56 of 28, 14, 7, 4, 2. One of "
        "the five does not double. And how many channels has a gray image, how many classes are there, at any width?",
        "For 56×56 the second stage grows by 49/16, the linear layer not at all, the rest by 4. For width 32 the stem "
        "and the linear layer grow by 2, the stages by 4. Weigh each part with its multiply-adds in `small`.",
    ),
)
def check_cost_factors(cost_factor_56: Any, parameter_factor_56: Any, cost_factor_width_32: Any) -> None:
    """Each part of the net by its own factor; the totals are those of the traced nets."""
    _check_factor(
        cost_factor_56,
        "cost_factor_56",
        COST_28_TO_56,
        [
            (
                4,
                "four times the pixels, but not everywhere four times the places: one stage's maps are 4×4 and 7×7",
            ),
            (2, "the side doubles, and the places are counted in both directions"),
            (16, "only the places change, not the channels: the side counts twice, not four times"),
            (49 / 16, "that is the second stage alone"),
            (COST_16_TO_32, "that is the factor of width 32"),
            (
                4 - 3 * LINEAR / TOTAL,
                "the linear layer is accounted for, the second stage is not: 4×4 becomes 7×7, not 8×8",
            ),
            (
                4 - SECOND_STAGE / TOTAL * 15 / 16,
                "the linear layer costs the same at any size, it comes after the pooling",
            ),
            ((2 + 2 + 7 / 4 + 2 + 2) / 5, "that averages the sides of the maps; the cost goes with their squares"),
            (
                (4 + 4 + 49 / 16 + 4 + 4) / 5,
                "that weighs stem and stages alike; weigh each part with its multiply-adds",
            ),
            ((4 + 4 + 49 / 16 + 4 + 4 + 1) / 6, "that weighs all parts alike; weigh each with its multiply-adds"),
            (1 / COST_28_TO_56, "that is 28×28 divided by 56×56; the question is the other way round"),
            (COST_28_TO_56 * TOTAL, "these are the multiply-adds; divide them by those of the small network"),
        ],
    )
    _check_factor(
        parameter_factor_56,
        "parameter_factor_56",
        1,
        [
            (4, "more places do not need more weights: the same windows slide over all of them"),
            (COST_28_TO_56, "that is the cost; the weights are shared by all places"),
            (2, "more places do not need more weights: the same windows slide over all of them"),
            (0, "a factor of 0 would mean no parameters; if none are added, the factor is 1"),
            (702_570, "that is the count; divide it by that of the small network"),
        ],
    )
    _check_factor(
        cost_factor_width_32,
        "cost_factor_width_32",
        COST_16_TO_32,
        [
            (4, "channels in times channels out, but not everywhere: the image stays gray and the classes stay ten"),
            (2, "a convolution's cost goes with channels in *times* channels out, and inside the net both double"),
            (16, "both factors double, and 2 · 2 is 4"),
            (COST_28_TO_56, "that is the factor of 56×56"),
            (2_799_818 / 702_570, "that is the factor of the parameters; the stem has few of them and costs much"),
            (4 - 2 * STEM / TOTAL, "the linear layer still gives ten scores, so only what goes in doubles"),
            (4 - 2 * LINEAR / TOTAL, "the stem still reads one gray image, so only what comes out doubles"),
            ((2 + 4 * 4 + 2) / 6, "that weighs all parts alike; weigh each with its multiply-adds"),
            ((2 + 4 * 4) / 5, "that weighs stem and stages alike; weigh each part with its multiply-adds"),
            (1 / COST_16_TO_32, "that is width 16 divided by width 32; the question is the other way round"),
            (COST_16_TO_32 * TOTAL, "these are the multiply-adds; divide them by those of the small network"),
        ],
    )


# Counts and factors

STEM, SECOND_STAGE, LINEAR = 153_664, 524_288, 1_280
TOTAL = STEM + 451_584 + 3 * SECOND_STAGE + LINEAR  # multiply-adds of width 16 on 28×28
COST_28_TO_56 = 8_222_208 / TOTAL  # as d2l.trace_shapes counts
COST_16_TO_32 = 8_407_680 / TOTAL


def _check_count(value: Any, name: str, right: int, causes: dict[int, str], otherwise: str) -> None:
    """Compare a whole number with the right one and with what mistakes give."""
    found = number(value, name)
    if found != int(found):
        raise Incorrect(f"{name} is {float(found)!r}; it is a count, and what is left over counts as a whole one")
    found = whole_number(value, name)
    if found != right:
        raise Incorrect(f"{name} = {found:,} is not it: {causes.get(found, otherwise)}")


def _check_factor(value: Any, name: str, right: float, causes: list[tuple[float, str]]) -> None:
    """Compare a factor with the right one, rounded to the second digit after the point, and with what mistakes give."""
    found = number(value, name)
    truncated = math.floor(100 * right) / 100
    if abs(found - right) <= 0.005 or math.isclose(found, truncated):
        return
    causes = [
        *causes,
        (100 * right, "that is in percent; give how many times as much it is"),
        (right - 1, "that is by how much it grows; the factor is how many times as much it is, one more"),
        (100 * (right - 1), "that is by how many percent it grows; give how many times as much it is"),
    ]
    near = [(abs(found - wrong), cause) for wrong, cause in causes if math.isclose(found, wrong, rel_tol=0.002)]
    cause = min(near)[1] if near else "go through the parts of the net: does each of them grow by the same factor?"
    if abs(found - right) < 0.02:
        cause = "it is near, but not right to two digits after the point"
    raise Incorrect(f"{name} = {found:,.5g} is not it: {cause}")


# Batches that flip


class _Batches:
    """Stands in for a train_iter: little images, neither square nor gray, in a new order every epoch."""

    def __init__(
        self,
        sizes: tuple[int, ...] = (96,) * 8 + (5,),
        channels: int = 2,
        dtype: torch.dtype = torch.float32,
        seed: int = 8,
    ) -> None:
        self.sizes, self.channels, self.dtype = sizes, channels, dtype
        self.generator = torch.Generator().manual_seed(seed)
        self.passes: list[list[tuple[torch.Tensor, ...]]] = []

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        handed_out: list[tuple[torch.Tensor, ...]] = []
        self.passes.append(handed_out)
        for size in self.sizes:
            X = torch.randn(size, self.channels, 4, 3, generator=self.generator, dtype=self.dtype)
            y = torch.randint(10, (size,), generator=self.generator)
            handed_out.append((X, y, X.clone(), y.clone()))
            yield X, y

    def __repr__(self) -> str:
        return "data_iter"

    def is_as_it_was(self) -> bool:
        """Tell whether nobody has changed a batch of the last pass."""
        last = self.passes[-1] if self.passes else []
        return all(torch.equal(X, X_before) and torch.equal(y, y_before) for X, y, X_before, y_before in last)


def _check_length(batches: Any, source: _Batches) -> None:
    """Demand an iterable object with the length of its source."""
    if isinstance(batches, types.GeneratorType):
        raise Incorrect(
            "FlippedBatches(data_iter, 5) is a generator: it has no length, and after one epoch it is used up. Write a "
            "class with __len__ and __iter__"
        )
    if not hasattr(batches, "__iter__"):
        raise Incorrect(
            f"FlippedBatches(data_iter, 5) has no __iter__, so no loop can go over it; it is {shown(batches)}"
        )
    if not hasattr(batches, "__len__"):
        raise Incorrect("FlippedBatches(data_iter, 5) has no length: __len__ is missing, and train_ch6 asks for it")
    length = call(lambda: len(batches), name="len of FlippedBatches")
    if length == sum(source.sizes):
        raise Incorrect(f"the length is {length}, the number of images; expected {len(source)}, the number of batches")
    if length != len(source):
        raise Incorrect(f"the length is {length}; data_iter has {len(source)} batches")


def _turned_in_one_epoch(batches: Any, source: _Batches, again: bool = False) -> list[list[bool]]:
    """Go through one epoch and return for each batch which images were turned; else raise the cause."""
    found, untouched = call(lambda: _take(batches, source), name="going through FlippedBatches")
    if again and not found:
        raise Incorrect("the second epoch has no batch: what __iter__ returns was used up in the first")
    if len(found) != len(source):
        more = "more" if len(found) > len(source) else "fewer"
        raise Incorrect(
            f"one epoch gave {more} batches than data_iter has: {len(found)} where {len(source)} are expected"
        )
    if not source.passes or len(source.passes[-1]) != len(source):
        raise Incorrect("the batches do not come from data_iter; go through it with a loop")
    if not untouched:
        raise Incorrect(
            "the batch of data_iter was changed in place; whoever keeps it finds other images. Clone X before you "
            "assign to parts of it, or make a new tensor with torch.where"
        )
    return [_turned(pair, X, y) for pair, (_, _, X, y) in zip(found, source.passes[-1])]


def _take(batches: Any, source: _Batches) -> tuple[list[Any], bool]:
    """Return the batches of an epoch, copied as they come, and whether those of the source stayed as they were."""
    found, untouched = [], True
    for pair in batches:
        tensors = isinstance(pair, (tuple, list)) and all(type(part) is torch.Tensor for part in pair)
        found.append(tuple(part.clone() for part in pair) if tensors else pair)
        untouched = untouched and source.is_as_it_was()
        if len(found) > len(source):
            break
    return found, untouched and source.is_as_it_was()


def _turned(pair: Any, X: torch.Tensor, y: torch.Tensor) -> list[bool]:
    """Return which images of a batch were turned left to right, given the batch before."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise Incorrect(f"each batch should be a pair X, y; it is {shown(pair)}")
    if isinstance(pair[0], torch.Tensor) and len(pair[0].shape) == 4 and len(pair[0]) != len(X):
        more = "both the originals and the turned ones?" if len(pair[0]) > len(X) else "only some of them?"
        raise Incorrect(
            f"a batch of {len(X)} images came out with {len(pair[0])}: {more} Each image should come out once"
        )
    new_X, new_y = tensor(pair[0], tuple(X.shape), "X"), tensor(pair[1], tuple(y.shape), "y")
    if new_X.dtype != X.dtype:
        raise Incorrect(f"X came as {X.dtype} and left as {new_X.dtype}; the net's weights would not fit")
    if new_y.dtype != y.dtype:
        raise Incorrect(f"the labels came as {y.dtype} and left as {new_y.dtype}")
    if any(isinstance(part, torch.Tensor) and part.requires_grad for part in pair):
        raise Incorrect("the batches ask for gradients (requires_grad), those of data_iter do not")
    kept, turned = _equal_images(new_X, X), _equal_images(new_X, X.flip(-1))
    if not bool((kept | turned).all()):
        raise Incorrect(_what_else_happened(new_X[~kept & ~turned], new_X, X))
    if not torch.equal(new_y, y):
        if torch.equal(new_y.sort().values, y.sort().values):
            raise Incorrect(
                "the images are in their places, but the labels are in another order: each image keeps its own"
            )
        raise Incorrect("the labels were changed: a coat turned left to right is still a coat")
    return turned.tolist()


def _what_else_happened(strange: torch.Tensor, new_X: torch.Tensor, X: torch.Tensor) -> str:
    """Name the cause why some images are neither the original nor its mirror image."""

    def some(images: torch.Tensor) -> bool:
        return bool((_equal_images(new_X, images) & ~_equal_images(new_X, X)).any())

    if some(X.flip(-2)):
        return "images are turned upside down; left to right is the last dimension, the width"
    if some(X.flip((-1, -2))):
        return "images are turned in both directions, so a shirt stands on its head; turn the last dimension only"
    if some(X.flip(1)):
        return "the channels are turned; left to right is the last dimension, the width"
    if some(X.roll(1, -1)) or some(X.roll(-1, -1)):
        return "images are shifted, not turned: X.flip(-1) turns"
    if any(bool(_equal_images(image, torch.cat([X, X.flip(-1)])).any()) for image in strange[:1]):
        return "the images are in another order than in data_iter, keep each at its place, beside its label"
    return (
        "an image is neither the one of data_iter nor its mirror image; turn with X.flip(-1), and change nothing else"
    )


def _check_choice(first: list[list[bool]], second: list[list[bool]], other: list[list[bool]]) -> None:
    """Demand that half of the images are turned, by chance for each batch and epoch anew."""
    full = [batch for epoch in (first, second, other) for batch in epoch[:-1]]
    shares = [sum(batch) / len(batch) for batch in full]
    share = sum(shares) / len(shares)
    if share == 0:
        raise Incorrect("no image is turned; flip returns a new tensor, is it used?")
    if share == 1:
        raise Incorrect("all images are turned; the task asks for half of them, chosen at random")
    if all(s in (0, 1) for s in shares):
        raise Incorrect("a batch is turned as a whole or not at all: toss a coin for each image, not one for the batch")
    if all(batch == full[0] for batch in full):
        raise Incorrect("the same places are turned in every batch; choose at random, and for each batch anew")
    if _same_choice(first, second):
        raise Incorrect(
            "every epoch turns the same places: the choice is not fresh. Make the generator once, in __init__, and "
            "draw from it in __iter__; made or seeded in __iter__, it begins anew every time"
        )
    if all(batch == epoch[0] for epoch in (first, second, other) for batch in epoch[:-1]):
        raise Incorrect("within an epoch the same places are turned in every batch; choose for each batch anew")
    if second[:-1] == [[not turned for turned in batch] for batch in first[:-1]]:
        raise Incorrect("the second epoch turns what the first did not; choose anew, at random")
    if abs(share - 0.5) > 0.07:
        twice = ". Are numbers drawn that can come twice?" if 0.36 < share < 0.43 else ""
        raise Incorrect(f"{share:.0%} of the images are turned; the task asks for half{twice}")
    changes = sum(a != b for batch in full for a, b in zip(batch, batch[1:])) / sum(len(batch) - 1 for batch in full)
    if abs(changes - 0.5) > 0.15:
        raise Incorrect("the turned places of a batch follow a pattern; choose each image by itself, or a random half")
    often = [sum(turned) / len(full) for turned in zip(*full)]
    if min(often) == 0 or max(often) == 1:
        raise Incorrect(
            "an image at one and the same place is treated alike in every batch; all should have the chance"
        )
    if any(abs(s - 0.5) > 0.3 for s in shares):
        raise Incorrect(
            f"in one batch {max(shares, key=lambda s: abs(s - 0.5)):.0%} of the images are turned, not about half"
        )


def _same_choice(a: list[list[bool]], b: list[list[bool]]) -> bool:
    return a[:-1] == b[:-1]  # the last batch is so small that its choice may come again by chance


def _equal_images(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Tell for each image whether it is the same in both batches."""
    return ((a - b).abs() < 1e-6).flatten(1).all(dim=1)


def _global_random_states() -> tuple[Any, ...]:
    return torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1:3]


def _same_random_states(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return torch.equal(a[0], b[0]) and a[1] == b[1] and bool((a[2][0] == b[2][0]).all()) and a[2][1] == b[2][1]


# Means and wins


def _check_summary(summary: Any, accuracies: list[float]) -> None:
    """Compare mean and standard deviation with the definitions and with what mistakes give."""
    given = list(accuracies)
    found = call(summary, given, name="summary")
    if given != accuracies:
        raise Incorrect("summary changed the list that it was given")
    found = found.tolist() if hasattr(found, "tolist") else found
    if isinstance(found, Iterator):
        generated = found
        found = call(lambda: list(itertools.islice(generated, 3)), name="going through what summary returned")
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise Incorrect(f"summary should return two numbers, mean and standard deviation; it returned {shown(found)}")
    mean, deviation = number(found[0], "the mean"), number(found[1], "the standard deviation")
    right_mean, right_deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
    for name, value, right in (
        ("the mean", mean, right_mean),
        ("the standard deviation", deviation, right_deviation),
    ):
        if _close(value, right) and _digits(value) < _digits(right):
            raise Incorrect(
                f"for {accuracies} {name} came out as {value:.8g}: that is rounded; return it as it is, and round when "
                "you print"
            )
    if _close(mean, right_mean) and _close(deviation, right_deviation):
        return
    if _close(mean, right_deviation) and _close(deviation, right_mean):
        raise Incorrect("the two numbers are swapped: first the mean, then the standard deviation")
    if not _close(mean, right_mean):
        causes = [
            (100 * right_mean, "that is in percent; the accuracies are shares between 0 and 1"),
            (statistics.mean(set(accuracies)), "equal accuracies are counted once; each run counts, as in a list"),
            (statistics.median(accuracies), "that is the median"),
            (max(accuracies), "that is the best run; the mean counts all"),
            (accuracies[-1], "that is the last run; the mean counts all"),
            (sum(accuracies), "that is the sum; divide by the number of runs"),
            (
                sum(accuracies) / (len(accuracies) - 1),
                "one less than the number of runs is for the deviation, not the mean",
            ),
            ((max(accuracies) + min(accuracies)) / 2, "that is the middle between the best and the worst run"),
            *(
                (round(right_mean, k), "that is rounded; return it as it is, and round when you print")
                for k in (1, 2, 3)
            ),
        ]
        _raise_cause("the mean", mean, right_mean, causes, accuracies)
    differences = [abs(accuracy - right_mean) for accuracy in accuracies]
    once = "equal accuracies are counted once; each run counts, as in a list"
    causes = [
        (statistics.stdev(set(accuracies)), once),
        (
            (sum((a - right_mean) ** 2 for a in set(accuracies)) / (len(accuracies) - 1)) ** 0.5,
            once,
        ),
        (statistics.pstdev(accuracies), "it is divided by the number of runs; for a sample divide by one less"),
        (
            (sum(d * d for d in differences) / max(len(accuracies) - 2, 1)) ** 0.5,
            "it is divided by two less than the number of runs; one less is right",
        ),
        (statistics.variance(accuracies), "that is the variance; the square root is missing"),
        (
            statistics.pvariance(accuracies),
            "that is the variance, divided by the number of runs; divide by one less, then root",
        ),
        (
            right_deviation / len(accuracies) ** 0.5,
            "that is the standard error of the mean; the question is how runs spread",
        ),
        (max(accuracies) - min(accuracies), "that is the range from the worst to the best run"),
        ((max(accuracies) - min(accuracies)) / 2, "that is half of the range from the worst to the best run"),
        (
            statistics.mean(differences),
            "that is the mean difference from the mean; square, average, then take the root",
        ),
        (100 * right_deviation, "that is in percent; the accuracies are shares between 0 and 1"),
        (
            sum(d * d for d in differences) ** 0.5,
            "the sum of squares is not yet divided by one less than the number of runs",
        ),
        (
            right_deviation * (len(accuracies) - 1) ** 0.5 / len(accuracies),
            "that is the root of the sum of squares, divided by the number of runs: divide once, by one less, and "
            "before you take the root",
        ),
        (
            right_deviation / (len(accuracies) - 1) ** 0.5,
            "that is the root of the sum of squares, divided by one less than the number of runs: divide once, and "
            "before you take the root",
        ),
        (
            0,
            "differences from the mean cancel if they are not squared"
            if len(accuracies) > 2
            else "two runs differ, too",
        ),
        *(
            (round(right_deviation, k), "that is rounded; return it as it is, and round when you print")
            for k in (1, 2, 3, 4)
        ),
    ]
    _raise_cause("the standard deviation", deviation, right_deviation, causes, accuracies)


def _digits(value: float, most: int = 9) -> int:
    """Return how many digits after the point a number has; `most` if there are more, as in a mean in 32 bits."""
    return next((k for k in range(most) if abs(value - round(value, k)) < 1e-13), most)


def _raise_cause(
    name: str, found: float, right: float, causes: list[tuple[float, str]], accuracies: list[float]
) -> None:
    for wrong, cause in causes:
        if _close(found, wrong):
            raise Incorrect(f"for {accuracies} {name} came out as {found:.5g}: {cause}")
    raise Incorrect(f"for {accuracies} {name} came out as {found:.5g}; expected {right:.5g}")


def _check_wins(wins: Any) -> None:
    """Fifteen seeds: five won, three ties, seven lost; then one seed of each kind, and none.

    Each mistake named here gives a number of its own. That may be another mistake's by chance, so a cause explains what
    becomes of nine seeds, too.
    """
    ours = [0.859, 0.788, 0.843, 0.85, 0.836, 0.751, 0.849, 0.817, 0.828, 0.823, 0.851, 0.793, 0.756, 0.8, 0.865]
    theirs = [0.814, 0.788, 0.843, 0.852, 0.891, 0.695, 0.866, 0.817, 0.885, 0.828, 0.825, 0.811, 0.7, 0.836, 0.854]
    found = _number_of_wins(wins, ours, theirs)
    if found != 5:
        nine = (
            [0.8, 0.75, 0.79, 0.9, 0.76, 0.77, 0.85, 0.81, 0.78],
            [0.87, 0.89, 0.79, 0.85, 0.8, 0.78, 0.82, 0.77, 0.88],
        )
        again = _number_of_wins(wins, *nine)
        fit = [
            cause for mistake, cause in MISTAKES_OF_WINS if mistake(ours, theirs) == found and mistake(*nine) == again
        ]
        _refuse_wins(found, len(ours), 5, fit[0] if fit else "")
    _check_one_wins(wins, [0.85, 0.86, 0.84, 0.85], [0.79, 0.80, 0.81, 0.82], 4, {})
    _check_one_wins(wins, [0.80], [0.85], 0, {})
    equal = "two runs with the same accuracy are two seeds. Is one of the two lists the keys of a dictionary?"
    _check_one_wins(wins, [0.85, 0.86], [0.80, 0.80], 2, {1: equal})
    _check_one_wins(wins, [0.85, 0.85], [0.80, 0.81], 2, {1: equal})
    small_lead = "a small lead is a win too; compare without rounding"
    _check_one_wins(wins, [0.8451, 0.8012, 0.8450005], [0.8449, 0.8011, 0.845], 3, dict.fromkeys(range(3), small_lead))


MISTAKES_OF_WINS: list[tuple[Callable[[list[float], list[float]], float], str]] = [
    (lambda a, b: sum(map(operator.ge, a, b)), "some seeds end alike; a tie is no win"),
    (lambda a, b: sum(map(operator.gt, a, b)) + sum(map(operator.eq, a, b)) / 2, "a tie counts one half; a tie is no "
     "win"),
    (lambda a, b: sum(map(operator.lt, a, b)), "these are the seeds for which theirs is higher; the first list "
     "is ours"),
    (lambda a, b: sum(map(operator.gt, sorted(a), sorted(b))), "the lists were sorted: the accuracies of one seed "
     "belong side by side"),
    (lambda a, b: sum(x > y for x, y in itertools.product(a, b)), "every run of ours was put against every one of "
     "theirs; only those of one seed belong together"),
    (lambda a, b: sum(x > statistics.mean(b) for x in a), "our runs were put against the mean of theirs; put them "
     "against the run of the same seed"),
    (lambda a, b: sum(map(operator.gt, a, b)) - sum(map(operator.lt, a, b)), "that is wins minus defeats; count the "
     "wins"),
    (lambda a, b: sum(map(operator.le, a, b)), "ties and defeats are what was counted"),
    (lambda a, b: sum(map(operator.ne, a, b)), "these are the seeds for which the two differ, in either direction"),
    (lambda a, b: sum(map(operator.gt, a, b)) / len(a), "that is the share of the seeds; the question is how many"),
    (lambda a, b: len(a), "that is the number of seeds"),
]  # fmt: skip


def _number_of_wins(wins: Any, ours: list[float], theirs: list[float]) -> float:
    given = list(ours), list(theirs)
    found = call(wins, *given, name="wins")
    if given != (ours, theirs):
        raise Incorrect("wins changed a list that it was given; sorting it takes the seeds apart")
    if isinstance(found, bool):
        raise Incorrect(f"wins returned {found}: one comparison for all seeds. Compare seed by seed, and count")
    if isinstance(found, (list, tuple)):
        raise Incorrect("wins returned one entry for each seed; return how many seeds were won")
    return number(found, "what wins returns")


def _check_one_wins(wins: Any, ours: list[float], theirs: list[float], right: int, causes: dict[float, str]) -> None:
    found = _number_of_wins(wins, ours, theirs)
    if found != right:
        _refuse_wins(found, len(ours), right, causes.get(found, ""))


def _refuse_wins(found: float, seeds: int, right: int, cause: str) -> None:
    cause = cause or "compare the two accuracies of each seed, and count those where ours is higher"
    raise Incorrect(f"for {seeds} seeds, of which ours won {right}, wins returned {found}: {cause}")


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)


# The last step

TRUE_STATEMENTS = {2, 4, 5}
WHY = {
    1: "train_ch6 takes every batch that train_iter yields, also one that is not full",
    2: "averages of few images scatter more, and neither optimizer nor schedule asks how many images a batch has",
    3: "compare the table's first row with the second: with new statistics and old weights, it hardly changes",
    4: "compare the table's first row with the third: new weights alone cost the constant rate points",
    5: "the schedule ends near zero, and so does the step; the third row of the table says the same",
    6: "the rule of the running statistics has no learning rate in it; the second row changes under one cycle too",
}


def _check_say(value: Any) -> None:
    found = number(value, "say_of_an_image")
    if math.isclose(found, 8, rel_tol=1e-3):
        return
    causes = [
        (1, "the batch's loss is a mean, so an image counts the more, the fewer there are"),
        (1 / 8, "that is the other way round: one among 16 has more say than one among 128"),
        (1 / 16, "that is its share of the last batch; compare it with a share of 1/128"),
        (16, "that is how many images the last batch has; compare shares of 1/16 and 1/128"),
        (128, "that is how many images a full batch has; compare shares of 1/16 and 1/128"),
        (8**0.5, "by that much the mean scatters more; the question is one image's share of the mean"),
        (64, "the ratio of the shares, 1/16 to 1/128, is not squared"),
        (125 / 16, "a full batch has 128 images here"),
    ]
    for wrong, cause in causes:
        if math.isclose(found, wrong, rel_tol=1e-3):
            raise Incorrect(f"say_of_an_image = {found:.4g} is not it: {cause}")
    raise Incorrect(
        f"say_of_an_image = {found:.4g} is not it: how much of a mean has one image among 16, and among 128?"
    )


def _check_share(value: Any) -> None:
    found = number(value, "share_of_running_mean")
    if math.isclose(found, 0.1, rel_tol=1e-3):
        return
    causes = [
        (0.9, "that is what remains of the old running mean"),
        (10, "that is in percent; the share is a number between 0 and 1"),
        (16 / 10_000, "the running mean does not count images; a small batch moves it as far as a full one"),
        (16 / 30_000, "the running mean does not count images; a small batch moves it as far as a full one"),
        (16 / 128, "the running mean does not count images; a small batch moves it as far as a full one"),
        (0.1 / 8, "the running mean does not count images; a small batch moves it as far as a full one"),
        (1 / 79, "it is not the mean over all batches: the newest always counts alike, older ones less and less"),
        (1 / 237, "it is not the mean over all batches: the newest always counts alike, older ones less and less"),
        (0, "in training mode every batch moves the running mean, and the last step is a training step"),
        (1, "in training mode the batch's own mean normalizes, but the stored one keeps most of its past"),
    ]
    for wrong, cause in causes:
        if math.isclose(found, wrong, rel_tol=0.005, abs_tol=1e-9):
            raise Incorrect(f"share_of_running_mean = {found:.4g} is not it: {cause}")
    raise Incorrect(f"share_of_running_mean = {found:.4g} is not it: look up notebook 07's rule for the running mean")


def _check_statements(value: Any) -> None:
    """Compare the chosen statements with the true ones; name the reason for the first that differs."""
    chosen = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(chosen, Iterable) or isinstance(chosen, (str, Mapping)):
        raise Incorrect(f"true_statements should be a set of numbers, such as {{1, 6}}; it is {shown(value)}")
    numbers = {whole_number(one, "a member of true_statements") for one in chosen}
    if not numbers <= WHY.keys():
        raise Incorrect(f"there are the statements 1 to 6; true_statements has {sorted(numbers - WHY.keys())}")
    if numbers == TRUE_STATEMENTS:
        return
    if not numbers:
        raise Incorrect("true_statements is empty; some of the six are true")
    if numbers == WHY.keys():
        raise Incorrect("not all six are true: some contradict each other or the table")
    if numbers == WHY.keys() - TRUE_STATEMENTS:
        raise Incorrect("these are the false ones")
    for statement in sorted(numbers - TRUE_STATEMENTS):
        raise Incorrect(f"statement {statement} is not true: {WHY[statement]}")
    for statement in sorted(TRUE_STATEMENTS - numbers):
        raise Incorrect(f"what you chose is true, but statement {statement} is true as well: {WHY[statement]}")
