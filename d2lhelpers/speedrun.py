"""Short trainings of small residual nets by the clock: `python -m d2lhelpers.speedrun .90`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice

import torch
from torch import nn
from torch.nn import functional as F

from d2lhelpers import fashion_mnist
from d2lhelpers.device import computes_bfloat16_fast, device_name, try_gpu
from d2lhelpers.evaluating import evaluating
from d2lhelpers.fashion_mnist import read_fashion_mnist
from d2lhelpers.residual import Residual

MEAN, DEVIATION = 0.286, 0.353
"""Of the brightness of all pixels of the training images, from 0 to 1."""


@dataclass(frozen=True)
class Recipe:
    """What a run does; notebook 10 explains each line.

    Parameters
    ----------
    epochs : float
        How often each training image is seen.
    width : int
        Channels of the first of three residual blocks; the others have twice and four times as many.
    batch_size : int
        Images a step.
    whitened : bool
        Whether the filters of the first convolution are computed from the images and never trained.
    averaged_shortcut : bool
        Whether a shortcut that halves the resolution averages four positions, rather than keep one of four.
    muon : bool
        Whether `Muon` trains the convolutions; SGD trains everything else, or everything.
    leveled : bool
        Whether Muon makes the singular values of its steps level; else its steps are only as long.
    conv_rate, rate : float
        Highest learning rates of Muon and of SGD.
    warmup : float
        Share of the steps in which the rates rise; then they fall to zero. 0 keeps them constant.
    label_smoothing : float
        As in `torch.nn.functional.cross_entropy`.
    flip : str
        "no", or "alternating": each image mirrored in every second epoch. Then the test images are looked at
        in both ways, too.
    shift : int
        By how many pixels an image may be shifted in each direction; each image on its own.
    first_side : int
        Height and width, in pixels, that images are shrunk to in the first half of the steps; 28 leaves them.
    """

    epochs: float
    width: int = 16
    batch_size: int = 125
    whitened: bool = True
    averaged_shortcut: bool = True
    muon: bool = True
    leveled: bool = True
    conv_rate: float = 0.1
    rate: float = 0.2
    warmup: float = 0.15
    label_smoothing: float = 0.1
    flip: str = "alternating"
    shift: int = 0
    first_side: int = 28


RECIPES = {
    ".90": Recipe(epochs=0.7, flip="no"),
    ".92": Recipe(epochs=2.4),
    ".93": Recipe(epochs=3.3, width=32, conv_rate=0.07),
    ".94": Recipe(epochs=10, width=32, conv_rate=0.07, first_side=20),
}
"""By the test accuracy that they are meant for."""


# The net


class FrozenStem(nn.Module):
    """A convolution that is not trained, a 2×2 max-pool, and ReLU; no gradient is computed in it.

    Parameters
    ----------
    filters : torch.Tensor
        Of shape (width, 1, side, side), with an odd side.
    """

    def __init__(self, filters: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("filters", filters)

    @torch.no_grad()
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map (batch, 1, height, width) to (batch, filters, height / 2, width / 2)."""
        Y = F.conv2d(X, self.filters, padding=self.filters.shape[-1] // 2)
        return F.relu(F.max_pool2d(Y, 2))  # the same as the pool of the ReLU, on a quarter of the numbers


def whitening_filters(images: torch.Tensor, side: int = 3) -> torch.Tensor:
    """Return filters whose outputs on the images are about equally large; the product of two is zero in the mean.

    They are the eigenvectors of the mean of the products of a patch's pixels, each divided by the root of
    its eigenvalue; a hundredth is added to that, so that what is nearly noise is not blown up.

    Parameters
    ----------
    images : torch.Tensor
        Of shape (examples, 1, height, width), normalized; a few thousand are enough.
    side : int
        Of the filters, in pixels.

    Returns
    -------
    torch.Tensor
        Of shape (side², 1, side, side), the one of the largest eigenvalue first.

    References
    ----------
    Jordan 2024, *94% on CIFAR-10 in 3.29 Seconds on a Single GPU*, arXiv 2404.00498, section 3.1.
    """
    patches = F.unfold(images.cpu().double(), side).transpose(1, 2).reshape(-1, side * side)
    eigenvalues, eigenvectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (eigenvectors / torch.sqrt(eigenvalues + 1e-2)).T.flip(0)
    return filters.reshape(-1, 1, side, side).float()


def new_net(recipe: Recipe, images: torch.Tensor) -> nn.Sequential:
    """Return a stem, three residual blocks, and a linear layer, on the device of the images.

    Weights come from PyTorch's global random numbers. Of the stem's channels, 18 are the whitening filters with both
    signs; further ones get random filters, which are not trained either.

    Parameters
    ----------
    recipe : Recipe
        Gives the width and the kind of stem.
    images : torch.Tensor
        Normalized training images, for the whitened filters.
    """
    width = recipe.width
    if recipe.whitened:
        half = whitening_filters(images[:2000])
        filters = torch.randn(width, 1, 3, 3) / 3
        both = torch.cat([half, -half])[:width]
        filters[: len(both)] = both
        stem = [FrozenStem(filters)]
    else:
        stem = [nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    blocks = [
        Residual(width, width),
        Residual(width, 2 * width, use_1x1conv=True, strides=2),
        Residual(2 * width, 4 * width, use_1x1conv=True, strides=2),
    ]
    for block in blocks:
        nn.init.zeros_(block.bn2.weight)  # each block begins as its shortcut
        if recipe.averaged_shortcut and block.conv3 is not None:
            convolution = nn.Conv2d(block.conv3.in_channels, block.conv3.out_channels, kernel_size=1)
            block.conv3 = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), convolution)
    head = [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)]
    return nn.Sequential(*stem, *blocks, *head).to(images.device, memory_format=torch.channels_last)


# The training


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each weight tensor is made orthogonal: all its singular values are about 1.

    A convolution's weights are taken as a matrix with one row for each filter. They keep their length, the
    root of the number of filters, which batch norm behind most of them makes meaningless.

    Parameters
    ----------
    weights : iterable of torch.nn.Parameter
        Of at least two dimensions.
    lr : float
        Learning rate.
    momentum : float
        Share of the last step's momentum that is kept.
    leveled : bool
        If not, the singular values stay as they are, and the update is only as long as it would be.

    References
    ----------
    Jordan et al. 2024, *Muon: An optimizer for hidden layers in neural networks*,
    https://kellerjordan.github.io/posts/muon/; the momentum, the three rounds, and the fixed length are those of
    `airbench94_muon.py`, https://github.com/KellerJordan/cifar10-airbench. `torch.optim.Muon` takes matrices alone.
    """

    def __init__(
        self, weights: Iterable[nn.Parameter], lr: float = 0.1, momentum: float = 0.6, leveled: bool = True
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "leveled": leveled})

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:
        """Change the weights once by their gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                state, gradient = self.state[weight], weight.grad
                if not state:
                    state["momentum"] = torch.zeros_like(gradient)
                state["momentum"].mul_(group["momentum"]).add_(gradient)
                update = gradient.add(state["momentum"], alpha=group["momentum"])
                weight.mul_(len(weight) ** 0.5 / weight.norm())
                update = orthogonal(update.flatten(1), steps=3 if group["leveled"] else 0)
                if not group["leveled"]:
                    update *= min(update.shape) ** 0.5  # about the length of an orthogonal matrix
                weight.add_(update.view_as(weight), alpha=-group["lr"])


def orthogonal(matrix: torch.Tensor, steps: int = 3) -> torch.Tensor:
    """Return a matrix with the same singular vectors, and singular values of about 1, by Newton and Schulz's steps.

    A step replaces each singular value s by 3.4445 s − 4.775 s³ + 2.0315 s⁵, without computing any of them; in bfloat16
    where the device multiplies that fast.

    Parameters
    ----------
    matrix : torch.Tensor
        Of shape (rows, columns); cheapest with fewer rows than columns.
    steps : int
        Number of steps; the small singular values take more of them.
    """
    X = matrix / (matrix.norm() + 1e-7)
    X = X.bfloat16() if computes_bfloat16_fast(X.device) else X
    for _ in range(steps):
        A = X @ X.T
        B = torch.addmm(A, A, A, beta=-4.775, alpha=2.0315)  # -4.775 A + 2.0315 A A
        X = torch.addmm(X, B, X, beta=3.4445)  # 3.4445 X + B X
    return X.to(matrix.dtype)


def train(
    net: nn.Module,
    recipe: Recipe,
    images: torch.Tensor,
    labels: torch.Tensor,
    seed: int = 0,
) -> None:
    """Train a net as the recipe says.

    Parameters
    ----------
    net : torch.nn.Module
        On the device of the images.
    recipe : Recipe
        What to do.
    images : torch.Tensor
        Of shape (examples, 1, height, width), normalized.
    labels : torch.Tensor
        Of shape (examples,), int64.
    seed : int
        Of the order, the flips, and the shifts.
    """
    device, size = images.device, recipe.batch_size
    convolutions = [weight for weight in net.parameters() if weight.dim() == 4 and weight.shape[1] > 1 and recipe.muon]
    others = [weight for weight in net.parameters() if not any(weight is conv for conv in convolutions)]
    sgd = {"momentum": 0.9, "nesterov": True, "fused": device.type in ("cpu", "cuda")}
    decay = [{"params": [weight for weight in others if weight.dim() > 1], "weight_decay": 5e-4}]
    decay.append({"params": [weight for weight in others if weight.dim() == 1], "weight_decay": 0.0})
    optimizers = [torch.optim.SGD(decay, recipe.rate, **sgd)]
    if convolutions:
        optimizers.append(Muon(convolutions, recipe.conv_rate, leveled=recipe.leveled))
    steps = max(1, round(recipe.epochs * len(images) / size))
    share = partial(triangle, steps=steps, warmup=recipe.warmup)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, share) for optimizer in optimizers]
    bfloat16 = computes_bfloat16_fast(device)
    net.train()
    for step, (X, y) in enumerate(islice(batches(images, labels, recipe, seed), steps)):
        if recipe.first_side < 28 and step < steps / 2:
            X = shrunk(X, recipe.first_side)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            loss = F.cross_entropy(net(X), y, label_smoothing=recipe.label_smoothing)
        net.zero_grad()
        loss.backward()
        for mover in (*optimizers, *schedules):
            mover.step()


def triangle(step: int, steps: int, warmup: float) -> float:
    """Return the share of the highest rate: up from a tenth in the first steps, then down to zero; 1 without warmup."""
    if not warmup:
        return 1.0
    done = step / steps
    return 0.1 + 0.9 * done / warmup if done < warmup else (1 - done) / (1 - warmup)


def batches(
    images: torch.Tensor, labels: torch.Tensor, recipe: Recipe, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield augmented batches without end, in a new order each epoch; images left over wait for the next."""
    draw, device = torch.Generator().manual_seed(seed), images.device
    first_flipped = torch.rand(len(labels), generator=draw) < 0.5
    for epoch in count():
        order = torch.randperm(len(labels), generator=draw)
        flipped = first_flipped ^ (epoch % 2 == 1)
        order, flipped = order.to(device), flipped.to(device)
        for chosen in order.split(recipe.batch_size)[: len(order) // recipe.batch_size]:
            X = images[chosen]
            if recipe.shift:
                X = shifted(X, recipe.shift, draw)
            if recipe.flip != "no":
                X = torch.where(flipped[chosen].view(-1, 1, 1, 1), X.flip(3), X)
            yield X.contiguous(memory_format=torch.channels_last), labels[chosen]


def shifted(X: torch.Tensor, most: int, draw: torch.Generator) -> torch.Tensor:
    """Move each image by up to so many pixels down or up and right or left; background comes in from outside."""
    padded = F.pad(X, (most,) * 4, value=-MEAN / DEVIATION)
    down, right = torch.randint(0, 2 * most + 1, (2, len(X), 1), generator=draw).to(X.device)
    rows, columns = (torch.arange(side, device=X.device) for side in X.shape[2:])
    image = torch.arange(len(X), device=X.device)[:, None, None]
    return padded[image, 0, (rows + down)[:, :, None], (columns + right)[:, None, :]][:, None]


def shrunk(X: torch.Tensor, side: int) -> torch.Tensor:
    """Shrink images to a square of this side, each new pixel a weighted mean of those that it covers."""
    return F.interpolate(X.float(), size=side, mode="bilinear", antialias=True).to(X.dtype)


@torch.no_grad()
def scores(net: nn.Module, images: torch.Tensor, flips: bool = True) -> torch.Tensor:
    """Return the scores, (examples, 10), of the images, or with `flips` of each image and its mirror image together."""
    with evaluating(net), torch.autocast(images.device.type, torch.bfloat16, computes_bfloat16_fast(images.device)):
        views = [images, images.flip(3)] if flips else [images]
        return sum(torch.cat([net(X).float() for X in view.split(500)]) for view in views)


# The command


def normalized(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return uint8 images as floats of mean 0 and deviation 1, in bfloat16 where the device multiplies that fast."""
    X = (images.to(device).float() / 255 - MEAN) / DEVIATION
    return X.bfloat16() if computes_bfloat16_fast(device) else X


def run(
    recipe: Recipe,
    seed: int,
    device: torch.device,
    make_net: Callable[[Recipe, torch.Tensor], nn.Module] = new_net,
) -> tuple[float, float]:
    """Read the data, train on all training images, and look at the test images once; return seconds and accuracy.

    `make_net` may make a rival; it is called as `new_net` is.
    """
    fashion_mnist._read.cache_clear()  # so that the files are read, in a second run too
    started = time.perf_counter()
    torch.manual_seed(seed)
    images, labels = read_fashion_mnist(True)
    images, labels = normalized(images, device), labels.to(device)
    net = make_net(recipe, images)
    train(net, recipe, images, labels, seed)
    images, labels = read_fashion_mnist(False)
    views = scores(net, normalized(images, device), flips=recipe.flip != "no")
    right = views.argmax(1) == labels.to(device)
    accuracy = right.float().mean().item()  # waits for the device
    return time.perf_counter() - started, accuracy


def main() -> None:
    """Run a recipe with some seeds and print its row."""
    parser = argparse.ArgumentParser(prog="python -m d2lhelpers.speedrun", description=__doc__)
    parser.add_argument("recipe", choices=list(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--device", help="such as cuda:1 or cpu; by default the first accelerator")
    chosen = parser.parse_args()
    device = torch.device(chosen.device) if chosen.device else try_gpu()
    results = []
    for seed in chosen.seeds:
        results.append(run(RECIPES[chosen.recipe], seed, device))
        print(f"seed {seed}: {results[-1][1]:.4f} in {results[-1][0]:.1f} s", flush=True)
    seconds, accuracies = zip(*results)
    print("| recipe | seeds | seconds, median (range) | test accuracy, median (range) | device |")
    print("|---|---|---|---|---|")
    took, reached = spread(seconds, 1), spread(accuracies, 4)
    print(f"| {chosen.recipe} | {len(results)} | {took} | {reached} | {device_name(device)} |")


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median and the range of values as text."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
