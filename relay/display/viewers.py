"""Who is looking at which display."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from relay.defence.allowance import Allowance
from relay.display.pump import Traffic
from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId, Timestamp, ViewerCount
from supervisor.lifecycle.tickets import Mode, Ticket


class Viewer:
    """One viewer, from its ticket to the end of its connection."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.id = secrets.token_hex(8)
        """Tells it from others who came by the same ticket."""
        self.connected_at: Timestamp | None = None
        self.traffic: Traffic | None = None
        """What it has carried, once it is connected."""
        self.counting: asyncio.Task[None] | None = None
        """Tells the supervisor that the viewer came."""
        self.dismissed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Resolved with a WebSocket close code when the viewer is to be put out."""
        self.gone = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether it has the display."""
        return self.connected_at is not None

    def dismiss(self, code: int) -> None:
        """Put the viewer out; the first code given is the one it is told."""
        if not self.dismissed.done():
            self.dismissed.set_result(code)


class Viewers:
    """All viewers of all sessions: so many of each, and fewer of those who only look.

    No ticket has more places than those who only look; how fast viewers ``coming`` by one may
    follow each other is an allowance of its key.
    """

    def __init__(self, most: int, most_view_only: int, coming: Allowance[str]) -> None:
        self._most = most
        self._most_shared = most_view_only
        self._coming = coming
        self._viewers: dict[SessionId, set[Viewer]] = {}

    def add(self, viewer: Viewer) -> None:
        """From now on the viewer can be dismissed; it counts once it is ``connected``.

        Raises ProblemError 429: there are too many.
        """
        present = self._viewers.get(viewer.ticket.session_id, set())
        if not self._has_place(viewer.ticket, present):
            detail = "The session has too many viewers; try again when some have left."
            raise ProblemError(429, "too_many_viewers", detail, headers={"Retry-After": "5"})
        if not self._coming.take(viewer.ticket.key):
            detail = "Viewers come by this ticket too often; try again a little later."
            raise ProblemError(429, "too_many_connects", detail, headers={"Retry-After": "1"})
        self._viewers.setdefault(viewer.ticket.session_id, set()).add(viewer)

    def _has_place(self, ticket: Ticket, present: set[Viewer]) -> bool:
        of_its_kind = sum(1 for each in present if each.ticket.mode is Mode.VIEW)
        if ticket.mode is Mode.VIEW and of_its_kind >= self._most_shared:
            return False
        of_the_ticket = sum(1 for each in present if each.ticket.key == ticket.key)
        return len(present) < self._most and of_the_ticket < self._most_shared

    def remove(self, viewer: Viewer) -> None:
        """The viewer's connection is over."""
        viewer.connected_at = None
        of_session = self._viewers.get(viewer.ticket.session_id, set())
        of_session.discard(viewer)
        if not of_session:
            self._viewers.pop(viewer.ticket.session_id, None)

    def count(self, session_id: SessionId) -> ViewerCount:
        """Who is connected to the session's display at present."""
        modes = [v.ticket.mode for v in self._viewers.get(session_id, ()) if v.connected]
        return ViewerCount(control=modes.count(Mode.CONTROL), view=modes.count(Mode.VIEW))

    def connected(self, session_id: SessionId) -> Sequence[Viewer]:
        """Who is connected to the session's display, the longest first."""
        present = [v for v in self._viewers.get(session_id, ()) if v.connected]
        return sorted(present, key=lambda viewer: (viewer.connected_at, viewer.id))

    def all_connected(self) -> Sequence[Viewer]:
        """Who is connected to any display, session by session, the longest first."""
        return [each for session_id in self._viewers for each in self.connected(session_id)]

    def count_all(self) -> ViewerCount:
        """Who is connected to any display at present."""
        modes = [v.ticket.mode for each in self._viewers.values() for v in each if v.connected]
        return ViewerCount(control=modes.count(Mode.CONTROL), view=modes.count(Mode.VIEW))

    def dismiss(
        self,
        session_id: SessionId,
        code: int,
        which: Callable[[Viewer], bool] = lambda _: True,
    ) -> list[Viewer]:
        """Put viewers of a session out; returns them."""
        dismissed = [v for v in self._viewers.get(session_id, ()) if which(v)]
        for viewer in dismissed:
            viewer.dismiss(code)
        return dismissed

    def dismiss_all(self, code: int) -> None:
        """Put everybody out."""
        for session_id in tuple(self._viewers):
            self.dismiss(session_id, code)
