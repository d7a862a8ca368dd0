"""The repository's address stands in one place, and whatever repeats it agrees."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("repository", ROOT / "tools" / "repository.py")
repository = importlib.util.module_from_spec(spec)
spec.loader.exec_module(repository)

NAME = repository.address().removeprefix("https://github.com/")


def addresses_in(text: str) -> set[str]:
    """Return the repositories that links to Colab and Binder and the lines that install the helpers lead to."""
    colab = re.findall(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/", text)
    installs = re.findall(r"git(?:\+| clone )https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?=[\"\\'@\s])", text)
    binder = re.findall(r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/", text)
    return {*colab, *binder, *installs}


@pytest.mark.parametrize(
    "path", [path for path in repository.files() if path.suffix == ".ipynb"], ids=lambda path: path.stem
)
def test_every_notebook_leads_to_the_repository_and_to_itself(path):
    text = path.read_text(encoding="utf-8")
    assert addresses_in(text) == {NAME}
    assert f"colab.research.google.com/github/{NAME}/blob/main/notebooks/{path.name}" in text


@pytest.mark.parametrize("name", ["README.md", "hub/HUB.md"])
def test_a_document_leads_to_the_repository(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert addresses_in(text) == {NAME} and f"git clone https://github.com/{NAME}" in text


@pytest.fixture
def copy(tmp_path):
    """Return a copy of everything that may hold the address."""
    for path in [*repository.files(), ROOT / "tools" / "repository.py"]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def run_tool(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(folder / "tools" / "repository.py"), *arguments], capture_output=True, text=True
    )


def test_one_command_rewrites_the_address_for_a_fork_and_back(copy):
    assert run_tool(copy, "https://github.com/a-teacher/my.fork-2").returncode == 0
    for path in repository.files():
        text = (copy / path.relative_to(ROOT)).read_text(encoding="utf-8")
        assert NAME not in text
        assert addresses_in(text) <= {"a-teacher/my.fork-2"}
    assert run_tool(copy, f"https://github.com/{NAME}/").returncode == 0
    for path in repository.files():
        assert (copy / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_a_wrong_address_changes_nothing(copy):
    answer = run_tool(copy, "github.com/no-scheme")
    assert answer.returncode != 0 and "https://github.com/you/your-fork" in answer.stderr
    assert (copy / "pyproject.toml").read_bytes() == (ROOT / "pyproject.toml").read_bytes()
