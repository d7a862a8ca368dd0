"""Build the web site, then look at every page of it in a browser."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, sync_playwright

from d2lhelpers.course.exercise import all_exercises

HERE = Path(__file__).parent
ROOT = HERE.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OUTSIDE = ("mailto", "http", "https", "data", "javascript")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from nothing; the build fails at a warning and at an empty page."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, str(HERE / "build.py"), str(folder)], check=True)
    return folder / "html"


@pytest.fixture(scope="session")
def soups(site: Path) -> dict[str, BeautifulSoup]:
    """Every page of the site, by its path."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site, served on this machine."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing about each file."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's own Chromium."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("this test needs Chromium; on Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_every_notebook_has_its_page_with_its_outputs(soups: dict[str, BeautifulSoup]) -> None:
    for path in NOTEBOOKS:
        article = soups[f"notebooks/{path.stem}.html"].article
        outputs = [
            output
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "code"
            for output in cell.outputs
        ]
        pictures = sum("<img" in output.get("data", {}).get("text/html", "") for output in outputs)
        assert len(article.find_all("img")) == pictures, path.name
        claims = sum("class='evidence'" in output.get("data", {}).get("text/html", "") for output in outputs)
        assert len(article.find_all("table", class_="evidence")) == claims, path.name
        assert len(article.find_all(string="Open in Colab")) == 1, path.name


def test_every_exercise_has_hints_and_a_solution_that_are_folded(soups: dict[str, BeautifulSoup]) -> None:
    for path in NOTEBOOKS:
        article = soups[f"notebooks/{path.stem}.html"].article
        checks = sum("check" in cell.metadata.get("tags", []) for cell in nbformat.read(path, as_version=4).cells)
        solutions = [summary.parent for summary in article.find_all("summary", string="A solution")]
        assert len(solutions) == checks, path.name
        assert not any(solution.has_attr("open") for solution in solutions)
        assert all("highlight" in str(solution) for solution in solutions)
        assert len(article.find_all("summary", string="A hint")) == checks


def test_no_link_within_the_site_is_dead(site: Path, soups: dict[str, BeautifulSoup]) -> None:
    names = {page: {tag.get("id") or tag.get("name") for tag in soup.find_all(True)} for page, soup in soups.items()}
    dead = []
    for page, soup in soups.items():
        for tag in soup.find_all(["a", "link", "img", "script", "source"]):
            link = tag.get("href") or tag.get("src")
            if not link or urlsplit(link).scheme in OUTSIDE:
                continue
            target = urlsplit(urljoin(f"/{page}", link))
            path, anchor = unquote(target.path).lstrip("/"), unquote(target.fragment)
            if not (site / path).is_file() or anchor and path in names and anchor not in names[path]:
                dead.append(f"{page}: {link}")
    assert not dead


def test_every_page_is_reached_by_the_navigation(soups: dict[str, BeautifulSoup]) -> None:
    reached = {urljoin("/", link["href"]).lstrip("/") for link in soups["index.html"].nav.find_all("a", href=True)}
    made = {"genindex.html", "py-modindex.html", "search.html", "index.html"}
    assert set(soups) - made <= reached


def test_both_editions_can_be_downloaded(site: Path) -> None:
    answered = {}
    for edition in ("with_answers", "without_answers"):
        with zipfile.ZipFile(site / f"residual-networks_{edition}.zip") as archive:
            files = sorted(name for name in archive.namelist() if not name.endswith("/"))
            assert files == [f"{edition}/{path.name}" for path in NOTEBOOKS]
            notebook = nbformat.reads(archive.read(f"{edition}/03_residual_blocks.ipynb").decode(), as_version=4)
            answered[edition] = all_exercises()["3.1"].solution.strip() in [
                cell.source.strip() for cell in notebook.cells
            ]
    assert answered == {"with_answers": True, "without_answers": False}


def test_every_picture_has_a_text_alternative(soups: dict[str, BeautifulSoup]) -> None:
    bare = [
        f"{page}: {str(image)[:80]}"
        for page, soup in soups.items()
        for image in soup.find_all("img")
        if not image.get("alt")
    ]
    assert not bare


def test_all_cited_papers_are_among_the_references(soups: dict[str, BeautifulSoup]) -> None:
    links = {link["href"] for link in soups["REFERENCES.html"].article.find_all("a", href=True)}
    for path in NOTEBOOKS:
        for number in re.findall(r"https://arxiv\.org/abs/([\d.]+)\)", path.read_text(encoding="utf-8")):
            assert f"https://doi.org/10.48550/arXiv.{number}" in links, path.name


def test_words_and_citations_lead_to_glossary_and_references(soups: dict[str, BeautifulSoup]) -> None:
    for path in NOTEBOOKS:
        links = [link["href"] for link in soups[f"notebooks/{path.stem}.html"].article.find_all("a", href=True)]
        assert any(link.startswith("../SYMBOLS.html#term-") for link in links), path.name
    cited = [link for page in soups.values() for link in page.find_all("a", href=re.compile(r"REFERENCES\.html#."))]
    assert len(cited) > 40
    leads = {(link.text, re.sub(r".*#", "", link["href"])[:30]) for link in cited}
    assert {text for text, to in leads if to.startswith("girshick-2015-fast-r-cnn")} == {"Girshick 2015"}
    assert "Jordan and others 2024" in {text for text, to in leads if to.startswith("jordan-2024-muon")}


def test_the_offline_copy_is_complete(site: Path, soups: dict[str, BeautifulSoup]) -> None:
    with zipfile.ZipFile(site / "residual-networks.zip") as archive:
        assert {f"residual-networks/{name}" for name in soups} <= set(archive.namelist())
        outside = re.compile(r"""(?:src|href)=["'](https?:[^"']*\.(?:js|css|woff2?|svg|png))""")
        for name in soups:
            assert not outside.findall(archive.read(f"residual-networks/{name}").decode()), name


def open_page(browser: Browser, url: str, theme: str, width: int = 1280) -> tuple[Page, list[str]]:
    """Open a page, wait until it is complete, and gather what goes wrong on it."""
    wrong: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("request", lambda request: None if is_here(request.url) else wrong.append(f"from outside: {request.url}"))
    page.goto(url)
    page.wait_for_function("!window.MathJax?.startup || MathJax.startup.promise.then(() => true)")
    return page, wrong


def is_here(url: str) -> bool:
    """Whether something comes from this machine."""
    return urlsplit(url).scheme in ("file", "data", "blob") or urlsplit(url).hostname == "127.0.0.1"


def choose_theme(page: Page, theme: str) -> None:
    """Click the entry of the menu that chooses light or dark."""
    page.evaluate(f"document.querySelector('.theme-change-button[data-mode={theme}]').click()")
    page.evaluate("document.getAnimations().forEach(fading => fading.finish())")
    assert page.evaluate("document.documentElement.dataset.theme") == theme


def violations(page: Page, rules: str) -> list[str]:
    """Return what axe-core calls serious or critical on a page; `rules` is "contrast", or "others".

    The contrast of a piece of code is looked at only if it has a kind of word that no piece before it on the page has:
    its colors follow from these, and there are thousands.
    """
    page.evaluate(
        """() => {
            const seen = new Set();
            for (const block of document.querySelectorAll(".highlight")) {
                const kinds = [...block.querySelectorAll("span")].map(word => word.className);
                block.classList.toggle("nothing-new", kinds.every(kind => seen.has(kind)));
                kinds.forEach(kind => seen.add(kind));
            }
        }"""
    )
    options: dict[str, object] = {"resultTypes": ["violations"], "preload": False}
    if rules == "contrast":
        result = Axe().run(page, {"exclude": [[".nothing-new"]]}, options | {"runOnly": ["color-contrast"]})
    else:
        result = Axe().run(page, options=options | {"rules": {"color-contrast": {"enabled": False}}})
    found = [violation for violation in result.response["violations"] if violation["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:200]}: {node['failureSummary']}" for one in found for node in one["nodes"]]


def test_every_page_opens_fits_and_is_accessible(
    browser: Browser, address: str, soups: dict[str, BeautifulSoup]
) -> None:
    found = []
    for name in soups:
        page, wrong = open_page(browser, address + name, "light")
        page.set_viewport_size({"width": 390, "height": 844})
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wrong.append("it is wider than a phone")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
        wrong += violations(page, "others") + violations(page, "contrast")
        choose_theme(page, "dark")
        wrong += [f"dark: {text}" for text in violations(page, "contrast")]
        found += [f"{name}: {text}" for text in wrong]
        page.close()
    assert not found, "\n" + "\n".join(found)


def test_search_finds_a_word(browser: Browser, address: str, site: Path) -> None:
    for start in (address, site.as_uri() + "/"):
        page, wrong = open_page(browser, f"{start}search.html?q=receptive", "light")
        page.wait_for_selector("#search-results li a[href*='18_receptive_fields']")
        assert not wrong or start.startswith("file")
        page.close()


def test_formulas_need_no_network(browser: Browser, site: Path) -> None:
    page, wrong = open_page(browser, (site / "SYMBOLS.html").as_uri(), "light")
    assert page.locator("mjx-container").count() > 10
    assert page.locator("mjx-merror").count() == 0
    assert not wrong
    page.close()


def test_a_solution_opens_with_the_keyboard(browser: Browser, address: str) -> None:
    page, _ = open_page(browser, f"{address}notebooks/{NOTEBOOKS[0].stem}.html", "light")
    summary = page.locator("summary", has_text="A solution").first
    assert not summary.locator("xpath=..").locator("pre").is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.locator("xpath=..").locator("pre").is_visible()
    page.close()


def test_theme_and_neighbors_are_one_click_away(browser: Browser, address: str) -> None:
    page, _ = open_page(browser, f"{address}notebooks/{NOTEBOOKS[1].stem}.html", "light")
    page.locator(".theme-switch-button:visible").first.click()
    page.locator(".theme-change-button[data-mode=dark]:visible").first.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator("a.right-next").click()
    assert page.url.endswith(f"{NOTEBOOKS[2].stem}.html")
    page.locator("a.left-prev").click()
    assert page.url.endswith(f"{NOTEBOOKS[1].stem}.html")
    page.close()
