"""The exercises of notebook 06: Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch

from d2lhelpers.course.checking import Incorrect, call, number, shown, tensor, unchanged, whole_number
from d2lhelpers.course.exercise import exercise
from d2lhelpers.fashion_mnist import CLASSES


@exercise(
    "6.1",
    "A small last batch",
    difficulty=1,
    minutes=4,
    names=("num_batches", "last_size", "last_size_at_250"),
    hints=(
        "Divide 60,000 by the batch size. What does the fraction behind the point stand for?",
        "468 batches of 128 hold 59,904 images. The others need a batch as well, and they are all that is in it. "
        "For 250, ask first whether anything is left over.",
    ),
)
def check_last_batch(num_batches: Any, last_size: Any, last_size_at_250: Any) -> None:
    """469 batches of 128, the last with 96; with 250 every batch is full."""
    batches = number(num_batches, "num_batches")
    if abs(batches - 468.75) < 0.01:
        raise Incorrect(
            "num_batches cannot be 468.75: the last quarter that you see is a batch too, one that is not full"
        )
    batches = whole_number(batches, "num_batches")
    causes = {
        468: "these are the full batches; the images that are left over come in one more",
        78: "that is for the 10,000 test images, without their last batch; the question is about the training images",
        79: "that is for the 10,000 test images; the question is about the 60,000 training images",
        546: "that is for all 70,000 images; an epoch has the 60,000 training images only",
        547: "that is for all 70,000 images; an epoch has the 60,000 training images only",
        235: "that is for batches of 256, as in the text; here they have 128",
        240: "that is for batches of 250; num_batches is asked for batches of 128",
    }
    _refuse("num_batches", batches, 469, causes, "how many batches of 128 does it take until no image is left?")

    last = number(last_size, "last_size")
    if abs(last - 0.75) < 0.01:
        raise Incorrect("last_size is 0.75: that is the share of the batch that is filled; how many images is it?")
    causes = {
        128: "that would be a full batch, but 128 does not divide 60,000",
        32: "that many images are missing in the last batch to be full; how many are in it?",
        16: "that is the last batch of the 10,000 test images; the question is about the training images",
        112: "that is for all 70,000 images; an epoch has the 60,000 training images only",
        0: "an empty batch is never made, and 128 does not divide 60,000",
        75: "that is the percentage of the batch that is filled; how many images is it?",
    }
    _refuse(
        "last_size",
        whole_number(last, "last_size"),
        96,
        causes,
        "how many images are left for it after all the full batches?",
    )

    causes = {
        0: "250 divides 60,000 and nothing is left over, but an empty batch is not made: the last batch is a full one",
        96: "that is the rest for 128; with 250 there is another rest",
        240: "that is the number of batches; how many images are in the last of them?",
    }
    last = whole_number(last_size_at_250, "last_size_at_250")
    _refuse("last_size_at_250", last, 250, causes, "how many images does the last batch get, if no batch is empty?")


@exercise(
    "6.2",
    "Shoes only",
    difficulty=2,
    minutes=10,
    names=("nearest_mean_accuracy_of", "lead_of_shoes"),
    hints=(
        "Three lines of this page do it for all ten classes. Two things change: there are fewer means, and "
        "`torch.isin(test_labels, torch.tensor(classes))` chooses the test images that count.",
        "`argmin` returns a place in your stack of means, 0, 1 or 2. What label does each place stand for?",
        "With `classes = torch.tensor(classes)`, the predicted labels are `classes[nearest]`. "
        "`lead_of_shoes` is 100 times the difference of two accuracies.",
    ),
)
def check_nearest_mean(nearest_mean_accuracy_of: Any, lead_of_shoes: Any) -> None:
    """Small clouds of points, unequal classes, dark pixels and bright ones; then the number from the real data."""
    name = "nearest_mean_accuracy_of"
    cases = [([7, 2, 5], 1), ([3, 0], 2), ([5, 3, 2, 7], 3), ([0, 5, 3, 7], 4)]
    clouds = [_clouds(classes, seed, scale=1 if seed < 4 else 12) for classes, seed in cases]
    found = []
    for (classes, _), data in zip(cases, clouds):
        given = [part.clone() for part in data]
        try:
            answer = call(nearest_mean_accuracy_of, *given, list(classes), name=name)
        except Incorrect as error:
            advice = "Images are 6×5 here: does it use sizes or variables of the page instead of its arguments?"
            if "could not infer output dtype" in str(error):
                advice = "Bytes have no mean; convert them with .float() before you average"
            raise Incorrect(f"{error}. {advice}" if callable(nearest_mean_accuracy_of) else str(error)) from error
        found.append(number(answer, f"what {name} returns"))
        if not all(torch.equal(before, after) for before, after in zip(data, given)):
            raise Incorrect(f"{name} changed the images or labels that it was given; work on a copy")

    def by(rule: Callable[..., float]) -> list[float]:
        return [rule(*data, classes) for (classes, _), data in zip(cases, clouds)]

    right = by(_nearest_mean)
    if not _near(found, right):
        kept = [torch.isin(data[3], torch.tensor(classes)).sum().item() for (classes, _), data in zip(cases, clouds)]
        causes = [
            ([100 * a for a in right], "it is a percentage; an accuracy goes from 0 to 1"),
            ([a * n for a, n in zip(right, kept)], "it is the number of correct images; divide by how many there are"),
            ([1 - a for a in right], "it is the share of mistakes, not of correct images"),
            (by(_all_candidates), "all classes are candidates; only the means of the given classes may compete"),
            (by(_all_tests), "test images of other classes are counted, as mistakes; leave them out"),
            (by(_all_tests_and_candidates), "the argument classes has no effect: all classes are used"),
            (by(_places_for_labels), "argmin returns a place in the list of classes, and you compare it with labels"),
            (by(_sorted_labels), "the places are translated to labels in sorted order, the means are in another"),
            (by(_sorted_means), "the means are in sorted order, but the places are translated in that of the list"),
            (by(_means_of_all_ten) if any(found) or _is_right_with_all_ten(nearest_mean_accuracy_of, clouds[0]) else [],
             "no test image is right. So it is if a candidate has no training images here: its mean is nan, and argmin "
             "takes nan for the smallest. Only the classes of the argument may be candidates; are others written down, "
             "or all ten?"),
            (by(_means_of_tests), "the means are those of the test images; the rule may know training images only"),
            (by(_farthest), "the farthest mean is chosen, not the nearest (argmax for argmin?)"),
            (by(_balanced), "it is the mean of each class's accuracy; count all test images that are kept alike"),
            (by(_whole_means), "the means are rounded to whole numbers; convert to floats before you average"),
            (by(_bytes), "bytes are subtracted from bytes, and 3 − 5 becomes 254; convert to floats before"),
            (by(_nearest_image), "that is the nearest training image; compare with the mean image of each class"),
            (by(_largest_product), "the largest product is chosen, not the smallest distance"),
            (by(_sum_of_differences), "the distance is a sum of absolute differences; here it is Euclidean"),
            (by(_medians), "the median of each pixel is used, not the mean"),
        ]  # fmt: skip
        for wrong, cause in causes:
            if wrong and _near(found, wrong):
                raise Incorrect(f"{name}: {cause}")
        at = next(i for i in range(len(cases)) if not _near(found[i : i + 1], right[i : i + 1]))
        raise Incorrect(
            f"{name} returns {found[at]:.4g} on small clouds of points with the classes {cases[at][0]}; "
            f"{right[at]:.4g} of the test images of these classes are nearest to their own mean"
        )
    lead = number(lead_of_shoes, "lead_of_shoes")
    if abs(lead - 15.57) <= 0.1:
        return
    causes = {
        0.1557: "that is a difference of shares; in percentage points it is a hundred times as much",
        -0.1557: "the function is right; subtract the other way round, and give percentage points",
        -15.57: "the size is right; the sign says that shoes are the harder three. Which accuracy is higher?",
        82.63: "that is the accuracy among the shoes; subtract that among t-shirt, coat and shirt",
        67.07: "that is the accuracy among t-shirt, coat and shirt; how far ahead are the shoes?",
        33.33: "so it would be if all ten classes were candidates; only the three given ones may be",
        4.67: "so it would be if all 10,000 test images counted; only those of the three classes may",
        23.21: "that is the lead relative to the lower accuracy; percentage points are the plain difference",
    }
    for wrong, cause in causes.items():
        if abs(lead - wrong) <= 0.01 * abs(wrong):
            raise Incorrect(f"lead_of_shoes is {lead:.4g}: {cause}")
    raise Incorrect(
        f"lead_of_shoes is {lead:.4g}; the function is right, and its two values on all training and test images are "
        "not so many percentage points apart"
    )


@exercise(
    "6.3",
    "A better distance",
    difficulty=2,
    minutes=12,
    names=("normalized", "helped_most"),
    hints=(
        "Each row is an image. `pixels.mean(dim=1, keepdim=True)` has the shape (count, 1), fit for a subtraction.",
        "The norm is that of the row *after* the subtraction. A row of equal pixels has the norm 0: "
        "what may you divide by instead, so that 0 stays 0?",
        "`centered / centered.norm(dim=1, keepdim=True).clamp(min=1e-3)`. For `helped_most`, subtract the two lists of "
        "`found_by_class` from each other.",
    ),
)
def check_normalized(normalized: Any, helped_most: Any) -> None:
    """Rows of twelve pixels: two differ in brightness and contrast only, two have no contrast, one hardly any.

    Then rows of 784, as images have: equal pixels of each value, whose mean may be off by a rounding, and faint ones.
    """
    pixels = torch.rand(7, 12, generator=torch.Generator().manual_seed(63)) ** 2
    pixels[1] = 0.25 * pixels[0] + 0.3  # the same picture with less contrast, and brighter
    pixels[3], pixels[5], pixels[6] = 0.0, 0.5, 0.5
    pixels[6, 4] += 1 / 255  # one step of a byte
    _compare_normalized(normalized, pixels)
    _compare_normalized(normalized, pixels[:1].double())
    _compare_normalized(normalized, torch.relu(pixels[[0, 2, 4]] - 0.2))  # many pixels are 0, as in the images
    generator = torch.Generator().manual_seed(64)
    equal = (torch.arange(256) / 255).unsqueeze(1).repeat(1, 784)
    faint = equal[:-1:50].clone()
    faint[:, 99] += 1 / 255
    _compare_normalized(normalized, torch.cat([torch.rand(2, 784, generator=generator), equal, faint]))
    _check_helped_most(helped_most)


def _compare_normalized(normalized: Any, pixels: torch.Tensor) -> None:
    given = pixels.clone()
    output = call(normalized, given, name="normalized")
    if not torch.equal(given, pixels):
        raise Incorrect("normalized changed the pixels that it was given (-= and /= work in place); make new ones")
    if isinstance(output, torch.Tensor) and output.shape == pixels.shape and output.device.type != "meta":
        finite = torch.isfinite(output.detach()).all(dim=1)
        if not finite.all() and finite[pixels.amax(dim=1) > pixels.amin(dim=1)].all():
            raise Incorrect(
                "an image whose pixels are all equal becomes nan or inf: its norm is 0. It should become zeros"
            )
    output = tensor(output, pixels.shape, "what normalized returns").double()
    exact = pixels.double()
    centered = exact - exact.mean(dim=1, keepdim=True)

    def divided(rows: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return rows / by.clamp(min=1e-12)

    def norm(rows: torch.Tensor) -> torch.Tensor:
        return rows.norm(dim=1, keepdim=True)

    right, contrast = divided(centered, norm(centered)), norm(centered)[:, 0]
    flat = pixels.amax(dim=1) == pixels.amin(dim=1)
    faint, others = ~flat & (contrast < 0.01), ~flat & (contrast > 0.01)
    not_zero = flat & (output.norm(dim=1) >= 0.1)
    like_right = _same(output[others], right[others]) and torch.allclose(output[faint], right[faint], atol=0.05)
    if not like_right or not_zero.any():
        without_pixel_mean = exact - exact.mean(dim=0)
        shares = divided(exact, norm(exact))
        spread = exact.std(dim=1, keepdim=True)
        causes = [
            (centered, "the mean is subtracted, but nothing is divided by the norm"),
            (shares, "each row has the norm 1, but its mean was not subtracted"),
            (divided(centered, spread), "you divide by the standard deviation; the norm is larger"),
            (divided(centered, exact.std(dim=1, keepdim=True, correction=0)),
             "you divide by the standard deviation; the norm is √12 times as large for 12 pixels"),
            (divided(centered, norm(exact)),
             "you divide by the norm that the image had before the subtraction: the result has another norm than 1"),
            (divided(centered, centered.abs().sum(dim=1, keepdim=True)),
             "you divide by the sum of absolute values; the norm is the root of the sum of squares"),
            (divided(centered, norm(centered) ** 2), "you divide by the sum of squares; its root is missing"),
            (divided(centered, centered.abs().amax(dim=1, keepdim=True)), "you divide by the largest value"),
            (centered / centered.norm(), "one norm for all images at once; each image has its own (dim=1)"),
            (divided(exact - exact.mean(), norm(exact - exact.mean())),
             "one mean for all images at once is subtracted; each image has its own (dim=1)"),
            ((exact - exact.mean()) / (exact - exact.mean()).norm(),
             "mean and norm are taken over all images at once; each image has its own (dim=1)"),
            (divided(without_pixel_mean, norm(without_pixel_mean)),
             "the mean over the images is subtracted from each pixel (dim=0); it is the mean of each row (dim=1)"),
            (divided(without_pixel_mean, without_pixel_mean.norm(dim=0)),
             "mean and norm run over the images (dim=0); they should run over the pixels of each image (dim=1)"),
            (divided(centered, centered.norm(dim=0)),
             "the norm runs over the images (dim=0), not over the pixels (dim=1)"),
        ]  # fmt: skip
        for wrong, cause in causes:
            if _same(output[others], wrong[others]):
                raise Incorrect(cause)
        if _same(output[others], right[others]) and not_zero.any():
            if (2 * pixels[not_zero, 0] % 1 == 0).any():  # 0, 0.5 and 1 have a mean without rounding
                found = output[flat].abs().max().item()
                raise Incorrect(
                    f"an image whose pixels are all equal should become zeros; it has values up to {found:.3g}"
                )
            raise Incorrect(
                f"an image of equal pixels should become zeros; one of {pixels.shape[1]} pixels gets the norm "
                f"{output[not_zero].norm(dim=1).max():.2g}. Its mean is off by a rounding, which you blow up. Divide "
                "by at least 1e-3, compute in double, or ask whether all pixels are equal"
            )
        if _same(output[others], right[others]):
            found = output[faint].norm(dim=1)[0].item()
            means = output[faint].mean(dim=1)
            if found == 0:
                raise Incorrect("an image with hardly any contrast gets the norm 0, as if all its pixels were equal")
            if found < 0.98:
                cause = "a number that keeps you from dividing by 0 has to be far smaller than any norm"
                raise Incorrect(f"an image with hardly any contrast gets the norm {found:.3g}, not 1: {cause}")
            raise Incorrect(
                "an image with hardly any contrast gets other values than (row − mean) / norm; the largest mean of "
                f"such a row is {means.abs().max():.3g}, and should be 0"
            )
        means, norms = output[others].mean(dim=1), output[others].norm(dim=1)
        if not _same(means, torch.zeros_like(means)):
            raise Incorrect(f"the rows should have the mean 0; one has {means[means.abs().argmax()]:.3g}")
        if not _same(norms, torch.ones_like(norms)):
            raise Incorrect(f"the rows should have the norm 1; one has {norms[(norms - 1).abs().argmax()]:.3g}")
        raise Incorrect("mean and norm of the rows are right, their values are not: (row − mean) / norm is expected")


def _check_helped_most(answer: Any) -> None:
    """By name or by label."""
    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        answer = answer[0]  # as get_fashion_mnist_labels returns it
    if isinstance(answer, (list, tuple, dict, set, bool)) or answer is None:
        raise Incorrect(f"helped_most should be one name, such as {CLASSES[6]!r}, or one label; it is {shown(answer)}")
    label = answer.strip().lower().replace("_", " ") if isinstance(answer, str) else answer
    if isinstance(label, str):
        singular = label if label in CLASSES else label.removesuffix("s")
        if singular not in CLASSES and not label.isdecimal():
            raise Incorrect(f"helped_most should be one of {', '.join(CLASSES)}; it is {shown(answer)}")
        label = CLASSES.index(singular) if singular in CLASSES else label
    label = int(label) if isinstance(label, str) else whole_number(label, "helped_most")
    if not 0 <= label < 10:
        raise Incorrect(f"helped_most should be the name of a class, or a label from 0 to 9; it is {label}")
    gained = {0: 18, 1: 11, 2: -17, 3: 27, 4: 74, 5: -36, 6: 4, 7: -9, 8: 29, 9: 13}[label]
    if label == 4:
        return
    causes = {
        5: "that class loses most, about 36 of 1,000 images. Did you subtract the right way round?",
        6: "shirt stays the hardest class, and gains hardly an image: asked is the largest gain",
        1: "that class has most images right, with either distance; asked is the largest gain",
    }
    did = "gains" if gained > 0 else "loses"
    cause = causes.get(label, f"it {did} about {abs(gained)} of 1,000 images; another class gains far more")
    raise Incorrect(f"helped_most is {CLASSES[label]}: {cause}")


@exercise(
    "6.4",
    "Judged by the others",
    difficulty=2,
    minutes=10,
    names=("leave_one_out_accuracy",),
    hints=(
        "`torch.cdist(pixels, pixels)` has the distance of every image to every image, also of each to itself. Where "
        "in this matrix do the second ones stand?",
        "The second smallest distance will not do where two images are equal, nor will leaving out all distances of 0. "
        "What is to be left out is known by its place: the diagonal.",
        "`distances.fill_diagonal_(torch.inf)` before the `argmin`. Then compare `labels[nearest]` with `labels`.",
    ),
)
def check_leave_one_out(leave_one_out_accuracy: Any) -> None:
    """Small clouds of points, all different, then with pairs of equal images; and images that are far from each other.

    Each tells short cuts apart: the second nearest, distances of 0 left out, a distance to itself that is too small.
    """
    name = "leave_one_out_accuracy"
    crowds = [_crowd(10, twins=False, scale=1), _crowd(6, twins=False, scale=12), _crowd(3, twins=True, scale=4)]
    crowds.append(_far_apart())
    found = []
    for images, labels in crowds:
        with unchanged(images, "the argument images"), unchanged(labels, "the argument labels"):
            answer = call(leave_one_out_accuracy, images, labels, name=name)
        found.append(number(answer, f"what {name} returns"))

    def by(rule: Callable[..., float]) -> list[float]:
        return [rule(*crowd) for crowd in crowds]

    right = by(_leave_one_out)
    if _near(found, right):
        _check_many_images(leave_one_out_accuracy)
        return
    counts = [len(labels) for _, labels in crowds]
    causes = [
        ([100 * a for a in right], "it is a percentage; an accuracy goes from 0 to 1"),
        ([a * n for a, n in zip(right, counts)], "it is the number of correct images; divide by how many there are"),
        ([1 - a for a in right], "it is the share of mistakes, not of correct images"),
        (by(_other_choice(lambda X: -torch.cdist(X, X))), "the farthest image is chosen, not the nearest"),
        (by(_other_choice(lambda X: torch.cdist(X, X, p=1))),
         "the distance is a sum of absolute differences; here it is Euclidean"),
        (by(_other_choice(lambda X: -X @ X.T)), "the largest product is chosen, not the smallest distance"),
        (by(_other_choice(lambda X: (X.unsqueeze(1) - X).remainder(256).norm(dim=2))),
         "bytes are subtracted from bytes, and 3 − 5 becomes 254; convert to floats before"),
        (by(_other_choice(lambda X: torch.cdist(X, X).masked_fill(torch.ones(len(X), len(X)).triu() > 0, torch.inf))),
         "only images that come before it are candidates; all others are"),
        (by(_other_choice(lambda X: torch.cdist(X, X).masked_fill(torch.ones(len(X), len(X)).tril() > 0, torch.inf))),
         "only images that come after it are candidates; all others are"),
        (by(lambda X, y: _nearest_mean(X, y, X, y, y.unique().tolist())),
         "that is the nearest mean; compare with single images"),
        (by(_leave_one_out_by_class), "it is the mean of each class's accuracy; count all images alike"),
    ]  # fmt: skip
    for wrong, cause in causes:
        if _near(found, wrong):
            raise Incorrect(f"{name}: {cause}")
    if _near(found[:2], [1.0] * 2):
        images, labels = crowds[0]
        no_label_twice = call(leave_one_out_accuracy, images.clone(), torch.arange(len(labels)), name=name)
        if _near([number(no_label_twice, f"what {name} returns")], [1.0]):
            finds = (
                "it is always 1, as if every image finds itself"
                if _near(found, [1.0] * 4)
                else "every image finds itself"
            )
            raise Incorrect(f"{name}: {finds}, at the distance 0; it must not be a candidate for itself")
    if _near(found[:3], right[:3]) and _near(found[3:], [1.0]):
        raise Incorrect(
            f"{name} is right where images are near to each other; where they are far apart, every image finds itself. "
            "Its distance to itself should be larger than any other can be, such as torch.inf"
        )
    if _near(found[:2], right[:2]) and not _near(found[2:3], right[2:3]):
        raise Incorrect(
            f"{name} is right where all images differ, and not where two are equal: then the second nearest may be "
            "the image itself, a distance of 0 may be another image's, or one of the two was dropped. Keep all images, "
            "and leave out each one by its place"
        )
    at = next(i for i in range(len(crowds)) if not _near(found[i : i + 1], right[i : i + 1]))
    raise Incorrect(
        f"{name} returns {found[at]:.4g} on {counts[at]} points made by chance; of {right[at]:.4g} of them the "
        "nearest other point has the same label"
    )


def _check_many_images(leave_one_out_accuracy: Any) -> None:
    """More images than one part holds; the labels of the later ones are drawn by lot, so their accuracy is another."""
    generator = torch.Generator().manual_seed(68)  # no image has two others that are nearly as close
    images = torch.randint(0, 256, (1_050, 1, 4, 6), generator=generator, dtype=torch.uint8)
    labels = (images[:, 0, 0, 0] > 127).long()
    labels[500:] = torch.randint(0, 2, (550,), generator=generator)
    found = number(call(leave_one_out_accuracy, images.clone(), labels.clone()), "what leave_one_out_accuracy returns")
    if not _near([found], [_leave_one_out(images, labels)]):
        raise Incorrect(
            f"leave_one_out_accuracy is right for some forty images, and returns {found:.4g} for 1,050 of which "
            f"{_leave_one_out(images, labels):.4g} are judged rightly. If you go through them in parts: the images of "
            "a part that starts at i have their own places at i, i + 1, …; and all images count"
        )


@exercise(
    "6.5",
    "Three faults in a loader",
    difficulty=2,
    minutes=12,
    names=("fixed_batches",),
    hints=(
        "Call the faulty function on a few images that tell who they are: all pixels of image `i` are `i`, as is its "
        "label. Are the pairs still pairs? How many images arrive? Try a batch size that divides the count, too.",
        "One order must serve both tensors. The scale must not depend on which images share a batch. "
        "And `range(0, n - batch_size, batch_size)` stops too early: when is its last value?",
        "Draw `order = torch.randperm(len(images))` once and go through `order.split(batch_size)`. "
        "The pixels are `images[indices].float() / 255`.",
    ),
)
def check_fixed_batches(fixed_batches: Any) -> None:
    """Images that tell who they are, with labels of their own, in counts that a batch size divides or not."""
    for count, batch_size in ((9, 4), (43, 8), (40, 10), (5, 16), (3, 1)):
        _check_batches(fixed_batches, count, batch_size)


# Parts of 6.1


def _refuse(name: str, found: int, right: int, causes: dict[int, str], otherwise: str) -> None:
    if found != right:
        raise Incorrect(f"{name} is {found:,}: {causes.get(found, otherwise)}")


# Parts of 6.2: the rule, and what people write instead


def _clouds(classes: list[int], seed: int, scale: float) -> tuple[torch.Tensor, ...]:
    """Return training images and labels and test images and labels: overlapping clouds of unequal size and width."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor([0, 2, 3, 5, 7])
    centers = 6 * torch.rand(len(labels), 30, generator=generator) + 3
    width = torch.tensor([3.0, 5.0, 4.0, 5.0, 6.0])

    def draw(count: int, shares: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
        place = torch.multinomial(torch.tensor(shares), count, replacement=True, generator=generator)
        spread = width[place].unsqueeze(1) * torch.randn(count, 30, generator=generator)
        pixels = (scale * (centers[place] + spread)).abs().clamp(max=255)
        return pixels.to(torch.uint8).reshape(-1, 1, 6, 5), labels[place]

    train_images, train_labels = draw(90, [0.15, 0.25, 0.2, 0.3, 0.1])
    test_images, test_labels = draw(150, [0.3, 0.1, 0.15, 0.15, 0.3])
    distances = torch.cdist(_pixels(test_images), _means(train_images, train_labels, classes)).sort(dim=1).values
    sure = distances[:, 1] - distances[:, 0] > 0.02 * scale  # else rounding would decide
    return train_images, train_labels, test_images[sure], test_labels[sure]


def _is_right_with_all_ten(nearest_mean_accuracy_of: Any, data: tuple[torch.Tensor, ...]) -> bool:
    """Tell whether an image of each class that has none, far from all others, makes some test images right."""
    X, y, Z, t = (part.clone() for part in data)
    missing = torch.tensor([1, 4, 6, 8, 9])
    X, y = torch.cat([X, X.new_full((len(missing), *X.shape[1:]), 255)]), torch.cat([y, missing])
    return number(call(nearest_mean_accuracy_of, X, y, Z, t, [7, 2, 5]), "what nearest_mean_accuracy_of returns") > 0


def _pixels(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1).double()


def _means(images: torch.Tensor, labels: torch.Tensor, classes: list[int]) -> torch.Tensor:
    return torch.stack([_pixels(images[labels == label]).mean(dim=0) for label in classes])


def _share(said: torch.Tensor, labels: torch.Tensor) -> float:
    return (said == labels).double().mean().item()


def _all_tests(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    return _share(torch.tensor(classes)[torch.cdist(_pixels(Z), _means(X, y, classes)).argmin(dim=1)], t)


def _nearest_mean(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    kept = torch.isin(t, torch.tensor(classes))
    return _all_tests(X, y, Z[kept], t[kept], classes)


def _all_candidates(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    kept = torch.isin(t, torch.tensor(classes))
    return _all_tests(X, y, Z[kept], t[kept], y.unique().tolist())


def _means_of_all_ten(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    kept = torch.isin(t, torch.tensor(classes))
    return _all_tests(X, y, Z[kept], t[kept], list(range(10)))


def _all_tests_and_candidates(
    X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]
) -> float:
    return _all_tests(X, y, Z, t, y.unique().tolist())


def _means_of_tests(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    return _nearest_mean(Z, t, Z, t, classes)


def _with_means(choose: Callable[..., torch.Tensor]) -> Callable[..., float]:
    """Return the accuracy of another choice: a function of test pixels, means and labels that returns labels."""

    def rule(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
        kept = torch.isin(t, torch.tensor(classes))
        return _share(choose(_pixels(Z[kept]), _means(X, y, classes), torch.tensor(classes)), t[kept])

    return rule


_places_for_labels = _with_means(lambda Z, means, classes: torch.cdist(Z, means).argmin(dim=1))
_sorted_labels = _with_means(lambda Z, means, classes: classes.sort().values[torch.cdist(Z, means).argmin(dim=1)])
_sorted_means = _with_means(lambda Z, means, classes: classes[torch.cdist(Z, means[classes.argsort()]).argmin(dim=1)])
_farthest = _with_means(lambda Z, means, classes: classes[torch.cdist(Z, means).argmax(dim=1)])
_whole_means = _with_means(lambda Z, means, classes: classes[torch.cdist(Z, means.floor()).argmin(dim=1)])
_largest_product = _with_means(lambda Z, means, classes: classes[(Z @ means.T).argmax(dim=1)])
_sum_of_differences = _with_means(lambda Z, means, classes: classes[torch.cdist(Z, means, p=1).argmin(dim=1)])


_bytes = _with_means(
    lambda Z, means, classes: classes[(Z.unsqueeze(1) - means.floor()).remainder(256).norm(dim=2).argmin(dim=1)]
)


def _balanced(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    return sum(_all_tests(X, y, Z[t == label], t[t == label], classes) for label in classes) / len(classes)


def _nearest_image(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    stored, kept = torch.isin(y, torch.tensor(classes)), torch.isin(t, torch.tensor(classes))
    return _share(y[stored][torch.cdist(_pixels(Z[kept]), _pixels(X[stored])).argmin(dim=1)], t[kept])


def _medians(X: torch.Tensor, y: torch.Tensor, Z: torch.Tensor, t: torch.Tensor, classes: list[int]) -> float:
    kept = torch.isin(t, torch.tensor(classes))
    medians = torch.stack([_pixels(X[y == label]).median(dim=0).values for label in classes])
    return _share(torch.tensor(classes)[torch.cdist(_pixels(Z[kept]), medians).argmin(dim=1)], t[kept])


def _near(found: list[float], other: list[float]) -> bool:
    return all(abs(a - b) < 1e-4 * max(1, abs(b)) for a, b in zip(found, other))


# Parts of 6.3 and 6.4


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=1e-3, atol=1e-3)


def _crowd(seed: int, twins: bool, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and labels: three overlapping clouds and a loner, with pairs of equal images if they are wanted."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor([3] * 9 + [7] * 22 + [8] * 15 + [5])
    labels = labels[torch.randperm(len(labels), generator=generator)]
    centers = 5 * torch.rand(10, 20, generator=generator) + 4
    points = centers[labels] + 3 * torch.randn(len(labels), 20, generator=generator)
    if twins:  # at the edge of the clouds, so that they are nearest to each other and to nobody else
        edge = centers[[7, 7, 8, 8]] + 4 * torch.randn(4, 20, generator=generator)
        points = torch.cat([edge, points, edge])
        labels = torch.cat([torch.tensor([7, 7, 8, 8]), labels, torch.tensor([3, 8, 7, 8])])
    points *= 0.7 + 0.6 * torch.arange(len(points)).remainder(5).unsqueeze(1) / 4  # some are brighter
    if twins:
        points[-4:] = points[:4]
    pixels = (scale * points).abs().clamp(max=255).round()
    while True:
        distances = torch.cdist(pixels.double(), pixels.double()).fill_diagonal_(torch.inf)
        alike = labels == labels.unsqueeze(1)
        nearest = distances.masked_fill(~alike, 1e6).amin(dim=1), distances.masked_fill(alike, 1e6).amin(dim=1)
        sure = (nearest[0] - nearest[1]).abs() > 0.02 * torch.maximum(*nearest).clamp(max=1e5)
        if sure.all():
            return pixels.to(torch.uint8).reshape(-1, 1, 4, 5), labels
        pixels, labels = pixels[sure], labels[sure]  # where rounding would decide


def _far_apart() -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and labels by chance, no two of them nearer than 15 if white is 1: pixels are dark or bright."""
    generator = torch.Generator().manual_seed(3)
    bright = torch.randint(0, 2, (24, 780), generator=generator)
    pixels = 215 * bright + torch.randint(0, 41, (24, 780), generator=generator)
    return pixels.to(torch.uint8).reshape(-1, 1, 30, 26), torch.arange(24) % 3


def _other_choice(distances_of: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., float]:
    """Return the leave-one-out accuracy with another measure of distance."""

    def rule(images: torch.Tensor, labels: torch.Tensor) -> float:
        distances = distances_of(_pixels(images)).fill_diagonal_(torch.inf)
        return _share(labels[distances.argmin(dim=1)], labels)

    return rule


_leave_one_out = _other_choice(lambda X: torch.cdist(X, X))


def _leave_one_out_by_class(images: torch.Tensor, labels: torch.Tensor) -> float:
    distances = torch.cdist(_pixels(images), _pixels(images)).fill_diagonal_(torch.inf)
    right = (labels[distances.argmin(dim=1)] == labels).double()
    classes = labels.unique().tolist()
    return sum(right[labels == label].mean().item() for label in classes) / len(classes)


# Parts of 6.5


def _check_batches(fixed_batches: Any, count: int, batch_size: int) -> None:
    """Two epochs of images that are all different, none of them with a pixel of 255."""
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(1, 200, (count, 1, 3, 5), dtype=torch.uint8, generator=generator)
    images[:, 0, 0, 0] = torch.arange(count) + 3
    labels = (7 * torch.arange(count) + 3) % (10 if count < 10 else 89)  # all different
    batches = _epoch(fixed_batches, images, labels, batch_size)
    where = f"with {count} images and batch_size={batch_size}, "
    _check_sizes([len(y) for _, y in batches], count, batch_size, where)
    X, y = torch.cat([X for X, _ in batches]), torch.cat([y for _, y in batches])
    order = _who_they_are(X, images, batches)
    if len(order.unique()) < count:
        raise Incorrect(f"{where}some images come twice and others never; draw an order without repetition (randperm)")
    if y.is_floating_point():
        raise Incorrect(f"y has the type {y.dtype}; labels stay whole numbers, only pixels become floats")
    if not torch.equal(y.long(), labels[order]):
        if torch.equal(y.long().sort().values, labels.sort().values):
            raise Incorrect("images and labels are no longer pairs: both must follow one and the same order")
        raise Incorrect("the labels are not those that were given")
    if count < 20:
        return  # too few images to judge their order
    if torch.equal(order, torch.arange(count)):
        raise Incorrect("the images come in the order in which they are stored; an epoch should shuffle them")
    steps = order.diff() % count
    if (steps == 1).all() or (steps == count - 1).all():
        raise Incorrect("the images still have their stored neighbors, forwards or backwards; shuffle them")
    parts = [set(part.tolist()) for part in order.split(batch_size)]
    if all(max(part) - min(part) == len(part) - 1 for part in parts):
        raise Incorrect("neighbors always share a batch: the order is random within a batch or between batches only")
    orders = [order]
    for _ in range(15):
        again = _epoch(fixed_batches, images, labels, batch_size, again=True)
        orders.append(_who_they_are(torch.cat([X for X, _ in again]), images, again))
    in_order_of_labels = labels.argsort()
    if any(torch.equal(order, way) for way in (in_order_of_labels, in_order_of_labels.flip(0))):
        raise Incorrect("the images come sorted by label; a random order has all labels mixed")
    if torch.equal(orders[1], order):
        raise Incorrect("a second epoch has the order of the first; draw a new one in each call, without a fixed seed")
    places = torch.stack(orders).argsort(dim=1).double()  # (epochs, images): where each image comes
    moved = (places - torch.arange(count)).abs().mean().item()
    if moved < 10:  # of 40 shuffled images, one moves by 13 places on average
        raise Incorrect(f"an image moves by {moved:.1f} places only, on average; shuffle all images, not parts of them")
    if (places.mean(dim=0) - (count - 1) / 2).abs().mean() > 0.12 * count:  # of chance, 0.06 · count in 16 epochs
        raise Incorrect("some images come early in every epoch, others late; each should come anywhere")
    if (places == places[0]).all(dim=0).any():
        raise Incorrect("an image comes at the same place in every epoch; shuffle all of them")
    together = (places.diff(dim=1) % count == 1).double().mean().item()
    if together > 0.3:
        raise Incorrect(f"{together:.0%} of the images are followed by their stored neighbor; shuffle all images")


def _epoch(
    fixed_batches: Any, images: torch.Tensor, labels: torch.Tensor, batch_size: int, again: bool = False
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the batches of one call, once each is known to be a pair of tensors that fit."""
    given_images, given_labels = images.clone(), labels.clone()

    def all_batches() -> list[Any]:
        result = fixed_batches(given_images, given_labels, batch_size)
        return list(islice(result, 200)) if isinstance(result, Iterator) or hasattr(result, "__iter__") else result

    if not callable(fixed_batches):
        raise Incorrect(f"fixed_batches should be a function; it is {shown(fixed_batches)}")
    batches = call(all_batches, name="fixed_batches")
    if not isinstance(batches, list):
        raise Incorrect(f"fixed_batches should yield batches, or return a list of them; it returned {shown(batches)}")
    if not batches and again:
        cause = "If you keep an iterator, it is used up after one epoch; make a new one in each call"
        raise Incorrect(f"a second call with the same images gives no batch, the first gave all. {cause}")
    if not batches:
        raise Incorrect(f"there is no batch at all with {len(images)} images and batch_size={batch_size}")
    if not (torch.equal(given_images, images) and torch.equal(given_labels, labels)):
        raise Incorrect("fixed_batches changed the images or labels that it was given; work on a copy")
    if len(batches) == 2 and all(isinstance(part, torch.Tensor) for part in batches):
        raise Incorrect("one pair of tensors came back, not batch after batch: return ends the loop, yield goes on")
    pairs = []
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise Incorrect(f"a batch should be a pair X, y; one is {shown(batch)}")
        X, y = tensor(batch[0], None, "X of a batch"), tensor(batch[1], None, "y of a batch")
        if X.dim() == 1 and y.dim() == 4:
            raise Incorrect(f"X of a batch has the shape {tuple(X.shape)}, y {tuple(y.shape)}: are X and y exchanged?")
        if X.dim() != 4 or X.shape[1:] != images.shape[1:]:
            raise Incorrect(f"X of a batch has the shape {tuple(X.shape)}; expected (batch, 1, 3, 5)")
        if y.dim() != 1 or len(y) != len(X):
            raise Incorrect(f"X of a batch has the shape {tuple(X.shape)}, but its y has {tuple(y.shape)}")
        pairs.append((X, y))
    return pairs


def _check_sizes(sizes: list[int], count: int, batch_size: int, where: str) -> None:
    expected = [min(batch_size, count - start) for start in range(0, count, batch_size)]
    if sizes == expected:
        return
    if 0 in sizes:
        raise Incorrect(f"{where}there is an empty batch; it should be left out")
    if sum(sizes) < count and sizes == expected[:-1]:
        raise Incorrect(f"{where}the last batch is missing, and {expected[-1]} images with it")
    if sum(sizes) > count:
        raise Incorrect(f"{where}{sum(sizes)} images come in an epoch; each should come once")
    raise Incorrect(f"{where}the batches have the sizes {str(sizes)[:60]}; expected {expected}")


def _who_they_are(X: torch.Tensor, images: torch.Tensor, batches: list) -> torch.Tensor:
    """Return for each image of an epoch its number among those that were given."""
    if not X.is_floating_point():
        raise Incorrect(f"X has the type {X.dtype}; a network wants floats, from 0 to 1")
    if X.dtype in (torch.float16, torch.bfloat16):
        raise Incorrect(f"X has the type {X.dtype}, which has two or three digits; use float32")
    known = images.flatten(1).double()
    found = X.flatten(1).double()
    distances = (255 * found.unsqueeze(1) - known).abs().amax(dim=2)
    if distances.amin(dim=1).max() < 0.01:
        return distances.argmin(dim=1)
    if (found.unsqueeze(1) - known).abs().amax(dim=2).amin(dim=1).max() < 0.3:
        raise Incorrect("the pixels still go up to 255; divide them by 255")
    if not found.any():
        raise Incorrect(
            "all pixels are 0: are whole numbers divided, and cut off (floats are not), or is a new tensor not filled?"
        )
    if all(abs(part.max() - 1) < 1e-4 for part, _ in batches):
        raise Incorrect(
            "the brightest pixel of each batch is 1, whatever it was: divide by 255, not by the maximum of a batch or "
            "an image. Else an image has other values in other company"
        )
    scaled = found * known.max()
    if (scaled.unsqueeze(1) - known).abs().amax(dim=2).amin(dim=1).max() < 0.3:
        raise Incorrect(
            "the images are divided by the largest pixel of all; divide by 255, the largest that a byte can be"
        )
    if (256 * found.unsqueeze(1) - known).abs().amax(dim=2).amin(dim=1).max() < 0.1:
        raise Incorrect("the pixels are divided by 256; the largest byte is 255, and should become 1")
    raise Incorrect(
        f"the pixels are not those of the images divided by 255; they go from {X.min():.3g} to {X.max():.3g}"
    )
