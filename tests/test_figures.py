"""The drawings: made by code, described in words, and true."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import d2lhelpers
from d2lhelpers import page

FIGURES = Path(__file__).parent.parent / "figures"
SVG = "{http://www.w3.org/2000/svg}"
PATHS = sorted(FIGURES.glob("*.svg"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_drawing_says_in_words_what_is_to_be_seen(path):
    root = ElementTree.parse(path).getroot()
    assert root.get("role") == "img"
    assert len(root.findtext(f"{SVG}title")) > 5 and len(root.findtext(f"{SVG}desc")) > 100


def test_the_drawings_can_be_redrawn(tmp_path):
    before = {path.name: path.read_bytes() for path in PATHS}
    try:
        subprocess.run([sys.executable, str(FIGURES / "draw.py")], check=True, capture_output=True)
        after = {path.name: path for path in FIGURES.glob("*.svg")}
        assert set(after) == set(before)
        for name, path in after.items():
            described = ElementTree.parse(path).getroot().findtext(f"{SVG}desc")
            assert described == ElementTree.fromstring(before[name]).findtext(f"{SVG}desc"), "run `make figures`"
    finally:
        for name, content in before.items():
            (FIGURES / name).write_bytes(content)


def test_the_drawing_of_resnet18_states_the_shapes_that_the_network_has():
    description = ElementTree.parse(FIGURES / "resnet18.svg").getroot().findtext(f"{SVG}desc")
    for layer in d2lhelpers.trace_shapes(d2lhelpers.resnet18(), (1, 1, 224, 224), depth=1):
        assert str(layer.output_shape) in description


def test_the_drawing_of_the_blocks_states_the_shapes_that_they_have():
    description = ElementTree.parse(FIGURES / "residual_blocks.svg").getroot().findtext(f"{SVG}desc")
    assert str((4, 3, 6, 6)) in description
    block = d2lhelpers.Residual(3, 6, use_1x1conv=True, strides=2)
    assert d2lhelpers.trace_shapes(block, (4, 3, 6, 6))[-1].output_shape == (4, 6, 3, 3)


def test_a_drawing_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(FileNotFoundError, match="resnet18"):
        page.show_drawing("resnet19")


def test_the_drawing_of_a_step_has_its_lines_in_the_order_of_the_loop():
    described = ElementTree.parse(FIGURES / "training_step.svg").getroot().findtext(f"{SVG}desc")
    step = d2lhelpers.training_step.TrainingStep
    for function, lines in (
        (step._gradients, ["self._forward(", "cross_entropy(", "backward()"]),
        (step.__call__, ["self._gradients(", "optimizer.step()"]),
    ):
        source = inspect.getsource(function)
        assert sorted(lines, key=source.index) == lines
    assert "forward, loss, backward and step" in described
