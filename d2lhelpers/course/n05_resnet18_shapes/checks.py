"""The exercises of notebook 05: ResNet-18, shape by shape."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from d2lhelpers.course.checking import (
    Incorrect,
    call,
    described,
    shown,
    tensor,
    unchanged,
    used,
    whole_number,
)
from d2lhelpers.course.exercise import exercise
from d2lhelpers.residual import Residual, resnet18

PARTS = ("the stem", "stage 1", "stage 2", "stage 3", "stage 4")
TABLE_1 = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@exercise(
    "5.1",
    "A photo that is not square",
    difficulty=1,
    minutes=5,
    names=("photo_maps",),
    hints=(
        "Height and width go their own ways; each obeys the rule for sides, with `output_side` for instance. The stem "
        "has two windows with stride 2, stages 2 to 4 one each, and stage 1 none.",
        "The first convolution makes 50×75 of 100×150, the max-pool 25×38. Then a window of 3 with stride 2 and "
        "padding 1 makes 13 of 25: an odd side is rounded up. The channels are 64, 64, 128, 256, 512.",
    ),
)
def check_photo_maps(photo_maps: Any) -> None:
    """The rule for sides, applied to height and width; then the same with one mistake at a time."""
    found = _triples(photo_maps, "photo_maps")
    right = _maps(100, 150)
    if found == right:
        return
    if len(found) == 6 and found[1:] == right:
        raise Incorrect("the first of your six entries is the image itself; begin with what leaves the stem")
    if len(found) != 5:
        raise Incorrect(f"photo_maps has {len(found)} entries; there are five parts: the stem and four stages")
    unpadded = [_side_after((7, 2, 0), 100), _side_after((7, 2, 0), 150)]
    causes = [
        (_maps(150, 100), "height and width are exchanged; the order is (channels, height, width)"),
        (_maps(100, 150, halve=lambda n: n // 2), "an odd side is rounded up when it is halved here, not down"),
        (_maps(100, 150, pool=False), "the stem has a second window: its max-pool halves the sides once more"),
        (_maps(100, 150, first_block=False), "stage 1 does not halve the sides: the stem has done so for it"),
        (_maps(100, 100), "the photo is 150 wide: the width goes its own way, apart from the height"),
        (_maps(224, 224), "these are the maps of a 224×224 image; the photo has 100×150 pixels"),
        (_maps(*[_side_after((3, 2, 0), n) for n in unpadded], stem=False), "the padding is missing in the stem"),
    ]
    for wrong, cause in causes:
        if found == wrong:
            raise Incorrect(cause)
    if [sides for _, *sides in found] == [sides for _, *sides in right]:
        said = [channels for channels, *_ in found]
        cause = "the stem and stage 1 have 64, and each later stage has twice as many as the one before"
        raise Incorrect(f"the sides are right, the channels {said} are not: {cause}")
    for sides_found, (wrong, cause) in itertools.product([[sides for _, *sides in found]], causes):
        if sides_found == [sides for _, *sides in wrong]:
            raise Incorrect(f"{cause}; the channels are wrong, too")
    if [sorted(shape) for shape in found] == [sorted(shape) for shape in right]:
        raise Incorrect("the numbers are right, their order is not: each shape is (channels, height, width)")
    at = next(i for i in range(5) if found[i] != right[i])
    raise Incorrect(f"{found[at]} after {PARTS[at]} is the first that is off; apply the rule to each of its windows")


@exercise(
    "5.2",
    "Where memory goes",
    difficulty=2,
    minutes=10,
    names=("numbers_kept", "part_with_most_values"),
    hints=(
        "The tracer made by hand, `trace`, does nearly this: it notes a shape where you need a count.",
        "In the hook, `counts[name] = output.numel()`. A function such as `hook_for(name)` makes one hook for each "
        "layer, so that each keeps its own name. Eval mode before the pass, then the old mode and `handle.remove()`.",
        "For the second part, add up the counts of all names that begin with `0.`, with `1.`, and so on: "
        "three layers with 64 maps of 112×112 are more than any stage has.",
    ),
)
def check_numbers_kept(numbers_kept: Any, part_with_most_values: Any) -> None:
    """Two small nets with a block inside, one in train mode and one in eval mode, and images that are not square."""
    earlier: list[tuple[Mapping, dict]] = []  # what was returned, and a copy from that moment
    for training in (True, False):
        net, X = _net_to_count(training)
        layers = {name: module for name, module in net.named_modules() if not any(module.children())}
        shapes = _shapes_in_a_pass(copy.deepcopy(net).eval(), X)
        hooks = {name: list(module._forward_hooks.values()) for name, module in used(net).named_modules()}
        with unchanged(net, "the counts are right, but the net"), unchanged(X, "the counts are right, but X"):
            found = _call_numbers_kept(numbers_kept, net, X)
            if any(set(returned) & set(found) - set(layers) for returned, _ in earlier):
                cause = "its names are those of an earlier call. Make a new dictionary in every call"
                raise Incorrect(f"the dictionary has names that this net has not: {cause}")
            _check_names_of_layers(found, list(layers), {name for name, _ in net.named_modules()})
            _check_counts({name: whole_number(found[name], f"the count of {name}") for name in layers}, shapes, layers)
            if any(dict(returned) != then for returned, then in earlier):
                cause = "the dictionary of the first has other entries now. Make a new dictionary in every call"
                raise Incorrect(f"a second call changed what the first returned: {cause}")
            if any(
                hook not in net.get_submodule(name)._forward_hooks.values() for name in hooks for hook in hooks[name]
            ):
                raise Incorrect(
                    "the counts are right, but a hook that the net had is gone; remove your own handles only"
                )
        earlier.append((found, dict(found)))
    _check_part_with_most_values(part_with_most_values)


@exercise(
    "5.3",
    "Table 1 of the paper",
    difficulty=2,
    minutes=15,
    names=("blocks_of", "basic_resnet"),
    hints=(
        "The brackets in Table 1 hold the layers of a block, and the factor behind them says how many blocks. "
        "Test each entry: the first layer, the linear layer, and in between two layers a block (18, 34) or "
        "three (50, 101, 152).",
        "From 50 on only stages 2 and 3 grow: 50 is (3, 4, 6, 3), 101 has 17 blocks more in stage 3, and 152 has "
        "8 and 36 blocks in stages 2 and 3.",
        "`basic_resnet` is `resnet18` of this notebook with `d2l.resnet(stem, blocks_of[depth], width, num_classes)` "
        "as its last line, and with `raise ValueError(...)` before all else if the depth is not 18 or 34.",
    ),
)
def check_basic_resnet(blocks_of: Any, basic_resnet: Any) -> None:
    """The table by its sums; narrow nets against a forward pass by formula; the defaults, and the other depths."""
    _check_table(blocks_of)
    for depth, width, channels, classes in ((18, 4, 3, 7), (34, 6, 2, 5)):
        said = f"basic_resnet({depth}, {width}, {channels}, {classes})"
        _check_net(call(basic_resnet, depth, width, channels, classes), depth, (width, channels, classes), said)
    for depth in (50, 101, 152, 20, 10):
        try:
            net = basic_resnet(depth, 4, 3, 7)
        except ValueError:
            continue
        except (Exception, SystemExit) as error:
            raised = f"basic_resnet({depth}) raises {described(error)}"
            raise Incorrect(f"{raised}; the task asks for a ValueError, which says what is wrong with depth") from error
        what = "a net" if isinstance(net, nn.Module) else shown(net)
        cause = "that column has bottlenecks" if depth in TABLE_1 else "Table 1 has no such column"
        raise Incorrect(f"basic_resnet({depth}) returns {what}; {cause}: raise a ValueError")
    _check_defaults(call(basic_resnet, 18))


@exercise(
    "5.4",
    "A mistake that a fresh net hides",
    difficulty=3,
    minutes=15,
    names=("unnoticed_map",),
    hints=(
        "Print what a fresh batch norm holds: `nn.BatchNorm2d(3).state_dict()`. Numbers that are alike can take each "
        "other's place without a trace.",
        "A scale of 1 looks like a variance of 1, and a shift of 0 like a mean of 0. All its channels are alike, too.",
        "For instance, give each name that ends in `running_mean` the value of the name that ends in `bias`, and the "
        'other way round, for all names with `"bn"` in them. A dictionary comprehension makes the new state.',
    ),
)
def check_unnoticed_map(unnoticed_map: Any) -> None:
    """The map on a fresh net and on one with unusual numbers; a narrow net whose biases are those of torchvision."""
    generator = torch.Generator().manual_seed(55)
    net = resnet18(width=8).eval()
    X = torch.rand(2, 1, 40, 56, generator=generator)
    fresh, unusual = _torchvision_like_states(net, generator)
    like_fresh = {
        name: torch.ones_like(value) if name == "0.1.running_var" else value for name, value in unusual.items()
    }
    changes, moved = [], []
    for state in (fresh, like_fresh, unusual):
        given = {name: value.clone() for name, value in state.items()}
        result = call(unnoticed_map, given)
        _check_state(result, given, state)
        changes.append(_change_of_scores(net, X, state, result))
        moved.append([name for name, value in state.items() if not torch.equal(value, result[name].to(value.dtype))])
    if not moved[-1]:
        raise Incorrect("every number is as it was, so this map is right: the task is to find one that is wrong")
    if changes[0] > 1e-4:
        raise Incorrect(_why_a_fresh_net_notices(fresh, unnoticed_map, changes[0]))
    if all(name.endswith("num_batches_tracked") for name in moved[-1]):
        cause = "this counter is not used in eval mode, so no scores can ever change"
        raise Incorrect(f"you changed num_batches_tracked only: {cause}")
    if _is_in_the_table(result, unusual, moved[-1]):
        raise Incorrect("that is a mistake of the notebook's table, or a part of one; find another")
    if changes[-1] <= 1e-4:
        cause = f"with random statistics the scores change by {changes[-1]:.0e} of the largest, which is rounding"
        raise Incorrect(f"numbers have changed, but not the function: {cause}. A wrong map changes the scores")
    elsewhere = [name for name in moved[-1] if not name.startswith("0.1.") and not name.endswith("tracked")]
    if changes[1] <= 1e-4 and elsewhere:
        cause = "where the stem's running_var is 1 and all else random, it changes no scores"
        raise Incorrect(f"the map looks whether the net is fresh: {cause}. Find one rule for every state")


@exercise(
    "5.5",
    "The bottleneck",
    difficulty=2,
    minutes=20,
    names=("Bottleneck",),
    hints=(
        "Begin with the class `Residual` of notebook 03. There are three convolutions now, so three batch norms, and "
        "the block ends with four times `bottleneck_channels`. The shortcut must end with as many.",
        "`forward`: convolution, norm, ReLU; convolution, norm, ReLU; convolution, norm; add the input, "
        "through the 1×1 convolution if there is one; the last ReLU.",
        "`self.conv1 = nn.Conv2d(input_channels, bottleneck_channels, kernel_size=1)`, then a 3×3 convolution with "
        "padding 1 and `stride=strides`, `nn.Conv2d(bottleneck_channels, 4 * bottleneck_channels, kernel_size=1)`.",
    ),
)
def check_bottleneck(Bottleneck: Any) -> None:
    """The formula with the block's own weights, in double precision, with both places for the stride."""
    for c, b, *options in ((16, 4), (10, 4, True, 2), (10, 4, True), (16, 4, True, 1), (15, 3, True, 3)):
        use_1x1conv, strides = (*options, *(False, 1)[len(options) :])
        block = call(Bottleneck, c, b, *options)
        said = f"Bottleneck({', '.join(map(str, (c, b, *options)))})"
        if not isinstance(block, nn.Module):
            raise Incorrect(f"{said} should be an nn.Module; it is {shown(block)}")
        _check_stride_arguments(block, options, said)
        block = block.double().eval()
        generator = torch.Generator().manual_seed(56)
        X = 4 * torch.randn(2, c, 9, 6, dtype=torch.float64, generator=generator)
        with torch.no_grad():
            try:
                first = call(block, X.clone(), name="the block")
            except Incorrect as error:
                raise Incorrect(
                    f"{said}: {_hidden_layer(block) or _why_it_fails(block, c, b, strides) or error}"
                ) from error
            layers = _bottleneck_layers(block, c, b, use_1x1conv, said)
            shape = (2, 4 * b, -(-9 // strides), 6 // strides)
            tensor(first, shape, f"the output of {said} for an input of shape {tuple(X.shape)}")
            _randomize(block, generator)
            given = X.clone()
            output = tensor(call(block, given, name="the block"), shape, "the output")
            if not torch.equal(X, given):
                raise Incorrect("the block changed its input; += and relu_ work in place")
            formula = _find_formula(output, X, layers, strides)
        _compare_gradients(block, X, formula)
        _compare_in_train_mode(block, X, formula)


# Sides, maps


def _side_after(window: tuple[int, int, int], side: int) -> int:
    kernel_size, stride, padding = window
    return (side + 2 * padding - kernel_size) // stride + 1


def _maps(
    height: int,
    width: int,
    *,
    halve: Callable[[int], int] = lambda n: _side_after((3, 2, 1), n),
    stem: bool = True,
    pool: bool = True,
    first_block: bool = True,
) -> list[tuple[int, int, int]]:
    """Return (channels, height, width) after the stem and each stage, with mistakes if they are asked for."""
    rows = []
    sides = [height, width]
    for part in range(5):
        times = {0: stem * (1 + pool), 1: not first_block}.get(part, 1)
        for _ in range(times):
            sides = [halve(n) for n in sides]
        rows.append((64 * 2 ** max(part - 1, 0), *sides))
    return rows


def _triples(value: Any, name: str) -> list[tuple[int, int, int]]:
    """Return a list of shapes (channels, height, width); a batch of one in front will do."""
    if isinstance(value, torch.Tensor):
        value = tensor(value, None, name)
    if isinstance(value, torch.Tensor) or type(value).__module__ == "numpy":
        value = value.tolist()
    if not isinstance(value, Iterable) or isinstance(value, (str, Mapping)):
        raise Incorrect(f"{name} should be a list of shapes (channels, height, width); it is {shown(value)}")
    rows = []
    for i, row in enumerate(value):
        if isinstance(row, torch.Tensor):
            row = tensor(row, None, f"entry {i} of {name}")
        if isinstance(row, torch.Tensor) or type(row).__module__ == "numpy":
            row = row.tolist()
        if not isinstance(row, (list, tuple)):
            raise Incorrect(f"entry {i} of {name} should be a shape (channels, height, width); it is {shown(row)}")
        sides = tuple(whole_number(n, f"a number of entry {i} of {name}") for n in row)
        sides = sides[1:] if len(sides) == 4 and sides[0] == 1 else sides
        if len(sides) != 3:
            raise Incorrect(f"entry {i} of {name} has {len(sides)} numbers; (channels, height, width) are three")
        rows.append(sides)
    return rows


# Counting values


def _call_numbers_kept(numbers_kept: Any, net: nn.Module, X: torch.Tensor) -> Mapping:
    """Return the dictionary of one call, which leaves gradients switched on."""
    try:
        found = call(numbers_kept, net, X)
    except Incorrect as error:
        if "has no attribute 'dim'" in str(error) or "(got 0D input)" in str(error):  # a batch norm's
            asked = "a hook that returns something replaces the output; does yours return None?"
            raise Incorrect(f"{error}. If you use hooks: {asked}") from error
        raise
    if not torch.is_grad_enabled():
        cause = "`with torch.no_grad():` around the pass switches them off for this pass alone"
        raise Incorrect(f"after numbers_kept gradients are off for the whole session, so nothing can train; {cause}")
    if isinstance(found, (int, float, torch.Tensor)):
        raise Incorrect("numbers_kept returns one number; it should return a dictionary from layer name to count")
    if found is None:
        raise Incorrect("numbers_kept returns None; it should return the dictionary. Is the return there?")
    if not isinstance(found, Mapping):
        raise Incorrect(f"numbers_kept should return a dictionary; it returns {shown(found)}")
    return found


def _net_to_count(training: bool) -> tuple[nn.Module, torch.Tensor]:
    """Return a small net of blocks, in one of both modes, and images; in eval mode fewer and other layers."""
    net = nn.Sequential(
        nn.Sequential(
            nn.Conv2d(2, 3, kernel_size=3, stride=2), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2, stride=1)
        ),
        nn.Sequential(Residual(3, 5, use_1x1conv=True, strides=2), *([Residual(5, 5)] if training else [])),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(5, 4),
    )
    if not training:
        net.add_module("shares", nn.Softmax(dim=1))
    generator = torch.Generator().manual_seed(52)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):  # statistics that no fresh net has
            layer.running_mean.normal_(0, 0.2, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
            layer.num_batches_tracked.fill_(17)
    size = (3, 2, 21, 15) if training else (2, 2, 12, 17)
    return net.train(training), torch.randn(size, generator=generator)


def _shapes_in_a_pass(net: nn.Module, X: torch.Tensor) -> dict[str, tuple[torch.Size, torch.Size]]:
    """Return the shapes of input and output of every module, by name."""
    shapes: dict[str, tuple[torch.Size, torch.Size]] = {}
    for name, module in net.named_modules():
        module.register_forward_hook(
            lambda module, inputs, output, name=name: shapes.update({name: (inputs[0].shape, output.shape)})
        )
    with torch.no_grad():
        net(X)
    return shapes


def _check_names_of_layers(found: Mapping, layers: list[str], modules: set[str]) -> None:
    """The keys should be the layers' names."""
    keys = list(found)
    if set(keys) == set(layers):
        return
    if any(not isinstance(key, str) for key in keys):
        raise Incorrect(f"the keys should be the layers' names, such as '0.0'; there is {shown(keys[0])}")
    if keys == layers[-1:]:
        cause = (
            "the hooks share the loop's variable, which stands at the last layer. A function that makes the hook helps"
        )
        raise Incorrect(f"all counts went to one name, {keys[0]!r}: {cause}")
    extra, missing = sorted(set(keys) - set(layers)), [name for name in layers if name not in keys]
    if missing and not set(keys) & modules:
        raise Incorrect(
            f"the keys should be the layers' names, such as '0.0', as named_modules gives them; yours: {keys}"
        )
    if extra and set(extra) <= modules:
        inside = "it is the layers in them that count" if missing else "so their values are counted twice"
        cause = f"these have layers inside, {inside}"
        raise Incorrect(f"{extra} should not be counted: {cause}")
    if missing:
        raise Incorrect(f"{missing[:4]} {'is' if len(missing) == 1 else 'are'} missing: all layers keep their output")
    raise Incorrect(f"{extra[:4]} are no layers of the net")


def _check_counts(counts: dict[str, int], shapes: dict[str, tuple], layers: dict[str, nn.Module]) -> None:
    """The counts, and what they would be with typical mistakes."""

    def of_all(count: Callable[[str, torch.Size, torch.Size], int]) -> dict[str, int]:
        return {name: int(count(name, *shapes[name])) for name in layers}

    if counts == of_all(lambda name, before, after: after.numel()):
        return
    causes = [
        (
            lambda n, before, after: before.numel(),
            "these are the values that enter each layer, not those that leave it",
        ),
        (lambda n, before, after: after[1:].numel(), "you counted one image; all images of the batch are kept"),
        (
            lambda n, before, after: after[0],
            "len of a tensor is the size of its first axis, the batch; numel counts all",
        ),
        (
            lambda n, before, after: after[2:].numel(),
            "you counted the positions of one map: there are channels and images",
        ),
        (lambda n, before, after: after[1], "these are the channels; each has a map with many values"),
        (lambda n, before, after: after.numel() * 4, "these are bytes, four a number; the numbers are asked"),
        (lambda n, before, after: sum(p.numel() for p in layers[n].parameters()), "these are parameters, not outputs"),
    ]
    for count, cause in causes:
        try:
            wrong = of_all(count)
        except IndexError:
            continue
        if counts == wrong:
            raise Incorrect(cause)
    off = next(name for name in layers if counts[name] != shapes[name][1].numel())
    said = f"the count of '{off}' is {counts[off]:,}; its output has the shape {tuple(shapes[off][1])}"
    raise Incorrect(f"{said}, so {shapes[off][1].numel():,} values")


def _check_part_with_most_values(part: Any) -> None:
    if not isinstance(part, str):
        raise Incorrect(f'part_with_most_values should be a text such as "stage 1"; it is {shown(part)}')
    said = " ".join(part.lower().replace("_", " ").split()).strip(" .").removeprefix("the ")
    causes = {
        "stage 1": "it does the most work, but the stem's three layers at 112×112 keep more than its eight at 56×56",
        "stage 4": "it has most parameters; its maps of 7×7 are the smallest of all",
        "stage 2": "sides halve and channels double from stage to stage, so the values halve. What comes before?",
        "stage 3": "sides halve and channels double from stage to stage, so the values halve. What comes before?",
        "head": "it keeps about a thousand values. Add up your counts by the first part of the name",
    }
    if said in causes:
        raise Incorrect(f"the function is right, {said} is not the part with most values: {causes[said]}")
    if said != "stem":
        raise Incorrect(f'part_with_most_values should be "stem", one of "stage 1" …, or "head"; it is {shown(part)}')


# Nets of basic blocks


def _check_table(blocks_of: Any) -> None:
    """Five columns, each with four counts that make the depth it is named after."""
    if not isinstance(blocks_of, Mapping):
        raise Incorrect(f"blocks_of should be a dictionary from depth to four counts; it is {shown(blocks_of)}")
    missing = [depth for depth in TABLE_1 if depth not in blocks_of]
    if missing and all(str(depth) in blocks_of for depth in missing):
        raise Incorrect(f"the keys of blocks_of are numbers, such as 18; yours are texts, such as '{missing[0]}'")
    if missing:
        raise Incorrect(f"blocks_of has no entry for {missing}; Table 1 has five columns, 18, 34, 50, 101 and 152")
    for depth, right in TABLE_1.items():
        counts = blocks_of[depth]
        if isinstance(counts, torch.Tensor) or type(counts).__module__ == "numpy":
            counts = tensor(torch.as_tensor(counts), None, f"blocks_of[{depth}]").tolist()
        if not isinstance(counts, (list, tuple)) or len(counts) != 4:
            raise Incorrect(f"blocks_of[{depth}] should be four counts, one for each stage; it is {shown(counts)}")
        found = tuple(whole_number(count, f"a count of blocks_of[{depth}]") for count in counts)
        if found == right:
            continue
        in_block = 2 if depth < 50 else 3
        made = in_block * sum(found) + 2
        said = f"blocks_of[{depth}] = {found}"
        if found == tuple(in_block * count for count in right):
            raise Incorrect(f"{said} counts layers; there are {in_block} in a block, and blocks are asked")
        if depth >= 50 and 2 * sum(found) + 2 == depth:
            raise Incorrect(f"{said} would be right for blocks of two layers; from 50 on a block has three")
        if made != depth:
            raise Incorrect(f"{said} makes {in_block}·{sum(found)} + 2 = {made} layers, not {depth}")
        raise Incorrect(f"{said} makes {depth} layers, but the paper spreads the {sum(found)} blocks in another way")


def _check_defaults(net: Any) -> None:
    """What the stem takes in and gives out, and how many scores there are, when only a depth is given."""
    stems = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (7, 7)]
    width, channels = (stems[0].out_channels, stems[0].in_channels or 1) if stems else (0, 0)  # 0 is a lazy layer's
    scores = next((layer.out_features for layer in net.modules() if isinstance(layer, nn.Linear)), 0)
    if (width, channels, scores) != (64, 1, 10):
        made = f"as with width={width}, in_channels={channels}, num_classes={scores}"
        raise Incorrect(f"basic_resnet(18) makes a net {made}; the defaults are 64, 1 and 10")


def _check_net(net: Any, depth: int, sizes: tuple[int, int, int], said: str) -> None:
    """A narrow net with its own weights against the formula, the gradients too."""
    width, channels, classes = sizes
    if not isinstance(net, nn.Module):
        raise Incorrect(f"{said} should be an nn.Module; it is {shown(net)}")
    counts = TABLE_1[depth]
    generator = torch.Generator().manual_seed(53)
    X = 4 * torch.randn(2, channels, 72, 40, dtype=torch.float64, generator=generator)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (7, 7):
            if layer.in_channels not in (0, channels):  # 0 is a lazy layer's
                raise Incorrect(f"the net takes {layer.in_channels} channels, not the {channels} it was asked for")
            if layer.out_channels != width:
                raise Incorrect(f"the stem has {layer.out_channels} channels where width = {width} was asked for")
    net = net.double().eval()
    with torch.no_grad():
        output = call(net, X, name=said)
        if isinstance(output, torch.Tensor) and output.shape != (2, classes) and output.dim() == 2:
            scores = f"{output.shape[1]} scores where {classes} were asked for"
            if any(isinstance(layer, nn.Linear) for layer in net.modules()) and not _layers_in_order(net, X)["linear"]:
                raise Incorrect(f"the net gives {scores}: the linear layer is made and does not run")
            raise Incorrect(f"the net gives {scores}: num_classes is not passed on")
        tensor(output, (2, classes), f"the output of {said}")
        layers = _layers_in_order(net, X)
        _check_none_runs_twice(layers)
        _randomize(net, generator)
        if not layers["1"] and any(isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1) for m in net.modules()):
            raise Incorrect(
                "the 1×1 convolutions of the shortcuts are made, and none runs: do the blocks add their input?"
            )
        _check_layers(layers, counts, depth, width)
        output = tensor(call(net, X, name=said), (2, classes), f"the output of {said}")
        if not _close(output, _by_formula(X, layers, counts)):
            raise Incorrect(_why_another_function(output, X, layers, counts, said))
    _compare_gradients_of_net(net.train(), X, layers, counts, said)


def _check_none_runs_twice(layers: dict[str, list[nn.Module]]) -> None:
    """Demand that each layer that runs is one of its own, with weights of its own."""
    ran = [layer for found in layers.values() for layer in found]
    if len({id(layer) for layer in ran}) < len(ran):
        if len(set(map(id, layers["3"]))) == len(layers["3"]):
            raise Incorrect("a batch norm runs more than once in one pass; each convolution has one of its own")
        cause = "[block] * n repeats one block; make a new one each time"
        raise Incorrect(f"a layer runs more than once in one pass, so some blocks are one and the same: {cause}")
    weights = [id(parameter) for layer in ran for parameter in layer.parameters(recurse=False)]
    if len(set(weights)) < len(weights):
        raise Incorrect("two layers share their weights; each layer has its own")


def _why_another_function(
    output: torch.Tensor, X: torch.Tensor, layers: dict[str, list[nn.Module]], counts: tuple[int, ...], said: str
) -> str:
    """Say what a net of the right layers does with them instead."""
    right = _by_formula(X, layers, counts)
    if right is not None and _close(output, F.softmax(right, dim=1)):
        return "the net returns shares (softmax) where scores are expected; the loss does that itself"
    causes = [
        ({"add": False}, "shapes and counts are right, but the blocks do not add their input"),
        ({"pool": False}, "the stem lacks its max-pool"),
        ({"stem_relu": False}, "the stem lacks its ReLU"),
        ({"last_relu": False}, "the ReLU after the addition is missing in the blocks"),
        ({"add": False, "pool": False}, "the blocks do not add their input, and the stem lacks its max-pool"),
    ]
    for options, cause in causes:
        if _close(output, _by_formula(X, layers, counts, **options)):
            return f"{said}: {cause}"
    return f"{said} has the right layers, but does not compute what stem, stages of `Residual` and head compute"


def _compare_gradients_of_net(
    net: nn.Module, X: torch.Tensor, layers: dict[str, list[nn.Module]], counts: tuple[int, ...], said: str
) -> None:
    """The scores in train mode, and what they say to each weight."""
    output = call(net, X, name=said)
    if not output.requires_grad:
        raise Incorrect(f"the scores of {said} are right, but no gradient leads back: the net cannot learn")
    weights = [weight for found in layers.values() for layer in found for weight in layer.parameters()]
    if not all(weight.requires_grad for weight in weights):
        raise Incorrect(f"some weights of {said} are frozen (requires_grad=False), so they cannot learn")
    right = _by_formula(X, layers, counts, training=True)
    if not _close(output, right):
        cause = "Is there dropout, or are layers in another order?"
        raise Incorrect(f"in eval mode {said} is right, in train mode it computes something else. {cause}")
    toward = torch.randn(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(54))
    gradients = [torch.autograd.grad((scores * toward).sum(), weights, allow_unused=True) for scores in (output, right)]
    if any(a is None or not _close(a, b) for a, b in zip(*gradients)):
        raise Incorrect(f"the scores of {said} are right, but not the gradients: is a part detached, or under no_grad?")


def _layers_in_order(net: nn.Module, X: torch.Tensor) -> dict[str, list[nn.Module]]:
    """Return convolutions by window, norms and linear layers, each in the order in which they run."""
    ran: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, inputs, output: ran.append(module))
        for module in net.modules()
        if isinstance(module, (nn.Conv2d, _BatchNorm, nn.Linear))
    ]
    call(net, X)
    for handle in handles:
        handle.remove()
    layers: dict[str, list[nn.Module]] = {"7": [], "3": [], "1": [], "norm": [], "of shortcut": [], "linear": []}
    for before, module in zip([None, *ran], ran):
        kernel = isinstance(module, nn.Conv2d) and str(module.kernel_size[0])
        kind = "norm" if isinstance(module, _BatchNorm) else kernel or "linear"
        if kind == "norm" and isinstance(before, nn.Conv2d) and before.kernel_size == (1, 1):
            kind = "of shortcut"
        layers.setdefault(kind, []).append(module)
    return layers


def _check_layers(layers: dict[str, list[nn.Module]], counts: tuple[int, ...], depth: int, width: int) -> None:
    """The number of layers of each kind, before the formula is tried with them."""
    number_of = {kind: len(found) for kind, found in layers.items()}
    for norm in (*layers["norm"], *layers["of shortcut"]):
        if not norm.affine or not norm.track_running_stats:
            lacks = "scale and shift (affine=False)" if not norm.affine else "running statistics"
            raise Incorrect(f"a batch norm has no {lacks}; those of this notebook's net have")
    if any(linear.bias is None for linear in layers["linear"]):
        raise Incorrect("the linear layer has no bias (bias=False); that of this notebook's head has one")
    others = [kind for kind in layers if kind not in ("7", "3", "1", "norm", "of shortcut", "linear")]
    if number_of["7"] != 1 or number_of["linear"] != 1 or others:
        said = f"{number_of['7']} convolutions with a window of 7 and {number_of['linear']} linear layers"
        raise Incorrect(
            f"the net for {depth} runs {said}; stem and head have one each" + (f"; odd: {others}" if others else "")
        )
    if number_of["3"] != 2 * sum(counts):
        said = f"{number_of['3']} convolutions with a window of 3, so {number_of['3'] + 2} layers"
        raise Incorrect(f"the net for {depth} runs {said}; Table 1 has {2 * sum(counts)}")
    channels = [width * 2**i for i in range(4)]
    per_stage = [sum(conv.out_channels == n for conv in layers["3"]) // 2 for n in channels]
    if per_stage != list(counts):
        raise Incorrect(f"the net for {depth} runs {per_stage} blocks of {channels} channels; expected {list(counts)}")
    if number_of["1"] == 4 and any(one.out_channels == width for one in layers["1"]):
        raise Incorrect(
            "stage 1 has a 1×1 convolution on its shortcut; it is the stage that does not halve (first_block=True)"
        )
    if number_of["1"] != 3:
        cause = "stages 2, 3 and 4 need one each, in their first block"
        raise Incorrect(f"the net for {depth} runs {number_of['1']} 1×1 convolutions on shortcuts: {cause}")
    if number_of["norm"] != 1 + 2 * sum(counts) or number_of["of shortcut"] not in (0, 3):
        found = number_of["norm"] + number_of["of shortcut"]
        raise Incorrect(
            f"the net for {depth} runs {found} batch norms; expected {1 + 2 * sum(counts)}, in stem and blocks"
        )


def _by_formula(
    X: torch.Tensor,
    layers: dict[str, list[nn.Module]],
    counts: tuple[int, ...],
    *,
    add: bool = True,
    pool: bool = True,
    stem_relu: bool = True,
    last_relu: bool = True,
    training: bool = False,
) -> torch.Tensor | None:
    """Return the scores of a net of basic blocks with these weights; None if they do not fit."""
    threes, ones, norms, extra = (iter(layers[kind]) for kind in ("3", "1", "norm", "of shortcut"))
    try:
        Y = _norm(next(norms), _conv(layers["7"][0], X, stride=2), training)
        Y = F.relu(Y) if stem_relu else Y
        Y = F.max_pool2d(Y, kernel_size=3, stride=2, padding=1) if pool else Y
        for i, count in enumerate(counts):
            for j in range(count):
                Y = _basic_block(Y, threes, norms, ones if i and not j else None, extra, add, last_relu, training)
        head = layers["linear"][0]
        return F.linear(Y.mean(dim=(2, 3)), head.weight, head.bias)
    except (RuntimeError, StopIteration):
        return None


def _basic_block(
    X: torch.Tensor,
    threes: Iterator[nn.Module],
    norms: Iterator[nn.Module],
    ones: Iterator[nn.Module] | None,
    extra: Iterator[nn.Module],
    add: bool,
    last_relu: bool,
    training: bool,
) -> torch.Tensor:
    stride = 2 if ones else 1
    Y = F.relu(_norm(next(norms), _conv(next(threes), X, stride), training))
    Y = _norm(next(norms), _conv(next(threes), Y), training)
    if ones:
        X = _conv(next(ones), X, stride)
        norm = next(extra, None)
        X = _norm(norm, X, training) if norm else X
    Y = Y + X if add else Y
    return F.relu(Y) if last_relu else Y


# States


def _torchvision_like_states(net: nn.Module, generator: torch.Generator) -> tuple[dict, dict]:
    """Return the state of a fresh net and one with random statistics; biases before a batch norm are zero."""
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d):
                layer.bias.zero_()
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for positive in (layer.weight, layer.running_var):
                    positive.uniform_(0.5, 1.5, generator=generator)
                for centered in (layer.bias, layer.running_mean):
                    centered.normal_(0, 0.2, generator=generator)
                layer.num_batches_tracked.fill_(17)
        for name, value in net.named_parameters():
            if name.endswith("conv3.bias"):
                value.normal_(0, 0.2, generator=generator)
    return fresh, {name: value.clone() for name, value in net.state_dict().items()}


def _check_state(result: Any, given: dict, state: dict) -> None:
    """A dictionary of tensors with the names and shapes of the net, and the given one as it was."""
    if result is None:
        raise Incorrect("unnoticed_map returns None; it should return the new state. Is the return there?")
    if not isinstance(result, Mapping):
        raise Incorrect(f"unnoticed_map should return a dictionary, as state_dict() does; it returns {shown(result)}")
    if set(given) != set(state) or any(not torch.equal(given[name], value) for name, value in state.items()):
        raise Incorrect("unnoticed_map changed the state that it was given; make a new dictionary with new tensors")
    missing = [name for name in state if name not in result]
    extra = [shown(name) for name in result if name not in state]
    if missing or extra:
        said = f"missing: {', '.join(missing[:3]) or 'none'}; unknown: {', '.join(extra[:3]) or 'none'}"
        raise Incorrect(f"load_state_dict refuses the state, its names do not fit. {said}")
    for name, value in state.items():
        found = tensor(result[name], None, f"the new state's {name}")
        if found.shape != value.shape:
            sizes = f"{tuple(found.shape)}, and not {tuple(value.shape)}"
            raise Incorrect(
                f"load_state_dict refuses the state, the shape of {name} is {sizes} (the check's net has width 8)"
            )


def _change_of_scores(net: nn.Module, X: torch.Tensor, state: dict, result: Mapping) -> float:
    """Return the largest difference of the scores, relative to the largest score; infinity if they are not finite."""
    scores = []
    for each in (state, dict(result)):
        net.load_state_dict(each)
        with torch.no_grad():
            scores.append(net(X))
    change = (scores[0] - scores[1]).abs().max() / scores[0].abs().max()
    return change.item() if change.isfinite() else math.inf


def _why_a_fresh_net_notices(fresh: dict, unnoticed_map: Any, change: float) -> str:
    """Say what in the new state makes the scores of a fresh net change."""
    result = call(unnoticed_map, {name: value.clone() for name, value in fresh.items()})
    moved = [name for name, value in fresh.items() if not torch.equal(value, result[name].to(value.dtype))]
    how_far = f"change by {change:.1g} of the largest" if change < math.inf else "are not finite any more"
    said = f"a fresh net notices this one: its scores {how_far}"
    if any(result[name].dtype in (torch.float16, torch.bfloat16) for name in moved):
        return f"{said}, for its numbers were rounded to 16 bits"
    if any(name.startswith("7.") for name in moved):
        return f"{said}. The linear layer is random from the start, its bias too; look for numbers that are alike"
    if any(fresh[name].dim() > 1 for name in moved):
        return f"{said}. The weights of convolutions are random from the start; look for numbers that are alike"
    for ending, start in (("weight", "a scale"), ("running_var", "a variance")):
        if any(name.endswith(ending) for name in moved):
            return f"{said}. In a fresh batch norm {start} is 1, and you put something else there"
    for ending, start in (("running_mean", "a mean"), ("bias", "a shift or bias")):
        if any(name.endswith(ending) for name in moved):
            return f"{said}. In a fresh net {start} is 0, and you put something else there"
    return said


def _is_in_the_table(result: Mapping, state: dict, moved: list[str]) -> bool:
    """Tell whether all changes are batch norms of a block swapped, or the shortcut's new bias forgotten, or nearly.

    Only the elements that have changed count, so a swap of a few channels is one, too.
    """

    def only(name: str, value: torch.Tensor | float) -> bool:
        return bool(((result[name] == state[name]) | ((result[name] - value).abs() < 1e-3)).all())

    def other(name: str) -> str:
        return name.replace("bn1", "bn2") if "bn1" in name else name.replace("bn2", "bn1")

    moved = [name for name in moved if not name.endswith("num_batches_tracked")]
    return all(
        (name.endswith("conv3.bias") and only(name, 0.0))
        or (name[0] in "1234" and "bn" in name and other(name) in moved and only(name, state[other(name)]))
        for name in moved
    )


# The bottleneck


def _bottleneck_layers(block: nn.Module, c: int, b: int, use_1x1conv: bool, said: str) -> dict[str, list[nn.Module]]:
    """Return the layers of a block by what they do, found by their sizes: the names are the learner's."""
    convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    roles = {"reduce": (b, c, 1, 1), "middle": (b, b, 3, 3), "expand": (4 * b, b, 1, 1)}
    if use_1x1conv:
        roles["shortcut"] = (4 * b, c, 1, 1)
    listed = "; ".join(f"{_kernel(m)} from {m.in_channels} to {m.out_channels}" for m in convolutions) or "none"
    layers: dict[str, list[nn.Module]] = {}
    for role, shape in roles.items():
        layers[role] = [module for module in convolutions if tuple(module.weight.shape) == shape]
        if len(layers[role]) != 1:
            what = f"{shape[2]}×{shape[2]} convolution from {shape[1]} to {shape[0]} channels"
            place = (
                "on the shortcut" if role == "shortcut" else {"reduce": "first", "middle": "second"}.get(role, "third")
            )
            why = _why_not(convolutions, role, c, b)
            raise Incorrect(f"{said} needs one {what} ({place}). {why}It has these: {listed}")
    if len(convolutions) > len(roles):
        cause = "without use_1x1conv the shortcut is the plain input" if not use_1x1conv else "there should be four"
        raise Incorrect(f"{said} has {len(convolutions)} convolutions: {cause}. It has these: {listed}")
    small, large = ([norm for norm in norms if norm.num_features == n] for n in (b, 4 * b))
    if not norms:
        raise Incorrect(f"{said} has no batch norm; one follows each of the three convolutions")
    if len(small) != 2 or len(large) not in (1, 1 + use_1x1conv) or len(norms) != len(small) + len(large):
        features = sorted(norm.num_features for norm in norms)
        cause = f"each of the three convolutions has one of its own, of {b}, {b} and {4 * b} channels"
        raise Incorrect(f"{said} has batch norms of {features} channels; {cause}")
    if any(not norm.track_running_stats or not norm.affine for norm in norms):
        raise Incorrect(f"{said} has a batch norm without scale and shift, or without running statistics")
    return layers | {"small": small, "large": large}


def _check_stride_arguments(block: nn.Module, options: list, said: str) -> None:
    """Use what only a mistake in the signature can do to a stride."""
    strides = [module.stride[0] for module in block.modules() if isinstance(module, nn.Conv2d)]
    if any(stride is True for stride in strides):
        raise Incorrect(f"{said}: strides got True; the third argument is use_1x1conv, and the fourth is strides")
    if len(options) < 2 and any(stride != 1 for stride in strides):
        cause = "strides is not given here, and its default is 1"
        raise Incorrect(f"{said}: a convolution has the stride {max(strides)}; {cause}")


def _kernel(layer: nn.Conv2d) -> str:
    return "×".join(map(str, layer.kernel_size))


def _why_not(convolutions: list[nn.Module], role: str, c: int, b: int) -> str:
    """Say which mistake would leave this role without its convolution, or nothing."""
    shapes = [tuple(module.weight.shape) for module in convolutions]
    if any(module.groups > 1 for module in convolutions):
        return "With groups it has fewer weights: each channel sees only a part of the others. "
    if role == "shortcut" and c == 4 * b and len(convolutions) == 3:
        return "use_1x1conv decides about it, not the numbers of channels. "
    if role == "shortcut" and (4 * b, c, 3, 3) in shapes:
        return "A 3×3 window fits too, and has nine times the weights. "
    if role == "reduce" and (b, c, 3, 3) in shapes:
        return "A 3×3 window there would cost what the bottleneck is to save. "
    if (b // 4, c, 1, 1) in shapes:
        return "bottleneck_channels is what the 3×3 convolution has; four times as many come out. "
    if role == "middle" and (b, b, 1, 1) in shapes:
        return "Three 1×1 convolutions see no neighbors. "
    if role == "expand" and ((b, b, 1, 1) in shapes or (4 * b, b, 3, 3) in shapes):
        return "The last one is 1×1 and goes to 4·bottleneck_channels. "
    if role == "shortcut" and (b, c, 1, 1) in shapes:
        return "The shortcut must end with as many channels as the block, 4·bottleneck_channels. "
    return ""


def _hidden_layer(block: nn.Module) -> str:
    """Say that a layer of the block is out of PyTorch's sight, if one is."""
    known = set(block.modules())
    for module in known:
        for name, value in vars(module).items():
            inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
            if not name.startswith("_") and any(isinstance(each, nn.Module) and each not in known for each in inside):
                cause = "a layer in a list or dict is not found by PyTorch, so it is not converted, moved, or trained"
                return f"{cause}. Make it an attribute of its own, or use nn.ModuleList; see self.{name}"
    return ""


def _why_it_fails(block: nn.Module, c: int, b: int, strides: int) -> str:
    """Say why the addition fails, as far as the layers tell."""
    convolutions = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    if not convolutions:
        return ""
    into_shortcut = [m for m in convolutions if m.in_channels in (0, c) and m.out_channels == 4 * b]
    if strides == 2 and into_shortcut and all(m.stride == (1, 1) for m in into_shortcut):
        return "the addition fails: the convolution on the shortcut lacks the stride"
    if strides == 2 and [m.stride for m in convolutions].count((2, 2)) > 2:
        return "the addition fails: more than one convolution of the main way has the stride"
    if strides == 2 and [m.stride for m in convolutions].count((2, 2)) == 1 and into_shortcut:
        return "the addition fails: no convolution of the main way has the stride"
    if any(m.kernel_size == (3, 3) and m.padding == (0, 0) for m in convolutions):
        return "the addition fails: the 3×3 convolution has no padding, so its maps are smaller"
    if any(m.kernel_size == (1, 1) and m.padding != (0, 0) for m in convolutions):
        return "the addition fails: a 1×1 convolution has padding, so its maps are larger"
    if convolutions and not any(m.out_channels == 4 * b for m in convolutions):
        return f"nothing in the block goes to 4·bottleneck_channels = {4 * b} channels, as the last convolution should"
    return ""


def _randomize(net: nn.Module, generator: torch.Generator) -> None:
    """Give a net unusual weights and statistics, of a size that keeps the signal's."""

    def normal(value: torch.Tensor, size: float) -> None:
        value.copy_(size * torch.randn(value.shape, generator=generator, dtype=torch.float64))

    for module in net.modules():
        if isinstance(module, _BatchNorm):
            for positive in (module.weight, module.running_var):
                if positive is not None:
                    positive.copy_(0.5 + torch.rand(positive.shape, generator=generator, dtype=torch.float64))
            for centered in (module.bias, module.running_mean):
                if centered is not None:
                    normal(centered, 0.4)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            normal(module.weight, module.weight[0].numel() ** -0.5)
            if module.bias is not None:
                normal(module.bias, 0.4)


def _conv(layer: nn.Module, X: torch.Tensor, stride: int = 1) -> torch.Tensor:
    return F.conv2d(X, layer.weight, layer.bias, stride, padding=layer.kernel_size[0] // 2)


def _norm(layer: nn.Module, X: torch.Tensor, training: bool = False) -> torch.Tensor:
    mean, variance = (None, None) if training else (layer.running_mean, layer.running_var)
    return F.batch_norm(X, mean, variance, layer.weight, layer.bias, training, eps=layer.eps)


def _same(Z: torch.Tensor) -> torch.Tensor:
    return Z


def _bottleneck(
    X: torch.Tensor,
    layers: dict[str, nn.Module],
    stride_of: dict[str, int],
    *,
    training: bool = False,
    without: tuple[str, ...] = (),
    after: Callable[[torch.Tensor], torch.Tensor] = F.relu,
    early: Callable[[torch.Tensor], torch.Tensor] = _same,
    on_shortcut: Callable[[torch.Tensor], torch.Tensor] = _same,
    relu_first: bool = False,
    add: str = "x",
) -> torch.Tensor:
    """Return what a bottleneck computes; the options are mistakes."""

    def step(conv: str, norm: str, activation: str, Z: torch.Tensor) -> torch.Tensor:
        def normalize(Z: torch.Tensor) -> torch.Tensor:
            return Z if norm in without else _norm(layers[norm], Z, training)

        def activate(Z: torch.Tensor) -> torch.Tensor:
            return Z if activation in without else F.relu(Z)

        Z = _conv(layers[conv], Z, stride_of.get(conv, 1))
        return normalize(activate(Z)) if relu_first else activate(normalize(Z))

    Y = step("reduce", "norm1", "relu1", X)
    Y = step("middle", "norm2", "relu2", Y)
    Y = _conv(layers["expand"], Y)
    Y = early(Y if "norm3" in without else _norm(layers["norm3"], Y, training))
    if "shortcut" in layers:
        X = _conv(layers["shortcut"], X, stride_of["shortcut"])
        X = _norm(layers["norm4"], X, training) if "norm4" in layers else X
    X = on_shortcut(X)
    return after({"x": Y + X, "nothing": Y, "minus": Y - X, "times": Y * X, "only x": X}[add])


def _find_formula(
    output: torch.Tensor, X: torch.Tensor, layers: dict[str, list[nn.Module]], strides: int
) -> Callable[..., torch.Tensor]:
    """Return the formula that gives the output, whichever norm is which and wherever the stride sits."""
    if layers["expand"][0].stride != (1, 1):
        raise Incorrect("the last convolution has the stride, so the others compute four times as much as is kept")
    candidates = list(_assignments(layers, strides))
    for each in candidates:
        if _close(output, _bottleneck(X, *each)):
            return lambda X, **options: _bottleneck(X, *each, **options)
    causes: list[tuple[dict[str, Any], str]] = [
        (
            {"add": "nothing"},
            "shape and layers are right, but the output does not depend on the shortcut: is it added?",
        ),
        ({"add": "nothing", "after": _same}, "it is F(x) alone: the input is not added, and the last ReLU is missing"),
        ({"after": _same}, "the ReLU after the addition is missing"),
        ({"after": _same, "early": F.relu}, "the ReLU comes before the addition; it belongs after it"),
        ({"early": F.relu}, "there is a ReLU too many, before the addition: F can only push up"),
        ({"on_shortcut": F.relu}, "the shortcut passes a ReLU before it is added"),
        ({"without": ("relu1",)}, "there is no ReLU between the first convolution and the second"),
        ({"without": ("relu2",)}, "there is no ReLU between the second convolution and the third"),
        ({"without": ("relu1", "relu2")}, "there is no ReLU between the convolutions, so the three are one"),
        ({"without": ("norm1",)}, "the first convolution's output passes no batch norm: one is made and not used"),
        ({"without": ("norm2",)}, "the second convolution's output passes no batch norm: one is made and not used"),
        ({"without": ("norm3",)}, "the third convolution's output passes no batch norm: one is made and not used"),
        ({"without": ("norm1", "norm2", "norm3")}, "the batch norms are made and not used"),
        ({"relu_first": True}, "ReLU comes before batch norm; here the norm comes first, right after the convolution"),
        ({"add": "minus"}, "the shortcut is subtracted, not added"),
        ({"add": "times"}, "the shortcut is multiplied, not added"),
        ({"add": "only x"}, "the output is the shortcut alone: what the convolutions compute is not used"),
    ]
    for options, cause in causes:
        if any(_close(output, _bottleneck(X, *each, **options)) for each in candidates):
            raise Incorrect(cause)
    for each, stride_of in candidates:
        if len(layers["small"]) == 2 and _close(output, _bottleneck(X, each | {"norm2": each["norm1"]}, stride_of)):
            raise Incorrect("one batch norm is used twice, and another never")
        if strides == 1 and any(_close(output, after(_norm_first(X, each))) for after in (_same, F.relu)):
            raise Incorrect("norm and ReLU come before the convolutions; here they come after, as in `Residual`")
        with_plain = {name: layer for name, layer in each.items() if name != "norm4"}
        if "norm4" in each and _close(output, _bottleneck(X, with_plain, stride_of)):
            raise Incorrect("the shortcut's batch norm is made and not used")
    raise Incorrect("the output is not relu(F(x) + shortcut(x)) with F = 1×1, norm, ReLU, 3×3, norm, ReLU, 1×1, norm")


def _norm_first(X: torch.Tensor, layers: dict[str, nn.Module]) -> torch.Tensor:
    """Return what a block computes whose norms and ReLUs stand before the convolutions, if its sizes allow that."""
    if layers["norm3"].num_features != X.shape[1]:
        return X.new_full((), math.nan)
    Y = _conv(layers["reduce"], F.relu(_norm(layers["norm3"], X)))
    Y = _conv(layers["middle"], F.relu(_norm(layers["norm1"], Y)))
    return _conv(layers["expand"], F.relu(_norm(layers["norm2"], Y))) + X


def _assignments(layers: dict[str, list[nn.Module]], strides: int) -> Iterator[tuple[dict, dict]]:
    """Yield every way to say which norm is which, and where the stride sits."""
    roles = {role: found[0] for role, found in layers.items() if role not in ("small", "large")}
    for small in itertools.permutations(layers["small"]):
        for large in itertools.permutations(layers["large"]):
            norms = dict(zip(("norm1", "norm2"), small)) | dict(zip(("norm3", "norm4"), large))
            for at in ("middle", "reduce") if strides > 1 else ("middle",):
                yield roles | norms, {at: strides, "shortcut": strides}


def _compare_gradients(block: nn.Module, X: torch.Tensor, formula: Callable[..., torch.Tensor]) -> None:
    """The output is right; so must be the way back."""
    X, X_formula = X.clone().requires_grad_(), X.clone().requires_grad_()
    weights = torch.randn(formula(X_formula).shape, dtype=X.dtype, generator=torch.Generator().manual_seed(57))
    right = torch.autograd.grad((formula(X_formula) * weights).sum(), X_formula)[0]
    output = call(block, X, name="the block")
    if not output.requires_grad:
        raise Incorrect("the output is right, but no gradient leads back through the block: it cannot learn")
    try:
        found = torch.autograd.grad((output * weights).sum(), X, allow_unused=True)[0]
    except RuntimeError as error:
        raise Incorrect(f"the output is right, but the gradient fails: {str(error).splitlines()[0][:150]}") from error
    if found is None or not _close(found, right):
        raise Incorrect("the output is right, but not its gradient: is a part detached, or under no_grad?")
    frozen = [name for name, weight in block.named_parameters() if not weight.requires_grad]
    if frozen:
        raise Incorrect(f"the output is right, but {frozen[0]} cannot learn: its requires_grad is False")


def _compare_in_train_mode(block: nn.Module, X: torch.Tensor, formula: Callable[..., torch.Tensor]) -> None:
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    batches = [int(norm.num_batches_tracked) for norm in norms]
    with torch.no_grad():
        output = tensor(call(block.train(), X.clone(), name="the block"), None, "the output in train mode")
        if not _close(output, formula(X, training=True)):
            raise Incorrect("in eval mode the block is right, in train mode it computes something else")
    if [int(norm.num_batches_tracked) for norm in norms] != [count + 1 for count in batches]:
        raise Incorrect("the output is right, but a batch norm runs twice in one pass, and its statistics move twice")


def _close(a: torch.Tensor, b: torch.Tensor | None) -> bool:
    return b is not None and a.shape == b.shape and bool((a - b).abs().max() <= 1e-6 * (1 + b.abs().max()))
