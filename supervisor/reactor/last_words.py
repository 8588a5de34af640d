"""What a follower of a log has missed of a command's last words. Pure.

Docker Engine lets go of whoever follows a log when the container ends, at times before they have
had the last lines (20.10, on a busy host: every few sessions). The agent reports the end of the
output by another way; where what was seen last is found in there, what comes after it is missing.
"""

from __future__ import annotations

_ANCHOR_CHARS = 1024
"""Of what was seen last: enough to be found in one place only, unless all lines are alike."""
_KEPT_BYTES = 8 * 1024
_AGENTS = "fx-session: "
"""Begins the agent's own lines, which are no part of the command's output."""


class Seen:
    """The end of what a follower was given."""

    def __init__(self) -> None:
        self._kept = b""
        self._cut = False

    def add(self, piece: bytes) -> None:
        """It was given this as well."""
        kept = self._kept + piece[-_KEPT_BYTES:]
        self._cut = self._cut or len(piece) > _KEPT_BYTES or len(kept) > _KEPT_BYTES
        self._kept = kept[-_KEPT_BYTES:]

    def missing(self, report: str, *, from_beginning: bool) -> bytes:
        """What of the reported end of the output it was not given; nothing when that is uncertain.

        Who has followed ``from_beginning`` and saw nothing has missed all of it.
        """
        lines = self._kept.decode(errors="replace").splitlines(keepends=True)
        # The first is a part of a line if something was let go.
        output = "".join(line for line in lines[self._cut :] if not line.startswith(_AGENTS))
        if not output:
            return report.encode() if from_beginning and not self._cut else b""
        anchor = output[-min(_ANCHOR_CHARS, len(report) or 1) :]
        # The last place of several: rather too little than the same twice.
        at = report.rfind(anchor)
        return report[at + len(anchor) :].encode() if at >= 0 else b""
