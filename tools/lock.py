"""Write down the versions that recorded the outputs, as a file that pip takes as constraints.

    python tools/lock.py

It lists what requirements.txt leads to, as it is installed where this runs. `tools/record.py` does it after it has
recorded all notebooks, and says so if it records a single one with other versions.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "recorded-versions.txt"
HEADER = """\
# The versions that recorded the outputs, on Python {python}, {system}. `make lock` writes this file.
# To have them again: pip install -c recorded-versions.txt -r requirements.txt
"""


def asked() -> list[Requirement]:
    """Return what requirements.txt asks for, without the package itself."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]


def versions() -> dict[str, str]:
    """Return what requirements.txt leads to: the version of each package, by its name.

    Raises
    ------
    SystemExit
        If something of it is not installed here; the message says what.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in asked()]
    while waiting:
        requirement, extra_of_parent = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra_of_parent}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{requirement} is not installed here; run this with `make lock`") from None
        found[name] = installed.version
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(Requirement(needed), extra) for needed in installed.requires or []]
    return dict(sorted(found.items()))


def recorded() -> dict[str, str]:
    """Return the versions that stand in the file, by name; none if there is no file."""
    lines = LOCK.read_text(encoding="utf-8").splitlines() if LOCK.exists() else []
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def differences() -> list[str]:
    """Return a line for each package that the outputs were recorded with in another version."""
    found = []
    for name, old in recorded().items():
        with suppress(PackageNotFoundError):  # what only another system has, or only the tests
            new = distribution(name).version
            found += [] if new == old else [f"{name} {new} (recorded: {old})"]
    return found


def main() -> None:
    """Write the file."""
    header = HEADER.format(python=platform.python_version(), system=f"{platform.system()} {platform.machine()}")
    lines = [f"{name}=={version}\n" for name, version in versions().items()]
    LOCK.write_text(header + "".join(lines), encoding="utf-8")
    print(f"{LOCK.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
