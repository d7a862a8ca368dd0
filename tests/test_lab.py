"""The learner's copy: without answers, and never overwritten."""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from traitlets.config import PyFileConfigLoader

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("lab", ROOT / "tools" / "lab.py")
lab = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lab)

NAMES = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
ONE = "03_residual_blocks.ipynb"


@pytest.fixture
def course(tmp_path):
    """Return a folder of recorded notebooks and the folder of the copy, which is not there yet."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    for name in ("00_start_here.ipynb", ONE):
        (notebooks / name).write_bytes((ROOT / "notebooks" / name).read_bytes())
    return notebooks, tmp_path / "my_notebooks"


def change(path: Path, edit) -> None:
    """Change a notebook's content."""
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


def publish(notebooks: Path, text: str) -> None:
    """Make a new version of a notebook of the course, recognizable by its first line."""
    change(notebooks / ONE, lambda notebook: notebook.cells[0].update(source=text))


def first_line(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]


def answer(notebook) -> None:
    """Do what a learner does."""
    next(cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])).source = "mine = 1"


def run(notebook) -> None:
    """Do what JupyterLab does when a cell is run and all is saved: an output, metadata, other ids, an empty cell."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="42")]
    cell.execution_count = 1
    open_and_save(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(""))


def open_and_save(notebook) -> None:
    notebook.metadata.language_info = {"name": "python", "version": "3.99"}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata["scrolled"] = f"other-{number}", True


def listed(copy: Path) -> list[str]:
    return sorted(path.name for path in copy.glob("*.ipynb"))


# What is handed out


def test_the_copy_has_every_notebook_without_outputs_and_with_the_same_cells(tmp_path):
    assert lab.update(copy=tmp_path / "copy") == []
    assert listed(tmp_path / "copy") == NAMES
    for name in NAMES:
        ours, theirs = (
            nbformat.read(folder / name, as_version=4) for folder in (ROOT / "notebooks", tmp_path / "copy")
        )
        nbformat.validate(theirs)
        assert [(c.cell_type, c.source, c.id, c.metadata) for c in ours.cells] == [
            (c.cell_type, c.source, c.id, c.metadata) for c in theirs.cells
        ]
        code = [cell for cell in theirs.cells if cell.cell_type == "code"]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
        assert any(cell.outputs for cell in ours.cells if cell.cell_type == "code")  # for reading on the web


def test_it_describes_python_as_the_kernel_does_so_that_opening_it_leaves_nothing_to_save(course, run_notebook):
    lab.update(*course)
    given = nbformat.read(course[1] / ONE, as_version=4).metadata
    [cell] = run_notebook("import json\nprint(json.dumps(get_ipython().kernel.language_info))")
    assert given.language_info == json.loads(cell.outputs[0].text)
    assert given.language_info.version == platform.python_version()


def test_links_and_drawings_are_within_reach():
    assert lab.COPY.parent == lab.NOTEBOOKS.parent == ROOT  # so what a link finds from the one, it finds from the other
    for name in NAMES:
        for target in re.findall(r"\]\(([^)#\s]+)\)", (ROOT / "notebooks" / name).read_text(encoding="utf-8")):
            if target.endswith((".ipynb", ".md", ".svg")) and not target.startswith("http"):
                assert target in NAMES or (lab.COPY / target).resolve().exists()


def test_git_ignores_the_copy():
    assert f"{lab.COPY.name}/" in (ROOT / ".gitignore").read_text().splitlines()


# Updates


def test_a_second_start_changes_nothing(course):
    lab.update(*course)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in course[1].glob("*.ipynb")}
    assert lab.update(*course) == []
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in course[1].glob("*.ipynb")} == before


@pytest.mark.parametrize("touch", [lambda notebook: None, open_and_save])
def test_an_update_replaces_silently_what_the_learner_left_as_it_was(course, touch):
    lab.update(*course)
    change(course[1] / ONE, touch)
    publish(course[0], "# Second")
    assert lab.update(*course) == []
    assert first_line(course[1] / ONE) == "# Second" and len(listed(course[1])) == 2


def test_an_update_of_recorded_outputs_alone_is_none(course):
    lab.update(*course)
    change(course[1] / ONE, answer)
    change(course[0] / ONE, lambda notebook: next(cell for cell in notebook.cells if cell.get("outputs")).outputs.pop())
    assert lab.update(*course) == [] and len(listed(course[1])) == 2


def edit_text(notebook) -> None:
    notebook.cells[3].source += " And a note of mine."


def add_cell(notebook) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell("1 + 1"))


def move_cell(notebook) -> None:
    notebook.cells.insert(2, notebook.cells.pop(5))


def delete_cell(notebook) -> None:
    del notebook.cells[4]


@pytest.mark.parametrize("touch", [answer, edit_text, add_cell, move_cell, delete_cell])
def test_an_update_never_overwrites_what_was_changed(course, touch):
    notebooks, copy = course
    lab.update(*course)
    change(copy / ONE, touch)
    mine = (copy / ONE).read_bytes()
    publish(notebooks, "# Second")
    [said] = lab.update(*course)
    assert (copy / ONE).read_bytes() == mine
    beside = copy / "03_residual_blocks (new version).ipynb"
    assert first_line(beside) == "# Second" and beside.name in said and ONE in said
    assert lab.update(*course) == []  # it is said once

    beside.unlink()
    assert lab.update(*course) == [] and not beside.exists()  # and laid there once


def test_a_new_version_that_was_not_touched_gives_way_to_a_newer_one_and_one_that_was_does_not(course):
    notebooks, copy = course
    lab.update(*course)
    change(copy / ONE, answer)
    for version in ("# Second", "# Third"):
        publish(notebooks, version)
        lab.update(*course)
    beside = copy / "03_residual_blocks (new version).ipynb"
    assert first_line(beside) == "# Third" and len(listed(copy)) == 3
    change(beside, run)
    publish(notebooks, "# Fourth")
    [said] = lab.update(*course)
    assert first_line(beside) == "# Third" and "(new version 2)" in said
    assert first_line(copy / "03_residual_blocks (new version 2).ipynb") == "# Fourth"


def test_of_what_was_only_run_the_outputs_are_kept_beside_the_new_version(course):
    notebooks, copy = course
    lab.update(*course)
    change(copy / ONE, run)
    mine = (copy / ONE).read_bytes()
    publish(notebooks, "# Second")
    [said] = lab.update(*course)
    assert first_line(copy / ONE) == "# Second"
    assert (copy / "03_residual_blocks (earlier).ipynb").read_bytes() == mine and "(earlier)" in said


def test_a_new_notebook_and_one_that_was_deleted_are_handed_out(course):
    notebooks, copy = course
    lab.update(*course)
    (copy / ONE).unlink()
    (notebooks / "04_new.ipynb").write_bytes((notebooks / ONE).read_bytes())
    assert lab.update(*course) == []
    assert listed(copy) == ["00_start_here.ipynb", ONE, "04_new.ipynb"]


def test_a_notebook_that_left_the_course_stays_in_the_copy(course):
    lab.update(*course)
    (course[0] / ONE).unlink()
    assert lab.update(*course) == [] and (course[1] / ONE).exists()


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"03_residual_blocks.ipynb": 3}'])
def test_without_the_list_of_what_was_handed_out_nothing_is_lost(course, content):
    notebooks, copy = course
    lab.update(*course)
    change(copy / ONE, answer)
    mine = (copy / ONE).read_bytes()
    (copy / lab.HANDED_OUT).unlink()
    if content is not None:
        (copy / lab.HANDED_OUT).write_text(content)
    lab.update(*course)
    publish(notebooks, "# Second")
    lab.update(*course)
    assert (copy / ONE).read_bytes() == mine
    assert first_line(copy / "03_residual_blocks (new version).ipynb") == "# Second"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"cells": 3}'])
def test_a_damaged_notebook_of_the_copy_is_kept_and_the_new_one_laid_beside_it(course, content):
    notebooks, copy = course
    lab.update(*course)
    (copy / ONE).write_text(content)
    publish(notebooks, "# Second")
    lab.update(*course)
    assert (copy / ONE).read_text() == content
    assert first_line(copy / "03_residual_blocks (new version).ipynb") == "# Second"


# Back to new


@pytest.mark.parametrize("which", ["03", "3", "03_residual", ONE, f"my_notebooks/{ONE}"])
def test_one_command_brings_a_notebook_back_to_new_and_keeps_the_old_one(course, which):
    notebooks, copy = course
    lab.update(*course)
    change(copy / ONE, answer)
    mine = (copy / ONE).read_bytes()
    [said] = lab.renew(which, *course)
    kept = copy / "03_residual_blocks (earlier).ipynb"
    assert kept.read_bytes() == mine and kept.name in said
    assert lab.text_of(lab.read(copy / ONE)) == lab.text_of(lab.read(notebooks / ONE))
    change(copy / ONE, run)
    again = (copy / ONE).read_bytes()
    lab.renew(which, *course)
    assert kept.read_bytes() == mine
    assert (copy / "03_residual_blocks (earlier 2).ipynb").read_bytes() == again


def test_what_is_new_stays_as_it_is(course):
    assert lab.renew("03", *course) == [f"{ONE} is new"]
    assert lab.renew("03", *course) == [f"{ONE} is new"]
    assert len(listed(course[1])) == 2


@pytest.mark.parametrize("which", ["", "77", "1", "residual"])
def test_a_notebook_that_is_not_there_is_said_with_those_that_are(course, which):
    with pytest.raises(ValueError, match=ONE):
        lab.renew(which, *course)


def test_the_command_says_it_too_and_hands_a_typo_no_traceback():
    done = subprocess.run([sys.executable, ROOT / "tools" / "lab.py", "--new", "77"], capture_output=True, text=True)
    assert done.returncode == 1 and "--new 03" in done.stderr and "Traceback" not in done.stderr


# JupyterLab


@pytest.fixture(scope="module")
def config():
    path = ROOT / "tools" / "jupyterlab" / "jupyter_server_config.py"
    return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()


def test_jupyterlab_opens_the_first_notebook_of_the_copy_with_the_readme_within_reach(config):
    opened = config.LabApp.default_url.removeprefix("/lab/tree/")
    assert Path(config.ServerApp.root_dir) == ROOT and (ROOT / "README.md").is_file()
    assert opened == f"{lab.COPY.name}/{NAMES[0]}"
    assert json.loads((Path(config.LabApp.app_settings_dir) / "overrides.json").read_text())


def test_where_a_widget_was_a_sentence_is_saved(config):
    save = config.ContentsManager.pre_save_hook
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox()"}
    cell = nbformat.v4.new_code_cell("slider", outputs=[nbformat.v4.new_output("display_data", data=widget)])
    other = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", data={"text/plain": "1"})])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text"), cell, other])
    save(model={"type": "notebook", "content": notebook}, path="03.ipynb", contents_manager=None)
    saved = notebook.cells[1].outputs[0].data
    assert "Run this cell" in saved["text/markdown"] and not any("widget" in kind for kind in saved)
    assert notebook.cells[2].outputs[0].data == {"text/plain": "1"}
    nbformat.validate(notebook)
    for nothing in ({"type": "file", "content": "text"}, {"type": "directory"}, {"type": "notebook", "content": None}):
        save(model=nothing, path="", contents_manager=None)  # an upload, a new folder


# Installing


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Install into a folder of the test, and return the list of the commands that would have been run."""
    run = []
    monkeypatch.setattr(lab, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(lab, "INSTALLED", tmp_path / ".venv" / "installed")
    monkeypatch.setattr(lab, "find_spec", lambda name: None)  # this Python has nothing of what the course needs

    def pretended(command, check, **_):
        assert check, "a step that fails must stop the installation"
        run.append(" ".join(map(str, command)))
        lab.ENVIRONMENT.mkdir(exist_ok=True)

    monkeypatch.setattr(lab.subprocess, "run", pretended)
    return run


def test_it_says_what_it_installs_and_how_large_and_shows_the_progress(commands, capsys):
    python = lab.installed_python()
    assert str(python).startswith(str(lab.ENVIRONMENT)) and "6 GB" in capsys.readouterr().out
    [requirements] = [command for command in commands if "requirements.txt" in command]
    assert "--quiet" not in requirements and "-m venv" in commands[0]


def test_the_second_time_nothing_is_installed_unless_what_is_needed_has_changed(commands, tmp_path, monkeypatch):
    lab.installed_python()
    commands.clear()
    lab.installed_python()
    assert commands == []
    changed = lab.INSTALLED.stat().st_mtime - 1e9
    lab.os.utime(lab.INSTALLED, (changed, changed))
    lab.installed_python()
    assert any("requirements.txt" in command for command in commands)


def test_an_installation_that_stopped_does_not_count(commands, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(lab.subprocess, "run", fail)
    with pytest.raises(subprocess.CalledProcessError):
        lab.install()
    assert not lab.INSTALLED.exists()


def test_a_python_that_has_all_of_it_is_used_as_it_is(commands, monkeypatch):
    monkeypatch.setattr(lab, "find_spec", lambda name: "here")
    assert lab.installed_python() == Path(sys.executable) and commands == []


def write_wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    """Write an empty package that pip installs."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "\n".join(lines))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_a_cpu_build_that_was_installed_first_is_kept(tmp_path, monkeypatch, capfd):
    """With the real pip and our requirements, on wheels without content, a newer one with GPU libraries among them."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for version in ("2.14.1+cpu", "2.15.0"):
        write_wheel(wheels, "torch", version, *([] if "cpu" in version else ["nvidia-cublas"]))
    for version in ("0.29.1+cpu", "0.30.0"):
        write_wheel(wheels, "torchvision", version, "torch>=2.14")
    for name in ("captum", "torchmetrics"):
        write_wheel(wheels, name, "9.0", "torch>=2.0.0")
    write_wheel(wheels, "nvidia_cublas", "13.0")
    ours = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    asked = re.findall(r"^(?:torch|torchvision|captum|torchmetrics)>=.*$", ours, flags=re.MULTILINE)
    assert len(asked) == 4
    (tmp_path / "requirements.txt").write_text("\n".join(asked))
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(lab, "INSTALLED", tmp_path / ".venv" / "installed")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    subprocess.run([sys.executable, "-m", "venv", lab.ENVIRONMENT], check=True)
    pip = [lab._python_of_environment(), "-m", "pip"]
    subprocess.run([*pip, "install", "torch==2.14.1+cpu", "torchvision==0.29.1+cpu"], check=True)
    lab.install()
    capfd.readouterr()
    subprocess.run([*pip, "list", "--format=freeze"], check=True)
    installed = capfd.readouterr().out.split()
    assert {"torch==2.14.1+cpu", "torchvision==0.29.1+cpu", "captum==9.0", "torchmetrics==9.0"} <= set(installed)
    assert not any("nvidia" in line for line in installed) and lab.INSTALLED.exists()
