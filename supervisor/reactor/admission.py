"""Whose turn it is: pending sessions start in order, so many at a time, so many in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from supervisor.lifecycle.facts import Fact, QueueMoved, SlotGranted
from supervisor.lifecycle.session import Phase, Session, SessionId, known_phase

EXACT_PLACES = 20
"""So near the head every place is told."""
COARSE_STEPS = 4
"""Further back a place is told again once a quarter of it has gone."""

Post = Callable[[SessionId, Fact], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """``limits:`` in supervisor.yaml."""

    concurrent_starts: int = 16
    """More at once makes the engine slower for all of them."""
    max_sessions: int | None = None
    """Sessions with a container; ``None`` leaves it to the machine."""


class Admission:
    """Grants slots in the order in which sessions were accepted, while it is open.

    It opens after adoption: a start begun before that would look like one that a crash cut short.
    It is closed while the engine is away: a session is not to be late for what nobody can start.
    """

    def __init__(self, limits: Callable[[], AdmissionLimits], post: Post) -> None:
        self._limits = limits
        self._post = post
        self._pending: dict[SessionId, int | None] = {}
        """Who waits, in order, and the place they were told last."""
        self._has_untold = False
        self._starting: set[SessionId] = set()
        self._live: set[SessionId] = set()
        self._is_open = False

    def open(self) -> None:
        """Begin to grant."""
        self._is_open = True
        self._grant(moved=False)

    def close(self) -> None:
        """Grant nothing more until it is opened again."""
        self._is_open = False

    def look_again(self) -> None:
        """The limits may have been changed."""
        self._grant(moved=False)

    def observe(self, session: Session) -> None:
        """Take note of a committed session, and see who is next."""
        phase = known_phase(session)
        waited = session.id in self._pending
        if phase is Phase.PENDING:
            if session.id not in self._live and not waited:
                self._pending[session.id] = session.queue_position
                self._has_untold |= session.queue_position is None
        else:
            self._pending.pop(session.id, None)
        if phase is Phase.STARTING and session.progress is None:
            self._starting.add(session.id)
        elif phase is not Phase.PENDING:
            # Whoever waits for an image makes no work, and may do so for long.
            self._starting.discard(session.id)
        if phase not in (Phase.PENDING, Phase.ENDED):
            self._live.add(session.id)
        if phase is Phase.ENDED:
            self._live.discard(session.id)
        self._grant(moved=waited and phase is not Phase.PENDING)

    def forget(self, session_id: SessionId) -> None:
        """The session is gone."""
        waited = session_id in self._pending
        self._pending.pop(session_id, None)
        self._starting.discard(session_id)
        self._live.discard(session_id)
        self._grant(moved=waited)

    def _has_slot(self) -> bool:
        limits = self._limits()
        room = limits.max_sessions is None or len(self._live) < limits.max_sessions
        return room and len(self._starting) < limits.concurrent_starts

    def _grant(self, *, moved: bool) -> None:
        """Give slots to those next; ``moved``: somebody has left the queue already."""
        if not self._is_open:
            return
        while self._pending and self._has_slot():
            session_id = next(iter(self._pending))
            del self._pending[session_id]
            self._starting.add(session_id)
            self._live.add(session_id)
            self._post(session_id, SlotGranted())
            moved = True
        if moved or self._has_untold:
            self._number()

    def _number(self) -> None:
        """Tell who waits where, each place near the head and ever coarser further back.

        Every place to everybody would be a commit per session waiting for each session started;
        so it is twenty for each session waiting, and a few more for a queue ten times as long.
        """
        self._has_untold = False
        for position, (session_id, told) in enumerate(self._pending.items(), start=1):
            if _is_news(told, position):
                self._pending[session_id] = position
                self._post(session_id, QueueMoved(position))


def _is_news(told: int | None, position: int) -> bool:
    if told is None or position <= EXACT_PLACES:
        return told != position
    return COARSE_STEPS * abs(told - position) >= told
