"""One output of a notebook cell that is redrawn in place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

MimeBundle = tuple[dict[str, Any], dict[str, Any]]
"""Representations of one output by MIME type, and the metadata of each."""


class LiveOutput:
    """Show something in a notebook and redraw it in place, as often as it is worth the time.

    The output keeps its place through one display handle, so what was printed before it stays. The
    last state is drawn when the cell ends, however it ends, and is what the notebook records.
    Outside a notebook nothing is shown.

    Parameters
    ----------
    render : callable
        Returns the present state: data by MIME type, and metadata.
    """

    SHORTEST_PAUSE = 0.2
    """Seconds between two redraws, at least."""
    PAUSE_IN_COSTS = 10
    """Seconds between two redraws, in multiples of what the last one took: at most a tenth of the time goes there."""

    def __init__(self, render: Callable[[], MimeBundle]) -> None:
        self.render = render
        self.redraws = 0
        self._handle: Any = None
        self._next_redraw = 0.0
        self._waiting_for_cell_end = False

    def changed(self) -> None:
        """Say that there is a new state: it is drawn now if it is time, else when the cell ends, at the latest."""
        if notebook_shell() is None:
            return
        if time.perf_counter() >= self._next_redraw:
            self.draw()
        else:
            self._wait_for_cell_end()

    def draw(self) -> None:
        """Draw the present state now."""
        shell = notebook_shell()
        if shell is None:
            return
        from IPython.display import display

        self._stop_waiting()
        started = time.perf_counter()
        data, metadata = self.render()
        if self._handle is None:
            self._handle = display(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)
        self.redraws += 1
        now = time.perf_counter()
        self._next_redraw = now + max(self.SHORTEST_PAUSE, self.PAUSE_IN_COSTS * (now - started))

    def _wait_for_cell_end(self) -> None:
        if not self._waiting_for_cell_end:
            notebook_shell().events.register("post_run_cell", self._at_cell_end)
            self._waiting_for_cell_end = True

    def _stop_waiting(self) -> None:
        if self._waiting_for_cell_end:
            notebook_shell().events.unregister("post_run_cell", self._at_cell_end)
            self._waiting_for_cell_end = False

    def _at_cell_end(self, *_: Any) -> None:
        self.draw()


def notebook_shell() -> Any | None:
    """Return IPython's shell if this program runs in a notebook (JupyterLab, Colab, VS Code), else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if hasattr(shell, "kernel") else None
