"""A stopwatch that remembers every lap."""

from __future__ import annotations

import itertools
import time


class Timer:
    """Record running times in seconds, on a clock that is never set back.

    Attributes
    ----------
    times : list of float
        One entry for each `stop`.

    References
    ----------
    *Dive into Deep Learning*, section "Linear Regression", has the class of this name; its clock is
    the wall clock, which jumps when the computer's time is corrected.
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Start the timer; a new Timer runs already."""
        self.started = time.perf_counter()

    def stop(self) -> float:
        """Record the time since `start`, and return it in seconds."""
        self.times.append(time.perf_counter() - self.started)
        return self.times[-1]

    def avg(self) -> float:
        """Return the mean of the recorded times in seconds.

        Raises
        ------
        ValueError
            If nothing has been recorded.
        """
        if not self.times:
            raise ValueError("no time has been recorded yet; call stop() first")
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """Return the sum of the recorded times in seconds."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Return the running sums of the recorded times in seconds."""
        return list(itertools.accumulate(self.times))
