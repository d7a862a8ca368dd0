"""Run notebooks with other seeds and settings, and write down which claims hold.

    python tools/seeds.py [02_degradation ...]

What to run is in `RUNS`. A notebook's settings are in its cell with the tag `parameters`; below it, this puts a cell
that sets others. The verdicts of all claims go into `EVIDENCE.md`, a table for each notebook.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from pathlib import Path

import contents
import nbformat
import torch
from nbclient import NotebookClient

from d2lhelpers.device import processor_name

ROOT = Path(__file__).parent.parent
EVIDENCE = ROOT / "EVIDENCE.md"
VERDICT = re.compile(r"(Holds|Does not hold|Not decided|Not shown)(?:.*? for (\d+ of \d+) (\w+))?[^:]*: (.*)\.")
TEN_SEEDS = "tuple(range(10))"

RUNS: dict[str, dict[str, dict[str, str]]] = {
    "00_start_here": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "fewer steps": {"num_steps": "10"},
    },
    "01_function_classes": {
        "ten seeds": {"seeds": TEN_SEEDS, "noise_seeds": "tuple(range(30))"},
        "lower rate": {"lr": "0.01"},
    },
    "02_degradation": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "higher rate": {"lr": "0.1"},
    },
    "04_gradient_flow": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "lower rate": {"lr": "0.01"},
    },
    "05_resnet18_shapes": {"ten seeds": {"seeds": TEN_SEEDS}},
    "06_fashion_mnist": {"ten seeds": {"seeds": TEN_SEEDS}},
    "07_training_loop": {"ten seeds": {"seeds": TEN_SEEDS}},
    "08_training_resnet18": {
        "ten seeds, three epochs": {"seeds": TEN_SEEDS, "num_epochs": "3"},
        "other seeds": {"seeds": "(10, 11, 12)", "main_seed": "1"},
    },
    "09_reading_the_results": {
        "ten draws": {"draws": TEN_SEEDS},
        "ten bins of certainty": {"num_bins": "10"},
    },
    "10_faster_training": {"ten seeds": {"seeds": TEN_SEEDS}, "a whole epoch": {"share": "1.0"}},
    "11_resnet_family": {"ten seeds": {"seeds": TEN_SEEDS}, "more steps": {"num_steps": "300"}},
    "12_detection": {
        "other seeds": {"seeds": "(3, 4, 5)"},
        "longer short trainings": {"num_steps": "300"},
    },
    "13_sound": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "half the epochs": {"num_epochs": "12"},
    },
    "14_keras": {"ten seeds": {"seeds": TEN_SEEDS}, "lower rate": {"lr": "0.01"}},
    "15_bug_museum": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "lower rate": {"lr": "0.02"},
    },
    "16_shortcuts_up_close": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "lower rate": {"lr": "0.02"},
    },
    "17_why_depth_hurts": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "larger share, no momentum": {"share": "0.01", "momentum": "0.0"},
    },
    "18_receptive_fields": {"ten seeds": {"seeds": TEN_SEEDS}},
    "19_block_variants": {"ten seeds": {"seeds": TEN_SEEDS}, "high rate .2": {"high_rate": "0.2"}},
    "20_two_borrowed_scripts": {
        "ten seeds": {"seeds": TEN_SEEDS},
        "higher rate for the digits": {"digit_rate": "0.003"},
    },
}
"""For each notebook, groups of settings by title; a value is an expression of Python."""

HEAD = """# Evidence

Which claims of the notebooks hold with more seeds, and with settings other than the page's. ✓ holds, ✗ does not;
a fraction counts seeds (or cases); a claim that draws seeds of its own keeps their number. Made by `make seeds`.
Notebook 03 is not here: nothing in it depends on a seed.
"""


def main(names: list[str]) -> None:
    """Run the notebooks named, or all that have runs, and replace their sections."""
    sections = read_sections()
    for name in names or RUNS:
        sections[name] = section(name, RUNS[name])
        text = "\n".join([HEAD, *(sections[key] for key in sorted(sections))])
        EVIDENCE.write_text(text, encoding="utf-8")


def read_sections() -> dict[str, str]:
    """Return the sections that `EVIDENCE.md` has, by notebook."""
    text = EVIDENCE.read_text(encoding="utf-8") if EVIDENCE.exists() else ""
    parts = re.split(r"^## ", text, flags=re.M)[1:]
    return {re.search(r"notebooks/(\w+)", part)[1]: f"## {part.strip()}\n" for part in parts}


def section(name: str, runs: dict[str, dict[str, str]]) -> str:
    """Run a notebook with each group of settings; return its section."""
    columns, notes = {}, []
    for title, settings in runs.items():
        started = time.perf_counter()
        columns[title], error = verdicts(ROOT / "notebooks" / f"{name}.ipynb", settings)
        print(f"{name:28}{title:28}{time.perf_counter() - started:6.0f} s", flush=True)
        notes += [f"With *{title}* a cell failed: `{error}`. What comes after it did not run."] if error else []
    statements = list(dict.fromkeys(statement for column in columns.values() for statement in column))
    rows = [[text, *(column.get(text, "not reached") for column in columns.values())] for text in statements]
    changes = "; ".join(
        f"*{title}*: " + ", ".join(f"`{key} = {value}`" for key, value in settings.items())
        for title, settings in runs.items()
    )
    machine = (
        f"{processor_name()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    table = [["claim", *columns], ["---"] * (1 + len(columns)), *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    title = f"[{name[:2]} {contents.TITLES[name[:2]]}](notebooks/{name}.ipynb)"
    return "\n".join([f"## {title}", "", f"{changes}. {machine}.", "", *lines, "", *notes]).rstrip() + "\n"


def verdicts(path: Path, settings: dict[str, str]) -> tuple[dict[str, str], str]:
    """Run a notebook with these settings; return the verdict on each claim, and the error that ended it if one did."""
    notebook = nbformat.read(path, as_version=4)
    places = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    if len(places) != 1:
        raise SystemExit(f"{path.name} has {len(places)} cells with the tag `parameters`; it needs one")
    assigned = re.findall(r"^(\w+) =", notebook.cells[places[0]].source, flags=re.M)
    unknown = set(settings) - set(assigned)
    if unknown:
        raise SystemExit(
            f"{path.name} does not set {', '.join(unknown)} in `parameters`; it sets {', '.join(assigned)}"
        )
    source = "\n".join(f"{key} = {value}" for key, value in settings.items())
    notebook.cells.insert(places[0] + 1, nbformat.v4.new_code_cell(source))
    for cell in notebook.cells:
        if {"exercise", "check", "exhibit"} & set(cell.metadata.get("tags", [])):
            cell.source = ""
    client = NotebookClient(
        notebook, timeout=7200, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    error = ""
    try:
        client.execute()
    except Exception as failure:  # a setting may be one that the page cannot run with: that is a result
        error = (str(failure).strip() or repr(failure)).splitlines()[-1]
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.get("outputs", [])]
    texts = ["".join(output.get("data", {}).get("text/plain", "")) for output in outputs]
    found = (VERDICT.match(text) for text in texts if "\nevidence: " in text)
    return {match[4]: _mark(match) for match in found if match}, error


def _mark(match: re.Match) -> str:
    """Return a verdict in short, such as ✓ 10 of 10."""
    sign = {"Holds": "✓", "Does not hold": "✗"}.get(match[1], "…")
    return f"{sign} {match[2]} {match[3]}" if match[2] else sign


if __name__ == "__main__":
    os.environ.pop("D2LHELPERS_CLAIMS", None)
    main(sys.argv[1:])
