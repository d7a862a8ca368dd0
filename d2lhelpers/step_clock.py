"""How long training steps take, measured without making the program wait for its device."""

from __future__ import annotations

import time
from typing import Any

import torch

SHORTEST_LOOK = 1.0
"""Seconds of steps after which it is worth comparing processor time with time."""

LEAST_SHARE = 0.75
"""Threads that get less of a processor than this wait: undisturbed, two get .99 each, beside one busy program .63."""


class StepClock:
    """Add up the seconds between `start` and `stop`.

    On a CPU these are read off the clock. On CUDA they are events in the card's own queue of work. Other
    accelerators, such as Apple's MPS, are waited for once, when somebody asks for the sum; there everything
    between the first `start` and that question is counted, loading too.

    On a CPU it also compares processor time with time, once, and prints a line if PyTorch's threads wait:
    beside busy programs two threads can be several times slower than one.

    Parameters
    ----------
    device : torch.device
        Where the steps compute.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._total = self._processor_total = 0.0
        self._started: Any = None
        self._events: list[tuple[torch.Event, torch.Event]] = []
        self._after_first: tuple[float, float] | None = None
        self._has_looked = False

    def start(self) -> None:
        """Begin a step."""
        if self.device.type == "cuda":
            self._started = self._event()
        elif self._started is None:
            self._started = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """End a step."""
        if self.device.type == "cuda":
            self._events.append((self._started, self._event()))
        elif self.device.type == "cpu":
            self._add_up()
            self._look_at_threads()

    def seconds(self) -> float:
        """Return the seconds of all steps so far; wait for the device if need be."""
        if self._events:
            self._events[-1][1].synchronize()
            self._total += sum(start.elapsed_time(end) for start, end in self._events) / 1000
            self._events.clear()
        elif self.device.type not in ("cpu", "cuda") and self._started is not None:
            torch.get_device_module(self.device).synchronize()
            self._add_up()
        return self._total

    def _add_up(self) -> None:
        started, processor_started = self._started
        self._total += time.perf_counter() - started
        self._processor_total += time.process_time() - processor_started
        self._started = None

    def _event(self) -> torch.Event:
        """Return a point in the queue of this very card, which need not be the current one."""
        event = torch.Event(self.device, enable_timing=True)
        event.record(torch.accelerator.current_stream(self.device))
        return event

    def _look_at_threads(self) -> None:
        now = self._total, self._processor_total
        if self._after_first is None:  # the first step prepares much, in one thread
            self._after_first = now
        seconds, processor_seconds = (b - a for a, b in zip(self._after_first, now))
        threads = torch.get_num_threads()
        if self._has_looked or threads == 1 or seconds < SHORTEST_LOOK:
            return
        self._has_looked = True
        if processor_seconds < LEAST_SHARE * threads * seconds:
            print(
                f"PyTorch's {threads} threads get {processor_seconds / seconds:.1f} processors: they wait, for other "
                "programs or for each other. One thread may be several times faster then: torch.set_num_threads(1), "
                "before a training"
            )
