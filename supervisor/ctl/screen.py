"""Terminal output by way of rich, with nothing in it that a user could have put there."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

from supervisor.ctl.options import Settings

_NO_WRAP_COLUMNS = 10_000
_LEGIBLE = 20
"""Columns; what would be less is wrapped from the left edge on."""


def console(settings: Settings, stream: TextIO | None = None) -> Console:
    """For a pipe the width is no concern, unless COLUMNS says otherwise."""
    target = stream or sys.stdout
    piped = not target.isatty() and "COLUMNS" not in os.environ
    return Console(
        file=target,
        width=_NO_WRAP_COLUMNS if piped else None,
        color_system="auto" if settings.color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def show(target: Console, line: Text) -> None:
    """One line, not wrapped: what did not fit was cut where the line was made."""
    target.print(line, soft_wrap=True)


def show_wrapped(target: Console, line: Text) -> None:
    """One line, wrapped; below a head (its first style) or an indentation nothing else stands."""
    head = line.spans[0].end if line.spans and line.spans[0].start == 0 else 0
    indent = len(line.plain) - len(line.plain.lstrip()) or head
    room = target.width - indent
    if line.cell_len <= target.width or indent in {0, len(line)} or room < _LEGIBLE:
        target.print(line)
        return
    first, *rest = line[indent:].wrap(target, room)
    show(target, Text.assemble(line[:indent], first))
    for each in rest:
        show(target, Text.assemble(" " * indent, each))


class Progress:
    """One line that keeps changing on a terminal; a line for each change elsewhere."""

    def __init__(self, settings: Settings, *, silent: bool = False, is_kept: bool = True) -> None:
        """``is_kept``: the last sentence is a result, and stays."""
        self._silent = silent
        self._is_kept = is_kept
        self._console = console(settings, sys.stderr)
        self._status: Status | None = None
        self._last = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._silent:
            self._status = self._console.status(Text("asking the daemon"))
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()
            # Without the spinner.
            if error is None and self._last and self._is_kept:
                self._console.print(Text(self._last))

    def say(self, sentence: Text) -> None:
        """What is going on now."""
        if self._silent or sentence.plain == self._last:
            return
        self._last = sentence.plain
        if self._status is not None:
            sentence.truncate(max(20, self._console.width - 4), overflow="ellipsis")
            self._status.update(sentence)
        else:
            show(self._console, sentence)
