# Exercise 12.1

def iou(box, other):
    """Intersection over union of two boxes (left, top, right, bottom)."""
    # answer
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (box, other)]
    return shared / (sum(areas) - shared)
    # end of answer


# Exercise 12.2

def prepared(picture, boxes, classes, side):
    """The picture in side×side pixels, and its target."""
    # answer
    _, height, width = picture.shape
    left, top, box_width, box_height = boxes.unbind(dim=1)
    corners = torch.stack([left, top, left + box_width, top + box_height], dim=1)
    corners = corners * torch.tensor([side / width, side / height, side / width, side / height])
    picture = F.interpolate(picture[None], (side, side), mode="bilinear")[0]
    return picture, {"boxes": corners, "labels": classes + 1}  # 0 is the background
    # end of answer


# Exercise 12.3

def suppress(boxes, scores, threshold):
    """Positions of the boxes that stay, the best first."""
    # answer
    kept = []
    for i in scores.argsort(descending=True).tolist():
        if all(box_iou(boxes[i : i + 1], boxes[j : j + 1]) <= threshold for j in kept):
            kept.append(i)
    return kept
    # end of answer


# Exercise 12.4

def average_precision(scores, correct, num_items):
    """Area under precision against recall, of one class."""
    # answer
    order = scores.argsort(descending=True)
    hits = correct[order].float()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    best_from_here = precision.flip(0).cummax(0).values.flip(0)
    return ((best_from_here * hits).sum() / num_items).item()
    # end of answer
