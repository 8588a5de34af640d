"""Another program in a session: started, or started and waited for."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from relay.agents.programs import Programs
from relay.bodies import read_json
from relay.calls import current_call
from relay.config import RelayLimits
from relay.ports import Sessions
from relay.problems import RETRY_AFTER_SECONDS, ProblemError
from relay.schemas import EXEC, named_session, validated
from relay.states import require_running
from relay.streams import departure
from relay.web.web_api import json_response
from supervisor.lifecycle.view import session_object

_log = structlog.get_logger()


class ExecApi:
    """The one call about programs."""

    def __init__(
        self,
        sessions: Sessions,
        programs: Programs,
        limits: RelayLimits,
        stopping: asyncio.Future[None],
    ) -> None:
        self._sessions = sessions
        self._programs = programs
        self._limits = limits
        self._stopping = stopping

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.post("/v1/sessions/{id}/exec", self.execute)]

    async def execute(self, request: web.Request) -> web.Response:
        """202: the agent is told; with ``wait`` 200: exit code and the end of the output."""
        session_id = self._sessions.get(named_session(request)).id
        asked = validated(EXEC, await read_json(request, self._limits))
        current_call().details |= {"command": asked.command, "wait": asked.wait}
        session = self._sessions.get(session_id)
        require_running(session, "programs are started in it")
        _log.debug("program_requested", session_id=session_id, wait=asked.wait)
        if not asked.wait:
            self._programs.start(session_id, asked.command)
            etag = {"ETag": f'"{session.version}"'}
            return json_response(session_object(session), 202, etag)
        ends = (self._stopping, departure(request))
        end = await self._programs.run(session_id, asked.command, asked.timeout_seconds, ends)
        if end is None:
            # To one who has left it is all the same.
            detail = "The daemon is being stopped; the program runs on, and its end is not told."
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise ProblemError(503, "unavailable", detail, headers=headers)
        return json_response({"exit_code": end.exit_code, "output": end.output})
