"""The exercises of notebook 07: the training loop."""

from __future__ import annotations

import copy
import itertools
import weakref
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, number, shown, tensor, unchanged
from d2lhelpers.course.exercise import exercise
from d2lhelpers.residual import Residual
from d2lhelpers.training_step import TrainingStep


@exercise(
    "7.1",
    "The mean of means",
    difficulty=1,
    minutes=4,
    names=("true_accuracy", "mean_of_shares"),
    hints=(
        "For the accuracy, count: how many images are there in both batches together, and how many of them are right? "
        "For the other number, divide first, in each batch, and take the mean of the two shares.",
        "91 of 110 images are right. The shares of the two batches are 0.9 and 0.1.",
    ),
)
def check_mean_of_means(true_accuracy: Any, mean_of_shares: Any) -> None:
    """90 of 100 and 1 of 10."""
    true = number(true_accuracy, "true_accuracy")
    mean = number(mean_of_shares, "mean_of_shares")
    right = 91 / 110

    def is_about(value: float, expected: float) -> bool:
        return abs(value - expected) < 0.0006

    if is_about(true, right) and is_about(mean, 0.5):
        return
    if is_about(true, 0.5) and is_about(mean, right):
        raise Incorrect("the two numbers are right, but exchanged: counting gives the accuracy")
    causes_of_true = [
        (0.5, "that is the mean of the two shares; it gives ten images as much say as a hundred"),
        (91.0, "that is the number of correct images; divide it by the number of all images"),
        (100 * right, "that is in percent; give a share between 0 and 1"),
        (0.91, "the ten images of the second batch are missing from the number that you divide by"),
        (0.9, "that is the share of the first batch alone"),
        (1 - right, "that is the share of the wrong predictions"),
        (91 / 2, "you divided by the number of batches; divide by the number of images"),
        (0.83, "it is rounded too far; give three digits after the point"),
    ]
    causes_of_mean = [
        (right, "that is the accuracy; compute a share for each batch first, and then their mean"),
        (1.0, "that is the sum of the two shares; divide it by the number of batches"),
        (50.0, "that is in percent; give a share between 0 and 1"),
        (91 / 2, "that is the mean of the counts; divide each count by the images of its batch first"),
        (1 / 110, "you divided by 110; this is the mean of two numbers"),
    ]
    for name, value, expected, causes in [
        ("true_accuracy", true, right, causes_of_true),
        ("mean_of_shares", mean, 0.5, causes_of_mean),
    ]:
        if is_about(value, expected):
            continue
        for wrong, cause in causes:
            if is_about(value, wrong):
                raise Incorrect(f"{name} is {value:g}: {cause}")
        of_what = "both batches taken together" if name == "true_accuracy" else "each batch for itself, and their mean"
        raise Incorrect(f"{name} is {value:g}, which is not it; it is about the shares of {of_what}")


@exercise(
    "7.2",
    "A batch that does not fit",
    difficulty=2,
    minutes=8,
    names=("gradient_in_parts",),
    hints=(
        "`backward` adds to the gradients that are there. So clear them once, before the first part, and not between "
        "the parts.",
        "`F.cross_entropy` returns the mean over the images that it is given. The mean of the batch is the mean of its "
        "parts' means, so each part's loss must count one part-th.",
        "With `size = len(y) // parts`, go through `zip(X.split(size), y.split(size))`, and call `backward` on each "
        "part's loss divided by `parts`.",
    ),
)
def check_gradient_in_parts(gradient_in_parts: Any) -> None:
    """Against the gradient of the whole batch, for a net with old gradients; also parts of one image, and one part."""
    # parts of seven, where there are five classes: a mean over images and classes is no division by the part's size
    for seed, parts, count in ((1, 3, 21), (2, 4, 12), (3, 5, 5), (4, 1, 6)):
        _check_gradient(gradient_in_parts, seed, parts, count)


def _check_gradient(gradient_in_parts: Any, seed: int, parts: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    net = _set_parameters(
        nn.Sequential(
            nn.Conv2d(2, 4, kernel_size=3), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten(), nn.Linear(8, 5)
        ),
        generator,
    )
    X, y = torch.randn(count, 2, 5, 7, generator=generator), torch.randint(0, 5, (count,), generator=generator)
    size = count // parts

    def gradient(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return _flat(torch.autograd.grad(F.cross_entropy(net(X), y), list(net.parameters())))

    right = gradient(X, y)
    of_parts = [gradient(*part) for part in zip(X.split(size), y.split(size))]
    with_first_labels = sum(gradient(part, y[:size]) for part in X.split(size)) / parts
    with_other_labels = [gradient(X.flip(0), y), *(gradient(X.roll(k, 0), y) for k in range(1, count))]
    F.cross_entropy(net(1 - 2 * X), (y + 1) % 5).backward()  # old gradients, which must not count
    old = _flat(parameter.grad.clone() for parameter in net.parameters())
    before = [parameter.detach().clone() for parameter in net.parameters()]
    sizes: list[int] = []
    graphs: dict[int, int] = {}  # where the images lie of which a graph is in memory, by the number of the pass
    most_parts = 0

    def note_forward(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal most_parts
        of_pass = len(sizes)
        sizes.append(len(inputs[0]))
        if output.requires_grad:

            def note_backward(gradient: torch.Tensor) -> None:
                graphs.pop(of_pass, None)

            output.register_hook(note_backward)  # the graph holds it
            weakref.finalize(note_backward, graphs.pop, of_pass, None)  # so this tells when nobody needs the graph
            graphs[of_pass] = inputs[0].data_ptr()
            most_parts = max(most_parts, len(set(graphs.values())))

    net[0].register_forward_hook(note_forward)

    try:
        given = call(gradient_in_parts, net, X.clone(), y.clone(), parts, name="gradient_in_parts")
    except Incorrect as error:
        missing = any(parameter.grad is None for parameter in net.parameters())
        if sizes and missing and isinstance(error.__cause__, (AttributeError, TypeError)):
            raise Incorrect(
                f"{error}. A parameter has no gradient: was backward called, and is zero_grad not after it?"
            ) from error.__cause__
        raise
    if type(given).__module__ == "numpy":
        given = torch.as_tensor(given)
    if isinstance(given, (list, tuple)):
        raise Incorrect(
            f"gradient_in_parts returned {len(given)} things in a {type(given).__name__}; join the flattened gradients "
            "of all parameters with torch.cat"
        )
    if given is None:
        raise Incorrect("gradient_in_parts returned None; is the return missing?")
    found = tensor(given, None, "the gradient")
    if found.shape != right.shape:
        raise Incorrect(
            f"the gradient has the shape {tuple(found.shape)}; expected {tuple(right.shape)}: "
            "those of all parameters, flattened and joined"
        )
    if not all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(before, net.parameters())):
        raise Incorrect("the net's weights have changed; compute the gradient, and take no step")
    if not all(parameter.requires_grad for parameter in net.parameters()):
        raise Incorrect("the net's weights ask for no gradients any more (requires_grad); leave it as it came")
    if not sizes:
        raise Incorrect("the net was never called with a part of the batch")
    if set(sizes) != {size}:
        _refuse_sizes(sizes, parts, X)
    if _close(found, right) and most_parts > 1:
        raise Incorrect(
            f"the gradient is right, but what {most_parts} parts need for their gradients is in memory at once, and "
            "does not fit; call backward on each part's loss before the next part is shown, and keep no other scores"
        )
    if _close(found, right):
        return
    total = sum(of_parts)
    causes = [
        (
            total,
            f"it is {parts} times too large: each part's loss is a mean over its own images; multiply it by 1/parts",
        ),
        (total + old, "the net's old gradients are still in it, and each part's loss counts fully: it wants 1/parts"),
        (right + old, "the net had gradients from before, and they are still in it; clear them before the first part"),
        (old, "these are the gradients that the net had before; is backward called?"),
        (of_parts[-1], "it is the last part's gradient alone; gradients are cleared, or replaced, between the parts"),
        (of_parts[-1] / parts, "only the last part is in it; gradients are cleared, or replaced, between the parts"),
        (of_parts[0], "it is the first part's gradient alone; does the function return inside the loop?"),
        (of_parts[0] / parts, "only the first part is in it; does the function return inside the loop?"),
        (of_parts[0] / parts + old, "old gradients and the first part are in it; does the function return too early?"),
        (right * count, "it is the gradient of the summed loss; cross_entropy's mean is wanted, over the whole batch"),
        (right * size, "the losses of a part are summed and then divided by parts; divide the sum by all images"),
        (right / parts, "it is divided by parts twice; once is enough"),
        (right * parts / size, "each loss is divided by the images of its part; divide by the number of parts"),
        (
            right * parts / count,
            "each loss is divided by the images of the batch, and is a mean already; divide by parts",
        ),
        (with_first_labels, "every part is compared with the labels of the first part; split y as well"),
        (with_first_labels * parts, "every part is compared with the labels of the first part; split y as well"),
        *(
            (wrong, "images and labels are in different orders: each image keeps its own")
            for wrong in with_other_labels
        ),
        (-right, "its sign is turned; the gradient itself is wanted, not the step against it"),
    ]
    for wrong, cause in causes:
        if _close(found, wrong):
            raise Incorrect(cause)
    raise Incorrect(
        f"it is not the gradient of the whole batch: its length is {found.norm():.3g}, that of the whole batch's is "
        f"{right.norm():.3g}"
    )


def _refuse_sizes(sizes: list[int], parts: int, X: torch.Tensor) -> None:
    count, size = len(X), len(X) // parts
    if max(sizes) == count:
        raise Incorrect(f"the net was given all {count} images at once; that is the batch which does not fit")
    if sizes == [len(part) for part in X.split(parts)]:
        raise Incorrect(
            f"for {parts} parts of {count} images the net was given {sizes[0]} at a time, not {size}: "
            "split takes the size of a part, chunk the number of parts"
        )
    listed = ", ".join(map(str, sizes[:6])) + (", ..." if len(sizes) > 6 else "")
    raise Incorrect(f"for {parts} parts of {count} images the net was given {listed} images; expected {size} each time")


@exercise(
    "7.3",
    "Accuracy for each class",
    difficulty=2,
    minutes=10,
    names=("accuracy_per_class",),
    hints=(
        "You need twenty sums: for each class the correct predictions, and the images. Divide after the last batch.",
        "`torch.bincount(labels, minlength=10)` counts how often each class occurs. Once for all labels, once for the "
        "labels of the images that were classified correctly: `y[net(X).argmax(dim=1) == y]`.",
        "Before the loop note `module.training` of every module in `net.modules()`, and put it back after the loop; "
        "in between `net.eval()` and `torch.no_grad()`.",
    ),
)
def check_accuracy_per_class(accuracy_per_class: Any) -> None:
    """On batches of unequal size, classes unequally often; the net has gradients, dropout, and frozen parts."""
    net, batches = _net_and_classes()
    _check_shares(accuracy_per_class, net, batches)
    mostly_in_eval, batches = _net_and_classes()
    mostly_in_eval.eval()[2].train()
    _check_shares(accuracy_per_class, mostly_in_eval, batches)


def _check_shares(accuracy_per_class: Any, net: nn.Module, batches: list) -> None:
    modes = [module.training for module in net.modules()]
    right, causes = _shares_of_classes(net, batches)
    state = copy.deepcopy(net.state_dict())
    _needs_gradient.clear()
    _awake.clear()
    net.register_forward_hook(_note_gradient)
    for layer in (net[0], net[2], net[3]):
        layer.register_forward_hook(_note_awake)
    cloned = _cloned(batches)
    with unchanged(net, "the shares are right, but the net"), unchanged(cloned, "the shares are right, but data_iter"):
        _compare_shares(accuracy_per_class, net, cloned, right, causes, modes, state)


def _compare_shares(
    accuracy_per_class: Any, net: nn.Module, batches: list, right: torch.Tensor, causes: list, modes: list, state: dict
) -> None:
    given = call(accuracy_per_class, net, batches, name="accuracy_per_class")
    found = _numbers(given, 10, "accuracy_per_class", "one share for each class")
    modes_now = [module.training for module in net.modules()]
    weights_moved, statistics_moved = _what_moved(state, net.state_dict())
    if weights_moved:
        raise Incorrect("the net's weights have changed; an evaluation does not train")
    if statistics_moved:
        raise Incorrect("the running statistics have moved: the net was evaluated in training mode; eval is missing")
    if _awake == {"Dropout"}:
        raise Incorrect(
            "dropout is in training mode during the evaluation, and zeroes numbers at random; net.eval() puts every "
            "module in eval mode"
        )
    if _awake:
        raise Incorrect(
            "the net is evaluated in training mode, where batch norm uses the batch's mean; eval is missing"
        )
    if not _close(found, right):
        for wrong, cause in causes:
            if _close(found, wrong):
                raise Incorrect(cause)
        k = int((found - right).abs().argmax())
        raise Incorrect(f"the share of class {k} is {found[k]:.3f}; expected {right[k]:.3f}")
    _check_modes(modes, modes_now)
    if any(_needs_gradient):
        raise Incorrect("the shares are right, but gradients are prepared that nobody needs; torch.no_grad is missing")
    _check_gradients_are_on()


_needs_gradient: list[bool] = []
_awake: set[str] = set()


def _note_gradient(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
    """Note whether an output asks for gradients; a hook on the module's top level, so that nets can be pickled."""
    _needs_gradient.append(output.requires_grad)


def _note_awake(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
    """Note which kinds of layers were used in training mode."""
    if module.training:
        _awake.add(type(module).__name__)


def _net_and_classes() -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    """Return a net that knows ten classes somewhat, has gradients and frozen parts, and three batches."""
    generator = torch.Generator().manual_seed(3)
    prototypes = torch.randn(10, 1, 5, 7, generator=generator)
    counts = torch.tensor([4, 9, 6, 13, 5, 11, 8, 7, 12, 10])
    labels = torch.arange(10).repeat_interleave(counts)
    order = torch.cat([torch.randperm(55, generator=generator), 55 + torch.randperm(30, generator=generator)])
    labels = labels[order]
    X = prototypes[labels] + 2.2 * torch.randn(85, 1, 5, 7, generator=generator) + 1.0
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.BatchNorm1d(35), nn.Dropout(), nn.Linear(35, 10))
    with torch.no_grad():
        net[0].running_mean.fill_(0.9)
        net[0].running_var.fill_(5.0)
        net[2].running_mean.copy_(0.3 * torch.randn(35, generator=generator))
        net[2].running_var.copy_(0.5 + torch.rand(35, generator=generator))
        net[4].weight.copy_(prototypes.flatten(1))
        net[4].bias.copy_(2.0 * torch.randn(10, generator=generator))
    net.train()
    net[0].eval()  # frozen on purpose
    net[2].bias.requires_grad_(False)  # this, too
    _give_gradients(net)
    sizes = (40, 33, 12)
    return net, list(zip(X.split(sizes), labels.split(sizes)))


def _shares_of_classes(net: nn.Module, batches: list) -> tuple[torch.Tensor, list[tuple[torch.Tensor, str]]]:
    """Return the right shares, and what mistakes would give."""

    def counted(net: nn.Module) -> tuple[torch.Tensor, ...]:
        with torch.no_grad():
            predicted = [net(X).argmax(dim=1) for X, _ in batches]
        correct = [torch.bincount(y[p == y], minlength=10).double() for p, (_, y) in zip(predicted, batches)]
        images = [torch.bincount(y, minlength=10).double() for _, y in batches]
        guesses = sum(torch.bincount(p, minlength=10).double() for p in predicted)
        return torch.stack(correct), torch.stack(images), guesses

    correct, images, guesses = counted(copy.deepcopy(net).eval())
    all_correct, all_images = correct.sum(dim=0), images.sum(dim=0)
    right = all_correct / all_images
    shares = correct / images.clamp(min=1)
    mean_of_shares = "shares of batches are averaged; count in all batches, and divide once, at the end"
    causes = [
        (all_correct / guesses, "you divided by how often a class was predicted; divide by how often it occurs"),
        (all_correct / guesses.clamp(min=1), "you divided by how often a class was predicted, not how often it occurs"),
        (all_correct, "these are counts; divide each by the number of images of its class"),
        (100 * right, "these are percent; give shares between 0 and 1"),
        (1 - right, "these are the shares of the wrong predictions"),
        (all_correct / all_images.sum(), "you divided by the number of all images; divide by those of each class"),
        (all_correct / all_correct.sum(), "you divided by the number of all correct predictions"),
        (
            (all_correct.sum() / all_images.sum()).expand(10),
            "the same number for each class: that is the accuracy overall",
        ),
        (all_images / all_images.sum(), "that is how often each class occurs; how many of its images are right?"),
        (guesses / all_images, "you counted predictions of each class, also the wrong ones"),
        (shares.sum(dim=0) / (images > 0).sum(dim=0), mean_of_shares),
        (shares.mean(dim=0), mean_of_shares),
        (shares[-1], "that is the last batch alone; sums must be kept over all batches"),
        (shares[0], "that is the first batch alone; does the function return inside the loop?"),
        (correct[-1] / all_images, "the correct predictions are those of the last batch alone"),
    ]
    return right, causes


@exercise(
    "7.4",
    "Repair statistics",
    difficulty=3,
    minutes=12,
    names=("repair_statistics",),
    hints=(
        "What moves running statistics? A forward pass in training mode, also under `torch.no_grad`. No loss and no "
        "optimizer is needed.",
        "Work on `copy.deepcopy(net)`. Note the mode of every module first: `net.eval()` at the end would be a guess.",
        "`repaired = copy.deepcopy(net).train()`, then `repaired(X)` for every batch under `torch.no_grad()`, then "
        "`module.training = original.training` for the pairs of `zip(repaired.modules(), net.modules())`.",
    ),
)
def check_repair_statistics(repair_statistics: Any) -> None:
    """A residual net with gradients, in eval mode but for a few modules, and one in training mode but for these."""
    for seed, mode in ((4, False), (5, True)):
        _check_repair(repair_statistics, seed, mode)


def _check_repair(repair_statistics: Any, seed: int, mode: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(2, 8, kernel_size=3), nn.BatchNorm2d(8), nn.ReLU(), Residual(8, 8), nn.AdaptiveAvgPool2d((1, 2)),
        nn.Flatten(), nn.Linear(16, 12), nn.BatchNorm1d(12, momentum=0.3, affine=False), nn.Linear(12, 3), nn.Dropout(),
    )  # fmt: skip
    _set_parameters(net, generator)
    for norm in _norms(net).values():
        norm.running_mean.copy_(3 + torch.randn(norm.num_features, generator=generator))
        norm.running_var.copy_(4 + torch.rand(norm.num_features, generator=generator))
        norm.num_batches_tracked.fill_(30)
    net.train(mode)
    net[3].bn2.train(not mode)
    net[9].train(not mode)
    net[0].bias.requires_grad_(False)
    net[3].bn2.requires_grad_(False)  # frozen weights, and none at all in the last norm: their statistics move as well
    _give_gradients(net)
    batches = [
        ((1 + k) * torch.randn(size, 2, 6, 9, generator=generator) + k, torch.zeros(size, dtype=torch.long))
        for k, size in enumerate((6, 9, 5, 7))
    ]
    modes, momenta = [module.training for module in net.modules()], [norm.momentum for norm in _norms(net).values()]
    state = copy.deepcopy(net.state_dict())
    untouched = copy.deepcopy(net)
    _needs_gradient.clear()
    _shown_in_training_mode.clear()
    net.register_forward_hook(_note_gradient)
    net[1].register_forward_hook(_note_batch)  # a copy has it, too

    cloned = _cloned(batches)
    with unchanged(cloned, "the copy is right, but data_iter"), unchanged(net, "the copy is right, but the net"):
        given = call(repair_statistics, net, cloned, name="repair_statistics")
        _check_it_is_a_repaired_copy(given, net, state)
        _check_statistics(given.state_dict(), untouched, batches)
        _check_modes(modes, [module.training for module in given.modules()])
        if [norm.momentum for norm in _norms(given).values()] != momenta:
            raise Incorrect("the statistics are right, but the batch norms' momentum is another than before")
        if any(a.dtype != b.dtype for a, b in zip(given.state_dict().values(), state.values())):
            raise Incorrect("the statistics are right, but the copy's tensors have another type than the net's")
        if any(parameter.is_inference() for parameter in given.parameters()):
            raise Incorrect("the statistics are right, but the copy was made in inference_mode, so it cannot train")
        learns, learned = ([parameter.requires_grad for parameter in each.parameters()] for each in (given, net))
        if not any(learns):
            raise Incorrect("the statistics are right, but the copy's weights ask for no gradients, so it cannot train")
        if learns != learned:
            raise Incorrect(
                "the statistics are right, but the copy has other frozen parameters (requires_grad) than net"
            )
        if any(_needs_gradient):
            raise Incorrect("the statistics are right, but gradients were prepared; torch.no_grad is missing")
        _check_gradients_are_on()


_shown_in_training_mode: list[int] = []


def _note_batch(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
    """Note how many images a batch norm was shown in training mode."""
    if module.training:
        _shown_in_training_mode.append(len(inputs[0]))


def _check_it_is_a_repaired_copy(given: Any, net: nn.Module, state: dict[str, torch.Tensor]) -> None:
    if given is None:
        raise Incorrect("repair_statistics returned None; return the repaired copy")
    if not isinstance(given, nn.Module):
        raise Incorrect(f"repair_statistics should return a net; it returned {shown(given)}")
    if given is net:
        raise Incorrect("repair_statistics returned the net that it was given; make a copy first, and repair that")
    found = given.state_dict()
    same_parts = found.keys() == state.keys() and all(found[name].shape == state[name].shape for name in state)
    if not same_parts or len(list(given.modules())) != len(list(net.modules())):
        raise Incorrect("what repair_statistics returned is not a copy of the net: it has other layers or shapes")
    of_net = net.state_dict()
    shared = [name for name in of_net if _storage(found[name]) == _storage(of_net[name])]
    weights_moved, statistics_moved = _what_moved(state, of_net)
    if (weights_moved or statistics_moved) and shared:
        raise Incorrect(
            "the net that was given has changed too; copy.deepcopy copies its tensors, copy.copy shares them"
        )
    if weights_moved or statistics_moved:
        what = "weights" if weights_moved else "running statistics"
        raise Incorrect(f"the {what} of the net that was given have changed too; show the batches to the copy alone")
    if shared:
        raise Incorrect(
            f"the copy shares {shared[0]} with the net that was given, so training the one changes the other; "
            "copy.deepcopy(net) copies all tensors"
        )
    if _what_moved(state, found)[0]:
        raise Incorrect("weights have changed; show the images to the net, without backward and without a step")


def _storage(one: torch.Tensor) -> int:
    return one.untyped_storage().data_ptr()


def _check_statistics(found: dict[str, torch.Tensor], net: nn.Module, batches: list) -> None:
    """Demand statistics that average over all batches, in whatever way; name the mistakes that people make."""

    def after(start: str = "old", momentum: Any = "own", batches: list = batches, passes: int = 1) -> dict:
        copied = copy.deepcopy(net).train()
        for norm in _norms(copied).values():
            if start == "new":
                norm.reset_running_stats()
            if momentum != "own":
                norm.momentum = momentum
        with torch.no_grad():
            for X, _ in batches * passes:
                copied(X)
        return copied.state_dict()

    new = copy.deepcopy(net)
    for norm in _norms(new).values():
        norm.reset_running_stats()
    last_alone = "the statistics are those of the last batch alone; let them average over the batches"
    old_ones = "the running statistics are the old ones"
    old_ones += (
        ", though batches were shown in training mode; do momentum 0 or track_running_stats=False keep them, or are "
        "they put back?"
        if _shown_in_training_mode
        else ": in eval mode a forward pass does not move them"
    )
    reset_ones = "the statistics are reset, and no batch has moved them since: "
    reset_ones += "are they reset once more at the end?" if _shown_in_training_mode else "is the net in training mode?"
    causes = [
        (net.state_dict(), old_ones),
        (new.state_dict(), reset_ones),
        (after(batches=batches[:1]), "only the first batch was shown; does the loop end too early?"),
        (after("new", batches=batches[:1]), "only the first batch was shown; does the loop end too early?"),
        (after(momentum=1.0, batches=batches[:1]), "only the first batch was shown; does the loop end too early?"),
        (after(batches=batches[-1:]), "only the last batch was shown; show every batch of data_iter"),
        (after("new", batches=batches[-1:]), last_alone),
        (after(momentum=1.0), last_alone),
        (after(passes=2), "the batches were shown twice; once is asked for"),
        (after("new", passes=2), "the batches were shown twice; once is asked for"),
    ]
    for wrong, cause in causes:
        if _same_statistics(found, wrong):
            raise Incorrect(cause)
    shown, sizes = sorted(_shown_in_training_mode), sorted(len(X) for X, _ in batches)
    if shown and shown != sizes:
        raise Incorrect(f"batches of {shown} images were shown in training mode; data_iter has {sizes}, each once")
    old = net.state_dict()
    unmoved = [name for name in found if "running" in name and torch.equal(found[name].cpu(), old[name])]
    if unmoved:
        raise Incorrect(
            f"{', '.join(unmoved[:3])}: unchanged; every batch norm must be in training mode, also frozen ones"
        )
    of_batches = [after(momentum=1.0, batches=[batch]) for batch in batches]
    for name in _norms(net):
        _check_it_is_an_average(name, found, old, of_batches)


def _check_it_is_an_average(name: str, found: dict, old: dict, of_batches: list[dict]) -> None:
    """Demand a mean that weighs the batches' means, and perhaps the old one, and a variance among theirs."""
    of = f"{name}.running_mean"
    means = torch.stack([state[of] for state in [old, *of_batches]]).double().T  # (channels, 1 + batches)
    mean = found[of].double().cpu()
    weights = torch.linalg.lstsq(means, mean.unsqueeze(1)).solution[:, 0]
    apart = (means @ weights - mean).abs().max() / means.abs().max()
    if apart > 1e-3 or weights.min() < -0.02 or weights.sum() > 1.02:
        raise Incorrect(f"{of} has moved, but it is no average over the batches of data_iter")
    variance = found[f"{name}.running_var"].double().cpu()
    for part, is_reset in (("mean", not mean.any()), ("var", bool((variance == 1).all()))):
        if is_reset:
            raise Incorrect(f"{name}.running_{part} is reset, and no batch has moved it since")
    variances = torch.stack([state[f"{name}.running_var"] for state in [old, *of_batches]]).double()
    weights = weights.clamp(min=0)
    expected = weights @ variances + (1 - weights.sum()).clamp(min=0)  # a reset begins with 1
    spread = means.amax(dim=1) - means.amin(dim=1)  # a variance over all images has that of the batches' means, too
    if not bool(((variance >= 0.8 * expected) & (variance <= 1.25 * expected + spread**2)).all()):
        raise Incorrect(
            f"{name}.running_mean and {name}.running_var have moved, but they do not average alike over the batches of "
            f"data_iter: the variances are {_few(variance)}, and with the batches weighed as in the means they would "
            f"be about {_few(expected)}"
        )


def _few(numbers: torch.Tensor) -> str:
    return ", ".join(f"{value:.2g}" for value in numbers[:3].tolist()) + ", ..."


def _same_statistics(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    return all(_close(found[name], expected[name]) for name in expected if "running" in name)


@exercise(
    "7.5",
    "A warm-up",
    difficulty=2,
    minutes=8,
    names=("warm_up_schedule",),
    hints=(
        "`torch.optim.lr_scheduler.LambdaLR(optimizer, factor)` calls your function `factor(t)` with the number of the "
        "batch, and multiplies the optimizer's own rate by what it returns. So the factor goes from 0 to 1 and back.",
        "With `top = num_batches // 10`, the first line runs through (0, 0) and (top, 1), the second through (top, 1) "
        "and (num_batches, 0).",
        "The factor is `t / top` while `t < top`, and `(num_batches - t) / (num_batches - top)` after that.",
    ),
)
def check_warm_up_schedule(warm_up_schedule: Any) -> None:
    """The rate at each batch, for four lengths and highest rates; one is longer than an epoch of the notebook."""
    for num_batches, peak in ((40, 0.2), (30, 0.5), (10, 1.5), (940, 0.1)):
        rates = _rates_with(warm_up_schedule, num_batches, peak)
        top = num_batches // 10
        t = torch.arange(num_batches + 2, dtype=torch.float64)
        up, down = t / top, (num_batches - t) / (num_batches - top)
        right = peak * torch.where(t < top, up, down)[:-1]
        if _close(rates, right):
            continue
        for wrong, cause in _wrong_schedules(t, up, down, num_batches, top, peak):
            if _close(rates, wrong):
                raise Incorrect(cause)
        k = int((rates - right).abs().gt(_tolerance(right)).nonzero()[0])
        raise Incorrect(
            f"with {num_batches} batches and a highest rate of {peak}, the rate at batch {k} is {rates[k]:.6g}; "
            f"expected {right[k]:.6g}"
        )


def _rates_with(warm_up_schedule: Any, num_batches: int, peak: float) -> torch.Tensor:
    """Return the rate at each batch and after the last, when the scheduler is stepped after each batch."""
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=peak, momentum=0.9, weight_decay=1e-3)
    scheduler = call(warm_up_schedule, optimizer, num_batches, name="warm_up_schedule")
    if scheduler is None:
        raise Incorrect("warm_up_schedule returned None; return the scheduler")
    if scheduler is optimizer:
        raise Incorrect("warm_up_schedule returned the optimizer; return the scheduler")
    if not callable(getattr(scheduler, "step", None)):
        raise Incorrect(
            f"warm_up_schedule should return a scheduler, something with a method step; it returned {shown(scheduler)}"
        )
    rates = []
    for batch in range(num_batches + 1):
        settings = optimizer.param_groups[0]
        rates.append(number(settings["lr"], f"the rate at batch {batch}"))
        for name, value in (("momentum", 0.9), ("weight_decay", 1e-3)):
            if settings[name] != value:
                what = f"{name} was {value} and is {settings[name]:.4g}"
                raise Incorrect(f"at batch {batch} the optimizer's {what}; only the rate is to change")
        optimizer.step()
        if batch < num_batches:
            call(scheduler.step, name="step")
    if not torch.equal(weight.detach(), torch.ones(2)):
        raise Incorrect("the weights have changed; a schedule changes the learning rate alone")
    return torch.tensor(rates, dtype=torch.float64)


def _wrong_schedules(
    t: torch.Tensor, up: torch.Tensor, down: torch.Tensor, num_batches: int, top: int, peak: float
) -> Iterator[tuple[torch.Tensor, str]]:
    """Yield what mistakes give: the rates at each batch and after the last, and the cause."""
    right = torch.where(t < top, up, down)
    last = num_batches - 1
    one_early = torch.where(t < top, up, (last - t) / (last - top))
    no_gap = f"it jumps at batch {top}: the falling line must begin there at the highest rate"
    early = (
        "it arrives at zero one batch early: divide the batches after the warm-up by their number, without minus one"
    )
    factors = [
        (right * peak, "the optimizer's rate comes in twice: LambdaLR multiplies by it; return a factor from 0 to 1"),
        (torch.ones_like(t), "the rate never changes; is the scheduler made for the optimizer that was given?"),
        (right.roll(-1), "it is one batch ahead: batch 0 has the rate 0, and your first rate is that of batch 1"),
        (torch.cat([right[:1], right[:-1]]), "it is one batch late: two batches have the rate 0"),
        ((num_batches - t) / num_batches, "the warm-up is missing: the rate falls from the first batch on"),
        (up.clamp(max=1), f"it stays at its highest after batch {top}; it should fall to zero from there"),
        (up, "it rises for ever: the falling line after the first tenth is missing"),
        (down, "the first tenth is missing: the falling line is used from batch 0 on, and begins above its top"),
        (down.clamp(max=1), "the first tenth has the highest rate already; it should rise from zero there"),
        (torch.where(t < top, up, (num_batches - t) / num_batches), no_gap),
        (torch.where(t < top, up, 1 - t / (num_batches - top)), no_gap),
        (torch.where(t < top, up, (1 - t / (num_batches - top)).clamp(min=0)), no_gap),
        (one_early, early),
        (one_early.clamp(min=0), early),
        (torch.where(t < num_batches - top, t / (num_batches - top), (num_batches - t) / top),
         "it rises for nine tenths and falls in the last; it should be the other way round"),
        (torch.where(t < num_batches / 2, 2 * t / num_batches, 2 - 2 * t / num_batches),
         "it rises for half of the batches; a tenth is asked for"),
        (torch.where(t < top, t // top, (num_batches - t) // (num_batches - top)),
         "the factors are whole numbers: // drops what is behind the point; divide with /"),
        (torch.where(t < top, 1 - up, (t - top) / (num_batches - top)),
         "both lines are upside down: it should rise first, and then fall"),
        (torch.where(t < top, up, 0 * t), "it drops to zero after the first tenth; it should fall there in a line"),
        (torch.zeros_like(t), "the rate is zero at every batch, so nothing would be learned"),
    ]  # fmt: skip
    for factor, cause in factors:
        yield peak * factor[:-1], cause


@exercise(
    "7.6",
    "Four faults in a loop",
    difficulty=3,
    minutes=12,
    names=("fixed_loop",),
    hints=(
        "Follow one name at a time through the loop. What does `backward` do to a gradient that is there already? "
        "Who uses `scheduler`? In which mode does the second epoch begin?",
        "Two lines are missing among those that learn, one stands in the wrong place, and one divides too early.",
        "`optimizer.zero_grad()` before `backward`, `scheduler.step()` after `optimizer.step()`, `net.train()` at the "
        "start of each epoch, and correct predictions and images counted over all test batches.",
    ),
)
def check_fixed_loop(fixed_loop: Any) -> None:
    """Against a loop of our own; then against loops with all combinations of the faults."""
    net, epochs, test = _small_training()
    num_epochs = len(epochs)
    weights_before = _flat(net.parameters())
    runs = _Runs(net, epochs, test)
    optimizer = SGD(net.parameters(), _RATE)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: _DECAY**t)
    train = _Shuffled(epochs, optimizer)
    with mock.patch.object(TrainingStep, "__call__", side_effect=TrainingStep.__call__, autospec=True) as ready_made:
        given = call(fixed_loop, net, train, _cloned(test), optimizer, scheduler, num_epochs, name="fixed_loop")
    if ready_made.called:
        raise Incorrect("train_ch6, or the TrainingStep that it uses, does the training; write the loop yourself")
    found = _numbers(given, num_epochs, "fixed_loop", "one accuracy for each epoch")
    weights = tensor(_flat(net.parameters()), weights_before.shape, "the vector of all weights after training")
    statistics = tensor(_statistics_of(net), None, "the vector of all running statistics after training")
    if torch.equal(weights, weights_before):
        raise Incorrect(
            "the net's weights have not moved: are there backward and step, and is zero_grad not between them? "
            "Train the net that is given, and no copy"
        )
    expected = num_epochs * len(train)
    if optimizer.steps != expected:
        raise Incorrect(
            f"the optimizer that was given made {optimizer.steps} steps; {expected} were expected, one for each of "
            f"{len(train)} training batches in each of {num_epochs} epochs"
        )
    for choice in runs.choices():
        run = runs.run(**choice)
        if not (_close(weights, run["weights"]) and _close(statistics, run["statistics"])):
            continue
        faults = [_FAULTS[what] for what in choice.items() if what in _FAULTS]
        if not _close(found, run["counted"]):
            faults.append(_cause_of_accuracy(found, run))
        if faults:
            raise Incorrect("; and ".join(faults))
        if scheduler.last_epoch > expected:
            raise Incorrect(
                f"weights and accuracies are right, but the schedule was stepped {scheduler.last_epoch} times for "
                f"{expected} batches"
            )
        return
    if _close(weights, runs.run("batch", "epoch", "batch", "eval", "anew")["weights"]):
        raise Incorrect(
            "the weights after training are right, but the running statistics are not those of the training images"
        )
    raise Incorrect(
        "the weights after training are not those of the loop: zero_grad, forward, loss, backward, optimizer.step and "
        "scheduler.step, once for each batch, in training mode"
    )


_FAULTS = {
    ("zero", "never"): "gradients pile up from batch to batch: zero_grad is missing",
    ("zero", "epoch"): "gradients pile up within an epoch: zero_grad is called once an epoch, not for each batch",
    ("mode", "once"): "from the second epoch on it trains in eval mode: net.train() belongs in each epoch",
    ("mode", "never"): "it trains in eval mode: net.train() is missing",
    ("schedule", "never"): "the schedule is never stepped, so the learning rate stays as it is",
    ("schedule", "epoch"): "the schedule is stepped once an epoch; it counts batches",
    ("schedule", "before"): "the schedule is stepped before the optimizer, so the first batch misses its rate",
    ("schedule", "both"): "the schedule is stepped after each batch, and once more after each epoch",
    (
        "evaluation",
        "train",
    ): "the test images are shown in training mode, and move the statistics: net.eval() is missing, or comes too late",
    (
        "order",
        "first",
    ): "each epoch has the batches of the first: go through train_iter anew, it has another order then",
}


class _Runs:
    """Training runs from one start, right ones and such with the faults that people leave in or put in."""

    def __init__(self, net: nn.Module, epochs: list[list], test: list):
        self.net, self.epochs, self.test = copy.deepcopy(net), epochs, test

    def choices(self) -> list[dict[str, str]]:
        """Return what may be wrong: first nothing, then one thing, then several."""
        options = {
            "zero": ("batch", "never"),
            "mode": ("epoch", "once", "never"),
            "schedule": ("batch", "never", "epoch"),
            "evaluation": ("eval", "train"),
            "order": ("anew",),
        }
        right = {name: values[0] for name, values in options.items()}
        rare = [
            right | {"zero": "epoch"},
            right | {"schedule": "before"},
            right | {"schedule": "both"},
            right | {"order": "first"},
        ]
        choices = [dict(zip(options, values)) for values in itertools.product(*options.values())]
        return sorted(choices + rare, key=lambda choice: sum(choice[name] != right[name] for name in right))

    def run(self, zero: str, mode: str, schedule: str, evaluation: str, order: str) -> dict[str, Any]:
        """Train a copy; return weights, statistics, accuracies and mean shares."""
        net, batches_of_epoch = copy.deepcopy(self.net), len(self.epochs[0])
        optimizer = torch.optim.SGD(net.parameters(), _RATE)
        counted, averaged, in_training_mode = [], [], []
        if mode == "once":
            net.train()
        for epoch, batches in enumerate(self.epochs):
            if mode == "epoch":
                net.train()
            if zero == "epoch":
                optimizer.zero_grad()
            for batch, (X, y) in enumerate(self.epochs[0] if order == "first" else batches):
                if zero == "batch":
                    optimizer.zero_grad()
                F.cross_entropy(net(X), y).backward()
                steps_of_schedule = {
                    "batch": epoch * batches_of_epoch + batch, "never": 0, "epoch": epoch,
                    "before": epoch * batches_of_epoch + batch + 1, "both": epoch * (batches_of_epoch + 1) + batch,
                }  # fmt: skip
                optimizer.param_groups[0]["lr"] = _RATE * _DECAY ** steps_of_schedule[schedule]
                optimizer.step()
            if evaluation == "eval":
                net.eval()
            correct, of_copy = _correct(net, self.test), _correct(copy.deepcopy(net).train(), self.test)
            in_training_mode.append(torch.cat(of_copy).mean())
            counted.append(torch.cat(correct).mean())
            averaged.append(torch.stack([part.mean() for part in correct]).mean())
        return {
            "weights": _flat(net.parameters()), "statistics": _statistics_of(net), "counted": torch.stack(counted),
            "averaged": torch.stack(averaged), "in training mode": torch.stack(in_training_mode),
            "images": sum(len(y) for _, y in self.test),
        }  # fmt: skip


@torch.no_grad()
def _correct(net: nn.Module, batches: list) -> list[torch.Tensor]:
    """Return for each batch which predictions are correct, as ones and zeros."""
    return [(net(X).argmax(dim=1) == y).double() for X, y in batches]


def _cause_of_accuracy(found: torch.Tensor, run: dict[str, Any]) -> str:
    counted = run["counted"]
    if _close(found, run["averaged"]):
        return "accuracies are means over batches of unequal size: count, and divide once, at the end"
    if _close(found, run["in training mode"]):
        return (
            "accuracies are measured in training mode, where they depend on an image's company: net.eval() is missing, "
            "or comes too late"
        )
    if _close(found, 100 * counted):
        return "accuracies are in percent; give shares between 0 and 1"
    if _close(found, run["images"] * counted):
        return "these are counts of correct predictions; divide them by the number of test images"
    if _close(found, counted.cumsum(dim=0)):
        return "accuracies add up from epoch to epoch; begin each evaluation with new sums"
    if _close(found, counted.cumsum(dim=0) / torch.arange(1, len(counted) + 1)):
        return "sums go on from epoch to epoch; begin each evaluation with new ones"
    if _close(found, 1 - counted):
        return "these are the shares of the wrong predictions"
    if _close(found, counted.cummax(dim=0).values):
        return "these are the best accuracies so far; return the one after each epoch, also where it is lower"
    if _close(found, counted.sort().values):
        return "the accuracies are sorted; leave them in the order of the epochs"
    shares, expected = ([f"{value:.3f}" for value in values.tolist()] for values in (found, counted))
    return f"the test accuracies are {', '.join(expected)} after the epochs; yours are {', '.join(shares)}"


def _small_training() -> tuple[nn.Module, list[list], list]:
    """Return a net in eval mode, the training batches of each epoch, and test batches, all of unequal size."""
    generator = torch.Generator().manual_seed(147)
    prototypes = torch.randn(4, 1, 3, 4, generator=generator)

    def images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.randint(0, 4, (count,), generator=generator)
        return prototypes[y] + 1.2 * torch.randn(count, 1, 3, 4, generator=generator) + 0.5, y

    def batches(X: torch.Tensor, y: torch.Tensor, *sizes: int) -> list:
        return list(zip(X.split(sizes), y.split(sizes)))

    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4))
    _set_parameters(net, generator).eval()
    (X, y), orders = images(21), [torch.randperm(21, generator=generator) for _ in range(3)]
    return net, [batches(X[order], y[order], 8, 8, 5) for order in orders], batches(*images(23), 10, 10, 3)


_RATE, _DECAY = 0.5, 0.8  # with this rate the right accuracies fall, and then rise: stopping early shows


class _Shuffled:
    """Stands in for a train_iter with another order in each epoch, which it tells by the steps that were made.

    So a look at a batch, or a pass without training, changes nothing of what comes next.
    """

    def __init__(self, epochs: list[list], optimizer: SGD) -> None:
        self.epochs, self.optimizer = epochs, optimizer

    def __len__(self) -> int:
        return len(self.epochs[0])

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        epoch = min(self.optimizer.steps // len(self), len(self.epochs) - 1)
        yield from _cloned(self.epochs[epoch])

    def __repr__(self) -> str:
        return "train_iter"


def _cloned(batches: list) -> list:
    return [(X.clone(), y.clone()) for X, y in batches]


# What several checks use


class SGD(torch.optim.SGD):
    """SGD that counts its steps; a message shows its name."""

    steps = 0

    def step(self, closure: Any = None) -> Any:
        self.steps += 1
        return super().step(closure)


def _numbers(value: Any, count: int, name: str, what: str) -> torch.Tensor:
    """Return what a function returned as a tensor of so many numbers; lists, tuples and arrays will do."""
    if value is None:
        raise Incorrect(f"{name} returned None; is the return missing?")
    if isinstance(value, dict):
        raise Incorrect(f"{name} returned a dictionary; expected a list of {count} numbers, {what}")
    if isinstance(value, torch.Tensor):
        value = list(tensor(value, None, f"what {name} returned").reshape(-1))
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise Incorrect(f"{name} returned {shown(value)}; expected a list of {count} numbers, {what}")
    if len(value) != count:
        raise Incorrect(f"{name} returned {len(value)} numbers; expected {count}, {what}")
    numbers = [number(one, f"number {k} that {name} returned") for k, one in enumerate(value)]
    return torch.tensor(numbers, dtype=torch.float64)


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Tell whether two tensors agree up to rounding."""
    a, b = a.detach().double().cpu(), b.detach().double().cpu()
    return a.shape == b.shape and bool((a - b).abs().max() <= _tolerance(b))


def _tolerance(b: torch.Tensor) -> torch.Tensor:
    return 1e-4 * b.abs().max() + 1e-7


def _flat(tensors: Any) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in tensors])


def _set_parameters(net: nn.Module, generator: torch.Generator) -> nn.Module:
    """Give a net weights that are not the usual ones, batch norms' too."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return net


def _give_gradients(net: nn.Module) -> None:
    """Give a net gradients from before, which are to stay."""
    for parameter in net.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.ones_like(parameter)


def _norms(net: nn.Module) -> dict[str, nn.Module]:
    return {name: m for name, m in net.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}


def _statistics_of(net: nn.Module) -> torch.Tensor:
    return _flat(buffer for name, buffer in net.named_buffers() if "running" in name)


def _what_moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> tuple[bool, bool]:
    """Tell whether weights, and whether running statistics, differ between two states of a net."""
    moved = {name for name in before if not torch.equal(before[name], after[name].to(before[name].device))}
    statistics = {name for name in moved if "running" in name or "num_batches" in name}
    return bool(moved - statistics), bool(statistics)


def _check_gradients_are_on() -> None:
    if not torch.is_grad_enabled():
        raise Incorrect("the numbers are right, but gradients stay switched off; write `with torch.no_grad():`")


def _check_modes(before: list[bool], after: list[bool]) -> None:
    if before == after:
        return
    if not any(after):
        raise Incorrect("the numbers are right, but the net is left in eval mode; put each module back in its own")
    if all(after):
        raise Incorrect(
            "the numbers are right, but every module is in training mode now, also those that were in eval mode on "
            "purpose; remember each module's mode"
        )
    wrong = sum(a != b for a, b in zip(before, after))
    raise Incorrect(f"the numbers are right, but {wrong} of {len(before)} modules are in another mode than before")
