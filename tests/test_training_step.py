"""TrainingStep: one step is PyTorch's, and the net is prepared as little as possible. More in `tests/test_train.py`."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from d2lhelpers.training_step import TrainingStep, meet
from small_batches import random_batches


def test_a_step_is_forward_backward_update_and_returns_what_an_epoch_sums_up():
    ((X, y),) = random_batches([6])
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 10))
    by_hand = copy.deepcopy(net)
    step = TrainingStep(net, torch.optim.SGD(net.parameters(), lr=0.1), torch.device("cpu"), bfloat16=False)
    loss_sum, correct = step(X, y)
    loss = nn.functional.cross_entropy(by_hand(X), y)
    loss.backward()
    assert loss_sum.item() == pytest.approx(6 * loss.item()) and correct == (by_hand(X).argmax(1) == y).sum()
    for weight, other in zip(net.parameters(), by_hand.parameters()):
        torch.testing.assert_close(weight, other - 0.1 * other.grad)
    assert step.count == 1 and step.clock.seconds() > 0


def test_the_schedule_is_stepped_as_long_as_it_has_steps():
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer)
    step = TrainingStep(net, optimizer, torch.device("cpu"), scheduler, steps_left=2)
    for X, y in random_batches([6] * 5):
        step(X, y)
    assert scheduler.last_epoch == 2 and step.count == 5


def test_only_a_net_with_lazy_layers_is_shown_a_batch_and_in_eval_mode():
    calls = []
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(10), nn.Dropout())
    net.register_forward_hook(lambda module, inputs, output: calls.append(module.training))
    for _ in range(2):
        meet(net, random_batches([6]))
    assert calls == [False] and net.training
    assert net[1].weight.shape == (10, 144)


def test_an_error_that_only_resembles_that_of_view_is_not_met_with_another_memory_format():
    class Fails(nn.Module):
        calls = 0

        def forward(self, X):
            Fails.calls += 1
            raise RuntimeError("out of something")

    net = nn.Sequential(nn.Conv2d(1, 1, 1), Fails())
    step = TrainingStep(net, torch.optim.SGD(net.parameters(), lr=0.1), torch.device("cpu"))
    with pytest.raises(RuntimeError, match="out of something"):
        step(*random_batches([6])[0])
    assert Fails.calls == 1
