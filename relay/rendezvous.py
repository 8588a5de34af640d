"""Where a viewer and its agent's display stream meet.

The relay names a stream, tells the agent, and waits; the agent dials the display socket and names
the same stream under its own token. A name is good for one dial, while its viewer waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from relay.agent_stream import AgentStream, RefusedError
from relay.control import ControlStreams
from relay.credentials import NotYetKnownError, session_of_token
from relay.ports import Sessions
from relay.problems import ProblemError
from relay.viewers import Viewer, Viewers
from supervisor.lifecycle.session import SessionId

_log = structlog.get_logger()


class Rendezvous:
    """Display streams that a viewer waits for."""

    def __init__(
        self,
        sessions: Sessions,
        controls: ControlStreams,
        viewers: Viewers,
        deadline_seconds: float,
    ) -> None:
        self._sessions = sessions
        self._controls = controls
        self._viewers = viewers
        self._deadline_seconds = deadline_seconds
        self._awaited: dict[str, tuple[SessionId, asyncio.Future[AgentStream]]] = {}

    async def meet(self, viewer: Viewer) -> AgentStream:
        """The agent's stream for this viewer. Raises ProblemError: 504, or 409 if put out.

        An agent that has no control stream at the moment is told when it comes back in time.
        """
        session_id = viewer.ticket.session_id
        arrival: asyncio.Future[AgentStream] = asyncio.get_running_loop().create_future()
        self._awaited[viewer.stream_id] = (session_id, arrival)
        ends: set[asyncio.Future[Any]] = {arrival, viewer.dismissed}
        try:
            self._controls.send(session_id, _open_display(viewer))
            # asyncio.wait leaves both futures alone: an arrival at the last moment is not lost.
            await asyncio.wait(
                ends, timeout=self._deadline_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            if arrival.done():
                arrival.result().abort()
            raise
        finally:
            del self._awaited[viewer.stream_id]
        if not arrival.done():
            raise self._absence(viewer)
        if viewer.dismissed.done():
            arrival.result().abort()
            raise self._absence(viewer)
        return arrival.result()

    def judge(self, token: str, stream_id: str, stream: AgentStream) -> None:
        """A dial on the display socket. Raises RefusedError; answers it otherwise."""
        try:
            session_id = session_of_token(token, self._sessions)
        except NotYetKnownError:
            raise RefusedError("unavailable") from None
        if session_id is None:
            raise RefusedError("unauthorized")
        awaited_by, arrival = self._awaited.get(stream_id, (None, None))
        # Another session's stream is as unknown to this one as none at all.
        if arrival is None or arrival.done() or awaited_by != session_id:
            raise RefusedError("unknown_stream")
        stream.accept()
        arrival.set_result(stream)

    def wanted(self, session_id: SessionId) -> Iterator[Mapping[str, str]]:
        """Commands for an agent that has just (re)connected: displays that are still waited for."""
        for viewer in self._viewers.waiting(session_id):
            if viewer.stream_id in self._awaited:
                yield _open_display(viewer)

    def _absence(self, viewer: Viewer) -> ProblemError:
        if viewer.dismissed.done():
            return ProblemError(409, "not_connectable", "The session was left while connecting.")
        _log.warning("display_timed_out", session_id=viewer.ticket.session_id)
        return ProblemError(
            504,
            "display_timeout",
            f"The session's agent did not open the display within {self._deadline_seconds:g} s; "
            "try again with the same ticket, or see the session's log.",
        )


def _open_display(viewer: Viewer) -> Mapping[str, str]:
    return {"type": "open_display", "stream": viewer.stream_id}
