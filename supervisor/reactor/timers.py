"""One timer per session: its earliest deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from supervisor.lifecycle.facts import DeadlinePassed, Fact
from supervisor.lifecycle.session import Session, SessionId, Timestamp

AGAIN_SECONDS = 5.0
"""When to ask again about a deadline that was told and has changed nothing."""

Post = Callable[[SessionId, Fact], None]


class Timers:
    """Turns deadlines (points of wall-clock time) into facts when they pass, once they are open.

    They open after adoption: a deadline that passed while the daemon was away may begin anew then.
    """

    def __init__(self, post: Post, now: Callable[[], Timestamp]) -> None:
        self._post = post
        self._now = now
        self._handles: dict[SessionId, asyncio.TimerHandle] = {}
        self._is_open = False

    def open(self) -> None:
        """Begin: sessions watched before this have to be watched again."""
        self._is_open = True

    def watch(self, session: Session) -> None:
        """Follow the session's present deadlines, and no others."""
        handle = self._handles.pop(session.id, None)
        if handle is not None:
            handle.cancel()
        if session.deadlines and self._is_open:
            self._arm(session)

    def forget(self, session_id: SessionId) -> None:
        """The session is gone, and its deadlines with it."""
        handle = self._handles.pop(session_id, None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """No more deadlines; they are all in the store."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _arm(self, session: Session) -> None:
        delay = max(0.0, min(session.deadlines.values()) - self._now())
        loop = asyncio.get_running_loop()
        self._handles[session.id] = loop.call_later(delay, self._fire, session)

    def _fire(self, session: Session) -> None:
        """The wall clock may have been set back since: what is not due is waited for again."""
        now = self._now()
        due = [name for name, at in session.deadlines.items() if at <= now]
        if not due:
            self._arm(session)
            return
        loop = asyncio.get_running_loop()
        self._handles[session.id] = loop.call_later(AGAIN_SECONDS, self._fire, session)
        for name in due:
            self._post(session.id, DeadlinePassed(name))
