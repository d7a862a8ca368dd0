"""The exhibits of notebook 15: the bug museum."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.exercise import exercise
from d2lhelpers.course.exhibit import check_hunt
from d2lhelpers.evaluating import evaluating
from d2lhelpers.residual import Plain, Residual, ZeroPadding


@exercise(
    "15.1",
    "The heavy shortcut",
    difficulty=1,
    minutes=7,
    names=("diagnosis_1", "test_shortcut"),
    hints=(
        "Count the parameters of `Residual(64, 128, use_1x1conv=True, strides=2)` by hand, layer by layer.",
        "Which kernel size does `conv3` have, and which does its switch promise? Assert it, or assert the count.",
    ),
)
def check_15_1(diagnosis: Any, test: Any) -> None:
    """The 1×1 convolution is a 3×3 one."""
    check_hunt(
        "15.1",
        "Residual",
        (diagnosis, test),
        right="c",
        wrong={
            "a": "the input is added in the last line of forward",
            "b": "conv1 and conv3 both have the stride, so the shapes agree",
            "d": "there is a ReLU between the convolutions, and one after the addition",
        },
        also_right={"the package's block": Residual},
        also_broken={"a kernel of 5×5": _WithKernel5},
    )


@exercise(
    "15.2",
    "Far behind",
    difficulty=1,
    minutes=7,
    names=("diagnosis_2", "test_unit"),
    hints=(
        "Follow `identity` from the line where it is made to the line where it is used.",
        "Set every parameter of `ResidualUnit(4, 4)` to zero: then F(x) is zero. What should be left of an input?",
    ),
)
def check_15_2(diagnosis: Any, test: Any) -> None:
    """The input is never added."""
    check_hunt(
        "15.2",
        "ResidualUnit",
        (diagnosis, test),
        right="a",
        wrong={
            "b": "conv1 and the convolution of downsample both get the stride",
            "c": "the first line after identity = x has a ReLU around bn1",
            "d": "the convolution of downsample has kernel_size=1, as it should",
        },
        also_right={"biases, and an addition in place": _BasicBlock},
        also_broken={"a plain block of other code": _PlainUnit},
    )


@exercise(
    "15.3",
    "Milestones that change nothing",
    difficulty=1,
    minutes=7,
    names=("diagnosis_3", "test_rates"),
    hints=(
        "Print what the function returns for `milestones=[1, 2]` and three epochs.",
        "With lr=1.0 and milestones=[1], two epochs should have the rates 1.0 and 0.1. "
        "A tiny net and one batch will do.",
    ),
)
def check_15_3(diagnosis: Any, test: Any) -> None:
    """The scheduler is never stepped."""
    check_hunt(
        "15.3",
        "train_with_milestones",
        (diagnosis, test),
        right="d",
        wrong={
            "a": "zero_grad comes before each backward, so no gradient is left over from the step before",
            "b": "the scheduler is made from this optimizer, and holds on to it",
            "c": "gamma=0.1 multiplies the rate by 0.1, which makes a tenth of it",
        },
        also_right={"the rate divided by hand, arguments in order": _train_by_hand},
        also_broken={"a step of the schedule after the last epoch only": _train_with_one_late_step},
    )


@exercise(
    "15.4",
    "Never ran on CIFAR",
    difficulty=1,
    minutes=7,
    names=("diagnosis_4", "test_pooled_net"),
    hints=(
        "Write down the shape after each line of `forward`, for one image of 32×32 pixels.",
        "`avg_pool2d(out, 8)` makes one number of each 8×8 square. How many squares has a map of 32×32?",
    ),
)
def check_15_4(diagnosis: Any, test: Any) -> None:
    """The pooling leaves 4×4 numbers per channel where the linear layer expects one."""
    check_hunt(
        "15.4",
        "PooledNet",
        (diagnosis, test),
        right="b",
        wrong={
            "a": "all convolutions have padding=1, and the maps keep their 32×32 pixels",
            "c": "start_dim=1 leaves the images of the batch apart: the message speaks of 2 rows, one for each image",
            "d": "what is added has the shape (batch, 64, 32, 32) on both sides; the message comes from the last line",
        },
        also_right={"made for 32×32 and no other size": _pooled_by(32), "a mean over the pixels": _PooledByMean,
                    "a last layer for all 1,024 numbers": _ScoresOfAllSquares},
        also_broken={"squares of 16×16": _pooled_by(16),
                     "it runs, with a row of scores for each square": _ScoresOfEachSquare,
                     "it runs, with 160 scores for each image": _AllScoresOfSquares,
                     "it runs, with the scores of an image in a column": _ScoresInColumns,
                     "it runs for one image alone, several share one row": _OneRowForAll},
    )  # fmt: skip


@exercise(
    "15.5",
    "Sixteen instead of 272",
    difficulty=1,
    minutes=10,
    names=("diagnosis_5", "test_norms"),
    hints=(
        "Print `small_resnet(2)` and count the norm layers.",
        "Follow the argument `norm` from `small_resnet` downwards. Where is it handed on, and where not? "
        "There should be as many norms as convolutions.",
    ),
)
def check_15_5(diagnosis: Any, test: Any) -> None:
    """The blocks do not get the norm."""
    check_hunt(
        "15.5",
        "small_resnet",
        (diagnosis, test),
        right="c",
        wrong={
            "a": "where there is a norm, it is appended after the convolution",
            "b": "with a norm the condition is true: the stem has one",
            "d": "the list is unpacked into an nn.Sequential, which registers each of its layers",
        },
        also_right={"layers in attributes, norms made first": _normed_net, "a module around all layers": _NormedNet},
        also_broken={
            "the second convolution of each block has none": _half_normed_net,
            "the first convolution of the net has none": _net_without_first_norm,
        },
    )


@exercise(
    "15.6",
    "The shrinking maps",
    difficulty=2,
    minutes=10,
    names=("diagnosis_6", "test_stage"),
    hints=(
        "Write down `halves` for i = 0, 1 and both values of first_block: four cases.",
        "A later stage of two blocks should halve height and width once, and the first stage never. Assert the shapes, "
        "for both kinds of stage.",
    ),
)
def check_15_6(diagnosis: Any, test: Any) -> None:
    """Every block of a stage halves the maps."""
    check_hunt(
        "15.6",
        "stage",
        (diagnosis, test),
        right="a",
        wrong={
            "b": "conv1 and conv3 both get the stride; otherwise the addition would fail",
            "c": "range(num_residuals) makes as many blocks as were asked for",
            "d": "only the first block changes the channels: input_channels is num_channels from then on",
        },
        also_right={
            "a list of strides": _stage_by_strides,
            "layers of other names": _stage_of_other_names,
            "averages that halve, shortcuts without parameters": _stage_by_averages,
        },
        also_broken={
            "the first stage right, all other blocks halve": _stage_that_halves_later,
            "later stages right, the first one halves too": _stage_that_always_halves,
        },
    )


@exercise(
    "15.7",
    "A branch that cannot learn sizes",
    difficulty=2,
    minutes=12,
    names=("diagnosis_7", "test_branch"),
    hints=(
        "In eval mode a convolution and a batch norm both map means to means. What else is in `branch`?",
        "In eval mode, compare `branch((A + B) / 2)` with `(branch(A) + branch(B)) / 2`. They should differ.",
    ),
)
def check_15_7(diagnosis: Any, test: Any) -> None:
    """No activation between the convolutions."""
    check_hunt(
        "15.7",
        "BlockWithBranch",
        (diagnosis, test),
        right="d",
        wrong={
            "a": "the last layer of the branch is a batch norm, and the only ReLU comes after the addition",
            "b": "X is added once, in the last line",
            "c": "padding=1 keeps all rows and columns of the maps",
        },
        also_right={"the ReLU in forward, not a layer; without biases, so that twice the input gives twice F":
                    _with_branch(_FunctionalBranch),
                    "without norms": _with_branch(_branch_without_norms)},
        also_broken={"a dropout in place of the activation": _with_branch(_dropout_branch)},
    )  # fmt: skip


@exercise(
    "15.8",
    "It only ever grows",
    difficulty=2,
    minutes=10,
    names=("diagnosis_8", "test_identity_block"),
    hints=(
        "Take an input without negative numbers, and compare the output with it, number by number.",
        "F(x) is the output less the input. Which sign does it have in the broken block, for `torch.rand(2, 4, 6, 5)`?",
    ),
)
def check_15_8(diagnosis: Any, test: Any) -> None:
    """A ReLU before the addition."""
    check_hunt(
        "15.8",
        "IdentityBlock",
        (diagnosis, test),
        right="b",
        wrong={
            "a": "the first line of forward has a ReLU between the convolutions",
            "c": "x is added in the last line, after bn2",
            "d": "the last line has a ReLU around the sum",
        },
        also_right={"biases, and an addition in place": _IdentityBasicBlock, "layers of other names": _SequentialBlock},
        also_broken={"layers of other names, the ReLU in a Sequential": _SequentialBlockThatOnlyPushesUp},
    )


@exercise(
    "15.9",
    "Two accuracies for one net",
    difficulty=2,
    minutes=10,
    names=("diagnosis_9", "test_evaluate"),
    hints=(
        "Batches may be a list of pairs. Try one batch of nine images, all classified rightly, and one of one image.",
        "With `nn.Identity()` as the net, you choose the scores. Nine right of nine and none right of one make 0.9.",
    ),
)
def check_15_9(diagnosis: Any, test: Any) -> None:
    """The mean of the batches' shares."""
    check_hunt(
        "15.9",
        "evaluate",
        (diagnosis, test),
        right="b",
        wrong={
            "a": "net.eval() comes first, and nothing switches back before the end",
            "c": "the scores are (batch, classes), and dim=1 runs over the classes",
            "d": "no_grad stands around the loop, and gradients would not change what is predicted",
        },
        also_right={
            "all predictions in one tensor": _evaluate_at_once,
            "the modes put back": _evaluate_and_put_back,
        },
        also_broken={"the mean of the shares in one line": _evaluate_by_mean},
    )


@exercise(
    "15.10",
    "Four batches of twenty",
    difficulty=2,
    minutes=12,
    names=("diagnosis_10", "test_training"),
    hints=(
        "Go through two epochs on paper, and write beside each line which mode the net is in.",
        "A batch norm counts the batches it has learned from, in `num_batches_tracked`. Train two epochs or more, "
        "and compare with the batches there were.",
    ),
)
def check_15_10(diagnosis: Any, test: Any) -> None:
    """Eval mode is never left again."""
    check_hunt(
        "15.10",
        "train_and_evaluate",
        (diagnosis, test),
        right="a",
        wrong={
            "b": "the test images are only looked at, under no_grad; backward and step see the training batches",
            "c": "zero_grad comes before each backward, in all epochs",
            "d": "the optimizer is made once, before the first epoch, and SGD without momentum has nothing to remember",
        },
        also_right={"the evaluation switches back": _train_and_switch_back},
        also_broken={"the evaluation leaves eval mode behind": _train_and_stay},
    )


@exercise(
    "15.11",
    "Same input, two results",
    difficulty=2,
    minutes=10,
    names=("diagnosis_11", "test_adding_block"),
    hints=(
        "Which of the names in `forward` stand for the very tensor that the caller passed?",
        "Keep a copy, `before = X.clone()`, call the block under `torch.no_grad()`, and compare X with the copy.",
    ),
)
def check_15_11(diagnosis: Any, test: Any) -> None:
    """The addition in place changes the caller's tensor."""
    check_hunt(
        "15.11",
        "AddingBlock",
        (diagnosis, test),
        right="d",
        wrong={
            "a": "in eval mode a batch norm uses what it has stored and stores nothing new; it happens there too",
            "b": "there is no dropout, and no other layer draws numbers",
            "c": "no line of forward assigns to a weight, and there is no optimizer",
        },
        also_right={
            "an addition in place, to a tensor of its own": _IdentityBasicBlock,
            "the package's block": _IdentityResidual,
        },
        also_broken={"add_ in the place of +=": _AddsWithMethod},
    )


@exercise(
    "15.12",
    "Looking changes it",
    difficulty=3,
    minutes=12,
    names=("diagnosis_12", "test_layer_shapes"),
    hints=(
        "Which numbers of a net can change without an optimizer? `net.state_dict()` lists all that it keeps.",
        "Copy the numbers of a net in training mode with a batch norm, `value.clone()` for each, look at its shapes, "
        "and compare. Without clone you compare the numbers with themselves.",
    ),
)
def check_15_12(diagnosis: Any, test: Any) -> None:
    """The shapes are looked at in training mode, and the running statistics move."""
    check_hunt(
        "15.12",
        "layer_shapes",
        (diagnosis, test),
        right="c",
        wrong={
            "a": "X is a tensor that the function made itself; no image of yours is touched",
            "b": "the loop runs through all layers, each once and in order",
            "d": "gradients are recorded at most; without an optimizer's step no weight changes",
        },
        also_right={
            "shapes of a copy": _shapes_of_a_copy,
            "the package's evaluating": _shapes_while_evaluating,
            "what the net keeps is put back": _shapes_and_put_back,
        },
        also_broken={"no_grad, still in training mode": _shapes_without_gradient},
    )


@exercise(
    "15.13",
    "A figure with one line",
    difficulty=3,
    minutes=12,
    names=("diagnosis_13", "test_signal"),
    hints=(
        "Which names does the function read, and where does each of them get its value?",
        "Compute a case by hand: a gain of 2 through 3 layers gives 8. Take a number of layers "
        "that no other cell uses.",
    ),
)
def check_15_13(diagnosis: Any, test: Any) -> None:
    """The function reads a global that an earlier loop left over."""
    check_hunt(
        "15.13",
        "signal_after",
        (diagnosis, test),
        right="b",
        wrong={
            "a": "the gains are the same for the three lines on purpose: what should differ is the number of layers",
            "c": "signal * gain makes a new tensor each time, so the lines do not share one",
            "d": "2, 20 and 56 are three keys, and the dictionary has three entries",
        },
        also_right={"a function that calls itself": _signal_by_recursion},
        also_broken={"another number left over": _signal_after_36_layers},
    )


# Right code written differently, and the same mistakes elsewhere


class _WithKernel5(Residual):
    def __init__(self, input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1) -> None:
        super().__init__(input_channels, num_channels, use_1x1conv, strides)
        if use_1x1conv:
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=5, padding=2, stride=strides)


class _BasicBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        shortcut = nn.Conv2d(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels)
        self.downsample = nn.Sequential(*shortcut) if stride != 1 or in_channels != out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class _IdentityBasicBlock(_BasicBlock):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)


class _IdentityResidual(Residual):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)


class _PlainUnit(Plain):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, stride != 1 or in_channels != out_channels, stride)


def _train_by_hand(
    net: nn.Module, batches: Any, num_epochs: int, lr: float, milestones: Iterable[int], /
) -> list[float]:
    rates = []
    for epoch in range(num_epochs):
        lr *= 0.1 ** list(milestones).count(epoch)
        for X, y in batches:
            weights = [weight for weight in net.parameters() if weight.requires_grad]
            gradients = torch.autograd.grad(F.cross_entropy(net(X), y), weights, allow_unused=True)
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients):
                    if gradient is not None:
                        weight -= lr * gradient
        rates.append(lr)
    return rates


def _train_with_one_late_step(
    net: nn.Module, batches: Any, num_epochs: int, lr: float, milestones: Iterable[int]
) -> list[float]:
    return _train_by_hand(net, batches, num_epochs, lr, [])


class _PooledByMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU())
        self.residual = Residual(64, 64)
        self.linear = nn.Linear(64, 10)

    def pooled(self, out: Tensor) -> Tensor:
        return out.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(self.pooled(self.residual(self.body(images))))


def _pooled_by(size: int) -> type[nn.Module]:
    class Pooled(_PooledByMean):
        def pooled(self, out: Tensor) -> Tensor:
            return F.avg_pool2d(out, size).flatten(start_dim=1)

    return Pooled


class _ScoresOfAllSquares(_PooledByMean):
    def __init__(self) -> None:
        super().__init__()
        del self.linear
        self.scores = nn.Linear(16 * 64, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.scores(F.avg_pool2d(self.residual(self.body(images)), 8).flatten(start_dim=1))


class _ScoresOfEachSquare(_PooledByMean):
    def pooled(self, out: Tensor) -> Tensor:
        return F.avg_pool2d(out, 8).permute(0, 2, 3, 1).reshape(-1, 64)


class _AllScoresOfSquares(_ScoresOfEachSquare):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).reshape(len(images), -1)


class _ScoresInColumns(_PooledByMean):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).T


class _OneRowForAll(_PooledByMean):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).mean(dim=0, keepdim=True)


class _NormedBlock(nn.Module):
    def __init__(self, channels: int, norm: Any, twice: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList([norm(channels) for _ in range(1 + twice)]) if norm else []
        self.convolutions = nn.ModuleList([nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)])

    def forward(self, X: Tensor) -> Tensor:
        norms = [*self.norms, nn.Identity(), nn.Identity()]
        Y = F.relu(norms[0](self.convolutions[0](X)))
        return F.relu(norms[1](self.convolutions[1](Y)) + X)


def _normed_net(num_blocks: int, channels: int = 8, norm: Any = nn.BatchNorm2d, twice: bool = True) -> nn.Sequential:
    stem = [nn.Conv2d(1, channels, 3, padding=1), *([norm(channels)] if norm else []), nn.ReLU()]
    blocks = [_NormedBlock(channels, norm, twice) for _ in range(num_blocks)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class _NormedNet(nn.Module):
    def __init__(self, num_blocks: int, channels: int = 8, norm: Any = nn.BatchNorm2d) -> None:
        super().__init__()
        self.layers = _normed_net(num_blocks, channels, norm)

    def forward(self, X: Tensor) -> Tensor:
        return self.layers(X)


def _net_without_first_norm(num_blocks: int, channels: int = 8, norm: Any = nn.BatchNorm2d) -> nn.Sequential:
    blocks = [_NormedBlock(channels, norm, True) for _ in range(num_blocks)]
    stem, relu, *head = _normed_net(0, channels, None)
    return nn.Sequential(stem, relu, *blocks, *head)


def _half_normed_net(num_blocks: int, channels: int = 8, norm: Any = nn.BatchNorm2d) -> nn.Sequential:
    return _normed_net(num_blocks, channels, norm, twice=False)


def _stage_of(channels: list[int], strides: list[int]) -> nn.Sequential:
    return nn.Sequential(
        *(
            Residual(before, after, use_1x1conv=stride != 1 or before != after, strides=stride)
            for before, after, stride in zip(channels, channels[1:], strides)
        )
    )


def _stage_by_strides(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> nn.Sequential:
    strides = [1 if first_block else 2] + [1] * (num_residuals - 1)
    return _stage_of([input_channels] + [num_channels] * num_residuals, strides)


class _BlockOfOtherNames(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        first = nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU()
        self.main = nn.Sequential(*first, nn.Conv2d(after, after, 3, 1, 1), nn.BatchNorm2d(after))
        self.side = nn.Conv2d(before, after, 1, stride) if stride != 1 or before != after else nn.Identity()

    def forward(self, X: Tensor) -> Tensor:
        return F.relu(self.main(X) + self.side(X))


def _stage_of_other_names(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> nn.Sequential:
    first = _BlockOfOtherNames(input_channels, num_channels, 1 if first_block else 2)
    return nn.Sequential(first, *(_BlockOfOtherNames(num_channels, num_channels, 1) for _ in range(num_residuals - 1)))


class _BlockOfAverages(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, after, 3, padding=1, bias=False) for channels in (before, after))
        self.main = nn.Sequential(first, nn.BatchNorm2d(after), nn.ReLU(), second, nn.BatchNorm2d(after))
        self.side = ZeroPadding(after, stride)

    def forward(self, X: Tensor) -> Tensor:
        return F.relu(self.main(F.avg_pool2d(X, self.side.strides, ceil_mode=True)) + self.side(X))


def _stage_by_averages(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> nn.Sequential:
    first = _BlockOfAverages(input_channels, num_channels, 1 if first_block else 2)
    return nn.Sequential(first, *(_BlockOfAverages(num_channels, num_channels, 1) for _ in range(num_residuals - 1)))


def _stage_that_always_halves(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> nn.Sequential:
    return _stage_by_averages(input_channels, num_channels, num_residuals)


def _stage_that_halves_later(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> nn.Sequential:
    strides = [1 if first_block else 2] * num_residuals
    return _stage_of([input_channels] + [num_channels] * num_residuals, strides)


def _with_branch(make_branch: Any) -> type[nn.Module]:
    class Block(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.branch = make_branch(channels)

        def forward(self, X: Tensor) -> Tensor:
            return F.relu(self.branch(X) + X)

    return Block


class _FunctionalBranch(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, X: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.bn1(self.conv1(X)).clamp(min=0)))


def _branch_without_norms(channels: int) -> nn.Sequential:
    first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
    return nn.Sequential(first, nn.ReLU(), second)


def _dropout_branch(channels: int) -> nn.Sequential:
    convolutions = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)]
    norms = [nn.BatchNorm2d(channels) for _ in range(2)]
    return nn.Sequential(convolutions[0], norms[0], nn.Dropout(), convolutions[1], norms[1])


class _SequentialBlock(nn.Module):
    last: list[nn.Module] = []

    def __init__(self, channels: int) -> None:
        super().__init__()
        first = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        second = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.layers = nn.Sequential(*first, *second, *self.last)

    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp(x + self.layers(x), min=0)


class _SequentialBlockThatOnlyPushesUp(_SequentialBlock):
    last = [nn.ReLU()]


def _evaluate_at_once(net: nn.Module, batches: Any) -> float:
    net.eval()
    with torch.no_grad():
        right = torch.cat([net(X).argmax(dim=1) == y for X, y in batches])
    return right.sum().item() / right.numel()


def _evaluate_and_put_back(net: nn.Module, batches: Any, /) -> float:
    with evaluating(net):
        return _evaluate_at_once(net, batches)


def _evaluate_by_mean(net: nn.Module, batches: Any) -> float:
    net.eval()
    with torch.no_grad():
        return float(torch.stack([(net(X).argmax(dim=1) == y).double().mean() for X, y in batches]).mean())


def _train_and_switch_back(
    net: nn.Module, train_batches: Any, test_batches: Any, num_epochs: int, lr: float, /, back: bool = True
) -> list[float]:
    net.train()
    accuracies = []
    for _ in range(num_epochs):
        _train_by_hand(net, train_batches, 1, lr, [])
        accuracies.append(_evaluate_at_once(net, test_batches))
        net.train(back)
    return accuracies


def _train_and_stay(net: nn.Module, train_batches: Any, test_batches: Any, num_epochs: int, lr: float) -> list[float]:
    return _train_and_switch_back(net, train_batches, test_batches, num_epochs, lr, back=False)


class _AddsWithMethod(_IdentityResidual):
    def forward(self, X: Tensor) -> Tensor:
        Y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X)))))
        return F.relu(X.add_(Y))


def _shapes_of_a_copy(net: nn.Sequential, *size: int) -> list[tuple[str, tuple[int, ...]]]:
    X, shapes = torch.rand(size), []
    for layer in copy.deepcopy(net).eval():
        X = layer(X)
        shapes.append((type(layer).__name__, tuple(X.shape)))
    return shapes


def _shapes_without_gradient(net: nn.Sequential, *size: int) -> list[tuple[str, tuple[int, ...]]]:
    X, shapes = torch.rand(size), []
    with torch.no_grad():
        for layer in net:
            X = layer(X)
            shapes.append((type(layer).__name__, tuple(X.shape)))
    return shapes


def _shapes_while_evaluating(net: nn.Sequential, *size: int) -> list[tuple[str, tuple[int, ...]]]:
    with evaluating(net):
        return _shapes_without_gradient(net, *size)


def _shapes_and_put_back(net: nn.Sequential, *size: int) -> list[tuple[str, tuple[int, ...]]]:
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    shapes = _shapes_without_gradient(net, *size)
    net.load_state_dict(kept)
    return shapes


def _signal_by_recursion(gain: Any, layers: int) -> Tensor:
    gain = torch.as_tensor(gain)
    return torch.ones_like(gain) if layers < 1 else _signal_by_recursion(gain, layers - 1) * gain


def _signal_after_36_layers(gain: Any, layers: int) -> Tensor:
    return _signal_by_recursion(gain, 36)  # not so many that a gain of 2 or 10 becomes infinite
