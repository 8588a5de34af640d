"""The display endpoint: a viewer's WebSocket, from its ticket to its last byte.

    session exists (404) -> ticket (401) -> phase (409) -> it is a WebSocket (426)
        -> resumed if it was suspended -> the agent's stream is there (504)
        -> 101 -> RFB both ways -> close code

The 101 comes last because a WebSocket that has been accepted can no longer be refused. Whoever was
not let in gets the use of the ticket back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from aiohttp import web

from relay.agents.agent_stream import AgentStream
from relay.agents.rendezvous import Rendezvous
from relay.config import InputNote, RelayLimits
from relay.display.admissions import Admissions
from relay.display.carrier import Buffers
from relay.display.pump import EndedBy, Ending, Traffic, Window, pump
from relay.display.rfb import ClientStream
from relay.display.tickets import Tickets
from relay.display.viewers import Viewer, Viewers
from relay.measures import Measures
from relay.ports import Sessions
from relay.problems import ProblemError
from relay.schemas import named_session
from relay.streams import close_socket
from supervisor.lifecycle.errors import SessionNotFoundError, SupervisorError
from supervisor.lifecycle.facts import ResumeRequested, ViewersChanged
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp, known_phase
from supervisor.lifecycle.tickets import Mode, Ticket
from supervisor.lifecycle.transitions import CloseCode

_INTERNAL_ERROR = 1011
_OK = 1000

_log = structlog.get_logger()


class Display:
    """Serves viewers, on whichever socket they come."""

    def __init__(  # noqa: PLR0913 what it is composed of
        self,
        *,
        sessions: Sessions,
        tickets: Tickets,
        viewers: Viewers,
        rendezvous: Rendezvous,
        limits: RelayLimits,
        clock: Callable[[], Timestamp],
        on_input: InputNote,
        measures: Measures,
        admissions: Admissions,
    ) -> None:
        self._sessions = sessions
        self._tickets = tickets
        self._viewers = viewers
        self._rendezvous = rendezvous
        self._limits = limits
        self._clock = clock
        self._on_input = on_input
        self._measures = measures
        self._admissions = admissions
        self._buffers = Buffers()

    def routes(self) -> list[web.RouteDef]:
        """The one route of the viewers' socket."""
        return [web.get("/v1/sessions/{id}/display", self.connect, allow_head=False)]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Let a viewer in and stay with it to its end."""
        ticket = None
        try:
            session = self._sessions.get(named_session(request))
            ticket = self._tickets.redeem(session.id, request.query.get("ticket", ""))
            return await self._let_in(request, session, ticket)
        except (ProblemError, SupervisorError) as error:
            self._admissions.refused(request, ticket, error)
            raise

    async def _let_in(
        self, request: web.Request, session: Session, ticket: Ticket
    ) -> web.StreamResponse:
        viewer = Viewer(ticket)
        admitted = False
        try:
            self._viewers.add(viewer)
            socket = self._upgrade(request, session)
            await self._resume(session)
            stream = await self._rendezvous.meet(viewer)
            try:
                # Up to five seconds have passed.
                _require_connectable(self._sessions.get(session.id))
                admitted = True
                await self._settle(ticket)
                await self._serve(request, socket, stream, viewer)
            finally:
                stream.abort()
        finally:
            if not admitted:
                self._tickets.give_back(ticket)
            await self._leave(viewer)
        return socket

    async def _resume(self, session: Session) -> None:
        """Whoever comes to a suspended session notices but a short wait."""
        if known_phase(session) is Phase.SUSPENDED:
            _require_connectable(await self._sessions.submit(session.id, ResumeRequested()))

    def _upgrade(self, request: web.Request, session: Session) -> web.WebSocketResponse:
        if known_phase(session) is not Phase.SUSPENDED:
            _require_connectable(session)
        socket = web.WebSocketResponse(
            protocols=("binary",),
            timeout=self._limits.close_seconds,
            heartbeat=2 * self._limits.keepalive_seconds,
            # By the pump, which lets others have their turn.
            autoping=False,
            compress=False,
            max_msg_size=self._limits.cut_text_bytes + 64 * 1024,
            writer_limit=self._limits.buffer_bytes,
        )
        if not socket.can_prepare(request):
            detail = "The display is a WebSocket; ask for an upgrade to it."
            raise ProblemError(426, "upgrade_required", detail, headers={"Upgrade": "websocket"})
        return socket

    async def _settle(self, ticket: Ticket) -> None:
        if not await self._tickets.use_up(ticket):
            raise ProblemError(401, "ticket_invalid", "The ticket was revoked while connecting.")

    async def _serve(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        stream: AgentStream,
        viewer: Viewer,
    ) -> None:
        ticket = viewer.ticket
        log = _log.bind(session_id=ticket.session_id, mode=ticket.mode.value, guest=ticket.guest)
        await socket.prepare(request)
        if request.transport is not None:
            request.transport.set_write_buffer_limits(high=self._limits.buffer_bytes)
        traffic = viewer.traffic = Traffic(self._measures.display_carried)
        viewer.connected_at = self._clock()
        log.debug("viewer_connected")
        self._admissions.connected(request, ticket)
        begun = time.monotonic()
        # Beside the display: a supervisor that is slow to commit must not keep the picture back.
        viewer.counting = asyncio.create_task(self._post_count(ticket.session_id))
        policy = self._sessions.get(ticket.session_id).clipboard
        client = ClientStream(ticket.mode, self._limits.cut_text_bytes, policy)

        def note_input() -> None:
            if ticket.mode is Mode.CONTROL:
                self._on_input(ticket.session_id, self._clock())

        code = None
        try:
            window = Window(request, socket, self._buffers)
            ending = await pump(window, stream, client, viewer.dismissed, note_input, traffic)
            code = await self._close_code(viewer, ending)
        finally:
            seconds = time.monotonic() - begun
            self._admissions.disconnected(request, ticket, seconds, traffic, code)
        log.debug(
            "viewer_disconnected", by=ending.by.name.lower(), code=int(code), detail=ending.detail
        )
        await close_socket(request, socket, code, self._limits.close_seconds)

    async def _close_code(self, viewer: Viewer, ending: Ending) -> int:
        if ending.code is not None:
            return ending.code
        if ending.by is EndedBy.VIEWER:
            return _OK
        # The display goes first when a session ends; why it went is known soon after.
        await asyncio.wait({viewer.dismissed}, timeout=self._limits.verdict_seconds)
        if viewer.dismissed.done():
            return viewer.dismissed.result()
        return self._code_of_phase(viewer.ticket.session_id)

    def _code_of_phase(self, session_id: SessionId) -> int:
        try:
            phase = known_phase(self._sessions.get(session_id))
        except SessionNotFoundError:
            return CloseCode.SESSION_ENDED
        match phase:
            case Phase.TERMINATING | Phase.ENDED:
                return CloseCode.SESSION_ENDED
            case Phase.SUSPENDED:
                return CloseCode.SUSPENDED
            case _:
                return _INTERNAL_ERROR

    async def _leave(self, viewer: Viewer) -> None:
        counted = viewer.connected
        self._viewers.remove(viewer)
        try:
            if counted:
                await self._post_count(viewer.ticket.session_id)
            if viewer.counting is not None:
                await viewer.counting
        finally:
            viewer.gone.set()

    async def _post_count(self, session_id: SessionId) -> None:
        """Until it is known: a session must not end for want of viewers because a disk was full."""
        while True:
            # Counted and posted without an await between, so that the last word is the newest.
            count = ViewersChanged(self._viewers.count(session_id))
            try:
                await self._sessions.submit(session_id, count)
            except SessionNotFoundError:
                return
            except SupervisorError as error:
                _log.warning("viewer_count_not_posted", session_id=session_id, code=error.code)
                if not error.retryable:
                    return
            else:
                return
            await asyncio.sleep(self._limits.count_seconds)


def _require_connectable(session: Session) -> None:
    phase = known_phase(session)
    if phase is not Phase.RUNNING:
        detail = f"The session is {phase.value}; its display can be connected while it is running."
        raise ProblemError(409, "not_connectable", detail)
