"""The exercises of notebook 03: residual blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, shown, unchanged, used, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.course.n03_residual_blocks.blocks import (
    check_gradient,
    conv,
    name_the_cause,
    new_block,
    output_of,
    paddings,
    random,
    same,
    set_unusual_weights,
)
from d2lhelpers.residual import Plain, Residual


@exercise(
    "3.1",
    "A block without batch norm",
    difficulty=2,
    minutes=10,
    names=("ResidualWithoutNorm",),
    hints=(
        "Take the class `Residual` of this page and leave out what it does not need: "
        "batch norms, strides, the 1×1 convolution.",
        "`forward` has three steps: `Y = F.relu(self.conv1(X))`, then `Y = self.conv2(Y)`, then add and ReLU.",
    ),
)
def check_residual_without_norm(ResidualWithoutNorm: Any) -> None:
    """The formula with the block's own weights, on images that are not square and of both signs."""
    for channels in (5, 1, 16):
        kinds = {"conv1": nn.Conv2d, "conv2": nn.Conv2d}
        _check_without_norm(new_block(ResidualWithoutNorm, "ResidualWithoutNorm", channels, kinds), channels)


def _check_without_norm(block: nn.Module, channels: int) -> None:
    def right(X: Tensor) -> Tensor:
        return F.relu(conv(block.conv2, F.relu(conv(block.conv1, X))) + X)

    for training, shape in ((True, (2, channels, 7, 6)), (False, (1, channels, 4, 9)), (False, (3, channels, 1, 1))):
        block.train(training)
        X = random(shape)
        output = output_of(block, X)
        if not same(output, right(X)):
            otherwise = "the output is not relu(F(x) + x) with F = conv1, ReLU, conv2."
            name_the_cause(output, _causes_without_norm(block, X), otherwise, block, X, right)
    check_gradient(block, right, channels)


def _causes_without_norm(block: nn.Module, X: Tensor) -> Iterable[tuple[Tensor, str]]:
    conv1, conv2 = (lambda Z: conv(block.conv1, Z)), (lambda Z: conv(block.conv2, Z))
    hidden = F.relu(conv1(X))
    Y = conv2(hidden)
    yield (
        F.relu(Y),
        "shapes and count are right, but with F set to zero the output does not depend on the input: "
        "is the input added?",
    )
    yield Y, "the output is F(x) alone: the input is not added, and the last ReLU is missing."
    yield Y + X, "the ReLU after the addition is missing."
    yield F.relu(Y) + X, "the last ReLU comes before the addition; it belongs after it."
    yield F.relu(F.relu(Y) + X), "there is a ReLU too many, before the addition: F can only push up."
    yield F.relu(conv2(conv1(X)) + X), "there is no ReLU between the convolutions, so that both are one."
    yield conv2(conv1(X)) + X, "there is no ReLU at all: one belongs between the convolutions, one after the sum."
    yield F.relu(Y + hidden), "what left the first ReLU is added; what entered conv1 should be."
    yield F.relu(Y + conv1(X)), "what left conv1 is added; what entered conv1 should be."
    yield F.relu(Y - X), "the input is subtracted; it should be added."
    yield F.relu(Y * X), "the input is multiplied with F(x); it should be added."
    yield F.relu(Y + 2 * X), "the input is added twice."
    yield F.relu(conv1(hidden) + X), "conv1 is used twice and conv2 never."
    yield F.relu(conv1(F.relu(conv2(X))) + X), "conv2 is used before conv1."
    yield F.relu(Y + F.relu(X)), "the input passes a ReLU before it is added; its negative numbers belong to it."
    yield F.relu(conv2(F.relu(conv1(F.relu(X)))) + X), "the input passes a ReLU before conv1."
    yield (
        F.relu(conv2(F.relu(conv1(F.relu(X)))) + F.relu(X)),
        "the input passes a ReLU at the start; its negative numbers belong to it, in conv1 and in the sum.",
    )
    yield F.relu(conv2(conv1(F.relu(X))) + X), "the first ReLU stands before conv1; it belongs between conv1 and conv2."
    for other in (F.gelu, F.leaky_relu, F.silu, F.elu, torch.tanh, torch.sigmoid):
        yield F.relu(conv2(other(conv1(X))) + X), f"between the convolutions stands {other.__name__}, not a ReLU."
    Y = conv(block.conv2, F.relu(conv(block.conv1, X, block.conv1.padding)), block.conv2.padding)
    if Y.shape == X.shape:
        yield F.relu(Y + X), paddings(block)


@exercise(
    "3.2",
    "A detector",
    difficulty=2,
    minutes=15,
    names=("adds_its_input",),
    hints=(
        "Test 1 of this page needs two lines: set F to zero, and compare. It spoils the block, though. "
        "What could you spoil in its place?",
        "`copy.deepcopy(block)` gives a block that you may spoil: weights, stored statistics, all. "
        "With F at zero, what does a right block return for an X with negative numbers?",
        "In the copy, set both `bn2.weight` and `bn2.bias` to zero and return `torch.equal(the_copy(X), F.relu(X))`.",
    ),
)
def check_detector(adds_its_input: Any) -> None:
    """Right blocks and wrong ones, new and with unusual weights, in both modes; none may be changed."""
    said, spoiled = {}, None
    for k, (name, (new, training, combine)) in enumerate(_SUSPECTS.items()):
        channels = 5 if "five channels" in name else 3
        block = used(_suspect(combine, new, channels, seed=k)).train(training)
        X = random((4, channels, 6, 5), seed=k)
        try:
            with unchanged(block, "the block"), unchanged(X, "X"):
                said[name] = _yes_or_no(call(adds_its_input, block, X, name="adds_its_input"))
        except Incorrect as error:
            if name not in said:
                raise
            spoiled = spoiled or error
    wrong_blocks = [name for name in said if not name.startswith("right")]
    of_three = [answer for name, answer in said.items() if "five channels" not in name]
    if len(set(of_three)) == 1:
        _check_it_goes_by_numbers(adds_its_input)
    if all(answer != name.startswith("right") for name, answer in said.items()):
        raise Incorrect(
            "your detector says False about every block that is right, and True about all others: "
            "are True and False swapped?"
        )
    if all(of_three):
        raise Incorrect(
            "your detector says True about every block, also about one that never adds its input. Shape and number of "
            "parameters do not tell them apart; the numbers that come out do."
        )
    if not any(of_three):
        raise Incorrect(
            "your detector says False about every block, also about the book's. Try it on Residual(3, 3), which is "
            "right, and look at the two tensors that it compares."
        )
    right_in_train_mode = [said[name] for name in _RIGHT_ONES if _SUSPECTS[name][1]]
    if not any(right_in_train_mode) and said[_RIGHT_IN_EVAL_MODE] and not said[_NEVER_ADDS_IN_EVAL_MODE]:
        raise Incorrect(
            "your detector says False about every right block in train mode, and is right about those in eval mode. "
            "In train mode a batch norm uses the statistics of the batch, not its stored ones."
        )
    for name, hint in _RIGHT_ONES.items():
        if not said[name]:
            seen, hint = _SEEN.get(name, ""), hint if _is_behind_it(adds_its_input, name) else ""
            raise Incorrect(f"your detector says False about {name.partition(': ')[2]}. {seen}{hint}".rstrip())
    missed = [name for name in wrong_blocks if said[name]]
    if missed:
        raise Incorrect(f"your detector says True about {missed[0]}.")
    if spoiled:
        raise Incorrect(f"its answers are right, but {spoiled}")


def _check_it_goes_by_numbers(adds_its_input: Any) -> None:
    """Give it two blocks twice, the second time under another class; the numbers are the same."""
    for name, kind in ((_RIGHT_AND_NEW, Residual), (_NEVER_ADDS, NeverAdds)):
        new, training, combine = _SUSPECTS[name]
        block, twin = _suspect(combine, new, 3, seed=0).train(training), kind(3, 3).train(training)
        twin.load_state_dict(block.state_dict())
        one, other = (
            _yes_or_no(call(adds_its_input, suspect, random((4, 3, 6, 5)), name="adds_its_input"))
            for suspect in (block, twin)
        )
        if one != other:
            raise Incorrect(
                "your detector goes by a block's class, name or source, and not by what it computes: "
                f"it says {other} about a {kind.__name__}, and {one} about a block of another class that does the same."
            )


def _is_behind_it(adds_its_input: Any, name: str) -> bool:
    """Tell whether the detector is right where the hint about this block does not matter."""
    if name not in (_RIGHT_AND_NEW, _RIGHT_AND_UNUSUAL, _RIGHT_IN_EVAL_MODE):
        return True
    new, training, combine = _SUSPECTS[name]
    seed = list(_SUSPECTS).index(name)
    X = 0.05 * random((4, 3, 6, 5), seed=seed)  # so small that an output is hardly like it
    blocks = [_suspect(combine, new, 3, seed).train(training) for _ in range(2)]
    with torch.no_grad():
        if name == _RIGHT_AND_NEW:
            X = F.relu(X)
        elif name == _RIGHT_AND_UNUSUAL:
            for block in blocks:
                block.bn2.bias.zero_()
        else:  # what is stored is zero, or that of the batch
            blocks[0].conv2.bias.zero_()
            blocks[0].bn2.running_mean.zero_()
            Z = X
            for convolution, norm in ((blocks[1].conv1, blocks[1].bn1), (blocks[1].conv2, blocks[1].bn2)):
                Z = convolution(Z)
                norm.running_mean.copy_(Z.mean(dim=(0, 2, 3)))
                norm.running_var.copy_(Z.var(dim=(0, 2, 3), unbiased=False))
                Z = F.relu(norm(Z))
    return any(_yes_or_no(call(adds_its_input, block, X.clone(), name="adds_its_input")) for block in blocks)


_RIGHT_IN_EVAL_MODE = "right: a right block in eval mode"
_RIGHT_AND_NEW = "right: a new block that is right"
_RIGHT_AND_UNUSUAL = "right: a right block with weights that nobody would choose"
_SEEN = {_RIGHT_AND_UNUSUAL: "About a new one it is right. ", _RIGHT_IN_EVAL_MODE: "In train mode it is right. "}
_RIGHT_ONES = {
    _RIGHT_AND_NEW: "With F = 0 a right block returns relu(x), and not x.",
    _RIGHT_AND_UNUSUAL: "A new bn2 has the shift 0; F is zero only if scale and shift both are.",
    _RIGHT_IN_EVAL_MODE: "In eval mode a batch norm uses its stored statistics, not those of the batch.",
    "right: a right block of five channels": "Does it take three channels for granted?",
    "right: a right block that adds in place (Y += X)": "What a hook hears is overwritten then, unless it is cloned.",
}


def _in_one_place(dim: int, index: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return what a block makes of F(x) and x that adds x in one image, channel, row or column only."""

    def combine(Y: Tensor, X: Tensor, hidden: Tensor) -> Tensor:
        added = torch.zeros_like(X)
        added.select(dim, index).copy_(X.select(dim, index))
        return F.relu(Y + added)

    return combine


_NEVER_ADDS = "a block that returns relu(F(x)) and never adds its input"
_NEVER_ADDS_IN_EVAL_MODE = "a block in eval mode that never adds its input"
_SUSPECTS: dict[str, tuple[bool, bool, Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    # name: whether its weights are new, whether it is in train mode, what it makes of F(x), x, and the hidden layer
    _RIGHT_AND_NEW: (True, True, lambda Y, X, hidden: F.relu(Y + X)),
    _RIGHT_AND_UNUSUAL: (False, True, lambda Y, X, hidden: F.relu(Y + X)),
    _RIGHT_IN_EVAL_MODE: (False, False, lambda Y, X, hidden: F.relu(Y + X)),
    "right: a right block of five channels": (False, True, lambda Y, X, hidden: F.relu(Y + X)),
    "right: a right block that adds in place (Y += X)": (False, True, lambda Y, X, hidden: F.relu(Y.add_(X))),
    _NEVER_ADDS: (False, True, lambda Y, X, hidden: F.relu(Y)),
    _NEVER_ADDS_IN_EVAL_MODE: (False, False, lambda Y, X, hidden: F.relu(Y)),
    "a block that adds what left the first ReLU, in place of its input": (
        False, True, lambda Y, X, hidden: F.relu(Y + hidden),
    ),
    "a block that adds after the last ReLU. With F = 0 it returns x, and a right block relu(x)": (
        False, True, lambda Y, X, hidden: F.relu(Y) + X,
    ),
    "a block without the last ReLU. With F = 0 it returns x, and a right block relu(x)": (
        False, True, lambda Y, X, hidden: Y + X,
    ),
    "a block that subtracts its input": (False, True, lambda Y, X, hidden: F.relu(Y - X)),
    "a block that adds nine tenths of its input; look at how large a difference it lets pass": (
        False, False, lambda Y, X, hidden: F.relu(Y + 0.9 * X),
    ),
    "a block that adds 0.99 of its input; look at how large a difference it lets pass": (
        False, True, lambda Y, X, hidden: F.relu(Y + 0.99 * X),
    ),
    "a block of five channels that never adds its input": (False, True, lambda Y, X, hidden: F.relu(Y)),
    "a block that adds to each image another image of the batch: compare number by number, "
    "not sums or averages": (True, True, lambda Y, X, hidden: F.relu(Y + X.flip(0))),
    **{
        f"a block that adds its input in the {place} {part} only": (False, True, _in_one_place(dim, index))
        for dim, part in enumerate(("image", "channel", "row", "column"))
        for place, index in (("first", 0), ("last", -1))
    },
    "a block that adds the mean of the channels to each of them": (
        False, False, lambda Y, X, hidden: F.relu(Y + X.mean(dim=1, keepdim=True)),
    ),
    "a block that multiplies F(x) with its input": (True, True, lambda Y, X, hidden: F.relu(Y * X)),
}  # fmt: skip


class SomeBlock(Residual):
    """A block with the layers of `Residual`, which does what it is told with F(x) and x."""

    def __init__(self, combine: Callable[[Tensor, Tensor, Tensor], Tensor], channels: int) -> None:
        super().__init__(channels, channels)
        self.combine = combine

    def forward(self, X: Tensor) -> Tensor:
        hidden = F.relu(self.bn1(self.conv1(X)))
        return self.combine(self.bn2(self.conv2(hidden)), X, hidden)


class NeverAdds(nn.Module):
    """A plain block under the name that it has on the page; it is no `Residual`."""

    def __init__(self, input_channels: int, num_channels: int) -> None:
        super().__init__()
        for name, layer in Plain(input_channels, num_channels).named_children():
            self.add_module(name, layer)
        self.conv3 = None

    forward = Plain.forward


def _suspect(combine: Callable[[Tensor, Tensor, Tensor], Tensor], new: bool, channels: int, seed: int) -> SomeBlock:
    block = SomeBlock(combine, channels)
    if not new:
        set_unusual_weights(block, seed)
    return block


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, Tensor) and value.numel() == 1 and value.dtype == torch.bool and value.device.type != "meta":
        value = value.item()
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        value = bool(value)
    if isinstance(value, int) and value in (0, 1):
        value = bool(value)
    if not isinstance(value, bool):
        raise Incorrect(f"adds_its_input(block, X) should return True or False; it returned {shown(value)}.")
    return value


@exercise(
    "3.3",
    "More parameters, fewer functions",
    difficulty=2,
    minutes=10,
    names=("kernel_size_of_the_one", "parameters_of_the_pair", "parameters_of_the_one"),
    hints=(
        "Two 3×3 kernels make one of 5×5: the second reaches one place further on each side. "
        "How far does a 3×3 kernel reach over a 5×5 one?",
        "The one goes from 20 to 20 channels, with k = 5 + 3 - 1. A k×k convolution from c to d channels has "
        "k²·c·d weights and d biases.",
    ),
)
def check_pair_and_one(kernel_size: Any, of_the_pair: Any, of_the_one: Any) -> None:
    """The pair has 20,450 parameters, the one 19,620."""
    if type(kernel_size).__module__ == "numpy" and getattr(kernel_size, "ndim", 0) == 1:
        kernel_size = kernel_size.tolist()
    if isinstance(kernel_size, (tuple, list)) and len(kernel_size) == 2:
        sides = [whole_number(side, "a side of kernel_size_of_the_one") for side in kernel_size]
        kernel_size = sides[0] if sides[0] == sides[1] else kernel_size
    k = whole_number(kernel_size, "kernel_size_of_the_one")
    pair = whole_number(of_the_pair, "parameters_of_the_pair")
    one = whole_number(of_the_one, "parameters_of_the_one")
    causes = {
        5: "that is the size of the larger kernel; the second kernel reaches over the border of the first",
        8: "the sizes add up less one: where both kernels touch, a place counts once",
        15: "the sizes are not multiplied: the second kernel slides over the first's outputs place by place",
        3: "that is the size of the smaller kernel; both together see more than each alone",
        9: "the second kernel reaches one place further on each side, not two",
        49: "that is the number of places in the kernel; asked is the length of a side",
    }
    if k != 7:
        raise Incorrect(f"kernel_size_of_the_one is not {k}: {causes.get(k, 'slide a 3 over a 5 and count')}.")
    first, second = 25 * 20 * 30, 9 * 30 * 20
    causes = {
        first + second: "these are the weights without the biases",
        first + second + 20: "the biases of the first convolution are missing, one for each of its 30 channels",
        first + second + 30: "the biases of the second convolution are missing, one for each of its 20 channels",
        first + second + 40: "a bias belongs to an output channel: the first convolution has 30, the second 20",
        first + second + 60: "a bias belongs to an output channel: the first convolution has 30, the second 20",
        first + 30: "that is the first convolution alone",
        49 * 400 + 20: "that is the one convolution; asked is the pair",
        (5 + 3) * 600 + 50: "a k×k kernel has k² places",
        (5 + 3) * 600: "a k×k kernel has k² places, and there are biases",
    }
    if pair != 20_450:
        cause = causes.get(pair, "count weights and biases of each of the two by itself")
        raise Incorrect(f"parameters_of_the_pair is not {pair:,}: {cause}.")
    causes = {
        49 * 400: "these are the weights without the biases",
        49 * 600 + 20: "the 30 channels between are gone; the one goes from 20 to 20 channels",
        49 * 600 + 30: "the 30 channels between are gone; the one goes from 20 to 20 channels",
        49 * 600: "the 30 channels between are gone, and there are biases",
        25 * 400 + 20: "you counted a 5×5 kernel; the one has 7×7",
        49 * 400 + 50: "the biases of both merge: there is one for each of the 20 output channels",
        49 * 400 + 30: "there is one bias for each of the 20 output channels",
        7 * 400 + 20: "a k×k kernel has k² places",
        20_450: "that is the pair; a 7×7 convolution from 20 to 20 channels has fewer",
    }
    if one != 19_620:
        cause = causes.get(one, "count weights and biases of a 7×7 convolution from 20 to 20 channels")
        raise Incorrect(f"parameters_of_the_one is not {one:,}: {cause}.")


@exercise(
    "3.4",
    "Inception block and residual block",
    difficulty=2,
    minutes=10,
    names=("inception_shape", "true_statements"),
    hints=(
        "Draw both blocks. Where do lines part, what does each line pass, and what happens where they meet?",
        "Side by side along the channels: the channels of the four branches add up; images, height and width stay. "
        "What counts is what leaves a branch, not what is inside it.",
        "Go through the statements with weights of zero in mind: what is left of each block then? "
        "Four of the seven are true.",
    ),
)
def check_inception(shape: Any, statements: Any) -> None:
    """256 channels; statements 1, 4, 6 and 7."""
    _check_inception_shape(shape)
    on_meta = isinstance(statements, Tensor) and statements.device.type == "meta"
    if (isinstance(statements, Tensor) and not on_meta) or type(statements).__module__ == "numpy":
        statements = statements.tolist() if statements.ndim else [statements.item()]
    if isinstance(statements, Iterable) and not isinstance(statements, (str, bytes, dict, Tensor)):
        statements = list(islice(statements, 100))
    if not isinstance(statements, list):
        raise Incorrect(f"true_statements should be a set of numbers such as {{2, 3}}; it is {shown(statements)}.")
    chosen = {whole_number(statement, "each of true_statements") for statement in statements}
    if not chosen:
        raise Incorrect("true_statements is empty; some of them are true.")
    if chosen - _STATEMENTS.keys():
        other = sorted(chosen - _STATEMENTS.keys())[0]
        raise Incorrect(f"there is no statement {other}; they go from 1 to {len(_STATEMENTS)}.")
    for k, (true, why) in _STATEMENTS.items():
        if k in chosen and not true:
            raise Incorrect(f"statement {k} is not true: {why}")
    for k, (true, question) in _STATEMENTS.items():
        if true and k not in chosen:
            raise Incorrect(f"what you chose is true, but something is missing: {question}")


_STATEMENTS = {
    1: (True, "where does each branch of an Inception block take its input from?"),
    2: (False, "each branch has a convolution, the one with the pool too; nothing passes as it came."),
    3: (False, "to put tensors side by side needs no parameters, no more than to add them does."),
    4: (True, "in which of the two blocks do the numbers of channels have to agree?"),
    5: (False, "each Inception branch then gives zeros, and the input is lost; a residual block keeps it."),
    6: (True, "which sizes of kernels has each of the blocks?"),
    7: (True, "what would you call a branch that has no layers?"),
}  # fmt: skip


def _check_inception_shape(value: Any) -> None:
    if isinstance(value, Tensor) and value.dim() == 1 and value.device.type != "meta":
        value = value.tolist()
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 0) == 1:
        value = value.tolist()
    if not isinstance(value, (tuple, list)):
        raise Incorrect(f"inception_shape should be a shape such as (2, 3, 4, 5); it is {shown(value)}.")
    shape = tuple(whole_number(side, "each side in inception_shape") for side in value)
    if shape == (2, 256, 28, 20):
        return
    if len(shape) != 4:
        raise Incorrect(f"inception_shape has {len(shape)} numbers; there are four: images, channels, height, width.")
    if shape == (2, 28, 20, 256):
        raise Incorrect("the channels come second in PyTorch: images, channels, height, width.")
    if shape[0] != 2:
        raise Incorrect(f"{shape[0]} images do not leave the block: it puts channels side by side, images it leaves.")
    if shape[2:] != (28, 20):
        raise Incorrect(f"height and width stay 28 and 20 in every branch; you have {shape[2]} and {shape[3]}.")
    causes = {
        192: "that is what comes in, as after an addition; side by side the branches' channels add up",
        448: "192 of these are the input's; the input is not one of the branches",
        368: "you counted 96 and 16 too, which stay inside their branches",
        128: "that is the widest branch; side by side the branches' channels add up",
        224: "the branch with the pool is missing: its 32 channels count as the others' do",
        416: "a pool keeps 192 channels, but a 1×1 convolution to 32 follows in that branch",
        208: "you added what goes into the last convolutions; count what leaves them",
        192 * 4: "no branch keeps the 192 channels; count what leaves each",
        64: "that is one branch; side by side the branches' channels add up",
    }
    raise Incorrect(f"{shape[1]} channels are not it: {causes.get(shape[1], 'how many leave each of the branches')}.")
