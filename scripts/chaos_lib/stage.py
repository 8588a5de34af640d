"""What every round and fault is played on: an engine, a daemon, readers, a ledger, bystanders."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.chaos_lib.bystanders import Bystanders
from scripts.chaos_lib.ledger import Ledger
from scripts.chaos_lib.plan import Part
from scripts.chaos_lib.private_engine import PrivateEngine
from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.reader import Reader
from scripts.chaos_lib.web import Web
from scripts.chaos_lib.witness import Witness
from tests.support.daemon import Daemon
from tests.support.surroundings import Surroundings

READY_SECONDS = 120.0
RESTLESS_SECONDS = 4.0
HEARTBEAT_SECONDS = 2
CONFIG: Mapping[str, Any] = {
    "limits": {"concurrent_starts": 6},
    "retention": {"ended_seconds": 90},
}

_TEMPLATE = """\
image: {image}
working_dir: /
network_mode: {network}
mem_limit: 256m
memswap_limit: 256m
pids_limit: 64
command: {command}
session: {{startup_timeout: 300s, stop_grace_period: {grace}s, suspend: {suspend}}}
"""
_FOREVER = "exec sleep 100000"
_DEAF = "trap '' TERM; while :; do sleep 1; done"
TEMPLATES: Mapping[Part, Mapping[str, object]] = {
    Part.PLAIN: {"command": _FOREVER, "network": "bridge", "grace": 10, "suspend": "disconnect"},
    Part.FREEZING: {"command": _FOREVER, "network": "none", "grace": 10, "suspend": "freeze"},
    Part.STUBBORN: {"command": _DEAF, "network": "none", "grace": 2, "suspend": "disconnect"},
    Part.BRIEF: {
        "command": "${start.command}",
        "network": "none",
        "grace": 10,
        "suspend": "disconnect",
    },
    Part.ABSENT: {
        "command": "[/not/there]",
        "network": "none",
        "grace": 10,
        "suspend": "disconnect",
    },
}


class Lives(Daemon):
    """A daemon with a log file for each of its lives, which can also be made to hang."""

    def __init__(self, site: Surroundings, directory: Path, config: Mapping[str, Any]) -> None:
        super().__init__(site, directory, config)
        self.count = 0

    @property
    def log_text(self) -> str:
        """What all its lives have written."""
        return "".join(path.read_text(errors="replace") for path in self.logs())

    def logs(self) -> list[Path]:
        """One file for each life, in their order."""
        return sorted(self.directory.glob("log-*"))

    async def start(self) -> None:
        """Begin a life; returns at once."""
        self.count += 1
        with (self.directory / f"log-{self.count:04}").open("ab") as log:
            self.process = await self._spawn(
                "fx-supervisor", "run", "--runtime-dir", str(self.run), environment={}, log=log
            )

    def pause(self) -> None:
        """Let it hang: it keeps its sockets and answers nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it was."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.lives:
            self.process.send_signal(number)


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that plays a part."""

    engine_url: str
    private: PrivateEngine | None
    """The engine, if it is ours to kill."""
    daemon: Lives
    web: Web
    witness: Witness
    bystanders: Bystanders
    readers: list[Reader]
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def reader(self) -> Reader:
        """The one whose connection is kept for as long as it lasts."""
        return self.readers[0]

    async def heal(self) -> None:
        """Have a daemon that runs and says that it is ready."""
        self.daemon.go_on()
        if not self.daemon.lives:
            await self.daemon.start()
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self.web.is_ready():
                    if not self.daemon.lives:
                        last = self.daemon.logs()[-1]
                        raise ChaosError(f"the daemon does not stay up: see {last}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            last = self.daemon.logs()[-1]
            message = f"the daemon is not ready after {READY_SECONDS:g} s: see {last}"
            raise ChaosError(message) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What stages have in common."""

    site: Surroundings
    engine_url: str
    private: PrivateEngine | None
    parent: Path
    """Where daemons have their directories; a short path."""
    keep: Path
    """Where the logs of one that went wrong are kept."""


@asynccontextmanager
async def staged(
    setting: Setting,
    name: str,
    config: Mapping[str, Any] | None = None,
    engine_url: str | None = None,
) -> AsyncIterator[Stage]:
    """A daemon that is ready on a directory of its own, with readers and bystanders.

    ``engine_url``: where the daemon finds the engine, if not where everybody else does.
    """
    directory = setting.parent / name
    directory.mkdir(parents=True)
    document = {**CONFIG, **(config or {})}
    document["agent"] = {
        "bundle": str(setting.site.bundle),
        "heartbeat_seconds": HEARTBEAT_SECONDS,
    }
    daemon = Lives(setting.site, directory, document)
    daemon.engine_url = engine_url or setting.engine_url
    for part, words in TEMPLATES.items():
        text = _TEMPLATE.format(image=setting.site.perl_base, **words)
        daemon.write_template(part.value, text)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, daemon, setting)
        witness = Witness(setting.engine_url)
        bystanders = await stack.enter_async_context(
            _bystanders(witness, setting.site.perl_base, name)
        )
        web = await stack.enter_async_context(Web(daemon.socket, setting.site.user))
        readers = [
            Reader("stream", daemon.socket),
            Reader("restless stream", daemon.socket, restless_seconds=RESTLESS_SECONDS),
            Reader("web socket", daemon.socket, by_websocket=True, restless_seconds=30.0),
        ]
        stage = Stage(
            engine_url=setting.engine_url,
            private=setting.private,
            daemon=daemon,
            web=web,
            witness=witness,
            bystanders=bystanders,
            readers=readers,
        )
        await stack.enter_async_context(_running(witness.run(), *(each.run() for each in readers)))
        await stage.heal()
        yield stage


@asynccontextmanager
async def _running(*coroutines: Any) -> AsyncIterator[None]:  # noqa: ANN401 of any return type
    """Run these beside the block."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _bystanders(witness: Witness, image: str, name: str) -> AsyncIterator[Bystanders]:
    bystanders = Bystanders(witness, f"chaos-{name}-{os.getpid()}")
    try:
        await bystanders.start(image)
        yield bystanders
    finally:
        await bystanders.remove()


async def _end(daemon: Lives, setting: Setting) -> None:
    """Nothing of it is left but the logs of its lives, and its database."""
    daemon.go_on()
    await daemon.kill()
    kept = setting.keep / daemon.directory.name
    kept.mkdir(parents=True, exist_ok=True)
    for each in (*daemon.logs(), *daemon.local.glob("supervisor.db*")):
        shutil.copy(each, kept)
    if (daemon.local / "instance-id").exists():
        witness = Witness(setting.engine_url)
        left = await witness.containers(daemon.owner)
        if left:
            await witness.docker("rm", "-f", *left)
    shutil.rmtree(daemon.directory)
