"""Where whoever wants a display and its agent's display stream meet.

The relay names a stream, tells the agent, and waits; the agent dials the display socket and names
the same stream under its own token. A name is good for one dial, while it is waited for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from relay.agents.agent_stream import UNAUTHORIZED, AgentStream, RefusedError
from relay.agents.control import ControlStreams
from relay.credentials import NotYetKnownError, session_of_token
from relay.display.viewers import Viewer
from relay.ports import Sessions
from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId

WAITING_DISPLAYS = 1024
"""Commands of one session that may wait when a display is asked for: programs cannot fill it."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _Place:
    """Where one stream is waited for."""

    session_id: SessionId
    arrival: asyncio.Future[AgentStream]
    is_taken: bool = False
    """An agent has dialed; it may have to pass its X server's socket yet."""
    is_left: bool = False

    def arrive(self, stream: AgentStream) -> None:
        """It is there, for whoever still waits."""
        if self.is_left:
            stream.abort()
        else:
            self.arrival.set_result(stream)


class Rendezvous:
    """Display streams that are waited for."""

    def __init__(
        self, sessions: Sessions, controls: ControlStreams, deadline_seconds: float
    ) -> None:
        self._sessions = sessions
        self._controls = controls
        self._deadline_seconds = deadline_seconds
        self._awaited: dict[str, _Place] = {}

    async def meet(self, viewer: Viewer) -> AgentStream:
        """The agent's stream for this viewer. Raises ProblemError: 504, or 409 if put out."""
        return await self.open(viewer.ticket.session_id, viewer.dismissed)

    async def open(
        self, session_id: SessionId, dismissed: asyncio.Future[Any] | None = None
    ) -> AgentStream:
        """A display stream of the session. Raises ProblemError: 504, or 409 once ``dismissed``.

        An agent that has no control stream at the moment is told when it comes back in time.
        """
        stream_id = secrets.token_urlsafe(18)
        arrival: asyncio.Future[AgentStream] = asyncio.get_running_loop().create_future()
        place = self._awaited[stream_id] = _Place(session_id, arrival)
        ends = {arrival} if dismissed is None else {arrival, dismissed}
        try:
            self._controls.send(session_id, _open_display(stream_id), most=WAITING_DISPLAYS)
            # asyncio.wait leaves both futures alone: an arrival at the last moment is not lost.
            await asyncio.wait(
                ends, timeout=self._deadline_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            if arrival.done():
                arrival.result().abort()
            raise
        finally:
            place.is_left = True
            del self._awaited[stream_id]
        if dismissed is not None and dismissed.done():
            if arrival.done():
                arrival.result().abort()
            raise ProblemError(409, "not_connectable", "The session was left while connecting.")
        if not arrival.done():
            raise self._absence(session_id)
        return arrival.result()

    def judge(self, token: str, stream_id: str, stream: AgentStream) -> None:
        """A dial on the display socket. Raises RefusedError; answers it otherwise."""
        try:
            session_id = session_of_token(token, self._sessions)
        except NotYetKnownError:
            raise RefusedError("unavailable") from None
        if session_id is None:
            raise RefusedError(UNAUTHORIZED)
        place = self._awaited.get(stream_id)
        # Another session's stream is as unknown to this one as none at all.
        if place is None or place.is_taken or place.session_id != session_id:
            raise RefusedError("unknown_stream")
        place.is_taken = True
        stream.accept(lambda: place.arrive(stream))

    def wanted(self, session_id: SessionId) -> Iterator[Mapping[str, object]]:
        """Commands for an agent that has just (re)connected: displays that are still waited for."""
        for stream_id, place in tuple(self._awaited.items()):
            if place.session_id == session_id and not place.is_taken:
                yield _open_display(stream_id)

    def _absence(self, session_id: SessionId) -> ProblemError:
        _log.warning("display_timed_out", session_id=session_id)
        return ProblemError(
            504,
            "display_timeout",
            f"The session's agent did not open the display within {self._deadline_seconds:g} s; "
            "try again (a ticket is still good), or see the session's log.",
        )


def _open_display(stream_id: str) -> Mapping[str, object]:
    return {"type": "open_display", "stream": stream_id, "descriptor": True}
