"""Show or rewrite the repository's address, for a teacher's fork.

    python tools/repository.py                                    # what it is, and where it is used
    python tools/repository.py https://github.com/you/your-fork   # rewrite it everywhere

Its place is `pyproject.toml`, under `[project.urls]`; README, notebooks, and the hub's guide repeat it in links to
Colab and Binder and in the lines that install the helpers or clone the course. A test finds any file that disagrees.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")


def address() -> str:
    """Return the repository's address as pyproject.toml has it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "(.+)"$', text, flags=re.MULTILINE).group(1)


def files() -> list[Path]:
    """Return the files that may hold the address."""
    return [
        ROOT / "pyproject.toml",
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "hub" / "HUB.md",
        *sorted((ROOT / "notebooks").glob("*.ipynb")),
    ]


def rewritten(text: str, old: str, new: str) -> str:
    """Return `text` with every link to the repository at `old` leading to `new`, Colab's and Binder's among them."""
    old_name, new_name = (ADDRESS.fullmatch(url).group(1) for url in (old, new))
    text = re.sub(rf"(?<=github\.com/){re.escape(old_name)}(?![\w.-]*\w)", new_name, text)
    services = r"(colab\.research\.google\.com/github|mybinder\.org/v2/gh)/"
    return re.sub(rf"{services}{re.escape(old_name)}(?=/)", rf"\1/{new_name}", text)


def main(arguments: list[str]) -> None:
    """Rewrite the address, or say where it stands."""
    old = address()
    name = ADDRESS.fullmatch(old).group(1)
    if not arguments:
        print(old)
        for path in files():
            print(f"{path.read_text(encoding='utf-8').count(name):4} in {path.relative_to(ROOT)}")
        return
    new = arguments[0].removesuffix("/").removesuffix(".git")
    if ADDRESS.fullmatch(new) is None:
        sys.exit(f"expected an address such as https://github.com/you/your-fork; got {arguments[0]!r}")
    for path in files():
        text = path.read_text(encoding="utf-8")
        changed = rewritten(text, old, new)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
            print(f"rewritten: {path.relative_to(ROOT)}")
    print(f"{old} -> {new}")


if __name__ == "__main__":
    main(sys.argv[1:])
