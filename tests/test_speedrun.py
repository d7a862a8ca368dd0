"""The recipes by the clock: their parts against formulas and other libraries, and the command as it is called."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers import fashion_mnist
from d2lhelpers.fashion_mnist import read_fashion_mnist
from d2lhelpers.residual import Residual
from d2lhelpers.speedrun import (
    RECIPES,
    FrozenStem,
    Muon,
    Recipe,
    batches,
    new_net,
    normalized,
    orthogonal,
    run,
    scores,
    shifted,
    shrunk,
    train,
    triangle,
    whitening_filters,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def some_images():
    images, labels = read_fashion_mnist(True)
    return normalized(images[:2000], CPU).float(), labels[:2000]


def test_the_images_are_normalized(some_images):
    images, _ = read_fashion_mnist(True)
    brightness = images.double() / 255
    assert brightness.mean().item() == pytest.approx(0.286, abs=5e-4)
    assert brightness.std().item() == pytest.approx(0.353, abs=5e-4)


def test_products_of_whitened_outputs_are_zero_in_the_mean(some_images):
    X, _ = some_images
    outputs = F.conv2d(X.double(), whitening_filters(X).double()).transpose(0, 1).flatten(1)
    products = outputs @ outputs.T / outputs.shape[1]
    off_the_diagonal = products - products.diag().diag()
    assert off_the_diagonal.abs().max() < 1e-3
    assert products.diag().max() < 1  # a little less than one: the hundredth
    assert products.diag()[:2].min() > 0.9
    assert (products.diag().diff() < 0.01).all()  # the largest first


def test_no_gradient_is_computed_in_a_frozen_stem():
    stem = FrozenStem(torch.randn(4, 1, 3, 3))
    X = torch.randn(2, 1, 8, 8, requires_grad=True)
    Y = stem(X)
    assert Y.shape == (2, 4, 4, 4) and not Y.requires_grad
    assert not list(stem.parameters()) and "filters" in stem.state_dict()
    assert torch.equal(Y, F.max_pool2d(F.relu(F.conv2d(X, stem.filters, padding=1)), 2))


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (16, 16)])
def test_newton_and_schulz_keep_directions_and_level_singular_values(shape, monkeypatch):
    monkeypatch.setattr("d2lhelpers.speedrun.computes_bfloat16_fast", lambda device: False)
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    U, _, V = torch.linalg.svd(matrix, full_matrices=False)
    result = orthogonal(matrix, steps=5)
    assert 0.6 < torch.linalg.svdvals(result).min() and torch.linalg.svdvals(result).max() < 1.25
    in_its_directions = U.T @ result @ V.T
    assert (in_its_directions - in_its_directions.diag().diag()).abs().max() < 1e-4


def test_in_bfloat16_newton_and_schulz_differ_by_its_rounding(monkeypatch):
    matrix = torch.randn(16, 60, generator=torch.Generator().manual_seed(0))
    results = []
    for fast in (False, True):
        monkeypatch.setattr("d2lhelpers.speedrun.computes_bfloat16_fast", lambda device, fast=fast: fast)
        results.append(orthogonal(matrix))
    assert results[1].dtype == matrix.dtype
    assert 0 < (results[1] - results[0]).norm() / results[0].norm() < 0.02  # a number of bfloat16 has eight bits


def test_a_step_of_muon_is_that_of_torch_but_for_the_length_of_the_weights():
    torchs = getattr(torch.optim, "Muon", None)
    if torchs is None:
        pytest.skip("this PyTorch has no Muon")
    torch.manual_seed(0)
    ours = nn.Parameter(torch.randn(6, 20))
    ours.data *= 6**0.5 / ours.data.norm()  # the length that ours keeps
    theirs = nn.Parameter(ours.detach().clone())
    options = {"momentum": 0.6, "nesterov": True, "weight_decay": 0.0, "ns_steps": 3, "adjust_lr_fn": "original"}
    optimizers = Muon([ours], lr=0.1, momentum=0.6), torchs([theirs], lr=0.1, **options)
    gradient = torch.randn(6, 20)
    for weight, optimizer in zip((ours, theirs), optimizers):
        weight.grad = gradient.clone()
        optimizer.step()
    moved, as_theirs = ours - theirs, theirs.detach().norm()
    assert moved.norm() / as_theirs < 0.01  # torch computes its steps in bfloat16


@pytest.mark.parametrize("leveled", [True, False])
def test_muon_keeps_the_length_of_the_weights_and_takes_steps_of_one_length(leveled):
    torch.manual_seed(0)
    gradient = torch.randn(8, 4, 3, 3)
    lengths = []
    for scale in (1.0, 1000.0):
        weight = nn.Parameter(torch.randn(8, 4, 3, 3))
        optimizer = Muon([weight], lr=0.5, leveled=leveled)
        before = weight.detach() * 8**0.5 / weight.detach().norm()
        weight.grad = scale * gradient
        optimizer.step()
        step = (weight.detach() - before) / 0.5
        lengths.append(step.norm().item())
        directions = torch.linalg.svdvals(step.flatten(1))
        assert (directions.min() / directions.max() > 0.5) == leveled
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)
    assert lengths[0] == pytest.approx(8**0.5, rel=0.2)


@pytest.mark.parametrize("steps", [7, 100])
def test_the_rate_rises_and_falls_to_zero(steps):
    shares = [triangle(step, steps, 0.2) for step in range(steps + 1)]
    peak = shares.index(max(shares))
    assert shares[0] == pytest.approx(0.1) and shares[-1] == 0
    assert peak == pytest.approx(0.2 * steps, abs=1) and max(shares) <= 1
    assert shares[: peak + 1] == sorted(shares[: peak + 1]) and shares[peak:] == sorted(shares[peak:], reverse=True)
    assert {triangle(step, steps, 0.0) for step in range(steps)} == {1.0}


def numbered(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images that know their number and which side is left, and the numbers as labels."""
    images = torch.zeros(count, 1, 4, 4)
    images[:, 0, 0, 0] = torch.arange(1.0, count + 1)  # in the left upper corner
    return images, torch.arange(count)


@pytest.mark.parametrize("count, size", [(12, 4), (13, 4)])
def test_each_epoch_shows_each_image_once(count, size):
    images, labels = numbered(count)
    per_epoch = count // size
    seen = [y for _, y in islice(batches(images, labels, Recipe(1, batch_size=size), seed=0), 2 * per_epoch)]
    for epoch in (seen[:per_epoch], seen[per_epoch:]):
        assert len(torch.cat(epoch).unique()) == per_epoch * size


def test_alternating_flips_show_both_sides_of_every_image_in_two_epochs():
    images, labels = numbered(40)
    sides = {"alternating": [], "no": []}
    for flip, flipped in sides.items():
        for X, y in islice(batches(images, labels, Recipe(1, batch_size=40, flip=flip), seed=1), 2):
            assert torch.equal(X[:, 0, 0, 0] + X[:, 0, 0, 3], y + 1.0)
            flipped.append(torch.zeros(40, dtype=bool).scatter(0, y, X[:, 0, 0, 3] > 0))
    assert torch.equal(sides["alternating"][0], ~sides["alternating"][1])
    assert 5 < sides["alternating"][0].sum() < 35
    assert not sides["no"][0].any()


def test_shifted_images_are_moved_by_so_much_and_all_ways():
    X = torch.zeros(200, 1, 7, 7)
    X[:, 0, 3, 3] = 5.0
    places = {
        tuple(place) for place in (shifted(X, 1, torch.Generator().manual_seed(0))[:, 0] == 5).nonzero()[:, 1:].tolist()
    }
    assert places == {(row, column) for row in (2, 3, 4) for column in (2, 3, 4)}


def test_background_comes_in_from_outside():
    X = normalized(torch.zeros(50, 1, 5, 5, dtype=torch.uint8), CPU)
    moved = shifted(X, 2, torch.Generator().manual_seed(0))
    assert torch.allclose(moved.float(), X.float(), atol=2e-3)


@pytest.mark.parametrize("whitened", [True, False])
def test_each_block_begins_as_its_shortcut(some_images, whitened):
    X, _ = some_images
    torch.manual_seed(0)
    net = new_net(Recipe(1, width=4, whitened=whitened), X)
    assert net(X[:3]).shape == (3, 10)
    for block in net:
        if isinstance(block, Residual):
            Y = torch.randn(2, block.conv1.in_channels, 8, 8)
            assert torch.allclose(block(Y), F.relu(Y if block.conv3 is None else block.conv3(Y)), atol=1e-6)


def test_a_training_repeats_from_its_seed_and_learns(some_images):
    X, y = some_images
    recipe = Recipe(epochs=3, width=8)
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        nets.append(new_net(recipe, X))
        train(nets[-1], recipe, X, y, seed=5)
    for ours, again in zip(nets[0].state_dict().values(), nets[1].state_dict().values()):
        assert torch.equal(ours, again)
    right = scores(nets[0], X).argmax(1) == y
    assert right.float().mean() > 0.75


def test_images_are_shrunk_in_the_first_half_and_keep_their_brightness(some_images):
    sides = []

    class Watched(nn.Sequential):
        def forward(self, X):
            sides.append(X.shape[2])
            return super().forward(X)

    images, labels = some_images
    recipe = Recipe(epochs=1, width=4, batch_size=len(images) // 4, first_side=20)
    train(Watched(*new_net(recipe, images)), recipe, images, labels)
    assert sides == [20, 20, 28, 28]
    X = images[:50]
    assert shrunk(X, 20).shape == (50, 1, 20, 20) and shrunk(X, 20).dtype == X.dtype
    assert (shrunk(X, 20).float().mean((1, 2, 3)) - X.float().mean((1, 2, 3))).abs().max() < 0.02


def test_a_run_reads_the_files(monkeypatch):
    monkeypatch.setattr("d2lhelpers.speedrun.train", lambda *rest: None)
    read, count = fashion_mnist.read_idx, []
    monkeypatch.setattr(fashion_mnist, "read_idx", lambda content: count.append(1) or read(content))
    for _ in range(2):
        run(Recipe(1, width=4), 0, CPU)
    assert len(count) == 8  # images and labels, for training and test, twice


def test_a_rival_is_trained_by_the_same_recipe():
    def linear(recipe: Recipe, images: torch.Tensor) -> nn.Module:
        asked.append((recipe, tuple(images.shape)))
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    asked = []
    _, accuracy = run(Recipe(1), 0, CPU, linear)
    assert asked == [(Recipe(1), (60_000, 1, 28, 28))]
    assert accuracy > 0.8  # which a linear layer reaches


@pytest.mark.parametrize("epochs, steps", [(0.5, 10), (1, 20), (2.5, 50)])
def test_the_number_of_steps_is_that_of_the_epochs(some_images, epochs, steps):
    X, y = some_images
    recipe = Recipe(epochs, width=4, batch_size=100)
    net, calls = new_net(recipe, X), []
    net.register_forward_hook(lambda *_: calls.append(1))
    train(net, recipe, X, y)
    assert len(calls) == steps


def test_views_are_added_and_the_mode_is_kept(some_images):
    X, _ = some_images
    net = new_net(Recipe(1, width=4), X)
    net.train()
    both, one = scores(net, X[:50]), scores(net, X[:50], flips=False)
    assert torch.allclose(both, one + scores(net, X[:50].flip(3), flips=False), atol=1e-5)
    assert net.training


def test_all_recipes_train_convolutions_of_residual_blocks_only(some_images):
    X, y = some_images
    for recipe in RECIPES.values():
        assert recipe.epochs > 0
        little = replace(recipe, epochs=0.05, width=4)
        train(new_net(little, X), little, X, y)


def test_the_command_prints_a_row(tmp_path):
    little = (
        "import sys; from d2lhelpers import speedrun; speedrun.RECIPES['.90'] = speedrun.Recipe(epochs=0.02, width=4); "
        "sys.argv = ['speedrun', '.90', '--seeds', '3', '4', '--device', 'cpu']; speedrun.main()"
    )
    done = subprocess.run([sys.executable, "-c", little], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["seed 3", "seed 4"]
    cells = lines[-1].strip("| ").split(" | ")
    assert cells[:2] == [".90", "2"] and "threads" in cells[4]
    assert 0.05 < float(cells[3].split()[0]) < 1
