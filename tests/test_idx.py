"""IDX files, against torchvision's reader, and files that are not what they should be."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from d2lhelpers.idx import read_idx, read_labeled_images


def idx_bytes(array: np.ndarray) -> bytes:
    """Return an array of bytes as an IDX file has it."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_folder(folder: Path, count: int = 6, side: int = 28, end: str = "", mark: str = "-") -> dict:
    """Write four small files, and return what is in them."""
    chance, arrays_of = np.random.default_rng(0), {}
    for prefix, number in (("train", count), ("t10k", count - 1)):
        images = chance.integers(0, 256, (number, side, side), dtype=np.uint8)
        labels = (np.arange(number) % 10).astype(np.uint8)
        arrays_of[prefix] = images, labels
        for kind, array in (("images", images), ("labels", labels)):
            content = idx_bytes(array)
            name = f"{prefix}-{kind}{mark}idx{array.ndim}-ubyte{end}"
            (folder / name).write_bytes(gzip.compress(content) if end else content)
    return arrays_of


@given(arrays(np.uint8, st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)), st.booleans())
def test_an_array_comes_back_and_is_what_torchvision_reads(tmp_path_factory, array, compressed):
    path = tmp_path_factory.mktemp("idx") / "some-file"
    path.write_bytes(idx_bytes(array))
    theirs = read_sn3_pascalvincent_tensor(str(path))
    if compressed:
        path.write_bytes(gzip.compress(idx_bytes(array)))
    ours = read_idx(path)
    assert ours.dtype == torch.uint8 and torch.equal(ours, theirs)
    assert np.array_equal(ours.numpy(), array)


def test_an_array_without_elements_is_read(tmp_path):
    (tmp_path / "empty").write_bytes(idx_bytes(np.zeros((0, 2), np.uint8)))
    assert read_idx(tmp_path / "empty").shape == (0, 2)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_a_folder_is_read_in_each_spelling(tmp_path, end, mark):
    written = write_folder(tmp_path, end=end, mark=mark)
    for train, prefix in ((True, "train"), (False, "t10k")):
        images, labels = read_labeled_images(tmp_path, train)
        assert np.array_equal(images[:, 0].numpy(), written[prefix][0]) and images.shape[1:] == (1, 28, 28)
        assert labels.tolist() == written[prefix][1].tolist() and labels.dtype == torch.int64


def test_a_missing_file_gives_one_sentence_with_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file train-images-idx3-ubyte") as caught:
        read_labeled_images(tmp_path / "nowhere", True)
    assert "nowhere" in str(caught.value) and "\n" not in str(caught.value)
    write_folder(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    read_labeled_images(tmp_path, True)
    with pytest.raises(FileNotFoundError, match="no file t10k-labels-idx1-ubyte"):
        read_labeled_images(tmp_path, False)


@pytest.mark.parametrize(
    "content, cause",
    [
        (b"", "no IDX file"),
        (b"<!DOCTYPE html>", "no IDX file"),
        (b"\x00\x00\x08\x03\x00", "no IDX file"),
        (b"\x00\x00\x0d" + idx_bytes(np.zeros(4, np.uint8))[3:], "no IDX file"),  # floats
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-1], "damaged"),
        (idx_bytes(np.zeros((2, 3), np.uint8)) + b"!", "damaged"),
        (gzip.compress(idx_bytes(np.zeros((2, 3), np.uint8)), mtime=0)[:-9], "damaged"),
    ],
)
def test_what_is_no_idx_file_is_refused_by_name(tmp_path, content, cause):
    path = tmp_path / "a-file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=cause) as caught:
        read_idx(path)
    assert "a-file" in str(caught.value)


def test_images_without_their_labels_are_refused(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(3, np.uint8)))
    with pytest.raises(ValueError, match="expected"):
        read_labeled_images(tmp_path, True)


@pytest.fixture
def notebook_20():
    """Run the cells of notebook 20 that read and learn MNIST, with other settings; return their variables."""
    (path,) = (Path(__file__).parent.parent / "notebooks").glob("20_*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if "mnist" in cell.metadata.get("tags", [])]

    def run(**settings) -> dict:
        variables: dict = {}
        for cell in cells:
            exec(cell.source, variables)
            if "parameters" in cell.metadata["tags"]:
                variables.update(settings)
        return variables

    return run


@pytest.mark.parametrize("end", ["", ".gz"])
def test_notebook_20_learns_from_a_folder_with_such_files(notebook_20, tmp_path, capsys, end):
    write_folder(tmp_path, count=70, end=end)
    history = notebook_20(mnist_folder=str(tmp_path), mnist_epochs=2)["mnist_history"]
    assert len(history.test_acc) == 2 and not history.interrupted
    assert "no file" not in capsys.readouterr().out


def test_notebook_20_says_in_a_sentence_what_is_missing(notebook_20, tmp_path, capsys):
    variables = notebook_20(mnist_folder=str(tmp_path / "mnist"))
    assert "mnist_history" not in variables
    (line,) = capsys.readouterr().out.splitlines()
    assert "no file train-images-idx3-ubyte" in line and "mnist" in line
