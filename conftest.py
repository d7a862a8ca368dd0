"""For every test, and for every notebook that the tests run: no network, and nobody's progress is touched."""

import os
import tempfile
from pathlib import Path

NO_NETWORK = Path(__file__).parent / "tests" / "no_network"


def pytest_configure() -> None:
    """Hand the block on to all processes that the tests start; kernels of notebooks are such processes."""
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(NO_NETWORK), *([inherited] if inherited else [])])
    os.environ["D2LHELPERS_CLAIMS"] = "strict"  # a claim that does not hold is an error, for learners it is a result
    os.environ["D2LHELPERS_PROGRESS"] = os.path.join(tempfile.mkdtemp(), "progress.json")
