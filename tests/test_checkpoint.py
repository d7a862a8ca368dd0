"""A training on disk: whoever is killed goes on at the same numbers, and nothing is read that is not the run's own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from d2lhelpers import Plain, Residual, train_ch6
from d2lhelpers.checkpoint import Checkpoint
from small_batches import random_batches

TEST_BATCHES = random_batches([16])


class Jittered:
    """Shuffled batches with noise from NumPy and an epoch counter of their own, which `state_dict` keeps."""

    def __init__(self) -> None:
        self.batches, self.epoch = random_batches([8] * 4), 0

    def __len__(self) -> int:
        return 4

    def __iter__(self):
        self.epoch += 1
        for i in torch.randperm(4).tolist():
            X, y = self.batches[i]
            yield X + self.epoch * torch.tensor(np.random.rand(*X.shape), dtype=X.dtype), y

    def state_dict(self) -> dict:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict) -> None:
        self.epoch = state["epoch"]


def shuffled() -> DataLoader:
    """Return the framework's loader, with an order of its own."""
    X, y = zip(*random_batches([8] * 4))
    generator = torch.Generator().manual_seed(7)
    return DataLoader(TensorDataset(torch.cat(X), torch.cat(y)), 8, shuffle=True, generator=generator)


def new_run(kind: str) -> tuple[nn.Module, dict]:
    """Return a net and the arguments of a training, the same in every process."""
    torch.manual_seed(3)
    np.random.seed(3)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(576, 10)
    )
    if kind == "the book's":
        return net, {"train_iter": Jittered(), "lr": 0.1}
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=4 * 4)
    return net, {"train_iter": shuffled(), "optimizer": optimizer, "scheduler": scheduler}


class Stopped:
    """Test batches; asked for the `at`-th time they raise."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __len__(self) -> int:
        return 1

    def __iter__(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return iter(TEST_BATCHES)


def train(kind: str, test_iter=TEST_BATCHES, epochs: int = 4, **options):
    net, arguments = new_run(kind)
    return net, train_ch6(net, test_iter=test_iter, num_epochs=epochs, device="cpu", **arguments, **options)


def same(run, other) -> bool:
    """Tell whether two trainings came to the same net and the same history, to the last bit."""
    (net, history), (net2, history2) = run, other
    states = [run.state_dict() for run in (net, net2)]
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0]) and all(
        getattr(history, name) == getattr(history2, name) for name in ("train_loss", "train_acc", "test_acc")
    )


@pytest.mark.parametrize("kind", ["the book's", "a schedule"])
@pytest.mark.parametrize("stopped_in", [1, 3])
def test_a_stopped_training_comes_to_the_same_numbers(kind, stopped_in, tmp_path, capsys):
    path = tmp_path / "run.pt"
    _, history = train(kind, Stopped(stopped_in), checkpoint=path)
    assert history.interrupted and f"the same call goes on from {path}" in capsys.readouterr().out
    resumed = train(kind, checkpoint=path)
    assert f"has {stopped_in - 1} finished epochs; the training goes on from there" in capsys.readouterr().out
    assert same(resumed, train(kind))
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_stop_the_checkpoint_changes_nothing(tmp_path):
    assert same(train("a schedule", checkpoint=tmp_path / "run.pt"), train("a schedule"))


def test_a_finished_training_is_not_repeated_and_can_be_prolonged(tmp_path, capsys):
    path = str(tmp_path / "run.pt")
    two = train("the book's", epochs=2, checkpoint=path)
    again = train("the book's", epochs=2, checkpoint=path)
    assert "has 2 finished epochs; nothing is left to train" in capsys.readouterr().out
    assert same(two, again) and two[1].seconds == again[1].seconds and again[0].training
    assert same(train("the book's", epochs=4, checkpoint=path), train("the book's"))


KILLED_AGAIN_AND_AGAIN = """
import os, pathlib, signal, sys
import torch
sys.path.insert(0, {tests!r})
import test_checkpoint as run

torch.set_num_threads(1)
path = pathlib.Path({path!r})

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Dying:
    '''A file that takes some of the bytes, and the process is dead.'''
    def __init__(self, file, share):
        self.file, self.share = file, share
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.file.close()
    def write(self, data):
        self.file.write(data[: int(len(data) * self.share)])
        self.file.flush()
        if self.share < 1:
            die()
    def flush(self):
        die()

def kill_in_save(number, where):
    '''Let the process die in its `number`-th save.'''
    saves = [0]
    ordinary_open, ordinary_replace = pathlib.Path.open, os.replace
    def open_(self, mode="r", *rest, **options):
        file = ordinary_open(self, mode, *rest, **options)
        if mode != "wb":
            return file
        saves[0] += 1
        return Dying(file, where) if saves[0] == number and isinstance(where, float) else file
    def replace(*names):
        if saves[0] == number and where == "before":
            die()
        ordinary_replace(*names)
        if saves[0] == number and where == "after":
            die()
    pathlib.Path.open, os.replace = open_, replace

# A new training saves before its first epoch and after each; one that goes on, after each.
deaths = [(1, 0.5), (1, "after"), (1, 0.0), (1, 0.5), (1, 1.0), (1, "before"), (1, "after"), (2, 0.99), (1, 0.1)]
for number, where in [*deaths, (2, "before"), (1, 0.5)]:
    pid = os.fork()
    if pid == 0:
        kill_in_save(number, where)
        run.train("a schedule", checkpoint=path)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)

net, history = run.train("a schedule", checkpoint=path)
print("same" if run.same((net, history), run.train("a schedule")) else "other")
print(sorted(os.listdir(path.parent)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process cannot be copied here")
def test_who_is_killed_in_the_middle_of_a_save_again_and_again_comes_to_the_same_numbers(tmp_path):
    program = KILLED_AGAIN_AND_AGAIN.format(tests=str(Path(__file__).parent), path=str(tmp_path / "run.pt"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines.count("killed") == 11, done.stdout
    assert "same" in lines, done.stdout
    assert lines[-1] == "['run.pt']"


def change_rate(arguments):
    for group in arguments["optimizer"].param_groups:
        group["max_lr"] = 0.5


@pytest.mark.parametrize(
    "other, message",
    [
        (lambda net, run: run["optimizer"].defaults.update(eps=1e-3), "a training with eps 1e-08; this one has 0.001"),
        (lambda net, run: change_rate(run), r"max_lr of each group \[0.02\]; this one has \[0.5\]"),
        (lambda net, run: run.pop("scheduler"), "schedule OneCycleLR; this one has NoneType"),
        (lambda net, run: run.update(train_iter=random_batches([8] * 5)), "batches in an epoch 4; this one has 5"),
        (lambda net, run: net.__setitem__(5, nn.Linear(576, 11)), "another net"),
        (lambda net, run: net.__setitem__(2, nn.GELU()), "another net"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_and_changes_nothing(other, message, tmp_path):
    path = tmp_path / "run.pt"
    train("a schedule", epochs=1, checkpoint=path)
    net, arguments = new_run("a schedule")
    other(net, arguments)
    before, bytes_before = {name: value.clone() for name, value in net.state_dict().items()}, path.read_bytes()
    with pytest.raises(ValueError, match=message):
        train_ch6(net, test_iter=TEST_BATCHES, num_epochs=4, device="cpu", checkpoint=path, **arguments)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert path.read_bytes() == bytes_before


def test_a_plain_net_does_not_go_on_from_a_residual_one_with_the_same_shapes(tmp_path):
    def run(block):
        net = nn.Sequential(nn.Conv2d(1, 4, 1), block(4, 4), nn.Flatten(), nn.Linear(576, 10))
        return train_ch6(net, random_batches([4] * 2), TEST_BATCHES, 1, 0.1, "cpu", checkpoint=tmp_path / "run.pt")

    run(Residual)
    with pytest.raises(ValueError, match="another net.*Name another file, or delete this one to begin anew"):
        run(Plain)


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["text", "half", "bomb", "bomb inside", "other"])
def test_what_is_no_checkpoint_is_refused_and_runs_no_code(kind, tmp_path):
    path, touched = tmp_path / "run.pt", tmp_path / "touched"
    if kind == "half":
        train("the book's", epochs=1, checkpoint=path)
    {
        "text": lambda: path.write_text("my notes"),
        "half": lambda: path.write_bytes(path.read_bytes()[:-4000]),
        "bomb": lambda: path.write_bytes(pickle.dumps(Bomb(touched))),
        "bomb inside": lambda: torch.save({"format": 1, "results": Bomb(touched)}, path),
        "other": lambda: torch.save({"weight": torch.zeros(3)}, path),
    }[kind]()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="cannot be read as a checkpoint|is not a checkpoint of train_ch6"):
        train("the book's", checkpoint=path)
    assert not touched.exists() and path.read_bytes() == before


def test_a_full_disk_ends_no_training_and_the_last_checkpoint_stays(tmp_path, monkeypatch, capsys):
    path, saves = tmp_path / "run.pt", []
    ordinary = os.fsync

    def full_from_the_third(file):
        saves.append(file)
        if len(saves) >= 3:
            raise OSError(28, "No space left on device")
        ordinary(file)

    monkeypatch.setattr(os, "fsync", full_from_the_third)
    run = train("the book's", checkpoint=path)
    assert "the checkpoint of epoch 2 could not be written: [Errno 28] No space left" in capsys.readouterr().out
    assert same(run, train("the book's"))
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    assert same(train("the book's", checkpoint=path), run)
    assert "has 1 finished epoch;" in capsys.readouterr().out


def test_a_folder_that_is_not_there_raises_before_anything_is_trained(tmp_path):
    net, arguments = new_run("a schedule")
    with pytest.raises(FileNotFoundError):
        train_ch6(
            net, test_iter=TEST_BATCHES, num_epochs=1, device="cpu", checkpoint=tmp_path / "no" / "run", **arguments
        )
    assert arguments["scheduler"].last_epoch == 0


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    net, arguments = new_run("a schedule")
    arguments["optimizer"].state["extra"] = {"odd": Bomb(tmp_path)}
    checkpoint = Checkpoint(tmp_path / "run.pt", net, arguments["optimizer"], None, [], torch.device("cpu"))
    with pytest.raises(TypeError, match="cannot be saved safely"):
        checkpoint.save({})
    assert list(tmp_path.iterdir()) == []
