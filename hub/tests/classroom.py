"""A class on the hub, in the machine that `machine.sh` makes: the accounts, the service, and everybody at once."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from learner import HUB, Learner

COURSE = Path(__file__).resolve().parents[2]
NOTEBOOK = "my_notebooks/01_function_classes.ipynb"
HEADING = re.compile(r"### Exercise (\d+\.\d+):")
NAMES = ["mia", "noor", "sam", "ana", "ben", "eva", "ida", "jan", "lea", "max", "tom", "zoe"]


def command(*words: Any) -> str:
    """Run a command as root; return what it prints."""
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def accounts(*options: str) -> dict[str, str]:
    """Make accounts, or renew them; return the passwords."""
    printed = command(sys.executable, COURSE / "hub" / "accounts.py", "--megabytes=60", *options)
    return dict(line.split() for line in printed.splitlines())


def open_the_hub() -> None:
    """Start the hub as HUB.md says, and wait until its page is there."""
    command("make", "-C", COURSE, "hub")
    wait_for_the_hub()


def wait_for_the_hub() -> None:
    """Wait until the hub's page for logging in is there."""
    for _ in range(600):
        try:
            if requests.get(f"{HUB}/hub/login").ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the hub did not start:\n" + command("journalctl", "--no-pager", "-n", 50, "-u", "class-hub"))


def at_once(act: Callable[[Learner], Any], learners: Iterable[Learner]) -> list[Any]:
    """Let all of them do something at the same time; return what each got."""
    learners = list(learners)
    with ThreadPoolExecutor(len(learners)) as everybody:
        return list(everybody.map(act, learners))


def come_in(learner: Learner) -> None:
    """Log in, and start the server."""
    status = learner.log_in()
    assert status == 302, f"{learner.name} could not log in: {status}"
    learner.start_server()


def exercise_cells(notebook: dict[str, Any]) -> dict[str, int]:
    """Return where in a notebook each exercise is answered."""
    cells, asked = {}, ""
    for position, cell in enumerate(notebook["cells"]):
        heading = HEADING.match(cell["source"]) if cell["cell_type"] == "markdown" else None
        asked = heading[1] if heading else asked
        if "exercise" in cell["metadata"].get("tags", []):
            cells[asked] = position
    return cells
