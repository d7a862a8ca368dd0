"""Measure what learners on the hub cost who all run notebook 01 at once, and write the table into HUB.md.

`make hub-cost` runs it in the machine that `machine.sh` makes. The times mean something on a quiet machine only.
"""

from __future__ import annotations

import os
import platform
import pwd
import re
import time
from datetime import date
from pathlib import Path

from classroom import COURSE, NAMES, NOTEBOOK, accounts, at_once, come_in, open_the_hub
from learner import Learner

from d2lhelpers.device import processor_name

NUMBERS = (1, 4, 12)
GUIDE = COURSE / "hub" / "HUB.md"
MARKS = ("<!-- measured by make hub-cost -->", "<!-- end of what was measured -->")


def megabytes(names: list[str]) -> float:
    """Return the memory of all processes of these users: what is shared counts in parts (proportional set size)."""
    users, total = {pwd.getpwnam(name).pw_uid for name in names}, 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid in users:
                total += int(re.search(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return total / 1024


def processor_seconds(names: list[str]) -> float:
    """Return the processor time that all processes of these users have taken, ended children included."""
    users, ticks = {pwd.getpwnam(name).pw_uid for name in names}, 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid in users:
                ticks += sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(learners: list[Learner]) -> list[float]:
    """Let them log in, then run the notebook, all at once; return what it cost, and stop their servers."""
    names, started = [learner.name for learner in learners], time.monotonic()
    at_once(come_in, learners)
    came_in, servers = time.monotonic() - started, megabytes(names)
    started = time.monotonic()
    at_once(lambda learner: learner.run(NOTEBOOK), learners)
    ran, memory, processor = time.monotonic() - started, megabytes(names), processor_seconds(names)
    at_once(Learner.stop_server, learners)
    return [len(learners), servers, memory, came_in, ran, processor / len(learners)]


def line_through(rows: list[list[float]]) -> tuple[float, float]:
    """Return the intercept and the slope of the least squares line of the memory over the number of learners."""
    xs, ys = [row[0] for row in rows], [row[2] for row in rows]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)
    return y - slope * x, slope


def table(rows: list[list[float]]) -> str:
    """Return what was measured, and how many learners a machine carries by the rule that HUB.md states."""
    once, each = line_through(rows)
    seconds = rows[-1][5]
    lines = [
        "| learners at once | servers (MB) | with a kernel that has run 01 (MB) | until all had a server (s) "
        "| until all had run 01 (s) | processor time of each (s) |",
        "|---|---|---|---|---|---|",
        *("| " + " | ".join(f"{value:,.0f}" for value in row) + " |" for row in rows),
        "",
        f"Measured on {date.today():%B %-d, %Y}, on {os.cpu_count()} processors ({processor_name()}) with "
        f"{_memory() / 1024:.0f} GB, Python {platform.python_version()}, `OMP_NUM_THREADS=1`. "
        f"The line through the memory: {once:,.0f} MB once, and {each:,.0f} MB for each learner.",
        "",
        "| this machine | carries, one notebook open | carries, two open | runs 01 for all of them in (min) |",
        "|---|---|---|---|",
    ]
    for processors, gigabytes in ((2, 8), (2, 16), (4, 16), (8, 32), (16, 64), (32, 128)):
        room = 0.85 * gigabytes * 1024 - once - 2048
        one = int(room / each)
        two = int(room / (2 * each - rows[-1][1] / rows[-1][0]))
        lines.append(
            f"| {processors} processors, {gigabytes} GB | {one} | {two} | {one * seconds / processors / 60:.0f} |"
        )
    return "\n".join(lines)


def _memory() -> float:
    return int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 1024


def main() -> None:
    """Measure, and write."""
    passwords = accounts(*NAMES)
    open_the_hub()
    rows = []
    for number in NUMBERS:
        rows.append(measure([Learner(name, passwords[name]) for name in NAMES[:number]]))
        print(" ".join(f"{value:.1f}" for value in rows[-1]), flush=True)
    text = GUIDE.read_text(encoding="utf-8")
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    GUIDE.write_text(f"{before}{MARKS[0]}\n\n{table(rows)}\n\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
