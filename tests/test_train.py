"""train_ch6: the book's algorithm, with a history, and without its traps."""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext

import d2l.torch as book
import numpy as np
import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from d2lhelpers import Accumulator, History, LossNotFiniteError, evaluate_accuracy_gpu, train, train_ch6, training_step
from small_batches import random_batches

AS_THE_BOOK = {"bfloat16": False, "channels_last": False}


def small_net(dropout: float = 0.0) -> nn.Sequential:
    """Return a net on pictures of 12 x 12 with everything that a training can get wrong."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(144, 10),
    )  # fmt: skip


class Viewing(nn.Module):
    """A net that flattens with view(), which a tensor stored channels last refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.linear = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(576, 10)

    def forward(self, X):
        Y = self.convolution(X)
        return self.linear(Y.view(Y.shape[0], -1))


class Spy(nn.Module):
    """Notes in which circumstances it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = []

    def forward(self, X):
        self.calls.append((self.training, torch.is_autocast_enabled("cpu")))
        return X


class Batches:
    """Batches that differ from epoch to epoch; an exception among them is raised."""

    def __init__(self, *epochs: list) -> None:
        self.epochs = iter(epochs)
        self.length = max(map(len, epochs))

    def __len__(self) -> int:
        return self.length

    def __iter__(self):
        for batch in next(self.epochs):
            if isinstance(batch, type):
                raise batch
            yield batch


class Recorder:
    """Stands in for an Animator, and notes the points."""

    points: list[tuple] = []

    def __init__(self, **options) -> None:
        Recorder.points = []

    def add(self, x, y) -> None:
        Recorder.points.append((x, *y))

    def draw(self) -> None:
        pass


@pytest.fixture
def books_train_ch6(monkeypatch):
    monkeypatch.setattr(book, "Animator", Recorder)  # the book's own fails on IPython 9
    return book.train_ch6


def same_weights(net: nn.Module, other: nn.Module) -> bool:
    pairs = zip(net.state_dict().values(), other.state_dict().values())
    return list(net.state_dict()) == list(other.state_dict()) and all(torch.equal(a, b) for a, b in pairs)


# The book's algorithm


@settings(max_examples=8)
@given(st.lists(st.integers(1, 8), min_size=5, max_size=7), st.integers(1, 2), st.floats(0.01, 0.5), st.integers(0, 99))
def test_weights_are_those_of_the_books_training_to_the_bit(sizes, num_epochs, lr, seed):
    train_iter = random_batches([size + 1 for size in sizes], seed=seed)
    test_iter = random_batches([3, 2], seed=seed + 1)
    trained = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "Animator", Recorder)
        for function, options in ((book.train_ch6, {}), (train_ch6, AS_THE_BOOK)):
            torch.manual_seed(seed)
            net = small_net(dropout=0.3)
            function(net, train_iter, test_iter, num_epochs, lr, torch.device("cpu"), **options)
            trained.append(net)
    assert same_weights(*trained)


@pytest.mark.parametrize("num_batches", [5, 10])
def test_points_are_those_that_the_book_plots(books_train_ch6, monkeypatch, num_batches):
    train_iter, test_iter = random_batches([4] * num_batches), random_batches([4])
    torch.manual_seed(0)
    books_train_ch6(small_net(), train_iter, test_iter, 2, 0.1, "cpu")
    books_points = Recorder.points
    monkeypatch.setattr(train, "Animator", Recorder)
    torch.manual_seed(0)
    train_ch6(small_net(), train_iter, test_iter, 2, 0.1, "cpu", **AS_THE_BOOK)
    breaks = [point for point in Recorder.points if math.nan in point]
    points = [point for point in Recorder.points if point not in breaks]
    assert breaks == [(1, math.nan, math.nan, None)]  # where an epoch ends, the lines of its sums do
    assert Recorder.points.index(breaks[0]) == 5 + 1  # after the first epoch's points and its evaluation
    assert len(points) == len(books_points) == 2 * (5 + 1)
    for point, books_point in zip(points, books_points):
        assert point == pytest.approx(books_point)


@pytest.mark.parametrize("num_batches", [1, 2, 3, 4])
def test_fewer_than_five_batches_train(books_train_ch6, monkeypatch, num_batches):
    train_iter, test_iter = random_batches([4] * num_batches), random_batches([4])
    with pytest.raises(ZeroDivisionError):  # what the book's does
        books_train_ch6(small_net(), train_iter, test_iter, 1, 0.1, "cpu")
    monkeypatch.setattr(train, "Animator", Recorder)
    history = train_ch6(small_net(), train_iter, test_iter, 2, 0.1, "cpu")
    assert len(history.train_loss) == 2
    assert [point[0] for point in Recorder.points if point[1] is not None][-1] == 2


@pytest.mark.parametrize("num_batches", [1, 4, 5, 7, 23])
def test_an_epoch_has_at_most_five_points_and_one_at_its_end(monkeypatch, num_batches):
    monkeypatch.setattr(train, "Animator", Recorder)
    X, y = torch.rand(2, 4), torch.tensor([0, 1])
    train_ch6(nn.Linear(4, 2), [(X, y)] * num_batches, [(X, y)], 1, 0.1, "cpu")
    x = [point[0] for point in Recorder.points if point[1] is not None]
    assert len(x) == min(5, num_batches) and x[-1] == 1


def test_linear_and_convolution_weights_are_drawn_after_xavier_and_others_kept():
    X, y = torch.rand(2, 3, 6, 6), torch.tensor([0, 1])
    net = nn.Sequential(nn.Conv2d(3, 50, 3), nn.BatchNorm2d(50), nn.Flatten(), nn.Linear(800, 40))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 7.0)
    tiny = torch.optim.SGD(net.parameters(), lr=0.0)
    train_ch6(net, [(X, y)], [(X, y)], 1, device="cpu", optimizer=tiny)
    for weight, fans in ((net[0].weight, (3 + 50) * 9), (net[3].weight, 840)):
        bound = math.sqrt(6 / fans)
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
    assert (net[1].weight == 7).all() and (net[0].bias == 7).all()


def test_the_net_ends_in_training_mode():
    net = small_net().eval()
    train_ch6(net, random_batches([4] * 2), random_batches([4]), 1, 0.1, "cpu")
    assert all(module.training for module in net.modules())


# The history


def loop_by_hand(net, train_iter, num_epochs, optimizer, scheduler=None) -> list[tuple[float, float]]:
    """Train in the plainest way; return the mean loss and the accuracy of each epoch."""
    result = []
    for _ in range(num_epochs):
        net.train()
        losses, right = [], []
        for X, y in train_iter:
            y_hat = net(X)
            each = nn.functional.cross_entropy(y_hat, y, reduction="none")
            optimizer.zero_grad()
            each.mean().backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            losses += each.tolist()
            right += (y_hat.argmax(1) == y).tolist()
        result.append((math.fsum(losses) / len(losses), sum(right) / len(right)))
    return result


def test_history_is_that_of_a_loop_by_hand_for_batches_of_any_size():
    train_iter, test_iter = random_batches([8, 8, 3]), random_batches([5, 2], seed=1)
    net = small_net()
    net.apply(train._initialize_weights)
    by_hand = copy.deepcopy(net)
    expected = loop_by_hand(by_hand, train_iter, 3, torch.optim.SGD(by_hand.parameters(), lr=0.1))
    history = train_ch6(net, train_iter, test_iter, 3, 0.1, "cpu", initialize=False, **AS_THE_BOOK)
    assert isinstance(history, History) and history.interrupted is False
    assert history.train_loss == pytest.approx([loss for loss, _ in expected], rel=1e-5)
    assert history.train_acc == pytest.approx([share for _, share in expected])
    assert len(history.test_acc) == len(history.seconds) == 3
    assert all(seconds > 0 for seconds in history.seconds)


def test_the_last_test_accuracy_is_that_of_the_net():
    train_iter, test_iter = random_batches([8] * 6), random_batches([7, 4], seed=1)
    net = small_net(dropout=0.5)
    history = train_ch6(net, train_iter, test_iter, 2, 0.1, "cpu")
    assert history.test_acc[-1] == evaluate_accuracy_gpu(net, test_iter)


def test_both_speeds_are_reported(capsys):
    history = train_ch6(small_net(), random_batches([8] * 3), random_batches([4]), 2, 0.1, "cpu")
    assert history.epoch_images_per_second == pytest.approx(48 / sum(history.seconds))
    assert history.step_images_per_second >= history.epoch_images_per_second  # the steps are a part of the epoch
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training on cpu"
    assert lines[1] == (
        f"loss {history.train_loss[-1]:.3f}, train acc {history.train_acc[-1]:.3f}, test acc {history.test_acc[-1]:.3f}"
    )
    assert f"{history.step_images_per_second:.1f} examples/sec in the training steps" in lines[2]
    assert f"{history.epoch_images_per_second:.1f} over whole epochs" in lines[2]


def test_the_history_is_a_sentence_and_knows_its_last_epoch():
    history = train_ch6(small_net(), random_batches([8] * 3), random_batches([4]), 2, 0.1, "cpu")
    assert history.last == (history.train_loss[-1], history.train_acc[-1], history.test_acc[-1])
    assert history.last.test_acc == history.test_acc[-1]
    assert repr(history) == (
        f"2 epochs: train loss {history.train_loss[-1]:.3f}, train acc {history.train_acc[-1]:.3f}, "
        f"test acc {history.test_acc[-1]:.3f}, {history.epoch_images_per_second:.0f} images/s"
    )


def test_an_empty_history_has_a_last_epoch_of_nan():
    assert all(math.isnan(value) for value in History().last)
    assert "0 epochs, stopped early" in repr(History(interrupted=True))


# On disk, and drawn again


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@settings(deadline=None)
@given(epochs=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=5))
def test_a_history_is_the_same_after_it_was_written_and_read(epochs, tmp_path_factory):
    path = tmp_path_factory.mktemp("history") / "history.csv"
    history = History(*map(list, zip(*epochs)))
    history.to_csv(path)
    np.testing.assert_equal(vars(History.from_csv(path)), vars(history))
    table = pandas.read_csv(path)
    assert list(table) == ["epoch", "train_loss", "train_acc", "test_acc", "seconds"]
    np.testing.assert_allclose(table["test_acc"].astype(float), history.test_acc, rtol=1e-14)  # pandas may round
    assert table["epoch"].tolist() == list(range(1, len(epochs) + 1))


def test_a_table_without_a_column_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("epoch,loss\n1,0.5\n")
    with pytest.raises(ValueError, match="other.csv has no column train_loss; expected epoch, train_loss, train_acc"):
        History.from_csv(tmp_path / "other.csv")


def test_a_history_is_drawn_again_without_training(monkeypatch):
    monkeypatch.setattr(train, "Animator", Recorder)
    History([0.9, 0.5], [0.6, 0.8], [0.7, 0.75], [1.0, 1.0]).plot()
    assert Recorder.points == [(1, 0.9, 0.6, 0.7), (2, 0.5, 0.8, 0.75)]


# Going on, and a learner's own recipe


def test_going_on_is_the_same_as_never_having_stopped():
    train_iter, test_iter = random_batches([8] * 5), random_batches([4])
    torch.manual_seed(0)
    in_one = small_net()
    whole = train_ch6(in_one, train_iter, test_iter, 3, 0.1, "cpu")
    torch.manual_seed(0)
    in_two = small_net()
    first = train_ch6(in_two, train_iter, test_iter, 1, 0.1, "cpu")
    rest = train_ch6(in_two, train_iter, test_iter, 2, 0.1, "cpu", initialize=False)
    assert same_weights(in_one, in_two)
    assert whole.test_acc == first.test_acc + rest.test_acc
    assert whole.train_loss == first.train_loss + rest.train_loss


@pytest.mark.parametrize("scheduled", [False, True])
def test_optimizer_and_scheduler_do_what_they_do_in_a_loop_by_hand(scheduled):
    train_iter, test_iter = random_batches([6] * 7), random_batches([4])
    nets = [small_net()]
    nets[0].apply(train._initialize_weights)
    nets.append(copy.deepcopy(nets[0]))
    recipe = {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    optimizers = [torch.optim.SGD(net.parameters(), **recipe) for net in nets]
    schedulers = [
        torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.4, total_steps=14) if scheduled else None
        for optimizer in optimizers
    ]
    train_ch6(
        nets[0], train_iter, test_iter, 2, device="cpu", initialize=False,
        optimizer=optimizers[0], scheduler=schedulers[0], **AS_THE_BOOK,
    )  # fmt: skip
    loop_by_hand(nets[1], train_iter, 2, optimizers[1], schedulers[1])
    for name, value in nets[0].state_dict().items():
        torch.testing.assert_close(value, nets[1].state_dict()[name], msg=name)
    if scheduled:
        assert schedulers[0].last_epoch == 2 * 7  # once a batch
        assert schedulers[0].get_last_lr() == schedulers[1].get_last_lr()


def recipe_of(net: nn.Module, total_steps: int) -> dict:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    return {
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.4, total_steps=total_steps),
    }


def test_going_on_with_the_schedule_does_what_the_message_says(capsys):
    batches = random_batches([4] * 5)
    net = small_net()
    recipe = recipe_of(net, 4 * 5)
    history = train_ch6(net, Batches(batches, [*batches[:2], KeyboardInterrupt]), batches, 4, device="cpu", **recipe)
    assert len(history.test_acc) == 1 and recipe["scheduler"].last_epoch == 7
    assert "to go on, train_ch6(..., num_epochs=3, initialize=False)" in capsys.readouterr().out
    further = train_ch6(net, batches, batches, 3, device="cpu", initialize=False, **recipe)
    assert len(further.test_acc) == 3 and not further.interrupted
    assert recipe["scheduler"].last_epoch == 20
    assert "the schedule ends after 13 batches; the last 2 keep its last rate" in capsys.readouterr().out


def test_an_interrupted_last_evaluation_leaves_no_epoch_to_go_on_with(capsys):
    batches = random_batches([4] * 5)
    history = train_ch6(small_net(), batches, Batches([KeyboardInterrupt]), 1, 0.1, "cpu")
    assert history.interrupted and history.test_acc == []
    assert "only the last evaluation is missing, evaluate_accuracy_gpu(net, test_iter)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "steps_taken, num_epochs, initialize, message",
    [
        (0, 6, True, "has 20 steps left, and 6 epochs of 4 batches need 24. It is enough for num_epochs=5"),
        (7, 5, False, "has 13 steps left, and 5 epochs .* enough for num_epochs=4"),
        (
            20,
            1,
            False,
            "used up: it has taken all of its 20 steps. To start again, make net, opt",
        ),
        (20, 5, True, "has taken 20 steps already, and initialize=True starts with new weights"),
        (3, 1, True, "has taken 3 steps already.*to go on from where the net is, pass initialize=False"),
    ],
)
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_schedule_that_does_not_fit_is_refused_before_anything_is_changed(
    steps_taken, num_epochs, initialize, message, capsys
):
    net, batches = small_net(), random_batches([4] * 4)
    recipe = recipe_of(net, 20)
    for _ in range(steps_taken):
        recipe["scheduler"].step()
    before = copy.deepcopy(net)
    with pytest.raises(ValueError, match=message):
        train_ch6(net, batches, batches, num_epochs, device="cpu", initialize=initialize, **recipe)
    assert same_weights(net, before) and recipe["scheduler"].last_epoch == steps_taken
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda optimizer: torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=3),
        lambda optimizer: torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=3),
        lambda optimizer: torch.optim.lr_scheduler.SequentialLR(
            optimizer,
            [torch.optim.lr_scheduler.ConstantLR(optimizer), torch.optim.lr_scheduler.LinearLR(optimizer)],
            [2],
        ),
    ],
)
def test_a_schedule_that_keeps_its_last_rate_may_be_shorter_than_the_training(make):
    net, batches = small_net(), random_batches([4] * 4)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = make(optimizer)
    assert (
        len(train_ch6(net, batches, batches, 3, device="cpu", optimizer=optimizer, scheduler=scheduler).test_acc) == 3
    )
    assert scheduler.last_epoch == 12


def test_a_list_of_tensors_reaches_the_net_as_one_list():
    class Adds(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, X):
            assert isinstance(X, list) and len(X) == 2
            return self.linear(X[0] + X[1])

    batches = [([torch.rand(5, 4), torch.rand(5, 4)], torch.tensor([0, 1, 2, 0, 1]))]
    assert len(train_ch6(Adds(), batches, batches, 1, 0.1, "cpu").test_acc) == 1


# Memory format and bfloat16


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_used_where_it_is_fast_and_never_in_the_evaluation(monkeypatch, fast):
    monkeypatch.setattr(training_step, "computes_bfloat16_fast", lambda device: fast)
    net = nn.Sequential(Spy(), nn.Flatten(), nn.Linear(144, 10))
    train_ch6(net, random_batches([4] * 2), random_batches([4]), 1, 0.1, "cpu")
    assert [autocast for training, autocast in net[0].calls if training] == [fast] * 2
    assert not any(autocast for training, autocast in net[0].calls if not training)
    assert net[2].weight.dtype == torch.float32


@pytest.mark.parametrize("wanted", [True, False])
def test_bfloat16_can_be_switched_on_and_off(monkeypatch, wanted):
    monkeypatch.setattr(training_step, "computes_bfloat16_fast", lambda device: not wanted)
    net = nn.Sequential(Spy(), nn.Flatten(), nn.Linear(144, 10))
    train_ch6(net, random_batches([4]), random_batches([4]), 1, 0.1, "cpu", bfloat16=wanted)
    assert [autocast for training, autocast in net[0].calls if training] == [wanted]


def is_channels_last(weight: torch.Tensor) -> bool:
    return weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


@pytest.mark.parametrize("channels_last, expected", [(None, True), (True, True), (False, False)])
def test_channels_last_is_the_default_on_the_cpu_and_can_be_switched_off(channels_last, expected):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(400, 10))
    batches = random_batches([4], channels=3)
    train_ch6(net, batches, batches, 1, 0.1, "cpu", channels_last=channels_last)
    assert is_channels_last(net[0].weight) is expected


def test_memory_format_does_not_change_what_is_learned():
    losses = []
    for channels_last in (True, False):
        torch.manual_seed(0)
        batches = random_batches([8] * 5)
        history = train_ch6(small_net(), batches, batches, 2, 0.1, "cpu", bfloat16=False, channels_last=channels_last)
        losses.append(history.train_loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_net_that_flattens_with_view_trains_by_default():
    net = Viewing()
    history = train_ch6(net, random_batches([4] * 5), random_batches([4]), 1, 0.1, "cpu")
    assert len(history.test_acc) == 1
    assert not is_channels_last(net.convolution.weight)
    with pytest.raises(RuntimeError, match="view"):  # asked for by name, it is not quietly ignored
        train_ch6(Viewing(), random_batches([4] * 5), random_batches([4]), 1, 0.1, "cpu", channels_last=True)


def test_a_net_that_convolves_volumes_trains_by_default():
    net = nn.Sequential(nn.Unflatten(1, (1, 1)), nn.Conv3d(1, 2, (1, 3, 3)), nn.Flatten(), nn.Linear(200, 10))
    assert len(train_ch6(net, random_batches([4]), random_batches([4]), 1, 0.1, "cpu").test_acc) == 1


def test_looking_at_the_first_batch_leaves_no_trace():
    batch = random_batches([4])
    net = nn.Sequential(Spy(), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(144, 10))
    train_ch6(net, batch, batch, 1, 0.1, "cpu")
    assert net[1].num_batches_tracked == 1
    assert sum(training for training, _ in net[0].calls) == 1


def lazy_net() -> nn.Sequential:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))


def test_lazy_layers_are_initialized_and_trained_as_others_are():
    batches = random_batches([4] * 5)
    net = lazy_net()
    tiny = torch.optim.SGD(net.parameters(), lr=0.0)
    assert len(train_ch6(net, batches, batches, 1, device="cpu", optimizer=tiny).test_acc) == 1
    for weight, fans in ((net[0].weight, (1 + 4) * 9), (net[4].weight, 410)):
        assert math.sqrt(6 / fans) * 0.8 < weight.abs().max() <= math.sqrt(6 / fans)
    assert is_channels_last(net[0].weight) or net[0].weight.shape[1] == 1
    assert net[1].num_batches_tracked == 5  # the look at the shapes has left no trace
    before = net[4].weight.clone()
    train_ch6(net, batches, batches, 1, 0.1, "cpu", initialize=False)
    assert not net[4].weight.equal(before)


def test_a_head_that_flattens_with_view_in_training_only_trains_by_default():
    class Auxiliary(Viewing):
        def forward(self, X):
            Y = self.convolution(X)
            return self.linear(Y.view(len(Y), -1) if self.training else Y.flatten(1))

    net = Auxiliary()
    train_ch6(net, random_batches([4] * 5), random_batches([4]), 1, 0.1, "cpu")
    assert not is_channels_last(net.convolution.weight)


# Devices


def test_nothing_is_read_from_an_accelerator_but_at_the_points_of_the_plot(monkeypatch):
    reads = []

    class CountsReads(Accumulator):
        def __getitem__(self, index):
            if isinstance(self.data[index], float):
                return self.data[index]
            reads.append(index)
            return 1.0

    # Tensors on the meta device have no value, so that whoever reads one fails.
    monkeypatch.setattr(train, "Accumulator", CountsReads)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none on this device
    for name in ("start", "stop"):
        monkeypatch.setattr(training_step.StepClock, name, lambda clock: None)
    monkeypatch.setattr(training_step.StepClock, "seconds", lambda clock: 1.0)
    monkeypatch.setattr(train, "evaluate_accuracy_gpu", lambda net, data_iter, device: 0.5)
    checked = []
    monkeypatch.setattr(train, "_check_finite", lambda *arguments: checked.append(arguments[-1]))
    history = train_ch6(small_net(), random_batches([4] * 50), random_batches([4]), 2, 0.1, "meta", bfloat16=False)
    assert len(history.train_loss) == 2
    assert checked == [10, 20, 30, 40, 50] * 2
    assert len(reads) == 2 * (5 + 1) * 2  # loss and accuracy, at five points and at the end of each epoch


def test_batches_that_can_be_kept_on_the_device_are_and_the_learners_own_stay_where_they_are():
    moved = []

    class Movable(list):
        device = "where the learner left it"

        def to(self, device):
            self.device = device
            moved.append(self)
            return self

    train_iter, test_iter = Movable(random_batches([4])), Movable(random_batches([4]))
    train_ch6(small_net(), train_iter, test_iter, 1, 0.1, "cpu")
    assert [copied.device for copied in moved] == [torch.device("cpu")] * 2
    assert train_iter.device == test_iter.device == "where the learner left it"


def test_the_device_is_found_where_none_is_given(monkeypatch, capsys):
    monkeypatch.setattr(train, "try_gpu", lambda: torch.device("cpu"))
    train_ch6(small_net(), random_batches([4]), random_batches([4]), 1, 0.1)
    assert "training on cpu" in capsys.readouterr().out


# Interruptions and losses that are not finite


def test_an_interruption_keeps_the_history_of_the_finished_epochs_and_what_was_learned(capsys):
    batches = random_batches([4] * 5)
    torch.manual_seed(0)
    expected = small_net()
    whole = train_ch6(expected, batches, batches, 1, 0.1, "cpu")
    torch.manual_seed(0)
    net = small_net()
    history = train_ch6(net, Batches(batches, [*batches[:2], KeyboardInterrupt]), batches, 3, 0.1, "cpu")
    assert history.interrupted
    assert history.train_loss == whole.train_loss and history.test_acc == whole.test_acc
    assert len(history.train_acc) == len(history.seconds) == 1
    assert not same_weights(net, expected)  # the two batches after it have been learned from
    assert "interrupted after 1 finished epoch: the history has what was finished" in capsys.readouterr().out
    further = train_ch6(net, batches, batches, 1, 0.1, "cpu", initialize=False)
    assert len(further.train_loss) == 1


def test_an_interruption_in_the_first_epoch_gives_an_empty_history(capsys):
    train_iter = Batches([*random_batches([4]), KeyboardInterrupt])
    history = train_ch6(small_net(), train_iter, random_batches([4]), 3, 0.1, "cpu")
    assert history.interrupted and history.train_loss == history.seconds == []
    assert math.isnan(history.epoch_images_per_second)
    assert "interrupted after 0" in capsys.readouterr().out


def test_an_interruption_during_the_evaluation_leaves_the_net_in_training_mode():
    net = small_net()
    history = train_ch6(net, random_batches([4]), Batches([*random_batches([4]), KeyboardInterrupt]), 1, 0.1, "cpu")
    assert history.interrupted
    assert all(module.training for module in net.modules())


def exploding_net() -> nn.Sequential:
    """Return a net whose loss is no longer finite after a few steps at a rate of 1e30."""
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 10))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_images_that_are_not_finite_are_named_as_the_cause_and_the_rate_is_not(bad):
    batches = random_batches([4] * 6)
    spoilt = list(batches)
    spoilt[2] = (torch.full_like(batches[2][0], bad), batches[2][1])
    with pytest.raises(LossNotFiniteError, match="nan in epoch 2, by batch 3: 576 values of this batch's") as caught:
        train_ch6(small_net(), Batches(batches, spoilt), batches, 3, 0.05, "cpu")
    assert len(caught.value.history.train_loss) == len(caught.value.history.test_acc) == 1
    assert "rate" not in str(caught.value)
    assert isinstance(caught.value, FloatingPointError)


def test_test_images_that_are_not_finite_are_named_as_the_cause():
    net, bad = small_net(), [(torch.full((2, 1, 12, 12), math.nan), torch.tensor([0, 1]))]
    with pytest.raises(ValueError, match="288 values of the images are not finite") as caught:
        train_ch6(net, random_batches([4] * 3), bad, 1, 0.1, "cpu")
    assert "rate" not in str(caught.value)
    assert all(weight.isfinite().all() for weight in net.parameters())


def test_a_net_that_gives_nan_from_the_start_is_not_blamed_on_the_rate():
    class Divides(nn.Module):
        def forward(self, X):
            return X / 0 - X / 0

    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 10), Divides())
    with pytest.raises(LossNotFiniteError, match="before the first step, from images that are finite") as caught:
        train_ch6(net, random_batches([4] * 3), random_batches([4]), 1, 0.1, "cpu")
    assert "rate" not in str(caught.value)


@pytest.mark.parametrize("num_batches", [1, 5])
def test_a_learning_rate_that_is_far_too_large_gives_the_same_error(num_batches):
    net = exploding_net()
    with pytest.raises(
        LossNotFiniteError, match=r"by batch \d, which is step \d; the learning rate was 1e\+30"
    ) as caught:
        train_ch6(net, random_batches([4] * num_batches), random_batches([4]), 2, 1e30, "cpu")
    assert caught.value.history.train_loss == []


def test_the_learning_rate_named_is_that_of_the_moment():
    net = exploding_net()
    optimizer = torch.optim.SGD(
        [{"params": net[1].parameters(), "lr": 1e30}, {"params": net[3].parameters(), "lr": 2e30}]
    )
    with pytest.raises(LossNotFiniteError, match=r"the learning rate was 1e\+30, 2e\+30, and \d+ weights are nan"):
        train_ch6(net, random_batches([4] * 5), random_batches([4]), 1, device="cpu", optimizer=optimizer)


# Wrong arguments


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"net": lambda X: X}, TypeError, "net must be a torch.nn.Module; got function"),
        ({"num_epochs": 0}, ValueError, "num_epochs must be a whole number from 1; got 0"),
        ({"num_epochs": 1.5}, ValueError, "got 1.5"),
        ({"num_epochs": True}, ValueError, "got True"),
        ({"num_epochs": "3"}, ValueError, "got '3'"),
        ({"lr": None}, ValueError, "lr must be a positive number; got None"),
        ({"lr": 0}, ValueError, "got 0"),
        ({"lr": -0.1}, ValueError, "got -0.1"),
        ({"lr": math.nan}, ValueError, "got nan"),
        ({"lr": math.inf}, ValueError, "got inf"),
        ({"lr": "0.1"}, ValueError, "got '0.1'"),
        ({"train_iter": []}, ValueError, "train_iter has no batch"),
        ({"test_iter": []}, ValueError, "test_iter has no batch"),
        ({"train_iter": iter([])}, TypeError, "train_iter must be an iterable with a length.*got list_iterator"),
        ({"test_iter": iter([])}, TypeError, "test_iter must be an iterable with a length"),
        ({"device": "nonsense"}, RuntimeError, "nonsense"),
    ],
)
def test_a_wrong_argument_raises_before_anything_is_changed(change, error, message, capsys):
    net, batches = small_net(), random_batches([2])
    before = copy.deepcopy(net)
    arguments = {"net": net, "train_iter": batches, "test_iter": batches, "num_epochs": 1, "lr": 0.1}
    with pytest.raises(error, match=message):
        train_ch6(**{**arguments, "device": "cpu", **change})
    assert same_weights(net, before)
    assert capsys.readouterr().out == ""


def test_optimizer_scheduler_and_rate_that_do_not_belong_together_raise():
    net, other = small_net(), small_net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    of_other, second = torch.optim.SGD(other.parameters(), lr=0.1), torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    batches = random_batches([2])
    for options, error, message in (
        ({"optimizer": optimizer, "lr": 0.1}, ValueError, "its own learning rate"),
        ({"optimizer": of_other}, ValueError, "made for another net"),
        ({"scheduler": scheduler, "lr": 0.1}, ValueError, "pass the optimizer too"),
        ({"optimizer": second, "scheduler": scheduler}, ValueError, "made for another optimizer"),
        ({"optimizer": optimizer, "scheduler": plateau}, TypeError, "ReduceLROnPlateau"),
    ):
        with pytest.raises(error, match=message):
            train_ch6(net, batches, batches, 1, device="cpu", **options)


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("labels", [[0, 10], [-1, 0]])
def test_labels_that_the_net_has_no_class_for_raise(place, labels):
    batches = random_batches([2] * 3)
    batches[place] = (batches[place][0], torch.tensor(labels))
    with pytest.raises(ValueError, match="expected labels from 0 to 9"):
        train_ch6(small_net(), batches, random_batches([2]), 1, 0.1, "cpu")


@pytest.mark.parametrize(
    "net, X, y, message",
    [
        (nn.Conv2d(1, 10, 3), torch.rand(2, 1, 12, 12), torch.tensor([0, 1]), r"scores of shape \(2, 10, 10, 10\)"),
        (small_net(), torch.rand(2, 1, 12, 12), torch.tensor([[0], [1]]), r"labels of shape \(2, 1\)"),
        (small_net(), torch.rand(0, 1, 12, 12), torch.zeros(0, dtype=torch.long), "no example in this batch"),
    ],
)
def test_shapes_that_do_not_belong_together_raise(net, X, y, message):
    with pytest.raises(ValueError, match=message):
        train_ch6(net, [(X, y)], random_batches([2]), 1, 0.1, "cpu")


def test_an_error_in_the_net_itself_is_not_hidden():
    with pytest.raises(RuntimeError, match="3 channels"):
        train_ch6(small_net(), random_batches([2], channels=3), random_batches([2]), 1, 0.1, "cpu")


def test_an_iterator_that_is_used_up_raises():
    batches = random_batches([4])
    with pytest.raises(ValueError, match="yielded no batch in this epoch"):
        train_ch6(small_net(), Batches(batches, []), batches, 2, 0.1, "cpu")


@pytest.mark.parametrize("error", [OSError, ZeroDivisionError, StopIteration, SystemExit])
def test_whatever_ends_a_training_has_the_history_up_to_there(error):
    batches = random_batches([4] * 5)
    with pytest.raises(RuntimeError if error is StopIteration else error) as caught:
        train_ch6(small_net(), Batches(batches, batches, [*batches[:2], error]), batches, 5, 0.1, "cpu")
    assert len(caught.value.history.test_acc) == 2 and caught.value.history.interrupted


@pytest.mark.parametrize(
    "optimizer, message",
    [
        (torch.optim.LBFGS, "LBFGS asks for the loss several times"),
        (torch.optim.SGD, "has no parameter that can learn"),
    ],
)
def test_what_cannot_be_trained_is_refused(optimizer, message):
    net, batches = small_net(), random_batches([2])
    for parameter in net.parameters():
        parameter.requires_grad = optimizer is not torch.optim.SGD
    with pytest.raises((TypeError, ValueError), match=message):
        train_ch6(net, batches, batches, 1, device="cpu", optimizer=optimizer(net.parameters(), lr=0.1))


@pytest.mark.parametrize("number", [np.int64(2), torch.tensor(2)])
def test_any_whole_number_is_a_number_of_epochs(number):
    assert len(train_ch6(small_net(), random_batches([2]), random_batches([2]), number, 0.1, "cpu").test_acc) == 2


# In a notebook


CELLS = {
    "prepare": """
import torch
from torch import nn
import d2lhelpers as d2l
X, y = torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 3])

class Interrupted(list):
    epoch = 0
    def __iter__(self):
        self.epoch += 1
        yield from super().__iter__()
        if self.epoch == 2:
            raise KeyboardInterrupt

def net():
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 10))""",
    "train": "history = d2l.train_ch6(net(), [(X, y)] * 20, [(X, y)], 3, 0.1, d2l.try_gpu())",
    "interrupted": "print(len(d2l.train_ch6(net(), Interrupted([(X, y)] * 20), [(X, y)], 9, 0.1).seconds), 'kept')",
    "not finite": "# raises\nd2l.train_ch6(net(), [(X * float('nan'), y)] * 20, [(X, y)], 9, 0.1)",
    "several": """# raises
histories = []
for _ in range(3):
    histories.append(d2l.train_ch6(net(), Interrupted([(X, y)] * 20), [(X, y)], 9, 0.1))""",
    "several in a dict": """# raises
runs = {name: d2l.train_ch6(net(), Interrupted([(X, y)]), [(X, y)], 9, 0.1) for name in "ab"}""",
    "side by side": """# raises
def stopped():
    yield X, y
    raise KeyboardInterrupt
for lr in (0.1, 0.2):
    steps = d2l.train_side_by_side({"net": net()}, stopped(), lr)
    for losses in steps:
        pass
    print("kept", steps.interrupted)""",
    "next cell": "print(len(histories), d2l.train_ch6(net(), [(X, y)] * 20, [(X, y)], 2, 0.1).interrupted)",
    "an error": """# raises
class Fails(list):
    epoch = 0
    def __iter__(self):
        self.epoch += 1
        yield from super().__iter__()
        if self.epoch == 3:
            raise OSError("the disk is gone")
d2l.train_ch6(net(), Fails([(X, y)] * 20), [(X, y)], 9, 0.1)""",
    "after it": "import sys; print(sys.last_value.history)",
}


@pytest.fixture(scope="module")
def cells(run_notebook):
    return dict(zip(CELLS, run_notebook(*CELLS.values())))


def displayed(cell) -> list[str]:
    return [output.data["text/plain"] for output in cell.outputs if output.output_type == "display_data"]


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


def test_a_notebook_shows_progress_and_lines_in_place_and_the_result(cells):
    progress, lines = displayed(cells["train"])
    assert progress.startswith("3 of 3 epochs in ")
    assert lines.startswith("Line plot, last values: train loss ") and lines.count("at epoch 3") == 3
    text = printed(cells["train"])
    assert text.startswith("training on ") and "test acc" in text and "over whole epochs" in text
    assert not [output for output in cells["train"].outputs if output.get("name") == "stderr"]


def test_an_interrupted_cell_ends_well_and_shows_what_there_is(cells):
    progress, lines = displayed(cells["interrupted"])
    assert progress.startswith("1 of 9 epochs in ")
    assert "at epoch 2" in lines  # the points of the unfinished epoch are drawn too
    assert "interrupted after 1 finished epoch:" in printed(cells["interrupted"])
    assert printed(cells["interrupted"]).endswith("1 kept\n")


def test_a_cell_whose_loss_is_not_finite_says_so(cells):
    (error,) = [output for output in cells["not finite"].outputs if output.output_type == "error"]
    assert error.ename == "LossNotFiniteError"
    assert "in epoch 1, by batch 1" in error.evalue


def errors(cell) -> list[str]:
    return [f"{output.ename}: {output.evalue}" for output in cell.outputs if output.output_type == "error"]


@pytest.mark.parametrize("name", ["several", "several in a dict"])
def test_a_stop_ends_the_other_trainings_of_the_cell(cells, name):
    assert errors(cells[name]) == [
        "KeyboardInterrupt: a training of this cell was stopped, so its other trainings do not begin"
    ]
    assert printed(cells[name]).count("interrupted after 1 finished epoch:") == 1


def test_the_next_cell_trains_again_and_the_stopped_history_is_kept(cells):
    assert not errors(cells["next cell"]) and printed(cells["next cell"]).endswith("1 False\n")


def test_nets_side_by_side_do_not_begin_either_after_a_stop(cells):
    assert printed(cells["side by side"]) == "kept True\n"
    assert errors(cells["side by side"])[0].startswith("KeyboardInterrupt: a training of this cell was stopped")


def test_after_an_error_the_history_is_within_reach(cells):
    assert errors(cells["an error"]) == ["OSError: the disk is gone"]
    assert "the history of 2 finished epochs is kept: sys.last_value.history" in printed(cells["an error"])
    assert printed(cells["after it"]).startswith("2 epochs, stopped early: train loss ")
