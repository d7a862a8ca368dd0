"""The residual block, and ResNet-18 made of it."""

from __future__ import annotations

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


def resnet_block(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> list[nn.Module]:
    """Return one stage of a residual network: `num_residuals` blocks of `num_channels` channels.

    The first block halves height and width, except in the first stage of a network (`first_block`),
    where the stem has done so already.

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
            blocks.append(Residual(input_channels, num_channels, use_1x1conv=True, strides=2))
        else:
            blocks.append(Residual(input_channels if i == 0 else num_channels, num_channels))
    return blocks


def resnet18(num_classes: int = 10, in_channels: int = 1, width: int = 64) -> nn.Sequential:
    """Build the ResNet-18 of the book's chapter "Residual Networks".

    The stem is a 7×7 convolution and a max-pool, then come four stages of two blocks, then the head.
    (The book's own package has a `resnet18` with another stem, for another chapter.)

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
    return nn.Sequential(
        stem,
        nn.Sequential(*resnet_block(width, width, 2, first_block=True)),
        nn.Sequential(*resnet_block(width, 2 * width, 2)),
        nn.Sequential(*resnet_block(2 * width, 4 * width, 2)),
        nn.Sequential(*resnet_block(4 * width, 8 * width, 2)),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(8 * width, num_classes),
    )
