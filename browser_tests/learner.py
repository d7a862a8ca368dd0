"""What a learner does in JupyterLab, by mouse and by keyboard, and what there is to see."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Route, expect

RUN_LIMIT_MS = 900_000
"""How long a whole notebook may take: many times what it takes on a quiet machine."""

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
"""The only thing that a page of the course shows from elsewhere."""

EMPTY_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'

RED = ", ".join(
    f'.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("error", "stderr")
)
"""What JupyterLab shows in red."""

BROKEN = ".jupyter-widgets-error-widget, .jupyter-widgets-disconnected"
"""Widgets that could not be shown, or have lost their kernel."""

HAS_RUN = """(panel) => {
    const prompts = [...panel.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((prompt) => prompt.textContent);
    const numbered = prompts.filter((text) => text.trim());  // that of a folded cell is empty
    const idle = panel.querySelector(".jp-Notebook-ExecutionIndicator").dataset.status === "idle";
    const anew = panel.querySelector("[data-of-an-earlier-run]") === null;
    return idle && anew && numbered.every((text) => /\\[\\d+\\]/.test(text)) || panel.querySelector(RED) !== null;
}""".replace("RED", json.dumps(RED))

HARD_TO_READ = """(panel) => {
    const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const channels = (color) => {
        brush.clearRect(0, 0, 1, 1);
        brush.fillStyle = color;
        brush.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], below) => [r, g, b].map((value, i) => a * value + (1 - a) * below[i]);
    const behind = (element) => {
        if (element === null) return [255, 255, 255];
        const color = channels(getComputedStyle(element).backgroundColor);
        return color[3] === 1 ? color.slice(0, 3) : over(color, behind(element.parentElement));
    };
    const luminance = (color) => {
        const [r, g, b] = color.map((c) => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const output of panel.querySelectorAll(".jp-OutputArea-output")) {
        const texts = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
            if (!text || element.closest("style, script, option") || !element.checkVisibility()) continue;
            const style = getComputedStyle(element), ground = behind(element);
            const ofBoth = [over(channels(style.color), ground), ground].map(luminance);
            const ratio = (Math.max(...ofBoth) + 0.05) / (Math.min(...ofBoth) + 0.05);
            if (ratio < 4.5) found.push(`${ratio.toFixed(1)}: ${style.color} on ${ground.map(Math.round)}: ${text}`);
        }
    }
    return found;
}"""
"""The texts of all outputs whose contrast is below 4.5, which WCAG 2 asks for at level AA."""


class Learner:
    """Somebody in front of one browser window with JupyterLab in it.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The window.
    address : str
        What JupyterLab says that one should open.
    notebooks : Path
        The folder with the course's notebooks, to know which cell is where.

    Attributes
    ----------
    complaints : list of str
        Errors on the browser's console, and what was asked of other machines.
    """

    def __init__(self, page: Page, address: str, notebooks: Path) -> None:
        self.page, self.address, self.notebooks = page, address, notebooks
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.keys = page.keyboard
        self.complaints: list[str] = []
        self._sources: list[str] = []
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.route(lambda url: urlsplit(url).hostname != urlsplit(address).hostname, self._answer_for_others)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

    def _answer_for_others(self, route: Route, request: Request) -> None:
        """Show Colab's badge without Colab; nothing else may be asked of another machine."""
        if request.url.startswith(("data:", "blob:")):
            return route.fallback()
        if request.url != BADGE:
            self.complaints.append(f"asked of another machine: {request.url}")
        return route.fulfill(content_type="image/svg+xml", body=EMPTY_PICTURE)

    # Notebooks and cells

    def start(self) -> None:
        """Open the address, which leads to notebook 00."""
        self.page.goto(self.address.replace("?", "lab/tree/my_notebooks/00_start_here.ipynb?reset&"))
        self.is_at("00_start_here")

    def open(self, name: str) -> None:
        """Open a notebook by its address."""
        self.page.goto(self.address.replace("?", f"lab/tree/my_notebooks/{name}.ipynb?reset&"))
        self.is_at(name)

    def is_at(self, name: str) -> None:
        """Wait until all cells of this notebook are there and its kernel is, too."""
        cells = json.loads((self.notebooks / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
        self._sources = ["".join(cell["source"]) for cell in cells]
        title = self._sources[0].splitlines()[0].removeprefix("# ")
        expect(self.panel.locator("h1", has_text=title)).to_be_visible()
        expect(self.panel.locator(".jp-Cell")).to_have_count(len(cells))
        expect(self.panel.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")

    def place_of(self, text: str) -> int:
        """Return which cell, counted from 0, has a line that begins so; there has to be one."""
        begins = [any(line.startswith(text) for line in source.splitlines()) for source in self._sources]
        assert begins.count(True) == 1, f"{begins.count(True)} cells have a line that begins with {text!r}"
        return begins.index(True)

    def cell(self, text: str) -> Locator:
        """Return the cell that has a line which begins so."""
        return self.panel.locator(".jp-Cell").nth(self.place_of(text))

    @property
    def active_cell(self) -> Locator:
        return self.panel.locator(".jp-Cell.jp-mod-active")

    def active_place(self) -> int:
        """Return which cell, counted from 0, is the active one."""
        find = "(cells) => cells.findIndex((cell) => cell.classList.contains('jp-mod-active'))"
        return self.panel.locator(".jp-Cell").evaluate_all(find)

    # By mouse

    def choose(self, *menus: str) -> None:
        """Choose from the menus above the page."""
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(menus[0], exact=True).click()
        for name in menus[1:]:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).click()

    def press_button(self, name: str) -> None:
        """Click a button of the notebook's toolbar."""
        self.panel.locator(f'.jp-NotebookPanel-toolbar [data-jp-item-name="{name}"]').click()

    def run_all(self) -> None:
        """Run all cells, and wait until they have run."""
        self._mark_outputs()
        self.choose("Run", "Run All Cells")
        self.all_has_run()

    def restart_and_run_all(self) -> None:
        self._mark_outputs()
        self.choose("Run", "Restart Kernel and Run All Cells…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.all_has_run()

    def run(self, cell: Locator, wait: bool = True) -> Locator:
        """Run one cell with the ▶ of the toolbar; return its output."""
        before = self.runs()
        cell.locator(".jp-InputPrompt").click()
        self.press_button("run")
        if wait:
            self.has_run(cell, before)
            assert self.red() == []
        return cell.locator(".jp-OutputArea-output")

    def write(self, cell: Locator, code: str) -> None:
        """Replace what stands in a cell, as if pasted."""
        cell.locator(".cm-content").click()
        self.keys.press("Control+a")
        self.keys.insert_text(code)

    def run_below(self, cell: Locator, code: str) -> Locator:
        """Run a line of code in a new cell below; return its output."""
        cells = self.panel.locator(".jp-Cell")
        there = cells.count()
        cell.locator(".jp-InputPrompt").click()
        self.press_button("insert")
        expect(cells).to_have_count(there + 1)
        new = cells.nth(self.active_place())
        self.write(new, code)
        return self.run(new)

    # By keyboard

    def choose_by_name(self, command: str) -> None:
        """Choose a command from the palette, by keyboard."""
        self.keys.press("Control+Shift+C")
        expect(self.page.locator(".lm-CommandPalette-input:focus")).to_be_visible()
        self.keys.type(command)
        expect(self.page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(command)
        self.keys.press("Enter")

    def read_and_run_all(self) -> None:
        """Press Shift + Enter in every cell but the last, as notebook 00 asks for; wait until they have run."""
        self.keys.press("Escape")
        cells = self.panel.locator(".jp-Cell")
        for place in range(len(self._sources) - 1):
            expect(cells.nth(place)).to_have_class(re.compile("jp-mod-active"))
            self.keys.press("Shift+Enter")
        self.all_has_run()

    def walk_to(self, text: str) -> Locator:
        """Go from cell to cell with the arrow keys until the active one has a line that begins so.

        JupyterLab passes over cells whose code is folded.
        """
        self.keys.press("Escape")
        cells, goal = self.panel.locator(".jp-Cell"), self.place_of(text)
        arrow = "ArrowDown" if self.active_place() < goal else "ArrowUp"
        while (place := self.active_place()) != goal:
            assert (place < goal) == (arrow == "ArrowDown"), f"{arrow} went past cell {goal} to {place}"
            self.keys.press(arrow)
            expect(cells.nth(place)).not_to_have_class(re.compile("jp-mod-active"))
        return cells.nth(goal)

    def tab_to(self, target: Locator, most: int = 60) -> None:
        """Press Tab until the target has the focus."""
        for _ in range(most):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self.keys.press("Tab")
        focused = self.page.evaluate("() => document.activeElement.outerHTML.slice(0, 300)")
        raise AssertionError(f"{most} times Tab did not lead to {target}; the focus is at {focused}")

    def type_and_run(self, code: str) -> Locator:
        """Replace what stands in the active cell, and run it; return its output."""
        self.keys.press("Enter")
        expect(self.active_cell.locator(".cm-content:focus")).to_be_visible()
        self.keys.press("Control+a")
        self.keys.type(code)
        return self.run_active()

    def press_until_there_are(self, more: int, *keys: str) -> None:
        """Press keys that add or remove cells, and wait until it is done."""
        cells = self.panel.locator(".jp-Cell")
        there = cells.count()
        for key in keys:
            self.keys.press(key)
        expect(cells).to_have_count(there + more)

    def run_active(self) -> Locator:
        """Run the active cell and stay there; return its output."""
        before = self.runs()
        self.keys.press("Control+Enter")
        self.has_run(self.active_cell, before)
        return self.active_cell.locator(".jp-OutputArea-output")

    # What there is to see

    def runs(self) -> int:
        """Return the highest number that a cell has."""
        prompts = self.panel.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
        return max([0, *(int(number) for text in prompts for number in re.findall(r"\d+", text))])

    def has_run(self, cell: Locator, before: int) -> None:
        """Wait until a cell has a higher number than any had before, and is done."""
        self.page.wait_for_function(
            "([prompt, before]) => Number(prompt.textContent.match(/\\d+/)?.[0]) > before",
            arg=[cell.locator(".jp-InputPrompt").element_handle(), before], timeout=RUN_LIMIT_MS,
        )  # fmt: skip

    def all_has_run(self) -> None:
        """Wait until every cell has run, or one of them shows something red."""
        self.page.wait_for_function(HAS_RUN, arg=self.panel.element_handle(), timeout=RUN_LIMIT_MS)
        assert self.red() == []

    def _mark_outputs(self) -> None:
        self.panel.locator(".jp-OutputArea-output").evaluate_all(
            "(outputs) => outputs.forEach((output) => output.setAttribute('data-of-an-earlier-run', ''))"
        )

    def red(self) -> list[str]:
        """Return what is shown in red, and what else has gone wrong visibly."""
        texts = self.panel.locator(f"{RED}, {BROKEN}").all_inner_texts()
        return texts + self.panel.get_by_text(re.compile("Traceback|Error displaying widget")).all_inner_texts()

    def use_theme(self, name: str) -> None:
        """Choose JupyterLab's light or dark theme: "Light" or "Dark"."""
        self.choose("Settings", "Theme", f"JupyterLab {name}")
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {name}")

    def all_is_well(self) -> None:
        """Check that nothing is red, nothing is hard to read in either theme, and the browser has no complaint."""
        assert self.red() == []
        for theme in ("Dark", "Light"):
            self.use_theme(theme)
            assert self.panel.evaluate(HARD_TO_READ) == []
        assert self.complaints == []
