"""The composition root: the only place that starts long-lived tasks.

    browser ──> Callers (from where? who?) ──> api/* ──> Roster (access) ──> Upstream ──> relay
       ^                                                    ^                               │
       │                                                 Mirror <───── /v1/events ──────────┘
       └───────── events: Feed <── Reader <─────────────────┘
    browser ══ WebSocket ══> Carriage ═════ the connection itself, or bytes both ways ═══> relay

Sign-ins, shares and preferences are in the store; Revocation ends what hangs on them when they end.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from portal.api.events_api import EventsApi
from portal.api.guest_api import GuestApi
from portal.api.me_api import MeApi
from portal.api.media_api import MediaApi
from portal.api.node_api import NodeApi
from portal.api.preferences_api import PreferencesApi
from portal.api.sessions_api import SessionsApi
from portal.api.shares_api import SharesApi
from portal.certificate import tls_context
from portal.config import Config
from portal.crowd import Crowd
from portal.display.admissions import Admissions
from portal.display.audience import Audience
from portal.display.carriage import Carriage
from portal.display.close_codes import GOING_AWAY
from portal.display.labels import mark_of
from portal.display.live import LiveDisplays
from portal.door import Door
from portal.errors import StoreError
from portal.listeners import bind, url_of
from portal.pauses import Pauses
from portal.pictures import Pictures
from portal.reload import Reloader
from portal.revocation import TICK_SECONDS, Revocation
from portal.roster import Roster
from portal.service_manager import notify
from portal.settings import Settings
from portal.shares import Shares
from portal.sign_in.links import Links
from portal.sign_in.pace import Pace
from portal.sign_in.pam import Pam
from portal.sign_in.rights import RIGHTS_TICKS, Rights
from portal.sign_in.sign_ins import SignIns
from portal.sign_in.users import User, Users, find_user
from portal.sign_in.ways import REFUSAL_SECONDS, Ways
from portal.store import failure_rows
from portal.store.database import Database
from portal.store.directory import link_key, prepare_directory, sole_use
from portal.suspension import Suspension
from portal.upstream.client import Upstream
from portal.upstream.mirror import Mirror
from portal.web.answers import completion, json_answer, problems
from portal.web.bodies import BODY_BYTES
from portal.web.caller import Callers
from portal.web.cookies import Cookies
from portal.web.headers import add_headers
from portal.web.pages import Pages
from portal.web.remote import Remotes

_STOP_SECONDS = 5.0
_IDLE_SECONDS = 60.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are."""

    state: Path
    static: Path


@dataclass(frozen=True, slots=True)
class Outside:
    """What the portal takes from outside itself; tests bring their own."""

    look_up: Callable[[str], User] = find_user
    """The name service."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    tick_seconds: float = TICK_SECONDS
    refusal_seconds: float = REFUSAL_SECONDS


class Portal:
    """Everything, put together; ``start``, then ``stop``."""

    def __init__(
        self,
        config: Config,
        places: Places,
        outside: Outside = Outside(),
    ) -> None:
        """Raises StoreError."""
        self.settings = settings = Settings(config)
        self._outside = outside
        self._users = Users(settings, outside.look_up)
        self._stopping = asyncio.Event()
        self._stack = AsyncExitStack()
        prepare_directory(places.state)
        self._state = places.state
        self._database = Database(places.state / "portal.db")
        self._upstream = Upstream(config.upstream.socket, config.upstream.timeout_seconds)
        self.mirror = Mirror(self._upstream)
        self._sign_ins = SignIns(self._database, settings, outside.clock)
        self._shares = Shares(self._database, outside.clock)
        self._live = LiveDisplays()
        self._pauses = Pauses(self._database, self.mirror)
        key = link_key(places.state)
        self._admissions = Admissions(self._upstream, self._shares, self._pauses, mark_of(key))
        self._audience = Audience(self._admissions)
        self._roster = Roster(self._upstream, self.mirror, self._shares, self._pauses, settings)
        self.pictures = Pictures(self._upstream, self.mirror, outside.clock)
        self._revocation = Revocation(
            self._roster,
            self._admissions,
            self._audience,
            self._live,
            self._sign_ins,
            self.pictures,
            outside.tick_seconds,
        )
        self._rights = Rights(self._users, self._sign_ins, outside.tick_seconds * RIGHTS_TICKS)
        self.events = EventsApi(self._roster, self._stopping)
        self.media = MediaApi(self._roster, self.pictures)
        self._pam = Pam(settings)
        self._remotes = Remotes(settings)
        self.crowd = Crowd(lambda: settings.config.listen.connections, time.monotonic)
        self._links = Links(key)
        self._pace = Pace(settings, time.monotonic, key)
        self._pages = Pages(places.static)
        self.runner: web.AppRunner | None = None
        self.addresses: list[str] = []
        """Where it listens, as URLs."""

    async def start(self) -> None:
        """Open what there is to open, and listen. Raises StoreError, OSError, ConfigError."""
        stack = self._stack
        stack.enter_context(sole_use(self._state))
        stack.callback(self._users.close)
        await self._database.open()
        stack.push_async_callback(self._database.close)
        await self._sign_ins.load()
        await self._shares.load()
        await self._pauses.load()
        await self._take_up_failures()
        stack.push_async_callback(self._keep_failures)
        await self._upstream.open()
        stack.push_async_callback(self._upstream.close)
        stack.callback(self._pam.close)
        runner = self.runner = web.AppRunner(
            self._application(),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            handler_cancellation=True,
            # For the next request as for the first, whose head may come slowly or never.
            keepalive_timeout=_IDLE_SECONDS,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await self._listen(runner)
        # Ended before the runner waits for calls: streams and displays have no end of their own.
        stack.push_async_callback(self._hurry)

    async def _take_up_failures(self) -> None:
        """A restart is no way to go on guessing."""
        load = partial(failure_rows.load, now=self._outside.clock())
        self._pace.take_up(await self._database.run(load))

    async def _keep_failures(self) -> None:
        keep = partial(failure_rows.keep, ages=self._pace.ages(), now=self._outside.clock())
        try:
            await self._database.run(keep)
        except StoreError as error:
            _log.warning("store_failed", error=str(error))

    async def _listen(self, runner: web.AppRunner) -> None:
        settings, server = self.settings, runner.server
        if server is None:
            raise RuntimeError("the runner is not set up")
        config = settings.config.listen
        settings.tls = tls_context(config)
        for listening in await bind(config):
            self.addresses.append(url_of(listening, config))
            door = Door(listening, server, settings, self.crowd, self._remotes.is_proxy)
            self._stack.callback(door.close)

    async def run(self) -> None:
        """What goes on beside the calls, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.mirror.run(), name="mirror")
            tasks.create_task(self._revocation.run(), name="revocation")
            tasks.create_task(self._rights.run(), name="rights")

    async def stop(self) -> None:
        """Let calls finish, close displays and streams, close everything."""
        await self._stack.aclose()

    async def _hurry(self) -> None:
        self._stopping.set()
        self.mirror.wake()
        await self._live.dismiss_all(GOING_AWAY, _STOP_SECONDS)

    def _application(self) -> web.Application:
        settings, remotes, users = self.settings, self._remotes, self._users
        cookies = Cookies(settings)
        callers = Callers(remotes, self._sign_ins, users, cookies, settings)
        ways = Ways(
            settings,
            self._pam,
            self._links,
            self._database,
            self._pace,
            self._outside.clock,
            self._outside.refusal_seconds,
        )
        application = web.Application(
            middlewares=[completion, problems, callers.middleware()], client_max_size=BODY_BYTES
        )
        application.on_response_prepare.append(add_headers)
        application.on_response_prepare.append(cookies.add_offered)
        roster, admissions = self._roster, self._admissions
        suspension = Suspension(
            self._upstream, self.mirror, self.pictures, self._pauses, admissions
        )
        rooms = (
            self._pages,
            MeApi(settings, ways, callers, users, self._upstream),
            SessionsApi(roster, admissions, suspension, users),
            self.media,
            SharesApi(settings, roster, self._revocation, users, remotes),
            GuestApi(roster, admissions, self._pace),
            self.events,
            PreferencesApi(self._database),
            NodeApi(self._upstream),
            Carriage(
                self._upstream,
                admissions,
                self._live,
                callers,
                self._revocation.verdict,
                self._audience,
                settings,
            ),
        )
        for room in rooms:
            application.add_routes(room.routes())
        application.router.add_get("/healthz", _healthz)
        return application


async def serve(config: Config, read: Callable[[], Config], places: Places) -> None:
    """Run until SIGTERM or SIGINT; at SIGHUP the configuration is ``read`` anew."""
    _raise_descriptor_limit()
    portal = Portal(config, places)
    reloader = Reloader(portal.settings, read)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, reloader.asked.set)
    try:
        await portal.start()
        _log.info("portal_started", addresses=portal.addresses)
        running = asyncio.create_task(_run(portal, reloader), name="portal")
        waiting = asyncio.create_task(stopped.wait(), name="signal")
        notify("READY=1")
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        notify("STOPPING=1")
        waiting.cancel()
        if running.done():
            running.result()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        await portal.stop()
        _log.info("portal_stopped")


async def _run(portal: Portal, reloader: Reloader) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(portal.run(), name="parts")
        tasks.create_task(reloader.run(), name="reload")


def _raise_descriptor_limit() -> None:
    """As far as one may: a display has two, an open page one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _healthz(_request: web.Request) -> web.Response:
    return json_answer({"status": "ok"})
