"""Run code that nobody has seen before, and survive it."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import io
import json
import os
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable

import torch

CPU_SECONDS = 2.0
"""Processor time after which code is stopped that runs in a process of its own."""

WAITING_SECONDS = 6.0
"""Time after which any code is stopped, also if it waits and computes nothing."""

MEGABYTES = 2000
"""Memory that guarded code may take on top of what is in use."""


class RanTooLong(Exception):
    """The code was stopped because it did not end."""


class DiedSilently(Exception):
    """The process that ran the code ended without an answer."""


class _Stopped(BaseException):
    """Raised inside code that has to stop; not an Exception, so that `except Exception` lets it pass."""


def run_guarded(function: Callable[[], dict]) -> dict:
    """Run `function` and return the dictionary that it returns, whatever it does.

    Where it is safe to fork, the function runs in a process of its own, in one thread, with limits on
    processor time and memory: what it changes, prints or spoils stays there. On Windows and macOS, and
    once CUDA is in use, it runs in this process; it is then stopped between two steps of Python only,
    and memory is not limited.

    Parameters
    ----------
    function : callable without arguments
        Returns a dictionary that JSON can hold.

    Raises
    ------
    RanTooLong
        If it used more than `CPU_SECONDS`, or did not end in `WAITING_SECONDS`.
    MemoryError
        If it wanted more than `MEGABYTES`.
    DiedSilently
        If its process ended without an answer.
    """
    return _in_a_fork(function) if _can_fork() else _in_this_process(function)


def _can_fork() -> bool:
    return sys.platform.startswith("linux") and not torch.cuda.is_initialized()


def _in_a_fork(function: Callable[[], dict]) -> dict:
    """Run `function` in a copy of this process and read its answer from a pipe."""
    import torch._dynamo  # noqa: F401, the first optimiser imports it, for a second; here that happens once

    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if child == 0:
        os.close(reading)
        _answer_and_exit(function, writing)
    os.close(writing)
    try:
        answer = _read_all(reading, time.monotonic() + WAITING_SECONDS)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    if answer is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF):
        raise RanTooLong
    if not answer:
        raise DiedSilently
    result = json.loads(answer)
    if result == "MemoryError":
        raise MemoryError
    return result


def _answer_and_exit(function: Callable[[], dict], writing: int) -> None:
    """Run `function` in the child, write its answer to the pipe, and end the process."""
    try:
        sys.stdout = sys.stderr = io.StringIO()
        faulthandler.disable()  # nobody wants to read how it died
        gc.freeze()  # collecting the parent's objects here would copy its memory page by page
        _limit_this_process()
        torch.set_num_threads(1)  # the threads of the parent do not exist here
        answer = json.dumps(function())
    except MemoryError:
        answer = json.dumps("MemoryError")
    except BaseException:
        answer = ""
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    with contextlib.suppress(BaseException):
        os.write(writing, answer.encode())
    os._exit(0)


def _limit_this_process() -> None:
    """Let the system end this process after some processor time, and refuse it much more memory."""
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts, interrupts the parent
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEGABYTES * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _read_all(reading: int, deadline: float) -> bytes | None:
    """Return what comes out of a pipe until it is closed; None if that takes too long."""
    parts = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(reading, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _in_this_process(function: Callable[[], dict]) -> dict:
    """Run `function` here, and let another thread stop it when it runs too long."""
    done = threading.Event()
    watchdog = threading.Thread(target=_stop_when_late, args=(threading.get_ident(), done), daemon=True)
    watchdog.start()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = function()
        done.set()
        return result
    except _Stopped:
        raise RanTooLong from None
    finally:
        done.set()
        with contextlib.suppress(_Stopped):  # one that was on its way
            watchdog.join(0.2)


def _stop_when_late(thread: int, done: threading.Event) -> None:
    """Raise `_Stopped` in a thread, again and again, until it is done."""
    import ctypes

    if done.wait(WAITING_SECONDS):
        return
    while not done.wait(0.05):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_Stopped))
