"""JupyterLab started as `make lab` starts it, and a browser in which a learner uses it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_server.serverapp import list_running_servers
from playwright.sync_api import Page, expect

pytest.register_assert_rewrite("learner")  # so that a failure says what was found

from learner import Learner  # noqa: E402
from pictures import Pictures  # noqa: E402

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LIMIT_S = 240
"""How long a single thing may take: on a machine that is busy with something else, minutes."""

expect.set_options(timeout=LIMIT_S * 1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="write the pictures of README into figures/")


def chromium() -> str:
    """Return where Chromium is."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.exit(
            "There is no Chromium. On Debian and Ubuntu: apt-get install chromium. Elsewhere install Chromium "
            "or Chrome and name it: make test-browser CHROMIUM=/path/to/it",
            returncode=2,
        )
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Start Debian's Chromium; root may only do so without its sandbox."""
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": chromium(), "args": ["--disable-gpu", *as_root]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict, pytestconfig: pytest.Config) -> dict:
    """Set the size of the window, with finer pixels where pictures are taken."""
    fine = 2 if pytestconfig.getoption("--pictures") else 1
    return {**browser_context_args, "viewport": {"width": 1200, "height": 900}, "device_scale_factor": fine}


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab as `make lab` does, on a copy of the course and with nobody's settings; return its address."""
    course, home = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("home")
    for folder in ("notebooks", "tools"):
        shutil.copytree(ROOT / folder, course / folder)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, course)
    runtime = home / "runtime"
    places = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_RUNTIME_DIR": runtime,
        "IPYTHONDIR": home / "ipython",
        "D2LHELPERS_PROGRESS": home / "progress.json",
    }
    # For a learner, a claim that does not hold is a result and not an error.
    environment = {name: value for name, value in os.environ.items() if name != "D2LHELPERS_CLAIMS"}
    with (home / "lab.log").open("w") as log:
        lab = subprocess.Popen(
            [sys.executable, course / "tools" / "lab.py", "--no-browser", f"--ServerApp.port={free_port()}"],
            env=environment | {name: str(place) for name, place in places.items()},
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield address_of(lab, runtime, home / "lab.log")
        finally:
            lab.terminate()
            try:
                lab.wait(LIMIT_S)
            except subprocess.TimeoutExpired:  # a kernel that is starting just then may keep it from ending
                lab.kill()


def free_port() -> int:
    """Return a port that nobody listens to; if somebody takes it, JupyterLab looks for another one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def address_of(lab: subprocess.Popen, runtime: Path, log: Path) -> str:
    """Wait until JupyterLab listens; return the address that it tells the learner."""
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up and lab.poll() is None:
        for server in list_running_servers(runtime):
            return f"{server['url']}?token={server['token']}"
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start; it said:\n{log.read_text()}")


@pytest.fixture
def learner(page: Page, address: str) -> Learner:
    """Return a learner in front of a new window."""
    page.set_default_timeout(LIMIT_S * 1000)
    return Learner(page, address, ROOT / "notebooks")


@pytest.fixture(scope="session")
def pictures(pytestconfig: pytest.Config) -> Iterator[Pictures]:
    """Take the pictures of README, if they are asked for."""
    taken = Pictures(ROOT / "figures" if pytestconfig.getoption("--pictures") else None)
    yield taken
    taken.write_film()
