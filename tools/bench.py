"""Measure how fast the course's helpers are beside the book's, on this machine.

    python tools/bench.py

The rival is the book's package d2l 1.0.3, whose code runs on current libraries once it is installed
without its pins; that is done in `.bench/`. Whatever is compared is measured in turn, in one run,
several times; the table gives median and range. Use it on a quiet machine.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient

import d2lhelpers
from d2lhelpers import speedrun, two_processes
from d2lhelpers.device import processor_name
from d2lhelpers.fashion_mnist import DATA_FOLDER

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"
BATCH_SIZE = 256


def main() -> None:
    """Measure everything and print the table."""
    print(f"{processor_name()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    book = import_book()
    lay_out_data()
    rows = []
    rows.append(compare("load 60,000 images at 28×28 (s)", lambda: load(book, None), lambda: load(d2lhelpers, None), 5))
    rows.append(compare("load 60,000 images at 96×96 (s)", lambda: load(book, 96), lambda: load(d2lhelpers, 96), 5))
    rows.append(compare_animators(rounds=5))
    rows.append(compare_training(book, rounds=3))
    print_table(rows, "the book | this course | gain")
    print_table([compare_processes(rounds=5)], "one process | two processes | gain")
    time_trainings(rounds=3)


Row = tuple[str, list[float], list[float], str]
"""What is measured, the values of either side, and the ratio as text."""


def compare(what: str, theirs: Callable[[], float], ours: Callable[[], float], rounds: int) -> Row:
    """Measure two things in turn, once to warm up and then `rounds` times; each returns seconds."""
    theirs(), ours()
    pairs = []
    for _ in range(rounds):
        pairs.append((theirs(), ours()))
        print(f"  {what}: {pairs[-1][0]:.3f} {pairs[-1][1]:.3f}", flush=True)
    book_seconds, our_seconds = (list(column) for column in zip(*pairs))
    return what, book_seconds, our_seconds, ratio_text([book / our for book, our in pairs])


def load(package, resize: int | None) -> float:
    """Return the seconds of one pass over the training images."""
    train_iter, _ = package.load_data_fashion_mnist(BATCH_SIZE, resize)
    started = time.perf_counter()
    for _ in train_iter:
        pass
    return time.perf_counter() - started


ANIMATOR_CELL = """
import json, sys, time
sys.path.insert(0, {bench!r})
import d2lhelpers
from d2l import torch as book

def sixty_points(animator):
    started = time.perf_counter()
    for i in range(60):
        animator.add(i / 5, (1 / (i + 1), i / 60, None if i % 5 else i / 70))
    getattr(animator, "draw", lambda: None)()
    return time.perf_counter() - started

names = ["train loss", "train acc", "test acc"]
pairs = [[sixty_points(package.Animator(xlabel="epoch", xlim=[1, 12], legend=names)) for package in (book, d2lhelpers)]
         for _ in range({rounds} + 1)]
unthrottled = d2lhelpers.Animator(xlabel="epoch", xlim=[1, 12], legend=names)
unthrottled._output.changed = unthrottled._output.draw
print(json.dumps([pairs[1:], sixty_points(unthrottled)]))
"""


def compare_animators(rounds: int) -> Row:
    """Draw 60 points with each Animator in a notebook's kernel."""
    cell = nbformat.v4.new_code_cell(ANIMATOR_CELL.format(bench=str(BENCH / "d2l"), rounds=rounds))
    NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3", timeout=600).execute()
    printed = "".join(output.get("text", "") for output in cell.outputs)
    pairs, unthrottled = json.loads(printed)
    print(f"  60 Animator points, every one of ours drawn at once: {unthrottled:.2f} s", flush=True)
    book_seconds, our_seconds = (list(column) for column in zip(*pairs))
    return "60 Animator points in a notebook (s)", book_seconds, our_seconds, ratio_text([b / o for b, o in pairs])


def compare_training(book, rounds: int) -> Row:
    """Return images/s of the training step for the book's ResNet-18 at 96×96, as each loop reports it."""
    train_iter, test_iter = d2lhelpers.load_data_fashion_mnist(BATCH_SIZE, 96, seed=0)
    batches, test_batches = list(itertools.islice(train_iter, 5)), list(itertools.islice(test_iter, 1))
    book.Animator = SilentAnimator

    def theirs() -> float:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            book.train_ch6(d2lhelpers.resnet18(), batches, test_batches, 1, 0.05, torch.device("cpu"))
        return float(re.search(r"([\d.]+) examples/sec", printed.getvalue()).group(1))

    def ours() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            history = d2lhelpers.train_ch6(d2lhelpers.resnet18(), batches, test_batches, 1, 0.05, "cpu")
        return history.step_images_per_second

    theirs(), ours()
    pairs = [(theirs(), ours()) for _ in range(rounds)]
    book_rates, our_rates = (list(column) for column in zip(*pairs))
    return "train ResNet-18 at 96×96 (images/s)", book_rates, our_rates, ratio_text([o / b for b, o in pairs])


def compare_processes(rounds: int) -> Row:
    """Return images/s of the book's ResNet-18 at 64×64 in one process and in two, each in one thread."""
    pairs = [tuple(two_processes.torchrun(processes)["images/s"] for processes in (1, 2)) for _ in range(rounds)]
    one, two = (list(column) for column in zip(*pairs))
    return "train ResNet-18 at 64×64 (images/s)", one, two, ratio_text([b / a for a, b in pairs])


def time_trainings(rounds: int) -> None:
    """Run notebook 08's first long training and the recipes by the clock, in turn; print what they took."""

    def by_the_clock(name: str, seed: int) -> tuple[float, float]:
        if name in speedrun.RECIPES:
            return speedrun.run(speedrun.RECIPES[name], seed, torch.device("cpu"))
        started = time.perf_counter()
        accuracy = run_recipe()
        return time.perf_counter() - started, accuracy

    names = ["notebook 08's 18 layers", *speedrun.RECIPES]
    results: list[dict[str, tuple[float, float]]] = []
    for seed in range(rounds):
        results.append({})
        for name in names:
            results[-1][name] = seconds, accuracy = by_the_clock(name, seed)
            print(f"  {name}, seed {seed}: {accuracy:.4f} after {seconds:.1f} s", flush=True)
    print("\n| training | seconds, median (range) | test accuracy, median (range) |\n|---|---|---|")
    for name in names:
        seconds, accuracies = zip(*(result[name] for result in results))
        print(f"| {name} | {speedrun.spread(seconds, 1)} | {speedrun.spread(accuracies, 4)} |")


def run_recipe() -> float:
    """Run the cells of notebook 08 that are tagged `recipe`, and return the test accuracy they reach."""
    notebook = nbformat.read(ROOT / "notebooks" / "08_training_resnet18.ipynb", as_version=4)
    names: dict = {"torch": torch, "d2l": d2lhelpers}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in notebook.cells:
            if "recipe" in cell.metadata.get("tags", []):
                exec(cell.source, names)  # noqa: S102 - our own notebook
    return names["history"].test_acc[-1]


class SilentAnimator:
    """Stands in for the book's Animator, whose drawing the book's images/s leave out."""

    def __init__(self, *_, **__) -> None:
        pass

    def add(self, x, y) -> None:
        """Do nothing."""


def import_book():
    """Install d2l 1.0.3 without its pins into `.bench/`, and import it."""
    target = BENCH / "d2l"
    if not target.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
        subprocess.run([*pip, "d2l==1.0.3", "scipy"], check=True)
    # In front of everything else only for this import: a d2l 0.17.0 may be installed too.
    sys.path.insert(0, str(target))
    from d2l import torch as book

    sys.path.remove(str(target))
    return book


def lay_out_data() -> None:
    """Put the data set where the book's loader looks for it, so that it does not download it."""
    raw = BENCH / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for path in DATA_FOLDER.glob("*.gz"):
        shutil.copy(path, raw)
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    work = BENCH / "work"
    work.mkdir(exist_ok=True)
    os.chdir(work)  # the book reads ../data


def ratio_text(ratios: list[float]) -> str:
    """Return median and range of ratios as text."""
    return f"**{statistics.median(ratios):.1f}×** ({min(ratios):.1f} to {max(ratios):.1f})"


def shown(values: list[float]) -> str:
    """Return median and range of values as text."""
    median = statistics.median(values)
    digits = 0 if median >= 100 else 1 if median >= 10 else 2 if median >= 1 else 3
    spread = f" ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{median:.{digits}f}{spread}"


def print_table(rows: list[Row], columns: str) -> None:
    """Print the rows as a Markdown table."""
    print(f"\n| median (range) | {columns} |\n|---|---|---|---|")
    for what, theirs, ours, ratio in rows:
        print(f"| {what} | {shown(theirs)} | {shown(ours)} | {ratio} |")


if __name__ == "__main__":
    main()
