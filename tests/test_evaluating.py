"""evaluating: every module back in the mode that it had."""

from __future__ import annotations

import pytest
from torch import nn

from d2lhelpers.evaluating import evaluating


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_modes_are_eval_within_and_afterwards_what_they_were(error):
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 2))
    net[0].eval()
    before = [module.training for module in net.modules()]
    try:
        with evaluating(net):
            assert not any(module.training for module in net.modules())
            if error:
                raise error
    except BaseException as raised:
        assert type(raised) is error
    assert [module.training for module in net.modules()] == before


def test_what_is_no_module_is_left_alone():
    with evaluating(lambda X: X):
        pass
