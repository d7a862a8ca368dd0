"""A line of text that says how far a long computation is."""

from __future__ import annotations

import sys

from d2lhelpers.page.live_output import LiveOutput, MimeBundle, notebook_shell


class ProgressLine:
    """Show one line and change it in place: in a notebook's output, or on a terminal."""

    def __init__(self) -> None:
        self.text = ""
        self._output = LiveOutput(self._render)

    def show(self, text: str) -> None:
        """Replace the line; in a notebook at most five times a second."""
        self.text = text
        self._output.changed()
        self._show_on_terminal()

    def finish(self, text: str) -> None:
        """Replace the line for the last time."""
        self.text = text
        self._output.draw()
        self._show_on_terminal(end="\n")

    def _render(self) -> MimeBundle:
        return {"text/plain": self.text}, {}

    def _show_on_terminal(self, end: str = "") -> None:
        if notebook_shell() is None and sys.stdout.isatty():
            print(f"\r\033[K{self.text}", end=end, flush=True)
