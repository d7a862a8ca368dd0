"""Fashion-MNIST: 60,000 training and 10,000 test images of clothes, part of this package."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import torch
from torch.nn import functional as F

from d2lhelpers.arguments import whole_number
from d2lhelpers.idx import read_idx

DATA_FOLDER = Path(__file__).parent / "data" / "fashion_mnist"

CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

SHA256 = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}


def load_data_fashion_mnist(
    batch_size: int,
    resize: int | tuple[int, int] | None = None,
    *,
    device: torch.device | str = "cpu",
    seed: int | None = None,
) -> tuple[FashionMNISTBatches, FashionMNISTBatches]:
    """Return the training batches, shuffled anew each epoch, and the test batches, in order.

    A batch is a pair `X, y`: images of shape (batch, 1, height, width), floats from 0 to 1 in PyTorch's
    default type (float32), and labels of shape (batch,), int64. The last batch may be smaller.
    Batches and data belong to the caller: changing them changes nothing in another loader.

    Parameters
    ----------
    batch_size : int
        Images in a batch.
    resize : int or (int, int), optional
        Side of the square, or height and width, in pixels, that images are resized to; else 28×28.
    device : torch.device
        Where the images are kept and the batches are made.
    seed : int, optional
        Makes the order of the training images the same in every run; without it, the order
        follows `torch.manual_seed`.

    Raises
    ------
    ValueError
        If `batch_size`, `resize` or `seed` is not a whole number in its range.
    FileNotFoundError, ValueError
        If a file of the data set is missing or damaged.
    """
    return tuple(
        FashionMNISTBatches(*_read(train), batch_size, resize, shuffle=train, seed=seed, device=device)
        for train in (True, False)
    )


class FashionMNISTBatches:
    """An iterable of batches `X, y` made from one uint8 tensor, with a length.

    Indexing, resizing and conversion are done on a whole batch at once, on the device that holds
    the images. The values are those of torchvision's `Resize` and `ToTensor` on single images; for
    sizes that the book does not use, up to a rounding (see `resize_images`).

    Parameters
    ----------
    images : torch.Tensor
        Of shape (examples, 1, 28, 28), uint8.
    labels : torch.Tensor
        Of shape (examples,), int64.
    batch_size, resize, device, seed
        As in `load_data_fashion_mnist`.
    shuffle : bool
        Whether each epoch has an order of its own.

    Attributes
    ----------
    images, labels : torch.Tensor
        What the batches are made from, on `device`, as copies of this object's own, made when they are first asked
        for. What is put in their place holds from the next epoch.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        resize: int | tuple[int, int] | None = None,
        *,
        shuffle: bool = False,
        seed: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.batch_size = whole_number(batch_size, "batch_size")
        self.resize = None if resize is None else _height_and_width(resize)
        self.shuffle = shuffle
        self.generator = None
        if seed is not None:
            self.generator = torch.Generator().manual_seed(whole_number(seed, "seed", lowest=0, highest=2**63 - 1))
        self._images, self._labels, self._are_own = images.to(device), labels.to(device), False

    @property
    def images(self) -> torch.Tensor:
        self._own()
        return self._images

    @images.setter
    def images(self, images: torch.Tensor) -> None:
        self._images = images

    @property
    def labels(self) -> torch.Tensor:
        self._own()
        return self._labels

    @labels.setter
    def labels(self, labels: torch.Tensor) -> None:
        self._labels = labels

    def _own(self) -> None:
        """Copy what all loaders share before somebody can change it; who only trains needs no copy."""
        if not self._are_own:
            self._images, self._labels, self._are_own = self._images.clone(), self._labels.clone(), True

    def to(self, device: torch.device | str) -> FashionMNISTBatches:
        """Return batches that are made on `device`; these here stay where they are.

        Tensors that are on `device` already are shared, and so is the generator of a `seed`: the
        orders of the epochs go on, whichever of the two is asked for the next one.
        """
        moved = copy.copy(self)
        moved._images, moved._labels = self._images.to(device), self._labels.to(device)
        return moved

    def __len__(self) -> int:
        return -(-len(self._labels) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        # Drawn on the CPU, so that an order depends on the seed and not on the device.
        count = len(self._labels)
        order = torch.randperm(count, generator=self.generator) if self.shuffle else torch.arange(count)
        for indices in order.to(self._labels.device).split(self.batch_size):
            yield self._as_floats(self._images.index_select(0, indices)), self._labels[indices]

    def _as_floats(self, images: torch.Tensor) -> torch.Tensor:
        """Resize a batch of uint8 images and scale it to floats from 0 to 1."""
        if self.resize is not None:
            images = resize_images(images, self.resize)
        return images.to(torch.get_default_dtype()).div_(255)


def resize_images(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize uint8 images as Pillow's bilinear filter does, which torchvision's `Resize` uses.

    Parameters
    ----------
    images : torch.Tensor
        Of shape (batch, channels, height, width), uint8, on any device.
    size : (int, int)
        New height and width in pixels.

    Returns
    -------
    torch.Tensor
        uint8; on the CPU equal to Pillow's to the last bit for the sizes that the book uses (64, 96,
        224), and within two of 255 steps for any size; elsewhere within two for every size.
    """
    if images.device.type == "cpu":
        return _resize_by_fours(images, size)
    # Other devices interpolate floats only.
    return F.interpolate(images.float(), size, mode="bilinear", antialias=True).round().to(torch.uint8)


def _resize_by_fours(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize uint8 images on the CPU, four maps at once.

    PyTorch's fast kernel works on pixels of four bytes, meant for red, green, blue and opacity. Four
    gray maps, interleaved, fill them; one alone would leave three of the four bytes unused.
    """
    maps = images.flatten(0, 1)  # (batch * channels, height, width)
    padded = F.pad(maps, (0, 0, 0, 0, 0, -len(maps) % 4))
    fours = padded.unflatten(0, (-1, 4)).contiguous(memory_format=torch.channels_last)
    resized = F.interpolate(fours, size, mode="bilinear", antialias=True)
    return resized.contiguous().flatten(0, 1)[: len(maps)].unflatten(0, images.shape[:2])


def get_fashion_mnist_labels(labels: Iterable[int | torch.Tensor]) -> list[str]:
    """Return the names of the classes for numeric labels from 0 to 9.

    Raises
    ------
    ValueError
        If a label is outside this range.
    """
    labels = list(labels)
    for label in labels:
        if label not in range(len(CLASSES)):
            raise ValueError(f"Fashion-MNIST has the labels 0 to {len(CLASSES) - 1}; got {label}")
    return [CLASSES[int(label)] for label in labels]


def read_fashion_mnist(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the training or the test set; the files are read once in a process.

    Returns
    -------
    images : torch.Tensor
        Of shape (60000 or 10000, 1, 28, 28), uint8; a copy of the caller's own, as are the labels.
    labels : torch.Tensor
        Of shape (60000 or 10000,), int64.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing or damaged; the message names it and says what to do.
    """
    images, labels = _read(train)
    return images.clone(), labels.clone()


@lru_cache
def _read(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tensors that all loaders share: nobody outside this module may get hold of them."""
    prefix = "train" if train else "t10k"
    images = read_idx(_original(DATA_FOLDER / f"{prefix}-images-idx3-ubyte.gz"))
    labels = read_idx(_original(DATA_FOLDER / f"{prefix}-labels-idx1-ubyte.gz"))
    return images[:, None], labels.long()


def _original(path: Path) -> Path:
    """Return the path of a file that is the original one; else raise an error that says what to do."""
    remedy = "fetch the file again from the course's repository (git checkout, or install d2lhelpers anew)"
    if not path.is_file():
        raise FileNotFoundError(f"the data file {path} is missing; {remedy}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[path.name]:
        raise ValueError(f"the data file {path} is damaged: its SHA-256 is not that of the original; {remedy}")
    return path


def _height_and_width(resize: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width from one whole number or two; else raise a ValueError."""
    sides = tuple(resize) if isinstance(resize, (tuple, list)) else (resize, resize)
    if len(sides) != 2:
        raise ValueError(f"resize must be one whole number, or height and width; got {resize!r}")
    return whole_number(sides[0], "resize"), whole_number(sides[1], "resize")
