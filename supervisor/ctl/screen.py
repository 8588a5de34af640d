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


class Progress:
    """One line that keeps changing on a terminal; a line for each change elsewhere."""

    def __init__(self, settings: Settings, *, silent: bool = False) -> None:
        self._silent = silent
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
            # The last sentence stays, without the spinner.
            if error is None and self._last:
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
