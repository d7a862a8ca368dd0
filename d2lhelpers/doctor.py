"""What a helper needs to know about an installation from afar, and what to do about each thing that is wrong.

    python -m d2lhelpers.doctor

Each finding is a line that begins with ``ok``, ``note`` or ``WRONG``; below the latter two stands what to do. The exit
status is 1 if something is wrong. Whoever runs this may have a broken environment: only the standard library is
imported at the top, this file is also valid in Python 3.8, and what one examination meets stops no other.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

OK, NOTE, WRONG = "ok", "note", "WRONG"

PACKAGE = Path(__file__).resolve().parent
CGROUPS = Path("/sys/fs/cgroup")
MODULES = {"ipython": "IPython"}
"""What is imported under another name than it is installed."""

LEAST_DISK = 0.5
"""GB: the notebooks with outputs, and a checkpoint of the full ResNet-18 (90 MB) beside the one that it replaces."""

LEAST_MEMORY = 1.5
"""GB that a notebook's kernel may come to need."""


class Finding(NamedTuple):
    """One line of the report, and what to do."""

    state: str
    text: str
    remedy: str = ""


def report() -> None:
    """Print what was found; in a notebook, where an exit status would be an error."""
    _print_findings()


def main() -> None:
    """Print what was found, and exit with 1 if something is wrong."""
    sys.exit(1 if _print_findings() else 0)


def examine() -> Iterator[Finding]:
    """Look at one thing after the other, and yield each finding as it is made."""
    examinations = [memory, installation, kernel, data, disk, progress]
    yield from _each_of([python])
    if sys.version_info < (3, 10):  # noqa: UP036, then nothing that is installed counts
        examinations = [data, disk, progress]
    else:
        yield from _each_of([packages])
        try:
            importlib.import_module("torch")
            examinations = [devices, threads, helpers, *examinations]
        except Exception:
            yield Finding(NOTE, "device, bfloat16, and threads: not examined, because torch cannot be imported")
    yield from _each_of(examinations)


def python() -> Iterator[Finding]:
    """Yield which Python this is, and whether the clone has an environment that is meant for it."""
    text = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, in {_short(sys.prefix)}"
    if sys.version_info < (3, 10):  # noqa: UP036, whoever starts this may have an older one
        yield Finding(WRONG, f"{text}; the course needs Python 3.10 or newer", "name another one: make lab "
                      "PYTHON=python3.12, or: python3.12 tools/lab.py")  # fmt: skip
    else:
        yield Finding(OK, text)
    root = clone()
    theirs = root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python") if root else None
    if theirs and theirs.exists() and not _same(sys.prefix, root / ".venv"):
        yield Finding(NOTE, "this Python is not that of the folder .venv, which `make lab` made",
                      "if you start the course with `make lab`, ask that one: "
                      f"{_quoted(theirs)} -m d2lhelpers.doctor")  # fmt: skip


def packages() -> Iterator[Finding]:
    """Yield what is installed of what the course needs, against the lowest versions that it asks for."""
    from importlib.metadata import PackageNotFoundError, version

    fine, of_some, missing = [], [], []
    for name, lowest, some_notebooks in required():
        install = f'{_quoted(sys.executable)} -m pip install "{name}>={lowest}"'
        try:
            found = version(name)
        except PackageNotFoundError:
            if some_notebooks:
                missing.append((name, lowest, some_notebooks))
            elif name == "jupyterlab":
                yield Finding(NOTE, "jupyterlab is not installed; Colab and VS Code do without it", install)
            else:
                yield Finding(WRONG, f"{name} is not installed; the course needs {lowest} or newer", install)
            continue
        if _numbers(found) < _numbers(lowest):
            yield Finding(WRONG, f"{name} {found} is too old; the course needs {lowest} or newer", install)
            continue
        if some_notebooks:
            of_some.append(f"{name} {found}")
        else:
            try:
                found = getattr(importlib.import_module(MODULES.get(name, name)), "__version__", found)
            except Exception as error:
                yield Finding(WRONG, f"{name} {found} is installed and cannot be imported: {_in_a_line(error)}",
                              _install_again(name, found))  # fmt: skip
                continue
            fine.append(f"{name} {found}")
    for texts in (fine, of_some):
        if texts:
            yield Finding(OK, ", ".join(texts))
    if missing:
        wanted = " ".join(f'"{name}>={lowest}"' for name, lowest, _ in missing)
        yield Finding(NOTE, f"not installed: {', '.join(name for name, _, _ in missing)}; only some notebooks use them "
                      f"({missing[0][2]})", f"{_quoted(sys.executable)} -m pip install {wanted}")  # fmt: skip


def devices() -> Iterator[Finding]:
    """Yield each device that the course would use, whether it computes, and whether it has bfloat16 in hardware."""
    import torch

    from d2lhelpers.device import computes_bfloat16_fast, try_all_gpus

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = try_all_gpus()
        torch.cuda.is_available()
    for device in found:
        name = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
        try:
            ones = torch.ones(8, 8, device=device)
            if (ones @ ones).sum().item() != 512:
                raise ArithmeticError("a product of two matrices is wrong")
        except Exception as error:
            yield Finding(WRONG, f"device {device}{name} does not compute: {_in_a_line(error)}",
                          "work without it: set the environment variable CUDA_VISIBLE_DEVICES=-1 before you start "
                          "JupyterLab; then see whether this PyTorch supports the card (pytorch.org)")  # fmt: skip
            continue
        fast = "yes, trainings use it" if computes_bfloat16_fast(device) else "no, trainings use float32"
        yield Finding(OK, f"device {device}{name}; bfloat16 in hardware: {fast}")
    if found[0].type == "cpu" and shutil.which("nvidia-smi"):
        if torch.version.cuda is None and torch.version.hip is None:
            yield Finding(NOTE, "there may be an NVIDIA card, and this is PyTorch's CPU build",
                          "the course runs without the card; to use it, install the build that pytorch.org "
                          "names")  # fmt: skip
        else:
            why = f": {_in_a_line(warned[0].message)}" if warned else ""
            yield Finding(NOTE, f"there may be an NVIDIA card, and PyTorch does not see it{why}",
                          "the course runs without it; to use it, see whether `nvidia-smi` runs, update the driver, "
                          "and look at the environment variable CUDA_VISIBLE_DEVICES")  # fmt: skip


def threads() -> Iterator[Finding]:
    """Yield how many threads PyTorch uses, against the processors that it may use."""
    import torch

    count, allowed = torch.get_num_threads(), processors()
    text = f"threads {count}, processors {allowed:g}"
    if count > max(1, round(allowed)):
        yield Finding(WRONG, f"{text}: threads that wait for each other make a training many times slower",
                      f"set the environment variable OMP_NUM_THREADS={max(1, int(allowed))} before you start "
                      "JupyterLab")  # fmt: skip
    else:
        yield Finding(OK, text)


def helpers() -> Iterator[Finding]:
    """Yield whether the package can be imported; what can, says nothing here."""
    try:
        for name in ("d2lhelpers.train", "d2lhelpers.course"):
            importlib.import_module(name)
    except Exception as error:
        yield Finding(WRONG, f"d2lhelpers cannot be imported: {_in_a_line(error)}", _fetch_again("d2lhelpers"))


def memory() -> Iterator[Finding]:
    """Yield how much memory the machine has, how much the container may use, and how much is free."""
    try:
        from psutil import virtual_memory  # comes with ipykernel

        total, free = virtual_memory().total / 1e9, virtual_memory().available / 1e9
    except Exception as error:
        yield Finding(NOTE, f"memory: not examined, because psutil cannot be imported: {_in_a_line(error)}",
                      f"{_quoted(sys.executable)} -m pip install psutil")  # fmt: skip
        return
    text = f"memory {total:.1f} GB"
    limit, used = container_memory()
    if limit < total:
        text += f", of which this container may use {limit:.1f} GB"
        free = min(free, limit - used)
    text += f"; free {free:.1f} GB"
    if free < LEAST_MEMORY:
        yield Finding(WRONG, f"{text}: a notebook may need {LEAST_MEMORY} GB",
                      "close other programs, and shut down kernels that you no longer need (in JupyterLab: Kernel > "
                      "Shut Down All Kernels); in a container or on a server, ask for a higher limit")  # fmt: skip
    else:
        yield Finding(OK, text)


def installation() -> Iterator[Finding]:
    """Yield which d2lhelpers a notebook would import, against the clone that this is run from."""
    script = "from importlib.util import find_spec; spec = find_spec('d2lhelpers'); print(spec.origin if spec else '')"
    # Not from here: in the clone's folder Python finds the package even if it is not installed.
    origin = _answer([sys.executable, "-c", script])
    root = clone()
    install = f"{_quoted(sys.executable)} -m pip install -e {_quoted(root)}" if root else _fetch_again("d2lhelpers")
    if not origin:
        yield Finding(WRONG, "d2lhelpers is not installed in this Python; a notebook would say No module named "
                      "'d2lhelpers'", install)  # fmt: skip
    elif root and not _same(Path(origin).parent, root / "d2lhelpers"):
        yield Finding(WRONG, f"notebooks would import the d2lhelpers in {_short(Path(origin).parent)}, and not the one "
                      f"of this clone, {_short(root)}", install)  # fmt: skip
    else:
        yield Finding(OK, f"d2lhelpers {_installed_version()}, " + ("from this clone" if root else "installed"))


def kernel() -> Iterator[Finding]:
    """Yield whether the kernel that JupyterLab starts is this Python."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        spec = KernelSpecManager().get_kernel_spec("python3")
    except Exception as error:
        yield Finding(WRONG, f"JupyterLab has no kernel for Python: {_in_a_line(error)}",
                      f"{_quoted(sys.executable)} -m pip install --force-reinstall ipykernel")  # fmt: skip
        return
    program = spec.argv[0]
    if program in ("python", "python3", f"python3.{sys.version_info[1]}"):  # as Jupyter itself does
        program = sys.executable
    where = f"the kernel {spec.display_name!r} of JupyterLab"
    remedy = (f"start with `make lab` (tools/lab.py), which prefers the kernel of its own environment, or remove the "
              f"folder {spec.resource_dir}")  # fmt: skip
    try:
        prefix = _answer([program, "-c", "import sys; print(sys.prefix)"])
    except OSError as error:
        yield Finding(WRONG, f"{where} cannot be started: {program}: {_in_a_line(error)}", remedy)
        return
    if not prefix:
        yield Finding(NOTE, f"{where} is started by {program}; which Python that is cannot be said",
                      "in a notebook: import sys; sys.executable")  # fmt: skip
    elif not _same(prefix, sys.prefix):
        yield Finding(WRONG, f"{where} runs in {_short(prefix)}, and not in {_short(sys.prefix)}", remedy)
    else:
        yield Finding(OK, f"{where} is this Python")


def data() -> Iterator[Finding]:
    """Yield whether the data files are those that belong to the package."""
    folder, bad = PACKAGE / "data", False
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    for digest, name in (line.split() for line in lines):
        path = folder / name
        if not path.is_file():
            bad = True
            yield Finding(WRONG, f"the data file {name} is missing", _fetch_again(f"d2lhelpers/data/{name}"))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            bad = True
            yield Finding(WRONG, f"the data file {name} is damaged", _fetch_again(f"d2lhelpers/data/{name}"))
    if not bad:
        yield Finding(OK, f"data: all {len(lines)} files intact")


def disk() -> Iterator[Finding]:
    """Yield how much room there is where the notebooks are, and where the progress is noted, if that is elsewhere."""
    seen = []
    for what, folder in (("this folder", Path.cwd()), ("the home folder", Path.home())):
        where = os.stat(str(folder)).st_dev
        if where in seen:
            continue
        seen.append(where)
        free = shutil.disk_usage(str(folder)).free / 1e9
        if free < LEAST_DISK:
            yield Finding(WRONG, f"free disk, {what}: {free:.2f} GB; the notebooks and their checkpoints may need "
                          f"{LEAST_DISK} GB", "empty the trash and folders of downloads")  # fmt: skip
        else:
            yield Finding(OK, f"free disk, {what}: {free:.1f} GB")


def progress() -> Iterator[Finding]:
    """Yield whether the file that notes what is solved can be written."""
    remedy = "name a file that you may write: set the environment variable D2LHELPERS_PROGRESS before you start"
    try:
        # Run by its path: the package of the exercises cannot be imported without torch.
        path = runpy.run_path(str(PACKAGE / "course" / "solved.py"))["progress_file"]()
        if path.exists():
            path.open("a").close()
        there = next(folder for folder in path.absolute().parents if folder.exists())
        with tempfile.TemporaryFile(dir=str(there)) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())  # a quota may be noticed no sooner
    except Exception as error:
        yield Finding(WRONG, f"what you solve cannot be noted: {_in_a_line(error)}", remedy)
        return
    yield Finding(OK, f"what you solve can be noted, in {_short(path)}")


def clone() -> Path | None:
    """Return the clone of the course that this is run from, or that this file belongs to; None if there is none."""
    for folder in [Path.cwd(), *Path.cwd().parents, PACKAGE.parent]:
        if (folder / "d2lhelpers" / "doctor.py").is_file() and (folder / "requirements.txt").is_file():
            return folder
    return None


def required() -> list[tuple[str, str, str]]:
    """Return what the course needs: the package's name, its lowest version, and which notebooks alone need it.

    As requirements.txt says it, up to what only the tests need; where there is no clone, as the installed package does.
    """
    root = clone()
    if root is None:
        from importlib.metadata import requires

        return [(name, lowest, "") for name, lowest in _bounds("\n".join(requires("d2lhelpers") or []))]
    text = (root / "requirements.txt").read_text(encoding="utf-8")
    needed, _, rest = text.partition("\n# To prove")[0].partition("\n# Only for some notebooks: ")
    some_notebooks, _, rest = rest.partition("\n")
    return [(name, lowest, "") for name, lowest in _bounds(needed)] + [
        (name, lowest, some_notebooks) for name, lowest in _bounds(rest)
    ]


def processors() -> float:
    """Return how many processors this process may use, also by the limit of a container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = [text.split() for _, text in _in_cgroups("cpu.max")]  # version 2
    quota, period = (_in_cgroup_1("cpu", f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    shares += [[quota, period]] if quota and period and int(quota) > 0 else []
    return min([count, *(int(share[0]) / int(share[1]) for share in shares if share[0] != "max")])


def container_memory() -> tuple[float, float]:
    """Return how many GB the container may use, and how many it uses, without what can be given back at once."""
    limits = [(float("inf"), 0.0)]
    for folder, text in _in_cgroups("memory.max"):  # version 2
        if text != "max":
            used = int((folder / "memory.current").read_text()) - _inactive(folder / "memory.stat", "inactive_file")
            limits.append((int(text) / 1e9, used / 1e9))
    limit = _in_cgroup_1("memory", "memory.limit_in_bytes")
    if limit:
        used = int(_in_cgroup_1("memory", "memory.usage_in_bytes") or 0)
        used -= _inactive(CGROUPS / "memory" / "memory.stat", "total_inactive_file")
        limits.append((int(limit) / 1e9, used / 1e9))
    return min(limits, key=lambda pair: pair[0] - pair[1])


# How things are found


def _in_cgroups(name: str) -> Iterator[tuple[Path, str]]:
    """Yield the content of a file of this process's control groups, version 2, from the innermost out."""
    inner = "/"
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            inner = line[3:] if line.startswith("0::") else inner
    except OSError:
        return  # no Linux
    folder = CGROUPS / inner.strip("/")
    for folder in [folder, *folder.parents]:
        if (folder / name).is_file():
            yield folder, (folder / name).read_text().strip()
        if folder == CGROUPS:
            return


def _in_cgroup_1(controller: str, name: str) -> str | None:
    """Return the content of a file of the container's control group, version 1."""
    path = CGROUPS / controller / name
    return path.read_text().strip() if path.is_file() else None


def _inactive(path: Path, name: str) -> int:
    """Return the bytes of files that are kept in memory only for as long as there is room."""
    found = re.search(rf"^{name} (\d+)$", path.read_text(), flags=re.MULTILINE) if path.is_file() else None
    return int(found.group(1)) if found else 0


def _bounds(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^([A-Za-z][\w.-]*)>=([\d.]+)", text, flags=re.MULTILINE)


def _numbers(version: str) -> list[int]:
    """Return the numbers of a version, to be compared; what marks a release candidate or a build does not count."""
    return [int(part) for part in re.match(r"[\d.]*", version).group().split(".") if part]


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("d2lhelpers")
    except PackageNotFoundError:
        return "(not installed, found through PYTHONPATH)"


def _answer(command: list[str]) -> str:
    """Return what a command prints, or "" if it fails; run in a folder in which nothing of the course lies."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, timeout=60)  # fmt: skip
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else ""


def _install_again(name: str, version: str) -> str:
    if name == "torchvision":
        return ("it may belong to another build of torch; install both at once: "
                f"{_quoted(sys.executable)} -m pip install --force-reinstall torch torchvision; the CPU build with "
                "README's line, under Start")  # fmt: skip
    return f"{_quoted(sys.executable)} -m pip install --force-reinstall {name}=={version}"


def _fetch_again(what: str) -> str:
    root = clone()
    if root:
        return f"in {_short(root)}: git checkout {what}"
    return "install d2lhelpers anew, with the line in the notebooks' first cell"


# How things are said


def _each_of(examinations: list[Callable[[], Iterator[Finding]]]) -> Iterator[Finding]:
    """Yield the findings of each examination, and what an examination could not cope with as a finding."""
    for examination in examinations:
        try:
            yield from examination()
        except Exception as error:
            yield Finding(WRONG, f"{examination.__name__}: could not be examined: {_in_a_line(error)}",
                          "send these lines to whoever helps you")  # fmt: skip


def _print_findings() -> int:
    """Print each finding as it is made, and return how many things are wrong."""
    wrong = 0
    for state, text, remedy in examine():
        wrong += state == WRONG
        line = f"{state:5}  {text}"
        # What is wrong stays in one line, to be copied.
        _say(textwrap.fill(line, 100, subsequent_indent=" " * 7, break_on_hyphens=False) if state == OK else line)
        if remedy:
            _say(f"       -> {remedy}")
    if wrong:
        _say(f"\n{wrong} thing{'s are' if wrong > 1 else ' is'} wrong. If you ask for help, send all of these lines.")
    else:
        _say("\nNothing is wrong.")
    return wrong


def _say(line: str) -> None:
    """Print a line wherever the output goes, at once: what comes next may end the process."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "replace").decode(encoding), flush=True)


def _in_a_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    kind = "" if isinstance(error, Warning) else f"{type(error).__name__}: "
    return kind + (lines[0] if lines else "")


def _short(path: str | Path) -> str:
    """Return a path as it is said: from the clone, or from the home folder."""
    for start, sign in ((clone(), ""), (Path.home(), "~" + os.sep)):
        try:
            inner = Path(path).absolute().relative_to(start) if start else None
        except ValueError:
            continue
        if inner and str(inner) != ".":
            return sign + str(inner)
    return str(path)


def _quoted(path: str | Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)


def _same(one: str | Path, other: str | Path) -> bool:
    return os.path.realpath(str(one)) == os.path.realpath(str(other))


if __name__ == "__main__":
    main()
