"""The exercises of notebook 19: block variants."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, unchanged, used, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.course.n03_residual_blocks.blocks import random, set_unusual_weights
from d2lhelpers.residual import Residual


@exercise(
    "19.1",
    "Count a dense block",
    difficulty=1,
    minutes=8,
    names=("dense_parameters",),
    hints=(
        "Layer i sees the input and what the i layers before it have added. How many channels is that?",
        "A batch norm has two numbers for each channel that comes *in*, since it stands before the convolution. "
        "The convolution has 9 weights for each pair of a channel in and a channel out, and no bias.",
        "With `seen = channels + i * growth`, layer i has `2 * seen + 9 * seen * growth`.",
    ),
)
def check_dense_parameters(dense_parameters: Any) -> None:
    """Blocks of several sizes against a sum, and what they would have with one mistake at a time."""

    def layer(seen: int, growth: int) -> int:
        return 2 * seen + 9 * seen * growth

    causes: list[tuple[Callable[[int, int, int], int], str]] = [
        (lambda c, k, n: _total((c, k, n), lambda seen, k: 9 * seen * k), "the batch norms are missing, γ and β for "
         "each channel"),
        (lambda c, k, n: _total((c, k, n), lambda seen, k: seen + 9 * seen * k), "a batch norm has two numbers for a "
         "channel, γ and β"),
        (lambda c, k, n: _total((c, k, n), lambda seen, k: 4 * seen + 9 * seen * k), "the running statistics are no "
         "parameters"),
        (lambda c, k, n: _total((c, k, n), lambda seen, k: 2 * k + 9 * seen * k), "the norm stands before the "
         "convolution, so it has the channels that come in"),
        (lambda c, k, n: _total((c, k, n), lambda seen, k: layer(seen, k) + k), "these convolutions have no bias"),
        (lambda c, k, n: _total((c, k, n), lambda seen, k: 2 * seen + seen * k), "a 3×3 kernel has nine weights"),
        (lambda c, k, n: _total((c, k, n), lambda seen, k: 2 * seen + 3 * seen * k), "a 3×3 kernel has nine weights"),
        (lambda c, k, n: n * layer(c, k), "the layers see more and more channels, and not all as many as the first"),
        (lambda c, k, n: _total((c + k, k, n), layer), "the first layer sees the input alone, nothing has been "
         "added to it yet"),
        (lambda c, k, n: layer(c + (n - 1) * k, k) if n else 0, "so many has the last layer alone; add up all layers, "
         "each with all channels that it sees"),
        (lambda c, k, n: _total((c, c, n), lambda seen, _: layer(seen, k)), "a layer adds `growth` channels, not as "
         "many as come into the block"),
    ]  # fmt: skip
    for case in ((16, 7, 1), (16, 8, 4), (3, 5, 7), (24, 12, 16), (10, 1, 3), (4, 3, 2), (8, 4, 0)):
        found = whole_number(call(dense_parameters, *case), f"dense_parameters{case}")
        if found == _total(case, layer):
            continue
        said = f"dense_parameters{case} = {found:,}; expected {_total(case, layer):,}"
        other = 5, 4, 3  # two mistakes may cost the same in one block
        again = whole_number(call(dense_parameters, *other), f"dense_parameters{other}")
        fit = [cause for count, cause in causes if count(*case) == found and count(*other) == again]
        raise Incorrect(": ".join([said, *fit[:1]]))


def _total(case: tuple[int, int, int], count: Callable[[int, int], int]) -> int:
    channels, growth, num_layers = case
    return sum(count(channels + i * growth, growth) for i in range(num_layers))


class _Block(nn.Module):
    """A residual block of the check's own: what comes after the addition, and what the shortcut does."""

    def __init__(self, branch: list[nn.Module], shortcut: nn.Module | None = None, after: nn.Module | None = None):
        super().__init__()
        self.branch, self.shortcut, self.after = nn.Sequential(*branch), shortcut, after

    def forward(self, X: Tensor) -> Tensor:
        Y = self.branch(X) + (X if self.shortcut is None else self.shortcut(X))
        return Y if self.after is None else self.after(Y)


class _Does(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, X: Tensor) -> Tensor:
        return self.function(X)


WITHOUT_PARAMETERS = "a block with a norm without parameters on its shortcut"
DROPOUT = "a block with dropout on its shortcut"
_FIVE_OF_SIX = (torch.arange(6) < 5).view(-1, 1, 1)


def _conv(bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(6, 6, 3, padding=1, bias=bias)


def _norm() -> nn.BatchNorm2d:
    return nn.BatchNorm2d(6)


def _blocks() -> list[tuple[str, nn.Module, bool]]:
    """Return blocks with their names, and whether nothing stands on their path."""
    relu = nn.ReLU

    def with_shortcut(shortcut: nn.Module) -> _Block:
        return _Block([_norm(), relu(), _conv()], shortcut=shortcut)

    return [
        ("a pre-activation block", _Block([_norm(), relu(), _conv(), _norm(), relu(), _conv()]), True),
        ("a block with biases", _Block([_norm(), relu(), _conv(True), _norm(), relu(), _conv(True)]), True),
        ("a block with ReLU-only pre-activation", _Block([relu(), _conv(), _norm(), relu(), _conv(), _norm()]), True),
        ("a block with a ReLU before the addition", _Block([_conv(), _norm(), relu(), _conv(), _norm(), relu()]), True),
        ("the book's block", Residual(6, 6), False),
        ("a block with a norm after the addition", _Block([_conv(), relu(), _conv()], after=_norm()), False),
        ("a block whose shortcut halves the input", with_shortcut(_Does(lambda X: 0.5 * X)), False),
        ("a block whose shortcut turns maps around", with_shortcut(_Does(lambda X: X.flip(3))), False),
        ("a block whose shortcut adds 1", with_shortcut(_Does(lambda X: X + 1)), False),
        ("a block whose shortcut loses a channel", with_shortcut(_Does(lambda X: X * _FIVE_OF_SIX)), False),
        ("a block with a norm on its shortcut", with_shortcut(_norm()), False),
        (WITHOUT_PARAMETERS, with_shortcut(nn.BatchNorm2d(6, affine=False)), False),
        (DROPOUT, with_shortcut(nn.Dropout(0.5)), False),
    ]  # fmt: skip


@exercise(
    "19.2",
    "A test for a clean path",
    difficulty=2,
    minutes=12,
    names=("hands_on",),
    hints=(
        "Which parameters make a branch add something? Set them to zero, in a copy of the block.",
        "Zero weights of the convolutions are not enough: a norm behind them still adds its β. All parameters can be "
        "zero.",
        "`silent = copy.deepcopy(block)`, then `parameter.zero_()` for each of `silent.parameters()`, under "
        "`torch.no_grad()`. Leave X as it is, with its negative numbers.",
    ),
)
def check_hands_on(hands_on: Any) -> None:
    """Blocks with nothing on the path, and with something, in both modes."""
    X = random((4, 6, 5, 7))
    for training in (True, False):
        for name, block, clean in _blocks():
            if name == DROPOUT and not training:
                clean = True
            block = used(set_unusual_weights(block)).train(training)
            if name == WITHOUT_PARAMETERS:
                block.shortcut.reset_running_stats()
            torch.manual_seed(0)
            with unchanged(block, "the block"), unchanged(X, "X"):
                found = call(hands_on, block, X)
            found = _truth(found)
            if found == clean:
                continue
            mode = "training" if training else "evaluation"
            said = f"for {name} in {mode} mode, hands_on is {found}; "
            if name == DROPOUT:
                does = "drops numbers" if training else "does nothing"
                raise Incorrect(
                    f"{said}dropout {does} in {mode} mode, in which the block comes. Is your copy still in it?"
                )
            if clean and name == "a block with biases":
                raise Incorrect(f"{said}a convolution without weights still adds its bias, and that is the branch's")
            if clean and hands_on_like(block, X, zero=("weight",), only=nn.Conv2d) is found:
                raise Incorrect(f"{said}with silent convolutions a norm still adds its β, and that is the branch's")
            if clean:
                raise Incorrect(f"{said}once the branch adds nothing, this block gives back X exactly")
            if name == "the book's block":
                raise Incorrect(f"{said}the ReLU after its addition cuts off negative numbers. Does your X have any?")
            if name == WITHOUT_PARAMETERS and not training:
                raise Incorrect(
                    f"{said}this norm still divides by √(1 + 0.00001), and what comes back is not *exactly* X"
                )
            if name == WITHOUT_PARAMETERS:
                raise Incorrect(f"{said}in training mode, in which the block comes, this norm changes X")
            if "norm" in name:
                raise Incorrect(f"{said}a norm on the path moves X, and with parameters of zero it wipes it out")
            raise Incorrect(f"{said}what stands on its shortcut changes X. Compare the output with X itself")


def hands_on_like(block: nn.Module, X: Tensor, zero: tuple[str, ...], only: type) -> bool:
    """Return what the test would say if it silenced only some parameters."""
    silent = copy.deepcopy(block)
    with torch.no_grad():
        for layer in silent.modules():
            for name in zero:
                if isinstance(layer, only) and getattr(layer, name) is not None:
                    getattr(layer, name).zero_()
        return torch.equal(silent(X), X)


def _truth(value: Any) -> bool:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        value = value.item()
    if not isinstance(value, bool):
        raise Incorrect(f"hands_on should return True or False; it returns {shown(value)}")
    return value


_WRONG_LAWS: list[tuple[Callable[[int], float], str]] = [
    (lambda n: 0.5**n, "that is n coins; the steps of a walk add up"),
    (lambda n: 1 / math.sqrt(math.pi * n), "that is the law for many steps; for few it is only near"),
    (lambda n: math.comb(2 * n, n) / 2**n, "2n coins have 4 to the n outcomes"),
    (lambda n: math.comb(2 * n, n), "that is a number of walks; divide by the number of all"),
    (lambda n: math.comb(2 * (n - 1), n - 1) / 4 ** (n - 1), "that is one step less"),
    (lambda n: math.comb(2 * (n + 1), n + 1) / 4 ** (n + 1), "that is one step more"),
    (lambda n: 1 - math.comb(2 * n, n) / 4**n, "that is the probability that it goes below zero at least once"),
]


@exercise(
    "19.3",
    "Coins or a walk?",
    difficulty=2,
    minutes=10,
    names=("stays_positive", "blocks_until_a_tenth", "my_reason"),
    hints=(
        "`math.comb(2 * n, n)` is the binomial coefficient.",
        "Try n = 1, 2, 3, ... until the probability is below 0.1, or solve 1/√(πn) = 0.1 for a first guess.",
        "For the reason, look at how long a step is, and how large a number that has never been negative is after ten "
        "or twenty of them.",
    ),
)
def check_stays_positive(stays_positive: Any, blocks: Any, reason: Any) -> None:
    """The law for small and large n, the first n below a tenth, and the reason."""
    for n in (3, 1, 2, 5, 10, 18, 111):
        right = math.comb(2 * n, n) / 4**n
        found = number(call(stays_positive, n), f"stays_positive({n})")
        if abs(found - right) <= 1e-6 * right:
            continue
        said = f"stays_positive({n}) = {found:.4g}; expected {right:.4g}"
        again = number(call(stays_positive, 6), "stays_positive(6)")  # two mistakes may give the same for one n
        for wrong, cause in _WRONG_LAWS:
            if abs(found - wrong(n)) <= 1e-6 * wrong(n) and abs(again - wrong(6)) <= 1e-6 * wrong(6):
                raise Incorrect(f"{said}: {cause}")
        if n > 1 and abs(found - right) < 0.1 * right:
            raise Incorrect(f"{said}: near, but the law is exact; use the formula")
        raise Incorrect(said)
    found = whole_number(blocks, "blocks_until_a_tenth")
    right = next(n for n in range(1, 100) if math.comb(2 * n, n) / 4**n < 0.1)
    causes_of_number = {
        right - 1: "with that many it is still above a tenth",
        right + 1: "with one block less it is below a tenth already",
        4: "that is for coins; use the law of the walk",
        10: "1/√n ignores the π, and the law is not exactly that",
        100: "that is 1/√n; there is a π in the root, and the square of ten belongs to one tenth of √n",
    }
    if found != right:
        advice = "what is the smallest n for which stays_positive(n) is below 0.1?"
        raise Incorrect(f"blocks_until_a_tenth = {found} is not it: {causes_of_number.get(found, advice)}")
    wrong_reasons = {
        "a": "the norm at the end of each branch gives all of them the same size, the last as the first",
        "c": "a norm gives every branch mean zero at the start, so it adds as many negative numbers as positive ones",
        "d": "padding adds zeros at the edges of the map to the branch; the path is not padded within a stage",
    }
    choice(reason, "my_reason", "b", wrong_reasons)


@exercise(
    "19.4",
    "A dense block that keeps less",
    difficulty=3,
    minutes=15,
    names=("FrugalDenseBlock",),
    hints=(
        "Keep the pieces in a list, X and what each branch adds, and do not concatenate them outside of what is "
        "recomputed.",
        "`checkpoint(function, *pieces, use_reentrant=False)` calls the function with the pieces, keeps these alone, "
        "and calls it again when the gradient is needed. The concatenation belongs into the function.",
        "In a loop, give the function its branch as a default, `def layer(*pieces, branch=branch)`: it is called again "
        "after the loop has ended.",
    ),
)
def check_frugal(FrugalDenseBlock: Any) -> None:
    """Output, gradients and numbers kept, against the block that concatenates as it goes."""
    for channels, growth, num_layers in ((6, 4, 5), (3, 2, 1)):
        torch.manual_seed(0)
        block = call(FrugalDenseBlock, channels, growth, num_layers, name="FrugalDenseBlock")
        if not isinstance(block, nn.Module) or not hasattr(block, "branches"):
            raise Incorrect("FrugalDenseBlock should be an nn.Module with `branches`, as its __init__ makes it.")
        if len(block.branches) != num_layers:
            raise Incorrect(f"the block has {len(block.branches)} branches; leave __init__ as it is")
        set_unusual_weights(block)
        reference = copy.deepcopy(block)
        X = random((2, channels, 5, 7)).requires_grad_()
        with unchanged(X, "X"):
            output, kept = _kept(block, X)
        shape = (2, channels + num_layers * growth, 5, 7)
        if isinstance(output, Tensor) and output.shape[1:2] == (growth,) and num_layers > 1:
            raise Incorrect("the output is what the last branch adds; the block's output has all pieces, X first")
        found = tensor(output, shape, "the output")
        right = X
        for branch in reference.branches:
            right = torch.cat([right, branch(right)], dim=1)
        if not torch.allclose(found, right.detach(), atol=1e-5):
            if torch.allclose(found.sum(dim=1), right.detach().sum(dim=1), atol=1e-4):
                raise Incorrect(
                    "the pieces of the output are in another order; X comes first, then what each branch adds"
                )
            raise Incorrect("the output differs from that of the block that concatenates as it goes")
        _compare_gradients(block, reference, X, output, right)
        pixels = 2 * 5 * 7
        naive = pixels * 2 * sum(channels + i * growth for i in range(num_layers))
        pieces = pixels * (channels + num_layers * growth)
        if kept > pieces:
            known = {naive: ", as many as before", naive // 2: ", every layer's concatenated input"}
            raise Incorrect(
                f"autograd keeps {kept:,} numbers{known.get(kept, '')}; the pieces alone are {pieces:,}. What is "
                "concatenated or computed outside of a checkpoint is kept; do both inside"
            )


def _kept(block: nn.Module, X: Tensor) -> tuple[Any, int]:
    """Return the output, and how many numbers of maps autograd keeps for the backward pass, each once."""
    weights = {parameter.data_ptr() for parameter in block.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(saved: Tensor) -> Tensor:
        if saved.dim() == 4 and saved.data_ptr() not in weights:
            kept[saved.data_ptr()] = saved
        return saved

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
        output = call(block, X, name="the block")
    return output, sum(saved.numel() for saved in kept.values())


def _compare_gradients(block: nn.Module, reference: nn.Module, X: Tensor, output: Tensor, right: Tensor) -> None:
    sent = random(tuple(right.shape), seed=1)
    expected = torch.autograd.grad(right, [X, *reference.parameters()], sent)
    if not output.requires_grad:
        raise Incorrect("no gradient comes back: the output was computed under no_grad, or detached")
    try:
        found = torch.autograd.grad(output, [X, *block.parameters()], sent, allow_unused=True)
    except Exception as error:
        advice = "When the function is called again, after the loop, does it still mean the same branch?"
        if "use_reentrant" in str(error):
            advice = "Pass use_reentrant=False"
        said = f"the backward pass raises {type(error).__name__}: {' '.join(str(error).split())[:150]}"
        raise Incorrect(f"{said}. {advice}") from error
    for name, mine, theirs in zip(("X", *(n for n, _ in block.named_parameters())), found, expected):
        if mine is None:
            raise Incorrect(f"no gradient reaches {name}")
        if not torch.allclose(mine, theirs, rtol=1e-3, atol=1e-3):
            raise Incorrect(
                f"the gradient of {name} is another one. Is a piece cut off, by detach or no_grad? Or does the "
                "function, when it is called again after the loop has ended, mean another branch or other pieces?"
            )
