"""Answers to the exercise of notebook 00."""

from __future__ import annotations

from collect import right, wrong

NAME = "parameters_of_the_layer"

right("0.1", "counted by PyTorch", f"{NAME} = sum(p.numel() for p in torch.nn.Conv2d(3, 8, 3).parameters())")
right("0.1", "as a float", f"{NAME} = 224.0")
right("0.1", "as a tensor", f"{NAME} = torch.tensor([224])")

wrong("0.1", "without biases", f"{NAME} = 3 * 3 * 3 * 8", "has a bias too")
wrong("0.1", "a bias for each input channel", f"{NAME} = 3 * 3 * 3 * 8 + 3", "not for each input channel")
wrong("0.1", "one input channel", f"{NAME} = 3 * 3 * 8 + 8", "3 rows, 3 columns and 3 input channels")
wrong("0.1", "the window a line", f"{NAME} = 3 * 8 * 3 + 8", "3 rows, 3 columns and 3 input channels")
wrong("0.1", "one output channel", f"{NAME} = 3 * 3 * 3 + 1", "there are eight")
wrong("0.1", "a 1x1 window", f"{NAME} = 3 * 8 + 8", "has a 3×3 window")
wrong("0.1", "counted the outputs", f"{NAME} = 8 * 6 * 6", "what one output channel needs")
wrong("0.1", "as a text", f"{NAME} = '224'", "should be a number")
