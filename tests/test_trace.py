"""trace_shapes: shapes, counts and receptive fields, against torchinfo, published numbers and the gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchinfo
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.modules import module as module_hooks
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from d2lhelpers import resnet18, trace_shapes
from d2lhelpers import trace as trace_module
from d2lhelpers.trace import ShapeTrace

# Shapes and counts


def torchinfo_layers(net: nn.Module, shape: tuple[int, ...]) -> list[tuple]:
    summary = torchinfo.summary(net, input_size=shape, verbose=0, device="cpu")
    return [
        (layer.class_name, tuple(layer.output_size), max(layer.num_params, 0), layer.macs)
        for layer in summary.summary_list
        if layer.is_leaf_layer
    ]


@pytest.mark.parametrize(
    "build, shape",
    [
        (resnet18, (1, 1, 96, 96)),
        (resnet18, (3, 1, 28, 28)),
        (models.resnet18, (1, 3, 224, 224)),
        (models.resnet50, (1, 3, 32, 32)),
        (models.alexnet, (2, 3, 96, 96)),
        (models.mobilenet_v2, (1, 3, 32, 32)),
    ],
)
def test_layers_are_those_of_torchinfo(build, shape):
    torch.manual_seed(0)
    net = build()
    trace = trace_shapes(net, shape)
    expected = torchinfo_layers(net, shape)
    assert [(layer.kind, layer.output_shape) for layer in trace] == [row[:2] for row in expected]
    for layer, (kind, _, parameters, multiply_adds) in zip(trace, expected):
        assert layer.parameters == parameters, layer.name
        if kind in ("Conv2d", "Linear"):
            # torchinfo counts adding the bias as one more multiply-add; the papers do not.
            has_bias = net.get_submodule(layer.name).bias is not None
            assert layer.multiply_adds == multiply_adds - has_bias * torch.Size(layer.output_shape).numel(), layer.name
        else:
            assert layer.multiply_adds == 0, layer.name
    assert trace.parameters == sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    "build, multiply_adds, parameters",
    [
        (models.resnet18, 1_814_073_344, 11_689_512),
        (models.resnet34, 3_663_761_408, 21_797_672),
        (models.resnet50, 4_089_184_256, 25_557_032),
    ],
)
def test_totals_are_the_published_ones(build, multiply_adds, parameters):
    with torch.device("meta"):  # counts need no values
        net = build()
        X = torch.empty(1, 3, 224, 224)
    trace = trace_shapes(net, X)
    assert (trace.multiply_adds, trace.parameters) == (multiply_adds, parameters)


def test_totals_of_the_books_resnet_are_those_of_the_facts():
    with torch.device("meta"):
        net = resnet18()
        traces = [trace_shapes(net, torch.empty(1, 1, side, side)) for side in (96, 28)]
    assert [round(trace.multiply_adds / 1e6, 1) for trace in traces] == [318.7, 33.0]
    assert traces[0].parameters == 11_178_378


def test_counts_are_those_done_by_hand():
    net = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4 * 4, 10))
    trace = trace_shapes(net, (2, 3, 8, 8))
    assert [layer.multiply_adds for layer in trace] == [2 * 8 * 16 * 3 * 25, 0, 0, 2 * 128 * 10]
    assert [layer.parameters for layer in trace] == [8 * 3 * 25 + 8, 0, 0, 1290]
    assert [layer.output_shape for layer in trace] == [(2, 8, 4, 4), (2, 8, 4, 4), (2, 128), (2, 10)]
    assert [layer.name for layer in trace] == ["0", "1", "2", "3"]


def test_depth_opens_as_many_levels_and_keeps_the_totals():
    net = resnet18(width=8)
    by_depth = {depth: trace_shapes(net, (1, 1, 32, 32), depth) for depth in (1, 2, None)}
    assert [layer.name for layer in by_depth[1]] == [str(i) for i in range(8)]
    assert [layer.kind for layer in by_depth[2]][:4] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert "1.0" in {layer.name for layer in by_depth[2]}
    assert len({(trace.multiply_adds, trace.parameters) for trace in by_depth.values()}) == 1
    assert by_depth[1][1].output_shape == (1, 8, 8, 8)


def test_a_single_layer_is_a_net_too():
    (layer,) = trace_shapes(nn.Linear(3, 4), (2, 3))
    assert (layer.name, layer.kind, layer.output_shape) == ("", "Linear", (2, 4))
    assert (layer.parameters, layer.multiply_adds) == (16, 24)


def test_a_layer_that_is_used_twice_works_twice_and_learns_once():
    shared = nn.Conv2d(4, 4, 3, padding=1)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    trace = trace_shapes(net, (1, 4, 8, 8))
    assert [layer.multiply_adds for layer in trace] == [9216, 0, 9216]
    assert [layer.receptive_field for layer in trace] == [3, 3, 5]
    assert trace.parameters == sum(parameter.numel() for parameter in net.parameters()) == 148


@pytest.mark.parametrize("net", [nn.LSTM(3, 4, num_layers=2, bidirectional=True), nn.GRU(3, 4), nn.RNN(3, 4)])
def test_recurrent_layers_multiply_each_step_with_every_weight(net):
    (layer,) = trace_shapes(net, (5, 2, 3))
    weights = sum(weight.numel() for weight in net.parameters() if weight.dim() == 2)
    assert layer.multiply_adds == 5 * 2 * weights
    assert layer.parameters == sum(parameter.numel() for parameter in net.parameters())


class Attention(nn.Module):
    def __init__(self, **options) -> None:
        super().__init__()
        self.attention, self.options = nn.MultiheadAttention(8, 2, batch_first=True), options

    def forward(self, X):
        return self.attention(query=X, key=X, value=X, **self.options)[0]


@pytest.mark.parametrize("options", [{}, {"need_weights": False}])
def test_attention_is_counted_whichever_way_it_is_computed(options):
    (layer,) = trace_shapes(Attention(**options), (3, 5, 8))
    assert (layer.name, layer.kind) == ("attention", "MultiheadAttention")
    projections, scores_and_sums = 4 * 15 * 8 * 8, 2 * 3 * 5 * 5 * 8
    assert (layer.parameters, layer.multiply_adds) == (4 * (8 * 8 + 8), projections + scores_and_sums)
    assert torch.backends.mha.get_fastpath_enabled()


# The sums are the net's


class ReZero(nn.Module):
    """A block with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.alpha = nn.Conv2d(4, 4, 3, padding=1), nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return X + self.alpha * self.conv(X)


class LowRank(nn.Module):
    """A layer with an update of low rank beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.A, self.B = nn.Linear(6, 8), nn.Parameter(torch.rand(6, 2)), nn.Parameter(torch.rand(2, 8))

    def forward(self, X):
        return self.layer(X) + X @ self.A @ self.B


class ByHand(nn.Module):
    """Uses the weights of a layer that it does not call, one of its own, and never the third."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.w, self.unused = nn.Linear(6, 3), nn.Parameter(torch.rand(3)), nn.Linear(2, 2)

    def forward(self, X):
        return F.linear(X, self.layer.weight, self.layer.bias) @ self.w


class Stack(nn.Module):
    """Calls the modules of a list, and returns a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()) for _ in range(2)])
        self.auxiliary, self.lazy = nn.Linear(3, 3), nn.LazyLinear(3)

    def forward(self, X):
        for block in self.blocks:
            X = block(X)
        return {"maps": X, "all": [X]}


class Catches(nn.Module):
    """Tries one layer, and takes the other where that fails."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Sequential(nn.Linear(6, 6), nn.Linear(5, 3)), nn.Linear(6, 3)

    def forward(self, X):
        try:
            return self.first(X)
        except RuntimeError:
            return self.second(X)


SHARED = nn.Linear(6, 6)


@pytest.mark.parametrize(
    "net, shape, parameters, multiply_adds, rows",
    [
        (ReZero(), (1, 4, 8, 8), 149, 9216, ["conv", ""]),
        (nn.Sequential(ReZero(), nn.ReLU()), (1, 4, 8, 8), 149, 9216, ["0.conv", "0", "1"]),
        (nn.Sequential(LowRank()), (3, 6), 56 + 28, 3 * (48 + 12 + 16), ["0.layer", "0"]),
        (nn.Sequential(nn.Linear(6, 6), ByHand()), (2, 6), 42 + 30, 2 * (36 + 18 + 3), ["0", "1"]),
        (Stack(), (1, 4, 8, 8), 40 + 12, 2 * 1024, ["blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1", ""]),
        (Catches(), (1, 6), 42 + 18 + 21, 36 + 18, ["first.0", "second", ""]),
        (nn.Sequential(SHARED, nn.Sequential(nn.ReLU(), SHARED)), (1, 6), 42, 72, ["0", "1.0", "0"]),
        (parametrizations.weight_norm(nn.Conv2d(1, 4, 3)), (1, 1, 8, 8), 44, 1296, [""]),
        (nn.Sequential(nn.ReLU(), parametrizations.weight_norm(nn.Linear(6, 4))), (1, 6), 32, 24, ["0", "1"]),
        (nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(1, 4, 3))), (1, 1, 8, 8), 40, 1296, ["0"]),
        (nn.Sequential(parametrizations.orthogonal(nn.Linear(6, 6))), (1, 6), 42, 36, ["0"]),
        (nn.Sequential(Attention()), (3, 5, 8), 288, 3840 + 1200, ["0.attention"]),
        (torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())), (1, 1, 8, 8), 20, 648, [""]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)  # fmt: skip
def test_the_sums_are_those_of_the_net_at_every_depth(net, shape, parameters, multiply_adds, rows):
    traces = [trace_shapes(net, shape, depth) for depth in (None, 1, 2, 3)]
    assert {(trace.parameters, trace.multiply_adds) for trace in traces} == {(parameters, multiply_adds)}
    initialized = [parameter for parameter in net.parameters() if not nn.parameter.is_lazy(parameter)]
    assert parameters == sum(parameter.numel() for parameter in initialized)
    assert [layer.name for layer in traces[0]] == rows


def test_the_row_of_a_block_beside_its_layers_says_so():
    trace = trace_shapes(nn.Sequential(ReZero()), (1, 4, 8, 8))
    assert [(layer.kind, layer.parameters, layer.multiply_adds) for layer in trace] == [
        ("Conv2d", 148, 9216), ("rest of ReZero", 1, 0)
    ]  # fmt: skip
    assert [layer.kind for layer in trace_shapes(nn.Sequential(ReZero()), (1, 4, 8, 8), depth=1)] == ["ReZero"]


@pytest.mark.parametrize(
    "build", [models.densenet121, models.googlenet, models.mobilenet_v3_small, models.convnext_tiny, models.vit_b_16]
)
def test_the_sums_of_other_nets_are_those_of_pytorch(build):
    with torch.device("meta"):
        net, X = build().eval(), torch.empty(1, 3, 224, 224)
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(X)
    torch.backends.mha.set_fastpath_enabled(True)
    for depth in (None, 1, 2):
        trace = trace_shapes(net, X, depth)
        assert trace.parameters == sum(parameter.numel() for parameter in net.parameters())
        assert trace.multiply_adds == counter.get_total_flops() // 2


# Receptive fields


@pytest.mark.parametrize(
    "build, name, field",
    [
        # Araujo, Norris and Sim 2019, table of receptive fields; ResNet-18 after the same formula.
        (models.alexnet, "features.12", 195),
        (models.vgg16, "features.30", 212),
        (models.resnet18, "layer4.1.conv2", 435),
    ],
)
def test_receptive_fields_are_the_published_ones(build, name, field):
    with torch.device("meta"):
        trace = trace_shapes(build(), torch.empty(1, 3, 224, 224))
    assert {layer.name: layer.receptive_field for layer in trace}[name] == field


def test_receptive_fields_of_the_books_resnet():
    trace = trace_shapes(resnet18(width=4), (1, 1, 64, 64), depth=1)
    assert [layer.receptive_field for layer in trace] == [11, 43, 99, 211, 435, None, None, None]


def gradient_support(net: nn.Module, side: int) -> int:
    """Return the longer side of the square of the input in which lies all that the output in the middle depends on."""
    X = torch.ones(1, 1, side, side, dtype=torch.double, requires_grad=True)
    Y = net(X)
    Y[..., Y.shape[2] // 2, Y.shape[3] // 2].sum().backward()
    seen = X.grad[0, 0] != 0
    return max(int(places.max() - places.min()) + 1 for places in torch.nonzero(seen, as_tuple=True))


def positive(net: nn.Module) -> nn.Module:
    """Give all weights the value one, so that no path through the net cancels another."""
    net = net.double().eval()
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    return net


def windows():
    one_or_two = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3)) | st.just([2, 3])
    convolutions = st.builds(
        lambda kernel, **options: nn.Conv2d(1, 1, kernel, **options),
        one_or_two, stride=st.integers(1, 2), dilation=st.integers(1, 2), padding=st.integers(0, 1),
    )  # fmt: skip
    pools = st.builds(lambda kernel, stride: nn.AvgPool2d(kernel, stride=stride), one_or_two, st.integers(1, 2))
    others = st.builds(nn.ReLU) | st.builds(lambda: nn.BatchNorm2d(1))
    return st.lists(convolutions | pools | others, min_size=1, max_size=4)


@given(windows())
def test_receptive_field_is_the_support_of_the_gradient(layers):
    net = positive(nn.Sequential(*layers))
    side = 96
    trace = trace_shapes(net, torch.ones(1, 1, side, side, dtype=torch.double))
    assume(min(trace[-1].output_shape[2:]) > 2)
    assert trace[-1].receptive_field == gradient_support(net, side)


class Branches(nn.Module):
    """Two branches of different depth, which are joined."""

    def __init__(self, join) -> None:
        super().__init__()
        self.short = nn.Conv2d(1, 1, 1)
        self.long = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5, padding=2))
        self.join = join

    def forward(self, X):
        return self.join(self.short(X), self.long(X))


@pytest.mark.parametrize("join", [lambda a, b: a + b, lambda a, b: b + a, lambda a, b: torch.cat([a, b], dim=1)])
def test_where_branches_join_the_widest_counts(join):
    net, X = positive(Branches(join)), torch.ones(1, 1, 20, 20, dtype=torch.double)
    assert [layer.receptive_field for layer in trace_shapes(net, X, depth=1)] == [1, 7]
    assert [layer.receptive_field for layer in trace_shapes(nn.Sequential(net), X, depth=1)] == [7]
    assert gradient_support(net, 20) == 7


def _written_into_a_part(X):
    Y = torch.zeros(X.shape)
    Y[:, :, 1:] = X[:, :, :-1]
    return Y


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # branches of equal outputs are rare
@given(st.data(), st.integers(1, 3), st.integers(1, 3))
def test_the_field_of_two_branches_that_do_not_lie_upon_each_other(data, stride, other_stride):
    def branch(stride):
        kernel, padding = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 2))
        return nn.Conv2d(1, 1, kernel, stride, padding)

    net = Branches(torch.add)
    net.short, net.long = branch(stride), nn.Sequential(branch(1), branch(other_stride))
    net, X = positive(nn.Sequential(net, nn.Conv2d(1, 1, 2))), torch.ones(1, 1, 40, 40, dtype=torch.double)
    assume(net[0].short(X).shape == net[0].long(X).shape)
    assert trace_shapes(net, X)[-1].receptive_field == gradient_support(net, 40)


class Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, X):
        return self.function(X)


@pytest.mark.parametrize(
    "function",
    [
        lambda X: torch.einsum("bchw,bcij->bchw", X, X),
        lambda X: F.conv2d(X, X.mean(dim=0, keepdim=True)[:, :, :3, :3], padding=1),  # weights made from the input
        lambda X: X.flip(2),
        lambda X: X.cumsum(2),
        lambda X: X.transpose(2, 3),
        lambda X: torch.cat([X, X], dim=2)[:, :, :6],
        lambda X: F.group_norm(X, 1),
        lambda X: F.batch_norm(X, None, None, training=True),
        lambda X: X * X.max().item(),
        lambda X: _written_into_a_part(X) + X,
        lambda X: F.conv_transpose2d(X, torch.ones(1, 1, 3, 3), padding=1),
        lambda X: F.interpolate(X, scale_factor=2),
        lambda X: X * X.mean(dim=(2, 3), keepdim=True),
        lambda X: F.adaptive_avg_pool2d(X, 1),
        lambda X: X.flatten(1).reshape(X.shape),
    ],
)
def test_no_receptive_field_is_stated_where_it_cannot_be_known(function):
    trace = trace_shapes(nn.Sequential(nn.Conv2d(1, 1, 3), Function(function), nn.Conv2d(1, 1, 1)), (1, 1, 8, 8))
    assert [layer.receptive_field for layer in trace] == [3, None, None]


@pytest.mark.parametrize(
    "function",
    [
        lambda X: X * 2 + 1,
        F.relu,
        F.hardswish,
        lambda X: torch.add(X, other=X),
        lambda X: X.clamp_(min=0),
        lambda X: torch.where(X > 0, X, -X),
        lambda X: X.double().contiguous(memory_format=torch.channels_last).float(),
        nn.PReLU(),
        nn.BatchNorm2d(1),
    ],
)
def test_functions_that_work_on_each_position_hand_the_field_on(function):
    trace = trace_shapes(nn.Sequential(nn.Conv2d(1, 1, 3), Function(function), nn.Conv2d(1, 1, 3)), (1, 1, 8, 8))
    assert [trace[0].receptive_field, trace[-1].receptive_field] == [3, 5]


@pytest.mark.parametrize(
    "function",
    [
        lambda X: F.conv2d(input=X, weight=torch.ones(1, 1, 3, 5, dtype=X.dtype), stride=(1, 2), padding="valid"),
        lambda X: F.conv2d(X, torch.ones(1, 1, 2, 2, dtype=X.dtype), padding="same"),
        lambda X: F.avg_pool2d(F.pad(X, (2, 0, 1, 1)), 3) + F.avg_pool2d(F.pad(X, (0, 2, 1, 1)), 3),
        lambda X: F.avg_pool2d(X, [3]),
        lambda X: F.avg_pool2d(X, 3, stride=2, padding=1),
        lambda X: F.lp_pool2d(X, 2, [2, 3]),
        # Windows of one size that do not lie upon each other: together they see more than each.
        lambda X: F.avg_pool2d(X, 3, padding=1) + F.avg_pool2d(X, 3),
    ],
)
def test_the_field_of_windows_called_as_functions_is_the_support_of_the_gradient(function):
    net = positive(nn.Sequential(nn.Conv2d(1, 1, 3), Function(function), nn.Conv2d(1, 1, 3)))
    X = torch.ones(1, 1, 47, 47, dtype=torch.double)
    assert trace_shapes(net, X)[-1].receptive_field == gradient_support(net, 47)


# What it leaves behind


@pytest.mark.parametrize("training", [True, False])
def test_the_net_is_left_as_it_was(training):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(3))
    net(torch.rand(2, 1, 8, 8))  # makes the lazy layer
    net.train(training)
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    random_numbers = torch.random.get_rng_state()
    trace_shapes(net, (2, 1, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), random_numbers)
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert not module_hooks._global_forward_hooks and not module_hooks._global_forward_pre_hooks
    assert torch.is_grad_enabled()


def test_the_net_is_left_as_it_was_when_it_fails():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(2, 1, 1)).train()
    with pytest.raises(RuntimeError):
        trace_shapes(net, (1, 1, 4, 4))
    assert all(module.training for module in net.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert not module_hooks._global_forward_hooks and not module_hooks._global_forward_pre_hooks
    assert len(trace_shapes(nn.ReLU(), (1, 1))) == 1  # and the next trace works


def test_a_batch_can_be_given_instead_of_its_shape():
    net, X = nn.Conv2d(1, 2, 3), torch.rand(1, 1, 8, 8)
    assert list(trace_shapes(net, X)) == list(trace_shapes(net, (1, 1, 8, 8))) == list(trace_shapes(net, X.shape))


def test_a_shape_is_made_where_the_net_is():
    assert trace_shapes(nn.Conv2d(1, 2, 3, device="meta"), (1, 1, 8, 8))[0].output_shape == (1, 2, 6, 6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_shape_is_made_in_the_number_type_of_the_net(dtype):
    net = resnet18(width=4)
    assert list(trace_shapes(net.to(dtype), (1, 1, 32, 32))) == list(trace_shapes(net.float(), (1, 1, 32, 32)))


@pytest.mark.parametrize("shape", [np.array([1, 1, 8, 8]), [np.int64(1), 1, 8, 8], iter((1, 1, 8, 8))])
def test_whole_numbers_of_numpy_are_whole_numbers(shape):
    assert trace_shapes(nn.Conv2d(1, 2, 3), shape, depth=np.int64(1))[0].output_shape == (1, 2, 6, 6)


# Nets that run are traced


class Keyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, X):
        return self.conv(input=X)


class InInferenceMode(nn.Sequential):
    forward = torch.inference_mode()(nn.Sequential.forward)


class Gradient(nn.Sequential):
    """Its output is the gradient of its input."""

    def forward(self, X):
        with torch.enable_grad():
            X = X.detach().requires_grad_()
            return torch.autograd.grad(super().forward(X).sum(), X)[0]


@pytest.mark.parametrize(
    "net, fields",
    [
        (Keyword(), [3]),
        (nn.Sequential(nn.MaxPool2d([2, 3]), nn.AvgPool2d([2], stride=[1])), [3, 6]),
        (InInferenceMode(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1), nn.ReLU(), nn.MaxPool2d(2)), [3, 3, 3, 4]),
        (Gradient(nn.Conv2d(1, 1, 3)), [3, None]),
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1, track_running_stats=False)), [3, None]),
        (nn.LazyConv2d(1, 3), [3]),
        (nn.Sequential(nn.Unflatten(1, (1, 1)), nn.Conv3d(1, 1, (1, 3, 3))), [None, None]),
        (nn.Sequential(Function(lambda X: X[0]), nn.Conv2d(1, 1, 3)), [None, None]),
        (Function(lambda X: None), [None]),
    ],
)
def test_a_net_that_runs_is_traced(net, fields):
    assert [layer.receptive_field for layer in trace_shapes(net, (1, 1, 12, 12))] == fields


def test_a_failure_of_the_tracer_is_not_called_one_of_the_net(monkeypatch):
    monkeypatch.setitem(trace_module.PRODUCTS, torch.ops.aten.convolution, lambda *_, **__: 1 / 0)
    with pytest.raises(RuntimeError, match="the net runs, but trace_shapes cannot follow layer '1': division by zero"):
        trace_shapes(nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 3)), (1, 1, 8, 8))


# Errors


class Adds(nn.Module):
    """Adds what cannot be added."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 3, 1)

    def forward(self, X):
        return self.one(X) + self.two(X)


@pytest.mark.parametrize(
    "net, name",
    [
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 3))), "1.1"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(3)), "1"),
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), "1"),
        (nn.Sequential(nn.Flatten(), nn.BatchNorm2d(64)), "1"),  # a ValueError of torch's
        (nn.Sequential(nn.ReLU(), nn.Flatten(9)), "1"),  # an IndexError of torch's
        (nn.Sequential(nn.ReLU(), Adds()), "1"),  # and not "1.two", which did its work
        (nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), Adds(), nn.ReLU())), "1.1"),
    ],
)
def test_an_error_names_the_layer_that_failed(net, name):
    with pytest.raises(RuntimeError, match=f"layer '{name}' failed: ") as caught:
        trace_shapes(net, (2, 1, 8, 8))
    assert str(caught.value.__cause__) in str(caught.value)


several = [torch.rand(2, 1, 28, 28), torch.rand(2)]


@pytest.mark.parametrize(
    "shape",
    [
        (), [], (1, 0, 3, 3), (1, -1, 3, 3), (1.0, 1, 3, 3), (True, 1, 3, 3), 5, None, "28",
        several, tuple(several), {"images": several[0]}, several[0].numpy(),
    ],
)  # fmt: skip
def test_what_is_not_a_shape_raises_without_printing_all_of_it(shape):
    with pytest.raises(ValueError, match="X must be one tensor, or its shape in positive whole numbers") as caught:
        trace_shapes(nn.ReLU(), shape)
    assert len(str(caught.value)) < 300


def test_what_is_not_a_net_raises():
    with pytest.raises(TypeError, match="net must be a torch.nn.Module; got Tensor"):
        trace_shapes(torch.rand(1, 1), nn.ReLU())


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, "1"])
def test_a_wrong_depth_raises(depth):
    with pytest.raises(ValueError, match="depth must be a whole number from 1"):
        trace_shapes(nn.ReLU(), (1, 1), depth=depth)


# The table


def test_the_table_has_a_row_for_each_layer_and_one_for_the_sums():
    trace = trace_shapes(nn.Sequential(nn.Conv2d(1, 64, 7, stride=2, padding=3), nn.ReLU()), (1, 1, 96, 96))
    lines = str(trace).splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1
    assert lines[0].split("  ")[0] == "layer" and "receptive field" in lines[0]
    assert lines[1].split() == ["0", "Conv2d", "1×64×48×48", "3,200", "7,225,344", "7"]
    assert lines[3].split() == ["all", "3,200", "7,225,344"]


def test_the_html_table_has_the_same_cells():
    trace = trace_shapes(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), (1, 1, 8, 8))
    table = trace._repr_html_()
    assert table.count("<tr>") == 4 and table.count("<th") == 2 + 6 - 1  # <thead>, and six headings
    for row in trace.rows():
        for cell in row:
            assert f">{cell}<" in table


def test_a_trace_is_a_sequence_whose_slices_are_tables():
    trace = trace_shapes(resnet18(width=4), (1, 1, 32, 32), depth=1)
    assert len(trace) == 8 and trace[0].name == "0" and trace[-1].kind == "Linear"
    assert isinstance(trace[:3], ShapeTrace) and len(trace[:3]) == 3
    assert trace[:3].parameters == sum(layer.parameters for layer in list(trace)[:3])


def test_a_layer_that_returns_no_single_tensor_has_a_row_without_a_shape():
    class Last(nn.Module):
        def forward(self, outputs):
            return outputs[0][:, -1]

    trace = trace_shapes(nn.Sequential(nn.LSTM(3, 4, batch_first=True), Last()), (2, 5, 3))
    assert [layer.output_shape for layer in trace] == [(), (2, 4)]
