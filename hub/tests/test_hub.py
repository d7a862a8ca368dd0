"""Twelve learners on the hub at once: each has their own, some do harm, nobody else notices.

`make test-hub` runs it in the machine that `machine.sh` makes. It is no part of `make test`.
"""

from __future__ import annotations

import json
import os
import pwd
import stat
from pathlib import Path

import pytest
import requests
from classroom import (
    COURSE,
    NAMES,
    NOTEBOOK,
    accounts,
    at_once,
    come_in,
    command,
    exercise_cells,
    open_the_hub,
    wait_for_the_hub,
)
from learner import HUB, Learner

from d2lhelpers.course.exercise import all_exercises

if not Path("/srv/residual-networks/hub").is_dir() or os.geteuid() != 0:
    pytest.skip("it makes users, mounts and units: run it by `make test-hub`", allow_module_level=True)

EXERCISES = [number for number in all_exercises() if number.startswith("1.")]


@pytest.fixture(scope="session")
def teacher():
    """Return the teacher, logged in at a hub that has just been started."""
    password = accounts("--teacher", "kim")["kim"]
    open_the_hub()
    kim = Learner("kim", password)
    come_in(kim)
    return kim


@pytest.fixture(scope="session")
def everybody(teacher):
    """Return twelve learners who have come in, and have run notebook 01 to its end, all at the same time."""
    passwords = accounts(*NAMES)
    learners = [Learner(name, passwords[name]) for name in NAMES]

    def work(learner: Learner) -> None:
        come_in(learner)
        learner.place = exercise_cells(learner.notebook(NOTEBOOK))[exercise_of(learner)]
        learner.answer = all_exercises()[exercise_of(learner)].solution
        learner.kernel, learner.cells = learner.run(NOTEBOOK, {learner.place: learner.answer})
        learner.kernel.run(f"mine, process = '{learner.name}', __import__('os').getpid()")

    at_once(work, learners)
    return {learner.name: learner for learner in learners}


def exercise_of(learner: Learner) -> str:
    """Return the exercise that a learner answers, so that neighbors answer different ones."""
    return EXERCISES[NAMES.index(learner.name) % len(EXERCISES)]


@pytest.fixture
def nobody_notices(everybody):
    """Compare, before and after, what all learners' kernels and servers are; the test names those that may differ."""
    before = {name: state(learner) for name, learner in everybody.items()}
    affected: list[str] = []
    yield affected
    after = at_once(state, [learner for name, learner in everybody.items() if name not in affected])
    assert after == [mine for name, mine in before.items() if name not in affected]


def state(learner: Learner) -> tuple[str, str, bool]:
    """Return a learner's kernel and server as they are: the same as long as neither was started again."""
    kernel = learner.kernel.run("print(mine, process)").text.strip()
    saved = learner.save("my_notebooks/mine.ipynb", {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    return kernel, command("systemctl", "show", "--property=MainPID", f"class-{learner.name}").strip(), saved.ok


# Each has their own


def test_all_run_01_to_its_end_and_their_answers_are_right(everybody):
    for learner in everybody.values():
        assert [cell.error for cell in learner.cells if cell.error] == []
        verdicts = "".join(cell.text for cell in learner.cells if f"Exercise {exercise_of(learner)} " in cell.text)
        assert f"✓ Exercise {exercise_of(learner)} correct." in verdicts, f"{learner.name}: {verdicts}"


def test_each_has_their_own_progress(everybody):
    for name, learner in everybody.items():
        lines = Path(f"/home/{name}/.d2lhelpers_progress.json").read_text(encoding="utf-8").split("\n")
        assert [json.loads(line)["solved"] for line in lines if line] == [[exercise_of(learner)]]


def test_each_has_their_own_copy_which_nobody_else_can_read(everybody):
    original = sorted(path.name for path in (COURSE / "notebooks").glob("*.ipynb"))
    for name, learner in everybody.items():
        home = Path("/home") / name
        assert sorted(path.name for path in (home / "my_notebooks").glob("[0-9]*.ipynb")) == original
        assert stat.S_IMODE(home.stat().st_mode) == 0o700 and home.stat().st_uid == pwd.getpwnam(name).pw_uid
        cells = json.loads((home / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
        assert "".join(cells[learner.place]["source"]) == learner.answer


# Some do harm, and nobody else notices


def test_a_killed_kernel_comes_back(everybody, nobody_notices):
    mia = everybody["mia"]
    nobody_notices.append("mia")
    assert mia.kernel.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").error == "the kernel died"
    mia.kernel = mia.open(NOTEBOOK)
    assert mia.kernel.run("mine, process = 'mia', __import__('os').getpid(); print(mine)").text == "mia\n"


def test_a_full_home_is_full_for_its_owner_alone(everybody, nobody_notices):
    noor = everybody["noor"]
    nobody_notices.append("noor")
    fill = "with open('/home/noor/big', 'wb', buffering=0) as file:\n    while True: file.write(bytes(2**20))"
    assert "No space left" in noor.kernel.run(fill).error
    assert not noor.save("my_notebooks/mine.ipynb", noor.notebook(NOTEBOOK)).ok
    room = {name: os.statvfs(f"/home/{name}") for name in ("noor", "sam")}
    assert room["noor"].f_bavail * room["noor"].f_frsize < 2**20 < room["sam"].f_bavail * room["sam"].f_frsize
    # Also with a full home the server starts again, and what is too much can be deleted there.
    noor.stop_server()
    noor.start_server()
    noor.kernel = noor.open(NOTEBOOK)
    assert not noor.kernel.run("import os; os.remove('/home/noor/big')").error
    assert state(noor)[2], "now there is room to save"


def test_a_flood_of_memory_in_a_check_is_an_answer_that_was_stopped(everybody, nobody_notices):
    sam = everybody["sam"]
    assert not sam.kernel.run("def is_safe(chain):\n    return [bytes(10**8) + bytes(1) for _ in range(10**6)]").error
    assert "wanted more memory than a check may take" in sam.kernel.run("d2l.check('1.1')").text
    assert sam.kernel.run("print(mine)").text == "sam\n"


def test_a_flood_of_memory_in_a_cell_costs_its_kernel_and_nothing_else(everybody, nobody_notices):
    ana = everybody["ana"]
    nobody_notices.append("ana")
    server = state(ana)[1]
    assert ana.kernel.run("flood = [bytes(10**8) + bytes(1) for _ in range(10**6)]").error == "the kernel died"
    ana.kernel = ana.open(NOTEBOOK)
    ana.kernel.run("mine, process = 'ana', __import__('os').getpid()")
    assert state(ana)[1:] == (server, True)


def test_too_many_processes_are_refused(everybody, nobody_notices):
    code = "import subprocess\nmany = []\nfor _ in range(400): many.append(subprocess.Popen(['sleep', '600']))"
    assert "BlockingIOError" in everybody["ben"].kernel.run(code).error
    everybody["ben"].kernel.run("for process_ in many: process_.kill(); process_.wait()")


def test_files_in_tmp_are_ones_own_and_have_an_end(everybody, nobody_notices):
    assert not everybody["mia"].kernel.run("open('/tmp/mias', 'w').close()").error
    fill = "with open('/tmp/big', 'wb') as file:\n    while True: file.write(bytes(2**20))"
    assert "No space left" in everybody["mia"].kernel.run(fill).error
    everybody["mia"].kernel.run("import os; os.remove('/tmp/big')")
    assert everybody["noor"].kernel.run("import os; print(os.path.exists('/tmp/mias'))").text == "False\n"
    assert not Path("/tmp/mias").exists()


def test_the_hub_can_be_started_again_in_the_middle_of_a_lesson(everybody, nobody_notices):
    command("systemctl", "restart", "class-hub")
    wait_for_the_hub()
    for learner in everybody.values():  # a browser connects again by itself
        learner.kernel = learner.open(NOTEBOOK)


# Who may log in


def test_who_is_refused(teacher):
    command("useradd", "visitor")
    password = accounts("jo")["jo"]
    for name in ("visitor", "root"):
        command("sh", "-c", f"echo {name}:{password} | chpasswd")
    for name, given in [("jo", "wrong"), ("jo", ""), ("nobody-of-this-name", password), ("visitor", password),
                        ("root", password)]:  # fmt: skip
        assert Learner(name, given).log_in() == 403, name
    assert Learner("jo", password).log_in() == 302
    new = accounts("--new-password", "jo")["jo"]
    assert (Learner("jo", password).log_in(), Learner("jo", new).log_in()) == (403, 302)
    command("python3", COURSE / "hub" / "accounts.py", "--remove", "jo")
    assert Learner("jo", new).log_in() == 403
    assert not Path("/home/jo").exists() and not Path("/var/lib/class-hub/jo.home").exists()


@pytest.mark.parametrize("path", [
    "/home/noor", "/home/noor/my_notebooks/01_function_classes.ipynb", "/home/noor/.d2lhelpers_progress.json",
    "/var/lib/class-hub/jupyterhub.sqlite", "/var/lib/class-hub/jupyterhub_cookie_secret",
    "/var/lib/class-hub/noor.home", "/run/class-noor", "/etc/shadow", "/dev/loop0",
])  # fmt: skip
def test_what_is_not_ones_own_cannot_be_read(everybody, path):
    assert os.path.lexists(path)
    assert "PermissionError" in everybody["mia"].kernel.run(f"import os; os.open({path!r}, os.O_RDONLY)").error


@pytest.mark.parametrize("path", [
    "/srv/residual-networks/d2lhelpers/new.py", "/srv/residual-networks/hub/jupyterhub_config.py", "/home/noor/new",
    "/home/new", "/usr/local/new", "/etc/passwd", "/var/lib/class-hub/new",
])  # fmt: skip
def test_what_is_not_ones_own_cannot_be_written(everybody, path):
    error = everybody["mia"].kernel.run(f"open({path!r}, 'a')").error
    assert "PermissionError" in error or "Read-only file system" in error


def test_other_peoples_processes_are_not_seen(everybody):
    seen = "import pathlib; print({path.stat().st_uid for path in pathlib.Path('/proc').glob('[0-9]*')})"
    assert everybody["mia"].kernel.run(seen).text == f"{{{pwd.getpwnam('mia').pw_uid}}}\n"
    status = everybody["mia"].kernel.run("print(open('/proc/self/status').read())").text
    assert "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status


def test_anothers_server_is_refused(everybody):
    mia = everybody["mia"]
    stranger = Learner("stranger", "")
    port = command(
        "sh", "-c", "ss -tlnp | grep pid=$(systemctl show -P MainPID class-noor), | grep -o '127.0.0.1:[0-9]*'"
    )
    direct = f"http://{port.split()[0]}/user/noor/api/contents"
    for who, token in ((mia, mia.token), (stranger, "")):
        who.token = token
        assert mia.call("GET", "contents").ok
        assert who.call("GET", "contents", whose="noor").status_code == 403
        assert who.call("GET", f"kernels/{everybody['noor'].kernel.number}", whose="noor").status_code == 403
        assert requests.get(direct, headers={"Authorization": f"token {token}"}).status_code == 403
        for method, path in [("GET", "users"), ("GET", "users/noor"), ("POST", "users/noor/tokens"),
                             ("DELETE", "users/noor/server"), ("POST", "users/new"), ("POST", "shutdown"),
                             ("GET", "proxy")]:  # fmt: skip
            assert who.hub(method, path).status_code in (403, 404), f"{method} {path}"
    assert mia.browser.get(f"{HUB}/hub/admin").status_code == 403
    assert mia.browser.get(f"{HUB}/user/noor/lab").status_code in (403, 404)
    assert requests.get("http://127.0.0.1:8001/api/routes").status_code == 403, "the proxy takes orders from the hub"


def test_what_a_kernel_prints_cannot_be_heard_on_a_port(everybody):
    kernels = json.loads(everybody["noor"].call("GET", "kernels").text)
    (connection,) = Path("/run/class-noor").glob(f"kernel-{kernels[0]['id']}.json")
    assert json.loads(connection.read_text())["transport"] == "ipc"


def test_a_teacher_sees_who_is_there_and_can_open_and_end_a_server(teacher, everybody):
    sam = everybody["sam"]
    assert teacher.browser.get(f"{HUB}/hub/admin").status_code == 200
    assert {user["name"] for user in teacher.hub("GET", "users").json() if user["servers"]} >= set(NAMES)
    assert teacher.call("GET", f"contents/{NOTEBOOK}", whose="sam").ok
    assert teacher.hub("DELETE", "users/sam/server").status_code in (202, 204)
    sam.stop_server()
    sam.start_server()
    sam.kernel = sam.open(NOTEBOOK)
    sam.kernel.run("mine, process = 'sam', __import__('os').getpid()")
