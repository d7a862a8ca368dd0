"""Net, optimizer and schedule: `tests/test_train.py` shows what is refused; here is what a schedule still has."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from d2lhelpers.recipe import check_net, check_recipe, steps_left


@pytest.mark.parametrize(
    "taken, num_epochs, left", [(0, 2, 20), (7, 2, 13), (0, 1, 20), (19, 1, 1), (10, 1, 10), (11, 1, 9)]
)
def test_a_schedule_that_is_short_by_less_than_an_epoch_is_taken(taken, num_epochs, left):
    assert steps_left(SimpleNamespace(last_epoch=taken, total_steps=20), num_epochs, 10, initialize=False) == left


@pytest.mark.parametrize("taken, num_epochs", [(20, 1), (25, 1), (10, 2), (0, 3)])
def test_one_that_is_short_by_an_epoch_or_more_is_not(taken, num_epochs):
    with pytest.raises(ValueError, match="make net, optimizer and scheduler anew"):
        steps_left(SimpleNamespace(last_epoch=taken, total_steps=20), num_epochs, 10, initialize=False)


@pytest.mark.parametrize("scheduler", [None, SimpleNamespace(last_epoch=99), SimpleNamespace(total_steps=None)])
def test_without_an_end_there_are_always_steps(scheduler):
    assert steps_left(scheduler, 5, 10, initialize=False) == math.inf


def test_one_cycle_is_asked_for_no_more_steps_than_it_can_take():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=4)
    optimizer.step()
    for _ in range(steps_left(scheduler, 1, 4, initialize=True)):
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 5 times"):
        scheduler.step()


def test_a_net_with_something_to_learn_and_a_rate_are_fine():
    check_recipe(nn.Linear(1, 1), 0.1, None, None)
    with pytest.raises(ValueError, match="net has no parameter that can learn"):
        check_net(nn.Flatten())
