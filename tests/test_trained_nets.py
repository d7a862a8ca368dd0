"""Nets that come trained: the files are small, hold numbers only, and the nets are as good as the notebook says."""

from __future__ import annotations

import io
import lzma
import pickletools
import zipfile

import pytest
import torch
from torch import nn

import d2lhelpers as d2l
from d2lhelpers.fashion_mnist import FashionMNISTBatches
from d2lhelpers.trained_nets import DATA_FOLDER, UNTRAINED, file_of, trained_net

SEEDS = (0, 1, 2)
AT_LEAST = {"residual 20": 0.91, "plain 20": 0.91, "two convolutions": 0.9, "residual 56": 0.84, "plain 56": 0.6}

each_net = pytest.mark.parametrize("name", UNTRAINED)


@each_net
def test_it_is_as_good_on_test_images_as_it_was_on_held_out_ones(name):
    images, labels = d2l.read_fashion_mnist(train=False)
    batches = FashionMNISTBatches(images[:1000], labels[:1000], 500, resize=14 if name.endswith("56") else None)
    for seed in SEEDS:
        assert d2l.evaluate_accuracy_gpu(trained_net(name, seed), batches) > AT_LEAST[name]


@each_net
def test_seeds_are_different_nets_and_a_net_is_the_same_every_time(name):
    first = [next(trained_net(name, seed).parameters()) for seed in SEEDS]
    assert not torch.equal(first[0], first[1]) and not torch.equal(first[1], first[2])
    assert torch.equal(first[0], next(trained_net(name, 0).parameters()))
    assert not trained_net(name, 0).training


def test_plain_and_residual_nets_have_the_same_layers():
    for depth in ("20", "56"):
        plain, residual = (trained_net(f"{kind} {depth}", 0).state_dict() for kind in ("plain", "residual"))
        assert {k: v.shape for k, v in plain.items()} == {k: v.shape for k, v in residual.items()}
    layers = [layer for layer in trained_net("residual 20", 0).modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    assert len(layers) == 20


def test_the_files_are_small_and_hold_nothing_but_tensors():
    paths = sorted(DATA_FOLDER.glob("*.xz"))
    assert len(paths) == len(UNTRAINED) * len(SEEDS)
    assert sum(path.stat().st_size for path in paths) < 3_000_000
    allowed = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"}
    for path in paths:
        archive = zipfile.ZipFile(io.BytesIO(lzma.decompress(path.read_bytes())))
        (program,) = [archive.read(name) for name in archive.namelist() if name.endswith("data.pkl")]
        asked_for = {argument for opcode, argument, _ in pickletools.genops(program) if opcode.name == "GLOBAL"}
        assert {name for name in asked_for if not name.endswith("Storage")} <= allowed


@pytest.mark.parametrize("name, seed", [("residual 21", 0), ("plain 20", 99), ("../plain 20", 0)])
def test_a_net_that_is_not_there_is_refused_with_those_that_are(name, seed):
    with pytest.raises(ValueError, match="residual_20_seed_0"):
        trained_net(name, seed)


def test_the_path_of_a_file_is_its_name():
    assert file_of("plain 20", 1).name == "plain_20_seed_1.pt.xz"
