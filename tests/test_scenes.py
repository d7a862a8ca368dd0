"""Scenes: their boxes against what lies on an empty canvas."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import box_area, box_iou

import d2lhelpers as d2l
from d2lhelpers import scenes
from d2lhelpers.scenes import make_scene, without_border


@pytest.fixture(scope="module")
def items():
    return d2l.read_fashion_mnist(train=False)


@pytest.mark.parametrize("side", [64, 96, 130])
def test_a_scene_is_what_a_detector_wants(items, side):
    counts = set()
    for number in range(20):
        picture, target = make_scene(items, number, side)
        boxes, labels = target["boxes"], target["labels"]
        assert picture.shape == (1, side, side) and picture.dtype == boxes.dtype == torch.float32
        assert 0 <= picture.min() and picture.max() <= 1
        assert labels.dtype == torch.int64 and 1 <= labels.min() and labels.max() <= 10
        assert boxes.shape == (len(labels), 4)
        assert 0 <= boxes.min() and boxes.max() <= side and (boxes[:, 2:] > boxes[:, :2]).all()
        counts.add(len(labels))
    assert min(counts) >= 1 and max(counts) <= 6 and len(counts) > 2


def test_a_number_is_a_scene(items):
    (picture, target), (again, same_target) = make_scene(items, (3, 5)), make_scene(items, (3, 5))
    assert torch.equal(picture, again) and torch.equal(target["boxes"], same_target["boxes"])
    assert not torch.equal(picture, make_scene(items, (5, 3))[0])


def test_boxes_are_exact_where_nothing_else_lies(items, monkeypatch):
    monkeypatch.setattr(scenes, "_clutter", lambda images, chance, side: torch.zeros(side, side))
    apart = 0
    for number in range(30):
        (picture,), target = make_scene(items, number)
        seen, covered = picture > scenes.VISIBLE, torch.zeros(96, 96, dtype=torch.bool)
        alone = (box_iou(target["boxes"], target["boxes"]) > 0).sum(dim=1) == 1
        for (left, top, right, bottom), is_alone in zip(target["boxes"].int().tolist(), alone):
            covered[top:bottom, left:right] = True
            inside = seen[top:bottom, left:right]
            if is_alone:
                apart += 1
                assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
        assert not (seen & ~covered).any()
    assert apart > 30


def test_no_item_hides_much_of_another(items):
    for number in range(30):
        boxes = make_scene(items, number)[1]["boxes"]
        corners = (
            torch.maximum(boxes[:, None, :2], boxes[None, :, :2]),
            torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]),
        )
        shared = (corners[1] - corners[0]).clamp(min=0).prod(dim=2).fill_diagonal_(0)
        smaller = torch.minimum(box_area(boxes)[:, None], box_area(boxes)[None])
        assert (shared <= 0.1 * smaller + 1e-3).all()


def test_labels_and_shapes_follow_the_items():
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    images[0, 0, 2:26, 10:18] = 255  # standing
    images[1, 0, 10:18, 2:26] = 255  # lying
    for number in range(10):
        target = make_scene((images, torch.tensor([4, 7])), number)[1]
        width, height = (target["boxes"][:, 2:] - target["boxes"][:, :2]).unbind(dim=1)
        assert torch.equal(target["labels"], torch.where(height > width, 5, 8))


def test_without_border():
    item = torch.zeros(9, 7)
    item[2:5, 3:6] = torch.tensor([[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.05]])
    assert torch.equal(without_border(item), item[2:5, 3:6])
