"""A training on disk: what it needs to go on at the same numbers, written whole or not at all."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

FORMAT = 1


class Checkpoint:
    """One file that holds a training at the end of an epoch: net, optimizer, schedule, random numbers, and results.

    The file is replaced in one step by the system: whoever is killed while saving finds the one before. It is read
    with ``weights_only=True``, which builds tensors, numbers and texts and runs no code.

    Parameters
    ----------
    path : str or path
        The file. Its folder must exist.
    net, optimizer, scheduler, train_iter
        As in `train_ch6`. Of `train_iter` the attribute `generator` is kept, and what it returns from
        `state_dict`, if it has one.
    device : torch.device
        Whose random numbers are kept, beside those of PyTorch on the CPU, of NumPy and of Python.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        scheduler: Any,
        train_iter: Iterable,
        device: torch.device,
    ) -> None:
        self.path = Path(path).expanduser()
        self.net, self.optimizer, self.scheduler = net, optimizer, scheduler
        self.train_iter, self.device = train_iter, device
        self._readable = False

    def save(self, results: dict[str, Any]) -> None:
        """Write everything, and `results` with it: numbers, texts, and lists of them.

        Raises
        ------
        OSError
            If the file cannot be written; the one before is still there.
        TypeError
            If the state of the optimizer or the schedule has something in it that could not be read again.
        """
        buffer = io.BytesIO()
        torch.save(
            {"format": FORMAT, "recipe": self._recipe(), "layers": self._layers(), "results": results, **self._state()},
            buffer,
        )
        if not self._readable:
            self._check_readable(buffer)
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def load(self) -> dict[str, Any] | None:
        """Bring everything back to where it was saved, and return the results; None if there is no file.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or one of another training; the message says of which. Nothing has
            been changed then.
        """
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever is in the file
            raise ValueError(f"{self.path} cannot be read as a checkpoint: {error}") from None
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            raise ValueError(f"{self.path} is not a checkpoint of train_ch6. Name another file")
        self._check_same(saved)
        self.net.load_state_dict(saved["net"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(saved["scheduler"])
        self._set_random(saved["random"])
        return saved["results"]

    def _state(self) -> dict[str, Any]:
        scheduler = None if self.scheduler is None else self.scheduler.state_dict()
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": scheduler,
            "random": self._random(),
        }

    def _recipe(self) -> dict[str, str]:
        """Return as text what must be the same for the training to be the same."""
        recipe = {"optimizer": type(self.optimizer).__name__, "schedule": type(self.scheduler).__name__}
        for name, value in self.optimizer.defaults.items():
            recipe[name] = repr(value)
        for name in ("initial_lr", "max_lr", "weight_decay"):
            recipe[f"{name} of each group"] = repr([group.get(name) for group in self.optimizer.param_groups])
        recipe["parameters in each group"] = repr([len(group["params"]) for group in self.optimizer.param_groups])
        if self.scheduler is not None:
            recipe["steps of the schedule"] = repr(getattr(self.scheduler, "total_steps", None))
        recipe["batches in an epoch"] = repr(len(self.train_iter))
        return recipe

    def _layers(self) -> list[str]:
        """Return as text the modules of the net, and the shapes of all that it keeps."""
        modules = [
            f"{name or 'net'}: {type(module).__name__}({module.extra_repr()})"
            for name, module in self.net.named_modules()
        ]
        return modules + [f"{name} {tuple(value.shape)}" for name, value in self.net.state_dict().items()]

    def _check_same(self, saved: dict[str, Any]) -> None:
        """Raise a ValueError if the file is of a training with another net or another recipe."""
        advice = "Name another file, or delete this one to begin anew"
        for name, value in self._recipe().items():
            if (there := saved["recipe"].get(name, "nothing")) != value:
                raise ValueError(f"{self.path} has a training with {name} {there}; this one has {value}. {advice}")
        there, here = saved["layers"], self._layers()
        for one, other in zip_longest(there, here, fillvalue="nothing"):
            if one != other:
                raise ValueError(f"{self.path} has a training of another net: {one} in place of {other}. {advice}")

    def _random(self) -> dict[str, Any]:
        _, keys, *rest = np.random.get_state()
        found = {
            "torch": torch.get_rng_state(),
            "numpy": [torch.from_numpy(keys.astype(np.int64)), *rest],
            "python": random.getstate(),
        }
        if hasattr(module := torch.get_device_module(self.device), "get_rng_state") and self.device.type != "cpu":
            found["device"] = module.get_rng_state(*self._index())
        if isinstance(generator := getattr(self.train_iter, "generator", None), torch.Generator):
            found["generator"] = generator.get_state()
        if hasattr(self.train_iter, "state_dict"):
            found["train_iter"] = self.train_iter.state_dict()
        return found

    def _set_random(self, saved: dict[str, Any]) -> None:
        torch.set_rng_state(saved["torch"])
        keys, *rest = saved["numpy"]
        np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), *rest))
        random.setstate(saved["python"])
        if "device" in saved and self.device.type != "cpu":
            torch.get_device_module(self.device).set_rng_state(saved["device"], *self._index())
        if "generator" in saved:
            self.train_iter.generator.set_state(saved["generator"])
        if "train_iter" in saved:
            self.train_iter.load_state_dict(saved["train_iter"])

    def _index(self) -> tuple[torch.device, ...]:
        """Return the card whose generator is meant, where there can be several."""
        return (self.device,) if self.device.type == "cuda" else ()

    def _check_readable(self, buffer: io.BytesIO) -> None:
        """Raise a TypeError if what is about to be written could not be read again."""
        buffer.seek(0)
        try:
            torch.load(buffer, map_location="cpu", weights_only=True)
        except Exception as error:  # pickle's own, of many kinds
            raise TypeError(
                f"the state of this training cannot be saved safely, as tensors, numbers and texts: {error}"
            ) from None
        self._readable = True
