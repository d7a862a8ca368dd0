"""StepClock: what is counted on which kind of device, told by pretended clocks and cards."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch

from d2lhelpers.step_clock import StepClock


@pytest.fixture
def clock_of(monkeypatch):
    """Pretend that time passes as the test says; return a function that makes a clock, and one that lets time pass."""
    now = {"time": 100.0, "processor": 50.0}
    monkeypatch.setattr(time, "perf_counter", lambda: now["time"])
    monkeypatch.setattr(time, "process_time", lambda: now["processor"])

    def pass_time(seconds: float, processor: float = 0.0) -> None:
        now["time"] += seconds
        now["processor"] += processor

    return lambda device: StepClock(torch.device(device)), pass_time


def test_on_a_cpu_only_the_steps_count(clock_of):
    make, pass_time = clock_of
    clock = make("cpu")
    for _ in range(3):
        clock.start()
        pass_time(0.25)
        clock.stop()
        pass_time(9)  # loading
    assert clock.seconds() == clock.seconds() == 0.75


def test_on_cuda_events_are_recorded_on_the_cards_own_stream_and_waited_for_once(monkeypatch):
    queue, waits = [], []

    class Event:
        def __init__(self, device, enable_timing):
            assert device == torch.device("cuda:1") and enable_timing

        def record(self, stream):
            assert stream == "stream of cuda:1"
            queue.append(self)
            self.place = len(queue)

        def synchronize(self):
            waits.append(self.place)

        def elapsed_time(self, end):
            return 1000.0 * (end.place - self.place)

    monkeypatch.setattr(torch, "Event", Event)
    monkeypatch.setattr(torch.accelerator, "current_stream", lambda device: f"stream of {device}")
    clock = StepClock(torch.device("cuda:1"))
    for _ in range(3):
        clock.start()
        clock.stop()
    assert not waits
    assert clock.seconds() == 3.0 and waits == [6]
    assert clock.seconds() == 3.0 and waits == [6]  # nothing new


def test_on_mps_there_is_one_wait_and_no_event(clock_of, monkeypatch):
    make, pass_time = clock_of
    waits = []

    def synchronize() -> None:
        waits.append("mps")
        pass_time(2)

    modules = {torch.device("mps"): SimpleNamespace(synchronize=synchronize)}
    monkeypatch.setattr(torch, "get_device_module", modules.get)
    monkeypatch.delattr(torch, "Event")
    clock = make("mps")
    for _ in range(2):  # epochs
        for _ in range(5):
            clock.start()
            pass_time(0.125)
            clock.stop()
        pass_time(0.375)
        total = clock.seconds()
        pass_time(60)  # an evaluation
    assert total == 2 * (5 * 0.125 + 0.375 + 2) and waits == ["mps"] * 2


@pytest.mark.parametrize(
    "threads, processors, told", [(2, 2.0, False), (2, 1.9, False), (2, 1.26, True), (4, 1.0, True), (1, 0.5, False)]
)
def test_threads_that_wait_are_told_once_with_what_to_do(clock_of, monkeypatch, capsys, threads, processors, told):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    make, pass_time = clock_of
    clock = make("cpu")
    for step in range(30):
        clock.start()
        pass_time(0.2, 0.2 if step == 0 else 0.2 * processors)  # the first step is not looked at
        clock.stop()
    said = capsys.readouterr().out
    assert said.count("torch.set_num_threads(1)") == told
    if told:
        assert f"PyTorch's {threads} threads get {processors:.1f} processors" in said


def test_nothing_is_said_of_a_training_of_less_than_a_second(clock_of, monkeypatch, capsys):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    make, pass_time = clock_of
    clock = make("cpu")
    for _ in range(9):
        clock.start()
        pass_time(0.1)
        clock.stop()
    assert capsys.readouterr().out == ""


def test_steps_in_one_thread_each_are_not_advised_to_take_one(clock_of, monkeypatch, capsys):
    make, pass_time = clock_of
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    clock = make("cpu")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # as `train_side_by_side` does for each step
    for _ in range(30):
        clock.start()
        pass_time(0.2, 0.1)
        clock.stop()
    assert capsys.readouterr().out == ""
