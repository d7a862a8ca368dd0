"""The files for a class on a server: they parse, and what they name exists. `make test-hub` runs the real thing."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from traitlets.config import PyFileConfigLoader

ROOT = Path(__file__).parent.parent
HUB = ROOT / "hub"
COURSE = "/srv/residual-networks/"


@pytest.fixture(scope="module")
def config():
    """Return the hub's configuration."""
    return PyFileConfigLoader("jupyterhub_config.py", path=str(HUB)).load_config()


@pytest.fixture(scope="module")
def values():
    """Return what the chart for Kubernetes is given."""
    return yaml.safe_load((HUB / "values.yaml").read_text(encoding="utf-8"))


def module(name):
    """Return one of the hub's scripts, imported."""
    spec = importlib.util.spec_from_file_location(name, HUB / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def keys(values, path=""):
    """Yield the paths of all keys that the chart is given; below `hub.config` stands what JupyterHub is given."""
    for key, value in values.items():
        if isinstance(value, dict) and path + key != "hub.config":
            yield from keys(value, f"{path}{key}.")
        else:
            yield path + key


def test_the_service_starts_what_is_there():
    for name in ("class-hub.service", "class.slice"):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read(HUB / name, encoding="utf-8")
    service = (HUB / "class-hub.service").read_text(encoding="utf-8")
    start = shlex.split(re.search("^ExecStart=(.*)$", service, re.MULTILINE)[1])
    named = [word.removeprefix(COURSE) for word in start if word.startswith(COURSE)]
    assert named == [".venv/bin/python", "hub/jupyterhub_config.py"]
    assert (ROOT / named[1]).is_file()


def test_a_learner_has_the_limits_that_the_guide_states(config):
    guide = (HUB / "HUB.md").read_text(encoding="utf-8")
    properties = config.SystemdSpawner.unit_extra_properties
    assert f"| memory of a learner | {config.SystemdSpawner.mem_limit.replace('G', ' GB')} |" in guide
    assert f"| processes and threads | {properties['TasksMax']} |" in guide
    sizes = re.findall(r"size=(\d+)M", properties["TemporaryFileSystem"])
    assert f"their own, {sizes[0]}, {sizes[1]}, and {sizes[2]} MB" in guide
    assert "MemoryMax=85%" in (HUB / "class.slice").read_text(encoding="utf-8") and "85% of the machine" in guide
    assert config.SystemdSpawner.slice == "class.slice"


def test_the_hub_listens_on_this_machine_alone_unless_told_otherwise(config):
    assert config.JupyterHub.bind_url == "http://127.0.0.1:8000"


def test_a_learners_server_is_that_of_make_lab_with_private_sockets():
    loaded = PyFileConfigLoader("jupyter_server_config.py", path=str(HUB / "jupyter")).load_config()
    assert loaded.KernelManager.transport == "ipc"
    assert loaded.ContentsManager.pre_save_hook.__name__ == "save_without_widgets"


def refuse(*_):
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("full", [False, True])
def test_the_learners_copy_is_made_when_their_server_starts_and_a_full_home_does_not_stop_it(
    tmp_path, monkeypatch, full
):
    start = module("start_learner")
    if full:
        monkeypatch.setattr(start.lab, "write", refuse)
    said = start.prepare(tmp_path)
    if full:
        assert said == ["the notebooks could not be brought up to date: [Errno 28] No space left on device"]
        return
    copied = {path.name for path in (tmp_path / "my_notebooks").glob("*.ipynb")}
    assert copied == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} and said == []
    assert (tmp_path / "README.md").resolve() == ROOT / "README.md"
    assert start.prepare(tmp_path) == []


@pytest.mark.parametrize("name", ["Mia", "m a", "../mia", "-mia", "mia;", "m" * 24, "1mia", "", "mia\n", "mïa"])
def test_a_name_that_cannot_be_an_account_is_refused(monkeypatch, name):
    accounts = module("accounts")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_run", lambda *_, **__: pytest.fail("nothing may be run for such a name"))
    monkeypatch.setattr("sys.argv", ["accounts.py", "--", name])
    with pytest.raises(SystemExit, match="cannot be a name: it takes small letters"):
        accounts.main()


def test_an_account_of_the_machine_is_not_taken(monkeypatch):
    accounts = module("accounts")
    monkeypatch.setattr(accounts, "_run", lambda *_, **__: pytest.fail("nothing may be run for such a name"))
    for act in (lambda: accounts.add("root", "class", 10), lambda: accounts.remove("root")):
        with pytest.raises(ValueError, match="'root' is"):
            act()


def test_a_list_of_names_can_be_given_again(monkeypatch, capsys):
    accounts, made = module("accounts"), []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_run", lambda *_, **__: None)
    monkeypatch.setattr(accounts, "_members", lambda: ["mia"])
    monkeypatch.setattr(accounts, "add", lambda name, *_: made.append(name))
    monkeypatch.setattr("sys.argv", ["accounts.py", "mia", "noor"])
    accounts.main()
    said = capsys.readouterr().out.splitlines()
    assert made == ["noor"] and said[0].split() == "mia has an account; a new password: --new-password mia".split()
    assert re.fullmatch(r"noor +\w{4}-\w{4}-\w{4}", said[1])


def test_the_image_is_built_from_what_is_there():
    lines = (HUB / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    steps = [line for line in lines if line and not line.startswith("#")]
    assert {line.split()[0] for line in steps} <= {"FROM", "ARG", "WORKDIR", "RUN", "COPY", "ENV", "USER", "CMD"}
    assert steps[0].startswith("FROM python:3.")
    for named in re.findall(r"/srv/residual-networks/([\w./]+)", "\n".join(steps)):
        assert (ROOT / named).exists(), named
    for required in re.findall(r"-r (\S+)", "\n".join(steps)):
        assert (ROOT / required).is_file()
    ignored = (HUB / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert not {"hub", "tools", "notebooks", "d2lhelpers", "README.md", "figures"} & set(ignored)


def test_the_chart_is_given_keys_that_it_documents(values):
    # From the chart's values.schema.yaml, which allows no others; below hub.config anything may stand.
    documented = {
        "cull": {"enabled", "every", "timeout"},
        "hub": {"config"},
        "proxy": {"https.enabled", "https.hosts", "https.letsencrypt.contactEmail"},
        "singleuser": {"cmd", "cpu.guarantee", "cpu.limit", "defaultUrl", "image.name", "image.tag", "memory.guarantee",
                       "memory.limit", "startTimeout", "storage.capacity", "storage.homeMountPath", "storage.type"},
    }  # fmt: skip
    assert set(keys(values)) <= {f"{part}.{key}" for part, known in documented.items() for key in known}
    assert isinstance(values["singleuser"]["image"]["tag"], str)
    assert values["singleuser"]["storage"]["type"] == "dynamic"


def test_the_chart_gives_a_learner_what_the_server_gives(config, values):
    assert values["singleuser"]["memory"]["limit"] == config.SystemdSpawner.mem_limit
    assert values["singleuser"]["defaultUrl"] == config.Spawner.default_url
    image = (HUB / "Dockerfile").read_text(encoding="utf-8")
    assert json.dumps(values["singleuser"]["cmd"]) in image
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH", "OMP_NUM_THREADS"):
        value = config.Spawner.environment[name].replace(str(ROOT), COURSE.rstrip("/"))
        assert re.search(rf"\b{name}={re.escape(value)}(\s|$)", image), name
    home = values["singleuser"]["storage"]["homeMountPath"]
    assert values["hub"]["config"]["KubeSpawner"]["notebook_dir"] == home and f"WORKDIR {home}" in image
    timeout = next(word for word in config.JupyterHub.services[0]["command"] if word.startswith("--timeout"))
    assert timeout == f"--timeout={values['cull']['timeout']}"
