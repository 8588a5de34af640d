"""A relay that is up on a thread of its own, and ``fxctl`` run against it in this process."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar
from unittest.mock import patch

from relay.app import Relay
from relay.config import RelayConfig, RelayLimits
from relay.display.viewers import Viewer
from supervisor.ctl.app import main
from supervisor.lifecycle.session import Session, SessionId, StartRequest
from supervisor.lifecycle.tickets import Mode, Ticket
from supervisor.reactor.service import CatalogService
from supervisor.share import openapi_document, templates_directory
from supervisor.template.catalog import TemplateCatalog
from tests.unit.relay.fake_feed import FakeFeed
from tests.unit.relay.fake_sessions import FakeSessions
from tests.unit.relay.fakes import FakeGate, FakeHealth, FakeLogs, FakeShelf, FakeUpkeep

T = TypeVar("T")
Step = Callable[[FakeSessions, SessionId], Awaitable[None]]

DESK = """\
title: Desk
image: example/desk
command: startxfce4
params:
  label: {type: string, default: none}
  cores: {type: integer, default: 2, min: 1, max: 8}
  ratio: {type: number, default: 0.5}
  fast: {type: boolean, default: false}
  memory: {type: size, default: 2g, min: 256m, max: 8g}
  length: {type: duration, default: 8h}
  depth: {type: choice, choices: [8, 24], default: 24}
"""


class ScriptedSessions(FakeSessions):
    """What happens to a session that was started is written down beforehand."""

    def __init__(self, feed: FakeFeed) -> None:
        super().__init__(feed)
        self.script: Sequence[Step] = ()
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, request: StartRequest, *, idempotency_key: str | None) -> Session:
        """As ever; then the script, once somebody follows the event stream."""
        session = await super().start(request, idempotency_key=idempotency_key)
        task = asyncio.ensure_future(self._play(session.id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return session

    async def _play(self, session_id: SessionId) -> None:
        for step in self.script:
            while not self.feed.readers:
                await asyncio.sleep(0.001)
            await step(self, session_id)


class Daemon:
    """The real relay with everything around it in memory. A context manager."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "web.sock"
        self._config = RelayConfig(
            web_socket=self.socket,
            session_socket=directory / "session.sock",
            display_socket=directory / "display.sock",
            viewer_socket=directory / "viewer.sock",
            openapi=openapi_document(),
            limits=RelayLimits(keepalive_seconds=0.05),
        )
        templates = directory / "launcher-templates"
        templates.mkdir()
        (templates / "desk.tpl").write_text(DESK, encoding="utf-8")
        self._catalog = CatalogService(catalog=TemplateCatalog(directory, templates_directory()))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._up())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._relay.stop(1.0))
        self.do(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, coroutine: Awaitable[T]) -> T:
        """Run something in the daemon's own loop."""

        async def run() -> T:
            return await coroutine

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def start(self, user: str = "alice", **wishes: str) -> SessionId:
        """A session that somebody else started."""
        request = StartRequest(user=user, **wishes)  # type: ignore[arg-type] # texts are enough
        return self.do(FakeSessions.start(self.sessions, request, idempotency_key=None)).id

    def change(self, session_id: SessionId, **changes: object) -> None:
        """Put a session into a state."""

        async def change() -> None:
            self.sessions.force(session_id, **changes)

        self.do(change())

    def look_at(
        self, session_id: SessionId, mode: Mode, guest: str | None, label: str | None
    ) -> None:
        """Somebody is connected to the session's display."""

        async def look() -> None:
            ticket = Ticket(f"{mode}", session_id, mode, guest, time.time() + 60, label)
            viewer = Viewer(ticket)
            self._relay._viewers.add(viewer)
            viewer.connected_at = time.time()
            self.sessions.force(session_id, viewers=self._relay._viewers.count(session_id))

        self.do(look())

    def rename(self, session_id: SessionId, other: str) -> None:
        """Give a session an id like a real one."""

        async def rename() -> None:
            session = self.sessions.sessions.pop(session_id)
            self.sessions.sessions[SessionId(other)] = replace(session, id=SessionId(other))

        self.do(rename())

    def restart(self, meanwhile: Callable[[], object]) -> None:
        """Another life on the same socket, with what was committed; ``meanwhile`` it is away."""
        self.do(self._relay.stop(1.0))
        meanwhile()
        self.do(self._relay.start())

    async def _up(self) -> None:
        self.feed = FakeFeed()
        self.sessions = ScriptedSessions(self.feed)
        self.logs = FakeLogs(self.sessions)
        self.health = FakeHealth()
        self.upkeep = FakeUpkeep()
        self.gate = FakeGate(self.health, self.sessions)
        self._relay = Relay(
            self._config,
            sessions=self.sessions,
            catalog=self._catalog,
            feed=self.feed,
            logs=self.logs,
            health=self.health,
            upkeep=self.upkeep,
            gate=self.gate,
            shelf=FakeShelf(),
        )
        await self._relay.start()

    async def _settle(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Of stdout."""
        return self.out.splitlines()


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def fxctl(
    *arguments: str, socket: Path | None = None, stdin: bytes = b"", terminal: bool = False
) -> Result:
    """Run the program; 80 columns wide."""
    out, err = (Screen(), Screen()) if terminal else (io.StringIO(), io.StringIO())
    front = [] if socket is None else ["--socket", str(socket)]
    source = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    environment = {"COLUMNS": "80", "TERM": "xterm"}
    with (
        patch.object(sys, "stdin", source),
        patch.dict(os.environ, environment),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main([*front, *arguments])
    return Result(code, out.getvalue(), err.getvalue())
