"""Cluttered scenes composed of single items, with the box of every item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

VISIBLE = 0.1
"""What is darker than this, of 1, is not part of an item."""

Box = tuple[int, int, int, int]


def make_scene(
    items: tuple[torch.Tensor, torch.Tensor], number: int | Sequence[int], side: int = 96
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Compose scene `number`, always the same for the same items.

    The canvas has soft shades of gray, noise, and twelve scraps cut from the middle of items. On it lie two to six
    items, each 0.75 to 1.3 times its size, where at most a tenth of one is hidden by another. Where no place was found
    in twelve tries, they are fewer.

    Parameters
    ----------
    items : (torch.Tensor, torch.Tensor)
        Images of shape (count, 1, 28, 28), uint8, and their classes from 0, as `read_fashion_mnist` gives them.
    number : int or sequence of int
        Chooses the scene; from 0.
    side : int
        Of the scene, in pixels.

    Returns
    -------
    picture : torch.Tensor
        Of shape (1, side, side), floats from 0 to 1.
    target : dict
        As torchvision's detectors want it: `boxes` of shape (found, 4), with left, top, right, bottom in pixels, the
        edges of what is visible of an item on its own; `labels` of shape (found,), the class plus 1, since 0 is the
        background.
    """
    (images, classes), chance = items, np.random.default_rng(number)
    canvas, boxes, labels = _clutter(images, chance, side), [], []
    wanted = chance.integers(2, 7)
    for i in chance.integers(len(images), size=12):
        if len(boxes) == wanted:
            break
        size = round(28 * chance.uniform(0.75, 1.3))
        item = F.interpolate(images[i : i + 1] / 255, (size, size), mode="bilinear", antialias=True)
        item = without_border(item[0, 0])
        height, width = item.shape
        left, top = int(chance.integers(side - width + 1)), int(chance.integers(side - height + 1))
        box = (left, top, left + width, top + height)
        if not any(_hides_too_much(box, other) for other in boxes):
            spot = canvas[top : top + height, left : left + width]
            spot.copy_(torch.where(item > VISIBLE, item, spot))
            boxes.append(box)
            labels.append(int(classes[i]) + 1)
    return canvas[None], {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(labels)}


def without_border(item: torch.Tensor) -> torch.Tensor:
    """Cut off the dark rows and columns around an item (height, width), so that its edges are its box."""
    visible = (item > VISIBLE).numpy()
    rows, columns = visible.any(axis=1).nonzero()[0], visible.any(axis=0).nonzero()[0]
    return item[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _clutter(images: torch.Tensor, chance: np.random.Generator, side: int) -> torch.Tensor:
    """Return soft shades of gray, noise, and twelve scraps of cloth: (side, side)."""
    shades = torch.from_numpy(chance.random((1, 1, 6, 6), dtype=np.float32))
    canvas = 0.5 * F.interpolate(shades, (side, side), mode="bilinear")[0, 0]
    canvas += 0.1 * torch.from_numpy(chance.random((side, side), dtype=np.float32))
    pixels, drawn = images.numpy(), canvas.numpy()  # small cuts are faster in NumPy
    for i in chance.integers(len(images), size=12):
        height, width, y, x = (chance.integers(*ends) for ends in ((5, 13), (5, 13), (4, 14), (4, 14)))
        top, left = chance.integers(side - height), chance.integers(side - width)
        scrap = pixels[i, 0, y : y + height, x : x + width]
        np.divide(scrap, 255, out=drawn[top : top + height, left : left + width], dtype=np.float32)
    return canvas


def _hides_too_much(box: Box, other: Box) -> bool:
    """Tell whether two boxes share more than a tenth of the smaller one."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (box, other)]
    return max(width, 0) * max(height, 0) > 0.1 * min(areas)
