"""What a reload takes over, and what holds until the next start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from pydantic import BaseModel

from supervisor.config import Config, LimitsConfig
from supervisor.errors import ConfigError
from supervisor.lifecycle.times import rfc3339
from supervisor.ops.notify import Notifier
from supervisor.reactor.core import Core
from supervisor.reload import Reloader, Reloads, keep
from supervisor.template.catalog import TemplateCatalog
from tests.support.sessions import NOW

NEED_RESTART = {
    "engine.host",
    "engine.request_timeout_seconds",
    "relay.web.tcp.host",
    "relay.web.tcp.port",
    "relay.viewer.host",
    "relay.viewer.port",
    "relay.metrics.host",
    "relay.metrics.port",
    "audit.path",
}
"""Whoever adds a key says whether it can change while sessions run."""

TAKEN_OVER = {
    "engine.relist_seconds",
    "agent.directory",
    "agent.bundle",
    "agent.heartbeat_seconds",
    "identity.min_uid",
    "identity.forbidden_groups",
    "limits.concurrent_starts",
    "limits.max_sessions",
    "limits.sessions_per_user",
    "policy.images",
    "policy.mount_sources",
    "policy.volumes",
    "policy.allow",
    "policy.capabilities",
    "policy.devices",
    "policy.security_opt",
    "policy.sysctls",
    "policy.runtimes",
    "policy.most.memory",
    "policy.most.cpus",
    "policy.most.pids",
    "policy.most.shm_size",
    "policy.default.memory",
    "policy.default.cpus",
    "policy.default.pids",
    "policy.default.shm_size",
    "policy.logging.driver",
    "policy.logging.options",
    "policy.clipboard",
    "relay.web.allow_users",
    "relay.web.allow_groups",
    "relay.web.tcp.certificate_file",
    "relay.web.tcp.key_file",
    "relay.web.tcp.client_ca_file",
    "relay.web.tcp.token_files",
    "relay.viewer.certificate_file",
    "relay.viewer.key_file",
    "relay.webhook.url",
    "relay.webhook.secret_files",
    "relay.webhook.timeout_seconds",
    "relay.webhook.give_up_seconds",
    "retention.ended_seconds",
    "retention.ended_sessions",
    "retention.outbox_seconds",
    "retention.outbox_items",
    "reconcile.orphan_grace_seconds",
    "reconcile.initial_delay_seconds",
    "log.level",
    "log.format",
}


def keys(section: BaseModel, prefix: str = "") -> Iterator[str]:
    """Every key that holds a value."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def with_value(section: BaseModel, key: str, value: object) -> BaseModel:
    """The same with another value at one key."""
    name, _, rest = key.partition(".")
    inner = with_value(getattr(section, name), rest, value) if rest else value
    return section.model_copy(update={name: inner})


def value_at(section: BaseModel, key: str) -> object:
    """What stands there."""
    found: object = section
    for name in key.split("."):
        found = getattr(found, name)
    return found


def test_of_every_key_it_is_known_whether_it_can_change() -> None:
    """And of no other."""
    assert set(keys(Config())) == NEED_RESTART | TAKEN_OVER


@pytest.mark.parametrize("key", sorted(NEED_RESTART | TAKEN_OVER))
def test_a_key_is_kept_or_taken_over(key: str) -> None:
    """And named if it is kept."""
    running, another = Config(), object()
    found = with_value(running, key, another)
    assert isinstance(found, Config)
    config, kept = keep(running, found)
    if key in NEED_RESTART:
        assert (config, kept) == (running, (key,))
    else:
        assert kept == ()
        assert value_at(config, key) is another


def test_what_is_as_before_is_not_mentioned() -> None:
    """Most reloads change nothing of the kind."""
    assert keep(Config(), Config()) == (Config(), ())


class Told(Notifier):
    """A service manager that remembers what it was told, in order."""

    def __init__(self) -> None:
        super().__init__(None)
        self.words: list[str] = []

    def _tell(self, *lines: str) -> None:
        self.words.append(lines[0])


class Desk:
    """A reloader, the file that it reads, and what it made of it."""

    def __init__(self, directory: Path, *, is_ready: bool = True) -> None:
        self.file: Config | Exception = Config()
        self.let_read = threading.Event()
        self.let_read.set()
        self.reads = 0
        self.time = NOW + 60.0
        self.held: list[Config] = []
        self.told = Told()
        self.asked = asyncio.Event()
        ready = asyncio.Event()
        if is_ready:
            ready.set()
        self.node_tellings = 0
        health = SimpleNamespace(health=SimpleNamespace(first_ready=ready))
        core = cast("Core", SimpleNamespace(health=health, tell_node=self._tell_node))
        self.reloader = Reloader(
            Reloads(self.asked, self._read, NOW),
            Config(),
            self._apply,
            TemplateCatalog(directory, directory),
            self.told,
            core,
            lambda: self.time,
        )

    async def reload(self, file: Config | Exception) -> None:
        """Have this taken over, or not."""
        self.file = file
        tellings = self.node_tellings
        running = asyncio.create_task(self.reloader.run())
        self.asked.set()
        while self.node_tellings == tellings:
            await asyncio.sleep(0)
        running.cancel()

    def _read(self) -> Config:
        self.reads += 1
        self.let_read.wait()
        self.time += 1.0
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    async def _apply(self, config: Config) -> None:
        self.held.append(config)

    def _tell_node(self) -> None:
        self.node_tellings += 1


LIMITED = Config(limits=LimitsConfig(max_sessions=3))


async def test_the_service_manager_is_told_in_order(tmp_path: Path) -> None:
    """That it reloads, how it went, and that it is ready again."""
    desk = Desk(tmp_path)
    await desk.reload(LIMITED)
    assert desk.told.words == ["RELOADING=1", "READY=1"]
    assert desk.held == [LIMITED]


async def test_what_is_written_while_it_reads_is_not_called_loaded(tmp_path: Path) -> None:
    """Neither at the start nor at a reload: the time that is told is that before the reading."""
    desk = Desk(tmp_path)
    assert desk.reloader.state()["loaded_at"] == rfc3339(NOW)
    await desk.reload(LIMITED)
    assert desk.reloader.state()["loaded_at"] == rfc3339(NOW + 60)


@pytest.mark.parametrize(
    ("error", "what"),
    [(ConfigError("f:1:1: a: wrong\nf:2:1: b: wrong"), "f:1:1: a: wrong"), (OSError(5, "x"), "x")],
)
async def test_what_is_refused_changes_nothing(tmp_path: Path, error: Exception, what: str) -> None:
    """Whatever went wrong; and the next reload is judged by itself."""
    desk = Desk(tmp_path)
    loaded_at = desk.reloader.state()["loaded_at"]
    await desk.reload(error)
    assert desk.told.words == ["RELOADING=1", "READY=1"]
    assert what in (desk.reloader.error or "")
    assert what in desk.reloader.state()["error"]
    assert desk.reloader.state()["loaded_at"] == loaded_at
    assert desk.held == []
    await desk.reload(LIMITED)
    assert desk.reloader.state()["error"] is None
    assert desk.held == [LIMITED]


async def test_before_it_is_ready_the_service_manager_waits_for_that_alone(tmp_path: Path) -> None:
    """READY would say that sessions are adopted."""
    desk = Desk(tmp_path, is_ready=False)
    await desk.reload(LIMITED)
    assert desk.told.words == []
    assert desk.held == [LIMITED]


async def test_signals_in_quick_succession_make_one_more_reload(tmp_path: Path) -> None:
    """The last of them may have come after the file was read."""
    desk = Desk(tmp_path)
    desk.let_read.clear()
    running = asyncio.create_task(desk.reloader.run())
    desk.asked.set()
    while not desk.reads:
        await asyncio.sleep(0)
    for _ in range(5):
        desk.asked.set()
    desk.let_read.set()
    while desk.node_tellings < 2 or desk.asked.is_set():
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    running.cancel()
    assert (desk.reads, desk.node_tellings) == (2, 2)
