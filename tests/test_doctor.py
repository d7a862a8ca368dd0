"""The doctor: each thing is broken in turn, and its advice has to appear."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

import d2lhelpers.device
from d2lhelpers import doctor
from d2lhelpers.fashion_mnist import SHA256

ROOT = Path(__file__).parent.parent
GB = 10**9


def found(examination, state: str = doctor.WRONG) -> doctor.Finding:
    """Return the one finding of an examination that is in this state; what is not `ok` must come with a remedy."""
    [finding] = [finding for finding in examination() if finding.state == state]
    assert finding.state == doctor.OK or finding.remedy
    assert "\n" not in finding.text + finding.remedy
    return finding


def run(python: Path | str, *options: str, **variables: str) -> tuple[int, list[str]]:
    """Run the doctor as a command in the clone; return the exit status and the lines."""
    environment = {**os.environ, "PYTHONPATH": "", **variables}
    done = subprocess.run([python, *options, "-m", "d2lhelpers.doctor"], cwd=ROOT, env=environment, timeout=300,
                          capture_output=True)  # fmt: skip
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode(variables.get("PYTHONIOENCODING", "utf-8")).splitlines()


# The whole report


def test_a_sound_installation_is_described_line_by_line(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 0)
    monkeypatch.setattr(doctor, "LEAST_DISK", 0)
    monkeypatch.chdir(ROOT)
    findings = list(doctor.examine())
    text = "\n".join(finding.text for finding in findings)
    assert [finding for finding in findings if finding.state == doctor.WRONG] == []
    for part in ("Python 3.", "torch ", "device ", "bfloat16", "threads", "memory", "d2lhelpers", "kernel", "data: all",
                 "free disk", "what you solve"):  # fmt: skip
        assert part in text
    doctor.report()
    *lines, empty, last = capsys.readouterr().out.splitlines()
    assert last == "Nothing is wrong." and empty == ""
    assert all(re.match(r"(ok|note|WRONG|  ) ", line) for line in lines)


def test_in_an_environment_that_has_nothing_all_that_is_missing_is_said(tmp_path):
    folder = tmp_path / "an empty environment, ü"
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    status, lines = run(python, PYTHONIOENCODING="ascii")
    assert status == 1 and re.match(r"\d+ things are wrong", lines[-1])
    for name, state in {"torch": "WRONG", "numpy": "WRONG", "ipywidgets": "WRONG", "jupyterlab": "note "}.items():
        [line] = [line for line in lines if line.startswith(f"{state}  {name} is not installed")]
        assert re.search(rf'-> ".*python.*" -m pip install "{name}>=', lines[lines.index(line) + 1])
    [line] = [line for line in lines if line.startswith("note   not installed: captum")]
    assert "pip install" in lines[lines.index(line) + 1] and "keras" in line
    for part in ("note   device", "note   memory", "WRONG  d2lhelpers is not installed",
                 "WRONG  JupyterLab has no kernel", "ok     data", "ok     what you solve"):  # fmt: skip
        assert any(line.startswith(part) for line in lines), part


def test_packages_that_are_there_and_broken_are_said_one_by_one(tmp_path):
    broken = {"torch": "OSError('libtorch.so is missing')", "ipywidgets": "ImportError('half of it')"}
    for name, error in broken.items():
        (tmp_path / f"{name}.py").write_text(f"raise {error}\n")
    status, lines = run(sys.executable, PYTHONPATH=str(tmp_path))
    text = "\n".join(lines)
    assert status == 1
    for name, why in (("torch", "OSError: libtorch.so is missing"), ("ipywidgets", "ImportError: half of it")):
        assert re.search(rf"WRONG  {name} .* cannot be imported: {why}\n +-> .*--force-reinstall {name}==", text)
    assert "jupyterlab" in text and "ok     data" in text and "device, bfloat16, and threads: not examined" in text


@pytest.mark.parametrize("name", ["doctor.py", "__init__.py", "course/solved.py"])
def test_what_the_doctor_needs_of_the_package_is_understood_by_older_pythons(name):
    tree = ast.parse((ROOT / "d2lhelpers" / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name if isinstance(node, ast.Import) else node.module for node in imported for alias in node.names}
    assert {top.split(".")[0] for top in names} <= set(sys.stdlib_module_names)


def test_an_older_python_is_told_how_to_name_another_one(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 18, "final", 0))
    findings = list(doctor.examine())
    assert findings[0].state == doctor.WRONG and "make lab PYTHON=python3.12" in findings[0].remedy
    assert any("data" in finding.text for finding in findings) and not any("torch" in f.text for f in findings)


def test_an_examination_that_breaks_stops_no_other(monkeypatch, capsys):
    def data():
        raise KeyError("nobody thought of this\nin two lines")
        yield

    monkeypatch.setattr(doctor, "data", data)
    with pytest.raises(SystemExit) as ended:
        doctor.main()
    printed = capsys.readouterr().out
    assert ended.value.code == 1
    assert "WRONG  data: could not be examined: KeyError" in printed and "what you solve" in printed


# Thing by thing


def test_another_python_than_that_of_make_lab_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "clone", lambda: tmp_path)
    python = tmp_path / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    assert f"{python} -m d2lhelpers.doctor" in found(doctor.python, doctor.NOTE).remedy
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path / ".venv"))
    assert all(finding.state == doctor.OK for finding in doctor.python())


@pytest.mark.parametrize("version, old", [("2.7.1", True), ("2.10.0+cpu", False), ("2.8.0rc1", False), ("1.13", True)])
def test_a_version_that_is_too_old_is_said_with_the_one_that_is_needed(monkeypatch, tmp_path, version, old):
    folder = tmp_path / f"torch-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    monkeypatch.syspath_prepend(tmp_path)
    if old:
        finding = found(doctor.packages)
        assert f"torch {version} is too old; the course needs 2.8" in finding.text and "torch>=2.8" in finding.remedy
    else:
        assert not [finding for finding in doctor.packages() if finding.state == doctor.WRONG]


def test_a_torchvision_that_does_not_fit_its_torch_is_said_with_the_remedy_for_both(monkeypatch, tmp_path):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.delitem(sys.modules, "torchvision")
    monkeypatch.syspath_prepend(tmp_path)
    finding = found(doctor.packages)
    assert "torchvision::nms" in finding.text and "--force-reinstall torch torchvision" in finding.remedy


def test_what_is_asked_for_is_what_the_files_say(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    from_clone = {name: lowest for name, lowest, _ in doctor.required()}
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    stated = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', re.search(r"^dependencies = \[.*\]$", text, flags=re.M)[0]))
    assert stated.items() <= from_clone.items()
    assert {"jupyterlab", "captum"} < set(from_clone) and not {"pytest", "d2l"} & set(from_clone)
    monkeypatch.setattr(doctor, "clone", lambda: None)
    assert {name: lowest for name, lowest, _ in doctor.required()} == stated


def test_a_device_that_does_not_compute_is_said_with_how_to_do_without(monkeypatch):
    monkeypatch.setattr(d2lhelpers.device, "try_all_gpus", lambda: [torch.device("meta"), torch.device("cpu")])
    finding = found(doctor.devices)
    assert "device meta does not compute" in finding.text and "CUDA_VISIBLE_DEVICES=-1" in finding.remedy
    assert "device cpu" in found(doctor.devices, doctor.OK).text


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_as_the_package_decides_it(monkeypatch, fast):
    monkeypatch.setattr(d2lhelpers.device, "try_all_gpus", lambda: [torch.device("cpu")])
    monkeypatch.setattr(d2lhelpers.device, "computes_bfloat16_fast", lambda device: fast)
    assert f"bfloat16 in hardware: {'yes' if fast else 'no'}" in found(doctor.devices, doctor.OK).text


@pytest.mark.parametrize("build, advice", [(None, "pytorch.org"), ("13.0", "driver")])
def test_a_card_that_pytorch_does_not_see_is_noted_and_is_not_wrong(monkeypatch, build, advice):
    monkeypatch.setattr(d2lhelpers.device, "try_all_gpus", lambda: [torch.device("cpu")])
    monkeypatch.setattr(doctor.shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(torch.version, "cuda", build)
    assert advice in found(doctor.devices, doctor.NOTE).remedy


def test_a_package_that_was_edited_and_broken_is_fetched_again(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: compile("def train(", "train.py", "exec"))
    finding = found(doctor.helpers)
    assert "train.py" in finding.text and "git checkout d2lhelpers" in finding.remedy


@pytest.fixture
def container(monkeypatch, tmp_path):
    """Let the limits of control groups be read from a folder; return a function that writes such a file."""
    monkeypatch.setattr(doctor, "CGROUPS", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=64 * GB, available=50 * GB))

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    return write


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has control groups")


@linux
def test_more_threads_than_the_container_may_use_are_wrong(container, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    container("cpu.max", "200000 100000")
    assert "OMP_NUM_THREADS=2" in found(doctor.threads).remedy
    container("cpu.max", "max 100000")
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda pid: range(16))
    assert "processors 16" in found(doctor.threads, doctor.OK).text
    container("cpu/cpu.cfs_quota_us", "50000")  # version 1
    container("cpu/cpu.cfs_period_us", "100000")
    assert "OMP_NUM_THREADS=1" in found(doctor.threads).remedy


def test_too_little_memory_is_wrong(container, monkeypatch):
    assert found(doctor.memory, doctor.OK).text == "memory 64.0 GB; free 50.0 GB"
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=4 * GB, available=GB / 2))
    finding = found(doctor.memory)
    assert "free 0.5 GB" in finding.text and "Shut Down All Kernels" in finding.remedy


@linux
def test_the_limit_of_a_container_counts_in_both_versions(container):
    container("memory.max", str(4 * GB))
    container("memory.current", str(3 * GB))
    container("memory.stat", f"anon 5\ninactive_file {2 * GB}")
    assert "of which this container may use 4.0 GB; free 3.0 GB" in found(doctor.memory, doctor.OK).text
    container("memory.current", str(4 * GB))
    container("memory.stat", "inactive_file 0")
    assert "free 0.0 GB" in found(doctor.memory).text
    container("memory.max", "max")
    container("memory/memory.limit_in_bytes", str(2**63 - 4096))
    assert "container" not in found(doctor.memory, doctor.OK).text
    container("memory/memory.limit_in_bytes", str(2 * GB))
    container("memory/memory.usage_in_bytes", str(GB + GB // 2))
    container("memory/memory.stat", f"inactive_file 7\ntotal_inactive_file {GB // 2}")
    assert "may use 2.0 GB; free 1.0 GB" in found(doctor.memory).text


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Return a folder with another package of this name, which Python finds first."""
    (tmp_path / "d2lhelpers").mkdir()
    (tmp_path / "d2lhelpers" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(ROOT)
    return tmp_path / "d2lhelpers"


def test_an_installed_package_that_is_not_this_clones_is_said_with_both_places(elsewhere):
    finding = found(doctor.installation)
    assert str(elsewhere) in finding.text and f"pip install -e {ROOT}" in finding.remedy


def test_outside_a_clone_the_installed_package_is_the_right_one(elsewhere, monkeypatch):
    monkeypatch.setattr(doctor, "clone", lambda: None)
    assert "installed" in found(doctor.installation, doctor.OK).text


@pytest.fixture
def kernelspec(monkeypatch, tmp_path):
    """Return a function that registers the kernel that JupyterLab finds first."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)

    def register(program: str) -> None:
        spec = {"argv": [program, "-m", "ipykernel_launcher"], "display_name": "Mine", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))

    return register


def test_a_kernel_that_is_another_python_is_said_with_both_places(kernelspec, tmp_path):
    venv.create(tmp_path / "other", symlinks=os.name != "nt")
    kernelspec(str(tmp_path / "other" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")))
    finding = found(doctor.kernel)
    assert "'Mine'" in finding.text and str(tmp_path / "other") in finding.text
    assert "make lab" in finding.remedy and str(tmp_path / "kernels") in finding.remedy


def test_a_kernel_whose_python_is_gone_is_said(kernelspec, tmp_path):
    kernelspec(str(tmp_path / "gone" / "python"))
    assert "cannot be started" in found(doctor.kernel).text


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_a_kernel_behind_another_program_is_left_open(kernelspec, tmp_path):
    (tmp_path / "wrapper").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "wrapper").chmod(0o755)
    kernelspec(str(tmp_path / "wrapper"))
    assert "sys.executable" in found(doctor.kernel, doctor.NOTE).remedy


@pytest.mark.parametrize("program", ["python", "python3", sys.executable])
def test_a_kernel_that_is_this_python_is_right(kernelspec, program):
    kernelspec(program)
    assert "this Python" in found(doctor.kernel, doctor.OK).text


def test_without_a_kernel_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", None)
    assert "ipykernel" in found(doctor.kernel).remedy


def test_damaged_and_missing_data_are_named_file_by_file(monkeypatch, tmp_path):
    for path in (doctor.PACKAGE / "data").rglob("*.*"):
        copy = tmp_path / "data" / path.relative_to(doctor.PACKAGE / "data")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "data" / "SHA256SUMS").write_bytes((doctor.PACKAGE / "data" / "SHA256SUMS").read_bytes())
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path)
    assert found(doctor.data, doctor.OK)
    (tmp_path / "data" / "spoken_digits" / "person.flac").unlink()
    images = tmp_path / "data" / "fashion_mnist" / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-1])
    damaged, missing = doctor.data()
    assert "train-images" in damaged.text and "damaged" in damaged.text and "git checkout" in damaged.remedy
    assert "person.flac is missing" in missing.text and "spoken_digits/person.flac" in missing.remedy


def test_every_data_file_has_its_sum_and_the_package_states_the_same():
    folder = ROOT / "d2lhelpers" / "data"
    sums = {name: digest for digest, name in map(str.split, (folder / "SHA256SUMS").read_text().splitlines())}
    files = [path for path in sorted(folder.glob("*/*")) if not path.name.startswith("LICENSE")]
    remedy = "in d2lhelpers/data: LC_ALL=C sha256sum */*.gz */*.flac */*.csv */*.xz > SHA256SUMS"
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sums[path.relative_to(folder).as_posix()], remedy
    assert len(files) == len(sums), remedy
    assert {f"fashion_mnist/{name}": digest for name, digest in SHA256.items()}.items() <= sums.items()


def test_a_disk_without_room_is_wrong(monkeypatch):
    monkeypatch.setattr(doctor.Path, "home", Path.cwd)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=GB // 10))
    assert "0.10 GB" in found(doctor.disk).text


def test_a_progress_file_that_cannot_be_written_is_said_with_how_to_name_another(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "progress.json", "$NOT_SET/progress.json", tmp_path):
        monkeypatch.setenv("D2LHELPERS_PROGRESS", str(place))
        assert "D2LHELPERS_PROGRESS" in found(doctor.progress).remedy
    monkeypatch.setenv("D2LHELPERS_PROGRESS", str(tmp_path / "new" / "folder" / "progress.json"))
    assert found(doctor.progress, doctor.OK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"], "nothing is left behind"


def test_a_progress_file_on_a_full_disk_is_said(monkeypatch, tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root on Linux makes a small disk")
    try:
        (tmp_path / "progress.json").write_text("{}")
        monkeypatch.setenv("D2LHELPERS_PROGRESS", str(tmp_path / "progress.json"))
        assert found(doctor.progress, doctor.OK)
        with pytest.raises(OSError), open(tmp_path / "film", "wb", buffering=0) as film:
            for _ in range(100):
                film.write(bytes(4096))
        assert "No space left" in found(doctor.progress).text
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
