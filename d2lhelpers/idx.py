"""IDX files: the format of MNIST, and of data sets made to take its place."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch

NAMES = {True: "train", False: "t10k"}
"""How the names of the four files begin: those for training, and those for testing."""


def read_labeled_images(folder: Path | str, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the training or the test images of a folder like that of MNIST, and their labels.

    The folder has four files: ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, and two that begin with
    ``t10k``. Each may be compressed, with ``.gz`` at its end, or have a dot in place of the last hyphen but one.

    Parameters
    ----------
    folder : path
        Where the files are.
    train : bool
        Which two of them to read.

    Returns
    -------
    images : torch.Tensor
        Of shape (examples, 1, height, width), uint8.
    labels : torch.Tensor
        Of shape (examples,), int64.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message names it and the folder, in one sentence.
    ValueError
        If a file is damaged, or images and labels do not belong together.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges: *The MNIST database of handwritten digits*.
    """
    images = read_idx(_find(Path(folder), f"{NAMES[bool(train)]}-images", 3))
    labels = read_idx(_find(Path(folder), f"{NAMES[bool(train)]}-labels", 1))
    if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels):
        raise ValueError(
            f"the files in {folder} have images of shape {tuple(images.shape)} and labels of shape "
            f"{tuple(labels.shape)}; expected (examples, height, width) and (examples,)"
        )
    return images[:, None], labels.long()


def read_idx(path: Path | str) -> torch.Tensor:
    """Return the array of bytes in an IDX file, compressed by gzip or not.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    torch.Tensor
        uint8, of the shape that the file states.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no IDX file of bytes, or cut off; the message says what was found.
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"{path} is no IDX file of bytes: it begins with {content[:4]!r}; expected b'\\x00\\x00\\x08'")
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    start = 4 + 4 * len(shape)
    if len(content) != start + math.prod(shape):
        raise ValueError(
            f"{path} is damaged: an array of shape {shape} has {math.prod(shape):,} bytes, and the file has "
            f"{len(content) - start:,} behind its header"
        )
    if math.prod(shape) == 0:
        return torch.empty(shape, dtype=torch.uint8)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)


def _find(folder: Path, stem: str, dimensions: int) -> Path:
    """Return the file of this name, in one of its four spellings."""
    spellings = [f"{stem}{mark}idx{dimensions}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    for name in spellings:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"the folder {str(folder)!r} has no file {spellings[0]}, compressed (.gz) or not")
