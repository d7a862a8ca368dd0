"""The exercises of notebook 12: boxes, and what counts them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from d2lhelpers.course.checking import Incorrect, call, counted, number, shown, tensor, unchanged, whole_number
from d2lhelpers.course.exercise import exercise

Box = tuple[float, float, float, float]


@exercise(
    "12.1",
    "How well do two boxes agree?",
    difficulty=1,
    minutes=10,
    names=("iou",),
    hints=(
        "The shared part is a box, too. Where does it begin, and where does it end?",
        "It begins at the larger of the two left edges and ends at the smaller of the two right ones. What does its "
        "width become if the boxes lie side by side?",
        "`max(width, 0) * max(height, 0)` is its area. In the sum of both areas it is contained twice.",
    ),
)
def check_iou(iou: Any) -> None:
    """Boxes that overlap, touch, contain each other, lie apart; against the formula."""
    chance = random.Random(121)
    cases: list[tuple[Box, Box]] = [
        ((1.0, 2.0, 11.0, 12.0), (6.0, 2.0, 16.0, 10.0)),
        ((2.0, 3.0, 12.0, 7.0), (2.0, 3.0, 12.0, 7.0)),
        ((0.0, 0.0, 12.0, 12.0), (3.0, 4.0, 6.0, 10.0)),
        ((0.0, 0.0, 4.0, 4.0), (4.0, 0.0, 9.0, 4.0)),
        ((0.0, 0.0, 4.0, 4.0), (6.0, 1.0, 9.0, 3.0)),
        ((0.0, 0.0, 4.0, 4.0), (1.0, 7.0, 3.0, 9.0)),
        ((0.0, 0.0, 4.0, 6.0), (7.0, 9.0, 12.0, 13.0)),
    ]
    for _ in range(20):
        cases.append((_random_box(chance), _random_box(chance)))
    cases.append(((0.0, 0.0, 0.5, 0.5), (0.25, 0.0, 0.75, 0.5)))
    cases.append(((-30.0, 980.0, -10.0, 1020.0), (-20.0, 980.0, 0.0, 1020.0)))
    for box, other in cases:
        for a, b in ((box, other), (other, box)):
            found = number(call(iou, a, b), "what iou returns")
            if abs(found - _iou(a, b)) > 1e-4:
                exchanged = number(call(iou, b, a), "what iou returns")
                causes = [(x, y, text) for (x, text), (y, _) in zip(_mistakes_of_iou(a, b), _mistakes_of_iou(b, a))]
                causes = [cause for cause in causes if abs(cause[1] - _iou(b, a)) > 1e-4]
                fit = [text for x, y, text in causes if abs(found - x) < 1e-4 and abs(exchanged - y) < 1e-4]
                cause = [*fit, f"expected {_iou(a, b):.4g}, the shared area over the area that both cover together"][0]
                raise Incorrect(f"iou({a}, {b}) = {found:.4g} is not it; {cause}")


@exercise(
    "12.2",
    "Three silent mistakes",
    difficulty=2,
    minutes=15,
    names=("prepared",),
    hints=(
        "Draw the boxes on the picture that comes out; `draw_boxes` of section 1 does it. Do they lie around anything?",
        "The annotation says left, top, width, height. What do the four columns of a target say? And in the pixels "
        "of which picture are they?",
        "`left + box_width` is the right edge. Horizontal numbers shrink by `side / width`, vertical ones by "
        "`side / height`. And which label has this page's background?",
    ),
)
def check_prepared(prepared: Any) -> None:
    """Pictures that are no squares, boxes and classes at random; then one mistake at a time."""
    generator = torch.Generator().manual_seed(122)
    for height, width, side, count in ((120, 200, 96, 3), (90, 60, 48, 2), (64, 64, 96, 4), (50, 130, 64, 1)):
        picture = torch.rand(1, height, width, generator=generator)
        size = torch.tensor([width, height]) * (0.1 + 0.3 * torch.rand(count, 2, generator=generator))
        size[1:2] = 1.5  # small things count, too
        start = torch.tensor([width, height]) * 0.6 * torch.rand(count, 2, generator=generator)
        boxes, classes = torch.cat([start, size], dim=1), torch.randint(10, (count,), generator=generator)
        given = (picture, boxes, classes)
        with unchanged(given, "what prepared is given"):
            result = call(prepared, *given, side)
        if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[1], dict):
            raise Incorrect(f"prepared should return a picture and a target, a dictionary; it returns {shown(result)}")
        new_picture, target = tensor(result[0], (1, side, side), "the picture"), result[1]
        if set(target) < {"boxes", "labels"} or not {"boxes", "labels"} <= set(target):
            raise Incorrect(f"a target has boxes and labels; this one has {', '.join(map(str, target)) or 'nothing'}")
        expected = F.interpolate(picture[None], (side, side), mode="bilinear")[0]
        smoothed = F.interpolate(picture[None], (side, side), mode="bilinear", antialias=True)[0]
        if min((new_picture - expected).abs().max(), (new_picture - smoothed).abs().max()) > 1e-3:
            raise Incorrect("the picture is not what bilinear resizing makes of it; leave that line as it is")
        for name in ("boxes", "labels"):
            left = tensor(target[name], None, f'target["{name}"]').shape[:1]
            if left and left[0] < count:
                accepted = (boxes[:, 2:] > boxes[:, :2]).all(dim=1).sum()
                refused = "torchvision refuses a box that ends before it begins, so ask why these do"
                cause = refused if left[0] == accepted else "keep all, small ones, too"
                raise Incorrect(f"of {counted(count, 'item')}, {left[0]} are left in the {name}; {cause}")
        _check_labels(tensor(target["labels"], (count,), 'target["labels"]'), classes)
        _check_boxes(tensor(target["boxes"], (count, 4), 'target["boxes"]'), boxes, height, width, side)


@exercise(
    "12.3",
    "One box for each item",
    difficulty=2,
    minutes=10,
    names=("suppress",),
    hints=(
        "Begin with the best score: that box stays. Which of the others may stay beside it?",
        "Go through the boxes from the best score to the worst, and compare each one with those that *stay* so far.",
        "`scores.argsort(descending=True)` is the order; `box_iou(boxes, boxes)` has all overlaps at once.",
    ),
)
def check_suppress(suppress: Any) -> None:
    """A chain in which a suppressed box would suppress the next, then random boxes."""
    chain = torch.tensor([[0.0, 0.0, 10.0, 10.0], [4.0, 0.0, 14.0, 10.0], [8.0, 0.0, 18.0, 10.0]])
    apart = torch.tensor([[0.0, 0.0, 5.0, 5.0], [20.0, 0.0, 25.0, 5.0], [0.0, 20.0, 5.0, 25.0]])
    generator = torch.Generator().manual_seed(123)
    cases = []
    for threshold in (0.3, 0.5, 0.7) * 3:
        corner = 20 * torch.rand(12, 2, generator=generator)
        boxes = torch.cat([corner, corner + 8 + 6 * torch.rand(12, 2, generator=generator)], dim=1)
        cases.append((boxes, torch.rand(12, generator=generator), threshold))
    twice = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0], [0.0, 0.0, 10.0, 10.0],
                          [0.0, 20.0, 10.0, 30.0], [0.0, 0.0, 10.0, 9.5]])  # fmt: skip
    half = torch.tensor([[0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 10.0]])  # they overlap by a half, exactly
    cases += [(twice, torch.tensor([0.4, 0.0, 0.5, 0.3, 0.2]), 0.9), (half, torch.tensor([0.6, 0.7]), 0.5)]
    cases += [(apart, torch.tensor([0.2, 0.9, 0.5]), 0.5), (chain, torch.tensor([0.9, 0.8, 0.7]), 0.3)]
    for boxes, scores, threshold in cases:
        with unchanged((boxes, scores), "what suppress is given"):
            found = _positions(call(suppress, boxes, scores, threshold))
        right = _suppressed(boxes, scores, lambda overlap, t=threshold: overlap <= t)
        if found == right:
            continue
        raise Incorrect(_cause_of_suppression(found, right, boxes, scores, threshold))


@exercise(
    "12.4",
    "Average precision, by hand",
    difficulty=3,
    minutes=15,
    names=("average_precision",),
    hints=(
        "Sort `correct` by the scores, best first. After the first k of them, how many were right, and what share of k "
        "is that?",
        "Recall grows only where a box is right, by 1 / num_items. So add up, over the right boxes, the best precision "
        "at that place or later, and divide.",
        "`precision.flip(0).cummax(0).values.flip(0)` is the best precision from each place on.",
    ),
)
def check_average_precision(average_precision: Any) -> None:
    """Small cases by hand, then random ones against a loop; then what one mistake would give."""
    generator = torch.Generator().manual_seed(124)
    cases = [
        ([0.9, 0.8, 0.7, 0.6], [True, False, True, True], 5),
        ([0.6, 0.9, 0.7, 0.8], [True, True, False, False], 2),
        ([0.9, 0.8], [True, True], 5),
        ([0.3, 0.5], [False, False], 3),
    ]
    for count in (5, 9, 14, 20):
        correct = torch.rand(count, generator=generator) < 0.6
        cases.append((torch.rand(count, generator=generator).tolist(), correct.tolist(), int(correct.sum()) + 3))
    for scores, correct, num_items in cases:
        given = (torch.tensor(scores), torch.tensor(correct))
        with unchanged(given, "what average_precision is given"):
            found = number(call(average_precision, *given, num_items), "what average_precision returns")
        right = _average_precision(scores, correct, num_items)
        if abs(found - right) > 1e-3:
            where = f"scores {scores}, correct {correct}, {num_items} items" if len(scores) < 5 else "a longer list"
            said = f"for {where} it gives {found:.3f}"
            mistakes = _mistakes_of_precision(scores, correct, num_items)
            fit = {text for text, wrong in mistakes if abs(found - wrong) < 1e-3}
            if fit:  # two mistakes may give the same number for one list
                scores_2 = [0.8, 0.7, 0.5, 0.1, 0.4, 0.3, 0.9]
                correct_2 = [True, True, False, False, True, False, False]
                given = (torch.tensor(scores_2), torch.tensor(correct_2))
                found = number(call(average_precision, *given, 5), "what average_precision returns")
                mistakes = _mistakes_of_precision(scores_2, correct_2, 5)
                fit &= {text for text, wrong in mistakes if abs(found - wrong) < 1e-3}
            cause = [*fit, "add up the best precision at each right box or later, and divide by the items"][0]
            raise Incorrect(f"{said}, expected {right:.3f}; {cause}")


def _random_box(chance: random.Random) -> Box:
    left, top = chance.uniform(0, 20), chance.uniform(0, 20)
    right, bottom = left + chance.uniform(2, 15), top + chance.uniform(2, 15)
    return round(left, 1), round(top, 1), round(right, 1), round(bottom, 1)


def _shared(a: Box, b: Box) -> tuple[float, float]:
    """Return width and height of the shared part; negative where there is none."""
    return min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _iou(a: Box, b: Box) -> float:
    width, height = _shared(a, b)
    shared = max(width, 0) * max(height, 0)
    return shared / (_area(a) + _area(b) - shared)


def _mistakes_of_iou(a: Box, b: Box) -> list[tuple[float, str]]:
    """Return what mistakes give, and which they are in words; some can be told apart only with the boxes exchanged."""
    width, height = _shared(a, b)
    shared, unclamped = max(width, 0) * max(height, 0), width * height
    sum_of_areas = _area(a) + _area(b)
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    plus_one = max(width + 1, 0) * max(height + 1, 0)
    areas_plus_one = sum((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b))
    return [
        (unclamped / (sum_of_areas - unclamped or 1), "boxes that lie apart share nothing: a width or height below 0 "
         "has to become 0, and two negative ones give a positive area"),
        (shared / sum_of_areas, "in the sum of the areas the shared part is contained twice; take it away once"),
        (2 * shared / sum_of_areas, "in the sum of the areas the shared part is contained twice; take it away "
         "once, and do not double what you divide"),
        (shared / max(_area(a), _area(b)), "that is the share of the larger box; divide by what both cover together"),
        (shared / min(_area(a), _area(b)), "that is the share of the smaller box; divide by what both cover together"),
        (shared / _area(a), "that is the share of the first box; divide by what both cover together"),
        (shared / _area(b), "that is the share of the second box; divide by what both cover together"),
        (shared, "that is the shared area; divide it by what both cover together"),
        (shared / hull, "you divide by the box around both, which has corners that neither covers"),
        (plus_one / (areas_plus_one - plus_one), "edges are coordinates here, so a width is right - left, without + 1"),
        (shared / (a[2] * a[3] + b[2] * b[3] - shared), "the last two numbers are the right and the lower edge, "
         "not width and height"),
    ]  # fmt: skip


def _check_labels(labels: torch.Tensor, classes: torch.Tensor) -> None:
    if labels.dtype != torch.int64:
        raise Incorrect(f"labels have to be whole numbers of 64 bits; these are {labels.dtype}")
    if torch.equal(labels, classes + 1):
        return
    if torch.equal(labels, classes):
        raise Incorrect("label 0 is the background, so class 0 would never be found: which number has it here?")
    if torch.equal(labels, torch.ones_like(labels)):
        raise Incorrect("every label is 1 now; each class needs a label of its own, one above its number")
    raise Incorrect(f"the labels of the classes {classes.tolist()} are {labels.tolist()}; each should be one higher "
                    "than its class, in the order of the items")  # fmt: skip


def _check_boxes(found: torch.Tensor, given: torch.Tensor, height: int, width: int, side: int) -> None:
    """Compare boxes with the right ones, and with what one mistake or two would make of them."""
    if not found.is_floating_point():
        raise Incorrect(f"boxes have to be floating-point numbers; these are {found.dtype}")
    corners = torch.cat([given[:, :2], given[:, :2] + given[:, 2:]], dim=1)
    x, y = side / width, side / height
    right = corners * torch.tensor([x, y, x, y])

    def same(boxes: torch.Tensor) -> bool:
        return bool((found - boxes).abs().max() < 1e-2)

    if same(right):
        return
    centered = torch.cat([given[:, :2] - given[:, 2:] / 2, given[:, :2] + given[:, 2:] / 2], dim=1)
    each = torch.tensor([x, y, x, y])
    format_of_boxes = "left, top, width, height is not left, top, right, bottom"
    scaling = "the picture has been resized, and the boxes have not: they are still in pixels of the old one"
    causes = [
        (given, f"{format_of_boxes}, and {scaling}"),
        (given * each, f"{format_of_boxes}: the last two columns are still sizes"),
        (corners, scaling),
        (corners * x, "the heights shrink by another factor than the widths, side / height"),
        (corners * y, "the widths shrink by another factor than the heights, side / width"),
        (corners * torch.tensor([y, x, y, x]), "the two factors are swapped: left and right belong to the width"),
        (corners / each, "the factors are upside down: new size over old size"),
        (centered * each, "the annotation's first two numbers are the upper left corner, not the center"),
        (right[:, [1, 0, 3, 2]], "torchvision wants left, top, right, bottom; yours begin with the top"),
        (right / side, "torchvision's boxes are in pixels, not in shares of the side"),
    ]
    cause = next((cause for boxes, cause in causes if same(boxes)), "draw them on the picture that comes out")
    raise Incorrect(f"the boxes do not lie around the items; {cause}")


def _overlaps(boxes: torch.Tensor) -> list[list[float]]:
    corners = [tuple(box) for box in boxes.tolist()]
    return [[_iou(a, b) for b in corners] for a in corners]


def _suppressed(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    may_stay: Callable[[float], bool],
    order: list[int] | None = None,
    beside_all: bool = False,
) -> list[int]:
    """Return the boxes that stay; with `beside_all`, suppressed boxes suppress others, too."""
    overlaps, kept, seen = _overlaps(boxes), [], []
    for i in scores.argsort(descending=True).tolist() if order is None else order:
        if all(may_stay(overlaps[i][j]) for j in (seen if beside_all else kept)):
            kept.append(i)
        seen.append(i)
    return kept


def _cause_of_suppression(
    found: list[int], right: list[int], boxes: torch.Tensor, scores: torch.Tensor, threshold: float
) -> str:
    """Return in words which mistake keeps these boxes."""
    best_first = scores.argsort(descending=True).tolist()

    def stays(overlap: float) -> bool:
        return overlap <= threshold

    causes = [
        (_suppressed(boxes, scores, stays, beside_all=True), "a box that is gone must not take others with it: compare "
         "only with those that stay"),
        (_suppressed(boxes, scores, stays, list(range(len(boxes)))), "go through them by score, the best first, not "
         "in the order in which they come"),
        (_suppressed(boxes, scores, stays, best_first[::-1]), "that begins with the worst score; argsort goes upward "
         "unless told otherwise"),
        ([best_first.index(i) for i in right], "these are places in the sorted list; asked are those in `boxes`"),
        (_suppressed(boxes, scores, lambda overlap: overlap < threshold), "a box goes if it overlaps by *more* than "
         "the threshold, and stays if by as much"),
        (best_first[:1], "only the best box is left; one that overlaps with none of those that stay may stay"),
        (_suppressed(boxes, scores, lambda overlap: overlap > threshold), "a box has to go if it overlaps by *more* "
         "than the threshold"),
        (best_first, "nothing was suppressed"),
    ]  # fmt: skip
    if found != right and sorted(found) == sorted(right):
        return f"the right boxes stay, but in another order: {found}, and the best first would be {right}"
    cause = next((cause for wrong, cause in causes if found == wrong), f"expected {right}")
    return f"with threshold {threshold}, suppress keeps {found}; {cause}"


def _positions(value: Any) -> list[int]:
    """Return a list of positions, also from a tensor."""
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise Incorrect(f"suppress should return a list of positions; it returns {shown(value)}")
    if any(isinstance(each, bool) for each in value):
        raise Incorrect("suppress should return positions, such as [2, 0]; these are true and false")
    return [whole_number(each, "a position that suppress returns") for each in value]


def _average_precision(
    scores: list[float], correct: list[bool], num_items: int, best_later: bool = True, upward: bool = False
) -> float:
    order = sorted(range(len(scores)), key=lambda i: scores[i], reverse=not upward)
    return _area_of([correct[i] for i in order], num_items, best_later)


def _area_of(hits: list[bool], num_items: int, best_later: bool = True) -> float:
    precisions = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits))]
    if best_later:
        precisions = [max(precisions[k:]) for k in range(len(hits))]
    return sum(precision for precision, hit in zip(precisions, hits) if hit) / num_items


def _mistakes_of_precision(scores: list[float], correct: list[bool], num_items: int) -> list[tuple[str, float]]:
    """Return mistakes in words, and what they give."""
    hits = sum(correct) or 1
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    precisions = [sum(correct[i] for i in order[: k + 1]) / (k + 1) for k in range(len(order))]
    found_or_not = "recall is the share of all items that there are, found or not"
    earlier = sum(max(precisions[: k + 1]) for k, i in enumerate(order) if correct[i]) / num_items
    return [
        ("at each recall the best precision from there on counts, and you take the one of that place",
         _average_precision(scores, correct, num_items, best_later=False)),
        ("the best precision at that place or any later one counts, and you take an earlier one", earlier),
        ("the best precision at that place or any later one counts, and you take the best of all",
         max(precisions) * sum(correct) / num_items),
        (found_or_not, _average_precision(scores, correct, hits)),
        (found_or_not, _average_precision(scores, correct, hits, best_later=False)),
        ("that begins with the worst score; argsort goes upward unless told otherwise",
         _average_precision(scores, correct, num_items, upward=True)),
        ("sort by score first", _area_of(correct, num_items)),
        ("that is the mean precision over all boxes; only right boxes raise recall", sum(precisions) / len(precisions)),
        ("that is the precision of all boxes together", sum(correct) / len(correct)),
        ("that is the recall of all boxes together", sum(correct) / num_items),
    ]  # fmt: skip
