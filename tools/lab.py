"""Open the course in JupyterLab, in a copy of the notebooks that is the learner's own.

    python tools/lab.py             # install what is missing, bring the copy up to date, open it
    python tools/lab.py --new 03    # bring a notebook of the copy back to new; the old one is kept beside it
    python tools/lab.py --copy      # bring the copy up to date and open nothing
    python tools/lab.py --install   # install, and nothing else

What else is given is handed on to JupyterLab, for instance --no-browser. Only the standard library
is used, so that this runs before anything is installed.

The copy is the folder `my_notebooks`, which git ignores. Its notebooks have no outputs, so that no
answer stands below its question. When the course is updated, a notebook that the learner has left as
it was is replaced; one that was changed stays, and the new version is laid beside it. Changed means
that the text of a cell differs from all that was ever handed out; what JupyterLab writes by itself
does not count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
COPY = ROOT / "my_notebooks"
HANDED_OUT = ".handed_out.json"
ENVIRONMENT = ROOT / ".venv"
INSTALLED = ENVIRONMENT / "installed"

# The copy


def without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook as it is handed out.

    It describes Python as the kernel will, so that opening it changes nothing that wants to be saved.
    """
    cells = [dict(cell) for cell in notebook["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(execution_count=None, outputs=[])
    language = {
        "codemirror_mode": {"name": "ipython", "version": 3}, "file_extension": ".py", "mimetype": "text/x-python",
        "name": "python", "nbconvert_exporter": "python", "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    }  # fmt: skip
    return {**notebook, "cells": cells, "metadata": {**notebook["metadata"], "language_info": language}}


def text_of(notebook: dict[str, Any]) -> str:
    """Return a digest of what stands in the cells, but not of outputs, metadata and empty cells."""
    texts = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps([text for text in texts if text[1].strip()]).encode()).hexdigest()


def was_run(notebook: dict[str, Any]) -> bool:
    """Return whether a cell has an output or was run."""
    return any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])


def update(notebooks: Path = NOTEBOOKS, copy: Path = COPY) -> list[str]:
    """Bring the copy up to date; return what the learner has to know, a line for each notebook."""
    copy.mkdir(exist_ok=True)
    handed_out = _handed_out(copy)
    said = []
    for path in sorted(notebooks.glob("*.ipynb")):
        new, mine = without_outputs(read(path)), copy / path.name
        version, versions = text_of(new), handed_out.setdefault(path.name, [])
        if not mine.exists():
            write(new, mine)
        elif versions[-1:] == [version]:
            continue  # it has been handed out already
        elif _state(mine, versions) == "new":
            write(new, mine)
        elif _state(mine, versions) == "run":
            kept = _put_aside(mine)
            write(new, mine)
            said.append(f"{mine.name} has a new version; the one that you have run is kept as {kept.name}")
        elif _state(mine, [version]) == "changed":
            beside = _free(mine, "new version", lambda path: _state(path, versions) == "new")
            write(new, beside)
            said.append(f"{mine.name} has a new version; yours stays as it is, and the new one is {beside.name}")
        if versions[-1:] != [version]:
            versions.append(version)
    (copy / HANDED_OUT).write_text(json.dumps(handed_out, indent=1), encoding="utf-8")
    return said


def renew(which: str, notebooks: Path = NOTEBOOKS, copy: Path = COPY) -> list[str]:
    """Bring one notebook of the copy back to new; return what the learner has to know.

    Parameters
    ----------
    which : str
        A notebook's number or the beginning of its name, such as ``03``, ``3`` or ``03_residual``.

    Raises
    ------
    ValueError
        If no notebook begins so, or several do; the message lists what there is.
    """
    names = [path.name for path in sorted(notebooks.glob("*.ipynb"))]
    beginning = Path(which).name.zfill(2)
    found = [name for name in names if which and name.startswith(beginning)]
    if len(found) != 1:
        raise ValueError(f"--new wants the number of a notebook, such as --new 03; got {which!r}. There are: "
                         + ", ".join(names))  # fmt: skip
    said = update(notebooks, copy)
    mine, versions = copy / found[0], _handed_out(copy)[found[0]]
    if _state(mine, versions[-1:]) == "new":
        return [*said, f"{mine.name} is new"]
    kept = _put_aside(mine)
    write(without_outputs(read(notebooks / mine.name)), mine)
    return [*said, f"{mine.name} is new; yours is kept as {kept.name}. If it is open in JupyterLab, close its tab "
            "without saving"]  # fmt: skip


def _state(path: Path, versions: list[str]) -> str:
    """Return whether a notebook of the copy is "new", was only "run", or was "changed"."""
    try:
        notebook = read(path)
        if text_of(notebook) not in versions:
            return "changed"
        return "run" if was_run(notebook) else "new"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "changed"  # whatever it is, it is not what was handed out


def _put_aside(path: Path) -> Path:
    """Rename a notebook, so that another can take its place; return its new path."""
    return path.rename(_free(path, "earlier"))


def _free(path: Path, remark: str, may_be_replaced: Any = lambda path: False) -> Path:
    """Return a path beside the given one that says so, and at which nothing is that has to be kept."""
    number, beside = 1, path.with_name(f"{path.stem} ({remark}).ipynb")
    while beside.exists() and not may_be_replaced(beside):
        number += 1
        beside = path.with_name(f"{path.stem} ({remark} {number}).ipynb")
    return beside


def _handed_out(copy: Path) -> dict[str, list[str]]:
    """Return the digests of all versions of each notebook that were put into the copy, the newest last."""
    try:
        return {name: list(versions) for name, versions in read(copy / HANDED_OUT).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # then nothing counts as handed out, and what differs from the present notebooks as changed


def read(path: Path) -> dict[str, Any]:
    """Return a notebook, or what else is JSON; ValueError if the file is neither."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def write(notebook: dict[str, Any], path: Path) -> None:
    """Write a notebook as JupyterLab does."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# The environment


def installed_python() -> Path:
    """Return the Python that has what the course needs: this one, or that of `.venv`, installed if it is missing."""
    if not _is_environment() and all(find_spec(name) for name in ("d2lhelpers", "jupyterlab", "ipywidgets")):
        return Path(sys.executable)
    needs = (ROOT / "requirements.txt", ROOT / "pyproject.toml")
    if not INSTALLED.exists() or any(path.stat().st_mtime > INSTALLED.stat().st_mtime for path in needs):
        install()
    return _python_of_environment()


def install() -> None:
    """Make the environment, if there is none, and install into it all that the course needs."""
    print(f"Installing PyTorch, JupyterLab and what else the course needs into {ENVIRONMENT}.", flush=True)
    if not _python_of_environment().exists():
        print(
            "On Linux that is about 6 GB, most of it GPU libraries that PyTorch brings along; elsewhere it is less. "
            "README says, under Start, how to do without them.",
            flush=True,
        )
    if not _is_environment():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    pip = [_python_of_environment(), "-m", "pip", "install"]
    subprocess.run([*pip, "--quiet", "--upgrade", "pip"], check=True, cwd=ROOT)
    subprocess.run([*pip, "-r", "requirements.txt"], check=True, cwd=ROOT)
    INSTALLED.touch()


def _is_environment() -> bool:
    """Return whether this runs in `.venv`."""
    return Path(sys.prefix).resolve() == ENVIRONMENT.resolve()


def _python_of_environment() -> Path:
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def start_jupyterlab(python: Path, options: list[str]) -> None:
    """Become JupyterLab, on the copy."""
    paths = [str(Path(__file__).with_name("jupyterlab")), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    environment = {"JUPYTER_PREFER_ENV_PATH": "1", **os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
    command = [str(python), "-m", "jupyterlab", *options]
    if os.name != "nt":
        os.execve(python, command, environment)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is JupyterLab's, which asks before it stops
    sys.exit(subprocess.call(command, env=environment))


def main() -> None:
    """Do what the command line says."""
    if sys.version_info < (3, 10):  # noqa: UP036, whoever starts this may have an older one
        sys.exit(f"The course needs Python 3.10 or newer; this one is {platform.python_version()}. "
                 "Try: make lab PYTHON=python3.12, or: python3.12 tools/lab.py")  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--new", metavar="NOTEBOOK", help="bring this notebook of the copy back to new")
    what.add_argument("--copy", action="store_true", help="bring the copy up to date and open nothing")
    what.add_argument("--install", action="store_true", help="install, and nothing else")
    arguments, options = parser.parse_known_args()
    try:
        if arguments.install:
            return install()
        python = None if arguments.copy or arguments.new is not None else installed_python()
        for line in update() if arguments.new is None else renew(arguments.new):
            print(line, flush=True)
    except subprocess.CalledProcessError:
        sys.exit("The installation did not finish; what stands above says where it stopped.")
    except ValueError as error:
        sys.exit(str(error))
    if python:
        start_jupyterlab(python, options)


if __name__ == "__main__":
    main()
