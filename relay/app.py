"""The relay put together: four sockets, one object.

web.sock      the web server: everything, peers by SO_PEERCRED (and optionally TCP, by token)
viewer.sock   the display alone, by ticket (and optionally TCP)
session.sock  agents: callbacks and commands, by token
display.sock  agents: display streams, by token (and displays/<name>, one for each session)
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from relay import problems
from relay.agents.agent_stream import AgentStream, Handshakes
from relay.agents.control import ControlStreams
from relay.agents.private_displays import PrivateDisplays
from relay.agents.programs import Programs
from relay.agents.rendezvous import Rendezvous
from relay.agents.session_api import SessionApi
from relay.bearers import Bearers
from relay.config import InputNote, RelayConfig
from relay.connection import Census, Register
from relay.defence.allowance import Allowance
from relay.defence.defence import Defence
from relay.defence.doors import Doors
from relay.defence.pace import Pace
from relay.defence.turnstile import Turnstile
from relay.display.admissions import Admissions
from relay.display.display import Display
from relay.display.handed_connection import tell
from relay.display.handover import Handover
from relay.display.shots import Shots
from relay.display.tickets import Tickets
from relay.display.viewers import Viewers
from relay.listeners import HttpListener, Listener
from relay.measures import UNMEASURED, Measures, measured
from relay.peers import Allowed, guard
from relay.ports import Catalog, Feed, Gate, Health, Logs, Metrics, Sessions, TicketShelf, Upkeep
from relay.remotes import Remotes
from relay.requests import recorder
from relay.sockets import Sockets
from relay.tcp_terms import Certificate, TcpTerms
from relay.web.event_stream import EventStream
from relay.web.exec_api import ExecApi
from relay.web.gate_api import GateApi
from relay.web.log_api import LogApi
from relay.web.node_api import NodeApi
from relay.web.presence import Presence
from relay.web.screenshot_api import ScreenshotApi
from relay.web.web_api import WebApi
from supervisor.lifecycle.audit import NO_TRAIL, AuditTrail
from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.lifecycle.tickets import Mode
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
        metrics: Metrics | None = None,
        measures: Measures = UNMEASURED,
        trail: AuditTrail = NO_TRAIL,
        clock: Callable[[], Timestamp] = time.time,
        on_input: InputNote = lambda _session_id, _at: None,
    ) -> None:
        self._config = config
        self._allowed = Allowed(config.allow_uids, config.allow_gids)
        self._web_terms, self._viewer_terms = config.web_terms, config.viewer_terms
        self._sessions = sessions
        self._catalog = catalog
        self._feed = feed
        self._logs = logs
        self._health = health
        self._upkeep = upkeep
        self._gate = gate
        self.presence = Presence(clock)
        self._metrics = metrics or _NoMetrics()
        self._measures = measures
        self._trail = trail
        self._clock = clock
        limits = config.limits
        self._tickets = Tickets(clock, limits.tickets, shelf)
        coming: Allowance[str] = Allowance(limits.ticket_connects, limits.ticket_connects_a_second)
        self._viewers = Viewers(limits.viewers, limits.view_only_viewers, coming)
        self._log_followers: Counter[str] = Counter()
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
            measures=measures,
            admissions=Admissions(trail, sessions, clock),
        )
        self._defence = Defence(sessions, feed, limits)
        self._remotes = Remotes(limits, self._defence.offences)
        self._bearers = Bearers(lambda: self._web_terms, self._remotes)
        self._handshakes = Handshakes(
            self._rendezvous.judge,
            guesses=self._defence.guesses,
            offences=self._defence.offences,
            per_uid=limits.handshakes_per_uid,
            deadline_seconds=limits.handshake_seconds,
            buffer_bytes=limits.buffer_bytes,
        )
        self._displays = PrivateDisplays(
            config.display_socket.parent,
            lambda: AgentStream(self._handshakes),
            limits,
            self._defence.offences,
        )
        self._stopping: asyncio.Future[None] | None = None
        self._http: list[HttpListener] = []
        self._viewer_listener: HttpListener | None = None
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
        config = self._config
        tcp = {
            "web_tcp": config.web_tcp,
            "viewer_tcp": config.viewer_tcp,
            "metrics": config.metrics_tcp,
        }
        listening = {name: f"{at[0]}:{at[1]}" for name, at in tcp.items() if at is not None}
        _log.info("relay_started", web=str(config.web_socket), **listening)

    async def stop(self, deadline_seconds: float) -> None:
        """Take nothing new, end what streams, finish what was asked; harmless when repeated."""
        if self._stopping is None:
            return
        for http in self._http:
            http.close()
        if self._display_listener is not None:
            self._display_listener.close()
        self._displays.close_all()
        if not self._stopping.done():
            self._stopping.set_result(None)
        self._handshakes.abort_all()
        self._controls.close_all()
        self._viewers.dismiss_all(_GOING_AWAY)
        await asyncio.gather(*(http.stop(deadline_seconds) for http in self._http))
        self._http = []
        self._viewer_listener = None
        self._display_listener = None
        self._stopping = None
        _log.info("relay_stopped")

    def allow(self, uids: frozenset[int], gids: frozenset[int]) -> None:
        """Let these use the web server's socket from now on, instead of those who might before.

        What others have open already goes on until it ends.
        """
        self._allowed = Allowed(uids, gids)

    def set_terms(self, web_server: TcpTerms | None, viewers: TcpTerms | None) -> None:
        """Take connections from the network on these terms from now on; ``None``: take none.

        Each new call needs a token that holds. Streams that were opened by one that does not are
        ended; other calls under way go on, and so do displays, whose viewers have tickets.
        """
        self._web_terms, self._viewer_terms = web_server, viewers
        self._bearers.review()

    def certificates(self) -> Mapping[str, Certificate]:
        """What is shown to whoever connects from the network, by listener."""
        config = self._config
        terms = {
            "web": self._web_terms if config.web_tcp is not None else None,
            "viewer": self._viewer_terms if config.viewer_tcp is not None else None,
        }
        return {
            listener: each.certificate
            for listener, each in terms.items()
            if each is not None and each.certificate is not None
        }

    def close_viewers(
        self, session_id: SessionId, code: int, *, in_control_only: bool = False
    ) -> None:
        """Close the session's display connections with this WebSocket code."""
        modes = {Mode.CONTROL} if in_control_only else {*Mode}
        self._viewers.dismiss(session_id, code, lambda viewer: viewer.ticket.mode in modes)

    def release(self, session_id: SessionId) -> None:
        """Drop tickets, control stream and displays of a session that is over."""
        self._tickets.forget(session_id)
        self._viewers.dismiss(session_id, CloseCode.SESSION_ENDED)
        self._controls.close(session_id)
        self._displays.close(session_id)
        self._programs.release(session_id)
        self._pace.forget(session_id)

    def web_routes(self, stopping: asyncio.Future[None]) -> list[web.RouteDef]:
        """Every call of the web server's socket."""
        limits = self._config.limits
        return [
            *WebApi(self._sessions, self._tickets, self._viewers, limits).routes(),
            *ExecApi(self._sessions, self._programs, limits, stopping).routes(),
            *self._log_api(stopping).routes(),
            *ScreenshotApi(self._sessions, self._shots, limits.stall_seconds).routes(),
            *self._event_stream(stopping).routes(),
            *self._node_api().routes(),
            *GateApi(self._gate, self._health, limits).routes(),
            *self._display.routes(),
            *Handover(lambda: self._viewer_listener, limits.head_seconds).routes(),
        ]

    def census(self) -> Mapping[str, Mapping[str, int]]:
        """How many there are at the moment: viewers by mode, tickets, agents, log readers."""
        viewers = self._viewers.count_all()
        return {
            "viewers": {"control": viewers.control, "view": viewers.view},
            "tickets": {"": self._tickets.count()},
            "agents": {"": len(self._controls)},
            "readers": {"log": self._log_followers.total()},
        }

    def _event_stream(self, stopping: asyncio.Future[None]) -> EventStream:
        limits = self._config.limits
        return EventStream(
            self._feed,
            self._health,
            limits,
            stopping,
            presence=self.presence,
            measures=self._measures,
        )

    def _node_api(self) -> NodeApi:
        return NodeApi(self._config, self._catalog, self._health, self._upkeep, self._metrics)

    def _log_api(self, stopping: asyncio.Future[None]) -> LogApi:
        followers = self._log_followers
        return LogApi(self._logs, self._config.limits, stopping, followers, self._measures)

    async def _listen(self, stopping: asyncio.Future[None]) -> None:
        config, defence = self._config, self._defence
        peers = guard(lambda: self._allowed, self._bearers)
        record, note_opened = recorder(self._trail, self._sessions, self._clock)
        web_app = self._app("web", self.web_routes(stopping), peers, record)
        web_app.on_response_prepare.append(note_opened)
        viewer_app = self._app("viewer", self._display.routes())
        viewer_app.on_response_prepare.append(tell)
        session_api = SessionApi(
            sessions=self._sessions,
            controls=self._controls,
            displays=self._displays,
            rendezvous=self._rendezvous,
            programs=self._programs,
            doors=Doors(
                self._sessions, defence.strangers, defence.guesses, self._pace, defence.offences
            ),
            limits=config.limits,
        )
        session_app = self._app("session", session_api.routes())
        # Outermost, for refusals too.
        session_app.middlewares.insert(0, _kept_while_taken)

        self._displays.begin()
        # Agents first: the web server is not to see a session whose agent cannot call back.
        sockets = Sockets(config.inherited)
        sessions = self._add(
            session_app, defence.strangers, defence.session_gate, config.limits.kept_seconds
        )
        await sessions.start(partial(sockets.unix, config.session_socket))
        self._display_listener = await Listener.start(
            lambda: AgentStream(self._handshakes),
            sockets.unix(config.display_socket),
            defence.display_gate,
        )
        viewers = self._add(viewer_app)
        await viewers.start(partial(sockets.unix, config.viewer_socket))
        self._viewer_listener = viewers
        if config.viewer_tcp is not None:
            visitors = Remotes(config.limits, defence.offences)
            bound = sockets.tcp(*config.viewer_tcp)
            viewers.start_tcp(bound, lambda: self._viewer_terms, visitors)
        if config.metrics_tcp is not None:
            monitors = self._add(self._app("metrics", self._node_api().monitor_routes()))
            await monitors.start()
            callers = Remotes(config.limits, defence.offences)
            monitors.start_tcp(sockets.tcp(*config.metrics_tcp), TcpTerms, callers)
        web_server = self._add(web_app)
        await web_server.start(partial(sockets.unix, config.web_socket))
        if config.web_tcp is not None:
            web_server.start_tcp(
                sockets.tcp(*config.web_tcp), lambda: self._web_terms, self._remotes
            )

    def _app(
        self, listener: str, routes: Iterable[web.RouteDef], *guards: Middleware
    ) -> web.Application:
        counted = measured(listener, self._measures)
        app = web.Application(middlewares=(counted, problems.middleware, *guards))
        app.add_routes(routes)
        return app

    def _add(
        self,
        app: web.Application,
        register: Register | None = None,
        gate: Turnstile | None = None,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> HttpListener:
        limits = self._config.limits
        http = HttpListener(
            app,
            keepalive_seconds=idle_seconds,
            head_seconds=limits.head_seconds,
            handshake_seconds=limits.tls_handshake_seconds,
            register=register or Census(limits.connections_per_uid, limits.tcp_connections),
            gate=gate,
            on_late=self._defence.note_late,
        )
        self._http.append(http)
        return http


class _NoMetrics:
    """There is nothing to tell."""

    content_type = "text/plain"

    async def expose(self) -> bytes:
        """See Metrics."""
        return b""


@web.middleware
async def _kept_while_taken(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An agent's connection is good for its next callback; whoever is refused has to dial anew.

    So what is too much costs a connection each time, and those are bounded.
    """
    response = await handler(request)
    if response.status != web.HTTPNoContent.status_code:
        response.force_close()
    return response
