"""Connections of the sessions' socket: strangers until a token names their session, then its own.

Where a user has too many strangers, the oldest goes: an agent says who it is with its first bytes,
so that whoever has been silent longest is the least likely to be one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

from relay.defence.offences import Offence, Offences
from supervisor.lifecycle.session import SessionId


class Guest(Protocol):
    """One connection."""

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """Its socket's."""

    def force_close(self) -> None:
        """End it now."""


class Strangers:
    """All connections of one socket."""

    def __init__(self, *, per_uid: int, per_session: int, offences: Offences) -> None:
        self._per_uid = per_uid
        self._per_session = per_session
        self._offences = offences
        self._unknown: dict[int, dict[Guest, None]] = {}
        self._sessions: dict[Guest, SessionId] = {}
        self._counts: Counter[SessionId] = Counter()

    def enter(self, uid: int, guest: Guest) -> bool:
        """Count a new connection in; always True: another has to go for it."""
        unknown = self._unknown.setdefault(uid, {})
        if len(unknown) >= self._per_uid:
            oldest = next(iter(unknown))
            del unknown[oldest]
            self._offences.note_peer(Offence.UNFINISHED_HEADS, oldest.transport)
            oldest.force_close()
        unknown[guest] = None
        return True

    def introduce(self, uid: int, guest: Guest, session_id: SessionId) -> bool:
        """A token named its session. False: that has too many already."""
        if self._sessions.get(guest) == session_id:
            return True
        if self._counts[session_id] >= self._per_session:
            self._offences.note(Offence.OPEN_CALLS, session_id)
            return False
        # It may have shown another's before.
        self.leave(uid, guest)
        self._sessions[guest] = session_id
        self._counts[session_id] += 1
        return True

    def leave(self, uid: int, guest: Guest) -> None:
        """Count a connection out."""
        self._leave_strangers(uid, guest)
        session_id = self._sessions.pop(guest, None)
        if session_id is not None:
            self._counts[session_id] -= 1
            if not self._counts[session_id]:
                del self._counts[session_id]

    def _leave_strangers(self, uid: int, guest: Guest) -> None:
        unknown = self._unknown.get(uid)
        if unknown is not None:
            unknown.pop(guest, None)
            if not unknown:
                del self._unknown[uid]
