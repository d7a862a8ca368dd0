"""Film a network that learns: `figures/learning.gif`, for the README.

    python figures/film.py

ResNet-18, sixteen channels wide, with a stem for small images, learns Fashion-MNIST for five epochs; each picture shows
what it says of the same 24 test images, and its accuracy on 2,000 of them. Two or three minutes on two CPU cores.
"""

from __future__ import annotations

import io
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

import d2lhelpers as d2l
from d2lhelpers.evaluating import evaluating
from d2lhelpers.page import BLUE, VERMILLION

EPOCHS, BATCH_SIZE, HIGHEST_LR, SEED = 5, 256, 0.4, 0
COLUMNS, ROWS = 8, 3
FILM = Path(__file__).parent / "learning.gif"


def make_net() -> nn.Sequential:
    """Return ResNet-18, a quarter as wide, with a 3×3 stem for images of 28×28."""
    stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return d2l.resnet(stem, (2, 2, 2, 2), width=16)


def main() -> None:
    """Train, and take a picture at ever longer intervals."""
    torch.manual_seed(SEED)
    train_iter, _ = d2l.load_data_fashion_mnist(BATCH_SIZE, seed=SEED)
    test_X, test_y = next(iter(d2l.load_data_fashion_mnist(batch_size=2000)[1]))
    net = make_net()
    steps = EPOCHS * len(train_iter)
    optimizer = torch.optim.SGD(net.parameters(), lr=HIGHEST_LR, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIGHEST_LR, total_steps=steps, cycle_momentum=False)
    moments = {round(steps * (i / 40) ** 2.5) for i in range(41)}
    step, seen, frames = 0, [], []
    for _ in range(EPOCHS):
        for X, y in train_iter:
            if step in moments:
                frames.append(picture(net, test_X, test_y, seen, step * BATCH_SIZE))
            loss = cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
    frames.append(picture(net, test_X, test_y, seen, step * BATCH_SIZE))
    durations = [180] * (len(frames) - 1) + [4000]
    frames[0].save(FILM, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)
    megabytes = FILM.stat().st_size / 1e6
    print(f"{FILM.name}: {len(frames)} pictures, {megabytes:.2f} MB, accuracy at the end {seen[-1][1]:.3f}")


def picture(net: nn.Module, X: torch.Tensor, y: torch.Tensor, seen: list, images: int) -> Image.Image:
    """Return one picture of the film; note the accuracy in `seen`."""
    with evaluating(net), torch.no_grad():
        predicted = net(X).argmax(dim=1)
    seen.append((images, (predicted == y).float().mean().item()))
    figure = Figure(figsize=(9, 3.3), dpi=90, facecolor="white")
    grid = figure.add_gridspec(
        ROWS, COLUMNS + 5, left=0.01, right=0.96, top=0.93, bottom=0.17, wspace=0.12, hspace=0.42
    )
    names = d2l.get_fashion_mnist_labels(predicted[: ROWS * COLUMNS])
    for i, name in enumerate(names):
        axes = figure.add_subplot(grid[i // COLUMNS, i % COLUMNS])
        right = bool(predicted[i] == y[i])
        color, width, weight = (BLUE, 1.2, "normal") if right else (VERMILLION, 2.4, "bold")
        axes.imshow(1 - X[i, 0], cmap="gray", vmin=0, vmax=1)
        axes.set_title(name, fontsize=8, color=color, pad=2, weight=weight)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=color, linewidth=width)
    axes = figure.add_subplot(grid[:, COLUMNS + 1 :])
    axes.plot(*zip(*seen), color=BLUE, marker=".", markersize=4)
    axes.set(xlim=(0, EPOCHS * 60_000), ylim=(0, 1), xlabel="images seen")
    axes.set_title(f"{seen[-1][1]:.2f} of the test images", fontsize=11, color=BLUE, weight="bold")
    axes.set_xticks(range(0, 300_001, 100_000), ["0", "100,000", "200,000", "300,000"], fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(alpha=0.35)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB").quantize(64)


if __name__ == "__main__":
    main()
