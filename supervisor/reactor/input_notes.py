"""Viewers' input as facts, seldom enough to be committed each time."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.lifecycle.facts import Fact, InputSeen
from supervisor.lifecycle.session import SessionId, Timestamp

NOTE_SECONDS = 10.0
"""How far ``last_input_at`` may be behind; typing must not be a transaction per key."""


class InputNotes:
    """Told of every message with input; posts one fact per session and ``NOTE_SECONDS``."""

    def __init__(self, post: Callable[[SessionId, Fact], None]) -> None:
        self._post = post
        self._noted: dict[SessionId, Timestamp] = {}

    def note(self, session_id: SessionId, at: Timestamp) -> None:
        """A viewer used keyboard or pointer."""
        # Also when the clock was set back since.
        if not 0 <= at - self._noted.get(session_id, 0.0) < NOTE_SECONDS:
            self._noted[session_id] = at
            self._post(session_id, InputSeen(at))

    def forget(self, session_id: SessionId) -> None:
        """The session is over."""
        self._noted.pop(session_id, None)
