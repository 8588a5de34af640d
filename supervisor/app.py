"""The composition root: the only place that knows every part, and that starts long-lived tasks.

Start: locks, store, core, relay (so that agents of running sessions find it again), then the
engine watcher, whose first listing adopts what runs. Stop: intake closes, workers drain, streams
end, clients close. Containers run on, always.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from relay.app import Relay
from relay.config import WebhookConfig
from relay.tcp_terms import TcpTerms
from supervisor import __version__
from supervisor.config import Config, load_config
from supervisor.delivery import Delivery
from supervisor.engine.base import Engine
from supervisor.engine.docker import DockerEngine
from supervisor.errors import ConfigError
from supervisor.expiry import expiry_object, warn_of_expiry, watch_expiry
from supervisor.host.instance import instance_id, sole_use
from supervisor.host.session_files import SessionDirectory
from supervisor.observation import Observation
from supervisor.ops.log import configure
from supervisor.ops.notify import Notifier
from supervisor.ops.readiness import tell_ready
from supervisor.ops.service_manager import ServiceManager
from supervisor.ops.status import status_line, tell_status
from supervisor.ops.watchdog import feed
from supervisor.reactor.core import Core, CoreParts, CoreSettings, Spawn
from supervisor.reload import Reloader, Reloads
from supervisor.settings import (
    Places,
    allowed_peers,
    core_settings,
    relay_config,
    tcp_terms,
    webhook_config,
)
from supervisor.share import templates_directory
from supervisor.store.database import Database
from supervisor.template.catalog import TemplateCatalog

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 10.0
STOP_RELAY_SECONDS = 5.0
FLUSH_WEBHOOK_SECONDS = 3.0
FLUSH_AUDIT_SECONDS = 2.0

EngineOf = Callable[[Config, str], Engine]
"""Makes the engine for a configuration and the instance id that labels what is ours."""


def docker_engine(config: Config, owner: str) -> Engine:
    """The Docker Engine that the configuration names."""
    return DockerEngine(config.engine.url, owner, config.engine.request_timeout_seconds)


async def serve(
    config: Config,
    places: Places,
    engine_of: EngineOf = docker_engine,
    manager: ServiceManager = ServiceManager(),  # noqa: B008 it is frozen
    read: Callable[[], Config] = load_config,
) -> None:
    """Run the daemon until SIGTERM or SIGINT, on another engine than Docker's if one is given.

    ``manager`` is told how it goes, and may hold the sockets; ``read`` reads the configuration anew
    at SIGHUP.
    Raises AlreadyRunningError, ConfigError, StoreError, EngineDeniedError at start.
    """
    read_at = time.time()
    _raise_descriptor_limit()
    with sole_use(places.run, "--runtime-dir"), sole_use(places.local, "FX_LOCAL_DIR"):
        # SIGHUP ends a process that says nothing about it.
        stopped = _on_signal(signal.SIGTERM, signal.SIGINT)
        asked = _on_signal(signal.SIGHUP)
        async with _opened(Database(places.local / "supervisor.db")) as database:
            try:
                async with asyncio.TaskGroup() as tasks:
                    await _live(
                        config,
                        places,
                        database,
                        tasks,
                        stopped,
                        engine_of=engine_of,
                        manager=manager,
                        reloads=Reloads(asked, read, read_at),
                    )
            except BaseExceptionGroup as group:
                raise _first(group) from None


async def _live(  # noqa: PLR0913 each made at another level
    config: Config,
    places: Places,
    database: Database,
    tasks: asyncio.TaskGroup,
    stopped: asyncio.Event,
    *,
    engine_of: EngineOf,
    manager: ServiceManager,
    reloads: Reloads,
) -> None:
    """Put the parts together, run until told to stop, and take them apart in order."""

    def spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return tasks.create_task(coroutine)

    settings = core_settings(config, places, instance_id(places.local, places.run))
    posting = webhook_config(config)
    observation = Observation(config.audit.path)
    engine = observation.engine(engine_of(config, settings.owner))
    files = SessionDirectory(places.run)
    files.create_root()
    parts = CoreParts(
        engine=engine,
        database=database,
        files=files,
        catalog=TemplateCatalog(places.config, templates_directory()),
        now=time.time,
        spawn=spawn,
    )
    core = await Core.open(settings, parts)
    relay = Relay(
        relay_config(config, places.run, manager.sockets),
        sessions=core.sessions,
        catalog=core.templates,
        feed=core.feed,
        logs=core.logs,
        health=core.health,
        upkeep=core.upkeep,
        gate=core.gate,
        shelf=core.tickets,
        metrics=observation.metrics,
        measures=observation.instruments,
        trail=observation.trail,
        on_input=core.input_notes.note,
    )
    observation.begin(core, parts, relay, {"local": places.local, "run": places.run})
    try:
        await _listen(relay)
        core.health.notes["web_server"] = relay.presence.state
        core.health.notes["audit"] = observation.trail.state
        background = core.begin(relay)
        delivery = Delivery(core.outbox, core.health.notes, spawn, observation.instruments)
        await delivery.change(posting)
        log.info(
            "supervisor_started",
            version=__version__,
            owner=settings.owner,
            engine=config.engine.url,
            run=str(places.run),
        )
        background.append(spawn(observation.run()))

        async def apply(found: Config) -> None:
            await _apply(found, places, core, relay, delivery)

        reloader = Reloader(reloads, config, apply, parts.catalog, manager.notifier, core)
        core.health.notes["configuration"] = reloader.state
        core.health.notes["certificates"] = partial(expiry_object, relay.certificates)
        background.append(spawn(watch_expiry(relay.certificates)))
        background.append(spawn(reloader.run()))
        background += _keep_told(manager.notifier, core, reloader, spawn)
        await stopped.wait()
        log.info("supervisor_stopping")
        manager.notifier.stopping()
        for task in background:
            task.cancel()
        await relay.stop(STOP_RELAY_SECONDS)
        await core.close(DRAIN_SECONDS)
        await delivery.stop(FLUSH_WEBHOOK_SECONDS)
    finally:
        # Also when a task broke: no socket and no connection is left behind.
        await relay.stop(0.0)
        await engine.close()
        await asyncio.to_thread(observation.end, FLUSH_AUDIT_SECONDS)
    log.info("supervisor_stopped")


async def _apply(
    config: Config, places: Places, core: Core, relay: Relay, delivery: Delivery
) -> None:
    """Let another configuration hold. Raises ConfigError, and the one before it still does."""
    found = await asyncio.to_thread(_settings, config, places, core.owner)
    settings, peers, terms, posting = found
    core.change(settings)
    relay.allow(*peers)
    relay.set_terms(*terms)
    warn_of_expiry(relay.certificates)
    configure(config.log.level, config.log.format)
    await delivery.change(posting)


def _settings(
    config: Config, places: Places, owner: str
) -> tuple[
    CoreSettings,
    tuple[frozenset[int], frozenset[int]],
    tuple[TcpTerms | None, TcpTerms | None],
    WebhookConfig | None,
]:
    """What the parts want; reads what the configuration names."""
    return (
        core_settings(config, places, owner),
        allowed_peers(config),
        tcp_terms(config),
        webhook_config(config),
    )


def _keep_told(
    notifier: Notifier, core: Core, reloader: Reloader, spawn: Spawn
) -> list[asyncio.Task[None]]:
    """Let the service manager know when all is adopted, and that work gets done."""

    def line() -> str:
        ready, message = core.health.ready()
        return status_line(
            ready=ready,
            message=message,
            sessions=core.health.sessions(),
            refused=reloader.error,
        )

    return [
        spawn(tell_ready(notifier, core.health.health.first_ready)),
        spawn(feed(notifier, core.reactor.progress)),
        spawn(tell_status(notifier, line)),
    ]


async def _listen(relay: Relay) -> None:
    """Start the relay. Raises ConfigError for a socket that cannot be bound."""
    try:
        await relay.start()
    except OSError as error:
        message = (
            f"The relay cannot listen: {error}. A path may be too long (--runtime-dir) or taken by "
            "something else, or a port in use (relay.web.tcp, relay.viewer, relay.metrics)."
        )
        raise ConfigError(message) from error


def _raise_descriptor_limit() -> None:
    """Each connection is a descriptor, and the 1024 that are customary are soon used up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What broke the daemon, out of the groups it came wrapped in."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _on_signal(*numbers: signal.Signals) -> asyncio.Event:
    came = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, came.set)
    return came


@asynccontextmanager
async def _opened(database: Database) -> AsyncIterator[Database]:
    await database.open()
    try:
        yield database
    finally:
        await database.close()
