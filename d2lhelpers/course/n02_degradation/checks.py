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

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, unchanged, used, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.fashion_mnist import FashionMNISTBatches
from d2lhelpers.residual import cifar_resnet


@exercise(
    "2.1",
    "Layers and blocks",
    difficulty=1,
    minutes=5,
    names=("blocks_per_stage", "additions"),
    hints=(
        "Section 2 has the formula: which layers with weights are in no block, and how many does one block have?",
        "110 = 6n + 2. Each block adds once, also the two that have to pad their input.",
    ),
)
def check_layers_and_blocks(blocks_per_stage: Any, additions: Any) -> None:
    """6 · 18 + 2 = 110; three stages of 18 blocks with one addition each."""
    blocks = number(blocks_per_stage, "blocks_per_stage")
    if abs(blocks - 110 / 6) < 0.01:
        raise Incorrect("110 / 6 is not whole: the first convolution and the linear layer are in no block")
    causes = {
        19: "the first convolution and the linear layer are in no block, so only 108 layers are left to share out",
        36: "that is the number of convolutions in a stage; a block has two",
        54: "that is the number of blocks in all three stages; how many has one?",
        108: "that is the number of convolutions in all blocks of all stages",
        27: "the net has three stages, not two, and 27 · 2 · 2 = 108",
        110: "that is the number of layers with weights; the question is how many blocks each stage has",
    }
    blocks = whole_number(blocks, "blocks_per_stage")
    if blocks != 18:
        found = f"a net with that many blocks per stage would have {6 * blocks + 2} layers"
        raise Incorrect(f"blocks_per_stage = {blocks}: {causes[blocks]}" if blocks in causes else found)
    found = whole_number(additions, "additions")
    causes = {
        18: "that is one stage; there are three",
        108: "that is one addition for each convolution; a block adds once, after its second",
        52: "two are missing: a block that doubles the channels adds too, with zeros for those that are missing",
        51: "the first block of each stage adds as well; where the shape changes, its input is thinned and padded",
        53: "there is an addition in each block, also in the last and in the first",
        2: "those are the blocks that pad their input; all the others add as well",
        3: "an addition spans one block, not one stage",
        36: "so many have two stages, and so many convolutions has one; there are three stages, and a block adds once",
        110: "there is one addition for a block of two layers, and none around the first and the last layer",
        55: "half of 110 layers would be 55, but the first convolution and the linear layer are in no block",
        0: "a residual block does add: its last line is F.relu(Y + X)",
    }
    if found != 54:
        raise Incorrect(
            f"additions = {found}: {causes.get(found, 'which parts of the net add, and how many are there?')}"
        )


@exercise(
    "2.2",
    "The diagnosis",
    difficulty=1,
    minutes=10,
    names=("diagnose",),
    hints=(
        "Section 5 has the difference: which of the two pairs of losses has to be looked at first?",
        'Ask `if deep_train > shallow_train` first and return "degradation"; only those that pass are asked '
        "`if deep_test > shallow_test`.",
    ),
)
def check_diagnosis(diagnose: Any) -> None:
    """Losses of every order, and ties, also such where both nets are better or worse on test images."""
    cases = _quadruples_of_losses()
    found = [_verdict(call(diagnose, *losses, name="diagnose"), losses) for losses in cases]
    right = [_diagnosis(*losses) for losses in cases]
    in_32_bits = [_diagnosis(*torch.tensor(losses).tolist()) for losses in cases]
    if found in (right, in_32_bits):
        return
    for wrong, cause in WRONG_DIAGNOSES:
        if found == [wrong(*losses) for losses in cases]:
            raise Incorrect(cause)
    i = next(i for i in range(len(cases)) if found[i] != right[i])
    words = {True: "worse than", False: "at least as good as"}
    a, b, c, d = cases[i]
    if all(found[j] == right[j] for j in range(len(cases)) if not _is_close(*cases[j])):
        raise Incorrect(
            f"it is right about losses that are far apart, but diagnose{cases[i]} returned {found[i]!r}: worse by "
            "however little is worse. Is there a tolerance, or are the losses rounded?"
        )
    raise Incorrect(
        f"diagnose{cases[i]} returned {found[i]!r}. The deeper net is {words[c > a]} the shallow one on the training "
        f"images and {words[d > b]} it on the test images, so this is {right[i]!r}"
    )


def _quadruples_of_losses() -> list[tuple[float, float, float, float]]:
    """Return losses in thousandths: (shallow_train, shallow_test, deep_train, deep_test)."""
    generator = torch.Generator().manual_seed(22)
    cases = []
    for scale in (1, 40, 400, 2000):  # neighbors, and losses far apart
        for _ in range(25):
            cases.append(tuple((300 + torch.randint(0, 3 * scale, (4,), generator=generator)).tolist()))
    for _ in range(10):
        a, b, c = (300 + torch.randperm(900, generator=generator)[:3]).tolist()
        cases += [(a, b, a, c), (a, b, c, b), (a, b, a, b), (a, a, b, b), (a, b, b, a)]
    cases = [tuple(loss / 1000 for loss in case) for case in cases]
    for gap in (1e-5, 1e-6, 1e-8, 1e-12):  # losses that differ by hardly anything
        for a, b in ((0.5, 0.75), (2.25, 0.125)):
            cases += [(a, b, a + gap, b), (a, b, a, b + gap), (a, b, a - gap, b), (a, b, a - gap, b + gap)]
            cases += [(a, b, a + gap, b - gap)]
    return cases


def _is_close(a: float, b: float, c: float, d: float) -> bool:
    return 0 < abs(c - a) < 1e-4 or 0 < abs(d - b) < 1e-4


def _verdict(value: Any, losses: tuple) -> str:
    """Return one of the three words, however hyphens and capitals are set."""
    if value is None:
        raise Incorrect(f"diagnose{losses} returned None. Is there a return for each case, or is the word printed?")
    if not isinstance(value, str):
        raise Incorrect(f"diagnose should return one of the three texts; diagnose{losses} returned {shown(value)}")
    for word in ("degradation", "over-fitting", "no harm"):
        if re.sub(r"[\W_]", "", value).lower() == re.sub(r"\W", "", word):
            return word
    raise Incorrect(
        f'diagnose{losses} returned {shown(value)}; the three texts are "degradation", "over-fitting" and "no harm"'
    )


def _diagnosis(a: float, b: float, c: float, d: float) -> str:
    return "degradation" if c > a else "over-fitting" if d > b else "no harm"


def _choice(degrades: Callable[..., bool], over_fits: Callable[..., bool]) -> Callable[..., str]:
    """Return a function of the losses a to d that asks these two questions in this order."""

    def diagnose(a: float, b: float, c: float, d: float) -> str:
        return "degradation" if degrades(a, b, c, d) else "over-fitting" if over_fits(a, b, c, d) else "no harm"

    return diagnose


def _over_fitting_first(a: float, b: float, c: float, d: float) -> str:
    return "over-fitting" if d > b else "degradation" if c > a else "no harm"


def _in_one_net(a: float, b: float, c: float, d: float) -> str:
    return "over-fitting" if d > c else "degradation" if c > a else "no harm"


def _words_swapped(a: float, b: float, c: float, d: float) -> str:
    return {"degradation": "over-fitting", "over-fitting": "degradation"}.get(_diagnosis(a, b, c, d), "no harm")


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
        "a comparison is the wrong way round, or the two nets have changed places: a lower loss is the better one, and "
        "the losses of the shallow net come first",
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
        "the four losses are taken in another order. First come both of the shallow net, then both of the deeper one",
    ),
    (
        lambda a, b, c, d: _diagnosis(b, a, d, c),
        "training and test losses have changed places: of each net, the training loss comes first",
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
        "The second `build` draws its weights where the first has left the random numbers. `train_iter` has a new "
        "order each time that it is gone through. And `rate` depends on `kind`.",
        "`torch.manual_seed(0)` goes before each `build`. Build both nets, then give both to one "
        "`d2l.train_side_by_side({...}, islice(train_iter, num_steps), lr)`: then each batch goes to both.",
    ),
)
def check_fair_race(fair_race: Any) -> None:
    """Nets that note what they start from and what they see, and the same training once more by hand."""
    lr, num_steps = 0.11, 4
    data = _few_images()
    course, in_evaluation = ({kind: {} for kind in KINDS} for _ in range(2))
    with mock.patch("d2lhelpers.side_by_side.try_gpu", return_value=torch.device("cpu")):
        torch.manual_seed(8)
        losses = call(
            fair_race, lambda kind: _noting_net(kind, course, in_evaluation), data, lr, num_steps, name="fair_race"
        )
    losses = _losses_by_kind(losses, num_steps)
    for kind in KINDS:
        if not course[kind]:
            if any(not _all_close(run.start, _weights(run.net)) for run in in_evaluation[kind].values()):
                raise Incorrect(f"the {kind} net was trained in evaluation mode; call net.train() before")
            raise Incorrect(f'no net that build("{kind}") made was trained')
    runs = {kind: _the_run(course[kind], kind, num_steps) for kind in KINDS}
    plain, residual = (runs[kind] for kind in KINDS)
    places = [{parameter.data_ptr() for parameter in run.net.parameters()} for run in runs.values()]
    if places[0] & places[1]:
        raise Incorrect(
            "the two nets share weights, so a step of one changes the other as well: load_state_dict and copy_ copy "
            "numbers, while q.data = p.data, assign=True and a layer that is in both nets do not"
        )
    if not _all_close(plain.start, residual.start):
        for first, second in (KINDS, KINDS[::-1]):
            weights = zip(runs[second].start, runs[first].start, _weights(runs[first].net))
            if any(_near(own, trained) and not _near(own, start) for own, start, trained in weights):
                raise Incorrect(
                    f"the {second} net starts with weights that the {first} one had at the end of its training. Was "
                    "a state_dict taken before it and not copied? It changes with the net; copy.deepcopy keeps it"
                )
        raise Incorrect(
            "the two nets start from different weights. When was the seed set, before which `build`? Or were weights "
            "copied after training?"
        )
    sizes = {len(X) for run in runs.values() for X in run.seen} - {data.batch_size}
    if sizes:
        raise Incorrect(f"a net saw {min(sizes)} images in a step; a batch of train_iter has {data.batch_size}")
    for kind, run in runs.items():
        if any(torch.equal(X, earlier) for i, X in enumerate(run.seen) for earlier in run.seen[:i]):
            raise Incorrect(f"the {kind} net sees a batch more than once; each step should have the next one")
        for X in run.seen:
            _labels(X, data)  # images of train_iter have some
    if not _all_close(plain.seen, residual.seen):
        if all(any(_near(X, other) for other in residual.seen) for X in plain.seen):
            raise Incorrect("both nets see the same batches, but not in the same order")
        raise Incorrect(
            "both nets start from the same weights, but they see different batches: `train_iter` has another order "
            "each time that it is gone through, whatever the seed, or goes on where the first net stopped"
        )
    rates = {kind: _first_rate(runs[kind], kind, data) for kind in KINDS}
    for kind, rate in rates.items():
        if abs(rate - lr) > 0.05 * lr:
            _assert_the_rate_explains(losses[kind], runs[kind], kind, data, lr, rate)
    if abs(rates["plain"] - rates["residual"]) > 0.05 * lr:
        raise Incorrect(
            f"weights and batches are equal, but called with lr = {lr} the plain net learned with {rates['plain']:.3g} "
            f"and the residual one with {rates['residual']:.3g}"
        )
    if abs(rates["plain"] - lr) > 0.05 * lr:
        raise Incorrect(f"both nets learned with the rate {rates['plain']:.3g}; fair_race was called with lr = {lr}")
    expected = {kind: _trained_by_hand(runs[kind], data, lr, num_steps) for kind in KINDS}
    if all(_near(losses[kind], expected[kind]) for kind in KINDS):
        return
    if all(_near(losses[kind], expected[other]) for kind, other in zip(KINDS, reversed(KINDS))):
        raise Incorrect('the race is fair, but "plain" has the losses of the residual net, and the other way round')
    for kind in KINDS:
        if _near(losses[kind], expected[kind][-1:] * num_steps):
            raise Incorrect(f'the race is fair, but losses["{kind}"] has the last loss {num_steps} times')
        if not _near(losses[kind], expected[kind]):
            raise Incorrect(
                f'weights, batches and rate are equal, but losses["{kind}"] is not what d2l.train_side_by_side yields '
                f"for this net: {_rounded(losses[kind])}, expected {_rounded(expected[kind])}"
            )


KINDS = ("plain", "residual")


class _Run:
    """What one net did: the weights that it started from and the images that it saw in training."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.seen = net, []
        self.untrained = copy.deepcopy(net).cpu()
        self.untrained._forward_pre_hooks.clear()
        self.start = _weights(net)
        self.after_first_step: list[torch.Tensor] = []

    def note(self, X: torch.Tensor) -> None:
        """Note one batch, and at the second one the weights that the first step has made."""
        if len(self.seen) == 1:
            self.after_first_step = _weights(self.net)
        self.seen.append(X.detach().cpu().clone())


def _few_images() -> FashionMNISTBatches:
    """Return batches of images that are not square, shuffled anew each time, in an order that no seed repeats."""
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (60, 1, 7, 5), generator=generator, dtype=torch.uint8)
    return FashionMNISTBatches(images, torch.randint(0, 10, (60,), generator=generator), 6, shuffle=True, seed=5)


def _noting_net(kind: Any, course: dict[str, dict[int, _Run]], in_evaluation: dict[str, dict[int, _Run]]) -> nn.Module:
    """Build a net with unusual weights that notes what it sees in each mode while gradients are recorded."""
    if kind not in KINDS:
        raise ValueError(f'build knows the kinds "plain" and "residual"; got {shown(kind)}')

    def note(net: nn.Module, inputs: tuple) -> None:
        if torch.is_grad_enabled():
            runs = (course if net.training else in_evaluation)[kind]
            if id(net) not in runs:
                runs[id(net)] = _Run(net)
            runs[id(net)].note(inputs[0])

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
        found = f"one with {', '.join(map(shown, losses)) or 'nothing'}" if isinstance(losses, dict) else shown(losses)
        raise Incorrect(f'fair_race should return a dictionary with "plain" and "residual"; it returned {found[:200]}')
    result = {}
    for kind in KINDS:
        values = losses[kind]
        if hasattr(values, "tolist") and not isinstance(values, type):  # a tensor, or an array of NumPy
            values = values.tolist()
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
    if len(runs) > 1:
        raise Incorrect(f"{len(runs)} {kind} nets were trained; the race has one of each kind")
    run = next(iter(runs.values()))
    if not all(parameter.requires_grad for parameter in run.net.parameters()):
        raise Incorrect(f"some weights of the {kind} net are frozen: they require no gradient")
    if len(run.seen) == 2 * num_steps and _all_close(run.seen[::2], run.seen[1::2]):
        raise Incorrect(
            f"each batch goes through the {kind} net twice; note the loss from the pass that the step learns from, "
            "before the step"
        )
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


def _step(net: nn.Module, X: torch.Tensor, y: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
    with torch.enable_grad():
        loss = F.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
    optimizer.step()
    return loss.item()


def _trained_by_hand(
    run: _Run, data: FashionMNISTBatches, lr: float, num_steps: int, nesterov: bool = False
) -> list[float]:
    """Return the losses of SGD with momentum .9 from the same start on the same batches."""
    net = copy.deepcopy(run.untrained).train()
    optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9, nesterov=nesterov)
    return [_step(net, X, _labels(X, data), optimizer) for X in run.seen[:num_steps]]


def _first_rate(run: _Run, kind: str, data: FashionMNISTBatches) -> float:
    """Return the learning rate of the first step: how far the weights went, in units of the gradient."""
    net = copy.deepcopy(run.untrained).train()
    _step(net, run.seen[0], _labels(run.seen[0], data), torch.optim.SGD(net.parameters(), lr=0))
    gradients = [parameter.grad for parameter in net.parameters()]
    ways = [a - b for a, b in zip(run.start, run.after_first_step)]
    _assert_no_weight_decay(ways, gradients, run.start, kind)
    gradient, way = (torch.cat([part.flatten() for part in parts]) for parts in (gradients, ways))
    if way.any() and way @ gradient < 0.99 * way.norm() * gradient.norm():
        raise Incorrect(
            f"weights and batches are equal, but the first step of the {kind} net does not follow the gradient of its "
            "cross-entropy. Do the labels belong to the images, or is the optimizer another than SGD?"
        )
    return float(way @ gradient / (gradient @ gradient))


def _assert_no_weight_decay(
    ways: list[torch.Tensor], gradients: list[torch.Tensor], start: list[torch.Tensor], kind: str
) -> None:
    """What a step did besides following the gradient is not proportional to the weights."""
    way, gradient, weights = (
        torch.cat([part.double().flatten() for part in parts]) for parts in (ways, gradients, start)
    )
    rate = torch.linalg.lstsq(torch.stack([gradient, weights], dim=1), way[:, None]).solution[0].item()
    if not rate > 0:
        return
    for way, gradient, weights in zip(ways, gradients, start):
        rest, weights = (way.double() / rate - gradient).flatten(), weights.double().flatten()
        decay = (rest @ weights / (weights @ weights)).item()
        if len(rest) >= 20 and decay > 1e-6 and rest @ weights > 0.9 * rest.norm() * weights.norm():
            raise Incorrect(
                f"the first step of the {kind} net follows the gradient, but the weights also shrink: weight decay "
                f"of about {decay:.1g}, which d2l.train_side_by_side does not have"
            )


def _assert_the_rate_explains(
    losses: list[float], run: _Run, kind: str, data: FashionMNISTBatches, lr: float, rate: float
) -> None:
    """The losses of a net with a first step of another length are those of that rate."""
    if abs(rate - 1.9 * lr) < 0.02 * lr and _near(losses, _trained_by_hand(run, data, lr, len(losses), nesterov=True)):
        raise Incorrect(
            f"the first step of the {kind} net is 1.9 times too long: that is Nesterov's momentum, which "
            "d2l.train_side_by_side does not have"
        )
    if not _near(losses, _trained_by_hand(run, data, rate, len(losses))):
        raise Incorrect(
            f"called with lr = {lr}, the first step of the {kind} net was as long as one with the rate {rate:.3g}; is "
            "the rate another, or the gradient scaled or clipped?"
        )


@exercise(
    "2.4",
    "One more block",
    difficulty=2,
    minutes=15,
    names=("with_one_more_block", "depth_after_20"),
    hints=(
        "Start from `copy.deepcopy(net)`. Section 7 says when a residual block passes on its input in both modes.",
        "The number of channels of a stage can be read off its last block: `stage[-1].conv2.out_channels`. A new block "
        "is `d2l.Residual(channels, channels)`.",
        "`for stage in longer[1:4]:` make a block, set `block.bn2.weight` and `block.bn2.bias` to zero, and "
        "`stage.append(block)`. Each stage gets one block of two layers.",
    ),
)
def check_one_more_block(with_one_more_block: Any, depth_after_20: Any) -> None:
    """Two small nets with unusual weights and statistics, in both modes, before and after a batch in training mode."""
    generator = torch.Generator().manual_seed(24)
    for depth, width, in_channels, num_classes, strides in ((14, 3, 2, 7, 2), (8, 2, 1, 5, 1), (26, 4, 3, 2, 2)):
        net = cifar_resnet(depth, width, num_classes, in_channels, stem_strides=strides)
        _make_unusual(net, generator)
        net.train(depth == 14)
        before = copy.deepcopy(used(net))
        try:
            with unchanged(net, "the net that was given"):
                longer = call(with_one_more_block, net, name="with_one_more_block")
        except Incorrect as error:
            kind_of_net = f"width {width}, {in_channels} channels of input and {num_classes} classes"
            if "RuntimeError" in str(error):
                raise Incorrect(f"{error}. This net has {kind_of_net}; is one of these fixed in your code?") from error
            raise
        _assert_it_is_a_net_of_its_own(longer, net)
        new_blocks = _new_blocks(longer, before)
        X = torch.randn(4, in_channels, 12, 9, generator=generator)
        _assert_it_computes_the_same(longer, before, new_blocks, X)
        _assert_they_can_learn(longer, before, X, generator)
        found, expected = (_scores(copy.deepcopy(net).double(), X.double(), training=False) for net in (longer, before))
        if not _are_the_same(found, expected, tolerance=1e-10):
            raise Incorrect("the new blocks add very little, but not nothing: is the last γ small, and not zero?")
    depth = whole_number(depth_after_20, "depth_after_20")
    causes = {
        23: "one block more in each of three stages, but a block has two layers with weights",
        22: "that is one block more; each of the three stages has got one",
        21: "that is one layer more; each of the three stages has got a block of two",
        20: "the new blocks have weights, so they count, whatever they compute",
        32: "that is two blocks more in each stage",
        38: "that would be twice as many blocks; each stage has got one",
    }
    if depth != 26:
        cause = causes.get(depth, "each of three stages has got one block of two layers")
        raise Incorrect(f"the function is right, but depth_after_20 = {depth}: {cause}")


def _make_unusual(net: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights and statistics anew, so that no factor is one and nothing is zero."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.add_(1)
                module.running_mean.copy_(0.5 * torch.randn(module.running_mean.shape, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
                module.num_batches_tracked.fill_(7)


def _assert_it_is_a_net_of_its_own(longer: Any, net: nn.Module) -> None:
    """It is a net, shares no weights with the one that was given, and all of it can learn."""
    if longer is None:
        raise Incorrect("with_one_more_block returned None; it should return the new net")
    if not isinstance(longer, nn.Module):
        raise Incorrect(f"with_one_more_block should return a net; it returned {shown(longer)}")
    if longer is net:
        raise Incorrect("with_one_more_block returned the very net that it was given")
    own = {parameter.data_ptr() for parameter in net.state_dict().values()}
    shared = [name for name, value in longer.state_dict().items() if value.data_ptr() in own]
    if shared:
        raise Incorrect(
            f"the new net shares its weights with the one that was given ({shared[0]}): training one would change both"
        )
    frozen = [name for name, parameter in longer.named_parameters() if not parameter.requires_grad]
    if frozen:
        raise Incorrect(f"{frozen[0]} of the new net is frozen: it requires no gradient and never learns")


def _new_blocks(longer: nn.Module, before: nn.Module) -> list[nn.Module]:
    """Return the last block of each stage, if the rest is what it was."""
    parts = list(longer.children())
    if len(parts) != len(before):
        raise Incorrect(
            f"the new net should have {len(before)} parts, as the old one: the stem, three stages, pooling, flattening "
            f"and the linear layer; it has {len(parts)}"
        )
    for name, i in (("stem", 0), ("linear layer", -1)):
        _assert_copied(name, parts[i], before[i])
    expected = _sizes(before)
    stages = _stages(longer, expected)
    sizes = [len(stage) for stage in stages]
    if sizes == [size - 1 for size in expected]:
        raise Incorrect(f"no stage has a block more than before: they have {sizes}")
    if sizes != expected:
        raise Incorrect(f"the stages of the new net have {sizes} blocks; one more in each would be {expected}")
    for i, (stage, old) in enumerate(zip(stages, before[1:4]), start=1):
        in_place, shifted = ([not _differing(*pair) for pair in zip(new, old)] for new in (stage, stage[1:]))
        if all(shifted) and not all(in_place):
            raise Incorrect(f"the new block of stage {i} comes first; it belongs at the end of its stage")
        for j, block in enumerate(old, start=1):
            _assert_copied(f"block {j} of stage {i}", stage[j - 1], block)
        _assert_it_is_a_block(stage[-1], f"stage {i}")
        _assert_its_weights_are_its_own(stage[-1], stage[:-1], f"stage {i}")
    return [stage[-1] for stage in stages]


def _assert_it_is_a_block(block: nn.Module, where: str) -> None:
    """Two 3×3 kernels that can learn, and as many channels out as in."""
    kernels = _kernels(block)
    if len(kernels) != 2:
        raise Incorrect(
            f"the last block of {where}, {type(block).__name__}, has {len(kernels) or 'no'} 3×3 convolutions; a "
            "block of these nets has two, and they are to learn later"
        )
    if any(weight.dim() == 4 and weight.shape[2:] == (1, 1) for weight in block.parameters()):
        raise Incorrect(
            f"the new block of {where} has a 1×1 convolution; the shortcut of these nets has no parameter, it adds the "
            "input as it is"
        )
    ins, outs = kernels[0].shape[1], kernels[-1].shape[0]
    if ins != outs:
        raise Incorrect(
            f"the new block of {where} maps {ins} channels to {outs}. In a net of 8 layers the only block of a stage "
            "is the one that changes the channels; a copy of it does not fit behind it"
        )


def _assert_its_weights_are_its_own(block: nn.Module, others: list[nn.Module], where: str) -> None:
    """No weight of the new block is one of an old block as well."""
    taken = {id(parameter) for other in others for parameter in other.parameters()}
    shared = [name for name, parameter in block.named_parameters() if id(parameter) in taken]
    if shared:
        raise Incorrect(
            f"the new block of {where} has no {shared[0]} of its own: it uses that of an old block, and training would "
            "change both at once"
        )


def _blocks(stage: nn.Module) -> list[nn.Module]:
    """Return the blocks of a stage, also of one that was put into another."""
    found = []
    for child in stage._modules.values():  # children() would leave out a block that comes twice
        found += _blocks(child) if type(child) is nn.Sequential else [child]
    return found


def _sizes(before: nn.Module) -> list[int]:
    return [len(stage) + 1 for stage in before[1:4]]


def _stages(net: nn.Module, sizes: list[int]) -> list[list[nn.Module]]:
    """Return the blocks of the three stages; a last block may be made of several parts side by side."""
    stages = [_blocks(part) for part in list(net.children())[1:4]]
    for stage, size in zip(stages, sizes):
        rest = stage[size - 1 :]
        if len(stage) > size and sum(len(_kernels(part)) for part in rest) == 2:  # a part that comes twice counts twice
            stage[size - 1 :] = [nn.Sequential(*rest)]
    return stages


def _kernels(block: nn.Module) -> list[torch.Tensor]:
    return [weight for weight in block.parameters() if weight.dim() == 4 and weight.shape[2:] == (3, 3)]


def _assert_copied(name: str, part: nn.Module, old: nn.Module) -> None:
    if _shapes(part) != _shapes(old):
        raise Incorrect(f"the {name} of the new net has other layers than that of the old one")
    differing = _differing(part, old)
    if differing and all("running" in key or "tracked" in key for key in differing):
        raise Incorrect(
            f"the {name} of the new net has the weights of the old one, but its running means and variances are not "
            "those of the given net: they are buffers, which parameters() leaves out and state_dict() has"
        )
    if differing:
        raise Incorrect(f"the {name} of the new net does not have the weights of the old one ({differing[0]})")


def _shapes(part: nn.Module) -> list[torch.Size]:
    return [value.shape for value in part.state_dict().values()]


def _differing(a: nn.Module, b: nn.Module) -> list[str]:
    """Return the names of what differs in the two; all if the layout does."""
    first, second = a.state_dict(), b.state_dict()
    if _shapes(a) != _shapes(b):
        return list(second)
    return [name for name, x, y in zip(second, first.values(), second.values()) if not torch.equal(x.cpu(), y.cpu())]


def _scores(net: nn.Module, X: torch.Tensor, training: bool, batches_before: int = 0) -> torch.Tensor:
    """Return the scores of the net, or of a copy that has seen some batches in training mode before."""
    copied = copy.deepcopy(net) if training or batches_before else net
    with torch.no_grad():
        for _ in range(batches_before):
            call(copied.train(), 2 * X + 1, name="the new net")
        return tensor(call(copied.train(training), X, name="the new net"), None, "the scores of the new net")


def _assert_it_computes_the_same(
    longer: nn.Module, before: nn.Module, new_blocks: list[nn.Module], X: torch.Tensor
) -> None:
    same = {}
    for mode, training, batches in (("evaluation", False, 0), ("training", True, 0), ("later", False, 1)):
        found, expected = (_scores(net, X, training, batches) for net in (longer, before))
        if found.shape != expected.shape:
            raise Incorrect(f"the scores have the shape {tuple(found.shape)}; expected {tuple(expected.shape)}")
        same[mode] = _are_the_same(found, expected)
    if all(same.values()):
        return
    if any(_is_zero_without_f(block) for block in new_blocks):
        where = (
            "in evaluation mode it does compute the same, but in training mode batch norm takes its mean and variance"
        )
        raise Incorrect(
            f"the new blocks are plain, they never add their input: {where} from the batch"
            if same["evaluation"]
            else "the new blocks are plain: with F set to zero their output is zero, as the input is not added"
        )
    if same["evaluation"] and same["training"]:
        raise Incorrect(
            "the new net computes the same in both modes, but in evaluation mode no longer so once a batch has gone "
            "through both nets in training mode: its running means and variances do not move as those of the old net. "
            "Have all batch norms kept their settings, momentum and track_running_stats?"
        )
    if same["training"]:
        raise Incorrect(
            "in training mode the new net computes the same, but not in evaluation mode: there batch norm subtracts "
            "its running mean, and not the mean of what comes in"
        )
    if same["evaluation"]:
        raise Incorrect("in evaluation mode the new net computes the same, but not in training mode")
    if any(_is_dirac(block) for block in new_blocks):
        raise Incorrect(
            "the new blocks have Dirac kernels, so F(x) = x, and with the input added they return 2x. In a residual "
            "block F has to be zero"
        )
    blocks_before = [stage[-1] for stage in before[1:4]]
    if all(not _differing(new, old) for new, old in zip(new_blocks, blocks_before)):
        raise Incorrect("each new block is a copy of the trained one before it, and does once more what that one does")
    not_passed_on = "the new blocks do not pass on what they get"
    for zeroed, cause in (
        (("bias",), "in the new blocks the last γ is zero, but the last β is not, so F(x) = β"),
        (("weight",), f"{not_passed_on}: the last γ is not zero, so F(x) is not"),
        (("weight", "bias"), f"{not_passed_on}: the last γ and the last β are not zero"),
    ):
        if _are_the_same(*(_scores(net, X, training=False) for net in (_with_zeros(longer, before, zeroed), before))):
            raise Incorrect(cause)
    if not all(_passes_on(block, _channels(old)) for block, old in zip(new_blocks, blocks_before)):
        raise Incorrect(f"{not_passed_on}: F(x) is not zero")
    raise Incorrect(
        "the stem, the linear layer and the old blocks have the weights that they had, but the new net computes "
        "something else. Are all strides as they were, and is the stride of the new blocks 1?"
    )


def _are_the_same(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> bool:
    """Up to roundings, which a silent block has no reason to make."""
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())


def _is_zero_without_f(block: nn.Module) -> bool:
    """Tell whether a block gives zeros when its last γ and β are zero, so that it adds nothing."""
    block = copy.deepcopy(block).eval()
    if not _has_weights(getattr(block, "bn2", None)):
        return False
    nn.init.zeros_(block.bn2.weight)
    nn.init.zeros_(block.bn2.bias)
    channels = block.bn2.num_features
    with torch.no_grad():
        return not tensor(call(block, torch.ones(2, channels, 4, 3), name="a new block"), None, "its output").any()


def _has_weights(norm: Any) -> bool:
    return isinstance(norm, nn.BatchNorm2d) and norm.affine


def _channels(block: nn.Module) -> int:
    return block.conv2.out_channels


def _passes_on(block: nn.Module, channels: int) -> bool:
    """Tell whether a block returns what it gets in evaluation mode, if nothing in it is negative."""
    given = torch.linspace(0, 1, 2 * channels * 20).reshape(2, channels, 5, 4)
    with torch.no_grad():
        output = tensor(call(copy.deepcopy(block).eval(), given.clone(), name="a new block"), None, "its output")
    return output.shape == given.shape and _are_the_same(output, given)


def _is_dirac(block: nn.Module) -> bool:
    layers = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    return bool(layers) and all(
        torch.equal(layer.weight, nn.init.dirac_(torch.empty_like(layer.weight))) for layer in layers
    )


def _with_zeros(longer: nn.Module, before: nn.Module, names: tuple[str, ...]) -> nn.Module:
    """Return a copy of the net whose new blocks have zeros in these weights of the last batch norm."""
    copied = copy.deepcopy(longer)
    for *_, block in _stages(copied, _sizes(before)):
        norm = getattr(block, "bn2", ([None, *filter(_has_weights, block.modules())])[-1])
        for name in names if _has_weights(norm) else ():
            nn.init.zeros_(getattr(norm, name))
    return copied


def _assert_they_can_learn(longer: nn.Module, before: nn.Module, X: torch.Tensor, generator: torch.Generator) -> None:
    """Zeros in a new block leave its input, since it is added; other weights change the scores."""
    scores = _scores(longer, X, training=False)
    for i in (1, 2, 3):
        copied = copy.deepcopy(longer).eval()  # with one new block that is changed, so that no other hides it
        block = _stages(copied, _sizes(before))[i - 1][-1]
        given = torch.rand(2, _channels(before[i][-1]), 5, 4, generator=generator)

        def output_of(block: nn.Module, given: torch.Tensor) -> torch.Tensor:
            return tensor(call(block, given.clone(), name="a new block"), tuple(given.shape), "its output")

        with torch.no_grad():
            for parameter in block.parameters():
                parameter.zero_()
            if not _are_the_same(output_of(block, given), given):
                raise Incorrect(
                    f"the new block of stage {i} is no residual one: with all its weights at zero it does not return "
                    "its input, so it does not add it"
                )
            for parameter in block.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
            idle = _are_the_same(output_of(block, given), given)
            unheard = torch.equal(_scores(copied, X, training=False), scores)
            for parameter in block.parameters():
                if unheard and parameter.dim() < 2:  # γ and β: 32 bits may lose what a norm adds in a deep net
                    parameter.mul_(1e4)
        if idle or unheard and torch.equal(_scores(copied, X, training=False), scores):
            raise Incorrect(
                f"the new block of stage {i} has no effect, whatever its weights are: does it use its layers?"
            )


@exercise(
    "2.5",
    "What batch norm does to a copy",
    difficulty=3,
    minutes=15,
    names=("plain_in_training", "gamma", "beta", "my_explanation"),
    hints=(
        "In training mode batch norm takes mean and standard deviation from the batch: of 1, 2, 3, 6 these are 3 and "
        "the root of 3.5. It divides the sum of squares by the number of values.",
        "Part 1: normalize, set what is negative to zero, and both once more, with the mean and the standard "
        "deviation of the values that came out of the first half.",
        'Part 2: which γ and β undo "subtract 3, divide by the root of 3.5"? Nothing is negative then, so the second '
        "batch norm meets the same four numbers.",
    ),
)
def check_what_batch_norm_does_to_a_copy(plain_in_training: Any, gamma: Any, beta: Any, my_explanation: Any) -> None:
    """The block with batch norm of the batch, and what comes out where a step is left out or done otherwise."""
    x = torch.tensor(CHANNEL)
    found = _four_numbers(plain_in_training, "plain_in_training")

    def twice(norm: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        return norm(norm(x).relu()).relu()

    right = twice(_normalized)
    causes = [
        (
            x,
            "those are the values that went in; in training mode batch norm uses mean and variance of the batch",
        ),
        (_normalized(x).relu(), "there was one normalization only, or no ReLU between the two"),
        (_normalized(x), "no ReLU cut off what is negative"),
        (_normalized(_normalized(x).relu()), "the last ReLU is missing: what is negative becomes zero"),
        (twice(lambda z: (z - z.mean()) / z.std()), "batch norm divides the sum of squares by 4, not by 3"),
        (
            twice(lambda z: (z - z.mean()) / z.var(unbiased=False)),
            "you divided by the variance, not by its square root",
        ),
        (twice(lambda z: z - z.mean()), "the mean was subtracted, but nothing was divided by the standard deviation"),
        (
            twice(lambda z: z / z.std(unbiased=False)),
            "it was divided by the standard deviation, but no mean was subtracted",
        ),
        (_normalized(_normalized(x).relu()).add(x).relu(), "the input was added; this block is the plain one"),
        (
            torch.zeros(4),
            "all four are zero, as with γ = 0, or with a mean for each pixel; here γ is 1, and one mean "
            "is that of all four pixels",
        ),
    ]
    _assert_values(found, right, causes, "plain_in_training")
    _assert_they_undo_batch_norm(number(gamma, "gamma"), number(beta, "beta"), x)
    wrong = {
        "a": "the kernels copy, but each batch norm then subtracts the mean of the batch that arrives, whatever it is",
        "b": "in training mode batch norm does not look at its stored statistics at all",
        "d": "γ and β are weights; they stay as they are while a batch goes through",
        "e": "there γ = β = 0 makes F(x) = 0, whatever the statistics of the batch are, and x is added past them",
    }
    choice(my_explanation, "my_explanation", "c", wrong)


def _assert_they_undo_batch_norm(gamma: float, beta: float, x: torch.Tensor) -> None:
    """The block with this γ and β returns its input, to two decimals of γ and β."""

    def through(gamma: float, beta: float) -> torch.Tensor:
        for_one = (gamma * _normalized(x) + beta).relu()
        if for_one.std(unbiased=False) == 0:
            return for_one
        return (gamma * _normalized(for_one) + beta).relu()

    if bool(((through(gamma, beta) - x).abs() <= 0.02).all()):
        return
    std, mean = x.std(unbiased=False).item(), x.mean().item()
    causes = [
        (mean, std, "γ and β have changed places: γ multiplies, β is added"),
        (std**2, mean, "γ is the variance here; batch norm divided by its square root"),
        (x.std().item(), mean, "γ comes from a sum of squares divided by 3; batch norm divides by 4"),
        (1 / std, mean, "γ divides once more by the standard deviation; it has to undo that division"),
        (std, -mean, "β subtracts the mean once more; it has to bring the mean back"),
        (std, 0.0, "the spread is right, but the mean that was subtracted has to come back as well"),
        (1.0, mean, "the mean is right, but the spread is still 1; which factor brings back that of 1, 2, 3, 6?"),
        (1.0, 0.0, "those are the γ and β of part 1, and they do not return the four numbers"),
        (0.0, 0.0, "with γ = β = 0 the plain block returns zeros; it adds nothing to them"),
    ]
    for wrong_gamma, wrong_beta, cause in causes:
        if abs(gamma - wrong_gamma) < 0.006 and abs(beta - wrong_beta) < 0.006:
            raise Incorrect(f"gamma = {gamma:.4g}, beta = {beta:.4g}: {cause}")
    if abs(beta - mean) < 0.006 and abs(abs(gamma) - std) < 0.1:
        raise Incorrect(f"gamma = {gamma:.4g} is near; give it to two decimals")
    raise Incorrect(
        f"with gamma = {gamma:.4g} and beta = {beta:.4g} the block returns {_rounded(through(gamma, beta).tolist())}, "
        "not [1, 2, 3, 6]"
    )


CHANNEL = (1.0, 2.0, 3.0, 6.0)


def _normalized(z: torch.Tensor) -> torch.Tensor:
    return (z - z.mean()) / z.std(unbiased=False)


def _four_numbers(value: Any, name: str) -> torch.Tensor:
    """Return an answer that should be four numbers, in a list or a tensor, in one row or as a map."""
    flat = _flat(value, name)
    if len(flat) == 1 and not isinstance(value, (list, tuple)):
        raise Incorrect(f"{name} should be a list of four numbers; it is {shown(value)}")
    if len(flat) != 4:
        raise Incorrect(f"{name} should have four numbers, one for each pixel; it has {len(flat)}")
    return torch.tensor([float(number(item, f"{name}[{i}]")) for i, item in enumerate(flat)])


def _flat(value: Any, name: str) -> list[Any]:
    """Return what is in a list of any depth, in a tensor or in an array; anything else as the only item."""
    if isinstance(value, torch.Tensor):
        value = tensor(value, None, name).tolist()
    elif hasattr(value, "tolist") and not isinstance(value, type):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [inside for item in value for inside in _flat(item, name)]
    return [value]


def _assert_values(found: torch.Tensor, right: torch.Tensor, causes: list, name: str) -> None:
    if _within(found, right):
        return
    for wrong, cause in causes:
        if _within(found, wrong):
            raise Incorrect(f"{name}: {cause}")
    if _within(found.sort().values, right.sort().values):
        raise Incorrect(f"{name} has the right values in another order")
    i = next(i for i in range(4) if not _within(found[i], right[i]))
    raise Incorrect(f"{name} = {_rounded(found.tolist())}: look again at what becomes of {CHANNEL[i]:g}")


def _within(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Compare to two decimals, where the second are no whole numbers."""
    return bool(((a - b).abs() <= torch.where(b == b.round(), 1e-3, 0.006)).all())


def _weights(net: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().cpu().clone() for parameter in net.parameters()]


def _near(a: Any, b: Any) -> bool:
    return torch.allclose(torch.as_tensor(a).double(), torch.as_tensor(b).double(), rtol=1e-3, atol=1e-4)


def _all_close(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(x.shape == y.shape and _near(x, y) for x, y in zip(a, b))


def _rounded(values: list[float]) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"
