"""The command that measures an accelerator, here on a CPU with little of everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tools"))

import bench_gpu  # noqa: E402

WITHOUT_THE_REST = """
import runpy, sys
sys.modules.update(dict.fromkeys(["matplotlib", "IPython", "ipywidgets", "pandas", "d2l"]))  # importing them fails
runpy.run_path("tools/bench_gpu.py", run_name="__main__")
"""


def test_it_prints_a_ladder_and_two_rows_with_nothing_installed_but_torch_and_torchvision():
    little = "--device cpu --images 600 --side 24 --batches 1 --rounds 1 --epochs 1".split()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST, *little], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    named = {row[0]: row for row in rows}
    rungs = ["the book's loop", "batches made at once, on the device", "nothing read from the device", "channels last"]
    assert [row[0] for row in rows[1:5]] == rungs
    assert all(float(named[name][1].replace(",", "")) > 0 for name in rungs)
    for run in ("the book's", "this course's"):
        assert named[run][1] == "1" and 0 <= float(named[run][5]) <= 1


def test_too_few_images_for_the_ladder_are_refused_before_anything_is_trained(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench_gpu.py", "--images", "512"])
    with pytest.raises(SystemExit):
        bench_gpu.parsed()
    assert "got --images 512. Give more than 512, or --rounds 0" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["bench_gpu.py", "--images", "512", "--rounds", "0"])
    assert bench_gpu.parsed().images == 512
