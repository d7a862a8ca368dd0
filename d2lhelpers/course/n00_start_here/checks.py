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
        "3·3·3 weights make one output channel, and there are 8 of them. What else does each output channel have?",
    ),
)
def check_parameters_of_the_layer(parameters: Any) -> None:
    """3·3·3 weights and one bias for each of 8 output channels."""
    found = whole_number(parameters, "parameters_of_the_layer")
    causes = {
        216: "these are the weights; each output channel has a bias too",
        219: "there is one bias for each output channel, not for each input channel",
        72: "one of three threes is missing: a window has 3 rows, 3 columns and 3 input channels. So are the biases",
        80: "one of three threes is missing: a window has 3 rows, 3 columns and 3 input channels",
        27: "that is one output channel without its bias; there are eight",
        28: "that is one output channel with its bias; there are eight",
        32: "these are 3·8 pairs of channels and the biases; each pair has a 3×3 window",
    }
    if found != 224:
        cause = causes.get(found, "count what one output channel needs first; how many of those are there?")
        raise Incorrect(f"{found:,} is not it: {cause}")
