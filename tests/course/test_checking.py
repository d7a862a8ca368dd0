"""What checks are made of: what counts as a number, a tensor, a choice, and as left unchanged."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from d2lhelpers.course.checking import (
    Incorrect,
    choice,
    counted,
    number,
    shown,
    tensor,
    unchanged,
    used,
    whole_number,
    with_article,
)  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [3, 3.0, np.int64(3), np.float32(3), torch.tensor(3), torch.tensor([3.0]), np.array([3]), Decimal(3), Fraction(3)],
)
def test_numbers_of_every_kind_are_taken(value):
    assert number(value, "x") == 3 and whole_number(value, "x") == 3
    assert type(number(value, "x")) in (int, float)


@pytest.mark.parametrize("kind", [int, float])
def test_a_number_that_compares_as_another_one_counts_as_what_it_is(kind):
    lies = dict.fromkeys(
        ["__sub__", "__rsub__", "__int__", "__float__", "__round__", "__abs__"], lambda self, *_: kind(3)
    )
    liar = type("Liar", (kind,), {**lies, "__eq__": lambda self, other: True, "__hash__": kind.__hash__})(4)
    assert number(liar, "x") - 3 == 1 and whole_number(liar, "x") == 4
    letter = type("Letter", (str,), dict.fromkeys(["strip", "lower"], lambda self, *_: "b"))("a")
    with pytest.raises(Incorrect, match="no"):
        choice(letter, "my_choice", "b", {"a": "no"})


@pytest.mark.parametrize(
    "value",
    [
        None,
        "3",
        b"3",
        True,
        np.bool_(True),
        [3],
        torch.ones(2),
        np.ones(2),
        torch.ones(1, device="meta"),
        float("nan"),
        float("inf"),
        Decimal("nan"),
        3j,
        object(),
    ],
)
def test_what_is_no_number_is_told(value):
    with pytest.raises(Incorrect, match="^x "):
        number(value, "x")
    with pytest.raises(Incorrect, match="whole"):
        whole_number(2.5, "x")


def test_tensors_are_checked():
    assert tensor(torch.ones(2, 3, requires_grad=True), (2, 3), "Y").requires_grad is False
    for wrong, message in [
        (None, "should be a tensor"), (torch.ones(3), r"shape \(3,\); expected \(2, 3\)"),
        (torch.full((2, 3), torch.nan), "not finite"), (torch.ones(2, 3, device="meta"), "meta"),
    ]:  # fmt: skip
        with pytest.raises(Incorrect, match=message):
            tensor(wrong, (2, 3), "Y")


def test_a_choice_is_a_letter_however_it_is_written():
    for letter in ("b", "B", " (b) ", "b)", "b."):
        choice(letter, "my_choice", "b", {"a": "no"})
    with pytest.raises(Incorrect, match=r"it is not \(a\): no"):
        choice("(a)", "my_choice", "b", {"a": "no"})
    for value in ("c", "", "ab", None, 3):
        with pytest.raises(Incorrect, match="my_choice is one of the letters a, b; it is "):
            choice(value, "my_choice", "b", {"a": "no"})


def test_messages_are_english():
    assert with_article("Linear") == "a Linear" and with_article("InstanceNorm2d") == "an InstanceNorm2d"
    assert [counted(n, "layer") for n in (0, 1, 2, 1000)] == ["0 layers", "1 layer", "2 layers", "1,000 layers"]
    assert shown(nn.InstanceNorm2d(2)) == "an InstanceNorm2d" and shown(list(range(99))) == "a list"
    assert shown(object()) == "an object" and shown(iter([])) == "a list_iterator"


def some_net() -> nn.Sequential:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Sequential(nn.Flatten(), nn.Linear(8, 3)))
    net(torch.rand(2, 1, 4, 4)).sum().backward()
    net[0].bias.grad = None
    return net


def double(net):
    net.double()


def step(net):
    torch.optim.SGD(net.parameters(), 0.1).step()


CHANGES = {
    "a step": (step, "0.weight has other numbers"),
    "64 bits": (double, "0.weight came as torch.float32 on cpu and is torch.float64 on cpu"),
    "there and back": (lambda net: net.half().float(), "has other numbers"),
    "a pass": (lambda net: net(torch.rand(2, 1, 4, 4)), "1.running_mean has other numbers, a pass in training mode"),
    "evaluation": (lambda net: net.eval(), "it is in evaluation mode"),
    "one layer's mode": (lambda net: net[1].eval(), "1 is in evaluation mode"),
    "frozen": (lambda net: net.requires_grad_(False), "0.weight asks for no gradient any more"),
    "zero_grad": (lambda net: net.zero_grad(), "0.weight has lost its gradient"),
    "a hook of a tensor": (lambda net: net[0].bias.register_hook(print), "0.bias has a hook more"),
    "backward": (lambda net: net[0](torch.rand(2, 1, 4, 4)).sum().backward(), "0.weight has another gradient"),
    "a new gradient": (lambda net: setattr(net[0].bias, "grad", torch.ones(2)), "0.bias has a new gradient"),
    "a hook": (lambda net: net[2].register_forward_hook(print), "2 has a hook more"),
    "a hook of backward": (lambda net: net[0].register_full_backward_hook(print), "0 has a hook more"),
    "a layer more": (lambda net: net.append(nn.ReLU()), "it has other layers"),
    "another layer": (lambda net: net.__setitem__(1, nn.InstanceNorm2d(2)), "it has other layers"),
    "another forward": (lambda net: setattr(net, "forward", print), "it has other layers"),
    "a buffer more": (lambda net: net.register_buffer("b", torch.ones(1)), "it has other layers"),
    "a setting": (lambda net: setattr(net[1], "momentum", None), "1.momentum was 0.1 and is None"),
    "stride": (lambda net: setattr(net[0], "stride", (2, 2)), r"0.stride was (1, 1) and is (2, 2)"),
}  # fmt: skip


@pytest.mark.parametrize("change, message", CHANGES.values(), ids=CHANGES)
def test_what_is_left_on_a_net_is_told(change, message):
    net = some_net()
    with pytest.raises(Incorrect, match="^the net is not left as it came: .*" + re.escape(message)):
        with unchanged(net, "the net"):
            change(net)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda net: net.zero_grad(), "0.weight has lost its gradient"),
        (lambda net: net.zero_grad(set_to_none=False), "0.weight has another gradient"),
        (lambda net: net[1]._forward_hooks.clear(), "1 has lost a hook"),
        (lambda net: net[1]._forward_hooks.update({next(iter(net[1]._forward_hooks)): print}), "1 has another hook"),
    ],
)
def test_what_is_taken_from_a_used_net_is_told(change, message):
    net = used(some_net().eval())
    with pytest.raises(Incorrect, match=re.escape(message)):
        with unchanged(net, "the net"):
            change(net)
    with unchanged(net, "the net"):
        net(torch.rand(2, 1, 4, 4))


def test_a_net_that_was_only_looked_at_is_unchanged():
    net = some_net()
    with unchanged(net, "the net"):
        net.eval()
        handle = net[0].register_forward_hook(lambda *arguments: None)
        with torch.no_grad():
            net(torch.rand(2, 1, 4, 4))
            net[0].weight += 0
        handle.remove()
        net.train()
        torch.autograd.grad(net.eval()(torch.rand(2, 1, 4, 4)).sum(), list(net.parameters()))
        net.train()
        net.note = "of the learner's"


@pytest.mark.parametrize(
    "given, change, message",
    [
        (torch.zeros(2), lambda X: X.add_(1), "it has other numbers"),
        (torch.zeros(2), lambda X: X.requires_grad_(), "it asks for a gradient"),
        (torch.zeros(2), lambda X: X.resize_(3), "it has other numbers"),
        ([1, 2, 3], lambda x: x.sort(reverse=True), "[0] was 1 and is 3"),
        ([1, 2, 3], lambda x: x.pop(), "it has other entries"),
        ({"a": torch.zeros(2)}, lambda x: x["a"].fill_(3), "['a'] has other numbers"),
        ({"a": 1}, lambda x: x.update(b=2), "it has other entries"),
        ([(torch.ones(1), torch.ones(1))], lambda x: x[0][1].zero_(), "[0][1] has other numbers"),
    ],
)
def test_what_is_changed_in_something_else_is_told(given, change, message):
    with pytest.raises(Incorrect, match=re.escape(message)):
        with unchanged(given, "it"):
            change(given)


def test_numbers_that_are_nan_are_equal_to_themselves():
    given = [torch.tensor([float("nan"), 1.0]), float("nan"), None, "text"]
    with unchanged(given, "the list"):
        given[0] *= 1
    with pytest.raises(Incorrect, match="other numbers"):
        with unchanged(given, "the list"):
            given[0][1] = 2


def test_what_goes_wrong_inside_comes_first():
    X = torch.zeros(2)
    with pytest.raises(Incorrect, match="too small"):
        with unchanged(X, "X"):
            X += 1
            raise Incorrect("too small")
