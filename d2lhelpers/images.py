"""Pictures in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def show_images(
    imgs: Sequence[Any], num_rows: int, num_cols: int, titles: Sequence[str] | None = None, scale: float = 1.5
) -> Any:
    """Draw images in a grid, and return the array of its panels.

    As in the book, a gray image is dark where its values are high, and each is scaled to its own lowest
    and highest value: the same gray means different values in two images, and every constant image looks alike.

    Parameters
    ----------
    imgs : sequence of torch.Tensor, array or PIL image
        Each of shape (height, width), (1, height, width), (3, height, width) or (height, width, 3).
    num_rows, num_cols : int
        The grid. Panels without an image stay empty.
    titles : sequence of str, optional
        One for each image.
    scale : float
        Inches for each panel's side.

    Raises
    ------
    ValueError
        If there are more images than panels, fewer titles than images, or an image has another shape.
    """
    if len(imgs) > num_rows * num_cols:
        raise ValueError(f"{len(imgs)} images do not fit into a grid of {num_rows} x {num_cols}")
    if titles is not None and len(titles) < len(imgs):
        raise ValueError(f"there are {len(imgs)} images, but only {len(titles)} titles")
    from matplotlib import pyplot as plt

    _, axes = plt.subplots(num_rows, num_cols, figsize=(num_cols * scale, num_rows * scale), squeeze=False)
    axes = axes.flatten()
    for panel in axes:
        panel.axis("off")
    for i, (panel, image) in enumerate(zip(axes, imgs)):
        panel.imshow(_as_picture(image), cmap="gray_r")
        if titles is not None:
            panel.set_title(titles[i])
    return axes


def _as_picture(image: Any) -> Any:
    """Return an image in the order of dimensions that Matplotlib draws."""
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        if image.is_floating_point() and image.element_size() < 4:
            image = image.float()  # NumPy lacks bfloat16 and the types of eight bits
        image = image.numpy()
    if not isinstance(image, np.ndarray):
        return image
    if image.dtype == bool:
        image = image.astype(np.float32)  # Matplotlib 3.10 draws no colors made of truth values
    if image.ndim == 3 and image.shape[0] in (1, 3):
        image = np.moveaxis(image, 0, 2)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4)):
        return image
    raise ValueError(f"an image has the shape (height, width), or that with 1 or 3 channels; got {image.shape}")
