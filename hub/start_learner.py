"""Start a learner's server on the hub: bring their copy of the notebooks up to date, then become JupyterLab.

It runs as the learner, so it can do no more than the learner can.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(COURSE / "tools"))

import lab  # noqa: E402


def prepare(home: Path) -> list[str]:
    """Bring the copy in a learner's home up to date; return what there is to say, also if the home is full."""
    try:
        said = lab.update(copy=home / "my_notebooks")
        for name in ("README.md", "d2lhelpers"):  # what the notebooks link to
            if not os.path.lexists(home / name):
                (home / name).symlink_to(COURSE / name)
    except OSError as error:
        return [f"the notebooks could not be brought up to date: {error}"]  # with a server one can delete something
    return said


def main() -> None:
    """Prepare the home, and become the server."""
    for line in prepare(Path.home()):
        print(line, flush=True)
    runtime = os.environ.get("RUNTIME_DIRECTORY")  # from systemd: private, in memory, and there when the home is full
    if runtime:
        os.environ["JUPYTER_RUNTIME_DIR"] = runtime
    os.execv(sys.executable, [sys.executable, "-m", "jupyterhub.singleuser", *sys.argv[1:]])


if __name__ == "__main__":
    main()
