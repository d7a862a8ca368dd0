"""A batch shared by several processes: `torchrun --nproc-per-node 2 -m d2lhelpers.two_processes`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from d2lhelpers.fashion_mnist import read_fashion_mnist
from d2lhelpers.residual import resnet18


def small_net(norm: Callable[[int], nn.Module]) -> nn.Sequential:
    """Return a convolution, a layer of this kind, and a linear layer, always with the same weights."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), norm(16), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 10))


def gradient(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the mean loss on a batch, all weights in one row."""
    F.cross_entropy(net(X), y).backward()
    return torch.cat([weight.grad.flatten() for weight in net.parameters()])


def difference(norm: Callable[[int], nn.Module], X: torch.Tensor, y: torch.Tensor) -> float:
    """Return by how much the shared gradient differs from that of one process, as a part of its length.

    Parameters
    ----------
    norm : callable
        `nn.Identity`, `nn.BatchNorm2d`, or `nn.SyncBatchNorm`, which is compared with `nn.BatchNorm2d`.
    X, y : torch.Tensor
        The whole batch, the same in all processes; its size is a multiple of their number.

    Raises
    ------
    ValueError
        If PyTorch has no `nn.SyncBatchNorm` for this device.
    """
    rank, world = dist.get_rank(), dist.get_world_size()
    mine = slice(rank * len(X) // world, (rank + 1) * len(X) // world)
    one = small_net(nn.BatchNorm2d if norm is nn.SyncBatchNorm else norm).to(X.device)
    shared = DistributedDataParallel(small_net(norm).to(X.device))
    expected, averaged = gradient(one, X, y), gradient(shared, X[mine], y[mine])
    return float((averaged - expected).norm() / expected.norm())


def images_per_second(X: torch.Tensor, y: torch.Tensor, steps: int = 2) -> float:
    """Return how many images of these all processes together train the book's ResNet-18 on in a second."""
    rank, world = dist.get_rank(), dist.get_world_size()
    mine = slice(rank * len(X) // world, (rank + 1) * len(X) // world)
    net = DistributedDataParallel(resnet18().to(X.device))
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for step in range(steps + 1):
        if step == 1:  # the first one prepares much
            dist.barrier()
            start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(net(X[mine]), y[mine]).backward()
        optimizer.step()
    float(next(net.parameters()).detach().flatten()[0])  # waits for the device
    dist.barrier()
    return steps * len(X) / (time.perf_counter() - start)


def torchrun(processes: int) -> dict[str, float | str]:
    """Start this program in so many processes, each in one thread; return what it prints.

    Raises
    ------
    subprocess.CalledProcessError
        If one of the processes failed; why, it has written to the standard error stream.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost"]
    command += ["--nproc-per-node", str(processes), "-m", "d2lhelpers.two_processes"]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=one_thread, timeout=600, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print what the first process found, as JSON."""
    gpus = torch.cuda.device_count()
    dist.init_process_group("nccl" if gpus > 1 else "gloo")
    device = torch.device("cuda", dist.get_rank() % gpus) if gpus else torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False  # whose rounding would hide what is to be seen
    images, labels = read_fashion_mnist(True)
    X, y = images[:256].to(device) / 255, labels[:256].to(device)
    found: dict[str, float | str] = {}
    for norm in (nn.Identity, nn.BatchNorm2d, nn.SyncBatchNorm):
        try:
            found[norm.__name__] = difference(norm, X, y)
        except ValueError as error:
            found[norm.__name__] = str(error)
    found["images/s"] = images_per_second(F.interpolate(X, 64), y)
    if dist.get_rank() == 0:
        print(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
