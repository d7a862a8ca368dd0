"""A batch that does not fit: what is said is what was tried."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from d2lhelpers import BatchTooLargeError, evaluate_accuracy_gpu, train_ch6
from d2lhelpers.out_of_memory import in_memory, ran_out_of_memory
from small_batches import random_batches

CPU = torch.device("cpu")


def fits_up_to(limit: int, tried: list[int], error: Exception):
    """Return a computation that runs out of memory for more than `limit` images."""

    def compute(size: int) -> str:
        tried.append(size)
        if size > limit:
            raise error
        return f"{size} images"

    return compute


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 6.00 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
        RuntimeError("the net failed on images of shape (8, 1, 2, 2): std::bad_alloc"),
        MemoryError(),
    ],
)
def test_a_size_that_fits_is_looked_for_and_named(error):
    tried: list[int] = []
    with pytest.raises(
        BatchTooLargeError, match="100 images does not fit .* and 12 did fit: try batch_size=12"
    ) as found:
        in_memory(fits_up_to(20, tried, error), 100, "images", CPU)
    assert tried == [100, 50, 25, 12] and found.value.batch_size == 12


def test_where_a_single_image_does_not_fit_no_size_is_named():
    with pytest.raises(BatchTooLargeError, match="A single image did not fit either") as found:
        in_memory(fits_up_to(0, [], MemoryError()), 8, "images", CPU)
    assert found.value.batch_size is None


def test_what_fits_is_computed_once():
    tried: list[int] = []
    assert in_memory(fits_up_to(8, tried, MemoryError()), 8, "images", CPU) == "8 images" and tried == [8]


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes cannot be multiplied"), ValueError("out of memory"), KeyError(1)]
)
def test_other_errors_are_left_alone(error):
    assert not ran_out_of_memory(error)
    with pytest.raises(type(error)):
        in_memory(fits_up_to(0, [], error), 8, "images", CPU)


class Hungry(nn.Module):
    """A net that has no memory for more than `limit` images."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.layers = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(144, 10))

    def forward(self, X):
        if len(X) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.layers(X)


def test_a_training_that_does_not_fit_keeps_its_net_and_names_a_batch_size():
    net = Hungry(limit=20)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(BatchTooLargeError, match="64 training images .* try batch_size=16") as found:
        train_ch6(net, random_batches([64]), random_batches([4]), 1, 0.1, "cpu", initialize=False)
    assert found.value.history.interrupted
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_an_evaluation_that_does_not_fit_names_a_batch_size():
    with pytest.raises(BatchTooLargeError, match="40 images to evaluate .* try batch_size=20"):
        evaluate_accuracy_gpu(Hungry(limit=20), random_batches([40]), "cpu")


REALLY = """
import resource, torch, d2lhelpers as d2l
torch.set_num_threads(1)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 64, 3), torch.nn.BatchNorm2d(64), torch.nn.ReLU(), torch.nn.Flatten(),
                          torch.nn.Linear(64 * 46 * 46, 10))
batch = lambda size: [(torch.rand(size, 1, 48, 48), torch.arange(size) % 10)]
run = lambda size: d2l.train_ch6(net, batch(size), batch(4), 1, 0.01, "cpu", bfloat16=False)
run(4)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 400 * 2**20, resource.RLIM_INFINITY))
try:
    run(1000)
except d2l.BatchTooLargeError as error:
    print(error)
    print(run(error.batch_size))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process's memory is Linux's")
def test_with_the_size_that_is_named_it_really_trains():
    done = subprocess.run([sys.executable, "-c", REALLY], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    size = int(re.search(r"try batch_size=(\d+)", done.stdout).group(1))
    assert 1 < size < 1000 and "this computer" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 epoch: ")


class Speechless(RuntimeError):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise ValueError


def test_an_error_without_a_text_is_no_sign_of_memory_and_raises_nothing():
    assert not ran_out_of_memory(Speechless())
