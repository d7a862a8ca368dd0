"""Answers to the exercises of notebook 12."""

from __future__ import annotations

from collect import right, wrong

# 12.1: intersection over union

IOU = """
def iou(box, other):
    w = min(box[2], other[2]) - max(box[0], other[0])
    h = min(box[3], other[3]) - max(box[1], other[1])
    shared = {shared}
    a = (box[2] - box[0]) * (box[3] - box[1])
    b = (other[2] - other[0]) * (other[3] - other[1])
    return {result}
"""


def iou(shared="max(w, 0) * max(h, 0)", result="shared / (a + b - shared)"):
    return IOU.format(shared=shared, result=result)


right(
    "12.1", "by torchvision", "def iou(box, other):\n    return box_iou(torch.tensor([box]), torch.tensor([other]))\n"
)
right(
    "12.1",
    "with tensors",
    """
def iou(box, other):
    box, other = torch.tensor(box), torch.tensor(other)
    sides = (torch.minimum(box[2:], other[2:]) - torch.maximum(box[:2], other[:2])).clamp(min=0)
    return sides.prod() / ((box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod() - sides.prod())
""",
)
right("12.1", "asks first", """
def iou(box, other):
    if box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]:
        return 0
    shared = (min(box[2], other[2]) - max(box[0], other[0])) * (min(box[3], other[3]) - max(box[1], other[1]))
    return shared / ((box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)
""")  # fmt: skip
wrong("12.1", "not clamped", iou(shared="w * h"), "lie apart share nothing")
wrong("12.1", "clamped late", iou(shared="max(w * h, 0)"), "lie apart share nothing|expected 0")
wrong("12.1", "shared counted twice", iou(result="shared / (a + b)"), "contained twice")
wrong("12.1", "of the smaller", iou(result="shared / min(a, b)"), "smaller box")
wrong("12.1", "of the larger", iou(result="shared / max(a, b)"), "larger box")
wrong("12.1", "of the first", iou(result="shared / a"), "share of the first box")
wrong("12.1", "of the second", iou(result="shared / b"), "share of the second box")
wrong("12.1", "Dice", iou(result="2 * shared / (a + b)"), "do not double")
wrong("12.1", "with an epsilon", iou(result="(shared + 1e-3) / (a + b - shared + 1e-3)"), "expected 0.3333")
wrong(
    "12.1",
    "on a canvas",
    iou().replace("    w =", "    box, other = [[min(max(x, 0), 96) for x in each] for each in (box, other)]\n    w ="),
    "division by zero",
)
wrong("12.1", "not divided", iou(result="shared"), "divide it by")
wrong(
    "12.1",
    "box around both",
    iou(
        result="shared / ((max(box[2], other[2]) - min(box[0], other[0])) * (max(box[3], other[3])"
        " - min(box[1], other[1])))"
    ),
    "box around both",
)
wrong(
    "12.1",
    "plus one",
    """
def iou(box, other):
    w = min(box[2], other[2]) - max(box[0], other[0]) + 1
    h = min(box[3], other[3]) - max(box[1], other[1]) + 1
    shared = max(w, 0) * max(h, 0)
    a = (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
    b = (other[2] - other[0] + 1) * (other[3] - other[1] + 1)
    return shared / (a + b - shared)
""",
    "without \\+ 1",
)
wrong("12.1", "sizes in place of edges", iou(result="shared / (box[2]*box[3] + other[2]*other[3] - shared)"),
      "not width and height")  # fmt: skip
wrong("12.1", "text", "def iou(box, other):\n    return 'much'\n", "should be a number")

# 12.2: three silent mistakes

PREPARED = """
def prepared(picture, boxes, classes, side):
    _, height, width = picture.shape
    x, y = {factors}
    left, top, w, h = boxes.unbind(1)
    boxes = {boxes}
    picture = F.interpolate(picture[None], (side, side), mode="bilinear")[0]
    return picture, {{"boxes": boxes, "labels": {labels}}}
"""
CORNERS = "torch.stack([left * x, top * y, (left + w) * x, (top + h) * y], 1)"


def prepared(boxes=CORNERS, labels="classes + 1", factors="side / width, side / height"):
    return PREPARED.format(boxes=boxes, labels=labels, factors=factors)


right("12.2", "column by column", prepared())
right(
    "12.2",
    "with torchvision's converter",
    """
from torchvision.ops import box_convert

def prepared(picture, boxes, classes, side):
    height, width = picture.shape[-2:]
    boxes = box_convert(boxes, "xywh", "xyxy")
    boxes = boxes / torch.tensor([width, height, width, height]) * side
    return F.interpolate(picture[None], size=side, mode="bilinear")[0], dict(labels=1 + classes, boxes=boxes)
""",
)
AS_GIVEN = "torch.stack([left, top, {}], 1)"
wrong(
    "12.2",
    "the exhibit itself",
    """
def prepared(picture, boxes, classes, side):
    picture = F.interpolate(picture[None], (side, side), mode="bilinear")[0]
    accepted = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    return picture, {"boxes": boxes[accepted], "labels": classes[accepted]}
""",
    "ends before it begins",
)
wrong("12.2", "no box left out", prepared("torch.stack([left, top, w, h], 1)", "classes"), "label 0 is the backgr")
wrong("12.2", "labels only", prepared("torch.stack([left, top, w, h], 1)"), "left, top, width, height is not.*resized")
wrong("12.2", "sizes scaled", prepared("torch.stack([left * x, top * y, w * x, h * y], 1)"), "still sizes")
wrong("12.2", "not scaled", prepared("torch.stack([left, top, left + w, top + h], 1)"), "the boxes have not")
wrong("12.2", "one factor", prepared(factors="(side / width,) * 2"), "another factor")
wrong("12.2", "the other factor", prepared(factors="(side / height,) * 2"), "another factor")
wrong("12.2", "factors swapped", prepared(factors="side / height, side / width"), "swapped")
wrong("12.2", "upside down", prepared(factors="width / side, height / side"), "upside down")
wrong(
    "12.2",
    "centers",
    prepared("torch.stack([(left - w / 2) * x, (top - h / 2) * y, (left + w / 2) * x, (top + h / 2) * y], 1)"),
    "not the center",
)
wrong(
    "12.2",
    "top first",
    prepared("torch.stack([top * y, left * x, (top + h) * y, (left + w) * x], 1)"),
    "begin with the top",
)
wrong("12.2", "shares", prepared(CORNERS + " / side"), "in pixels")
wrong("12.2", "labels from 0", prepared(labels="classes"), "label 0 is the background")
wrong("12.2", "labels all one", prepared(labels="torch.ones_like(classes)"), "each class needs")
wrong("12.2", "labels as floats", prepared(labels="classes + 1.0"), "64 bits")
wrong("12.2", "labels two higher", prepared(labels="classes + 2"), "one higher")
wrong("12.2", "labels in another order", prepared(labels="classes.flip(0) + 1"), "in the order of the items")
wrong(
    "12.2",
    "small items left out",
    prepared().replace(
        "return picture",
        "large = (boxes[:, 2:] - boxes[:, :2] > 1).all(dim=1)\n    boxes, classes = boxes[large], classes[large]\n"
        "    return picture",
    ),
    "small ones, too",
)
wrong("12.2", "another resizing", prepared().replace("bilinear", "bicubic"), "not what bilinear resizing makes")
wrong(
    "12.2", "no target", "def prepared(picture, boxes, classes, side):\n    return picture\n", "a picture and a target"
)
wrong(
    "12.2",
    "changed in place",
    """
def prepared(picture, boxes, classes, side):
    _, height, width = picture.shape
    boxes[:, 2:] += boxes[:, :2]
    boxes *= torch.tensor([side / width, side / height] * 2)
    return F.interpolate(picture[None], (side, side), mode="bilinear")[0], {"boxes": boxes, "labels": classes + 1}
""",
    "not left as it came",
)

# 12.3: non-maximum suppression

SUPPRESS = """
def suppress(boxes, scores, threshold):
    overlaps, kept = box_iou(boxes, boxes), []
    for i in {order}:
        if {stays}:
            kept.append(int(i))
    return {result}
"""


def suppress(
    order="scores.argsort(descending=True)", stays="all(overlaps[i, j] <= threshold for j in kept)", result="kept"
):
    return SUPPRESS.format(order=order, stays=stays, result=result)


right("12.3", "all overlaps at once", suppress(result="torch.tensor(kept)"))
right("12.3", "by torchvision", """
from torchvision.ops import nms

def suppress(boxes, scores, threshold):
    return nms(boxes, scores, threshold)
""")  # fmt: skip
right(
    "12.3",
    "from the best, crossing out",
    """
def suppress(boxes, scores, threshold):
    left, kept = scores.argsort(descending=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best.item())
        left = left[box_iou(boxes[best][None], boxes[left])[0] <= threshold]
    return kept
""",
)
wrong(
    "12.3",
    "the suppressed suppress",
    """
def suppress(boxes, scores, threshold):
    order = scores.argsort(descending=True)
    overlaps = box_iou(boxes[order], boxes[order]).triu(diagonal=1)
    return order[(overlaps <= threshold).all(dim=0)]
""",
    "must not take others",
)
wrong("12.3", "not sorted", suppress(order="range(len(scores))"), "by score|another order")
wrong("12.3", "worst first", suppress(order="scores.argsort()"), "worst score|another order")
wrong("12.3", "the wrong way around", suppress(stays="all(overlaps[i, j] > threshold for j in kept)"), "by \\*more\\*")
wrong("12.3", "as much as the threshold", suppress(stays="all(overlaps[i, j] < threshold for j in kept)"), "by as much")
wrong(
    "12.3",
    "equal boxes stay",
    suppress(stays="all(overlaps[i, j] <= threshold or overlaps[i, j] == 1 for j in kept)"),
    r"keeps \[2, 0, 3, 1\]; expected \[2, 3, 1\]",
)
wrong(
    "12.3",
    "places in the sorted list",
    suppress("range(len(scores))").replace("    over", "    boxes = boxes[scores.argsort(descending=True)]\n    over"),
    "places in the sorted list",
)
wrong(
    "12.3", "only scores above 0", suppress(stays="scores[i] > 0 and all(overlaps[i, kept] <= threshold)"), "expected"
)
wrong("12.3", "nothing goes", suppress(stays="True"), "nothing was suppressed")
wrong("12.3", "only the best", suppress(result="kept[:1]"), "only the best")
wrong("12.3", "sorted by position", suppress(result="sorted(kept)"), "in another order")
wrong(
    "12.3", "a mask", "def suppress(boxes, scores, threshold):\n    return [True] * len(boxes)\n", "positions, such as"
)
wrong("12.3", "boxes", "def suppress(boxes, scores, threshold):\n    return boxes\n", "whole number|should be a number")

# 12.4: average precision

PRECISION = """
def average_precision(scores, correct, num_items):
    order = {order}
    hits = correct[order].float()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    best = {best}
    return {result}
"""


def precision(
    order="scores.argsort(descending=True)",
    best="torch.stack([precision[k:].max() for k in range(len(hits))])",
    result="(best * hits).sum() / num_items",
):
    return PRECISION.format(order=order, best=best, result=result)


right("12.4", "with a loop", precision())
right(
    "12.4",
    "as an area under steps",
    """
def average_precision(scores, correct, num_items):
    pairs = sorted(zip(scores.tolist(), correct.tolist()), reverse=True)
    points, found = [], 0
    for k, (_, is_right) in enumerate(pairs, start=1):
        found += is_right
        points.append((found / num_items, found / k))
    area, before = 0.0, 0.0
    for k, (recall, _) in enumerate(points):
        area += (recall - before) * max(p for _, p in points[k:])
        before = recall
    return area
""",
)
wrong("12.4", "precision of the place", precision(best="precision"), "best precision from")
wrong("12.4", "best so far", precision(best="precision.cummax(0).values"), "an earlier one")
wrong("12.4", "best of all", precision(best="precision.max()"), "the best of all")
wrong(
    "12.4",
    "counts from 0",
    precision().replace("torch.arange(1, len(hits) + 1)", "torch.arange(len(hits)).clamp(min=1)"),
    "best precision at each right box",
)
wrong("12.4", "share of the found", precision(result="(best * hits).sum() / hits.sum().clamp(min=1)"), "found or not")
wrong(
    "12.4",
    "share of the found, precision of the place",
    precision(best="precision", result="(best * hits).sum() / hits.sum().clamp(min=1)"),
    "found or not",
)
wrong("12.4", "worst first", precision(order="scores.argsort()"), "worst score")
wrong("12.4", "not sorted", precision(order="torch.arange(len(scores))"), "sort by score")
wrong("12.4", "mean precision", precision(result="precision.mean()"), "mean precision over all")
wrong("12.4", "recall", precision(result="hits.sum() / num_items"), "recall of all boxes")
wrong("12.4", "precision", precision(result="hits.mean()"), "precision of all boxes")
wrong("12.4", "something else", precision(result="best.sum() / num_items"), "best precision at each right box")
