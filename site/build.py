"""Build the web site: lay out its source from the files of the course, let Sphinx make the pages, and pack them.

    python site/build.py            # into build/site
    python site/build.py FOLDER     # into another folder

`FOLDER/source` is what Sphinx reads, `FOLDER/html` is the site. No notebook is run: the pages show what was recorded.
"""

from __future__ import annotations

import html
import importlib
import importlib.util
import inspect
import re
import shutil
import subprocess
import sys
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode
from sphinx.cmd.build import main as sphinx_build

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import contents  # noqa: E402
import exercises  # noqa: E402
import notebook_pages  # noqa: E402
import repository  # noqa: E402
from references import References  # noqa: E402

NAME = "residual-networks"
"""Of the offline copy: a zip of the whole site."""

ROOMS = {"": "Data, networks, training", "page": "Figures, tables, output", "course": "Claims and exercises"}
"""The folders of the package, and what is in them."""

DOCUMENTS = ("README", "TEACHING", "EVIDENCE", "RECORDED", "SPEEDRUN", "BENCHMARKS", "SOURCES", "CONTRIBUTING")
"""The documents of the course, in the order of the navigation."""

PICTURE = re.compile(r"!\[[^\]]*\]\((figures/[^)]*)\)")


def main(folder: Path) -> None:
    """Build the site, check that no page is empty, and pack it."""
    source, site = folder / "source", folder / "html"
    for old in (source, site, folder / NAME):
        shutil.rmtree(old, ignore_errors=True)
    lay_out(source)
    options = ["--fail-on-warning", "--keep-going", "--quiet", "-c", str(HERE), "-d", str(folder / "doctrees")]
    if sphinx_build([*options, str(source), str(site)]):
        raise SystemExit("Sphinx has warned about the files named above, and a warning counts as an error here")
    add_mathjax(site / "_static" / "mathjax")
    files = [path for ending in ("*.md", "*.ipynb") for path in sorted(source.rglob(ending))]
    pages = [site / path.relative_to(source).with_suffix(".html") for path in files]
    empty = [str(page.relative_to(site)) for page in pages if len(words(page)) < 40]
    if empty:
        raise SystemExit(f"these pages are missing or nearly empty: {', '.join(empty)}")
    for edition in exercises.make_editions(folder / "editions"):
        shutil.make_archive(str(site / f"{NAME}_{edition.name}"), "zip", edition.parent, edition.name)
    pack(site)
    print(f"{len(pages)} pages in {site}")


def lay_out(source: Path) -> None:
    """Write the source of the site, where the repository has it: notebooks, documents, and pages made from them."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    notebooks = {f"notebooks/{path.name}": nbformat.read(path, as_version=4) for path in paths}
    documents = {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.md"))}
    works = References({name: notebook_pages.list_of_references(notebook) for name, notebook in notebooks.items()})
    made = {
        "index.md": landing(notebooks),
        "RECORDED.md": recorded(notebooks, documents["README.md"]),
        "REFERENCES.md": works.page(),
        **{f"reference/{room or 'd2lhelpers'}.md": reference(room) for room in ROOMS},
    }
    what_follows = documents["README.md"].split("## Start\n", 1)[1]  # what stands above is on the first page, too
    documents["README.md"] = f"# Install and run the course\n\n## Start\n{what_follows}"
    documents["SYMBOLS.md"], terms = notebook_pages.glossary(documents["SYMBOLS.md"])
    pictures = {picture for text in (documents | made).values() for picture in PICTURE.findall(text)}
    titles = {name: text[2:].split("\n", 1)[0] for name, text in (documents | made).items() if text[:2] == "# "}
    there = {**dict.fromkeys([*notebooks, *made, *pictures], ""), **titles}
    for name, text in (documents | made).items():
        write(source / name, linked(text, name, there))
    for name, notebook in notebooks.items():
        notebook_pages.prepare(notebook, terms, works.of[name])
        for cell in notebook.cells:
            cell.source = linked(cell.source, name, there) if cell.cell_type == "markdown" else cell.source
        write(source / name, nbformat.writes(notebook))
    (source / "figures").mkdir()
    for picture in pictures:
        shutil.copy(ROOT / picture, source / picture)


def write(path: Path, text: str) -> None:
    """Write a file and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def linked(text: str, name: str, there: dict[str, str]) -> str:
    """Return Markdown whose links lead to the site for all that is `there`, and else to the repository.

    A link that is called as its file is gets the title of the page, if `there` has one.
    """
    address = f"{repository.address()}/blob/main/"

    def target(match: re.Match[str]) -> str:
        path, anchor = match["path"], match["anchor"] or ""
        if path.startswith(address) and path.removeprefix(address) in there:
            return f"]({relpath(path.removeprefix(address), PurePosixPath(name).parent)}{anchor})"
        if not path or re.match(r"\w+:", path):
            return match[0]
        file = normpath(PurePosixPath(name).parent / path)
        if not (ROOT / file).exists() and file not in there:
            raise SystemExit(
                f"{name} links to {path}, which is neither a page of the site nor a file of the repository"
            )
        return match[0] if file in there else f"]({address}{file}{anchor})"

    def titled(match: re.Match[str]) -> str:
        title = there.get(match[1].removesuffix(".md") + ".md")
        return f"[{title or match[1]}]("

    text = re.sub(r"\[([A-Z]+(?:\.md)?)\]\(", titled, text)
    return re.sub(r"\]\((?P<path>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)", target, text)


def landing(notebooks: dict[str, NotebookNode]) -> str:
    """Return the first page, with the table of the notebooks, and with the navigation of the site."""
    headers = {Path(name): notebook.cells[0].source for name, notebook in notebooks.items()}
    rows = contents.table(headers, "notebooks/", (contents.READING, contents.EXERCISES))
    text = (HERE / "index.md").read_text(encoding="utf-8")
    text = (
        text.replace("TABLE", "\n".join(rows)).replace("FIRST", next(iter(notebooks))).replace("OFFLINE", f"{NAME}.zip")
    ).replace("EDITION", NAME)
    trees = {
        part: [f"{path.stem[:2]} {titles[path.stem[:2]]} <{path}>" for path in headers if path.stem[:2] in titles]
        for part, titles in contents.PARTS.items()
    }
    trees["To look up"] = ["SYMBOLS.md", "REFERENCES.md", *(f"reference/{room or 'd2lhelpers'}.md" for room in ROOMS)]
    trees["The course"] = [f"{name}.md" for name in DOCUMENTS]
    return "\n\n".join([text, *(toctree(caption, entries) for caption, entries in trees.items() if entries)]) + "\n"


def toctree(caption: str, entries: list[str]) -> str:
    """Return a part of the navigation."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: '{caption}'", "", *entries, "```"])


def recorded(notebooks: dict[str, NotebookNode], readme: str) -> str:
    """Return the page that says when, where, and in how many seconds the notebooks were run."""
    machine = re.search(r"The seconds were measured with\s+`make record` on ([^.;]*)", readme)
    if machine is None:
        raise SystemExit("README.md should say 'The seconds were measured with `make record` on' which machine")
    outputs = (output for cell in next(iter(notebooks.values())).cells for output in cell.get("outputs", []))
    versions = next(text for output in outputs if "torchvision" in (text := output.get("text", "")))
    rows = []
    for name, notebook in notebooks.items():
        number = Path(name).stem[:2]
        seconds = re.search(contents.SECONDS, notebook.cells[0].source)[1]
        rows.append(f"| [{number} {contents.TITLES[number]}]({name}) | {seconds} | {last_change(name)} |")
    text = (HERE / "recorded.md").read_text(encoding="utf-8").replace("MACHINE", " ".join(machine[1].split()))
    return text.replace("VERSIONS", f"```text\n{versions}```").replace("TABLE", "\n".join(rows))


def last_change(name: str) -> str:
    """Return the day on which a file last changed, by git."""
    command = ["git", "log", "-1", "--format=%cs", "--", name]
    try:
        day = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        day = ""  # a copy of the course without its history
    return day or "not known"


def reference(room: str) -> str:
    """Return a page with the docstrings of a folder of the package, below a table of what a notebook calls."""
    package = f"d2lhelpers.{room}".rstrip(".")
    files = sorted((ROOT / "d2lhelpers" / room).glob("*.py"))
    form = "{}\n\n```{{eval-rst}}\n.. automodule:: {}\n   {}\n```\n"
    parts = [
        form.format(f"# {ROOMS[room]}: `{package}`", package, ":no-members:"),
        "| call | what it does |\n|---|---|",
    ]
    offered = importlib.import_module(package)
    for name in sorted(offered.__all__, key=str.lower):
        thing = getattr(offered, name)
        if not callable(thing):
            continue  # a color
        summary = inspect.getdoc(thing).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        parts.append(f"| {{py:obj}}`{name} <{thing.__module__}.{thing.__name__}>` | {summary} |")
    parts += [""]
    parts += [
        form.format(f"## {path.stem}", f"{package}.{path.stem}", ":members:")
        for path in files
        if path.stem != "__init__"
    ]
    return "\n".join(parts)


def words(page: Path) -> list[str]:
    """Return the words of a page's article, without what frames it."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    article = re.search(r"<article.*?</article>", text, flags=re.S)
    return html.unescape(re.sub(r"<[^>]*>", " ", article[0])).split() if article else []


def add_mathjax(folder: Path) -> None:
    """Put there what MathJax needs, so that the pages show formulas without a network."""
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    fonts = Path("output", "chtml", "fonts", "woff-v2")
    shutil.copytree(package / fonts, folder / fonts)
    shutil.copy(package / "tex-chtml.js", folder)


def pack(site: Path) -> None:
    """Put a zip of the whole site beside its pages; in the copy, the link to the zip leads to the copy."""
    front = site / "index.html"
    text = front.read_text(encoding="utf-8")
    front.write_text(text.replace(f'href="{NAME}.zip"', 'href="index.html"'), encoding="utf-8")
    copy = shutil.copytree(site, site.parent / NAME)
    front.write_text(text, encoding="utf-8")
    shutil.make_archive(str(site / NAME), "zip", copy.parent, copy.name)
    shutil.rmtree(copy)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve())
