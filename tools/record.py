"""Run notebooks and store their outputs, so that they can be read without running.

    python tools/record.py [notebooks/01_function_classes.ipynb ...]

Without names, all of them, and the versions that did it are written into `recorded-versions.txt`. What
depends on the moment (execution times, the state of widgets, the patch level of Python) is left out, so
that recording again changes nothing but the outputs.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import lock
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}
"""Metadata that folds a cell's code away, in Colab and in JupyterLab."""

WIDGET = "application/vnd.jupyter.widget-view+json"


def record(path: Path) -> float:
    """Run one notebook, write it back with its outputs, and return the seconds it took."""
    os.environ["D2LHELPERS_CLAIMS"] = "strict"  # a notebook whose claims do not hold is not recorded
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    started = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - started
    tidy(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return seconds


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Remove from a notebook what is not for its readers."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03}"
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata.update(FOLDED)
        if cell.cell_type == "code":
            # A widget leaves no picture on a page that nobody runs; the figure beside it does.
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]


def main(names: list[str]) -> None:
    """Record the notebooks named, or all."""
    paths = [Path(name) for name in names] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in paths:
        print(f"{path.name:34}", end="", flush=True)
        print(f"{record(path):6.1f} s")
    if not names:
        lock.main()
    elif differences := lock.differences():
        print(f"The other notebooks were recorded with other versions than these: {', '.join(differences)}.\n"
              "Record all of them, or install with -c recorded-versions.txt.")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
