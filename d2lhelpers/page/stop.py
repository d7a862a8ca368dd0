"""The learner's Stop: a stopped training ends its cell's other trainings too, and what is made from it says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from d2lhelpers.page.live_output import notebook_shell

_stopped = False


def remember_stop() -> None:
    """Note that a training was stopped in this cell; the next cell knows nothing of it.

    Outside a notebook nothing is noted, since there no cell says where a program would have to end.
    """
    global _stopped
    shell = notebook_shell()
    if shell is not None and not _stopped:
        _stopped = True
        shell.events.register("pre_run_cell", _forget)


class Stoppable:
    """A training of your own that the learner may stop: the body of a `with` then ends early, and no error follows.

    Attributes
    ----------
    interrupted : bool
        Whether the body did not come to its end: true until it has, and for ever if the learner stopped it.

    Raises
    ------
    KeyboardInterrupt
        On entering, if another training was stopped in the same cell of a notebook.

    Examples
    --------
    >>> run = Stoppable()
    >>> with run:
    ...     total = sum(range(10))
    >>> run.interrupted
    False
    """

    def __init__(self) -> None:
        self.interrupted = True

    def __enter__(self) -> Stoppable:
        end_cell_if_stopped()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> bool:
        self.interrupted = kind is not None
        if kind is KeyboardInterrupt:
            remember_stop()
        return kind is KeyboardInterrupt


def end_cell_if_stopped() -> None:
    """Raise a KeyboardInterrupt if a training was stopped in this cell; called where a training begins."""
    if _stopped:
        raise KeyboardInterrupt("a training of this cell was stopped, so its other trainings do not begin")


def _forget(*_: Any) -> None:
    global _stopped
    _stopped = False
    notebook_shell().events.unregister("pre_run_cell", _forget)


def any_interrupted(runs: Any) -> bool:
    """Tell whether a training was interrupted.

    Parameters
    ----------
    runs : object, iterable, mapping or None
        A history with an attribute `interrupted`; or several, also as the values of a mapping.

    Raises
    ------
    TypeError
        If something in it is no history.
    """
    if runs is None:
        return False
    if hasattr(runs, "interrupted"):
        return bool(runs.interrupted)
    if isinstance(runs, str) or not isinstance(runs, Iterable):
        raise TypeError(f"runs must be one history or several, each with `interrupted`; got {runs!r}")
    return any(any_interrupted(run) for run in (runs.values() if isinstance(runs, Mapping) else runs))
