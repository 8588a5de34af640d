"""What the host's policy lets through at most, kept with every session that has not ended.

The policy may be another after a reload or a restart, while a start is being rendered, or since the
record was written that a lost session was put back from. So it is compared at each commit.
"""

from __future__ import annotations

from collections.abc import Callable

from supervisor.lifecycle.facts import ClipboardBounded, Fact
from supervisor.lifecycle.session import ClipboardPolicy, Phase, Session, SessionId

Post = Callable[[SessionId, Fact], None]


class Ceiling:
    """Tells sessions that hold another ceiling than the policy's."""

    def __init__(self, clipboard: Callable[[], ClipboardPolicy], post: Post) -> None:
        self._clipboard = clipboard
        self._post = post

    def observe(self, session: Session) -> None:
        """Take note of a committed session."""
        clipboard = self._clipboard()
        if session.phase is not Phase.ENDED and session.clipboard_ceiling is not clipboard:
            self._post(session.id, ClipboardBounded(clipboard))
