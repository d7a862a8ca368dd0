"""For every test, and for every notebook that the tests run: no network, and nobody's progress is touched."""

import functools
import json
import os
import re
import tempfile
from pathlib import Path

NO_NETWORK = Path(__file__).parent / "tests" / "no_network"
LONG = {"test_devices.py": 400, "test_stopped_notebooks.py": 350, "test_exercises.py": 150}
"""About how many seconds files of tests take that take many."""


def pytest_configure() -> None:
    """Hand the block on to all processes that the tests start; kernels of notebooks are such processes."""
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(NO_NETWORK), *([inherited] if inherited else [])])
    os.environ["D2LHELPERS_CLAIMS"] = "strict"  # a claim that does not hold is an error, for learners it is a result
    folder = tempfile.mkdtemp()  # of this process alone
    os.environ["D2LHELPERS_PROGRESS"] = os.path.join(folder, "progress.json")
    os.environ["IPYTHONDIR"] = os.path.join(folder, "ipython")  # the kernels' history, and no start-up files


def pytest_collection_modifyitems(items: list) -> None:
    """Where files are shared out among processes, begin with those that take longest, so that all end together."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: seconds_of(item.path), reverse=True)


@functools.cache
def seconds_of(path: Path) -> int:
    """Return about how many seconds a file of tests or a notebook takes, and 0 for those that take few."""
    if path.suffix != ".ipynb":
        return LONG.get(path.name, 0)
    header = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    stated = re.search(r"in\s+about\s+(\d+)\s+seconds", header)  # test_notebooks.py asks every header for this
    return int(stated[1]) if stated else 0
