"""Answers to the exercises of notebook 06."""

from __future__ import annotations

from collect import needs, right, wrong

# 6.1


def last_batch(num_batches: object = 469, last_size: object = 96, last_size_at_250: object = 250) -> str:
    return f"num_batches = {num_batches}\nlast_size = {last_size}\nlast_size_at_250 = {last_size_at_250}"


right(
    "6.1",
    "as floats and tensors",
    last_batch("60_000 // 128 + 1.0", "torch.tensor(96)", "__import__('numpy').int64(250)"),
)
right(
    "6.1",
    "counted by a split",
    """
sizes = [len(part) for part in torch.arange(60_000).split(128)]
num_batches, last_size = len(sizes), sizes[-1]
last_size_at_250 = len(torch.arange(60_000).split(250)[-1])
""",
)

wrong("6.1", "full batches only", last_batch(468), "full batches")
wrong("6.1", "a broken number of batches", last_batch("60_000 / 128"), "a batch too")
wrong("6.1", "test images", last_batch(79), "10,000 test images")
wrong("6.1", "batches of 256", last_batch(235), "batches of 256")
wrong("6.1", "all images", last_batch(547), "all 70,000")
wrong("6.1", "another number", last_batch(500), "until no image is left")
wrong("6.1", "last batch full", last_batch(last_size=128), "128 does not divide")
wrong("6.1", "what is missing in the last batch", last_batch(last_size=32), "missing in the last batch")
wrong("6.1", "a share", last_batch(last_size=0.75), "the share of the batch")
wrong("6.1", "last batch of the test images", last_batch(last_size=16), "test images")
wrong("6.1", "remainder as size", last_batch(last_size_at_250="60_000 % 250"), "an empty batch is not made")
wrong("6.1", "number of batches for size", last_batch(last_size_at_250=240), "number of batches")
wrong("6.1", "one short", last_batch(last_size_at_250=249), "if no batch is empty")
wrong("6.1", "text", last_batch('"469"'), "should be a number")

# 6.2

needs("6.2", "train_images", "test_images")


def nearest_mean(body: str, lead: object = 15.57) -> str:
    head = "def nearest_mean_accuracy_of(train_images, train_labels, test_images, test_labels, classes):\n"
    return head + "".join(f"    {line}\n" for line in body.strip().splitlines()) + f"lead_of_shoes = {lead}"


MEANS = "means = torch.stack([train_images[train_labels == k].flatten(1).float().mean(dim=0) for k in classes])\n"
KEPT = "kept = torch.isin(test_labels, torch.tensor(classes))\n"
NEAREST = "nearest = torch.cdist(test_images[kept].flatten(1).float(), means).argmin(dim=1)\n"
SHARE = "return (torch.tensor(classes)[nearest] == test_labels[kept]).float().mean()"
RULE = MEANS + KEPT + NEAREST + SHARE

right(
    "6.2",
    "returns a tensor, the lead measured with it",
    nearest_mean(RULE, "None")
    + """
data = train_images, train_labels, test_images, test_labels
lead_of_shoes = 100 * (nearest_mean_accuracy_of(*data, [9, 7, 5]) - nearest_mean_accuracy_of(*data, [6, 4, 0]))
""",
)
right(
    "6.2",
    "with loops and a dictionary",
    """
def nearest_mean_accuracy_of(X, y, X_test, y_test, which):
    centers = {k: (X[y == k] / 255).mean(dim=0) for k in which}
    right = total = 0
    for image, label in zip(X_test / 255, y_test.tolist()):
        if label in which:
            right += label == min(which, key=lambda k: ((image - centers[k]) ** 2).sum().item())
            total += 1
    return right / total

lead_of_shoes = 15.6
""",
)
right(
    "6.2",
    "in numpy, all means and the others made infinitely far",
    """
import numpy as np

def nearest_mean_accuracy_of(X, y, X_test, y_test, classes):
    X, y, X_test, y_test = (part.numpy() for part in (X, y, X_test, y_test))
    X, X_test = (part.reshape(len(part), -1).astype(float) for part in (X, X_test))
    distances = np.full((len(X_test), 10), np.inf)
    for k in classes:
        distances[:, k] = ((X_test - X[y == k].mean(axis=0)) ** 2).sum(axis=1)
    kept = np.isin(y_test, list(classes))
    return (distances.argmin(axis=1) == y_test)[kept].mean()

lead_of_shoes = np.float64(15.5667)
""",
)

wrong(
    "6.2",
    "places for labels",
    nearest_mean(RULE.replace("torch.tensor(classes)[nearest]", "nearest")),
    "returns a place",
)
wrong(
    "6.2",
    "labels in sorted order",
    nearest_mean(RULE.replace("torch.tensor(classes)[n", "torch.tensor(sorted(classes))[n")),
    "sorted order",
)
wrong(
    "6.2",
    "all candidates",
    nearest_mean(
        "given, classes = classes, train_labels.unique().tolist()\n"
        + RULE.replace(KEPT, KEPT.replace("classes", "given"))
    ),
    "only the means of the given classes",
)
for name, candidates in (("shoes by heart", "[5, 7, 9]"), ("as many classes, from 0", "range(len(classes))")):
    wrong(
        "6.2",
        name,
        nearest_mean(
            f"given, classes = classes, {candidates}\n" + RULE.replace(KEPT, KEPT.replace("classes", "given"))
        ),
        "no test image is right. So it is if a candidate has no training images here",
    )
wrong(
    "6.2", "all test images", nearest_mean(RULE.replace(KEPT, "kept = slice(None)\n")), "test images of other classes"
)
wrong("6.2", "classes unused", nearest_mean("classes = train_labels.unique().tolist()\n" + RULE), "no effect")
wrong("6.2", "argmax", nearest_mean(RULE.replace("argmin", "argmax")), "farthest")
wrong(
    "6.2",
    "means of the test images",
    nearest_mean(RULE.replace(MEANS, MEANS.replace("train_", "test_"))),
    "training images only",
)
wrong("6.2", "a percentage", nearest_mean(RULE + " * 100"), "percentage")
wrong("6.2", "a count", nearest_mean(MEANS + KEPT + NEAREST + SHARE.replace("mean", "sum")), "divide by how many")
wrong("6.2", "errors", nearest_mean(RULE.replace("return (", "return 1 - (")), "share of mistakes")
wrong(
    "6.2",
    "bytes for means",
    nearest_mean(RULE.replace(NEAREST, "means = means.to(torch.uint8).float()\n" + NEAREST)),
    "rounded to whole numbers",
)
wrong(
    "6.2",
    "nearest image",
    nearest_mean("""
stored, kept = torch.isin(train_labels, torch.tensor(classes)), torch.isin(test_labels, torch.tensor(classes))
distances = torch.cdist(test_images[kept].flatten(1).float(), train_images[stored].flatten(1).float())
return (train_labels[stored][distances.argmin(dim=1)] == test_labels[kept]).float().mean().item()
"""),
    "nearest training image",
)
wrong(
    "6.2",
    "mean over classes",
    nearest_mean(
        MEANS
        + """
shares = []
for i, k in enumerate(classes):
    nearest = torch.cdist(test_images[test_labels == k].flatten(1).float(), means).argmin(dim=1)
    shares.append((nearest == i).float().mean())
return sum(shares) / len(shares)
"""
    ),
    "mean of each class's accuracy",
)
wrong("6.2", "mean of bytes", nearest_mean(RULE.replace(".float().mean(dim", ".mean(dim")), "Bytes have no mean")
wrong(
    "6.2",
    "the sizes of the page",
    nearest_mean(RULE.replace("flatten(1)", "reshape(-1, 784)")),
    "instead of its arguments",
)
wrong(
    "6.2",
    "tested on the training images",
    nearest_mean("test_images, test_labels = train_images, train_labels\n" + RULE),
    "on small clouds",
)
wrong(
    "6.2",
    "one brightness a class",
    nearest_mean(
        """
brightness = torch.stack([train_images[train_labels == k].float().mean() for k in classes])
kept = torch.isin(test_labels, torch.tensor(classes))
nearest = (test_images[kept].float().mean(dim=(1, 2, 3))[:, None] - brightness).abs().argmin(dim=1)
"""
        + SHARE
    ),
    "on small clouds",
)
wrong(
    "6.2",
    "differences of bytes",
    nearest_mean(
        RULE.replace(
            NEAREST,
            """means = means.to(torch.uint8)
differences = test_images[kept].flatten(1)[:, None] - means
nearest = (differences.float() ** 2).sum(dim=2).argmin(dim=1)
""",
        )
    ),
    "bytes are subtracted",
)
wrong("6.2", "a constant", nearest_mean("return 0.826"), r"returns 0\.826 on small clouds")
wrong(
    "6.2",
    "changes the labels",
    nearest_mean(RULE.replace("return", "test_labels[~kept] = -1\nreturn")),
    "changed the images",
)
wrong("6.2", "prints only", nearest_mean(RULE.replace("return", "_ =")), "should be a number")
wrong("6.2", "a lead as a share", nearest_mean(RULE, 0.1557), "a hundred times")
wrong("6.2", "the wrong way round", nearest_mean(RULE, -15.567), "the sign says")
wrong("6.2", "the accuracy of shoes", nearest_mean(RULE, 82.63), "subtract that among t-shirt")
wrong("6.2", "a relative lead", nearest_mean(RULE, 23.2), "relative to the lower")
wrong("6.2", "candidates unlimited", nearest_mean(RULE, 33.33), "all ten classes were candidates")
wrong("6.2", "a guess", nearest_mean(RULE, 12), "the function is right")

# 6.3


def normalized(body: str, helped_most: object = "'coat'") -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def normalized(pixels):\n{lines}helped_most = {helped_most}"


CENTRED = "centered = pixels - pixels.mean(dim=1, keepdim=True)\n"
NORMALIZED = CENTRED + "return torch.nan_to_num(centered / centered.norm(dim=1, keepdim=True).clamp(min=1e-3))"

right("6.3", "by F.normalize", normalized("return F.normalize(pixels - pixels.mean(1)[:, None], eps=1e-3)", "'Coat'"))
right("6.3", "by F.normalize in double", normalized("x = pixels.double()\nreturn F.normalize(x - x.mean(1)[:, None])"))
right(
    "6.3",
    "equal pixels asked for",
    normalized(
        CENTRED
        + """
length = centered.norm(dim=1, keepdim=True)
return torch.where((pixels == pixels[:, :1]).all(dim=1, keepdim=True), 0.0, centered / length)
"""
    ),
)
right("6.3", "a smaller divisor", normalized(NORMALIZED.replace("1e-3", "3e-4")))
right(
    "6.3",
    "row by row",
    normalized(
        """
rows = []
for x in pixels.double():
    x = x - x[0]
    x = x - sum(x) / len(x)
    length = (x * x).sum() ** 0.5
    rows.append(x / length if length > 0 else x)
return torch.stack(rows)
""",
        "4",
    ),
)
right(
    "6.3",
    "a small number added to the norm, in double precision",
    normalized(
        """
x = pixels.double().T
x = x - x.mean(dim=0)
return (x / ((x**2).sum(dim=0).sqrt() + 1e-8)).T
""",
        "'coats '",
    ),
)
right("6.3", "clamped and nan to zero", normalized(NORMALIZED, "'COAT'"))
right(
    "6.3",
    "on a copy, in place",
    normalized(
        """
pixels = pixels.clone()
pixels -= pixels.mean(dim=1, keepdim=True)
pixels /= pixels.norm(dim=1, keepdim=True).clamp(min=1e-3)
return pixels
""",
        "torch.tensor(4)",
    ),
)

UNCLAMPED = NORMALIZED.replace(".clamp(min=1e-3)", "")
wrong("6.3", "nan", normalized(UNCLAMPED.replace("torch.nan_to_num", "")), "all equal becomes nan")
BLOWN_UP = "equal pixels should become zeros; one of 784 pixels gets the norm 1.* off by a rounding"
for name, lines in (
    ("rounding blown up, nan to zero", UNCLAMPED),
    ("rounding blown up by F.normalize", "return F.normalize(pixels - pixels.mean(dim=1, keepdim=True))"),
    ("rounding blown up, 1e-6", NORMALIZED.replace("1e-3", "1e-6")),
    (
        "rounding blown up, divided where the norm is not 0",
        CENTRED
        + """length = centered.norm(dim=1, keepdim=True)
return centered / length.where(length > 0, torch.ones_like(length))""",
    ),
):
    wrong("6.3", name, normalized(lines), BLOWN_UP)
wrong("6.3", "faint images made zero", normalized(NORMALIZED.replace("1e-3", "1e-2")), "hardly any contrast")
wrong("6.3", "no norm", normalized(CENTRED + "return centered"), "nothing is divided")
wrong("6.3", "no mean", normalized("return F.normalize(pixels)"), "mean was not subtracted")
wrong("6.3", "standard deviation", normalized(UNCLAMPED.replace("norm(", "std(")), "standard deviation")
wrong(
    "6.3",
    "standard deviation of all, layer norm",
    normalized("return F.layer_norm(pixels, pixels.shape[1:], eps=1e-9)"),
    "√12",
)
wrong(
    "6.3",
    "norm before the subtraction",
    normalized(NORMALIZED.replace("centered.norm", "pixels.norm")),
    "before the subtraction",
)
wrong(
    "6.3",
    "divided first",
    normalized("""
shares = F.normalize(pixels)
return shares - shares.mean(dim=1, keepdim=True)
"""),
    "before the subtraction",
)
wrong("6.3", "one norm for all", normalized(CENTRED + "return centered / centered.norm()"), "one norm for all")
wrong("6.3", "one mean for all", normalized("return F.normalize(pixels - pixels.mean())"), "one mean for all")
wrong(
    "6.3",
    "one mean and norm for all",
    normalized("centered = pixels - pixels.mean()\nreturn centered / centered.norm()"),
    "mean and norm are taken over all images",
)
wrong("6.3", "mean over the images", normalized("return F.normalize(pixels - pixels.mean(dim=0))"), "mean of each row")
wrong(
    "6.3",
    "everything over the images",
    normalized("return F.normalize(pixels - pixels.mean(dim=0), dim=0)"),
    "run over the pixels of each image",
)
wrong("6.3", "absolute values", normalized(CENTRED + "return F.normalize(centered, p=1)"), "sum of absolute values")
wrong(
    "6.3",
    "no root",
    normalized(CENTRED + "return torch.nan_to_num(centered / (centered**2).sum(dim=1, keepdim=True))"),
    "root is missing",
)
wrong("6.3", "largest value", normalized(CENTRED + "return F.normalize(centered, p=float('inf'))"), "largest value")
wrong(
    "6.3",
    "in place",
    normalized("""
pixels -= pixels.mean(dim=1, keepdim=True)
return F.normalize(pixels)
"""),
    "work in place",
)
wrong("6.3", "no keepdim", normalized("return F.normalize(pixels - pixels.mean(dim=1))"), "raised RuntimeError")
wrong(
    "6.3",
    "equal pixels become ones",
    normalized(UNCLAMPED.replace("nan_to_num(", "nan_to_num(nan=1.0, input=")),
    "should become zeros",
)
wrong(
    "6.3",
    "a large number added to the norm",
    normalized(CENTRED + "return centered / (centered.norm(dim=1, keepdim=True) + 0.1)"),
    "should have the norm 1",
)
wrong(
    "6.3",
    "absolute value taken",
    normalized(NORMALIZED.replace("centered /", "centered.abs() /")),
    "should have the mean 0",
)
wrong("6.3", "sign turned", normalized(NORMALIZED.replace("centered /", "-centered /")), "their values are not")
wrong(
    "6.3",
    "the size of the page",
    normalized("return F.layer_norm(pixels, pixels.shape[1:]) / 28"),
    "should have the norm 1",
)
wrong("6.3", "every pixel for itself", normalized("return pixels.sign()"), "should have the mean 0")
wrong("6.3", "flat", normalized(NORMALIZED + ".flatten()"), r"expected \(7, 12\)")
wrong("6.3", "the other way round", normalized(NORMALIZED, "'sandal'"), "loses most")
wrong("6.3", "the hardest class", normalized(NORMALIZED, "'shirt'"), "the hardest class")
wrong("6.3", "the best class", normalized(NORMALIZED, "'trouser'"), "most images right")
wrong("6.3", "another class", normalized(NORMALIZED, "8"), "gains about 29")
wrong("6.3", "no class", normalized(NORMALIZED, "'jacket'"), "one of t-shirt")
wrong("6.3", "a large label", normalized(NORMALIZED, "10"), "from 0 to 9")

# 6.4


def leave_one_out(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def leave_one_out_accuracy(images, labels):\n{lines}"


def by_distances(
    left_out: str = "D.fill_diagonal_(torch.inf)", distances: str = "torch.cdist(X, X)", result: str = ""
) -> str:
    result = result or "return (labels[D.argmin(dim=1)] == labels).float().mean().item()"
    return leave_one_out(f"X = images.flatten(1).float()\nD = {distances}\n{left_out}\n{result}")


right(
    "6.4",
    "image by image",
    leave_one_out("""
X, hits = images.flatten(1).double() / 255, 0
for i in range(len(X)):
    rest = [j for j in range(len(X)) if j != i]
    hits += int(labels[rest[torch.cdist(X[i : i + 1], X[rest]).argmin()]] == labels[i])
return hits / len(X)
"""),
)
right(
    "6.4",
    "whole numbers in numpy",
    leave_one_out("""
import numpy as np
X, y = images.numpy().reshape(len(images), -1).astype(int), labels.numpy()
D = ((X[:, None] - X) ** 2).sum(axis=2)
np.fill_diagonal(D, D.max() + 1)
return np.mean(y[D.argmin(axis=1)] == y)
"""),
)
right(
    "6.4",
    "part by part",
    leave_one_out("""
X, hits = images.flatten(1).float(), 0
for start in range(0, len(X), 7):
    D = torch.cdist(X[start : start + 7], X)
    rows = torch.arange(len(D))
    D[rows, rows + start] = torch.inf
    hits += (labels[D.argmin(dim=1)] == labels[start : start + 7]).sum()
return hits / len(X)
"""),
)
right(
    "6.4",
    "the nearest two, and of them the one that is not the image",
    leave_one_out("""
X, me = images.flatten(1).float(), torch.arange(len(images))
two = torch.cdist(X, X).topk(2, largest=False).indices
return (labels[torch.where(two[:, 0] == me, two[:, 1], two[:, 0])] == labels).double().mean()
"""),
)
right(
    "6.4",
    "as a fraction",
    "from fractions import Fraction\n"
    + by_distances(result="return Fraction(int((labels[D.argmin(1)] == labels).sum()), len(labels))"),
)

wrong("6.4", "itself among the candidates", by_distances(""), "every image finds itself")
wrong("6.4", "always 1", leave_one_out("return 1.0"), "it is always 1, as if every image finds itself")
for name, scale, left_out in (
    ("a distance to itself of 1", "/ 255", "D.fill_diagonal_(1.0)"),
    ("a distance to itself of 255", "", "D.fill_diagonal_(255)"),
    ("10 added to the distance to itself", "/ 255", "D += 10 * torch.eye(len(D))"),
):
    wrong(
        "6.4",
        name,
        by_distances(left_out).replace("(1).float()", f"(1).float() {scale}"),
        "where they are far apart, every image finds itself",
    )
right("6.4", "a distance to itself larger than any", by_distances("D.fill_diagonal_(float(D.max()) + 1)"))
wrong("6.4", "images doubled", leave_one_out("images *= 2"), "argument images is not left as it came: it has other n")
wrong("6.4", "labels counted up", leave_one_out("labels += 1"), "argument labels is not left as it came")
wrong("6.4", "zeros on the diagonal", by_distances("D.fill_diagonal_(0)"), "every image finds itself")
wrong(
    "6.4",
    "the second nearest",
    by_distances("", result="return (labels[D.argsort(dim=1)[:, 1]] == labels).float().mean().item()"),
    "not where two are equal",
)
wrong("6.4", "all distances of 0 left out", by_distances("D[D < 1e-3] = torch.inf"), "not where two are equal")
wrong(
    "6.4",
    "percent",
    by_distances(result="return 100 * (labels[D.argmin(1)] == labels).float().mean().item()"),
    "a percentage",
)
wrong(
    "6.4",
    "a count",
    by_distances(result="return (labels[D.argmin(1)] == labels).sum().item()"),
    "number of correct images",
)
wrong(
    "6.4",
    "mistakes",
    by_distances(result="return (labels[D.argmin(1)] != labels).float().mean().item()"),
    "share of mistakes",
)
wrong(
    "6.4",
    "farthest",
    by_distances("D.fill_diagonal_(-1)", result="return (labels[D.argmax(1)] == labels).float().mean().item()"),
    "farthest",
)
wrong("6.4", "absolute differences", by_distances(distances="torch.cdist(X, X, p=1)"), "Euclidean")
wrong("6.4", "largest difference", by_distances(distances="torch.cdist(X, X, p=torch.inf)"), "nearest other point")
wrong("6.4", "angles", by_distances(distances="-F.normalize(X) @ F.normalize(X).T"), "nearest other point")
wrong("6.4", "products", by_distances(distances="-X @ X.T"), "largest product")
wrong(
    "6.4",
    "bytes",
    by_distances(distances="(images.flatten(1)[:, None] - images.flatten(1)).float().norm(dim=2)"),
    "bytes are subtracted",
)
wrong("6.4", "only earlier images", by_distances("D[torch.ones_like(D).triu() > 0] = torch.inf"), "come before it")
wrong("6.4", "only later images", by_distances("D[torch.ones_like(D).tril() > 0] = torch.inf"), "come after it")
wrong(
    "6.4",
    "own class only",
    by_distances("D[labels[:, None] != labels] = 1e9\nD.fill_diagonal_(torch.inf)"),
    "nearest other point",
)
wrong(
    "6.4",
    "half of the images as memory",
    leave_one_out("""
X, h = images.flatten(1).float(), len(images) // 2
return (labels[:h][torch.cdist(X[h:], X[:h]).argmin(1)] == labels[h:]).float().mean().item()
"""),
    "nearest other point",
)
wrong(
    "6.4",
    "class by class",
    by_distances(
        result="""h = (labels[D.argmin(1)] == labels).float()
return sum(h[labels == k].mean().item() for k in labels.unique()) / len(labels.unique())"""
    ),
    "mean of each class",
)
wrong(
    "6.4",
    "the nearest mean",
    leave_one_out("""
X, k = images.flatten(1).float(), labels.unique()
means = torch.stack([X[labels == label].mean(0) for label in k])
return (k[torch.cdist(X, means).argmin(1)] == labels).float().mean().item()
"""),
    "nearest mean",
)
wrong(
    "6.4",
    "28 pixels a side",
    by_distances(distances="torch.cdist(X.view(-1, 784), X.view(-1, 784))"),
    "raised RuntimeError",
)
wrong("6.4", "images overwritten", by_distances("D.fill_diagonal_(torch.inf); images.zero_()"), "not left as it came")
wrong("6.4", "hits", by_distances(result="return labels[D.argmin(1)] == labels"), "should be a number")

# 6.5


def batches(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def fixed_batches(images, labels, batch_size):\n{lines}"


FIXED = """
order = torch.randperm(len(images))
images, labels = images[order], labels[order]
for start in range(0, len(labels), batch_size):
    X = images[start : start + batch_size].float() / 255
    yield X, labels[start : start + batch_size]
"""

right("6.5", "the faulty function fixed", batches(FIXED))
right(
    "6.5",
    "a list",
    batches("""
order = torch.rand(len(labels)).argsort()
return [[images[i] / 255, labels[i]] for i in order.split(batch_size)]
"""),
)
right(
    "6.5",
    "PyTorch's own loader",
    """
from torch.utils.data import TensorDataset
fixed_batches = lambda X, y, size: DataLoader(TensorDataset(X.float().div(255), y), batch_size=size, shuffle=True)
""",
)
right(
    "6.5",
    "the course's loader",
    batches("""
from d2lhelpers.fashion_mnist import FashionMNISTBatches
return FashionMNISTBatches(images, labels, batch_size, shuffle=True)
"""),
)
right(
    "6.5",
    "item by item, shuffled by Python",
    batches("""
import random
numbers = list(range(len(images)))
random.shuffle(numbers)
while numbers:
    now, numbers = numbers[:batch_size], numbers[batch_size:]
    yield torch.stack([images[i].double() / 255 for i in now]), torch.tensor([int(labels[i]) for i in now])
"""),
)

wrong(
    "6.5",
    "the faulty function as it is",
    batches("""
images = images[torch.randperm(len(images))]
labels = labels[torch.randperm(len(labels))]
for start in range(0, len(labels) - batch_size, batch_size):
    X = images[start : start + batch_size]
    yield X.float() / X.max(), labels[start : start + batch_size]
"""),
    "last batch is missing",
)
wrong(
    "6.5",
    "two orders left",
    batches(FIXED.replace("labels[order]", "labels[torch.randperm(len(labels))]")),
    "no longer pairs",
)
wrong("6.5", "only images shuffled", batches(FIXED.replace("labels[order]", "labels")), "no longer pairs")
wrong(
    "6.5",
    "maximum of the batch left",
    batches(FIXED.replace("/ 255", "/ images[start : start + batch_size].max()")),
    "not by the maximum of a batch or an image",
)
wrong("6.5", "maximum of all", batches(FIXED.replace("/ 255", "/ images.max()")), "largest pixel of all")
wrong(
    "6.5",
    "last batch dropped, full ones kept",
    batches(FIXED.replace("len(labels), b", "len(labels) - batch_size + 1, b")),
    "with 9 images and batch_size=4, the last batch is missing",
)
wrong(
    "6.5",
    "a full last batch lost",
    batches(
        FIXED.replace(
            "range(0, len(labels), batch_size)",
            "range(0, len(labels) - (batch_size if len(labels) % batch_size == 0 else 0), batch_size)",
        )
    ),
    "with 40 images and batch_size=10, the last batch is missing",
)
wrong("6.5", "an empty batch", batches(FIXED.replace("len(labels), b", "len(labels) + 1, b")), "with 40 .* empty batch")
wrong(
    "6.5",
    "not shuffled",
    batches(FIXED.replace("torch.randperm(len(images))", "torch.arange(len(images))")),
    "are stored",
)
wrong("6.5", "the same order each time", batches("torch.manual_seed(0)\n" + FIXED), "second epoch")
wrong(
    "6.5",
    "batches shuffled, not images",
    batches("""
for i in torch.randperm(-(-len(images) // batch_size)).sort(descending=True).values.roll(1).tolist():
    part = slice(i * batch_size, (i + 1) * batch_size)
    yield images[part] / 255, labels[part]
"""),
    "have the sizes",
)
wrong(
    "6.5",
    "shuffled within a batch only",
    batches("""
for X, y in zip(images.split(batch_size), labels.split(batch_size)):
    order = torch.randperm(len(y))
    yield X[order] / 255, y[order]
"""),
    "neighbors always share a batch",
)
wrong(
    "6.5",
    "shuffled in parts",
    batches("""
order = torch.cat([part[torch.randperm(len(part))] for part in torch.arange(len(images)).split(12)])
for i in order.split(batch_size):
    yield images[i] / 255, labels[i]
"""),
    "shuffle all images",
)
wrong(
    "6.5",
    "rolled",
    batches("""
order = torch.arange(len(images)).roll(int(torch.randint(1, len(images), ())))
for i in order.split(batch_size):
    yield images[i] / 255, labels[i]
"""),
    "stored neighbors",
)
wrong(
    "6.5",
    "with replacement",
    batches(FIXED.replace("torch.randperm(len(images))", "torch.randint(0, len(images), (len(images),))")),
    "others never",
)
wrong("6.5", "bytes left", batches(FIXED.replace(".float() / 255", "")), "wants floats")
wrong("6.5", "not scaled", batches(FIXED.replace(" / 255", "")), "divide them by 255")
wrong("6.5", "whole division", batches(FIXED.replace(".float() / 255", " // 255")), "wants floats")
wrong(
    "6.5",
    "whole division, then floats",
    batches(FIXED.replace(".float() / 255", ".floor_divide(255).float()")),
    "all pixels are 0",
)
wrong("6.5", "divided by 256", batches(FIXED.replace("/ 255", "/ 256")), "divided by 256")
wrong("6.5", "from -1 to 1", batches(FIXED.replace("/ 255", "/ 127.5 - 1")), "they go from -")
wrong("6.5", "only the first batch returned", batches(FIXED.replace("yield", "return")), "return ends the loop")
wrong("6.5", "one pair of all", batches("return [(images / 255, labels)]"), "have the sizes")
wrong(
    "6.5", "images only", batches(FIXED.replace("yield X, labels[start : start + batch_size]", "yield X")), "pair X, y"
)
wrong("6.5", "half precision", batches(FIXED.replace("yield X,", "yield X.half(),")), "use float32")
wrong("6.5", "a batch size of its own", batches("batch_size = 8\n" + FIXED), "have the sizes")
wrong(
    "6.5",
    "a generator with a seed",
    batches(
        FIXED.replace(
            "randperm(len(images))", "randperm(len(images), generator=torch.Generator().manual_seed(len(labels)))"
        )
    ),
    "second epoch",
)
wrong(
    "6.5",
    "sorted by label",
    batches(FIXED.replace("torch.randperm(len(images))", "labels.argsort()")),
    "sorted by label",
)
wrong(
    "6.5",
    "shuffled, then sorted by label",
    batches(
        FIXED.replace("\nimages, labels =", "\norder = order[labels[order].argsort(stable=True)]\nimages, labels =")
    ),
    "sorted by label",
)
wrong(
    "6.5",
    "largest label first",
    batches(FIXED.replace("torch.randperm(len(images))", "labels.argsort(descending=True)")),
    "sorted by label",
)
wrong(
    "6.5",
    "pairs of neighbors swapped",
    batches("""
order = torch.arange(len(images))
for i in range(0, len(order) - 1, 2):
    if torch.rand(()) < 0.5:
        order[i], order[i + 1] = i + 1, i
for i in order.split(batch_size):
    yield images[i] / 255, labels[i]
"""),
    "neighbors|shuffle all",
)
wrong(
    "6.5",
    "float labels",
    batches(
        FIXED.replace(
            "yield X, labels[start : start + batch_size]", "yield X, labels[start : start + batch_size].float()"
        )
    ),
    "stay whole numbers",
)
wrong(
    "6.5",
    "stored images shuffled",
    batches("images[:] = images[torch.randperm(len(images))]\n" + FIXED),
    "changed the images",
)
wrong(
    "6.5",
    "without end",
    batches("while True:\n    " + "\n    ".join(FIXED.strip().splitlines())),
    "each should come once",
)
wrong(
    "6.5",
    "prints, returns nothing",
    batches(FIXED.replace("yield", "print").replace("print X, ", "_ = X, ")),
    "should yield batches",
)

# From a trial by someone who had not seen the checks

for candidates, places, name, cause in (
    ("range(10)", "torch.cdist(b[kept], means).argmin(1)", "the means of all ten classes", "or all ten"),
    ("sorted(classes)", "torch.tensor(classes)[torch.cdist(b[kept], means).argmin(1)]", "sorted means", "sorted order"),
):
    wrong(
        "6.2",
        name,
        f"""
def nearest_mean_accuracy_of(train_images, train_labels, test_images, test_labels, classes):
    a, b = (images.flatten(1).float() / 255 for images in (train_images, test_images))
    means = torch.stack([a[train_labels == label].mean(0) for label in {candidates}])
    kept = torch.isin(test_labels, torch.tensor(classes))
    return ({places} == test_labels[kept]).float().mean().item()
lead_of_shoes = 15.57
""",
        cause,
    )

# From a second trial: answers written to slip through

wrong(
    "6.2",
    "16-bit numbers that overflow",
    nearest_mean("""
a, b = train_images.flatten(1).short(), test_images.flatten(1).short()
labels = torch.tensor(classes)
means = torch.stack([a[train_labels == label].float().mean(0).short() for label in classes])
kept = torch.isin(test_labels, labels)
nearest = ((b[kept].unsqueeze(1) - means) ** 2).sum(2).argmin(1)
return (labels[nearest] == test_labels[kept]).float().mean().item()
"""),
    "of the test images of these classes are nearest",
)
CENTRED = """
def normalized(pixels):
    c = pixels - pixels.mean(1, keepdim=True)
    n = c.norm(dim=1, keepdim=True)
    {}
"""
ZEROED = CENTRED.format("return c / n.clamp(min=1e-3)")
right("6.3", "a list of one name", ZEROED + "helped_most = d2l.get_fashion_mnist_labels([4])\n")
right("6.3", "a small number added", CENTRED.format("return c / (n + 1.5e-4)") + "helped_most = 'Coat'\n")
wrong("6.3", "too small a number added", CENTRED.format("return c / (n + 1e-8)") + "helped_most = 'Coat'\n", BLOWN_UP)
for name, line, cause in (
    ("faint images made zero", "return torch.where(n > 0.01, c / n, 0 * c)", "hardly any contrast gets the norm 0,"),
    ("at least a tenth", "return c / n.clamp(min=0.1)", "hardly any contrast gets the norm 0.0"),
    ("a hundredth added", "return c / (n + 0.01)", "the norm 1; one has 0.9"),
    ("one row too short", "c = F.normalize(c)\n    c[2] *= 0.9\n    return c", "the norm 1; one has 0.9"),
    ("without a batch", "return F.normalize(c).squeeze()", r"the shape \(12,\)"),
):
    wrong("6.3", name, CENTRED.format(line) + 'helped_most = "coat"\n', cause)
for value, cause in (
    ("['coat', 'bag']", "one name"),
    ("{'coat': 74}", "one name"),
    ("None", "one name"),
    ("True", "one label"),
):
    wrong("6.3", f"helped_most = {value}", ZEROED + f"helped_most = {value}\n", cause)

SHUFFLED = "order = {}\nfor i in order.split(batch_size):\n    yield images[i].float() / 255, labels[i]"
for name, order, cause in (
    ("the first half first", "(p := torch.randperm(len(labels)))[(p >= len(p) // 2).long().argsort(stable=True)]",
     "an image moves by"),
    ("one of two orders", "torch.randperm(len(labels), generator="
     "torch.Generator().manual_seed(int(torch.rand(1) < 0.5)))",
     "come early in every epoch|second epoch"),
    ("the last image stays", "torch.cat([torch.randperm(len(labels) - 1), torch.tensor([len(labels) - 1])])",
     "at the same place in every epoch"),
    ("pairs stay together", "torch.stack([2 * (p := torch.randperm(len(labels) // 2 + 1)), 2 * p + 1], 1).flatten()\n"
     "order = order[order < len(labels)]", "followed by their stored neighbor"),
):  # fmt: skip
    wrong("6.5", name, batches(SHUFFLED.format(order)), cause)
wrong(
    "6.5",
    "batches of equal size",
    batches(
        SHUFFLED.format("torch.randperm(len(labels))").replace(
            "split(batch_size)", "chunk(-(-len(labels) // batch_size))"
        )
    ),
    "have the sizes",
)
wrong(
    "6.5",
    "one image loses its dimension",
    batches(
        SHUFFLED.format("torch.randperm(len(labels))").replace("/ 255", "/ 255 if len(i) > 1 else images[i[0]] / 255")
    ),
    "the shape",
)

wrong("6.5", "X and y exchanged", batches(FIXED.replace("yield X, labels[start : start + batch_size]",
      "yield labels[start : start + batch_size], X")), "are X and y exchanged")  # fmt: skip
wrong(
    "6.5",
    "an iterator kept from the first call",
    """
kept = {}
def fixed_batches(images, labels, batch_size):
    if len(labels) not in kept:
        order = torch.randperm(len(labels))
        kept[len(labels)] = iter([(images[i] / 255, labels[i]) for i in order.split(batch_size)])
    return kept[len(labels)]
""",
    "used up after one epoch",
)
wrong(
    "6.4",
    "one of two equal images dropped",
    leave_one_out("""
P, place = images.flatten(1).double().unique(dim=0, return_inverse=True)
L = torch.zeros(len(P), dtype=labels.dtype)
L[place] = labels
D = torch.cdist(P, P).fill_diagonal_(torch.inf)
return (L[D.argmin(1)] == L).double().mean().item()
"""),
    "one of the two was dropped",
)
ANY_LEAD = nearest_mean("""
a, b = (images.flatten(1).float() for images in (train_images, test_images))
labels = torch.tensor(classes)
means = torch.stack([a[train_labels == label].mean(0) for label in classes])
kept = torch.isin(test_labels, labels)
return (labels[torch.cdist(b[kept], means).argmin(1)] == test_labels[kept]).float().mean().item()
""", "{}")  # fmt: skip
for lead in (15.5, 15.6):
    right("6.2", f"a lead of {lead}", ANY_LEAD.format(lead))
for lead in (15.4, 15.7):
    wrong("6.2", f"a lead of {lead}", ANY_LEAD.format(lead), "percentage points apart")
right("6.3", "the label", ZEROED + "helped_most = 4\n")

# What a trial found

IN_PARTS = """
pixels = images.flatten(1).float()
nearest = []
for part in pixels.split(500):
    distances = torch.cdist(part, pixels)
    distances.fill_diagonal_(torch.inf)
    nearest.append(distances.argmin(dim=1))
return (labels[torch.cat(nearest)] == labels).float().mean().item()
"""
wrong("6.4", "parts without their offset", leave_one_out(IN_PARTS), "in parts")
wrong(
    "6.4",
    "the first thousand",
    leave_one_out("images, labels = images[:1000], labels[:1000]\n" + IN_PARTS.replace("split(500)", "split(1000)")),
    "all images count",
)
AND_THE_NORM = "\nreturn x / x.norm(dim=1, keepdim=True).clamp(min=1e-3)"
wrong(
    "6.3",
    "mean of the pixels that are not 0",
    normalized(
        "count = (pixels > 0).sum(1, keepdim=True).clamp(min=1)\nx = pixels - pixels.sum(1, keepdim=True) / count"
        + AND_THE_NORM
    ),
    "should have the mean 0",
)
wrong(
    "6.3",
    "two equal pixels taken for an empty image",
    normalized("x = pixels - pixels.mean(1, keepdim=True)\nx[pixels[:, 0] == pixels[:, 1]] = 0" + AND_THE_NORM),
    "as if all its pixels were equal",
)
wrong(
    "6.5",
    "labels as vectors",
    batches("""
for part in torch.randperm(len(images)).split(batch_size):
    yield images[part].float() / 255, F.one_hot(labels[part], 10)
"""),
    r"its y has \(4, 10\)",
)

# A cause that explains one number by chance

for name, share in (
    ("the share cut off", "int((torch.tensor(classes)[nearest] == test_labels[kept]).float().mean())"),
    ("divided by //", "(torch.tensor(classes)[nearest] == test_labels[kept]).sum().item() // len(nearest)"),
):
    code = nearest_mean(MEANS + KEPT + NEAREST + "return " + share)
    wrong("6.2", name, code, "^(?!.*nan).*returns 0 on small clouds of points")
wrong(
    "6.4",
    "whether any is right",
    by_distances(result="return float((labels[D.argmin(dim=1)] == labels).any())"),
    "^(?!.*itself).*returns 1 on .* points made by chance",
)
wrong(
    "6.5",
    "a new tensor that is not filled",
    batches(FIXED.replace("yield X,", "yield torch.zeros_like(X),")),
    "^(?!.*convert to floats before).*all pixels are 0: .*not filled",
)
