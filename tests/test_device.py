"""try_gpu: CUDA, then Apple's MPS, then the CPU; and where bfloat16 is worth it."""

from __future__ import annotations

import d2l.torch as book
import pytest
import torch

from d2lhelpers import computes_bfloat16_fast, try_all_gpus, try_gpu
from d2lhelpers.device import device_name, processor_name, to_device


@pytest.fixture
def machine(monkeypatch):
    """Pretend that the machine has so many CUDA devices, and MPS or not."""

    def pretend(cuda: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize("cuda", [0, 1, 2])
@pytest.mark.parametrize("i", [0, 1, 2])
def test_device_is_that_of_the_book_where_there_is_no_mps(machine, cuda, i):
    machine(cuda=cuda)
    assert try_gpu(i) == book.try_gpu(i)
    assert try_all_gpus() == book.try_all_gpus()


def test_mps_comes_after_cuda_and_before_the_cpu(machine):
    machine(cuda=0, mps=True)
    assert try_gpu() == torch.device("mps")
    assert try_all_gpus() == [torch.device("mps")]
    machine(cuda=1, mps=True)
    assert try_gpu() == torch.device("cuda:0")


def test_there_is_no_second_mps(machine):
    machine(cuda=0, mps=True)
    assert try_gpu(1) == torch.device("cpu")


@pytest.mark.parametrize("i", [-1, 1.0, "0", None, True])
def test_a_wrong_device_number_raises(i):
    with pytest.raises(ValueError, match="i must be a whole number"):
        try_gpu(i)


@pytest.mark.parametrize(
    "capabilities, fast",
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"avx2": True, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_bfloat16_is_fast_on_a_cpu_only_with_its_instructions(monkeypatch, capabilities, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert computes_bfloat16_fast("cpu") is fast


@pytest.mark.parametrize("supported", [True, False])
def test_an_older_torch_tells_by_another_name(monkeypatch, supported):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported, raising=False)
    assert computes_bfloat16_fast(torch.device("cpu")) is supported


def test_emulated_bfloat16_on_cuda_does_not_count(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert computes_bfloat16_fast("cuda") is False


def test_bfloat16_is_not_turned_on_unasked_on_mps():
    assert computes_bfloat16_fast("mps") is False


def test_each_card_is_asked_itself_which_need_not_be_the_current_one(monkeypatch):
    current = [0]

    class Current:
        def __init__(self, device):
            self.index = device.index

        def __enter__(self):
            current.append(self.index)

        def __exit__(self, *_):
            current.pop()

    monkeypatch.setattr(torch.cuda, "device", Current)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: current[-1] == 1)
    assert [computes_bfloat16_fast(name) for name in ("cuda", "cuda:0", "cuda:1")] == [False, False, True]
    assert current == [0]


def test_tensors_and_lists_of_them_are_moved():
    X, Y = torch.zeros(2), torch.ones(1)
    assert to_device(X, None) is X
    assert to_device(X, torch.device("meta")).device.type == "meta"
    moved = to_device((X, [Y]), torch.device("meta"))
    assert moved[0].device.type == moved[1][0].device.type == "meta"


def test_a_device_says_what_it_is():
    assert processor_name() in device_name(torch.device("cpu")) and processor_name().strip()
    assert device_name(torch.device("cpu")).endswith(f", {torch.get_num_threads()} threads")
    assert device_name(torch.device("meta")) == "meta"
