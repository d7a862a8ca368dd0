"""trace_shapes: shapes, counts and receptive fields, against torchinfo, published numbers and the gradient."""

from __future__ import annotations

import pytest
import torch
import torchinfo
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torchvision import models

from d2lhelpers import resnet18, trace_shapes
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
    one_or_two = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))
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


class Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, X):
        return self.function(X)


@pytest.mark.parametrize(
    "function",
    [
        lambda X: F.conv2d(X, torch.ones(1, 1, 3, 3), padding=1),
        lambda X: F.max_pool2d(X, 3, stride=1, padding=1),
        lambda X: F.avg_pool2d(X, 3, stride=1, padding=1),
        lambda X: F.max_pool2d(X, 2),
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
    "function", [lambda X: X * 2 + 1, F.relu, lambda X: torch.add(X, other=X), lambda X: X.clamp_(min=0)]
)
def test_functions_that_work_on_each_position_hand_the_field_on(function):
    trace = trace_shapes(nn.Sequential(nn.Conv2d(1, 1, 3), Function(function), nn.Conv2d(1, 1, 3)), (1, 1, 8, 8))
    assert [layer.receptive_field for layer in trace] == [3, 3, 5]


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
    assert torch.is_grad_enabled()


def test_the_net_is_left_as_it_was_when_it_fails():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(2, 1, 1)).train()
    with pytest.raises(RuntimeError):
        trace_shapes(net, (1, 1, 4, 4))
    assert all(module.training for module in net.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert len(trace_shapes(nn.ReLU(), (1, 1))) == 1  # and the next trace works


def test_a_batch_can_be_given_instead_of_its_shape():
    net, X = nn.Conv2d(1, 2, 3), torch.rand(1, 1, 8, 8)
    assert list(trace_shapes(net, X)) == list(trace_shapes(net, (1, 1, 8, 8))) == list(trace_shapes(net, X.shape))


def test_a_shape_is_made_where_the_net_is():
    assert trace_shapes(nn.Conv2d(1, 2, 3, device="meta"), (1, 1, 8, 8))[0].output_shape == (1, 2, 6, 6)


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
    with pytest.raises(RuntimeError, match=f"layer '{name}' could not compute") as caught:
        trace_shapes(net, (2, 1, 8, 8))
    assert str(caught.value.__cause__) in str(caught.value)


@pytest.mark.parametrize("shape", [(), [], (1, 0, 3, 3), (1, -1, 3, 3), (1.0, 1, 3, 3), (True, 1, 3, 3), 5, None, "28"])
def test_what_is_not_a_shape_raises(shape):
    with pytest.raises(ValueError, match="positive whole numbers"):
        trace_shapes(nn.ReLU(), shape)


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
