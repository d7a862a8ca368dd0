"""The package as a whole: what importing it costs, and that the book's chapters run on it."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import typing
from pathlib import Path

import d2l.torch as book
import pytest
import torch
from torch import nn

import d2lhelpers
import d2lhelpers as d2l  # as the book's chapters do with their own package

BOOKS_NAMES = [
    "Accumulator", "Animator", "Timer", "Residual", "accuracy", "corr2d", "evaluate_accuracy_gpu",
    "get_fashion_mnist_labels", "load_data_fashion_mnist", "resnet18", "show_images", "train_ch6", "try_all_gpus",
    "try_gpu",
]  # fmt: skip


def run_python(script: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Importing


def test_importing_takes_nothing_along_that_is_slow_or_not_needed(tmp_path):
    loaded = json.loads(run_python("import d2lhelpers, sys, json; print(json.dumps(list(sys.modules)))", tmp_path))
    unwanted = {"d2l", "pandas", "torchvision", "matplotlib", "IPython", "PIL", "requests", "ipywidgets", "torchinfo"}
    assert unwanted & {name.split(".")[0] for name in loaded} == set()


def test_a_training_needs_neither_the_book_nor_pandas_nor_torchvision_nor_the_network(tmp_path):
    script = """
import socket, sys
for name in ("d2l", "pandas", "torchvision", "requests"):
    sys.modules[name] = None  # importing it fails
def refuse(*_, **__):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.getaddrinfo = refuse
import d2lhelpers as d2l
from torch import nn
train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=100)
some = [batch for _, batch in zip(range(3), test_iter)]
d2l.train_ch6(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), some, some, 1, 0.1, "cpu")
"""
    output = run_python(script, tmp_path)
    assert output.startswith("training on cpu\nloss ") and output.count("\n") == 3


def test_matplotlib_is_there_when_it_is_asked_for():
    from matplotlib import pyplot

    assert d2lhelpers.plt is pyplot


def test_an_unknown_name_raises_as_in_any_module():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        d2lhelpers.nonsense  # noqa: B018


# Names and signatures


def parameters_of(function) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def assert_takes_the_same(ours, books, by_name: bool = True) -> None:
    """Check that every call of the book's function is a call of ours, by position and by name."""
    mine, theirs = parameters_of(ours), parameters_of(books)
    for parameter, expected in zip(mine, theirs, strict=False):
        assert parameter.kind == expected.kind
        if by_name and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            assert parameter.name == expected.name
        if expected.default is not inspect.Parameter.empty:
            assert parameter.default is not inspect.Parameter.empty, f"{expected.name} must be optional"
    assert len(mine) >= len(theirs)
    for parameter in mine[len(theirs) :]:
        assert parameter.default is not inspect.Parameter.empty, f"the book's call does not give {parameter.name}"


@pytest.mark.parametrize("name", BOOKS_NAMES)
def test_the_books_names_take_the_books_arguments(name):
    assert name in d2lhelpers.__all__
    ours, books = getattr(d2lhelpers, name), getattr(book, name)
    assert_takes_the_same(ours, books)
    if not inspect.isclass(books):
        return
    for method, value in vars(books).items():
        if not inspect.isfunction(value) or (method.startswith("_") and method != "__getitem__"):
            continue
        assert_takes_the_same(getattr(ours, method), getattr(books, method), by_name=not method.startswith("_"))


@pytest.mark.parametrize("name", [name for name in BOOKS_NAMES if name != "resnet18" and name.islower()])
def test_defaults_are_those_of_the_book(name):
    ours = {parameter.name: parameter.default for parameter in parameters_of(getattr(d2lhelpers, name))}
    for parameter in parameters_of(getattr(book, name)):
        if parameter.default is not inspect.Parameter.empty:
            assert ours[parameter.name] == parameter.default


def public_functions() -> list:
    """Return every public function and method of the package, with its name."""
    found = []
    for name in d2lhelpers.__all__:
        thing = getattr(d2lhelpers, name)
        found.append((name, thing))
        if inspect.isclass(thing):
            found += [
                (f"{name}.{method}", value)
                for method, value in vars(thing).items()
                if inspect.isfunction(value) and not method.startswith("_")
            ]
    return found


@pytest.mark.parametrize("name, thing", public_functions(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_public_is_documented_and_type_hinted(name, thing):
    assert inspect.getdoc(thing), f"{name} has no docstring"
    assert thing.__doc__, f"the docstring of {name} is not its own"
    function = thing.__init__ if inspect.isclass(thing) else thing
    if not inspect.isfunction(function):
        return  # an error class without a constructor of its own
    hints = dict(function.__annotations__)
    missing = {parameter.name for parameter in parameters_of(function)} - {"self"} - set(hints)
    assert not missing, f"{name} lacks type hints for {missing}"
    assert "return" in hints


@pytest.mark.parametrize("name, thing", public_functions(), ids=lambda value: value if isinstance(value, str) else "")
def test_docstrings_name_every_parameter_or_say_it_in_their_words(name, thing):
    text = inspect.getdoc(thing)
    if "Parameters\n" not in text:
        return
    section = text.split("Parameters\n")[1]
    for parameter in parameters_of(thing):
        if parameter.name not in ("self", "values"):
            assert parameter.name in section, f"{name} does not document {parameter.name}"


def test_type_hints_can_be_resolved():
    for name in ("train_ch6", "evaluate_accuracy_gpu", "load_data_fashion_mnist", "trace_shapes"):
        assert typing.get_type_hints(getattr(d2lhelpers, name))


def test_all_lists_every_public_name_once_and_every_module_has_a_docstring_and_a_test():
    assert len(set(d2lhelpers.__all__)) == len(d2lhelpers.__all__)
    defined = {
        name for name, value in vars(d2lhelpers).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("d2lhelpers.")
    }  # fmt: skip
    assert defined == set(d2lhelpers.__all__)
    package = Path(d2lhelpers.__file__).parent
    for room in (package, package / "page", package / "course"):
        for module in room.glob("*.py"):
            assert module.read_text(encoding="utf-8").startswith('"""'), module.name
            if module.name not in ("__init__.py", "checking.py"):
                test = Path(__file__).parent / room.relative_to(package) / f"test_{module.name}"
                assert test.is_file(), f"no test for {module.name}"


# The book's chapters, in our words


def few(data_iter, count: int) -> list:
    """Return the first `count` batches."""
    return [batch for _, batch in zip(range(count), data_iter)]


def test_a_chapter_in_the_manner_of_lenet_runs(capsys):
    net = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(), nn.Linear(16 * 5 * 5, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=256)
    train_iter, test_iter = few(train_iter, 6), few(test_iter, 2)
    d2l.train_ch6(net, train_iter, test_iter, 1, 0.9, d2l.try_gpu())
    assert "test acc" in capsys.readouterr().out

    # The chapter writes the loop out, with the pieces.
    optimizer, loss = torch.optim.SGD(net.parameters(), lr=0.9), nn.CrossEntropyLoss()
    device, timer, num_batches = d2l.try_gpu(), d2l.Timer(), len(train_iter)
    animator = d2l.Animator(xlabel="epoch", xlim=[1, 1], legend=["train loss", "train acc", "test acc"])
    metric = d2l.Accumulator(3)
    for i, (X, y) in enumerate(train_iter):
        timer.start()
        X, y = X.to(device), y.to(device)
        optimizer.zero_grad()
        y_hat = net(X)
        l = loss(y_hat, y)  # noqa: E741
        l.backward()
        optimizer.step()
        with torch.no_grad():
            metric.add(l * X.shape[0], d2l.accuracy(y_hat, y), X.shape[0])
        timer.stop()
        if (i + 1) % (num_batches // 5) == 0 or i == num_batches - 1:
            animator.add((i + 1) / num_batches, (metric[0] / metric[2], metric[1] / metric[2], None))
    animator.add(1, (None, None, d2l.evaluate_accuracy_gpu(net, test_iter)))
    assert len(timer.times) == 6 and timer.sum() > 0 and metric[2] == 6 * 256
    assert [len(y) for y in animator.Y] == [6, 6, 1]


class BatchNorm(nn.Module):
    """A layer in the manner of the book's chapter: autograd tells the mode, the moving average is a plain tensor."""

    def __init__(self, num_features: int, num_dims: int) -> None:
        super().__init__()
        shape = (1, num_features) if num_dims == 2 else (1, num_features, 1, 1)
        self.gamma, self.beta = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))
        self.moving_mean, self.moving_var = torch.zeros(shape), torch.ones(shape)

    def forward(self, X):
        self.moving_mean, self.moving_var = self.moving_mean.to(X.device), self.moving_var.to(X.device)
        mean, var = self.moving_mean, self.moving_var
        if torch.is_grad_enabled():
            dims = (0,) if X.dim() == 2 else (0, 2, 3)
            mean = X.mean(dim=dims, keepdim=True)
            var = ((X - mean) ** 2).mean(dim=dims, keepdim=True)
            self.moving_mean = (0.9 * self.moving_mean + 0.1 * mean).detach()
            self.moving_var = (0.9 * self.moving_var + 0.1 * var).detach()
        return self.gamma * (X - mean) / torch.sqrt(var + 1e-5) + self.beta


@pytest.mark.parametrize("bfloat16", [None, False])
def test_a_chapter_in_the_manner_of_batch_norm_runs_and_learns(bfloat16):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5), BatchNorm(6, num_dims=4), nn.Sigmoid(), nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), BatchNorm(16, num_dims=4), nn.Sigmoid(), nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Flatten(), nn.Linear(16 * 4 * 4, 84), BatchNorm(84, num_dims=2), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    train_iter, test_iter = few(train_iter, 12), few(test_iter, 3)
    lr, num_epochs = 1.0, 4
    options = {} if bfloat16 is None else {"bfloat16": bfloat16}
    history = d2l.train_ch6(net, train_iter, test_iter, num_epochs, lr, d2l.try_gpu(), **options)
    assert history.train_loss[-1] < history.train_loss[0] < 2.3
    assert history.train_acc[-1] > 0.6
    assert history.test_acc[-1] > 0.3  # the moving averages are used, and have been learned


def test_a_chapter_in_the_manner_of_resnet_runs():
    block = d2l.Residual(3, 6, use_1x1conv=True, strides=2)
    assert block(torch.rand(4, 3, 6, 6)).shape == (4, 6, 3, 3)
    net = d2l.resnet18(width=8)
    X = torch.rand(size=(1, 1, 224, 224))
    for layer in net:
        X = layer(X)
    assert X.shape == (1, 10)
    train_iter, test_iter = d2l.load_data_fashion_mnist(32, resize=96)
    history = d2l.train_ch6(net, few(train_iter, 2), few(test_iter, 1), 1, 0.05, d2l.try_gpu())
    assert len(history.test_acc) == 1


def test_a_chapter_in_the_manner_of_convolution_runs():
    X, K = torch.ones(6, 8), torch.tensor([[1.0, -1.0]])
    X[:, 2:6] = 0
    edges = d2l.corr2d(X, K)
    assert edges[:, 1].tolist() == [1] * 6 and edges[:, 5].tolist() == [-1] * 6
    images, labels = next(iter(d2l.load_data_fashion_mnist(batch_size=18)[1]))
    axes = d2l.show_images(images.reshape(18, 28, 28), 2, 9, titles=d2l.get_fashion_mnist_labels(labels))
    assert axes[0].get_title() == "ankle boot"


# Rooms


PACKAGE = Path(d2lhelpers.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("solutions.py", "exhibits.py"))


def room_of(path: Path) -> str:
    """Return "top", "page" or "course"."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "top"


def imports_of(path: Path) -> set[str]:
    """Return the rooms that a module imports from, wherever in it the import stands."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    ours = [module.split(".")[1:] for module in modules if module.split(".")[0] == "d2lhelpers"]
    return {parts[0] if parts and parts[0] in ("page", "course") else "top" for parts in ours}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    allowed = {"top": {"top", "page"}, "page": {"page"}, "course": {"course", "top", "page"}}[room_of(path)]
    if path == PACKAGE / "__init__.py":
        allowed = {"top", "course"}  # the face: check, hint, solution, my_progress
    assert imports_of(path) <= allowed


def test_tab_offers_what_a_learner_calls():
    assert dir(d2lhelpers) == sorted([*d2lhelpers.__all__, "plt"])
    for name in ("claim", "exhibit", "subplots", "show_figure", "annotations"):
        assert name not in dir(d2lhelpers)


@pytest.mark.parametrize("name", ["Classifier", "Trainer", "FashionMNIST"])
def test_a_name_of_the_books_other_edition_raises_an_error_that_says_so(name):
    with pytest.raises(AttributeError, match=f"'{name}'.*edition 1.0.*edition 0.17.*train_ch6"):
        getattr(d2lhelpers, name)
    assert not hasattr(book, name), "the edition that is meant has it"


def test_the_map_in_contributing_has_a_line_for_every_file_and_says_what_the_file_says():
    root = PACKAGE.parent
    lines = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    files = [path for path in MODULES if path.name != "__init__.py" and path.parent.parent != PACKAGE / "course"]
    for path in [*files, *(root / "tools").glob("*.py"), *(root / "site").glob("*.py")]:
        purpose = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]
        assert f"| `{path.name}` | {purpose} |" in lines, f"{path.name}: {purpose}"
