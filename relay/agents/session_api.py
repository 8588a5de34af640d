"""What agents call, from inside their containers: callbacks and the control stream."""

from __future__ import annotations

import structlog
from aiohttp import web
from pydantic import TypeAdapter

from relay.agents.control import ControlStreams
from relay.agents.private_displays import HEADER, PrivateDisplays
from relay.agents.programs import ProgramEnd, Programs
from relay.agents.rendezvous import WAITING_DISPLAYS, Rendezvous
from relay.agents.reports import ExecExited, Report, Started
from relay.bodies import read_json
from relay.config import RelayLimits
from relay.defence.doors import Doors
from relay.ports import Sessions
from relay.schemas import validated
from relay.streams import stream_lines
from supervisor.lifecycle.session import SessionId

_REPORT: TypeAdapter[Report] = TypeAdapter(Report)

_MOST_STARTED = 10_000

_log = structlog.get_logger()


class SessionApi:
    """The two calls of the sessions' socket; the bearer token names the session."""

    def __init__(  # noqa: PLR0913 what it is composed of
        self,
        *,
        sessions: Sessions,
        controls: ControlStreams,
        displays: PrivateDisplays,
        rendezvous: Rendezvous,
        programs: Programs,
        doors: Doors,
        limits: RelayLimits,
    ) -> None:
        self._sessions = sessions
        self._controls = controls
        self._displays = displays
        self._rendezvous = rendezvous
        self._programs = programs
        self._doors = doors
        self._limits = limits
        self._started: set[SessionId] = set()
        """Whose agent was logged: a session could say it for ever."""

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.post("/v1/callbacks", self.call_back),
            web.get("/v1/commands", self.command, allow_head=False),
        ]

    async def call_back(self, request: web.Request) -> web.Response:
        """204 once what the report led to is committed; a report seen before changes nothing."""
        session_id = self._doors.admit(request)
        # A log cut off in the middle of a character must not cost the whole report.
        body = await read_json(request, self._limits, undecodable="replace")
        report = validated(_REPORT, body)
        seen = self._sessions.get(session_id).callback_seq
        if isinstance(report, Started) and report.seq > seen:
            self._log_start(session_id, report)
        if isinstance(report, ExecExited):
            # Counts once by its id. Its seq is not committed: what follows has a higher one.
            self._programs.ended(session_id, report.id, ProgramEnd(report.exit_code, report.output))
        else:
            await self._sessions.submit(session_id, report.fact())
        return web.Response(status=204)

    async def command(self, request: web.Request) -> web.StreamResponse:
        """One JSON object per line until the session, the connection or a newer stream ends it."""
        session_id = self._doors.admit(request)
        control = self._controls.attach(session_id)
        for command in self._rendezvous.wanted(session_id):
            control.send(command, most=WAITING_DISPLAYS)
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        private = self._displays.open(session_id)
        if private is not None:
            response.headers[HEADER] = private
        response.content_type = "application/x-ndjson"
        response.enable_chunked_encoding()
        try:
            lines = control.lines(self._limits.keepalive_seconds)
            await stream_lines(request, response, lines, self._limits.stall_seconds)
        finally:
            self._controls.detach(control)
        return response

    def _log_start(self, session_id: SessionId, report: Started) -> None:
        if session_id in self._started:
            return
        if len(self._started) >= _MOST_STARTED:
            self._started.clear()
        self._started.add(session_id)
        _log.info(
            "agent_started",
            session_id=session_id,
            agent_version=(report.agent_version or "")[:64],
            perl=(report.perl or "")[:64],
        )
