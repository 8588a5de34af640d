"""The relay put together: four sockets, one object.

web.sock      the web server: everything, peers by SO_PEERCRED
viewer.sock   the display alone, by ticket (and optionally TCP)
session.sock  agents: callbacks and commands, by token
display.sock  agents: display streams, by token
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry

from relay import problems
from relay.agent_stream import AgentStream, Handshakes
from relay.config import InputNote, RelayConfig
from relay.control import ControlStreams
from relay.display import Display
from relay.event_stream import EventStream
from relay.exec_api import ExecApi
from relay.gate_api import GateApi
from relay.listeners import HttpListener, Listener, bind_tcp, bind_unix
from relay.log_api import LogApi
from relay.node_api import NodeApi
from relay.pace import Pace
from relay.peers import Allowed, guard
from relay.ports import Catalog, Feed, Gate, Health, Logs, Sessions, TicketShelf, Upkeep
from relay.presence import Presence
from relay.programs import Programs
from relay.rendezvous import Rendezvous
from relay.requests import record
from relay.screenshot_api import ScreenshotApi
from relay.session_api import SessionApi
from relay.shots import Shots
from relay.tickets import Tickets
from relay.viewers import Viewers
from relay.web_api import WebApi
from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.lifecycle.transitions import CloseCode

_GOING_AWAY = 1001
_IDLE_SECONDS = 75.0

_log = structlog.get_logger()


class Relay:
    """Serves web server, viewers and agents. An ``AgentLink`` for the supervisor."""

    def __init__(  # noqa: PLR0913 what it is composed of
        self,
        config: RelayConfig,
        *,
        sessions: Sessions,
        catalog: Catalog,
        feed: Feed,
        logs: Logs,
        health: Health,
        shelf: TicketShelf,
        upkeep: Upkeep,
        gate: Gate,
        registry: CollectorRegistry | None = None,
        clock: Callable[[], Timestamp] = time.time,
        on_input: InputNote = lambda _session_id, _at: None,
    ) -> None:
        self._config = config
        self._allowed = Allowed(config.allow_uids, config.allow_gids)
        self._sessions = sessions
        self._catalog = catalog
        self._feed = feed
        self._logs = logs
        self._health = health
        self._upkeep = upkeep
        self._gate = gate
        self._registry = registry or CollectorRegistry()
        self.presence = Presence(clock)
        limits = config.limits
        self._tickets = Tickets(clock, limits.tickets, shelf)
        self._viewers = Viewers()
        self._controls = ControlStreams(limits.commands)
        self._pace = Pace(limits.session_calls, limits.session_calls_per_second)
        self._programs = Programs(self._controls, limits.programs)
        self._rendezvous = Rendezvous(sessions, self._controls, limits.display_seconds)
        self._shots = Shots(self._rendezvous, limits)
        self._display = Display(
            sessions=sessions,
            tickets=self._tickets,
            viewers=self._viewers,
            rendezvous=self._rendezvous,
            limits=limits,
            clock=clock,
            on_input=on_input,
        )
        self._handshakes = Handshakes(
            self._rendezvous.judge,
            per_uid=limits.handshakes_per_uid,
            deadline_seconds=limits.handshake_seconds,
            buffer_bytes=limits.buffer_bytes,
        )
        self._stopping: asyncio.Future[None] | None = None
        self._http: list[HttpListener] = []
        self._display_listener: Listener | None = None

    async def start(self) -> None:
        """Bind and serve. Raises OSError when a socket cannot be bound; nothing is left behind.

        Raises StoreError when the tickets cannot be read.
        """
        await self._tickets.load()
        self._stopping = asyncio.get_running_loop().create_future()
        try:
            await self._listen(self._stopping)
        except BaseException:
            await self.stop(0.0)
            raise
        _log.info("relay_started", web=str(self._config.web_socket))

    async def stop(self, deadline_seconds: float) -> None:
        """Take nothing new, end what streams, finish what was asked; harmless when repeated."""
        if self._stopping is None:
            return
        for http in self._http:
            http.close()
        if self._display_listener is not None:
            self._display_listener.close()
        if not self._stopping.done():
            self._stopping.set_result(None)
        self._handshakes.abort_all()
        self._controls.close_all()
        self._viewers.dismiss_all(_GOING_AWAY)
        await asyncio.gather(*(http.stop(deadline_seconds) for http in self._http))
        self._http = []
        self._display_listener = None
        self._stopping = None
        _log.info("relay_stopped")

    def allow(self, uids: frozenset[int], gids: frozenset[int]) -> None:
        """Let these use the web server's socket from now on, instead of those who might before.

        What others have open already goes on until it ends.
        """
        self._allowed = Allowed(uids, gids)

    def close_viewers(self, session_id: SessionId, code: int) -> None:
        """Close every display connection of the session with this WebSocket code."""
        self._viewers.dismiss(session_id, code)

    def release(self, session_id: SessionId) -> None:
        """Drop tickets, control stream and displays of a session that is over."""
        self._tickets.forget(session_id)
        self._viewers.dismiss(session_id, CloseCode.SESSION_ENDED)
        self._controls.close(session_id)
        self._programs.release(session_id)
        self._pace.forget(session_id)

    def web_routes(self, stopping: asyncio.Future[None]) -> list[web.RouteDef]:
        """Every call of the web server's socket."""
        limits = self._config.limits
        return [
            *WebApi(self._sessions, self._tickets, self._viewers, limits).routes(),
            *ExecApi(self._sessions, self._programs, limits, stopping).routes(),
            *LogApi(self._logs, limits, stopping).routes(),
            *ScreenshotApi(self._sessions, self._shots, limits.stall_seconds).routes(),
            *EventStream(self._feed, self._health, limits, stopping, self.presence).routes(),
            *NodeApi(
                self._config, self._catalog, self._health, self._upkeep, self._registry
            ).routes(),
            *GateApi(self._gate, self._health, limits).routes(),
            *self._display.routes(),
        ]

    async def _listen(self, stopping: asyncio.Future[None]) -> None:
        config = self._config
        peers = guard(lambda: self._allowed)
        web_app = _app((problems.middleware, peers, record), self.web_routes(stopping))
        viewer_app = _app((problems.middleware,), self._display.routes())
        session_api = SessionApi(
            sessions=self._sessions,
            controls=self._controls,
            rendezvous=self._rendezvous,
            programs=self._programs,
            pace=self._pace,
            limits=config.limits,
        )
        session_app = _app((problems.middleware,), session_api.routes())

        # Agents first: the web server is not to see a session whose agent cannot call back.
        sessions = self._add(session_app)
        await sessions.start(partial(bind_unix, config.session_socket))
        self._display_listener = await Listener.start(
            lambda: AgentStream(self._handshakes), bind_unix(config.display_socket)
        )
        viewers = self._add(viewer_app)
        tcp = [partial(bind_tcp, *config.viewer_tcp)] if config.viewer_tcp is not None else []
        await viewers.start(partial(bind_unix, config.viewer_socket), *tcp)
        web_server = self._add(web_app)
        await web_server.start(partial(bind_unix, config.web_socket))

    def _add(self, app: web.Application) -> HttpListener:
        bound = self._config.limits.connections_per_uid
        http = HttpListener(app, keepalive_seconds=_IDLE_SECONDS, per_uid=bound)
        self._http.append(http)
        return http


def _app(middlewares: tuple[Middleware, ...], routes: Iterable[web.RouteDef]) -> web.Application:
    app = web.Application(middlewares=middlewares)
    app.add_routes(routes)
    return app
