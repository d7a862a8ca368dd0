"""One output of a notebook cell that is redrawn in place."""

from __future__ import annotations

import functools
import html
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

MimeBundle = tuple[dict[str, Any], dict[str, Any]]
"""Representations of one output by MIME type, and the metadata of each."""


class LiveOutput:
    """Show something in a notebook and redraw it in place, as often as it is worth the time.

    It appears where a print would appear: in the cell that runs, or in the ipywidgets Output that
    captures what the cell shows. What was printed before it stays. Where it was erased by
    `clear_output`, or another cell goes on with it, it is shown anew.

    The last state is drawn when the cell ends, however it ends, and is what the notebook records.
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
        self._place: Any = None
        self._handle: Any = None  # changes what is shown there; None if nothing is
        self._up_to_date = False
        self._next_redraw = 0.0
        self._waiting_for_cell_end = False

    def changed(self) -> None:
        """Say that there is a new state: it is drawn now if it is time, else when the cell ends, at the latest."""
        shell = notebook_shell()
        if shell is None:
            return
        self._up_to_date = False
        self._look_where_to_show(shell)
        if not self._waiting_for_cell_end:
            # Unlike post_run_cell, this event comes after the callback of a widget, too.
            shell.events.register("post_execute", self._at_cell_end)
            self._waiting_for_cell_end = True
        if time.perf_counter() >= self._next_redraw:
            self._redraw(shell)

    def draw(self) -> None:
        """Draw the present state now."""
        shell = notebook_shell()
        if shell is None:
            return
        self._stop_waiting(shell)
        self._look_where_to_show(shell)
        self._redraw(shell)

    def _look_where_to_show(self, shell: Any) -> None:
        """Forget what is shown if a print would now appear somewhere else; a thread stays where it began."""
        if self._handle is None or threading.current_thread() is threading.main_thread():
            place = _place_of_prints(shell)
            if place is not None and place != self._place:
                self._place, self._handle = place, None

    def _redraw(self, shell: Any) -> None:
        started = time.perf_counter()
        data, metadata = self.render()
        if self._handle is not None:
            self._handle.update(data, metadata=metadata, raw=True)
        else:
            self._handle = _displayed(data, metadata, self._place)
            _watch_for_clearing(self, shell)
        self._up_to_date = True
        self.redraws += 1
        now = time.perf_counter()
        self._next_redraw = now + max(self.SHORTEST_PAUSE, self.PAUSE_IN_COSTS * (now - started))

    def _stop_waiting(self, shell: Any) -> None:
        if self._waiting_for_cell_end:
            shell.events.unregister("post_execute", self._at_cell_end)
            self._waiting_for_cell_end = False

    def _at_cell_end(self) -> None:
        shell = notebook_shell()
        self._stop_waiting(shell)
        if self._handle is None or not self._up_to_date:
            self._redraw(shell)


class _WidgetHandle:
    """Change what an ipywidgets Output shows: a widget inside it, since it drops updates of a display."""

    def __init__(self, data: dict[str, Any], output: Any) -> None:
        from IPython.display import display
        from ipywidgets import HTML

        self.widget = HTML(_as_html(data))
        with output:
            display(self.widget)

    def update(self, data: dict[str, Any], **_: Any) -> None:
        self.widget.value = _as_html(data)


def _displayed(data: dict[str, Any], metadata: dict[str, Any], place: Any) -> Any:
    """Show something, and return the handle that changes it."""
    from IPython.display import display

    if place is None or isinstance(place, str):
        return display(data, metadata=metadata, raw=True, display_id=True)
    return _WidgetHandle(data, place)


def _as_html(data: dict[str, Any]) -> str:
    return data.get("text/html") or f"<pre>{html.escape(data['text/plain'])}</pre>"


def _place_of_prints(shell: Any) -> Any:
    """Return where a print appears now: the Output widget that captures, the id of the cell's run, or None."""
    request = getattr(shell.display_pub, "parent_header", {})
    widgets = sys.modules.get("ipywidgets")
    if widgets is not None:
        module = widgets.widgets.widget
        known = module._instances if hasattr(module, "_instances") else module.Widget.widgets  # before ipywidgets 8
        for widget in list(known.values()):
            if isinstance(widget, widgets.Output) and widget.msg_id and widget.msg_id == request.get("msg_id"):
                return widget
    return request.get("msg_id") if request.get("msg_type") == "execute_request" else None


_shown: weakref.WeakSet[LiveOutput] = weakref.WeakSet()


def _watch_for_clearing(output: LiveOutput, shell: Any) -> None:
    """Let an output know when `clear_output` erases it; ipykernel has a hook for this, but not yet in Colab."""
    _shown.add(output)
    clear_output = shell.display_pub.clear_output
    if hasattr(clear_output, "__wrapped__"):
        return

    @functools.wraps(clear_output)
    def clear_and_tell(*args: Any, **options: Any) -> None:
        clear_output(*args, **options)
        place = _place_of_prints(shell)
        for shown in list(_shown):
            if shown._place == place:
                shown._handle = None

    shell.display_pub.clear_output = clear_and_tell


def notebook_shell() -> Any | None:
    """Return IPython's shell if this program runs in a notebook (JupyterLab, Colab, VS Code), else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if hasattr(shell, "kernel") else None
