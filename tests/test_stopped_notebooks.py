"""Whoever stops every training of a notebook can still run the rest of it, and no figure or claim passes over that."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

sys.path.append(str(Path(__file__).parent.parent / "tools"))
import shorter

ROOT = Path(__file__).parent.parent

EVERY_TRAINING_IS_STOPPED = """
import itertools
import torch
torch.set_num_threads(1)
import d2lhelpers as d2l

class Stopped:
    def __init__(self, batches):
        self.batches = batches
    def __len__(self):
        return len(self.batches)
    def __iter__(self):
        yield from itertools.islice(self.batches, 3)
        raise KeyboardInterrupt

train_ch6, train_side_by_side = d2l.train_ch6, d2l.train_side_by_side
d2l.train_ch6 = lambda net, batches, *rest, **options: train_ch6(net, Stopped(batches), *rest, **options)
d2l.train_side_by_side = lambda nets, batches, *rest, **options: train_side_by_side(
    nets, Stopped(batches), *rest, **options
)
"""

EVERY_DETECTOR_IS_STOPPED = """
from torchvision.models.detection import FasterRCNN

forward, steps = FasterRCNN.forward, itertools.count(1)

def stopped(self, *args):
    if self.training and next(steps) % 3 == 0:
        raise KeyboardInterrupt
    return forward(self, *args)

FasterRCNN.forward = stopped
"""

EVERY_RECIPE_IS_STOPPED = f"""
import sys
from d2lhelpers import speedrun

sys.path.append({str(ROOT / "tests")!r})
import no_torchrun

no_torchrun.install()

batches = speedrun.batches

def stopped(*args):
    yield from itertools.islice(batches(*args), 3)
    raise KeyboardInterrupt

speedrun.batches = stopped
"""

MORE_STOPS = {"10": EVERY_RECIPE_IS_STOPPED, "12": EVERY_DETECTOR_IS_STOPPED}

TWO_SEEDS = {"seeds": "(0, 1)"}
"""So that in a loop over seeds there is a training left to stop."""

SHORT = {
    "07": {"seeds": "(0, 1)", "rates": "(0.1, 0.01)"},
    "09": {"seeds": "(0,)", "draws": "(0,)", "surface_side": "3"},
    "10": {"seeds": "(0,)", "rounds": "1", "batch_size": "8"},
    "12": {"seeds": "(0,)", "num_test_scenes": "4"},
    "14": {"seeds": "(0, 1)", "num_steps": "20"},
}
"""Settings of notebooks that take long; one seed where a loop has more than one training for each."""


@pytest.mark.parametrize(
    "number", ["00", "02", "04", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "19", "20"]
)
def test_after_a_stop_all_other_cells_run(run_notebook, number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    shorter.shorten(notebook, SHORT.get(number, TWO_SEEDS))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    lesson = [cell.source for cell in code if not {"exercise", "check"} & set(cell.metadata.get("tags", []))]
    stops = EVERY_TRAINING_IS_STOPPED + MORE_STOPS.get(number, "")
    cells = run_notebook(stops, *[f"# raises\n{source}" for source in lesson])
    errors = [(cell.source, o.ename, o.evalue) for cell in cells for o in cell.outputs if o.output_type == "error"]
    stopped = "a training of this cell was stopped, so its other trainings do not begin"
    assert all(evalue == stopped for _, _, evalue in errors), errors
    shown = "".join(str(output) for cell in cells for output in cell.outputs)
    assert "Not decided" in shown
    assert "Not complete: a run was stopped early." in shown or number in ("07", "16")  # these draw no training
    assert "Does not hold" not in shown
