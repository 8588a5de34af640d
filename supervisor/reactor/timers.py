"""One timer per session: its earliest deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from supervisor.lifecycle.facts import DeadlinePassed, Fact
from supervisor.lifecycle.session import DeadlineName, Session, SessionId, Timestamp

AGAIN_SECONDS = 5.0
"""When to ask again about a deadline that was told and has changed nothing."""

Post = Callable[[SessionId, Fact], None]


@dataclass(frozen=True, slots=True)
class _Wait:
    """A session's deadlines by the wall clock, and when they are told by the loop's."""

    deadlines: Mapping[DeadlineName, Timestamp]
    times: Mapping[DeadlineName, float]


class Timers:
    """Turns deadlines (points of wall-clock time) into facts when they pass, once they are open.

    They open after adoption: a deadline that passed while the daemon was away may begin anew then.
    How long is left is measured once. From then on a clock that is set neither hastens a deadline
    nor puts it off, and neither does a host that sleeps.
    """

    def __init__(self, post: Post, now: Callable[[], Timestamp]) -> None:
        self._post = post
        self._now = now
        self._waits: dict[SessionId, _Wait] = {}
        self._handles: dict[SessionId, asyncio.TimerHandle] = {}
        self._is_open = False

    def open(self) -> None:
        """Begin: sessions watched before this have to be watched again."""
        self._is_open = True

    def watch(self, session: Session) -> None:
        """Follow the session's present deadlines, and no others."""
        before = self._forget(session.id)
        if not session.deadlines or not self._is_open:
            return
        offset = asyncio.get_running_loop().time() - self._now()
        times = {name: due + offset for name, due in session.deadlines.items()}
        if before is not None:
            known = before.deadlines
            times |= {
                name: before.times[name]
                for name, due in session.deadlines.items()
                if known.get(name) == due
            }
        self._wait(session.id, _Wait(session.deadlines, times), min(times.values()))

    def forget(self, session_id: SessionId) -> None:
        """The session is gone, and its deadlines with it."""
        self._forget(session_id)

    def close(self) -> None:
        """No more deadlines; they are all in the store."""
        for session_id in tuple(self._waits):
            self._forget(session_id)

    def _forget(self, session_id: SessionId) -> _Wait | None:
        handle = self._handles.pop(session_id, None)
        if handle is not None:
            handle.cancel()
        return self._waits.pop(session_id, None)

    def _wait(self, session_id: SessionId, wait: _Wait, until: float) -> None:
        loop = asyncio.get_running_loop()
        self._waits[session_id] = wait
        self._handles[session_id] = loop.call_at(until, self._fire, session_id, until)

    def _fire(self, session_id: SessionId, until: float) -> None:
        wait = self._waits[session_id]
        # The loop rings early by up to its clock's resolution.
        time = max(until, asyncio.get_running_loop().time())
        passed = [name for name, at in wait.times.items() if at <= time]
        upcoming = [at for at in wait.times.values() if at > time]
        self._wait(session_id, wait, min([*upcoming, time + AGAIN_SECONDS]))
        for name in passed:
            self._post(session_id, DeadlinePassed(name, wait.deadlines[name]))
