"""Several nets on the same batches: as if each were trained alone."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn

from d2lhelpers import cifar_resnet, train_side_by_side
from small_batches import random_batches


def nets(seed: int = 0) -> dict[str, nn.Module]:
    torch.manual_seed(seed)
    return {"plain": cifar_resnet(8, 4, residual=False), "residual": cifar_resnet(14, 4), "linear": linear()}


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 10))


def trained_alone(net: nn.Module, batches: list, lr: float, momentum: float) -> list[float]:
    """Train one net by hand; return its losses."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    losses = []
    for X, y in batches:
        loss = nn.functional.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def weights(net: nn.Module) -> torch.Tensor:
    return torch.cat([value.detach().flatten().double() for value in net.state_dict().values()])


@pytest.fixture
def threads():
    """Set the number of threads in a test, and restore it."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_each_net_learns_what_it_would_learn_alone():
    batches = random_batches([8] * 5)
    together = nets()
    alone = copy.deepcopy(together)
    seen = list(train_side_by_side(together, batches, lr=0.1, momentum=0.5, device="cpu"))
    assert [list(losses) for losses in seen] == [list(together)] * 5
    for name, net in alone.items():
        expected = trained_alone(net, batches, lr=0.1, momentum=0.5)
        torch.testing.assert_close(torch.stack([losses[name] for losses in seen]), torch.tensor(expected))
        torch.testing.assert_close(weights(together[name]), weights(net), rtol=1e-4, atol=1e-5)


def test_the_result_does_not_depend_on_the_number_of_threads(threads):
    results = []
    for count in (1, 3):
        threads(count)
        trained = nets()
        losses = list(train_side_by_side(trained, random_batches([8] * 4), lr=0.1, device="cpu"))
        results.append([torch.stack(list(step.values())) for step in losses] + [weights(n) for n in trained.values()])
        assert torch.get_num_threads() == count
    assert all(torch.equal(a, b) for a, b in zip(*results))


def test_who_stops_early_keeps_what_was_learned_and_the_threads(threads):
    threads(2)
    trained, untrained = nets(), nets()
    for _ in itertools.islice(train_side_by_side(trained, random_batches([8] * 5), lr=0.1, device="cpu"), 2):
        pass
    assert torch.get_num_threads() == 2
    assert not any(torch.equal(weights(trained[name]), weights(untrained[name])) for name in trained)


def dropout_nets() -> dict[str, nn.Module]:
    class Noisy(nn.Module):
        def forward(self, X):
            return X + torch.rand(X.shape) if self.training else X

    torch.manual_seed(0)
    make = {"dropout": nn.Dropout, "noise": Noisy}
    return {
        f"{kind} {i}": nn.Sequential(nn.Flatten(), nn.Linear(144, 256), layer(), nn.Linear(256, 10))
        for kind, layer in make.items()
        for i in range(3)
    }


def test_nets_that_draw_random_numbers_are_the_same_in_every_run(threads):
    results = []
    for count in (1, 3, 3, 3):
        threads(count)
        trained = dropout_nets()
        torch.manual_seed(1)
        losses = list(train_side_by_side(trained, random_batches([8] * 6), lr=0.1, device="cpu"))
        results.append([torch.stack(list(step.values())) for step in losses])
    for others in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], others))


def test_a_suspended_training_leaves_pytorch_its_threads_and_the_learner_may_change_them(threads):
    threads(3)
    inside = []
    trained = nets()
    trained["linear"].register_forward_hook(lambda *_: inside.append(torch.get_num_threads()))
    steps = train_side_by_side(trained, random_batches([8] * 5), lr=0.1, device="cpu")
    next(steps), next(steps)
    assert torch.get_num_threads() == 3
    threads(2)
    next(steps)
    assert torch.get_num_threads() == 2 and inside == [1, 1, 1]
    list(steps)
    assert torch.get_num_threads() == 2


def test_lazy_nets_learn_what_they_would_learn_alone():
    def lazy() -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))

    batches = random_batches([8] * 4)
    together, alone = lazy(), lazy()
    torch.manual_seed(0)
    alone.eval()(batches[0][0])
    alone.train()
    torch.manual_seed(0)
    seen = [losses["net"] for losses in train_side_by_side({"net": together}, batches, lr=0.1, device="cpu")]
    torch.testing.assert_close(torch.stack(seen), torch.tensor(trained_alone(alone, batches, lr=0.1, momentum=0.9)))


def stopped_after(count):
    yield from random_batches([8] * count)
    raise KeyboardInterrupt


def test_an_interrupt_ends_the_loop_and_spoils_nothing(threads):
    threads(2)
    trained, seen = nets(), []
    steps = train_side_by_side(trained, stopped_after(2), lr=0.1, device="cpu")
    for losses in steps:
        seen.append(losses)
    assert len(seen) == 2 and torch.get_num_threads() == 2
    assert all(weights(net).isfinite().all() for net in trained.values())
    assert steps.interrupted and next(steps, None) is None and steps.interrupted


def test_only_a_loop_that_came_to_its_end_is_complete():
    steps = train_side_by_side(nets(), random_batches([8] * 3), lr=0.1, device="cpu")
    for _ in steps:
        break
    assert steps.interrupted
    assert len(list(steps)) == 2 and not steps.interrupted


def test_a_net_that_diverges_spoils_none_of_the_others():
    trained = nets()
    nn.init.constant_(trained["linear"][1].weight, torch.inf)
    losses = list(train_side_by_side(trained, random_batches([8] * 3), lr=0.1, device="cpu"))[-1]
    assert not losses["linear"].isfinite() and losses["plain"].isfinite() and losses["residual"].isfinite()


def test_nobody_waits_for_the_device_who_does_not_look():
    losses = next(train_side_by_side(nets(), random_batches([8] * 1), lr=0.1, device="cpu"))
    for loss in losses.values():
        assert isinstance(loss, torch.Tensor) and loss.shape == () and not loss.requires_grad


def test_the_nets_are_trained_in_training_mode():
    trained = {name: net.eval() for name, net in nets().items()}
    next(train_side_by_side(trained, random_batches([8] * 1), lr=0.1, device="cpu"))
    assert all(net.training for net in trained.values())


def test_no_net_and_the_same_net_twice_are_refused_at_once():
    with pytest.raises(ValueError, match="no net"):
        train_side_by_side({}, random_batches([8] * 1), lr=0.1)
    net = linear()
    with pytest.raises(ValueError, match="same net"):
        train_side_by_side({"a": net, "b": net}, random_batches([8] * 1), lr=0.1)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"nets": [linear()]}, TypeError, "nets must be a mapping of names to nets.*got list"),
        ({"nets": {"a": lambda X: X}}, TypeError, r"nets\['a'\] must be a torch.nn.Module; got function"),
        ({"nets": {"a": nn.Flatten()}}, ValueError, r"nets\['a'\] has no parameter that can learn"),
        ({"lr": "0.1"}, ValueError, "lr must be a positive number; got '0.1'"),
        ({"lr": float("nan")}, ValueError, "lr must be a positive number; got nan"),
        ({"momentum": float("nan")}, ValueError, "momentum must be a positive number; got nan"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(change, error, message):
    with pytest.raises(error, match=message):
        train_side_by_side(**{"nets": {"a": linear()}, "batches": [], "lr": 0.1, **change})


def test_without_momentum_it_is_plain_sgd():
    trained = {"a": linear()}
    alone = copy.deepcopy(trained["a"])
    batches = random_batches([8] * 3)
    losses = [float(step["a"]) for step in train_side_by_side(trained, batches, 0.1, momentum=0, device="cpu")]
    assert losses == pytest.approx(trained_alone(alone, batches, 0.1, 0), rel=1e-5)


def test_no_batch_is_no_step():
    assert list(train_side_by_side({"a": linear()}, iter([]), lr=0.1, device="cpu")) == []
