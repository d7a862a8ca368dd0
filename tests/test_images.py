"""show_images: the book's grid of pictures."""

from __future__ import annotations

import d2l.torch as book
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from d2lhelpers import show_images


def panels_of(axes) -> list[tuple[int, str]]:
    """Return for each panel how many pictures it has, and its title."""
    return [(len(panel.get_images()), panel.get_title()) for panel in axes]


@pytest.mark.parametrize("grid, count", [((2, 3), 6), ((2, 3), 4), ((1, 5), 5), ((4, 1), 3)])
@pytest.mark.parametrize("titled", [True, False])
def test_panels_pictures_and_titles_are_those_of_the_book(grid, count, titled):
    images = torch.rand(count, 7, 9)
    titles = [f"number {i}" for i in range(count)] if titled else None
    ours, books = show_images(images, *grid, titles=titles), book.show_images(images, *grid, titles=titles)
    assert isinstance(ours, np.ndarray) and ours.shape == books.shape
    assert panels_of(ours) == panels_of(books)
    for panel, books_panel in zip(ours[:count], books[:count]):
        assert np.array_equal(panel.get_images()[0].get_array(), books_panel.get_images()[0].get_array())


def test_the_size_of_the_figure_is_that_of_the_book():
    images = torch.rand(6, 4, 4)
    ours, books = show_images(images, 2, 3, scale=2), book.show_images(images, 2, 3, scale=2)
    assert np.array_equal(ours[0].figure.get_size_inches(), books[0].figure.get_size_inches())


def test_a_single_image_fits_into_a_grid_of_one():
    with pytest.raises(AttributeError):  # what the book's does
        book.show_images([torch.rand(4, 4)], 1, 1)
    (panel,) = show_images([torch.rand(4, 4)], 1, 1, titles=["one"])
    assert (len(panel.get_images()), panel.get_title()) == (1, "one")


@pytest.mark.parametrize("make", [torch.as_tensor, np.asarray], ids=["tensor", "array"])
@pytest.mark.parametrize(
    "shape, drawn",
    [((5, 6), (5, 6)), ((1, 5, 6), (5, 6)), ((3, 5, 6), (5, 6, 3)), ((5, 6, 3), (5, 6, 3)), ((5, 6, 1), (5, 6))],
)
def test_every_usual_order_of_dimensions_is_drawn(make, shape, drawn):
    image = np.random.default_rng(0).random(shape)
    (panel,) = show_images([make(image)], 1, 1)
    result = panel.get_images()[0].get_array()
    assert result.shape == drawn
    expected = image.transpose(1, 2, 0) if shape[0] in (1, 3) else image
    assert np.array_equal(result, expected.reshape(drawn))


def test_a_batch_of_the_loader_is_drawn_as_it_is():
    axes = show_images(torch.rand(2, 1, 28, 28), 1, 2)
    assert [panel.get_images()[0].get_array().shape for panel in axes] == [(28, 28)] * 2


def test_pil_images_and_tensors_with_a_gradient_are_drawn():
    axes = show_images([Image.new("L", (4, 5)), torch.rand(4, 5, requires_grad=True)], 1, 2)
    assert [count for count, _ in panels_of(axes)] == [1, 1]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.uint8, torch.bool])
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 5)])
def test_tensors_of_every_number_type_are_drawn_with_their_values(dtype, shape, tmp_path):
    image = (torch.rand(shape, generator=torch.Generator().manual_seed(0)) > 0.5).to(dtype)
    (panel,) = show_images([image], 1, 1)
    panel.figure.savefig(tmp_path / "image.png")
    assert np.array_equal(panel.get_images()[0].get_array(), image.float().permute(1, 2, 0).squeeze(2).numpy())


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", "<u2"])
@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_arrays_of_every_byte_order_are_drawn_with_their_values(dtype, shape, tmp_path):
    image = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    (panel,) = show_images([image], 1, 1)
    panel.figure.savefig(tmp_path / "image.png")
    expected = image if len(shape) == 2 else image.transpose(1, 2, 0)
    assert np.array_equal(panel.get_images()[0].get_array(), expected)


def test_whole_numbers_may_be_those_of_numpy():
    assert show_images(torch.rand(2, 4, 4), np.int64(1), np.int64(2)).shape == (2,)


def test_the_axes_are_hidden_in_every_panel():
    axes = show_images([torch.rand(4, 4)], 1, 3)
    assert all(not panel.axison for panel in axes)
    assert len(plt.get_fignums()) == 1


def test_more_images_than_panels_raise():
    with pytest.raises(ValueError, match="5 images do not fit into a grid of 2 x 2"):
        show_images(torch.rand(5, 4, 4), 2, 2)


def test_fewer_titles_than_images_raise():
    with pytest.raises(ValueError, match="2 images, but only 1 titles"):
        show_images(torch.rand(2, 4, 4), 1, 2, titles=["one"])


@pytest.mark.parametrize("shape", [(4,), (5, 4, 2), (1, 1, 4, 4), (2, 4, 5)])
def test_another_shape_raises(shape):
    with pytest.raises(ValueError, match="an image has the shape"):
        show_images([torch.rand(shape)], 1, 1)
