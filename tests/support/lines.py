"""Logs that are read while they are written."""

from __future__ import annotations

from pathlib import Path


def whole_lines(path: Path) -> str:
    """The file without a last line that is not there to its end.

    A write is seen page by page: a line that lies across two can be met by half.
    """
    text = path.read_text()
    return text[: text.rfind("\n") + 1]
