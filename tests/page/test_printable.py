"""What is printed can be printed, whatever the output's encoding has."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

from d2lhelpers.page.printable import printable

TEXT = "✓ 3.1, 7×7, ○ 3.2, ✗ 3.3, −1 → …, ∂"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_where_everything_can_be_written_nothing_changes(encoding):
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)):
        assert printable(TEXT) == TEXT


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1", "shift_jis", "cp1251"])
def test_where_the_marks_cannot_be_written_others_tell_the_same_apart(encoding):
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    with redirect_stdout(output):
        print(printable(TEXT))
        marks = [printable(mark) for mark in "✓✗○"]
    assert b"3.1" in output.buffer.getvalue() and len(set(marks)) == 3


def test_an_output_without_an_encoding_takes_everything():
    with redirect_stdout(io.StringIO()):
        assert printable(TEXT) == TEXT
    with redirect_stdout(None):
        assert printable(TEXT) == TEXT


def test_whatever_the_course_prints_can_be_printed_there():
    script = """
import d2lhelpers as d2l
from d2lhelpers.course import claim
from torch import nn
for shown in (d2l.check("0.1", {"parameters_of_the_layer": 1}), d2l.check("0.1", {"parameters_of_the_layer": 224}),
              d2l.hint("0.1"), d2l.solution("3.2"), claim("3 × 4 is 12", True, {"×": 12}),
              d2l.trace_shapes(nn.Conv2d(1, 2, 3), (1, 1, 8, 8))):
    print(shown, repr(shown))
"""
    for encoding in ("cp1252", "cp437", "ascii"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr.decode(encoding, "replace")
