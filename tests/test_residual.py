"""The residual block and ResNet-18: the book's own, with 1x1 and not 3x3 shortcuts."""

from __future__ import annotations

import d2l.torch as book
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from d2lhelpers import Plain, Residual, ZeroPadding, cifar_resnet, resnet, resnet18, resnet_block

PARAMETERS = 11_178_378  # of the book's chapter, one channel and ten classes


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def unusual(net: nn.Module) -> nn.Module:
    """Give batch norm values behind which a mistake cannot hide: by default they are zeros and ones."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net


def chapters_net() -> nn.Sequential:
    """The chapter's ResNet-18 of the book's own blocks, in our words: four stages of two blocks after a 7x7 stem."""
    convolution, pooling = nn.Conv2d(1, 64, 7, stride=2, padding=3), nn.MaxPool2d(3, stride=2, padding=1)
    stem = nn.Sequential(convolution, nn.BatchNorm2d(64), nn.ReLU(), pooling)
    stages = [nn.Sequential(book.Residual(64, 64), book.Residual(64, 64))]
    for channels in (128, 256, 512):
        changes = book.Residual(channels // 2, channels, use_1x1conv=True, strides=2)
        stages.append(nn.Sequential(changes, book.Residual(channels, channels)))
    return nn.Sequential(stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


@given(
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.booleans(),
    st.integers(1, 3), st.integers(3, 9), st.integers(3, 9),
)  # fmt: skip
def test_block_is_that_of_the_book_to_the_bit(
    channels_in, channels_out, strides, adapts, training, batch, height, width
):
    if not adapts:
        channels_out, strides = channels_in, 1
    torch.manual_seed(0)
    books = unusual(book.Residual(channels_in, channels_out, adapts, strides)).train(training)
    ours = Residual(channels_in, channels_out, adapts, strides).train(training)
    ours.load_state_dict(books.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(books.state_dict())
    X = torch.randn(batch, channels_in, height, width)
    if training and batch * -(-height // strides) * -(-width // strides) == 1:
        return  # batch norm needs more than one value
    assert torch.equal(ours(X.clone()), books(X.clone()))
    for (name, value), expected in zip(ours.state_dict().items(), books.state_dict().values()):
        assert torch.equal(value, expected), name  # the statistics have moved alike


def test_a_new_block_draws_the_same_random_weights_as_the_books():
    torch.manual_seed(1)
    ours = Residual(3, 4, use_1x1conv=True)
    torch.manual_seed(1)
    books = book.Residual(3, 4, use_1x1conv=True)
    for name, value in ours.state_dict().items():
        assert torch.equal(value, books.state_dict()[name]), name


def test_the_input_is_added_and_not_only_the_shape_right():
    block = Residual(2, 2).eval()
    nn.init.zeros_(block.bn2.weight)
    nn.init.zeros_(block.bn2.bias)
    X = torch.randn(3, 2, 5, 5)
    assert torch.equal(block(X), X.relu())


def test_what_the_convolutions_make_can_push_down():
    block = Residual(2, 2).eval()
    nn.init.zeros_(block.bn2.weight)
    nn.init.constant_(block.bn2.bias, -1.0)  # a ReLU in front of the addition would cut this off
    X = torch.full((1, 2, 3, 3), 3.0)
    assert torch.equal(block(X), torch.full_like(X, 2.0))


def test_there_is_an_activation_between_the_convolutions():
    block = Residual(1, 1).eval()
    nn.init.constant_(block.bn1.bias, -1e6)  # nothing passes the first ReLU
    nn.init.zeros_(block.bn1.weight)
    X = torch.rand(1, 1, 4, 4)
    expected = block.bn2(block.conv2(torch.zeros_like(X)))
    assert torch.equal(block(X), (expected + X).relu())


def test_the_input_is_not_changed():
    for block in (Residual(2, 2), Residual(2, 3, use_1x1conv=True)):
        X = torch.randn(2, 2, 5, 5)
        before = X.clone()
        block(X)
        assert torch.equal(X, before)


@pytest.mark.parametrize("adapts, strides", [(False, 1), (True, 1), (True, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_gradient_is_that_of_finite_differences(adapts, strides, training):
    torch.manual_seed(0)
    block = unusual(Residual(2, 2, adapts, strides)).double().train(training)
    names, values = zip(*block.named_parameters())
    X = torch.randn(2, 2, 5, 5, dtype=torch.double, requires_grad=True)

    def output(X, *values):
        return torch.func.functional_call(block, dict(zip(names, values)), X)

    assert torch.autograd.gradcheck(output, (X, *values), fast_mode=True)


def test_the_shortcut_is_a_1x1_convolution():
    block = Residual(3, 6, use_1x1conv=True, strides=2)
    assert block.conv3.kernel_size == (1, 1)
    assert block.conv3.stride == block.conv1.stride == (2, 2)
    assert Residual(3, 3).conv3 is None


@pytest.mark.parametrize("arguments", [(3, 6), (3, 3, False, 2), (6, 3, False, 1)])
def test_an_input_that_could_not_be_added_raises(arguments):
    with pytest.raises(ValueError, match="use_1x1conv=True"):
        Residual(*arguments)


@pytest.mark.parametrize("first_block", [True, False])
@pytest.mark.parametrize("count_of_blocks", [1, 2, 4])
def test_only_the_first_block_of_a_later_stage_halves_the_picture(first_block, count_of_blocks):
    blocks = resnet_block(4 if first_block else 2, 4, count_of_blocks, first_block=first_block)
    assert len(blocks) == count_of_blocks
    strides = [block.conv1.stride[0] for block in blocks]
    assert strides == [1 if first_block else 2] + [1] * (count_of_blocks - 1)
    assert [block.conv3 is not None for block in blocks] == [not first_block] + [False] * (count_of_blocks - 1)
    X = torch.rand(1, 4 if first_block else 2, 8, 8)
    assert nn.Sequential(*blocks)(X).shape == ((1, 4, 8, 8) if first_block else (1, 4, 4, 4))


@pytest.mark.parametrize("num_residuals", [0, -1])
def test_a_stage_without_blocks_raises(num_residuals):
    with pytest.raises(ValueError, match="at least one block"):
        resnet_block(4, 4, num_residuals)


def test_a_first_stage_cannot_change_the_channels():
    with pytest.raises(ValueError, match="cannot be added"):
        resnet_block(4, 8, 2, first_block=True)


def test_resnet18_is_the_net_of_the_chapter_to_the_bit():
    books, ours = unusual(chapters_net()).eval(), resnet18().eval()
    ours.load_state_dict(books.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(books.state_dict())
    for side in (96, 28):
        X = torch.rand(2, 1, side, side)
        with torch.no_grad():
            assert torch.equal(ours(X), books(X))


def test_resnet18_has_the_parameters_of_the_chapter_and_1x1_shortcuts():
    net = resnet18()
    assert count(net) == count(chapters_net()) == PARAMETERS
    shortcuts = [module.conv3 for module in net.modules() if isinstance(module, Residual) and module.conv3 is not None]
    assert [shortcut.kernel_size for shortcut in shortcuts] == [(1, 1)] * 3
    as_3x3 = sum(8 * shortcut.in_channels * shortcut.out_channels for shortcut in shortcuts)
    assert PARAMETERS + as_3x3 == 12_554_634  # with 3x3 shortcuts, and every shape would still be right


def test_resnet18_has_18_layers_with_weights():
    layers = [name for name, module in resnet18().named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    assert len([name for name in layers if not name.endswith("conv3")]) == 18


def test_resnet18_differs_from_torchvisions_by_biases_and_batch_norms():
    from torchvision.models import resnet18 as torchvisions

    theirs = torchvisions(num_classes=10)
    theirs.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    assert count(theirs) == 11_175_370
    assert count(resnet18()) - count(theirs) == 4800 - 1792


@pytest.mark.parametrize("classes, channels, width", [(10, 1, 16), (7, 3, 8)])
def test_classes_channels_and_width_can_be_chosen(classes, channels, width):
    net = resnet18(num_classes=classes, in_channels=channels, width=width)
    assert net(torch.rand(2, channels, 32, 32)).shape == (2, classes)
    assert net[0][0].out_channels == width and net[4][1].conv2.out_channels == 8 * width


# The paper's networks for small images


@pytest.mark.parametrize("depth, millions", [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_cifar_resnet_has_the_parameters_of_the_paper(depth, millions):
    """He et al. 2015, Table 6; the paper's convolutions have no bias."""
    with torch.device("meta"):
        net = cifar_resnet(depth, in_channels=3)
    weights = sum(p.numel() for module in net.modules() if not isinstance(module, nn.Conv2d)
                  for name, p in module.named_parameters(recurse=False))  # fmt: skip
    weights += sum(module.weight.numel() for module in net.modules() if isinstance(module, nn.Conv2d))
    assert round(weights / 1e6, 2 if millions < 1 else 1) == millions


@pytest.mark.parametrize("depth", [8, 14, 20, 56])
@pytest.mark.parametrize("residual", [True, False])
def test_cifar_resnet_has_as_many_layers_as_its_name_says(depth, residual):
    layers = [m for m in cifar_resnet(depth, 2, residual=residual).modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


def test_cifar_resnet_has_the_map_sizes_of_the_paper():
    X, shapes = torch.rand(2, 3, 32, 32), []
    for layer in cifar_resnet(14, in_channels=3):
        X = layer(X)
        shapes.append(tuple(X.shape[1:]))
    assert shapes == [(16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8), (64, 1, 1), (64,), (10,)]
    assert cifar_resnet(8, stem_strides=2)[0](torch.rand(1, 1, 28, 28)).shape == (1, 16, 14, 14)


@pytest.mark.parametrize("norm", [True, False])
def test_plain_and_residual_differ_in_the_flag_alone(norm):
    nets = []
    for residual in (True, False):
        torch.manual_seed(3)
        nets.append(unusual(cifar_resnet(14, 3, residual=residual, norm=norm)))
    for (name, value), (other_name, other) in zip(nets[0].named_parameters(), nets[1].named_parameters(), strict=True):
        assert name == other_name and value.shape == other.shape
    nets[1].load_state_dict(nets[0].state_dict(), strict=True)
    X = torch.rand(4, 1, 12, 10)
    assert not torch.allclose(nets[0](X), nets[1](X))
    for net in nets:
        for block in blocks_of(net):
            assert type(block) is (Residual if net is nets[0] else Plain)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_the_same_seed_gives_the_same_weights(residual, norm):
    torch.manual_seed(5)
    reference = dict(cifar_resnet(8, 4).named_parameters())
    torch.manual_seed(5)
    for name, value in cifar_resnet(8, 4, residual=residual, norm=norm).named_parameters():
        if "conv" in name or name == "0.0.weight":
            assert torch.equal(value, reference[name]), name


def test_without_norm_there_is_none():
    kinds = {type(module) for module in cifar_resnet(8, 4, norm=False).modules()}
    assert nn.BatchNorm2d not in kinds
    assert nn.BatchNorm2d in {type(module) for module in cifar_resnet(8, 4).modules()}


def test_weights_are_drawn_after_he():
    torch.manual_seed(0)
    for module in cifar_resnet(8, 64).modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            if module.weight.numel() > 10_000:
                assert module.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.03)
            assert not module.bias.any()


def test_a_plain_block_is_the_residual_block_minus_its_input():
    torch.manual_seed(0)
    plain, residual = Plain(2, 2).eval(), unusual(Residual(2, 2)).eval()
    plain.load_state_dict(residual.state_dict())
    X = 100 * torch.rand(3, 2, 5, 7)  # so large that the last ReLU of the residual block lets all pass
    torch.testing.assert_close(residual(X).sub(X).relu(), plain(X), rtol=1e-4, atol=1e-3)
    assert plain(X).any()


@given(st.integers(1, 4), st.integers(0, 4), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))
def test_zero_padding_keeps_every_so_many_pixels_and_adds_zeros(channels, more, strides, height, width):
    X = torch.randn(2, channels, height, width)
    padded = ZeroPadding(channels + more, strides)(X)
    assert padded.shape == (2, channels + more, -(-height // strides), -(-width // strides))
    assert torch.equal(padded[:, :channels], X[:, :, ::strides, ::strides])
    assert not padded[:, channels:].any()


def test_a_shortcut_without_projection_has_no_parameter():
    net = cifar_resnet(14, 4)
    shortcuts = [block.conv3 for block in blocks_of(net)]
    assert [type(shortcut) for shortcut in shortcuts] == [type(None)] * 2 + [ZeroPadding, type(None)] * 2
    assert not [name for name, _ in net.named_parameters() if "conv3" in name]


@pytest.mark.parametrize("depth", [2, 7, 18, 21, 0, -4])
def test_a_depth_that_does_not_exist_is_refused(depth):
    with pytest.raises(ValueError, match=f"8, 14, 20.*depth={depth}"):
        cifar_resnet(depth)


def test_resnet34_is_the_same_builder_with_other_numbers():
    from torchvision.models import resnet34

    with torch.device("meta"):
        stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        ours, theirs = resnet(stem, (3, 4, 6, 3), 64, num_classes=1000), resnet34()
    biases = sum(module.bias.numel() for module in ours.modules() if isinstance(module, nn.Conv2d))
    shortcut_norms = 2 * (128 + 256 + 512)
    assert count(ours) - biases == count(theirs) - shortcut_norms


def blocks_of(net: nn.Module) -> list[Residual]:
    return [module for module in net.modules() if isinstance(module, Residual)]


# Blocks that hand on more channels than they work with


def torchvisions_bottleneck(input_channels, num_channels, use_1x1conv=False, strides=1):
    from torchvision.models.resnet import Bottleneck, conv1x1

    adapts = input_channels != num_channels or strides != 1
    shortcut = nn.Sequential(conv1x1(input_channels, num_channels, strides), nn.BatchNorm2d(num_channels))
    return Bottleneck(input_channels, num_channels // 4, strides, shortcut if adapts else None)


@pytest.mark.parametrize("name, counts", [("resnet50", (3, 4, 6, 3)), ("resnet101", (3, 4, 23, 3))])
def test_with_an_expansion_it_builds_torchvisions_networks(name, counts):
    from torchvision import models

    with torch.device("meta"):
        stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        ours = resnet(stem, counts, 64, 1000, torchvisions_bottleneck, expansion=4)
        theirs = models.get_model(name, weights=None)
    assert [value.shape for value in ours.state_dict().values()] == [
        value.shape for value in theirs.state_dict().values()
    ]


def test_a_network_of_bottlenecks_computes_what_torchvisions_does():
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(0)
    theirs = unusual(ResNet(Bottleneck, [1, 2, 1, 2], num_classes=7)).eval()
    stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    ours = resnet(stem, (1, 2, 1, 2), 64, 7, torchvisions_bottleneck, expansion=4).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values())), strict=True)
    X = torch.rand(2, 3, 40, 48)
    with torch.no_grad():
        torch.testing.assert_close(ours(X), theirs(X))


def test_without_an_expansion_the_channels_are_those_of_the_stem():
    net = resnet(nn.Conv2d(1, 4, 3, padding=1), (1, 1), 4)
    assert [block.conv2.out_channels for block in blocks_of(net)] == [4, 8]


def test_an_expansion_that_the_block_cannot_adapt_to_is_refused():
    with pytest.raises(ValueError, match="use_1x1conv=True"):
        resnet(nn.Conv2d(1, 4, 3, padding=1), (1, 1), 4, expansion=4)
