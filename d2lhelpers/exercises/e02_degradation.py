"""The exercises of notebook 02: degradation."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers.exercise import Incorrect, call, exercise, number, shown, tensor, text, whole_number
from d2lhelpers.fashion_mnist import FashionMNISTBatches
from d2lhelpers.residual import cifar_resnet


@exercise(
    "2.1",
    "Layers and blocks",
    difficulty=1,
    minutes=5,
    names=("blocks_a_stage", "additions"),
    hints=(
        "Section 2 has the formula: which layers with weights are in no block, and how many does one block have?",
        "110 = 6n + 2. Each block adds once, also the two that have to pad their input.",
    ),
)
def check_layers_and_blocks(blocks_a_stage: Any, additions: Any) -> None:
    """6 · 18 + 2 = 110; three stages of 18 blocks with one addition each."""
    blocks = number(blocks_a_stage, "blocks_a_stage")
    if abs(blocks - 110 / 6) < 0.01:
        raise Incorrect("110 / 6 is not whole: the first convolution and the linear layer are in no block")
    causes = {
        19: "the first convolution and the linear layer are in no block, so only 108 layers are left to share out",
        36: "that is the number of convolutions in a stage; a block has two",
        54: "that is the number of blocks in all three stages; how many has one?",
        108: "that is the number of convolutions in all blocks of all stages",
        27: "the net has three stages, not two, and 27 · 2 · 2 = 108",
        110: "that is the number of layers with weights; the question is how many blocks a stage has",
    }
    blocks = whole_number(blocks, "blocks_a_stage")
    if blocks != 18:
        found = f"6 · {blocks} + 2 is {6 * blocks + 2}, not 110"
        raise Incorrect(f"blocks_a_stage = {blocks}: {causes[blocks]}" if blocks in causes else found)
    found = whole_number(additions, "additions")
    causes = {
        18: "that is one stage; there are three",
        108: "that is one addition for each convolution; a block adds once, after its second",
        52: "two additions are missing: a block that doubles the channels adds too, with zeros for those that are missing",
        51: "the first block of each stage adds as well; where the shape changes, its input is thinned and padded",
        53: "there is an addition in each block, also in the last and in the first",
        2: "those are the blocks that pad their input; all the others add as well",
        3: "an addition spans one block, not one stage",
        36: "that is two stages; there are three",
        110: "there is one addition for a block of two layers, and none around the first and the last layer",
        55: "half of 110 layers would be 55, but the first convolution and the linear layer are in no block",
        0: "a residual block does add: its last line is F.relu(Y + X)",
    }
    if found != 54:
        raise Incorrect(f"additions = {found}: {causes.get(found, f'each of the 3 · {blocks} blocks adds once')}")


@exercise(
    "2.2",
    "The diagnosis",
    difficulty=1,
    minutes=10,
    names=("diagnose",),
    hints=(
        "Section 6 ends with the difference: which of the two pairs of losses has to be looked at first?",
        'Ask `if deep_train > shallow_train` first and return "degradation"; only those that pass are asked '
        "`if deep_test > shallow_test`.",
    ),
)
def check_diagnosis(diagnose: Any) -> None:
    """Losses of every order, and ties, also such where both nets are better or worse on test images."""
    cases = _quadruples_of_losses()
    found = [_verdict(call(diagnose, *losses, name="diagnose"), losses) for losses in cases]
    right = [_diagnosis(*losses) for losses in cases]
    if found == right:
        return
    for wrong, cause in WRONG_DIAGNOSES:
        if found == [wrong(*losses) for losses in cases]:
            raise Incorrect(cause)
    i = next(i for i in range(len(cases)) if found[i] != right[i])
    words = {True: "worse than", False: "at least as good as"}
    a, b, c, d = cases[i]
    raise Incorrect(
        f"diagnose{cases[i]} returned {found[i]!r}. The deeper net is {words[c > a]} the shallow one on the training "
        f"images and {words[d > b]} it on the test images, so this is {right[i]!r}"
    )


def _quadruples_of_losses() -> list[tuple[float, float, float, float]]:
    """Return losses in thousandths: (shallow_train, shallow_test, deep_train, deep_test)."""
    generator = torch.Generator().manual_seed(22)
    cases = []
    for scale in (1, 40, 400, 2000):  # neighbours, and losses far apart
        for _ in range(25):
            cases.append(tuple((300 + torch.randint(0, 3 * scale, (4,), generator=generator)).tolist()))
    for _ in range(10):
        a, b, c = (300 + torch.randperm(900, generator=generator)[:3]).tolist()
        cases += [(a, b, a, c), (a, b, c, b), (a, b, a, b), (a, a, b, b), (a, b, b, a)]
    return [tuple(loss / 1000 for loss in case) for case in cases]


def _verdict(value: Any, losses: tuple) -> str:
    """Return one of the three words, however hyphens and capitals are set."""
    if value is None:
        raise Incorrect(f"diagnose{losses} returned None. Is there a return for each case, or is the word printed?")
    if not isinstance(value, str):
        raise Incorrect(f"diagnose should return one of the three texts; diagnose{losses} returned {shown(value)}")
    for word in ("degradation", "over-fitting", "depth helps"):
        if re.sub(r"[\W_]", "", value).lower() == re.sub(r"\W", "", word):
            return word
    raise Incorrect(
        f'diagnose{losses} returned {shown(value)}; the three texts are "degradation", "over-fitting" and "depth helps"'
    )


def _diagnosis(a: float, b: float, c: float, d: float) -> str:
    return "degradation" if c > a else "over-fitting" if d > b else "depth helps"


def _choice(degrades: Callable[..., bool], over_fits: Callable[..., bool]) -> Callable[..., str]:
    """Return a function of the losses a to d that asks these two questions in this order."""

    def diagnose(a: float, b: float, c: float, d: float) -> str:
        return "degradation" if degrades(a, b, c, d) else "over-fitting" if over_fits(a, b, c, d) else "depth helps"

    return diagnose


def _over_fitting_first(a: float, b: float, c: float, d: float) -> str:
    return "over-fitting" if d > b else "degradation" if c > a else "depth helps"


def _in_one_net(a: float, b: float, c: float, d: float) -> str:
    return "over-fitting" if d > c else "degradation" if c > a else "depth helps"


def _words_swapped(a: float, b: float, c: float, d: float) -> str:
    return {"degradation": "over-fitting", "over-fitting": "degradation"}.get(_diagnosis(a, b, c, d), "depth helps")


ONE_NET = (
    "you compare the two losses of one net. Its gap says that it does better on images it has seen; whether depth "
    "did harm is a question about the shallow and the deeper net"
)
TIE = "two equal losses on the {} images do not make the deeper net worse there; > and >= differ in this case"

WRONG_DIAGNOSES = [
    (
        _over_fitting_first,
        "a deeper net that is worse on both kinds of images is called over-fitting. The training images decide first: "
        "what over-fits does well there",
    ),
    (
        _choice(lambda a, b, c, d: d > b, lambda a, b, c, d: c > a),
        "you judge by the test images first. There both diagnoses look alike; the training images tell them apart",
    ),
    (
        _choice(lambda a, b, c, d: d > b, lambda a, b, c, d: False),
        "you look at the test images alone. There both diagnoses look alike; the training images tell them apart",
    ),
    (_choice(lambda a, b, c, d: c > a, lambda a, b, c, d: False), "you never look at the test images"),
    (_in_one_net, ONE_NET),
    (_choice(lambda a, b, c, d: c > a, lambda a, b, c, d: d > c), ONE_NET),
    (_choice(lambda a, b, c, d: c > a, lambda a, b, c, d: d - c > b - a), ONE_NET),
    (
        _choice(lambda a, b, c, d: c < a, lambda a, b, c, d: d < b),
        "the comparison is the wrong way round: a lower loss is the better one",
    ),
    (_words_swapped, '"degradation" and "over-fitting" have changed places'),
    (_choice(lambda a, b, c, d: c >= a, lambda a, b, c, d: d > b), TIE.format("training")),
    (_choice(lambda a, b, c, d: c > a, lambda a, b, c, d: d >= b), TIE.format("test")),
    (_choice(lambda a, b, c, d: c >= a, lambda a, b, c, d: d >= b), TIE.format("training or test")),
    (
        _choice(lambda a, b, c, d: c > a and d > b, lambda a, b, c, d: d > b),
        "you ask that the deeper net be worse on both kinds of images. Worse on the training images is enough",
    ),
    (
        _choice(lambda a, b, c, d: c > a and d > b, lambda a, b, c, d: c <= a and d > b),
        "you ask that the deeper net be worse on both kinds of images. Worse on the training images is enough",
    ),
    (
        lambda a, b, c, d: _diagnosis(a, c, b, d),
        "the four losses are taken in another order. First come the two of the shallow net, then those of the deeper one",
    ),
    (
        lambda a, b, c, d: _diagnosis(b, a, d, c),
        "training and test losses have changed places: of each net, the training loss comes first",
    ),
    (
        lambda a, b, c, d: _diagnosis(c, d, a, b),
        "the two nets have changed places: the losses of the shallow one come first",
    ),
]


@exercise(
    "2.3",
    "An unfair race",
    difficulty=2,
    minutes=15,
    names=("fair_race",),
    hints=(
        "Three things must be equal before the flag can be blamed: the weights that both start from, the batches that "
        "both see, and the way they learn. Go through the loop twice by hand and ask for each whether it is.",
        "The second `build` draws its weights where the first has left the random numbers. `train_iter` has a new order "
        "each time that it is gone through. And `rate` depends on `kind`.",
        "`torch.manual_seed(0)` goes before each `build`. Build both nets, then give both to one "
        "`d2l.train_side_by_side({...}, islice(train_iter, num_steps), lr)`: then each batch goes to both.",
    ),
)
def check_fair_race(fair_race: Any) -> None:
    """Nets that note what they start from and what they see, and the same training once more by hand."""
    lr, num_steps = 0.11, 4
    data = _few_images()
    course = {kind: {} for kind in KINDS}
    with mock.patch("d2lhelpers.side_by_side.try_gpu", return_value=torch.device("cpu")):
        torch.manual_seed(8)
        losses = call(fair_race, lambda kind: _noting_net(kind, course), data, lr, num_steps, name="fair_race")
    losses = _losses_by_kind(losses, num_steps)
    runs = {kind: _the_run(course[kind], kind, num_steps) for kind in KINDS}
    plain, residual = (runs[kind] for kind in KINDS)
    if not _all_close(plain.start, residual.start):
        if _all_close(residual.start, list(plain.net.parameters())):
            raise Incorrect("the residual net starts with the weights that the plain one had at the end of its training")
        if _all_close(plain.start, list(residual.net.parameters())):
            raise Incorrect("the plain net starts with the weights that the residual one had at the end of its training")
        raise Incorrect("the two nets start from different weights. When was the seed set, before which `build`?")
    if any(torch.equal(X, plain.seen[0]) for X in plain.seen[1:]):
        raise Incorrect("the plain net sees one batch again and again; each step should have the next one")
    if not _all_close(plain.seen, residual.seen):
        raise Incorrect(
            "both nets start from the same weights, but they see different batches: `train_iter` has another order each "
            "time that it is gone through, or goes on where the first net stopped"
        )
    rates = {kind: _first_rate(runs[kind], data) for kind in KINDS}
    if abs(rates["plain"] - rates["residual"]) > 0.05 * lr:
        raise Incorrect(
            f"weights and batches are equal, but called with lr = {lr} the plain net learned with {rates['plain']:.3g} "
            f"and the residual one with {rates['residual']:.3g}"
        )
    if abs(rates["plain"] - lr) > 0.05 * lr:
        raise Incorrect(f"both nets learned with the rate {rates['plain']:.3g}; fair_race was called with lr = {lr}")
    expected = {kind: _trained_by_hand(runs[kind], data, lr) for kind in KINDS}
    if all(_near(losses[kind], expected[kind]) for kind in KINDS):
        return
    if all(_near(losses[kind], expected[other]) for kind, other in zip(KINDS, reversed(KINDS))):
        raise Incorrect('the race is fair, but "plain" has the losses of the residual net, and the other way round')
    for kind in KINDS:
        if _near(losses[kind], expected[kind][-1:] * num_steps):
            raise Incorrect(f'the race is fair, but losses["{kind}"] has the last loss {num_steps} times')
        if not _near(losses[kind], expected[kind]):
            raise Incorrect(
                f'weights, batches and rate are equal, but losses["{kind}"] is not what d2l.train_side_by_side yields for '
                f"this net: {_rounded(losses[kind])}, expected {_rounded(expected[kind])}"
            )


KINDS = ("plain", "residual")


class _Run:
    """What one net did: the weights that it started from and the images that it saw in training."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.seen = net, []
        self.start = [parameter.detach().cpu().clone() for parameter in net.parameters()]
        self.untrained = copy.deepcopy(net.cpu())
        self.untrained._forward_pre_hooks.clear()


def _few_images() -> FashionMNISTBatches:
    """Return batches of images that are not square, shuffled anew each time."""
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (42, 1, 7, 5), generator=generator, dtype=torch.uint8)
    return FashionMNISTBatches(images, torch.randint(0, 10, (42,), generator=generator), 6, shuffle=True)


def _noting_net(kind: Any, course: dict[str, dict[int, _Run]]) -> nn.Module:
    """Build a net with unusual weights that notes in `course` what it sees in training."""
    if kind not in KINDS:
        raise ValueError(f'build knows the kinds "plain" and "residual"; got {shown(kind)}')

    def note(net: nn.Module, inputs: tuple) -> None:
        if net.training and torch.is_grad_enabled():
            if id(net) not in course[kind]:
                course[kind][id(net)] = _Run(net)
            course[kind][id(net)].seen.append(inputs[0].detach().cpu().clone())

    net = cifar_resnet(8, 3, residual=kind == "residual", stem_strides=2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    net.register_forward_pre_hook(note)
    return net


def _losses_by_kind(losses: Any, num_steps: int) -> dict[str, list[float]]:
    """Return the losses as lists of numbers, if that is what they are."""
    if losses is None:
        raise Incorrect("fair_race returned None; it should return the losses by kind")
    if not isinstance(losses, dict) or not set(KINDS) <= set(losses):
        raise Incorrect(f'fair_race should return a dictionary with "plain" and "residual"; it returned {shown(losses)}')
    result = {}
    for kind in KINDS:
        values = losses[kind].tolist() if isinstance(losses[kind], torch.Tensor) else losses[kind]
        if not isinstance(values, (list, tuple)):
            raise Incorrect(f'losses["{kind}"] should be a list of {num_steps} numbers; it is {shown(losses[kind])}')
        if len(values) != num_steps:
            used_up = " An iterator such as islice(...) can be gone through once only." if not values else ""
            raise Incorrect(f'losses["{kind}"] should have {num_steps} entries; it has {len(values)}.{used_up}')
        if isinstance(values[0], dict):
            raise Incorrect(f'losses["{kind}"] holds dictionaries; take the loss of this net out of each')
        result[kind] = [number(_detached(value), f'losses["{kind}"][{i}]') for i, value in enumerate(values)]
    return result


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


def _the_run(runs: dict[int, _Run], kind: str, num_steps: int) -> _Run:
    """Return what the net of this kind did."""
    if not runs:
        raise Incorrect(f'no net that build("{kind}") made was trained')
    if len(runs) > 1:
        raise Incorrect(f"{len(runs)} {kind} nets were trained; the race has one of each kind")
    run = next(iter(runs.values()))
    if len(run.seen) != num_steps:
        raise Incorrect(f"the {kind} net was trained for {len(run.seen)} steps; num_steps was {num_steps}")
    return run


def _labels(X: torch.Tensor, data: FashionMNISTBatches) -> torch.Tensor:
    """Find the labels of images that came from `data`."""
    if X.dim() != 4 or X.shape[1:] != data.images.shape[1:] or not len(X):
        raise Incorrect("a net was trained on other images than those of train_iter")
    distances = (X[:, None] - data.images[None] / 255).abs().amax(dim=(2, 3, 4))
    if distances.amin(dim=1).max() > 1e-3:
        raise Incorrect("a net was trained on other images than those of train_iter")
    return data.labels[distances.argmin(dim=1)]


def _gradients(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> tuple[float, tuple[torch.Tensor, ...]]:
    with torch.enable_grad():
        loss = F.cross_entropy(net(X), y)
        return loss.item(), torch.autograd.grad(loss, list(net.parameters()))


def _trained_by_hand(run: _Run, data: FashionMNISTBatches, lr: float) -> list[float]:
    """Return the losses of SGD with momentum .9 from the same start on the same batches."""
    net, losses = copy.deepcopy(run.untrained).train(), []
    velocities = [torch.zeros_like(parameter) for parameter in net.parameters()]
    for X in run.seen:
        loss, gradients = _gradients(net, X, _labels(X, data))
        losses.append(loss)
        with torch.no_grad():
            for parameter, velocity, gradient in zip(net.parameters(), velocities, gradients):
                velocity.mul_(0.9).add_(gradient)
                parameter.sub_(lr * velocity)
    return losses
