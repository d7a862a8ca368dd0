"""Progress: one line that changes in place. In a real kernel: test_train.py."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

from d2lhelpers.page import ProgressLine, progress_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_text_replaces_the_one_before():
    line = ProgressLine()
    with redirect_stdout(Terminal()) as terminal:
        line.show("epoch 1")
        line.show("epoch 2")
        line.finish("done")
    written = terminal.getvalue()
    assert written.count("\n") == 1 and written.endswith("done\n")
    assert [text.replace("\033[K", "") for text in written.split("\r")[1:]] == ["epoch 1", "epoch 2", "done\n"]


def test_in_a_script_whose_output_goes_to_a_file_nothing_is_written(capsys):
    line = ProgressLine()
    line.show("epoch 1")
    line.finish("done")
    assert capsys.readouterr() == ("", "")


def test_in_a_notebook_nothing_is_printed_beside_the_output(monkeypatch):
    monkeypatch.setattr(progress_line, "notebook_shell", lambda: object())
    with redirect_stdout(Terminal()) as terminal:
        ProgressLine().show("epoch 1")
    assert terminal.getvalue() == ""


def test_the_last_text_is_what_it_shows():
    line = ProgressLine()
    line.show("epoch 1")
    line.finish("done")
    assert line.text == "done"
    assert line._render() == ({"text/plain": "done"}, {})
