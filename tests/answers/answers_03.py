"""Answers to the exercises of notebook 03."""

from __future__ import annotations

from answers.collect import right, wrong

right("3.1", "counted by PyTorch", """
extra_parameters_of_option_c = sum(
    sum(p.numel() for p in nn.Conv2d(c, c, kernel_size=1).parameters()) for c in (64, 64, 128, 256, 512)
)
""")
right("3.1", "as a float", "extra_parameters_of_option_c = 350208 - 0.0")
""
wrong("3.1", "without biases", "extra_parameters_of_option_c = 2 * 64**2 + 128**2 + 256**2 + 512**2", "without the biases")
wrong("3.1", "3x3 convolutions", "extra_parameters_of_option_c = sum(9 * c * c + c for c in (64, 64, 128, 256, 512))", "3×3")
