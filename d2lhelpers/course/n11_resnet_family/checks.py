"""The exercises of notebook 11: the ResNet family."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from d2lhelpers.course.checking import Incorrect, call, choice, shown, unchanged, whole_number
from d2lhelpers.course.exercise import exercise


@exercise(
    "11.1",
    "Count any bottleneck network",
    difficulty=2,
    minutes=15,
    names=("bottleneck_parameters",),
    hints=(
        "Go through the blocks one by one, and remember how many channels come in. The first block of *every* stage "
        "gets other channels than it gives, also that of stage 1.",
        "A block from b to 4m channels has b·m + 9m² + m·4m weights and norms of m, m and 4m channels; a norm has two "
        "numbers for a channel. Where b is not 4m, add b·4m weights and a norm of 4m channels.",
        "The stem has 3·7²·width weights and one norm; the head has 4·width·2^(stages - 1) + 1 numbers for each class.",
    ),
)
def check_bottleneck_parameters(bottleneck_parameters: Any) -> None:
    """The paper's networks, then others, against a count block by block; each mistake is a count of its own."""
    cases = [((3, 4, 6, 3), 64, 1000), ((3, 8, 36, 3), 64, 1000), ((1,), 5, 3), ((2, 1), 8, 10), ((1, 2, 3), 16, 7)]
    cases += [((1, 1, 1, 1, 2), 4, 11), ((4, 3), 1, 2)]
    for counts, width, classes in cases:
        given = list(counts)
        with unchanged(given, "counts"):
            said = f"bottleneck_parameters({given}, {width}, {classes})"
            found = whole_number(call(bottleneck_parameters, given, width, classes), said)
        right = _count(counts, width, classes)
        if found == right:
            continue
        mistakes: dict[str, dict[str, Any]] = {
            "the batch norms are missing: two numbers for each channel": {"norm": 0},
            "behind each convolution a norm learns two numbers for a channel, a scale and a shift; you counted one, "
            "which is what a bias would be": {"norm": 1},
            "a batch norm learns two numbers for a channel; mean and variance are stored, not learned": {"norm": 4},
            "the 1×1 convolutions on the shortcuts are missing": {"projects": lambda stage, first: False},
            "stage 1 needs a 1×1 convolution on its first shortcut, too: its input has other channels": {
                "projects": lambda stage, first: first and stage > 0
            },
            "only the first block of a stage has a 1×1 convolution on its shortcut; the others need none": {
                "projects": lambda stage, first: True
            },
            "the batch norms on the shortcuts are missing": {"shortcut_norm": 0},
            "these convolutions have no biases; a batch norm follows each": {"bias": 1},
            "the stem is missing": {"stem": 0},
            "the images have three colors, and you counted one": {"colors": 1},
            "the linear layer has a bias for each class": {"head_bias": 0},
            "the linear layer is missing": {"head": 0},
            "the 3×3 convolution works inside the bottleneck, on a quarter of the channels": {"inside": 4},
        }
        causes = [cause for cause, mistake in mistakes.items() if found == _count(counts, width, classes, **mistake)]
        for cause in causes:  # it has to explain another count, too: in one network two mistakes may cost the same
            if call(bottleneck_parameters, [2, 1], 8, 10) == _count((2, 1), 8, 10, **mistakes[cause]):
                raise Incorrect(f"{said} = {found:,}; {cause}.")
        raise Incorrect(f"{said} = {found:,}; expected {right:,}. Compare part by part: stem, one stage, head.")


def _first_of_stage(stage: int, first: bool) -> bool:
    return first


def _count(
    counts: Sequence[int],
    width: int,
    classes: int,
    *,
    norm: int = 2,
    shortcut_norm: int = 1,
    bias: int = 0,
    stem: int = 1,
    colors: int = 3,
    head: int = 1,
    head_bias: int = 1,
    inside: int = 1,
    projects: Callable[[int, bool], bool] = _first_of_stage,
) -> int:
    """Return the parameters, right by default; each argument is a mistake."""
    each = norm + bias  # numbers for each channel that a convolution puts out
    total, before = stem * (colors * 49 * width + each * width), width
    for stage, count in enumerate(counts):
        inner, outer = width * 2**stage, 4 * width * 2**stage
        for position in range(count):
            total += before * inner + 9 * (inside * inner) ** 2 + inner * outer + each * (2 * inner + outer)
            if projects(stage, position == 0):
                total += before * outer + (shortcut_norm * norm + bias) * outer
            before = outer
    return total + head * (before + head_bias) * classes


@exercise(
    "11.2",
    "The way back",
    difficulty=2,
    minutes=10,
    names=("their_name",),
    hints=(
        "The two dictionaries have the pairs, in the other direction. `{b: a for a, b in inside.items()}` "
        "turns one around.",
        "Three places of `path` belong together, as in `path.0.0`; the shortcut has one word. So compare beginnings: "
        '`place.startswith("path.0.0.")`.',
        'Stage and block are the first two words: `stage, block, place = name.split(".", 2)`. But stem and linear '
        "layer come first, for they have no block.",
    ),
)
def check_their_name(their_name: Any) -> None:
    """All names of ResNet-152, which has those of the other four, too."""
    pairs = dict(_names())
    found = {name: call(their_name, name) for name in pairs}
    for name, right in pairs.items():
        answer = found[name]
        if answer == right:
            continue
        said = f"their_name({name!r}) = {shown(answer)}"
        if answer is None:
            raise Incorrect(f"{said}: your function returns nothing for this name.")
        if not isinstance(answer, str):
            raise Incorrect(f"{said}; a name is a text.")
        raise Incorrect(f"{said}: {_cause_of_name(name, answer, right)}.")


def _names() -> Iterator[tuple[str, str]]:
    """Return names of ours, and what torchvision calls them."""
    of_norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    places = [(f"path.{2 * k}.0", f"conv{k + 1}", ("weight",)) for k in range(3)]
    places += [(f"path.{2 * k}.1", f"bn{k + 1}", of_norm) for k in range(3)]
    shortcut = [("shortcut.0", "downsample.0", ("weight",)), ("shortcut.1", "downsample.1", of_norm)]
    for ours, theirs, weights in [
        ("0.0", "conv1", ("weight",)),
        ("0.1", "bn1", of_norm),
        ("7", "fc", ("weight", "bias")),
    ]:
        yield from ((f"{ours}.{weight}", f"{theirs}.{weight}") for weight in weights)
    for stage, count in ((1, 3), (2, 8), (3, 36), (4, 3)):
        for block in range(count):
            for ours, theirs, weights in places + shortcut * (block == 0):
                for weight in weights:
                    yield f"{stage}.{block}.{ours}.{weight}", f"layer{stage}.{block}.{theirs}.{weight}"


def _cause_of_name(name: str, answer: str, right: str) -> str:
    if answer == name:
        return f"it is still our name; expected {right!r}"
    outside = name[0] in "07"
    if outside and answer.startswith("layer"):
        return f"the stem and the linear layer are in no stage; expected {right!r}"
    if answer.rpartition(".")[2] != right.rpartition(".")[2]:
        return f"the last word says which weight of the layer it is, and stays; expected {right!r}"
    if "layer" + answer == right:
        return "a stage is called `layer` and its number there"
    if not outside and re.sub(r"\d", "", answer) == re.sub(r"\d", "", right):
        if answer.split(".")[:2] != right.split(".")[:2]:
            return f"the numbers of stage and block stay; expected {right!r}"
        if "path" not in name:
            return f"the shortcut's 0 and 1 stay; expected {right!r}"
        return f"the places of the path are 0, 2 and 4, and torchvision counts 1, 2, 3; expected {right!r}"
    if answer.replace("conv", "bn") == right.replace("conv", "bn"):
        return f"in each pair 0 is the convolution and 1 the norm; expected {right!r}"
    if "shortcut" in answer or ("downsample" in right and "downsample" not in answer):
        return f"the shortcut is called `downsample` there, and keeps its 0 or 1; expected {right!r}"
    return f"expected {right!r}"


@exercise(
    "11.3",
    "Groups from outside",
    difficulty=2,
    minutes=10,
    names=("groups_of",),
    hints=(
        "One channel of the output reads the channels of its own group and no others. How do you see which ones?",
        "Section 6 asks which *positions* have an influence. Ask that of channels: the gradient of one output channel "
        "with respect to the input, summed over everything but the channels.",
        "`(gradient,) = torch.autograd.grad(layer(X)[0, 0].sum(), X)`; the channels with a gradient are those of one "
        "group, and there are `channels` of them in all groups together.",
    ),
)
def check_groups_of(groups_of: Any) -> None:
    """Grouped convolutions behind a name of their own, with norms and with groups of several sizes."""
    for channels, out, groups, kernel_size, strides, scale in (
        (24, 60, 3, 3, 2, 1), (8, 12, 2, 3, 1, 1), (6, 6, 6, 1, 1, 1), (10, 5, 1, 3, 1, 1), (32, 64, 32, 3, 1, 1),
        (16, 8, 4, 5, 2, 0.01), (8, 12, 4, 3, 1, 1),
    ):  # fmt: skip
        layer = _Box(channels, out, groups, kernel_size, strides, scale).eval()
        found = whole_number(call(groups_of, layer, channels), "the number of groups")
        if found == groups:
            continue
        said = f"{channels} channels in {groups} group{'s' if groups > 1 else ''} came out as {found}"
        causes = {
            channels // groups: "that is how many input channels one output channel reads; asked are the groups",
            channels: "that is how many input channels there are",
            out // groups: "that is how many output channels a group has",
            out: "that is how many output channels there are",
            kernel_size**2 * channels // groups: "that is how many weights an output channel has",
            channels // max(1, channels // groups // 2): "half of the input channels that an output channel reads have "
            "negative weights: do you count these?",
            1: "that comes out if one asks all output channels together, which read every input channel; ask one alone",
            0: "is more counted than the input channels that one output channel reads, such as their positions?",
        }
        general = "count the input channels that one output channel reads"
        cause = next((cause for count, cause in causes.items() if count == found), general)
        raise Incorrect(f"{said}: {cause}{'' if cause.endswith('?') else '.'}")


class _Box(nn.Module):
    """A grouped convolution with its norm, which says nothing of its groups; every other input channel counts down."""

    def __init__(self, channels: int, out: int, groups: int, kernel_size: int, strides: int, scale: float) -> None:
        super().__init__()
        shape = (out, channels // groups, kernel_size, kernel_size)
        signs = (1 - 2 * (torch.arange(shape[1]) % 2)).view(-1, 1, 1)
        self.weight, self.norm = nn.Parameter((signs * (torch.rand(shape) + 0.1)).flatten()), nn.BatchNorm2d(out)
        nn.init.constant_(self.norm.weight, scale)
        self.hidden = shape, (strides, kernel_size // 2, 1, groups)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        shape, options = self.hidden
        return self.norm(nn.functional.conv2d(X, self.weight.view(shape), None, *options))


@exercise(
    "11.4",
    "Five symptoms",
    difficulty=2,
    minutes=10,
    names=("cause_of",),
    hints=(
        "Begin with the column that says whether the weights fit: a mistake without weights cannot show there.",
        "The finder looks at layers with weights. A mistake *between* two shows at the first layer that it feeds.",
        "Which of the statements change the number of multiply-adds, and which cannot?",
    ),
)
def check_symptoms(cause_of: Any) -> None:
    """One letter for each of the five."""
    if not isinstance(cause_of, Mapping):
        raise Incorrect(f'cause_of should be a dictionary such as {{"P": "a", "Q": "b"}}; it is {shown(cause_of)}')
    given = {str(key).strip().upper(): value for key, value in cause_of.items()}
    rights = {"P": "c", "Q": "e", "R": "a", "S": "f", "T": "b"}
    missing = [name for name in rights if name not in given]
    if missing:
        raise Incorrect(f"cause_of says nothing about {', '.join(missing)}")
    changes_weights = "groups change the shapes of weights, so torchvision's would not load"
    shared = {
        "a": "without the sum, the layers of the first block would agree, and the next block would differ first",
        "b": changes_weights,
        "c": "a stride in another place changes the multiply-adds and a shape",
        "d": "without the norms on the shortcuts parameters would be missing, and names left over",
        "e": "a missing ReLU in the path shows at the 3×3 convolution of the very first block, and in no count",
        "f": "another pooling changes all that comes after the stem, so the very first 1×1 convolution would differ",
        "g": "another eps first shows at a norm, and in no count",
    }
    for name, right in rights.items():
        wrong = {letter: f"for {name}: {reason}" for letter, reason in shared.items() if letter != right}
        choice(given[name], f"cause_of[{name!r}]", right, wrong)
