"""The residual block, and the networks made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """The book's residual block: two 3×3 convolutions, and the input added to what they make of it.

    Parameters
    ----------
    input_channels, num_channels : int
        Channels that come in, and that go out.
    use_1x1conv : bool
        Whether a 1×1 convolution adapts the input before it is added. It is needed where the
        channels or the resolution change.
    strides : int
        Stride of the first convolution and of the 1×1 convolution.

    Raises
    ------
    ValueError
        If the input could not be added: channels or resolution change without a 1×1 convolution.

    References
    ----------
    He et al. 2015, arXiv 1512.03385, section 3; *Dive into Deep Learning*, section "Residual Networks".
    """

    def __init__(self, input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1) -> None:
        super().__init__()
        if not use_1x1conv and (input_channels != num_channels or strides != 1):
            raise ValueError(
                f"the input of {input_channels} channels cannot be added to an output of {num_channels} channels "
                f"made with strides={strides}; pass use_1x1conv=True to adapt it"
            )
        self.conv1 = nn.Conv2d(input_channels, num_channels, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=1, stride=strides) if use_1x1conv else None
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.bn2 = nn.BatchNorm2d(num_channels)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_channels, height, width) to (batch, num_channels, height / strides, width / strides)."""
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3 is not None:
            X = self.conv3(X)
        return F.relu(Y + X)


class Plain(Residual):
    """The layers of `Residual` without the addition: the block of the paper's plain networks.

    References
    ----------
    He et al. 2015, arXiv 1512.03385, section 3.3.
    """

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_channels, height, width) to (batch, num_channels, height / strides, width / strides)."""
        Y = F.relu(self.bn1(self.conv1(X)))
        return F.relu(self.bn2(self.conv2(Y)))


class ZeroPadding(nn.Module):
    """The shortcut without parameters, the paper's option A: fewer pixels, and channels of zeros.

    Parameters
    ----------
    num_channels : int
        Channels that go out; those that are missing are zeros.
    strides : int
        Of every so many rows and columns, one is kept.

    References
    ----------
    He et al. 2015, arXiv 1512.03385, sections 3.3 and 4.1.
    """

    def __init__(self, num_channels: int, strides: int) -> None:
        super().__init__()
        self.num_channels, self.strides = num_channels, strides

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, height, width) to (batch, num_channels, height / strides, width / strides)."""
        X = X[:, :, :: self.strides, :: self.strides]
        return F.pad(X, (0, 0, 0, 0, 0, self.num_channels - X.shape[1]))


def resnet_block(
    input_channels: int,
    num_channels: int,
    num_residuals: int,
    first_block: bool = False,
    block: Callable[..., nn.Module] = Residual,
) -> list[nn.Module]:
    """Return one stage of a residual network: `num_residuals` blocks of `num_channels` channels.

    The first block halves height and width, except in the first stage of a network (`first_block`),
    where the stem has done so already.

    Parameters
    ----------
    input_channels, num_channels : int
        Channels that come in, and that go out.
    num_residuals : int
        Number of blocks.
    first_block : bool
        Whether this is the first stage.
    block : callable
        Makes a block; called with the arguments of `Residual`.

    Raises
    ------
    ValueError
        If there is no block, or the first stage is asked to change the channels.
    """
    if num_residuals < 1:
        raise ValueError(f"a stage needs at least one block; got num_residuals={num_residuals}")
    blocks: list[nn.Module] = []
    for i in range(num_residuals):
        if i == 0 and not first_block:
            blocks.append(block(input_channels, num_channels, use_1x1conv=True, strides=2))
        else:
            blocks.append(block(input_channels if i == 0 else num_channels, num_channels))
    return blocks


def resnet(
    stem: nn.Module,
    num_residuals: Sequence[int],
    width: int,
    num_classes: int = 10,
    block: Callable[..., nn.Module] = Residual,
    expansion: int = 1,
) -> nn.Sequential:
    """Build a residual network: the stem, the stages one by one, then the head.

    Each stage after the first halves height and width and doubles the channels. The head averages
    over the pixels and maps what is left to scores.

    Parameters
    ----------
    stem : torch.nn.Module
        Maps images to (batch, width, height, width of the maps).
    num_residuals : sequence of int
        Blocks of each stage, for instance ``(3, 4, 6, 3)`` for ResNet-34.
    width : int
        Channels of the stem and, times `expansion`, of the first stage.
    num_classes : int
        Scores that come out.
    block : callable
        Makes a block; called with the arguments of `Residual`.
    expansion : int
        How many times the stem's channels the first stage hands on: 4 in the paper's networks of
        bottleneck blocks. The first block is then called with other channels out than in, and must
        adapt its input by itself.

    Returns
    -------
    torch.nn.Sequential
        The stem, one `Sequential` for each stage, average pooling, flattening, the linear layer.

    References
    ----------
    He et al. 2015, arXiv 1512.03385, Table 1 and section 4.2.
    """
    stages = []
    channels = width
    for i, count in enumerate(num_residuals):
        wider = width * expansion * 2**i
        stage = resnet_block(channels, wider, count, first_block=i == 0, block=block)
        stages.append(nn.Sequential(*stage))
        channels = wider
    pool = nn.AdaptiveAvgPool2d((1, 1))
    return nn.Sequential(stem, *stages, pool, nn.Flatten(), nn.Linear(channels, num_classes))


def resnet18(num_classes: int = 10, in_channels: int = 1, width: int = 64) -> nn.Sequential:
    """Build the ResNet-18 of the book's chapter "Residual Networks".

    The stem is a 7×7 convolution and a max-pool, then come four stages of two blocks, then the head.
    (The book's own package has a ``resnet18`` with another stem, for another chapter.)

    Parameters
    ----------
    num_classes : int
        Scores that come out.
    in_channels : int
        Channels of an image.
    width : int
        Channels of the stem and of the first stage; each stage has twice the channels of the one
        before. 64 is the published network; a quarter of it trains in a minute without a GPU.

    Returns
    -------
    torch.nn.Sequential
        Maps (batch, in_channels, height, width) to (batch, num_classes).

    References
    ----------
    He et al. 2015, arXiv 1512.03385, Table 1.
    """
    stem = nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=7, stride=2, padding=3),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
    return resnet(stem, (2, 2, 2, 2), width, num_classes)


def cifar_resnet(
    depth: int,
    width: int = 16,
    num_classes: int = 10,
    in_channels: int = 1,
    *,
    residual: bool = True,
    norm: bool = True,
    stem_strides: int = 1,
) -> nn.Sequential:
    """Build one of the paper's networks for small images (CIFAR-10), or the plain network beside it.

    A 3×3 convolution, three stages of `(depth - 2) / 6` blocks, and the head. No shortcut has a
    parameter (option A), so `residual` changes no layer and no weight, only whether blocks add.
    The weights are initialized after He, so that the same random seed gives both the same weights.

    Parameters
    ----------
    depth : int
        Convolutions and the linear layer: 8, 14, 20, 26, 32, ...
    width : int
        Channels of the stem and of the first stage; 16 is the published network.
    num_classes : int
        Scores that come out.
    in_channels : int
        Channels of an image.
    residual : bool
        Whether each block adds its input; if not, the network is plain.
    norm : bool
        Whether a batch norm follows each convolution.
    stem_strides : int
        Stride of the first convolution; 1 is the published network, 2 needs a quarter of the time.

    Returns
    -------
    torch.nn.Sequential
        Maps (batch, in_channels, height, width) to (batch, num_classes).

    Raises
    ------
    ValueError
        If no network of this layout has this depth.

    References
    ----------
    He et al. 2015, arXiv 1512.03385, section 4.2; the initialization: arXiv 1502.01852, section 2.2.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(
            f"three stages of n blocks of two layers, the stem and the head make 6n + 2 layers: "
            f"8, 14, 20, 26, 32, ...; got depth={depth}"
        )
    stem = nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=3, stride=stem_strides, padding=1),
        nn.BatchNorm2d(width) if norm else nn.Identity(),
        nn.ReLU(),
    )
    block = partial(_block_without_projection, residual=residual, norm=norm)
    net = resnet(stem, [(depth - 2) // 6] * 3, width, num_classes, block)
    return net.apply(_initialize_after_he)


def _block_without_projection(
    input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1, *, residual: bool, norm: bool
) -> Residual:
    """Return a block that pads where others have a 1×1 convolution, with two switches."""
    block = (Residual if residual else Plain)(input_channels, num_channels, use_1x1conv, strides)
    if use_1x1conv:
        block.conv3 = ZeroPadding(num_channels, strides) if residual else None
    if not norm:
        block.bn1, block.bn2 = nn.Identity(), nn.Identity()
    return block


def _initialize_after_he(module: nn.Module) -> None:
    """Draw the weights of a convolution so that a ReLU network keeps the size of its signal; no bias."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
