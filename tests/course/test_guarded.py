"""Code that nobody has seen: it may do what it wants, and the process lives on."""

from __future__ import annotations

import itertools
import os
import time

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
    with pytest.raises(Stopped, match=r"ended the whole process \(SIGABRT\)"):
        run_guarded(lambda: os.abort())


def test_what_it_changes_stays_there(fork, capsys):
    values, threads = [1], torch.get_num_threads()

    def change():
        values.append(2)
        torch.set_num_threads(1)
        print("noise")
        return {}

    run_guarded(change)
    assert values == [1] and torch.get_num_threads() == threads
    assert not capsys.readouterr().out


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


def test_no_process_is_left_behind(fork):
    for _ in range(3):
        run_guarded(dict)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_interrupt_reaches_the_learner_and_leaves_no_process(fork, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(guarded, "_read_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_guarded(lambda: time.sleep(1000))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
