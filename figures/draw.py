"""Redraw all figures of the course: `python figures/draw.py` writes the SVG files beside it.

Each figure has a script of its own, named like its SVG file, with its `TITLE`, its text
alternative `ALT` and its `CAPTION`.
"""

from __future__ import annotations

import function_classes
import gradient_paths
import plain_and_residual
import residual_blocks
import resnet18
import training_step
from svg import write_svg

DRAWINGS = (
    function_classes.DRAWING,
    gradient_paths.DRAWING,
    residual_blocks.DRAWING,
    plain_and_residual.DRAWING,
    resnet18.DRAWING,
    training_step.DRAWING,
)


def main() -> None:
    """Write every SVG file and say where it is and how large."""
    for drawing in DRAWINGS:
        path = write_svg(drawing)
        print(f"{path}  {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
