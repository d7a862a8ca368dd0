"""The data set: the original files, and the book's batches made from them many times faster."""

from __future__ import annotations

import ast
import gzip
import hashlib
import shutil
from pathlib import Path

import d2l.torch as book
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from d2lhelpers import fashion_mnist, get_fashion_mnist_labels, load_data_fashion_mnist, read_fashion_mnist
from d2lhelpers.fashion_mnist import FashionMNISTBatches, resize_images

ORIGINAL_SHA256 = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}


def batches_of(count: int, **options) -> FashionMNISTBatches:
    """Return batches of the first `count` training images."""
    images, labels = read_fashion_mnist(True)
    return FashionMNISTBatches(images[:count], labels[:count], **options)


def torchvision_pipeline(images: torch.Tensor, resize) -> torch.Tensor:
    """Do what the book does to each image: PIL, then Resize, then ToTensor."""
    steps = [transforms.ToTensor()] if resize is None else [transforms.Resize(resize), transforms.ToTensor()]
    transform = transforms.Compose(steps)
    return torch.stack([transform(Image.fromarray(image[0].numpy())) for image in images])


# The files


@pytest.mark.parametrize("name", ORIGINAL_SHA256)
def test_files_are_the_original_ones(name):
    content = (fashion_mnist.DATA_FOLDER / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == ORIGINAL_SHA256[name] == fashion_mnist.SHA256[name]


@pytest.mark.parametrize("train, each", [(True, 6000), (False, 1000)])
def test_every_class_has_the_same_number_of_images(train, each):
    images, labels = read_fashion_mnist(train)
    assert images.shape == (10 * each, 1, 28, 28) and images.dtype == torch.uint8
    assert labels.shape == (10 * each,) and labels.dtype == torch.int64
    assert torch.bincount(labels).tolist() == [each] * 10


def test_images_are_what_numpy_reads_from_the_files():
    with gzip.open(fashion_mnist.DATA_FOLDER / "t10k-images-idx3-ubyte.gz") as file:
        expected = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    assert np.array_equal(read_fashion_mnist(False)[0].numpy(), expected)


@pytest.fixture
def data_copy(tmp_path, monkeypatch):
    """A copy of the data that a test may damage."""
    folder = tmp_path / "fashion_mnist"
    shutil.copytree(fashion_mnist.DATA_FOLDER, folder)
    monkeypatch.setattr(fashion_mnist, "DATA_FOLDER", folder)
    fashion_mnist._read.cache_clear()
    yield folder
    fashion_mnist._read.cache_clear()


def test_files_are_read_once_in_a_process(data_copy):
    images, labels = read_fashion_mnist(False)
    shutil.rmtree(data_copy)
    again = read_fashion_mnist(False)
    assert torch.equal(again[0], images) and torch.equal(again[1], labels)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_a_web_page(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><title>404</title>")


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize("damage", [cut_off, empty, alter, replace_by_a_web_page])
def test_a_damaged_file_gives_one_error_that_names_it_and_the_remedy(data_copy, damage, name):
    damage(data_copy / name)
    with pytest.raises(ValueError, match="damaged") as caught:
        load_data_fashion_mnist(256)
    assert str(data_copy / name) in str(caught.value)
    assert "fetch the file again" in str(caught.value)


@pytest.mark.parametrize("name", ORIGINAL_SHA256)
def test_a_missing_file_gives_one_error_that_names_it_and_the_remedy(data_copy, name):
    (data_copy / name).unlink()
    with pytest.raises(FileNotFoundError, match="missing") as caught:
        load_data_fashion_mnist(256)
    assert str(data_copy / name) in str(caught.value)
    assert "fetch the file again" in str(caught.value)


def test_the_license_is_kept_beside_the_files():
    texts = [path for path in fashion_mnist.DATA_FOLDER.iterdir() if path.suffix != ".gz"]
    assert any("MIT" in path.read_text(encoding="utf-8") for path in texts), "no license beside the data"


def test_nothing_is_unpickled_or_downloaded():
    tree = ast.parse(Path(fashion_mnist.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    unwanted = {"pickle", "urllib", "requests", "http", "socket", "torchvision"}
    assert not {name.split(".")[0] for name in imported} & unwanted
    loads = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & {"load", "loads"}
    assert not loads  # neither torch.load nor numpy.load


# The values


@pytest.mark.parametrize("resize", [None, 28, 96, 64, 224, 14, 32, 128, (28, 56), (64, 96)])
def test_values_are_those_of_torchvision_on_single_images_to_the_bit(resize):
    batches = batches_of(48, batch_size=48, resize=resize)
    ((X, y),) = batches
    expected = torchvision_pipeline(batches.images, resize)
    assert X.dtype == torch.float32
    assert torch.equal(X, expected)
    assert torch.equal(y, read_fashion_mnist(True)[1][:48])


class Elsewhere(torch.Tensor):
    """A tensor that claims to be on an accelerator, whose `F.interpolate` takes floats only."""

    device = torch.device("cuda")


def random_images(seed: int) -> torch.Tensor:
    return torch.randint(0, 256, (2, 1, 28, 28), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@settings(max_examples=40)
@given(st.integers(2, 120), st.integers(2, 120), st.integers(0, 1000))
def test_values_of_every_size_are_within_two_steps_of_torchvision_on_every_device(height, width, seed):
    images = random_images(seed)
    expected = torchvision_pipeline(images, (height, width)) * 255
    elsewhere = resize_images(images.as_subclass(Elsewhere), (height, width)).as_subclass(torch.Tensor)
    for resized in (resize_images(images, (height, width)), elsewhere):
        assert resized.shape == (2, 1, height, width) and resized.dtype == torch.uint8
        assert (resized - expected).abs().max() < 2.01


@pytest.mark.parametrize("side", [14, 32, 64, 96, 224])
def test_values_on_other_devices_are_within_one_step_of_those_on_the_cpu(side):
    images = torch.cat([read_fashion_mnist(True)[0][:100], random_images(0)])
    elsewhere = resize_images(images.as_subclass(Elsewhere), (side, side)).as_subclass(torch.Tensor)
    assert (elsewhere.int() - resize_images(images, (side, side)).int()).abs().max() == 1


def test_batches_are_made_on_the_device_that_holds_the_images():
    batches = batches_of(20, batch_size=8, resize=(20, 30), device="meta", shuffle=True)
    shapes = [(X.device.type, tuple(X.shape), X.dtype, y.device.type, tuple(y.shape)) for X, y in batches]
    assert shapes == [("meta", (n, 1, 20, 30), torch.float32, "meta", (n,)) for n in (8, 8, 4)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_batches_have_the_default_type_of_pytorch_as_those_of_torchvision(dtype):
    batches = batches_of(8, batch_size=8)
    torch.set_default_dtype(dtype)
    try:
        ((X, _),) = batches
        expected = torchvision_pipeline(batches.images, None)
        torch.nn.Linear(28, 1)(X)  # a net that is made now takes them
    finally:
        torch.set_default_dtype(torch.float32)
    assert X.dtype == dtype and torch.equal(X, expected)


def test_to_gives_batches_on_the_device_and_leaves_the_others_where_they_are():
    batches = batches_of(20, batch_size=8, resize=(20, 30), shuffle=True)
    moved = batches.to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert batches.images.device.type == batches.labels.device.type == "cpu"
    assert [X.shape for X, _ in moved] == [X.shape for X, _ in batches]


def test_to_the_same_device_copies_no_images():
    batches = batches_of(4, batch_size=4)
    moved = batches.to("cpu")
    assert moved._images.data_ptr() == batches._images.data_ptr()
    moved.images, moved.labels = moved.images[:2], moved.labels[:2]
    assert len(batches.labels) == 4  # other tensors in one are not in the other


def test_to_goes_on_with_the_orders_of_the_seed():
    batches, same = numbered(seed=2), numbered(seed=2)
    assert [order(batches), order(batches.to("cpu")), order(batches)] == [order(same) for _ in range(3)]


# Nobody's changes reach anybody else


@pytest.mark.parametrize("train", [True, False])
def test_who_only_trains_copies_no_images(train):
    loaders = [load_data_fashion_mnist(256)[0 if train else 1] for _ in range(2)]
    assert loaders[0]._images.data_ptr() == loaders[1]._images.data_ptr()
    assert loaders[0].images.data_ptr() != loaders[1].images.data_ptr()


@pytest.mark.parametrize("train", [True, False])
def test_changing_a_loader_changes_no_other_one(train):
    images, labels = read_fashion_mnist(train)
    changed = load_data_fashion_mnist(256)[0 if train else 1]
    changed.images.zero_()
    changed.labels[:] = 11
    for others in (read_fashion_mnist(train), (images, labels)):
        assert torch.equal(torch.bincount(others[1]), torch.full((10,), len(labels) // 10))
        assert others[0].float().mean() > 50


@pytest.mark.parametrize("batch_size, resize", [(4, None), (2, None), (4, 28), (4, 64)])
def test_changing_a_batch_does_not_change_the_data(batch_size, resize):
    batches = batches_of(4, batch_size=batch_size, resize=resize)
    before = [(X.clone(), y.clone()) for X, y in batches]
    for X, y in batches:
        X.zero_()
        y.zero_()
    assert all(torch.equal(X, Z) and torch.equal(y, z) for (X, y), (Z, z) in zip(batches, before))


def test_fewer_images_can_be_put_in_the_place_of_all():
    train_iter, _ = load_data_fashion_mnist(256)
    train_iter.images, train_iter.labels = train_iter.images[:1000], train_iter.labels[:1000]
    assert len(train_iter) == 4 and sum(len(y) for _, y in train_iter.to("cpu")) == 1000


# The batches


def test_batches_have_a_length_and_the_last_one_may_be_smaller():
    train_iter, test_iter = load_data_fashion_mnist(256)
    assert (len(train_iter), len(test_iter)) == (235, 40)
    sizes = [len(y) for _, y in test_iter]
    assert sizes == [256] * 39 + [16]


@given(st.integers(1, 40), st.integers(1, 50), st.booleans())
def test_every_image_comes_once_in_an_epoch(count, batch_size, shuffle):
    batches = FashionMNISTBatches(
        torch.zeros(count, 1, 28, 28, dtype=torch.uint8), torch.arange(count), batch_size, shuffle=shuffle
    )
    epoch = [y for _, y in batches]
    assert len(epoch) == len(batches)
    assert [len(y) for y in epoch[:-1]] == [batch_size] * (len(epoch) - 1)
    assert sorted(torch.cat(epoch).tolist()) == list(range(count))


def order(batches) -> list[int]:
    return torch.cat([y for _, y in batches]).tolist()


def numbered(seed=None) -> FashionMNISTBatches:
    images = torch.zeros(50, 1, 28, 28, dtype=torch.uint8)
    return FashionMNISTBatches(images, torch.arange(50), 7, shuffle=True, seed=seed)


def test_every_epoch_has_an_order_of_its_own():
    batches = numbered(seed=0)
    assert order(batches) != order(batches)


def test_a_seed_repeats_the_orders_of_all_epochs():
    first, second = numbered(seed=3), numbered(seed=3)
    assert [order(first), order(first)] == [order(second), order(second)]
    assert order(numbered(seed=3)) != order(numbered(seed=4))


def test_a_seed_leaves_the_global_random_numbers_alone():
    before = torch.random.get_rng_state()
    order(numbered(seed=3))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_a_seed_the_order_follows_torch_manual_seed():
    torch.manual_seed(5)
    first = order(numbered())
    torch.manual_seed(5)
    assert order(numbered()) == first
    assert order(numbered()) != first


def test_the_order_does_not_depend_on_the_device():
    assert torch.Generator().device.type == "cpu"
    batches, same = numbered(seed=1), numbered(seed=1)
    same.images = same.images.to("meta")
    assert order(batches) == order(same)


def test_images_and_labels_stay_together_when_shuffled():
    images, labels = read_fashion_mnist(True)
    where = {image.numpy().tobytes(): int(label) for image, label in zip(images[:500], labels[:500])}
    for X, y in batches_of(500, batch_size=64, shuffle=True, seed=0):
        for image, label in zip((X * 255).round().to(torch.uint8), y):
            assert where[image.numpy().tobytes()] == int(label)


# The book's own loader


@pytest.fixture
def books_loader(tmp_path, monkeypatch):
    """The book's `load_data_fashion_mnist` on our files, laid out as torchvision expects; nothing is downloaded."""
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ORIGINAL_SHA256:
        content = (fashion_mnist.DATA_FOLDER / name).read_bytes()
        (raw / name).write_bytes(content)
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(book, "get_dataloader_workers", lambda: 0)
    return book.load_data_fashion_mnist


@pytest.mark.parametrize("resize, share", [(None, 1.0), (96, 0.1)])
def test_test_batches_are_those_of_the_book(books_loader, resize, share):
    _, ours = load_data_fashion_mnist(256, resize=resize)
    _, books = books_loader(256, resize=resize)
    assert len(ours) == len(books)
    compared = 0
    for (X, y), (books_X, books_y) in zip(ours, books):
        assert torch.equal(X, books_X) and torch.equal(y, books_y)
        assert X.dtype == books_X.dtype and y.dtype == books_y.dtype
        compared += 1
        if compared >= share * len(ours):
            break
    assert compared == round(share * len(ours))


def test_training_set_is_that_of_the_book(books_loader):
    ours, _ = load_data_fashion_mnist(128)
    books, _ = books_loader(128)
    assert len(ours) == len(books)
    assert torch.equal(ours.images[:, 0], books.dataset.data)
    assert torch.equal(ours.labels, books.dataset.targets)
    labels = torch.cat([y for _, y in ours])
    assert torch.equal(labels.sort().values, books.dataset.targets.sort().values)
    assert not torch.equal(labels, books.dataset.targets)  # shuffled, as the book's
    X, y = next(iter(ours))
    books_X, books_y = next(iter(books))
    assert (X.shape, X.dtype, y.shape, y.dtype) == (books_X.shape, books_X.dtype, books_y.shape, books_y.dtype)


@given(st.lists(st.integers(0, 9)))
def test_names_of_the_labels_are_those_of_the_book(labels):
    assert get_fashion_mnist_labels(labels) == book.get_fashion_mnist_labels(labels)
    assert get_fashion_mnist_labels(torch.tensor(labels, dtype=torch.long)) == book.get_fashion_mnist_labels(labels)


# Wrong arguments


def test_whole_numbers_may_be_those_of_numpy():
    train_iter, _ = load_data_fashion_mnist(np.int64(250), resize=np.int32(32), seed=np.uint8(3))
    assert (len(train_iter), next(iter(train_iter))[0].shape) == (240, (250, 1, 32, 32))


@pytest.mark.parametrize("label", [-1, 10, 1.5, torch.tensor(2.9), "3"])
def test_a_label_without_a_name_raises(label):
    with pytest.raises(ValueError, match=f"labels 0 to 9; got {label}"):
        get_fashion_mnist_labels([0, label])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "256", None, True])
def test_a_wrong_batch_size_raises(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        load_data_fashion_mnist(batch_size)


@pytest.mark.parametrize("resize", [0, -3, 96.0, "96", True, (96,), (1, 2, 3), (0, 9), (9, 9.5), ()])
def test_a_wrong_size_raises(resize):
    with pytest.raises(ValueError, match="resize must be"):
        load_data_fashion_mnist(256, resize=resize)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True, 2**64])
def test_a_wrong_seed_raises(seed):
    with pytest.raises(ValueError, match="seed must be"):
        load_data_fashion_mnist(256, seed=seed)


def test_an_unknown_device_raises():
    with pytest.raises(RuntimeError, match="nonsense"):
        load_data_fashion_mnist(256, device="nonsense")
