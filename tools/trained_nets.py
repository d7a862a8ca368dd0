"""Train the nets in `d2lhelpers/data/trained_nets`, which notebook 09 takes apart.

    python tools/trained_nets.py                    # all fifteen, about 20 minutes on one CPU core
    python tools/trained_nets.py "plain 20" 1       # one of them

The last 5,000 of the 60,000 training images are held out, and the test images are not read. Nets of 28×28 see the
others five times in batches of 256, nets of 14×14 twice in batches of 128, with the one-cycle recipe of notebook 08.

The highest rates were chosen with seed 0 on held-out images: for 20 layers among .1, .2 and .4, by two epochs on
10,000 images (plain .811, .550, .745; residual .873, .819, .833); for 56 layers by whole trainings, plain among .005,
.01, .02 and .05 (.694, .707, .749, .363), residual .05 and .1 (.869, .872; .2 was worse than .05 in a shorter one).
The two convolutions have the rate of notebook 08.
"""

from __future__ import annotations

import io
import lzma
import sys

import torch
from torch import nn

import d2lhelpers as d2l
from d2lhelpers.fashion_mnist import FashionMNISTBatches
from d2lhelpers.trained_nets import UNTRAINED, file_of

HELD_OUT = 5_000
SEEDS = (0, 1, 2)
SIGNIFICANT_BITS = 5
RATES = {"residual 20": 0.1, "plain 20": 0.1, "two convolutions": 0.2, "residual 56": 0.1, "plain 56": 0.02}


def train(name: str, seed: int) -> nn.Module:
    """Return a net of this name, trained, with rounded weights."""
    deep = name.endswith("56")
    num_epochs, batch_size, resize = (2, 128, 14) if deep else (5, 256, None)
    images, labels = d2l.read_fashion_mnist(train=True)
    train_iter = FashionMNISTBatches(
        images[:-HELD_OUT], labels[:-HELD_OUT], batch_size, resize, shuffle=True, seed=seed
    )
    held_out = FashionMNISTBatches(images[-HELD_OUT:], labels[-HELD_OUT:], batch_size, resize)
    torch.manual_seed(seed)
    net = UNTRAINED[name]()
    optimizer = torch.optim.SGD(net.parameters(), RATES[name], momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATES[name], num_epochs * len(train_iter), cycle_momentum=False
    )
    d2l.train_ch6(
        net, train_iter, held_out, num_epochs, optimizer=optimizer, scheduler=scheduler, initialize=False,
        bfloat16=False if deep else None,
    )  # fmt: skip
    net.cpu().load_state_dict(rounded(net))
    retake_statistics(net, FashionMNISTBatches(images[:10_000], labels[:10_000], 1_000, resize))
    print(f"{name}, seed {seed}: {d2l.evaluate_accuracy_gpu(net, held_out):.4f} of the held-out images, rounded")
    return net


def rounded(net: nn.Module) -> dict[str, torch.Tensor]:
    """Return a net's numbers, those of convolutions and linear layers rounded, as files have them."""
    numbers = {}
    for name, tensor in net.state_dict().items():
        mantissa, exponent = torch.frexp(tensor.float())
        scale = 2**SIGNIFICANT_BITS
        short = torch.ldexp((mantissa * scale).round() / scale, exponent).half()
        numbers[name] = short.contiguous() if tensor.dim() > 1 else tensor
    return numbers


@torch.no_grad()
def retake_statistics(net: nn.Module, batches: FashionMNISTBatches) -> None:
    """Take each batch norm's statistics again, for the rounded weights, as a plain mean over these batches."""
    net.train()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None
    for X, _ in batches:
        net(X)
    net.eval()


def write(net: nn.Module, name: str, seed: int) -> None:
    """Write a net's file."""
    numbers = io.BytesIO()
    torch.save(rounded(net), numbers)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 3, "lp": 1, "pb": 1}]
    file_of(name, seed).parent.mkdir(exist_ok=True)
    file_of(name, seed).write_bytes(lzma.compress(numbers.getvalue(), filters=filters))


def main() -> None:
    """Train what is asked for."""
    name, seed = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) == 3 else (None, None)
    for each in [name] if name else UNTRAINED:
        for number in SEEDS if seed is None else [seed]:
            write(train(each, number), each, number)


if __name__ == "__main__":
    main()
