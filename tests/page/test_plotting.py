"""Figures with a text alternative, in the course's style."""

from __future__ import annotations

import base64
import html
from types import SimpleNamespace
from xml.etree import ElementTree

import IPython.display
import matplotlib
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text

from d2lhelpers.page import label_line_ends, plotting, show_drawing, show_figure, subplots

ALT = 'A line that says "up" & goes <up>'


@pytest.fixture
def shown(monkeypatch):
    """What is displayed: pairs of data and metadata."""
    shown = []

    def display(data, metadata, raw):
        assert raw
        shown.append((data, metadata))

    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def alt_of(element: str) -> str:
    return html.unescape(element.split('alt="')[1].split('"')[0])


def test_subplots_gives_one_panel_or_an_array_as_pyplot_does():
    figure, axes = subplots()
    assert axes in figure.axes
    figure, axes = subplots(2, 3, figsize=(9, 4), sharey=True)
    assert axes.shape == (2, 3) and len(figure.axes) == 6
    assert figure.get_size_inches().tolist() == [9, 4]


def test_a_figure_is_not_shown_a_second_time_at_the_end_of_the_cell():
    subplots()
    assert plt.get_fignums() == []  # pyplot does not know of it


def test_the_learners_own_settings_are_left_alone():
    before = dict(matplotlib.rcParams)
    subplots(1, 2)
    assert dict(matplotlib.rcParams) == before


def test_lines_are_told_apart_without_hues():
    _, axes = subplots()
    for i in range(8):
        axes.plot([0, 1], [i, i])
    assert len({line.get_color() for line in axes.get_lines()}) == 8
    assert {line.get_color() for line in axes.get_lines()} == set(plotting.OKABE_ITO)


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_figure_of_a_run_that_was_stopped_early_says_so_to_everybody(shown, interrupted):
    figure, axes = subplots(figsize=(5, 3))
    axes.set(xlabel="epoch")
    for _ in range(2):  # showing it again adds nothing
        show_figure(figure, ALT, runs=[SimpleNamespace(interrupted=False), SimpleNamespace(interrupted=interrupted)])
    note = "Not complete: a run was stopped early."
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert texts.count(note) == interrupted
    assert shown[1][0]["text/plain"] == alt_of(shown[1][0]["text/html"]) == (f"{note} {ALT}" if interrupted else ALT)
    assert axes.get_xlabel() == "epoch"


def test_show_figure_carries_the_text_alternative_in_every_representation(shown):
    figure, axes = subplots(figsize=(5, 3))
    axes.plot([0, 1])
    show_figure(figure, ALT)
    ((data, metadata),) = shown
    assert data["text/plain"] == metadata["image/png"]["alt"] == alt_of(data["text/html"]) == ALT
    png = base64.b64decode(data["image/png"])
    assert png.startswith(b"\x89PNG")
    assert data["image/png"] in data["text/html"]
    assert metadata["image/png"]["width"] == 5 * 96


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_show_figure_wants_a_text_alternative(shown, alt):
    with pytest.raises(ValueError, match="text alternative"):
        show_figure(subplots()[0], alt)
    assert shown == []


@pytest.mark.parametrize("path", sorted(plotting._drawings_folder().glob("*.svg")), ids=lambda path: path.stem)
def test_every_drawing_is_shown_with_its_own_description(shown, path):
    show_drawing(path.stem)
    ((data, metadata),) = shown
    ElementTree.fromstring(data["image/svg+xml"])
    alt = data["text/plain"]
    assert len(alt) > 40, "the drawing has no description"
    assert alt == metadata["image/svg+xml"]["alt"] == alt_of(data["text/html"])
    assert 'src="data:image/svg+xml;base64,' in data["text/html"]


def test_an_unknown_drawing_raises_and_lists_those_there_are(shown):
    names = [path.stem for path in plotting._drawings_folder().glob("*.svg")]
    with pytest.raises(FileNotFoundError, match="no drawing 'nonsense'") as caught:
        show_drawing("nonsense")
    assert names and all(name in str(caught.value) for name in names)


def label_heights(axes) -> dict[str, float]:
    """Return where each label of a line stands, in pixels from below."""
    axes.figure.draw_without_rendering()
    return {text.get_text(): text.get_window_extent().y0 for text in axes.texts}


def test_line_ends_are_labeled_in_the_color_of_their_line():
    _, axes = subplots()
    for i, name in enumerate(("low", "high")):
        axes.plot([0, 1, 2], [i, i, 5 * i], label=name)
    axes.plot([0, 2], [3, 3])  # without a label
    axes.plot([], [], label="empty")
    label_line_ends(axes)
    assert {text.get_text(): text.get_color() for text in axes.texts} == {
        "low": axes.get_lines()[0].get_color(),
        "high": axes.get_lines()[1].get_color(),
    }
    heights = label_heights(axes)
    assert heights["low"] < heights["high"]


def test_labels_of_lines_that_end_together_do_not_overlap():
    _, axes = subplots()
    for i in range(5):
        axes.plot([0, 1], [i, 1 + i / 1000], label=f"line {i}")
    label_line_ends(axes)
    axes.figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    assert len(boxes) == 5
    assert all(above.y0 - below.y0 > 0.8 * (below.y1 - below.y0) for below, above in zip(boxes, boxes[1:]))


def test_labels_have_room_beside_the_lines():
    _, axes = subplots()
    axes.plot([0, 10], [0, 1], label="line")
    label_line_ends(axes, room=0.5)
    assert axes.get_xlim()[1] > 14


@pytest.mark.parametrize(("scale", "last"), [("linear", 10), ("log", 1000)])
def test_there_are_no_ticks_where_there_are_only_labels(scale, last):
    _, axes = subplots()
    axes.plot([1, last], [0, 1], label="a line with a long name")
    axes.set_xscale(scale)
    label_line_ends(axes, room=1)
    axes.figure.draw_without_rendering()
    ticks = [*axes.get_xticks(), *axes.get_xticks(minor=True)]
    assert max(ticks) <= last
    assert sum(bool(label.get_text()) for label in axes.get_xticklabels()) >= 2
