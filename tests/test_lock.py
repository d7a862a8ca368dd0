"""The versions that recorded the outputs: within the bounds, and those that the pages themselves state."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tools"))

import lock  # noqa: E402
import record  # noqa: E402


def test_every_requirement_is_in_it_and_in_its_bounds():
    recorded = lock.recorded()
    for requirement in lock.asked():
        name = canonicalize_name(requirement.name)
        assert name in recorded, "run `make lock`"
        assert requirement.specifier.contains(recorded[name]), f"{requirement}: {recorded[name]}"


def test_notebook_00_was_recorded_with_these_versions():
    cells = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4).cells
    [said] = [cell.outputs[0].text for cell in cells if cell.cell_type == "code" and "doctor.report()" in cell.source]
    stated = dict(re.findall(r"\b([a-z][\w-]+)\s+(\d[\d.]+\d)", said))
    recorded = lock.recorded()
    assert {"torch", "torchvision", "numpy", "matplotlib", "ipython", "keras"} <= set(stated)
    assert {name: recorded[name] for name in stated if name in recorded} == {
        name: number for name, number in stated.items() if name in recorded
    }, "record 00 with `make record`, in the environment that records all of them"
    python = re.search(r"^ok +Python ([\d.]+), (\w+ \w+)", said, flags=re.MULTILINE)
    assert f"on Python {python[1]}, {python[2]}." in lock.LOCK.read_text(encoding="utf-8")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Let the file belong to a project that asks for two packages and for one that only another system has."""
    lines = ["# text", "-e .", "pytest>=8", "nbclient>=0.5", "wx>=1; sys_platform == 'none'"]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    monkeypatch.setattr(lock, "LOCK", tmp_path / "recorded-versions.txt")
    return tmp_path


def test_one_command_writes_down_what_the_requirements_lead_to(small, capsys):
    lock.main()
    recorded = lock.recorded()
    assert {"pytest", "pluggy", "nbclient", "traitlets"} <= set(recorded) and "torch" not in recorded
    assert all(version(name) == number for name, number in recorded.items())
    assert "wx" not in recorded and lock.differences() == []


def test_a_requirement_that_is_not_installed_stops_it(small):
    (small / "requirements.txt").write_text("no-such-package-of-ours>=1\n")
    with pytest.raises(SystemExit, match="no-such-package-of-ours"):
        lock.main()
    assert not lock.LOCK.exists()


def test_recording_one_notebook_with_other_versions_is_said_and_recording_all_writes_them_down(
    small, monkeypatch, capsys
):
    monkeypatch.setattr(record, "record", lambda path: 1.0)
    lock.main()
    lock.LOCK.write_text(re.sub("pytest==.*", "pytest==1.0", lock.LOCK.read_text()))
    record.main(["notebooks/00_start_here.ipynb"])
    assert f"pytest {version('pytest')} (recorded: 1.0)" in capsys.readouterr().out
    record.main([])
    record.main(["notebooks/00_start_here.ipynb"])
    assert "recorded:" not in capsys.readouterr().out and lock.recorded()["pytest"] == version("pytest")
