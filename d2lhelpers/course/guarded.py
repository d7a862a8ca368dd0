"""Run code that nobody has seen before: it comes to an end, and everything is as it was."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import io
import json
import os
import random
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from d2lhelpers.page.live_output import notebook_shell

CPU_SECONDS = 5.0
"""Processor time after which code is stopped."""

WAITING_SECONDS = 20.0
"""Time after which code is stopped, also if it waits and computes nothing."""

MEGABYTES = 2000
"""Memory that code in a process of its own may take on top of what is in use."""


class Stopped(Exception):
    """The code did not come to its end; the message says what it did, after the words "your code"."""


class _TooLate(BaseException):
    """Raised inside code that has to stop; not an Exception, so that `except Exception` lets it pass."""


def run_guarded(function: Callable[[], Any]) -> Any:
    """Run `function` under PyTorch's usual settings and in one thread, and return what it returns, whatever it does.

    Where it is safe to fork, and the system lets us, the function runs in a process of its own: what it
    changes, prints or spoils stays there. Elsewhere (Windows, macOS, CUDA in use) it runs in this
    process: settings and random numbers are put back afterwards, memory is not limited, and neither a loop that
    catches `BaseException` again and again nor one long call of C code, such as `time.sleep(1000)`, can be stopped.

    Parameters
    ----------
    function : callable without arguments
        Returns something that JSON can hold.

    Raises
    ------
    Stopped
        If it computed for `CPU_SECONDS`, did not end in `WAITING_SECONDS`, wanted more memory than
        `MEGABYTES`, or ended the process.
    """
    import torch._dynamo  # noqa: F401, the first optimizer imports it, for a second, and not on the answer's time

    forked = _fork(function) if _can_fork() else None
    return _answer_of(*forked) if forked else _in_this_process(function)


def _can_fork() -> bool:
    return sys.platform.startswith("linux") and not torch.cuda.is_initialized()


def _fork(function: Callable[[], Any]) -> tuple[int, int] | None:
    """Let a copy of this process run `function`; return its number and the pipe with its answer, None if refused."""
    try:
        reading, writing = os.pipe()
    except OSError:
        return None
    child = None
    with contextlib.suppress(OSError), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if child == 0:
        _answer_and_exit(function, writing)
    os.close(writing)
    if child is None:
        os.close(reading)
        return None
    return child, reading


def _answer_and_exit(function: Callable[[], Any], writing: int) -> None:
    """Run `function` in the child, write its answer to the pipe, and end the process."""
    answer, megabytes = None, MEGABYTES
    try:
        with contextlib.suppress(OSError):
            silence = os.open(os.devnull, os.O_RDWR)
            for descriptor in {0, 1, 2} - {writing}:
                os.dup2(silence, descriptor)  # what C code and commands print
        os.setpgid(0, 0)  # a group of its own, with all processes that the code starts
        faulthandler.disable()  # nobody wants to read how it died
        gc.freeze()  # collecting the parent's objects here would copy its memory page by page
        megabytes = _limit_this_process()
        with _usual_settings():
            answer = [function(), None]
    except MemoryError:
        answer = [None, f"was stopped, it wanted more memory than a check may take, {megabytes:,} MB."]
    except BaseException as error:
        answer = [None, f"raised {type(error).__name__}"]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        with contextlib.suppress(BaseException):
            os.write(writing, json.dumps(answer).encode() + b"\n")
        os._exit(0)


def _limit_this_process() -> int:
    """Let the system end this process after some processor time; return how many megabytes more it may have."""
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts, interrupts the parent
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    in_use = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = in_use + MEGABYTES * 2**20
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return max(0, limit - in_use) // 2**20


def _answer_of(child: int, reading: int) -> Any:
    """Wait for the child's answer, end it and all that it started, and return the answer."""
    start = time.monotonic()
    try:
        answer = _read_line(reading, start + WAITING_SECONDS)
    finally:
        os.close(reading)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(child, signal.SIGKILL)
        status = None
        with contextlib.suppress(ChildProcessError):  # somebody else here ignores or collects children
            status = os.waitpid(child, 0)[1]
    if answer is None:
        raise Stopped(_too_late(waiting=True))
    if not answer.endswith(b"\n"):
        took_long = time.monotonic() - start >= CPU_SECONDS
        if took_long if status is None else os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
            raise Stopped(_too_late())
        raise Stopped(f"ended the whole process{_how(status)}; look for exit() and the like.")
    result, why = json.loads(answer)
    if why:
        raise Stopped(why)
    return result


def _read_line(reading: int, deadline: float) -> bytes | None:
    """Return what comes out of a pipe until a line ends or nobody writes any more; None if that takes too long."""
    line, pipe = b"", select.poll()
    pipe.register(reading, select.POLLIN)
    while not line.endswith(b"\n"):
        if not pipe.poll(max(0, deadline - time.monotonic()) * 1000):
            return None
        part = os.read(reading, 65536)
        if not part:
            break
        line += part
    return line


def _how(status: int | None) -> str:
    """Return how a process ended, in brackets."""
    code = -signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:  # our own, perhaps
        return ""
    return f" ({signal.strsignal(-code)})" if code < 0 else f" (exit code {code})"


def _too_late(waiting: bool = False) -> str:
    """Return which limit was reached."""
    if not waiting:
        return f"was stopped, it computed for {CPU_SECONDS:g} s. Is there a loop that never ends?"
    return (
        f"was stopped, it was not done after {WAITING_SECONDS:g} s, of which it computed less than {CPU_SECONDS:g} s. "
        "Does it wait for something, or is the machine very busy?"
    )


def _in_this_process(function: Callable[[], Any]) -> Any:
    """Run `function` here, and let another thread stop it when it runs too long."""
    done, why = threading.Event(), []
    watchdog = threading.Thread(target=_stop_when_late, args=(threading.get_ident(), done, why), daemon=True)
    with _usual_settings():
        with contextlib.suppress(RuntimeError):  # the system refuses another thread: there is no limit then
            watchdog.start()
        try:
            return function()
        except _TooLate:
            raise Stopped(why[0]) from None
        except MemoryError:
            raise Stopped("was stopped, it wanted more memory than there is.") from None
        except (Exception, KeyboardInterrupt):  # a mistake in a check, or the learner's own Stop
            raise
        except BaseException as error:
            raise Stopped(f"raised {type(error).__name__}") from None
        finally:
            done.set()
            with contextlib.suppress(_TooLate, RuntimeError):  # one that was on its way; a thread that never started
                watchdog.join(0.2)


def _stop_when_late(thread: int, done: threading.Event, why: list[str]) -> None:
    """Raise `_TooLate` in a thread, again and again, once a limit is reached and until it is done."""
    import ctypes

    start, computed = time.monotonic(), time.process_time()
    while not done.wait(0.05):
        waited_too_long = time.monotonic() - start > WAITING_SECONDS
        if waited_too_long or time.process_time() - computed > CPU_SECONDS:
            why.append(_too_late(waited_too_long))
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_TooLate))


@contextlib.contextmanager
def _usual_settings() -> Iterator[None]:
    """Run what is below `with` in one thread, under PyTorch's usual settings, unheard; then put all of them back."""
    with contextlib.ExitStack() as stack:
        for read, write in _settings():
            stack.callback(write, read())
        stack.callback(setattr, torch, "set_num_threads", torch.set_num_threads)
        torch.set_num_threads(1)  # in a fork the threads of the parent do not exist
        torch.set_num_threads = lambda count: None  # and one that is given threads again waits for them for ever
        torch.set_default_dtype(torch.float32)
        _set_default_device(torch.device("cpu"))
        torch.set_grad_enabled(True)
        torch.set_deterministic_debug_mode(0)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # a warning is not a mistake
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        if notebook_shell():
            from IPython.utils.capture import capture_output

            stack.enter_context(capture_output())  # what is shown, too
        yield


def _settings() -> Iterator[tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """Yield how to read, and how to write, what code may change for all code after it."""
    yield torch.get_num_threads, torch.set_num_threads
    yield torch.get_default_dtype, torch.set_default_dtype
    yield _default_device, _set_default_device
    yield torch.is_grad_enabled, torch.set_grad_enabled
    yield torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode
    yield torch.get_rng_state, torch.set_rng_state
    yield random.getstate, random.setstate
    yield np.random.get_state, np.random.set_state
    if torch.cuda.is_initialized():
        yield torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all
    if torch.backends.mps.is_available():
        yield torch.mps.get_rng_state, torch.mps.set_rng_state


def _default_device() -> torch.device:
    """Return where tensors are made; in PyTorch 2.8, `torch.get_default_device` fails once a default was taken back."""
    return torch.empty(0).device


def _set_default_device(device: torch.device) -> None:
    """Make tensors on this device by default; the processor is what PyTorch takes if it is told nothing."""
    if device != _default_device():
        torch.set_default_device(None if device.type == "cpu" else device)
