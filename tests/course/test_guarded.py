"""Code that nobody has seen: it may do what it wants, and the process lives on."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import psutil
import pytest
import torch

from d2lhelpers.course import guarded
from d2lhelpers.course.guarded import Stopped, run_guarded


@pytest.fixture(params=["in a fork", "in this process"])
def way(request, monkeypatch):
    """Both ways in which code is run."""
    forks = request.param == "in a fork"
    if forks and not guarded._can_fork():
        pytest.skip("forking is not safe here")
    monkeypatch.setattr(guarded, "_can_fork", lambda: forks)
    monkeypatch.setattr(guarded, "CPU_SECONDS", 0.3)
    return request.param


@pytest.fixture
def fork(monkeypatch):
    if not guarded._can_fork():
        pytest.skip("forking is not safe here")
    monkeypatch.setattr(guarded, "CPU_SECONDS", 0.3)


def test_what_it_returns_comes_back(way):
    answer = {"outcome": "incorrect", "cause": "ß, 3×3 and \n a new line" * 10_000}
    assert run_guarded(lambda: answer) == answer


def test_a_loop_without_end_is_stopped(way):
    def loop():
        while True:
            pass

    with pytest.raises(Stopped, match="computed for 0.3 s.*loop that never ends"):
        run_guarded(loop)


def test_a_loop_that_catches_every_exception_is_stopped(way):
    def loop():
        while True:
            try:
                sum(range(100))
            except Exception:
                pass

    with pytest.raises(Stopped, match="computed for 0.3 s.*loop that never ends"):
        run_guarded(loop)


def test_a_loop_inside_a_c_function_is_stopped(fork):
    with pytest.raises(Stopped, match="computed for 0.3 s.*loop that never ends"):
        run_guarded(lambda: {"sum": sum(itertools.count())})


def test_waiting_without_end_is_stopped(fork, monkeypatch):
    monkeypatch.setattr(guarded, "WAITING_SECONDS", 0.3)
    with pytest.raises(Stopped, match="not done after 0.3 s.* wait for something"):
        run_guarded(lambda: time.sleep(1000))


def test_too_much_memory_is_refused(fork):
    with pytest.raises(Stopped, match="more memory than a check may take, 2,000 MB"):
        run_guarded(lambda: {"size": len(bytearray(10**11))})


def test_the_end_of_the_process_is_not_the_end_of_ours(fork):
    with pytest.raises(Stopped, match=r"ended the whole process \(exit code 7\)"):
        run_guarded(lambda: os._exit(7))
    with pytest.raises(Stopped, match=r"ended the whole process \(Aborted\)"):
        run_guarded(lambda: os.abort())


def test_what_it_changes_stays_there(fork):
    values = [1]
    run_guarded(lambda: values.append(2))
    assert values == [1]


def settings() -> dict:
    return {
        "threads": torch.get_num_threads(),
        "type": str(torch.get_default_dtype()),
        "device": str(torch.empty(0).device),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "random": [random.random(), np.random.rand(), torch.rand(1, device="cpu").item()],
        "warnings": len(warnings.filters),
    }


def change_settings():
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(99)
    warnings.simplefilter("error")


@pytest.fixture
def put_back():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("before", [lambda: None, change_settings], ids=["the usual", "others"])
def test_settings_are_the_usual_ones_inside_and_as_they_were_afterwards(way, put_back, before):
    def seed():
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(3)

    with warnings.catch_warnings():
        before()
        seed()
        expected = settings()
        seed()
        inside = run_guarded(lambda: [settings(), change_settings()][0])
        assert settings() == expected
    assert (inside["threads"], inside["type"], inside["device"]) == (1, "torch.float32", "cpu")
    assert inside["gradients"] and not inside["deterministic"]


def test_settings_are_put_back_after_a_time_out(way, put_back):
    def loop():
        change_settings()
        while True:
            pass

    before = settings()
    with pytest.raises(Stopped):
        run_guarded(loop)
    after = settings()
    assert {name: after[name] for name in after if name != "random"} == {n: before[n] for n in before if n != "random"}


def test_it_may_ask_for_threads(way, put_back):
    torch.set_num_threads(2)
    torch.ones(300, 300) @ torch.ones(300, 300)  # so that this process has threads, which a fork has not

    def multiply():
        torch.set_num_threads(2)
        return (torch.ones(300, 300) @ torch.ones(300, 300)).sum().item()

    assert run_guarded(multiply) == 300**3


def test_it_may_start_threads_and_processes(way):
    def start():
        products = []
        thread = threading.Thread(target=lambda: products.append(float(torch.ones(1, 300) @ torch.ones(300))))
        thread.start()
        thread.join()
        command = subprocess.run([sys.executable, "-c", "print(3)"], capture_output=True)
        return [*products, command.stdout.decode().strip()]

    assert run_guarded(start) == [300, "3"]


def test_a_process_that_it_leaves_behind_is_not_waited_for_and_ends(fork):
    number = run_guarded(lambda: subprocess.Popen(["sleep", "1000"]).pid)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{number}") and "Z" not in open(f"/proc/{number}/stat").read().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_can_compute_gradients(way):
    torch.ones(3, requires_grad=True).sum().backward()  # so that the parent has computed some before

    def gradient():
        weight = torch.nn.Conv2d(2, 2, 3).weight
        torch.nn.functional.conv2d(torch.ones(1, 2, 8, 8), weight).sum().backward()
        return {"sum": weight.grad.sum().item()}

    assert run_guarded(gradient)["sum"] == pytest.approx(36 * 36)


def test_what_it_prints_is_not_shown(way, capsys):
    def noisy():
        print("noise")
        return {}

    run_guarded(noisy)
    assert not capsys.readouterr().out


def test_what_commands_and_c_code_print_is_not_shown(fork, capfd):
    run_guarded(lambda: [os.write(1, b"noise"), os.system("echo noise")])
    assert not capfd.readouterr().out


@pytest.mark.parametrize("refused", ["fork", "pipe"])
def test_where_the_system_refuses_a_process_it_runs_here(fork, monkeypatch, refused):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, refused, refuse)
    files = len(os.listdir("/proc/self/fd"))
    assert run_guarded(os.getpid) == os.getpid()
    assert len(os.listdir("/proc/self/fd")) == files


def test_where_the_system_refuses_a_thread_it_runs_without_a_limit(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(guarded, "_can_fork", lambda: False)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run_guarded(lambda: 3) == 3


def test_somebody_else_may_collect_processes(fork):
    """A program that ignores SIGCHLD, or waits for all its children, takes the end of ours away."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert run_guarded(lambda: 3) == 3
        with pytest.raises(Stopped, match="loop that never ends"):
            run_guarded(lambda: sum(itertools.count()))
        with pytest.raises(Stopped, match="whole process;"):
            run_guarded(lambda: os._exit(1))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_an_interrupt_by_the_code_itself_is_told(fork):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(Stopped, match="raised KeyboardInterrupt"):
        run_guarded(interrupt)


@pytest.mark.parametrize("forks", [True, False], ids=["in a fork", "in this process"])
def test_an_exception_that_is_none_is_told(forks, monkeypatch):
    def leaves():
        raise BaseException("x")

    forks = forks and guarded._can_fork()
    monkeypatch.setattr(guarded, "_can_fork", lambda: forks)
    with pytest.raises(Stopped, match="^raised BaseException$"):
        run_guarded(leaves)


def test_stop_stops_a_check_in_this_process(monkeypatch):
    def interrupted():
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(guarded, "_can_fork", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        run_guarded(interrupted)


def children() -> set[int]:
    """Return the numbers of this process's children; one before may have left some, such as a tracker."""
    return {child.pid for child in psutil.Process().children()}


def test_no_process_is_left_behind(fork):
    before = children()
    for _ in range(3):
        run_guarded(dict)
    assert children() <= before


def test_an_interrupt_reaches_the_learner_and_leaves_no_process(fork, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    before = children()
    monkeypatch.setattr(guarded, "_read_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_guarded(lambda: time.sleep(1000))
    assert children() <= before
