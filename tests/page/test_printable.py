"""What is printed can be printed, whatever the output's encoding has."""

from __future__ import annotations

import io
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
