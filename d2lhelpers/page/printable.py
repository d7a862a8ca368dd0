"""Text that can be printed wherever the output goes."""

from __future__ import annotations

import sys

PLAIN = str.maketrans({"✓": "+", "✗": "-", "○": "o", "●": "*", "×": "x", "−": "-", "→": "->", "←": "<-", "…": "..."})


def printable(text: str) -> str:
    """Return the text as it is, or in simpler signs where the output's encoding has not got these.

    On Windows, what a script prints into a file is in an encoding without ✓, and printing it would raise.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
