"""Print Table 2.1: the nets of notebook 02, each at six learning rates.

    python tools/rates.py

About six minutes on two quiet CPU cores.
"""

from __future__ import annotations

from itertools import islice
from statistics import mean

from torch import manual_seed, nn

import d2lhelpers as d2l

RATES, SEEDS, DEPTHS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5), (0, 1, 2), (8, 20, 56)
WIDTH, NUM_STEPS, BATCH_SIZE, LAST = 8, 150, 64, 30


def make_nets(seed: int) -> dict[str, nn.Module]:
    """Return the nets of the race, and the deepest residual one with blocks that add nothing at the start."""
    nets = {}
    for kind, depth, silent in [(k, d, False) for k in ("plain", "residual") for d in DEPTHS] + [
        ("residual", 56, True)
    ]:
        manual_seed(seed)
        net = d2l.cifar_resnet(depth, WIDTH, residual=kind == "residual", stem_strides=2)
        for block in (block for stage in net[1:4] for block in stage if silent):
            nn.init.zeros_(block.bn2.weight)
        nets[f"{kind} {depth}{', silent start' if silent else ''}"] = net
    return nets


def last_losses(seed: int, lr: float) -> dict[str, float]:
    """Train all nets side by side; return the mean of each one's last losses."""
    nets = make_nets(seed)
    train_iter, _ = d2l.load_data_fashion_mnist(BATCH_SIZE, resize=14, seed=seed)
    steps = list(d2l.train_side_by_side(nets, islice(train_iter, NUM_STEPS), lr))
    return {name: mean(step[name].item() for step in steps[-LAST:]) for name in nets}


def main() -> None:
    """Print a row for each rate: the mean over the seeds, and in brackets the seeds."""
    names = list(make_nets(0))
    print("| rate | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for lr in RATES:
        by_seed = [last_losses(seed, lr) for seed in SEEDS]
        cells = [[losses[name] for losses in by_seed] for name in names]
        print(f"| {lr} | " + " | ".join(f"{mean(c):.2f} ({', '.join(f'{x:.2f}' for x in c)})" for c in cells) + " |")


if __name__ == "__main__":
    main()
