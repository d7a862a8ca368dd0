"""The exercise of notebook 00: how exercises work."""

from __future__ import annotations

from typing import Any

from d2lhelpers.course.checking import Incorrect, whole_number
from d2lhelpers.course.exercise import exercise


@exercise(
    "0.1",
    "Parameters of a convolution",
    difficulty=1,
    minutes=3,
    names=("parameters_of_the_layer",),
    hints=(
        "For each output channel, a 3×3 window looks at every input channel. How many weights has one such window?",
        "3·3·3 weights make one output channel, and there are 8 of them. What else has each output channel?",
    ),
)
def check_parameters_of_the_layer(parameters: Any) -> None:
    """3·3·3 weights and one bias for each of 8 output channels."""
    found = whole_number(parameters, "parameters_of_the_layer")
    causes = {
        216: "these are the weights; each output channel has a bias too",
        219: "there is one bias for each output channel, not for each input channel",
        72: "these are the 3×3 windows of one input channel; there are three",
        80: "each output channel looks at all three input channels, not at one",
        27: "that is one output channel without its bias; there are eight",
        28: "that is one output channel with its bias; there are eight",
        32: "these are 3·8 pairs of channels and the biases; each pair has a 3×3 window",
    }
    if found != 224:
        raise Incorrect(
            f"{found:,} is not it"
            + (
                f": {causes[found]}"
                if found in causes
                else "; count 3·3 weights for each pair of an input and an output channel, then the biases"
            )
        )
