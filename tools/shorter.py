"""Make the edition that `make test` runs: with answers, and with fewer seeds or epochs where a page takes long.

    python tools/shorter.py   # editions/shorter

A notebook that is not in `SHORTER` is run as it is. In one that is, settings alone are replaced: every claim has to
hold with them too, and every output that is compared has to be the recorded one, but for the number of seeds in the
verdict on a claim. `make test-full` runs all notebooks with the settings that their readers see.
"""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import exercises
import nbformat
from nbformat import NotebookNode

SHORTER: dict[str, dict[str, str]] = {
    "02_degradation": {"seeds": "(0,)"},
    "04_gradient_flow": {"seeds": "(0,)"},
    "07_training_loop": {"seeds": "(0,)"},
    "08_training_resnet18": {"seeds": "(0,)", "num_epochs": "2"},
    "09_reading_the_results": {"seeds": "(0,)", "draws": "(0,)", "surface_side": "5"},
    "10_faster_training": {"seeds": "(0,)"},
    "11_resnet_family": {"seeds": "(0,)"},
    "12_detection": {"seeds": "(0,)"},
    "13_sound": {"seeds": "(0,)"},
    "17_why_depth_hurts": {"seeds": "(1, 2)"},  # of one seed alone a scaled net may not learn, on some processor
    "19_block_variants": {"seeds": "(0,)"},
    "20_two_borrowed_scripts": {"seeds": "(0,)"},
}
"""For each notebook that takes long, the settings to run it with; a value is an expression of Python."""


def shorten(notebook: NotebookNode, settings: dict[str, str]) -> None:
    """Replace these settings in the notebook's cell `parameters`, and the number of seeds in recorded verdicts.

    Raises
    ------
    ValueError
        If the notebook does not assign one of them there, on a line of its own.
    """
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    for name, value in settings.items():
        assignment = re.compile(rf"^{name} = .*?(?=  #|$)", flags=re.MULTILINE)
        if len(assignment.findall(parameters.source)) != 1:
            raise ValueError(f"`parameters` has to set {name} on a line of its own; the cell is:\n{parameters.source}")
        parameters.source = assignment.sub(lambda _: f"{name} = {value}", parameters.source)
    if "seeds" in settings:
        count = len(ast.literal_eval(settings["seeds"]))
        verdict = f"Holds for {count} of {count} seeds:" if count > 1 else "Holds:"
        for cell in notebook.cells:
            for data in (output.get("data", {}) for output in cell.get("outputs", [])):
                for kind in set(data) & {"text/plain", "text/html"}:
                    data[kind] = re.sub(r"Holds for (\d+) of \1 seeds:", verdict, data[kind])


def make_edition(folder: Path = exercises.EDITIONS) -> Path:
    """Write all notebooks, with answers and the settings in `SHORTER`; return their folder."""
    folder = folder / "shorter"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted(exercises.NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        exercises.fill(notebook)
        if path.stem in SHORTER:
            shorten(notebook, SHORTER[path.stem])
        nbformat.write(notebook, folder / path.name)
    return folder


if __name__ == "__main__":
    print(make_edition().relative_to(exercises.ROOT))
