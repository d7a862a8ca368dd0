"""Train the book's ResNet-18 on an accelerator, as the book does and as this course does, and print a row for each.

    python tools/bench_gpu.py

It needs this repository, torch, and torchvision, and nothing else. The book's run is ten epochs of SGD with a rate of
0.05 on batches of 256 images, resized to 96×96 one by one in the workers of a DataLoader; the loop reads two
numbers from the device after every batch. Then come the ladder, which changes one thing a rung and is timed on a few
batches, and this course's recipe for the same net. The options make it shorter; what is made with them is no row for
BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).parent.parent))

from d2lhelpers.accuracy import evaluate_accuracy_gpu  # noqa: E402
from d2lhelpers.device import computes_bfloat16_fast, device_name, try_gpu  # noqa: E402
from d2lhelpers.fashion_mnist import FashionMNISTBatches, read_fashion_mnist  # noqa: E402
from d2lhelpers.residual import resnet18  # noqa: E402
from d2lhelpers.training_step import TrainingStep  # noqa: E402

BATCH_SIZE, LR = 256, 0.05
HIGHEST_LR = 0.1
"""Of the course's recipe: one cycle with momentum 0.9."""
UNTIMED = 2
"""The batches before each look at a rung: workers start there, and first steps prepare much."""


def main() -> None:
    """Run what was asked for and print the tables."""
    arguments = parsed()
    device = torch.device(arguments.device) if arguments.device else try_gpu()
    data = Data(arguments.images, arguments.side, device)
    size = f"{arguments.images:,} training images, {arguments.side}×{arguments.side}"
    print(f"{device_name(device)}, torch {torch.__version__}, {size}\n", flush=True)
    if arguments.rounds:
        climb(data, arguments.batches, arguments.rounds)
    if arguments.epochs:
        print("\n| run | epochs | minutes | images/s of whole epochs | seconds to .90 | test accuracy |")
        print("|---|---|---|---|---|---|")
        for name in arguments.runs:
            print(f"| {name} | {RUNS[name](data, arguments.epochs)} |", flush=True)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="such as cuda:1 or cpu; by default the first accelerator")
    parser.add_argument("--epochs", type=int, default=10, help="of the two runs; 0 for the ladder alone")
    parser.add_argument(
        "--images", type=int, default=60_000, help="of the training set; of the test set no more than that"
    )
    parser.add_argument("--side", type=int, default=96, help="of the square that images are resized to, in pixels")
    parser.add_argument("--runs", nargs="+", choices=list(RUNS), default=list(RUNS), help="both by default")
    parser.add_argument("--batches", type=int, default=20, help="in each look at a rung")
    parser.add_argument("--rounds", type=int, default=5, help="looks at each rung; 0 for no ladder")
    arguments = parser.parse_args()
    if arguments.rounds and arguments.images <= UNTIMED * BATCH_SIZE:
        parser.error(
            f"the ladder times what comes after {UNTIMED} batches of {BATCH_SIZE} images; got --images "
            f"{arguments.images:,}. Give more than {UNTIMED * BATCH_SIZE}, or --rounds 0 for no ladder."
        )
    return arguments


class Data:
    """The images of both sets, and the two ways to make batches of them.

    Parameters
    ----------
    images : int
        How many training images, and how many test images at most.
    side : int
        Height and width that they are resized to, in pixels.
    device : torch.device
        Where to train.
    """

    def __init__(self, images: int, side: int, device: torch.device) -> None:
        self.sets = {train: [part[:images] for part in read_fashion_mnist(train)] for train in (True, False)}
        self.side, self.device = side, device

    def one_by_one(self, train: bool) -> DataLoader:
        """Return the book's loader: each image resized on its own, in four workers, into ordinary memory."""
        resized = transforms.Compose([transforms.ToPILImage(), transforms.Resize(self.side), transforms.ToTensor()])
        return DataLoader(SingleImages(*self.sets[train], resized), BATCH_SIZE, shuffle=train, num_workers=4)

    def at_once(self, train: bool) -> FashionMNISTBatches:
        """Return this course's loader: whole batches cut from one tensor on the device, and resized there."""
        return FashionMNISTBatches(*self.sets[train], BATCH_SIZE, self.side, shuffle=train, seed=0, device=self.device)


class SingleImages(Dataset):
    """Single images and their labels, transformed when they are asked for."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, transform: Callable) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[i]), int(self.labels[i])


# The book's run


def new_net(device: torch.device) -> nn.Module:
    """Return the book's ResNet-18 with Xavier's weights, the same each time."""
    torch.manual_seed(0)
    net = resnet18()
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)
    return net.to(device)


def book_step(net: nn.Module, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """Return the step of the book's loop, which waits for the device to read loss and hits after every batch."""
    optimizer, sums = torch.optim.SGD(net.parameters(), LR), [0.0, 0.0]

    def step(X: torch.Tensor, y: torch.Tensor) -> None:
        optimizer.zero_grad()
        X, y = X.to(device), y.to(device)
        y_hat = net(X)
        loss = nn.functional.cross_entropy(y_hat, y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            sums[0] += float(loss * len(y))
            sums[1] += float((y_hat.argmax(dim=1) == y).sum())

    return step


def book_run(data: Data, epochs: int) -> str:
    """Train as the book does; return the cells of a row."""
    net = new_net(data.device)
    return trained(net, book_step(net, data.device), data.one_by_one(True), data.one_by_one(False), data.device, epochs)


# This course's run


def course_run(data: Data, epochs: int) -> str:
    """Train the same net with one cycle and the fast step; return the cells of a row."""
    net, train_iter = new_net(data.device), data.at_once(True)
    recipe = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4, "fused": data.device.type in ("cuda", "cpu")}
    optimizer = torch.optim.SGD(net.parameters(), HIGHEST_LR, **recipe)
    steps = epochs * len(train_iter)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIGHEST_LR, steps, cycle_momentum=False)
    step = TrainingStep(net, optimizer, data.device, scheduler, steps)
    return trained(net, step, train_iter, data.at_once(False), data.device, epochs)


def trained(
    net: nn.Module, step: Callable, train_iter: Iterable, test_iter: Iterable, device: torch.device, epochs: int
) -> str:
    """Train for some epochs, each with its evaluation; return the cells of a row."""
    images, to_90 = 0, "–"
    wait_for(device)
    started = time.perf_counter()
    for epoch in range(1, epochs + 1):
        net.train()
        for X, y in train_iter:
            step(X, y)
            images += len(y)
        accuracy = evaluate_accuracy_gpu(net, test_iter, device)  # which waits for the device
        seconds = time.perf_counter() - started
        if accuracy >= 0.9 and to_90 == "–":
            to_90 = f"{seconds:.0f}"
        print(f"  epoch {epoch}: {accuracy:.4f} after {seconds:.0f} s", file=sys.stderr, flush=True)
    return f"{epochs} | {seconds / 60:.1f} | {images / seconds:,.0f} | {to_90} | {accuracy:.4f}"


RUNS = {"the book's": book_run, "this course's": course_run}


# The ladder


def climb(data: Data, batches: int, rounds: int) -> None:
    """Time each rung on a few batches, all in turn and several times over, and print the table."""
    device = data.device
    fast = {"bfloat16": computes_bfloat16_fast(device), "channels_last": True}
    rungs = {
        "the book's loop": rung(data, one_by_one=True, book=True),
        "batches made at once, on the device": rung(data, book=True),
        "nothing read from the device": rung(data, bfloat16=False, channels_last=False),
        "channels last": rung(data, bfloat16=False, channels_last=True),
    }
    if fast["bfloat16"]:
        rungs["bfloat16"] = rung(data, **fast)
    if device.type in ("cuda", "cpu"):
        rungs["fused optimizer"] = rung(data, fused=True, **fast)
    rates: dict[str, list[float]] = {name: [] for name in rungs}
    for _ in range(rounds):
        for name, look in rungs.items():
            rates[name].append(look(batches))
    print("| rung | images/s, median | lowest | highest | of the rung before, median |\n|---|---|---|---|---|")
    before: list[float] = []
    for name, values in rates.items():
        gain = f"{statistics.median(b / a for a, b in zip(before, values)):.2f}×" if before else ""
        print(f"| {name} | {statistics.median(values):,.0f} | {min(values):,.0f} | {max(values):,.0f} | {gain} |")
        before = values
    if not fast["bfloat16"]:
        print(f"\n(bfloat16 is left out: {device} does not multiply it in hardware)")


def rung(
    data: Data, one_by_one: bool = False, book: bool = False, fused: bool = False, **options: bool
) -> Callable[[int], float]:
    """Return a function that trains on so many batches and returns images/s, loading included."""
    net, device = new_net(data.device), data.device
    loader = data.one_by_one(True) if one_by_one else data.at_once(True)
    optimizer = torch.optim.SGD(net.parameters(), LR, fused=fused)
    step = book_step(net, device) if book else TrainingStep(net, optimizer, device, **options)

    def look(batches: int) -> float:
        net.train()
        iterator = iter(loader)
        for X, y in islice(iterator, UNTIMED):
            step(X, y)
        wait_for(device)
        seen, started = 0, time.perf_counter()
        for X, y in islice(iterator, batches):
            step(X, y)
            seen += len(y)
        wait_for(device)
        return seen / (time.perf_counter() - started)

    return look


def wait_for(device: torch.device) -> None:
    """Wait until the device has done its work."""
    if device.type != "cpu":
        torch.get_device_module(device).synchronize()


if __name__ == "__main__":
    main()
