"""The package and the notebooks on an accelerator. This machine may have none, so the tests pretend one.

Each test runs in a process of its own, see `pretended_device`.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import matplotlib
import nbformat
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import no_torchrun
from small_batches import random_batches

ROOT = Path(__file__).parent.parent
DEVICE = "pretended:0"

try:
    import pretended_device
except ImportError:
    pytest.skip("this PyTorch takes no device that is made in Python", allow_module_level=True)


def prepare(float64: bool = True) -> None:
    """Let a process have an accelerator, which `try_gpu` finds."""
    matplotlib.use("Agg")
    torch.set_num_threads(1)
    pretended_device.install(float64)
    import d2lhelpers  # noqa: F401, it loads the modules that have try_gpu

    for name, module in list(sys.modules.items()):
        if name.startswith("d2lhelpers") and "try_gpu" in vars(module):
            module.try_gpu = lambda i=0: torch.device(DEVICE)


# Where it can be, a process is a fork of one that has imported the libraries and done nothing else.
context = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
if context.get_start_method() == "forkserver":
    context.set_forkserver_preload(["nbformat", "torchvision", "d2lhelpers"])


def a_process(float64: bool) -> ProcessPoolExecutor:
    """Return a process in which there is an accelerator."""
    return ProcessPoolExecutor(1, context, initializer=prepare, initargs=(float64,))


def in_a_process(function, *args, float64: bool = True):
    """Call a function where there is an accelerator, and return what it returns."""
    with a_process(float64) as pool:
        return pool.submit(function, *args).result()


# The device


def refuses() -> dict[str, str]:
    """Return what the device says to what an accelerator refuses, and "" where it does it."""
    there, here = torch.rand(2, 3, device=DEVICE), torch.rand(2, 3)
    tries = {
        "add": lambda: there + here,
        "layer": lambda: nn.Linear(3, 2)(there),
        "convolution": lambda: nn.Conv2d(2, 1, 1).to(DEVICE)(here[None, :, :, None]),
        "join": lambda: torch.cat([there, here]),
        "pick by position there": lambda: here[torch.tensor([0], device=DEVICE)],
        "compare": lambda: torch.equal(there, here),
        "loss": lambda: nn.functional.cross_entropy(there, torch.tensor([0, 1])),
        "numpy": lambda: there.numpy(),
        "draw": lambda: Figure().subplots().plot(there),
        "number": lambda: there + torch.tensor(1.0),
        "pick by position here": lambda: there[torch.tensor([0])],
        "write": lambda: here.copy_(there),
        "read": lambda: there.sum().item() + float(there[0, 0]) + sum(there.tolist()[0]),
        "print": lambda: repr(there),
        "double": lambda: there.double(),
    }
    answers = {}
    for name, function in tries.items():
        try:
            function()
        except (RuntimeError, TypeError) as error:
            answers[name] = str(error)
        answers.setdefault(name, "")
    return answers


def steps_on(device: str) -> tuple[list[float], list[torch.Tensor]]:
    import d2lhelpers as d2l

    torch.manual_seed(0)
    net = d2l.resnet18(width=4)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    net.to(device)  # which keeps the parameters that the optimizer has
    losses = []
    for X, y in random_batches([8] * 3, side=32):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(X.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [value.cpu() for value in copy.deepcopy(net).state_dict().values()]


def same_steps() -> bool:
    (losses, values), (expected_losses, expected_values) = steps_on(DEVICE), steps_on("cpu")
    return losses == expected_losses and all(map(torch.equal, values, expected_values))


def test_it_refuses_what_an_accelerator_refuses():
    answers = in_a_process(refuses)
    other_device = ["add", "layer", "convolution", "join", "pick by position there", "compare", "loss"]
    assert all("device" in answers[name] or "type" in answers[name] for name in other_device), answers
    assert all("can't convert pretended:0 device type tensor to numpy" in answers[name] for name in ("numpy", "draw"))
    allowed = ["number", "pick by position here", "write", "read", "print", "double"]
    assert not any(answers[name] for name in allowed), answers


def test_like_apples_it_may_refuse_float64():
    assert "float64" in in_a_process(refuses, float64=False)["double"]


def test_it_computes_what_the_cpu_computes():
    assert in_a_process(same_steps)


# The package


def small_net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(400, 10))


def train_with_the_books_loop(**options) -> None:
    import d2lhelpers as d2l

    data = random_batches([8, 8, 4])
    history = d2l.train_ch6(net := small_net(), data, data, 2, 0.1, **options)
    assert len(history.train_loss) == 2
    assert {parameter.device for parameter in net.parameters()} == {torch.device(DEVICE)}
    assert d2l.evaluate_accuracy_gpu(net, data) == history.test_acc[-1]


def train_with_an_optimizer() -> None:
    import d2lhelpers as d2l

    net, data = small_net(), random_batches([8, 8])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=4)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    d2l.train_ch6(net, data, data, 2, optimizer=optimizer, scheduler=scheduler, initialize=False)
    assert not any(torch.equal(a, b.cpu()) for a, b in zip(before, net.parameters()))


def train_the_books_data() -> None:
    import d2lhelpers as d2l
    from d2lhelpers.fashion_mnist import FashionMNISTBatches

    images, labels = d2l.read_fashion_mnist(train=False)
    for device in ("cpu", DEVICE):  # wherever the batches are, the loop takes them
        data = FashionMNISTBatches(images[:20], labels[:20], 8, (12, 12), shuffle=True, seed=0, device=device)
        d2l.train_ch6(small_net(), data, data, 1, 0.1)


def train_nets_side_by_side() -> None:
    import d2lhelpers as d2l

    for losses in d2l.train_side_by_side({"a": small_net(), "b": small_net()}, random_batches([8, 4]), 0.1):
        assert {loss.device for loss in losses.values()} == {torch.device(DEVICE)}
        assert all(map(torch.isfinite, losses.values()))


def load_data_there() -> None:
    import d2lhelpers as d2l

    for resize in (None, 32):
        for batches in d2l.load_data_fashion_mnist(16, resize, device=DEVICE, seed=0):
            X, y = next(iter(batches))
            assert X.device == y.device == torch.device(DEVICE)
            assert len(d2l.get_fashion_mnist_labels(y)) == 16


def add_and_draw() -> None:
    import d2lhelpers as d2l

    value = torch.tensor(0.5, device=DEVICE, requires_grad=True)
    sums = d2l.Accumulator(2)
    sums.add(value, torch.ones(1, device=DEVICE))
    sums.add(value, 1)
    assert (sums[0], sums[1]) == (1, 2)
    animator = d2l.Animator(legend=["a", "b"])
    animator.add(1, (value, value.detach()))
    animator.add(torch.tensor(2, device=DEVICE), torch.rand(2, device=DEVICE))
    animator.draw()
    animator.fig.savefig(io.BytesIO())
    assert animator.Y[0][0] == 0.5


def show_pictures_of_there() -> None:
    import d2lhelpers as d2l

    d2l.show_images(torch.rand(2, 1, 8, 8, device=DEVICE, requires_grad=True), 1, 2)


def count_right() -> None:
    import d2lhelpers as d2l

    scores, labels = torch.eye(3, device=DEVICE), torch.tensor([0, 1, 0], device=DEVICE)
    assert d2l.accuracy(scores, labels) == 2
    Y = d2l.corr2d(torch.ones(3, 3, device=DEVICE), torch.ones(2, 2, device=DEVICE))
    assert torch.equal(Y.cpu(), torch.full((2, 2), 4.0))


def trace_a_net_there() -> None:
    import d2lhelpers as d2l

    net = d2l.resnet18(width=4)
    expected = list(d2l.trace_shapes(net, (2, 1, 32, 32)))
    net.to(DEVICE)
    assert list(d2l.trace_shapes(net, (2, 1, 32, 32))) == expected
    assert list(d2l.trace_shapes(net, torch.rand(2, 1, 32, 32, device=DEVICE))) == expected


PACKAGE = [
    train_with_the_books_loop, partial(train_with_the_books_loop, bfloat16=True, channels_last=True),
    train_with_an_optimizer, train_the_books_data, train_nets_side_by_side, load_data_there, add_and_draw,
    show_pictures_of_there, count_right, trace_a_net_there,
]  # fmt: skip


@pytest.fixture(scope="module", params=[True, False], ids=["with float64", "without float64"])
def process(request):
    with a_process(request.param) as pool:
        yield pool


@pytest.mark.parametrize("function", PACKAGE, ids=lambda function: getattr(function, "__name__", "in bfloat16"))
def test_the_package_on_an_accelerator(process, function):
    process.submit(function).result()


# The notebooks

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MANY = 1_000
FEW_STEPS = {"num_steps": 3, "num_epochs": 2, "more_steps": 12, "seeds": (0,), "photo_epochs": 1, "digit_epochs": 2}
FEW_STEPS |= {"draws": (0,), "rounds": 1, "num_test_scenes": 4, "surface_side": 3}
"""Settings of notebooks, where they have them, that so few images are enough for."""


def sources(path: Path) -> list[str]:
    return [cell.source if cell.cell_type == "code" else "" for cell in nbformat.read(path, as_version=4).cells]


def uses_an_accelerator(path: Path) -> bool:
    """Tell whether some cell computes where `try_gpu` says, and not on the CPU."""
    chooses = re.compile(r"\b(try_gpu|train_ch6|train_side_by_side)\(")
    return any(chooses.search(source) and 'device="cpu"' not in source for source in sources(path))


def errors_of(path: Path) -> list[str]:
    """Run the cells of a notebook on few images, without drawing; return what fails but the claims."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    import d2lhelpers as d2l
    from d2lhelpers import fashion_mnist, page

    read, load, batches = d2l.read_fashion_mnist, d2l.load_data_fashion_mnist, fashion_mnist.FashionMNISTBatches

    class Few(batches):
        def __init__(self, images, labels, batch_size, *args, **kwargs) -> None:
            count = 8 * batch_size
            super().__init__(images[:count], labels[:count], batch_size, *args, **kwargs)

    def load_few(batch_size, resize=None, **kwargs):  # in batches of 16, the rates of 08 are too high
        return load(min(batch_size, 128), resize and min(resize, 28), **kwargs)

    fashion_mnist.FashionMNISTBatches = Few
    fashion_mnist.read_fashion_mnist = d2l.read_fashion_mnist = lambda train: tuple(x[:MANY] for x in read(train))
    d2l.load_data_fashion_mnist = load_few
    page.show_figure = lambda figure, alt, runs=None: None
    no_torchrun.install()  # its processes would not see the device

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    errors = []
    for i, source in enumerate(sources(path)):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = shell.run_cell(source)
        error = result.error_before_exec or result.error_in_exec
        shell.user_ns.update({name: value for name, value in FEW_STEPS.items() if name in shell.user_ns})
        if error is not None and type(error).__name__ != "ClaimError":  # of so few images little can be claimed
            errors.append(f"cell {i}: {type(error).__name__}: {error}")
    return errors


def test_some_notebooks_use_an_accelerator():
    assert {"01", "08"} <= {path.stem[:2] for path in PATHS if uses_an_accelerator(path)}


@pytest.mark.parametrize("path", [path for path in PATHS if uses_an_accelerator(path)], ids=lambda path: path.stem)
def test_no_notebook_assumes_the_cpu(path):
    assert in_a_process(errors_of, path, float64=False) == []
