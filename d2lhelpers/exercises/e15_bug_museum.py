"""The exhibits of notebook 15: the bug museum."""

from __future__ import annotations

from typing import Any

from torch import nn

from d2lhelpers.exercise import exercise
from d2lhelpers.exhibit import check_hunt
from d2lhelpers.residual import Residual


@exercise(
    "15.1",
    "The heavy shortcut",
    difficulty=1,
    minutes=5,
    names=("diagnosis_1", "test_shortcut"),
    hints=(
        "Count the parameters of `Residual(64, 128, use_1x1conv=True, strides=2)` by hand, layer by layer.",
        "Which kernel size does `conv3` have, and which does its switch promise? Assert it, or assert the count.",
    ),
)
def check_15_1(diagnosis: Any, test: Any) -> None:
    """The 1×1 convolution is a 3×3 one."""
    check_hunt(
        "15.1",
        "Residual",
        (diagnosis, test),
        right="c",
        wrong={
            "a": "the input is added in the last line of forward",
            "b": "conv1 and conv3 both have the stride, so the shapes agree",
            "d": "there is a ReLU between the convolutions, and one after the addition",
        },
        also_right={"the package's block": Residual},
        also_broken={"a kernel of 5×5": _WithKernel5},
    )


class _WithKernel5(Residual):
    def __init__(self, input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1) -> None:
        super().__init__(input_channels, num_channels, use_1x1conv, strides)
        if use_1x1conv:
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=5, padding=2, stride=strides)
