"""The exercises of notebook 20: two borrowed scripts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers.course.checking import (
    Incorrect,
    call,
    counted,
    number,
    shown,
    tensor,
    unchanged,
    used,
    whole_number,
)
from d2lhelpers.course.exercise import exercise


@exercise(
    "20.1",
    "The strides put back",
    difficulty=1,
    minutes=10,
    names=("inputs_of_linear", "my_strides"),
    hints=(
        "Follow the side through the layers. With stride 2, 32 positions become 16, and 7 become 4: 0, 2, 4, 6.",
        "`(side - 1) // stride + 1` for a convolution, `side // pool` for the pool, and the map has two sides.",
        "A pool of 8 leaves one position of 8×8. How often is 32 halved until it is 8?",
    ),
)
def check_strides(inputs_of_linear: Any, my_strides: Any) -> None:
    """Random stacks against PyTorch's own layers, then the list."""
    chance = random.Random(201)
    cases = [(32, [1] * 7, 8, 64), (32, [1, 2, 1, 2], 8, 64), (28, [2, 2], 2, 3), (7, [2], 2, 5), (30, [3, 1], 4, 2)]
    cases += [(5, [2], 1, 1), (7, [3], 1, 2), (40, [1] * 8 + [2], 3, 2)]
    cases += [
        (
            chance.randint(20, 40),
            [chance.choice((1, 2, 3)) for _ in range(chance.randint(0, 2))],
            chance.randint(1, 3),
            4,
        )
        for _ in range(8)
    ]
    answers = []
    for side, strides, pool, channels in cases:
        with unchanged(strides, "strides"):
            found = call(inputs_of_linear, side, strides, pool, channels)
        answers.append(whole_number(found, "the number of inputs"))
    rights = [_inputs(*case) for case in cases]
    wrong = next((i for i, (found, right) in enumerate(zip(answers, rights)) if found != right), None)
    if wrong is not None:
        (side, strides, pool, channels), found = cases[wrong], answers[wrong]
        said = f"inputs_of_linear({side}, {strides}, {pool}, {channels}) = {found:,}"
        said += f"; PyTorch's layers give {rights[wrong]:,}"
        explained = zip(*map(_wrong_inputs, *zip(*cases)))  # a mistake explains all answers, not one of them by chance
        causes = [of_one[wrong][1] for of_one in explained if [number for number, _ in of_one] == answers]
        raise Incorrect(f"{said}: {causes[0]}" if causes else said)
    _check_list(my_strides)


def _wrong_inputs(side: int, strides: list[int], pool: int, channels: int) -> Iterator[tuple[int, str]]:
    last = _side(side, strides)
    yield channels, "count the cells that the pool leaves, too: that was the script's mistake"
    yield channels * (last // pool), "the map has two sides, so the cells count twice"
    yield (last // pool) ** 2, "every channel has its own map"
    yield channels * last * last, "the pool is missing"
    yield channels * (side // pool) ** 2, "the strides make the map smaller before it is pooled"
    yield channels * (-(-last // pool)) ** 2, "the pool leaves out what does not fill a window: round down there"
    down = _side(side, strides, up=False)
    yield (
        channels * (down // pool) ** 2,
        "with an odd side a stride of 2 keeps the first and the last position: round up there",
    )
    unpadded = side
    for stride in strides:
        unpadded = (unpadded - 3) // stride + 1
    yield channels * (unpadded // pool) ** 2, "the convolutions have padding 1, so at stride 1 the side stays"


def _check_list(strides: Any) -> None:
    if isinstance(strides, torch.Tensor) or type(strides).__module__ == "numpy":
        strides = strides.tolist()
    if not isinstance(strides, (list, tuple)):
        raise Incorrect(f"my_strides should be a list of seven strides; it is {shown(strides)}")
    strides = [whole_number(stride, "a stride of my_strides") for stride in strides]
    if len(strides) != 7:
        raise Incorrect(f"my_strides has {len(strides)} entries; the script has seven convolutions, 1 + 3 · 2")
    if min(strides) < 1:
        raise Incorrect(f"my_strides has a stride of {min(strides)}; a stride is 1 or more")
    last = _side(32, strides)
    if last // 8 != 1:
        many = "smaller than a window of the pool" if last < 8 else "large enough for more than one window of the pool"
        raise Incorrect(f"with my_strides the last map has {last}×{last} positions: it is {many}")
    if last != 8:
        raise Incorrect(
            f"with my_strides the last map has {last}×{last} positions; the pool would leave out some of them"
        )


def _side(side: int, strides: list[int], up: bool = True) -> int:
    for stride in strides:
        side = (side - 1) // stride + 1 if up else side // stride
    return side


def _inputs(side: int, strides: list[int], pool: int, channels: int) -> int:
    """Return what PyTorch's own layers make of it."""
    X = torch.zeros(1, 1, side, side)
    for stride in strides:
        X = F.conv2d(X, torch.zeros(1, 1, 3, 3), stride=stride, padding=1)
    return channels * F.avg_pool2d(X, pool).numel()


@exercise(
    "20.2",
    "The larger head contains the smaller",
    difficulty=2,
    minutes=10,
    names=("larger_head",),
    hints=(
        "The mean over the whole map is the mean of the cells' means. So which share does each cell get?",
        "In the flattened vector the cells of a channel stand beside each other: a a a b b b, and not a b a b a b.",
        "`weight.repeat_interleave(cells, dim=1) / cells`, under `torch.no_grad()`, and the bias as it is.",
    ),
)
def check_larger_head(larger_head: Any) -> None:
    """Random maps through both heads."""
    for channels, classes, per_side in ((64, 10, 4), (3, 5, 2), (5, 3, 3)):
        cells = per_side * per_side
        torch.manual_seed(channels)
        small = used(nn.Linear(channels, classes))
        with torch.no_grad():
            small.bias.add_(torch.randn(classes))
        with unchanged(small, "small"):
            large = call(larger_head, small, cells)
        if not isinstance(large, nn.Linear):
            raise Incorrect(f"larger_head should return an nn.Linear; it returns {shown(large)}")
        if large is small:
            raise Incorrect("larger_head returns small itself; make a new nn.Linear")
        if tuple(large.weight.shape) != (classes, cells * channels):
            raise Incorrect(
                f"for {channels} channels, {classes} classes and {cells} cells the weight has the shape "
                f"{tuple(large.weight.shape)}; expected (classes, cells · channels) = {(classes, cells * channels)}"
            )
        maps = torch.randn(4, channels, 8 * per_side, 8 * per_side)
        pooled, vector = maps.mean(dim=(2, 3)), F.avg_pool2d(maps, 8).flatten(start_dim=1)
        with torch.no_grad():
            right = small(pooled)
            found = tensor(call(large, vector), (4, classes), "the scores of the new head")
        if torch.allclose(found.to(right), right, atol=1e-5):
            _check_apart(small, large)
            continue
        _say_what_is_wrong(small, large, found, vector, cells, right)


def _check_apart(small: nn.Linear, large: nn.Module) -> None:
    kept = [weight.detach().clone() for weight in small.parameters()]
    with torch.no_grad():
        for weight in large.parameters():
            weight.add_(1)
    if not all(map(torch.equal, small.parameters(), kept)):
        raise Incorrect("the two heads share their numbers: training the one would change the other. Copy them")


def _say_what_is_wrong(
    small: nn.Linear, large: nn.Linear, found: torch.Tensor, vector: torch.Tensor, cells: int, right: Any
) -> None:
    weight, bias = small.weight.detach(), small.bias.detach()
    beside, in_turn = weight.repeat_interleave(cells, dim=1), weight.repeat(1, cells)
    zero = torch.zeros_like(bias)
    causes = [
        (beside, bias, "each cell has a share of the mean only: divide the weights by the number of cells"),
        (beside / cells, zero, "the bias is missing"),
        (beside / cells, bias / cells, "the bias is added once for all cells, so it is not divided"),
        (beside / cells, bias * cells, "the bias is added once, not once for each cell"),
        (in_turn / cells, bias, "the cells of a channel stand beside each other in the vector: a a b b, not a b a b"),
        (in_turn, bias, "the cells of a channel stand beside each other, and each has a share of the mean only"),
        (beside / cells**0.5, bias, "a mean over the cells divides by their number, not by its root"),
    ]
    for its_weight, its_bias, cause in causes:
        if torch.allclose(found, F.linear(vector, its_weight, its_bias), atol=1e-4):
            raise Incorrect(f"the scores differ: {cause}")
    times = (large.weight.detach() / (beside / cells)).median().item()
    if times and torch.allclose(large.weight.detach().to(beside), times * beside / cells, rtol=1e-4):
        if abs(times - 1) < 1e-4:
            raise Incorrect("the scores differ: the weights are right, but the bias is not that of small")
        said = f"with {cells} cells your weights are {times:.4g} times what they should be"
        raise Incorrect(f"the scores differ: {said}; which share of the mean does each cell have?")
    off = (found - right).abs().max().item()
    raise Incorrect(f"the scores of the two heads differ by up to {off:.2g}; which weight belongs to which number?")


@exercise(
    "20.3",
    "A test that weighs images",
    difficulty=1,
    minutes=10,
    names=("test_repaired",),
    hints=(
        "`F.cross_entropy(y_hat, y)` is the mean of a batch. How many images does it stand for?",
        '`reduction="sum"`, or the mean times `len(y)`; at the end divide by the number of images.',
        "`net.training` says in which mode the net was. `evaluating(net)` from `d2lhelpers.evaluating` keeps the modes "
        "of all its layers.",
    ),
)
def check_test_repaired(test_repaired: Any) -> None:
    """Batches of unequal sizes, nets with batch norm and dropout, in both modes; at last one with a frozen norm."""
    for sizes, training in (((5, 5, 2), True), ((4, 2), False), ((3, 3), True), ((7,), False), ((1, 6, 2), True)):
        torch.manual_seed(sum(sizes))
        net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(6), _Dropout(0.5), nn.Linear(6, 3))
        used(net).train(training)
        net[1].running_mean.uniform_(-1, 1)
        frozen = sizes == (1, 6, 2)
        if frozen:
            net[1].eval()
        batches = [(3 * torch.randn(size, 1, 2, 3), torch.randint(0, 3, (size,))) for size in sizes]
        y = torch.cat([y for _, y in batches])
        reference = [layer.training for layer in net.modules()]
        net.eval()
        with torch.no_grad():
            scores = [net(X) for X, _ in batches]
        for layer, mode in zip(net.modules(), reference):
            layer.training = mode
        losses = [F.cross_entropy(each, y).item() for each, (_, y) in zip(scores, batches)]
        all_scores = torch.cat(scores)
        right_loss = F.cross_entropy(all_scores, y).item()
        right_accuracy = (all_scores.argmax(dim=1) == y).float().mean().item()
        torch.manual_seed(0)
        _Dropout.modes = set()
        with unchanged(net, "the net"), unchanged(batches, "the batches"):
            result = call(test_repaired, net, torch.device("cpu"), batches, name="test_repaired")
            if frozen and net.training and net[1].training:
                raise Incorrect(
                    "a batch norm that was frozen, in evaluation mode in a net that was training, is in training mode "
                    "afterwards: net.train() sets the mode of all layers"
                )
        loss, accuracy = _two_numbers(result)
        told = f"with batches of {', '.join(map(str, sizes))} images"
        if abs(loss - right_loss) > 1e-4 * max(1, right_loss):
            causes = [
                (sum(losses) / len(losses), "it is the mean over the batches, in which a small batch counts too much"),
                (right_loss * len(y), "the sum is not divided by the number of images"),
                (sum(losses) / len(y), "the mean of a batch stands for all its images: multiply it by their number"),
                (
                    right_loss * len(y) / len(losses),
                    "the sum is divided by the number of batches; divide by that of images",
                ),
                (losses[-1], "it is the loss of the last batch"),
                (right_accuracy, "the loss comes first, and then the accuracy"),
                (
                    F.cross_entropy(all_scores.softmax(dim=1), y).item(),
                    "F.cross_entropy takes the scores themselves; it has a softmax inside",
                ),
            ]
            for wrong, cause in causes:
                if abs(loss - wrong) < 1e-4 * max(1, wrong):
                    raise Incorrect(f"{told} the loss should be {right_loss:.4f}, not {loss:.4f}: {cause}")
            mode = "; the net has to be in evaluation mode meanwhile" if True in _Dropout.modes else ""
            raise Incorrect(f"{told} the loss should be {right_loss:.4f}, not {loss:.4f}{mode}")
        if abs(accuracy - right_accuracy) > 1e-5:
            by_batch = [(s.argmax(dim=1) == y).float().mean().item() for s, (_, y) in zip(scores, batches)]
            cause = ""
            if abs(accuracy - sum(by_batch) / len(by_batch)) < 1e-5:
                cause = ": it is the mean over the batches"
            elif abs(accuracy - right_accuracy * len(y)) < 1e-5:
                cause = ": that is the number of correct predictions; divide by the number of images"
            elif abs(accuracy - 100 * right_accuracy) < 1e-3:
                cause = ": an accuracy is a share, between 0 and 1"
            raise Incorrect(f"{told} the accuracy should be {right_accuracy:.4f}, not {accuracy:.4f}{cause}")


class _Dropout(nn.Dropout):
    """It notes its mode when it is used, in one place for all its copies."""

    modes: ClassVar[set[bool]] = set()

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        _Dropout.modes.add(self.training)
        return super().forward(X)


def _two_numbers(value: Any) -> tuple[float, float]:
    if isinstance(value, torch.Tensor) and value.shape == (2,):
        value = value.tolist()
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Incorrect(f"test_repaired should return two numbers, loss and accuracy; it returns {shown(value)}")
    return number(value[0], "the mean loss"), number(value[1], "the accuracy")


@exercise(
    "20.4",
    "A schedule that fits",
    difficulty=2,
    minutes=10,
    names=("smallest_step_size", "step_for_two"),
    hints=(
        "When the last epoch begins, how often has the schedule been stepped?",
        "With a step size s, the rate of the last epoch has been divided `(num_epochs - 1) // s` times.",
        "Try 1, 2, 3, ... until that is at most `most_divisions`.",
    ),
)
def check_smallest_step_size(smallest_step_size: Any, step_for_two: Any) -> None:
    """All small cases, by counting."""
    cases = [(26, 8), (26, 2), (26, 0), (1, 0), (1, 3), (2, 0), (2, 1)]
    cases += [(9, 2), (10, 2), (12, 3), (13, 3), (30, 4), (5, 9)]
    answers = [whole_number(call(smallest_step_size, *case), "the step size") for case in cases]
    too_late = [next(size for size in range(1, e + 2) if e // size <= most) for e, most in cases]
    for (epochs, most), found in zip(cases, answers):
        right = next(size for size in range(1, epochs + 1) if (epochs - 1) // size <= most)
        if found == right:
            continue
        said = f"smallest_step_size({epochs}, {most}) = {found}; expected {right}"
        if found < 1:
            raise Incorrect(f"{said}: a step size is 1 or more")
        if (epochs - 1) // found > most:
            times = counted((epochs - 1) // found, "time")
            raise Incorrect(f"{said}: with {found} the last epoch's rate has been divided {times}")
        if answers == too_late:
            stepped = counted(epochs - 1, "time")
            raise Incorrect(
                f"{said}: the step after the last epoch comes too late to count; it is stepped {stepped} before"
            )
        raise Incorrect(f"{said}: a smaller step size does as well")
    found = whole_number(step_for_two, "step_for_two")
    if found != 9:
        causes = {8: "with 8 it is divided after epochs 8, 16, and 24: three times", 13: "that is for one division",
                  12: "a smaller one does as well", 3: "that is for eight divisions"}  # fmt: skip
        raise Incorrect(f"step_for_two = {found} is not it: {causes.get(found, 'call your function for 26 epochs')}")


@exercise(
    "20.5",
    "The whole block as one convolution",
    difficulty=3,
    minutes=15,
    names=("one_convolution",),
    hints=(
        "`as_one_kernel(block, channels)` gives weight and bias of the two convolutions, for a block in 64 bits: "
        "`copy.deepcopy(block).double()`.",
        "The shortcut is a convolution too: which 7×7 kernel hands each channel on as it is?",
        "Add 1 in the middle of the kernels from each channel to itself: `weight[c, c, 3, 3] += 1`.",
    ),
)
def check_one_convolution(one_convolution: Any) -> None:
    """Blocks of several widths, with unusual weights, away from the outermost ring."""
    for channels, dtype in ((3, torch.float64), (20, torch.float32), (5, torch.float64)):
        torch.manual_seed(channels)
        block = used(_Block(channels).to(dtype))
        with unchanged(block, "the block"):
            one = call(one_convolution, block)
        if not isinstance(one, nn.Conv2d):
            raise Incorrect(f"one_convolution should return an nn.Conv2d; it returns {shown(one)}")
        if tuple(one.weight.shape) != (channels, channels, 7, 7):
            raise Incorrect(
                f"for {channels} channels the weight has the shape {tuple(one.weight.shape)}; "
                f"expected {(channels, channels, 7, 7)}"
            )
        if one.weight.dtype != dtype:
            raise Incorrect(f"the block's numbers are {dtype}, those of your convolution {one.weight.dtype}")
        X = torch.randn(2, channels, 12, 11, dtype=dtype)
        with torch.no_grad():
            right, found = block(X), tensor(F.relu(call(one, X)), None, "the output of your convolution")
        if found.shape != right.shape:
            raise Incorrect(f"a map of {tuple(X.shape)} becomes {tuple(found.shape)}; is the padding 3?")
        inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
        near = 1e-9 if dtype == torch.float64 else 1e-3
        if (found - right)[inside].abs().max() < near:
            continue
        raise Incorrect("the outputs differ inside the ring: " + _cause(block, one, X, right, inside, near))


class _Block(nn.Module):
    """The second script's block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 30, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(30, channels, kernel_size=3, padding=1)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return F.relu(X + self.conv2(self.conv1(X)))


def _cause(block: _Block, one: nn.Conv2d, X: torch.Tensor, right: torch.Tensor, inside: Any, near: float) -> str:
    """Try what would repair it."""

    def repaired(weight: torch.Tensor, bias: torch.Tensor) -> bool:
        with torch.no_grad():
            return bool((F.relu(F.conv2d(X, weight, bias, padding=3)) - right)[inside].abs().max() < near)

    weight = one.weight.detach()
    zero = torch.zeros(len(weight), dtype=weight.dtype)
    bias = zero if one.bias is None else one.bias.detach()
    identity = torch.zeros_like(weight)
    identity[range(len(weight)), range(len(weight)), 3, 3] = 1
    everywhere = torch.zeros_like(weight)
    everywhere[:, :, 3, 3] = 1
    with torch.no_grad():
        its_bias = block.conv2(block.conv1(torch.zeros_like(X[:1])))[0, :, 6, 6]
    trials = [
        (weight, bias, "with zeros around the map your numbers are right; look at what else the convolution is told"),
        (weight + identity, bias, "the shortcut is missing: the block adds its input"),
        (weight, its_bias, "the bias is not that of the two convolutions together; what do they make of a dark image?"),
        (weight + identity, its_bias, "the shortcut is missing, and the bias is not that of the two together"),
        (weight - everywhere + identity, bias, "the shortcut hands each channel to itself, not every channel to all"),
        (weight.flip(2, 3), bias, "the kernel is upside down: flip it in both directions"),
        ((weight - identity).flip(2, 3) + identity, bias, "the kernel is upside down: flip it in both directions"),
        (weight.transpose(2, 3), bias, "height and width are exchanged"),
        ((weight - identity).transpose(2, 3) + identity, bias, "height and width are exchanged"),
        (weight.transpose(0, 1), bias, "channels in and out are exchanged"),
        ((weight - identity).transpose(0, 1) + identity, bias, "channels in and out are exchanged"),
    ]
    for its_weight, its_own_bias, cause in trials:
        if repaired(its_weight, its_own_bias):
            return cause
    return f"by up to {(F.relu(one(X)) - right)[inside].abs().max().item():.2g}"
