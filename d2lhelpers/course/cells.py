"""What became of a notebook's cell that defines an answer: it may have failed, or have been edited since it ran."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from d2lhelpers.page.live_output import notebook_shell

DEFINITION = re.compile(r"^(?:(?:async +)?def|class) +(\w+)|^(\w+(?: *, *\w+)*) *(?::[^=\n]+)?=(?!=)", re.M)


class Run(NamedTuple):
    """The last run of a cell that defines a name."""

    source: str
    ended: float  # seconds since 1970
    error: str  # if it failed before it had defined the name
    value: int  # the identity of what the name stood for then


_runs: dict[str, Run] = {}
_before: dict[str, int] = {}


def listen() -> None:
    """Note from now on what becomes of each cell, if this is a notebook."""
    shell = notebook_shell()
    if shell:
        shell.events.register("pre_run_cell", _before_a_cell)
        shell.events.register("post_run_cell", _after_a_cell)


def failed(names: Iterable[str]) -> str:
    """Return which of these names is older than the cell that should have defined it; nothing if none is."""
    for name in names:
        run = _runs.get(name)
        if run and run.error and run.value == _value_of(name):
            cause = f"the cell that defines {name} failed ({run.error}), so {name} is not what it says"
            return f"{cause}. Fix it, run it, and check again."
    return ""


def edited(names: Iterable[str]) -> str:
    """Return which of these names the notebook's file defines otherwise, if one can see it; nothing if none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        path = Path(os.environ["JPY_SESSION_NAME"])  # Jupyter's server sets it
        saved = path.stat().st_mtime
        runs = {name: _runs[name] for name in names if name in _runs and _runs[name].ended < saved}
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if runs else []
        sources = ["".join(cell["source"]).strip() for cell in cells if cell["cell_type"] == "code"]
        for name, run in runs.items():
            if run.source not in sources and any(name in _names(source) for source in sources):
                return f"The cell that defines {name} has been edited since it ran: run it, and check again."
    return ""


def _before_a_cell(info: Any) -> None:
    _before.clear()
    _before.update({name: _value_of(name) for name in _names(info.raw_cell)})


def _after_a_cell(result: Any) -> None:
    source, error = result.info.raw_cell.strip(), result.error_before_exec or result.error_in_exec
    for name in _names(source):
        is_old = error is not None and _before.get(name) == _value_of(name)
        if not (is_old and name in _runs and _runs[name].source == source):  # 7 is 7, also when it is assigned again
            _runs[name] = Run(source, time.time(), type(error).__name__ if is_old else "", _value_of(name))


def _names(source: str) -> list[str]:
    """Return what code defines or assigns at its top level; it need not be right."""
    return [name for match in DEFINITION.finditer(source) for name in re.findall(r"\w+", match[1] or match[2])]


def _value_of(name: str) -> int:
    return id(notebook_shell().user_ns.get(name))
