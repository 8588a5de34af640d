"""Pictures of displays, on request: fetched as a viewer would, without being one."""

from __future__ import annotations

from aiohttp import web

from relay.display.shots import Shots
from relay.ports import Sessions
from relay.problems import ProblemError
from relay.schemas import SCREENSHOT_QUERY, if_none_match, named_session, query
from relay.states import require_running
from relay.streams import send_whole
from supervisor.lifecycle.session import SessionId


class ScreenshotApi:
    """The one call about pictures."""

    def __init__(self, sessions: Sessions, shots: Shots, stall_seconds: float) -> None:
        self._sessions = sessions
        self._shots = shots
        self._stall_seconds = stall_seconds

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.get("/v1/sessions/{id}/screenshot", self.show, allow_head=False)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """200: PNG, as wide as the display or ``max_width``; 304 when the caller has this one."""
        max_width = query(SCREENSHOT_QUERY, request.query).max_width
        session_id = self._sessions.get(named_session(request)).id
        self._require_running(session_id)
        try:
            response, png = await self._answer(session_id, max_width, if_none_match(request))
        except ProblemError:
            # A session that went meanwhile is the better reason.
            self._require_running(session_id)
            raise
        if response.status != 200:
            return response
        return await send_whole(request, response, png, self._stall_seconds)

    async def _answer(
        self, session_id: SessionId, max_width: int | None, known: set[str]
    ) -> tuple[web.StreamResponse, bytes]:
        async with self._shots.take(session_id) as photo:
            # To be kept by nobody else, and to be asked for again each time.
            headers = {"ETag": photo.etag(max_width), "Cache-Control": "private, no-cache"}
            if known & {headers["ETag"], "*"}:
                return web.Response(status=304, headers=headers), b""
            png = await photo.png(max_width)
        response = web.StreamResponse(headers=headers)
        response.content_type = "image/png"
        return response, png

    def _require_running(self, session_id: SessionId) -> None:
        require_running(self._sessions.get(session_id), "its display can be seen")
