"""Where the course runs besides here: what GitHub, Binder, and a dev container are told names things that are there."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CPU_BUILD = "-m pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu"
PACKAGES = sorted((ROOT / "d2lhelpers").rglob("*.py"))

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(path: Path) -> list[str]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def container() -> dict:
    return json.loads(read(".devcontainer/devcontainer.json"))


EVERYWHERE = {
    **{path.name: commands(path) for path in WORKFLOWS},
    "postBuild": read(".binder/postBuild").splitlines(),
    "devcontainer.json": [value for key, value in container().items() if key.endswith("Command")],
}


@pytest.mark.parametrize("lines", EVERYWHERE.values(), ids=EVERYWHERE)
def test_what_a_command_names_is_there(lines):
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    text = "\n".join(lines)
    assert text
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    for name in re.findall(r"(?<![\w/.])\.?[\w-]+/[\w./*-]+|[\w-]+\.txt", text):
        made = name.startswith((".venv", "editions/")) or "pytorch.org" in name
        assert made or list(ROOT.glob(name)), f"{name} is not there"
    for tool, options in re.findall(r"tools/(\w+)\.py((?: --?[\w-]+)*)", text):
        for option in options.split():
            assert f'"{option}"' in read(f"tools/{tool}.py"), f"tools/{tool}.py has no {option}"
    for module in re.findall(r"-m (d2lhelpers[\w.]*)", text):
        assert importlib.util.find_spec(module)


# GitHub


@each_workflow
def test_a_workflow_says_what_it_proves_and_may_not_write(path):
    assert re.match(r"# (Proves|Publishes)\b.+\n", path.read_text(encoding="utf-8"))
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"].get("contents") == "read"
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert "uses" not in step or re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])


@each_workflow
def test_a_workflow_is_one_by_githubs_schema(path):
    pytest.importorskip("check_jsonschema", reason="requirements.txt installs it on Linux")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_python_and_system_has_its_job_and_the_oldest_has_the_oldest_of_everything():
    versions = {}
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            matrix = job.get("strategy", {}).get("matrix", {})
            steps = [step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python")]
            if not steps:  # a job that only hands on what another made
                continue
            version = steps[0]["with"]["python-version"]
            versions[name] = matrix["python-version"] if "matrix" in version else [version], matrix.get("system")
    oldest = re.search(r'requires-python = ">=(3\.\d+)"', read("pyproject.toml"))[1]
    assert versions["test"][0] == [f"3.{minor}" for minor in range(int(oldest[2:]), 15)]
    assert versions["oldest"][0] == [oldest] == versions["system"][0][:1]
    assert versions["system"][1] == ["macos-latest", "windows-latest"]
    recorded = re.search(r"on Python (3\.\d+)", read("recorded-versions.txt"))[1]
    assert versions["recorded"][0] == [recorded]


def test_the_oldest_versions_that_are_tested_are_those_that_are_stated():
    bounds = dict(re.findall(r"^([a-z0-9-]+)>=([\d.]+)$", read("requirements.txt"), flags=re.MULTILINE))
    dependencies = re.search(r"^dependencies = .*$", read("pyproject.toml"), flags=re.MULTILINE)[0]
    stated = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', dependencies))
    assert stated.items() <= bounds.items()
    [recipe] = re.findall(r"sed -n '(s/.*/p)' requirements.txt", read("Makefile"))
    sed = shutil.which("sed")
    if sed is None:
        pytest.skip("there is no sed")
    command = [sed, "-n", recipe.replace("$$", "$"), ROOT / "requirements.txt"]
    lines = subprocess.run(command, capture_output=True, text=True)
    assert lines.stdout.splitlines() == [f"{name}=={version}.*" for name, version in bounds.items()]


# Binder


def test_binder_takes_the_same_requirements_and_the_cpu_build():
    lines = [line for line in read(".binder/requirements.txt").splitlines() if not line.startswith("#")]
    assert lines == ["--extra-index-url https://download.pytorch.org/whl/cpu", "-r ../requirements.txt"]
    assert read(".binder/runtime.txt") == "python-3.12\n"


def test_binder_builds_what_we_mean():
    """Ask repo2docker, which Binder runs, for its Dockerfile; that needs neither Docker nor a network."""
    pytest.importorskip("repo2docker", reason="requirements.txt installs it on Linux")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", ROOT]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and "for python=3.12" in done.stdout, done.stdout
    steps = ["COPY --chown=0:0 src/ ${REPO_DIR}/", 'pip install --no-cache-dir -r ".binder/requirements.txt"',
             "RUN ./.binder/postBuild"]  # fmt: skip
    places = [done.stdout.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
def test_what_binder_runs_after_the_installation_makes_the_learners_copy(tmp_path):
    for name in (".binder", "tools", "notebooks", "d2lhelpers"):
        (shutil.copytree if name in (".binder", "tools") else os.symlink)(ROOT / name, tmp_path / name)
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    script = tmp_path / ".binder" / "postBuild"
    done = subprocess.run([script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my_notebooks" / "00_start_here.ipynb").is_file() and "torch" in done.stdout


# A dev container


def test_the_dev_container_has_nothing_that_its_tools_do_not_know():
    commands = {"onCreateCommand", "updateContentCommand", "postAttachCommand"}
    assert set(container()) == {"name", "image", "hostRequirements", "customizations"} | commands
    assert re.fullmatch(r"python:3\.\d+-\w+", container()["image"])
    assert set(container()["hostRequirements"]) == {"cpus", "memory", "storage"}
    settings = container()["customizations"]["vscode"]["settings"]
    assert settings == {"python.defaultInterpreterPath": "${containerWorkspaceFolder}/.venv/bin/python"}


# PyTorch's CPU build


def test_one_line_installs_the_cpu_build_first_and_it_is_the_same_everywhere():
    for name in ("README.md", ".devcontainer/devcontainer.json", ".github/workflows/test.yml"):
        assert f"-m venv .venv && .venv/bin/python {CPU_BUILD}" in read(name), name


# Programs that show outputs in their own way, VS Code among them


def test_nothing_is_redrawn_by_erasing_a_cells_output():
    """`clear_output` would also erase what was printed, and flickers; outputs are changed through their handles."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in PACKAGES}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        sources[path.name] = re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)
    calls = {
        name
        for name, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "clear_output"
    }
    assert calls == {"live_output.py"}, "it alone calls it, to watch for the learner's own calls"
