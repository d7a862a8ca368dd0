"""The pictures of README and site that are taken while a learner uses the course."""

from __future__ import annotations

import io
from pathlib import Path

from learner import Learner
from PIL import Image
from playwright.sync_api import Locator

WIDTH, HEIGHT = 868, 520
"""Of the film and of stills, in pixels of the page."""

CHAPTERS = ("training", "claim", "check")


class Pictures:
    """Stills and a short film, as WebP.

    Parameters
    ----------
    folder : Path or None
        Where they are written; without a folder none are taken.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._frames: dict[str, list[tuple[Image.Image, int]]] = {chapter: [] for chapter in CHAPTERS}

    def frame(self, chapter: str, learner: Learner, top: Locator, milliseconds: int) -> None:
        """Add a picture of the page, from the top of a cell downward, to a chapter of the film."""
        if self.folder is not None:
            self._frames[chapter].append((self._taken(learner, top, HEIGHT), milliseconds))

    def still(self, name: str, learner: Learner, top: Locator, height: int = HEIGHT) -> None:
        """Write a picture of the page, from the top of a cell downward."""
        if self.folder is not None:
            self._taken(learner, top, height).save(self.folder / name, quality=85, method=6)

    def write_film(self) -> None:
        """Write the film, if every chapter has its pictures."""
        if all(self._frames.values()):
            pictures, durations = zip(*(frame for frames in self._frames.values() for frame in frames))
            small = [picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS) for picture in pictures]
            options = {"duration": list(durations), "loop": 0, "quality": 70, "method": 6, "minimize_size": True}
            small[0].save(self.folder / "in_jupyterlab.webp", save_all=True, append_images=small[1:], **options)

    def _taken(self, learner: Learner, top: Locator, height: int) -> Image.Image:
        learner.page.mouse.move(0, 0)  # nothing is to look touched
        place = top.evaluate(
            """(cell) => {
                const page = cell.closest(".jp-WindowedPanel-outer");
                page.scrollTop += cell.getBoundingClientRect().top - page.getBoundingClientRect().top - 8;
                return page.getBoundingClientRect().toJSON();
            }"""
        )
        clip = {"x": place["x"], "y": place["y"], "width": WIDTH, "height": height}
        return Image.open(io.BytesIO(learner.page.screenshot(clip=clip))).convert("RGB")
