"""The relay's other ports in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from supervisor.lifecycle.audit import Act
from supervisor.lifecycle.errors import (
    SupervisorError,
    TemplateNotFoundError,
)
from supervisor.lifecycle.facts import TerminateRequested
from supervisor.lifecycle.session import SessionId
from supervisor.lifecycle.tickets import KeptTicket
from tests.support.memory_log import MemoryLog
from tests.unit.relay.fake_sessions import FakeSessions


class FakeLogs:
    """Logs of containers as tests have them print; a session without one has what was kept."""

    def __init__(self, sessions: FakeSessions) -> None:
        self._sessions = sessions
        self.printed: dict[SessionId, MemoryLog] = {}
        self.refusal: Exception | None = None
        self.opening = asyncio.Event()
        self.opening.set()
        self.open_now = 0

    @asynccontextmanager
    async def open(
        self, session_id: str, *, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See ``relay.ports.Logs``."""
        session = self._sessions.get(session_id)
        await self.opening.wait()
        if self.refusal is not None:
            raise self.refusal
        log = self.printed.get(session.id)
        if log is None:
            log = MemoryLog()
            log.print(session.log_tail.encode())
            log.end()
        self.open_now += 1
        try:
            async with aclosing(log.read(tail, follow=follow)) as pieces:
                yield pieces
        finally:
            self.open_now -= 1


class FakeCatalog:
    """One template."""

    template: Mapping[str, Any] = {
        "name": "docker",
        "title": "Terminal",
        "icon": "",
        "description": "A terminal.",
        "geometry": "1280x800",
        "dpi": 96,
        "command": "xterm",
        "accepts_command": True,
        "requires_command": False,
        "params": [
            {
                "name": "cores",
                "type": "integer",
                "label": "Cores",
                "help": "",
                "required": False,
                "changeable": True,
                "default": 2,
                "minimum": 1,
                "maximum": None,
                "min_length": 0,
                "max_length": 0,
                "pattern": None,
                "choices": [],
            }
        ],
        "params_schema": {"type": "object", "properties": {"cores": {"type": "integer"}}},
        "session": {"clipboard": "both", "lifetime_seconds": None},
    }

    def list(self) -> Sequence[Mapping[str, Any]]:
        """All."""
        return [self.template]

    def get(self, name: str) -> Mapping[str, Any]:
        """One."""
        if name != "docker":
            raise TemplateNotFoundError(f"There is no template {name!r}.")
        return self.template


@dataclass
class FakeHealth:
    """As healthy as told."""

    is_ready: bool = True
    sentence: str = ""
    node_object: dict[str, Any] = field(
        default_factory=lambda: {
            "host": "node1",
            "ready": True,
            "message": "",
            "engine": {"reachable": True, "version": "24.0.5"},
            "capacity": {"sessions": 100},
            "load": {"sessions": 0},
            "draining": False,
            "cordon": None,
        }
    )

    def ready(self) -> tuple[bool, str]:
        """Whether, and why not."""
        return self.is_ready, self.sentence

    def node(self) -> Mapping[str, Any]:
        """The node."""
        return self.node_object


@dataclass
class FakeUpkeep:
    """Finds one of each; notes what was asked."""

    asked: list[bool] = field(default_factory=list)
    refusal: Exception | None = None

    async def reconcile(self, *, dry_run: bool) -> Mapping[str, Any]:
        """What there is, or was."""
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(dry_run)
        done = "would be" if dry_run else "was"
        session_id = "01jd0000000000000000000007"
        orphan = {
            "container_id": "c0ffee" * 10 + "cafe",
            "session_id": session_id,
            "user": "alice",
            "template": "docker",
            "created_at": "2025-01-01T12:00:00.000Z",
            "message": f"No session stands for it: it {done} removed.",
        }
        drift = {
            "session_id": session_id,
            "phase": "running",
            "container": None,
            "message": "Its container is gone: the session would be ended.",
        }
        leftover = {"session_id": session_id, "message": f"They {done} removed."}
        return {
            "dry_run": dry_run,
            "orphans": [orphan],
            "leftover_files": [leftover],
            "drift": [drift, {**drift, "phase": None, "container": "running"}],
        }


@dataclass
class FakeGate:
    """Opens and closes the node of a FakeHealth, and ends the sessions of FakeSessions."""

    health: FakeHealth
    sessions: FakeSessions
    refusal: Exception | None = None

    async def close(self, *, by: str, reason: str) -> None:
        """From now on."""
        self._ask()
        cordon = {"by": by, "since": "2025-01-01T12:00:00.000Z", "reason": reason}
        self.health.node_object |= {"draining": True, "cordon": cordon}

    async def empty(self, *, by: str, reason: str) -> None:
        """At once."""
        await self.close(by=by, reason=reason)
        for session_id in list(self.sessions.sessions):
            await self.sessions.submit(session_id, TerminateRequested())

    async def open(self, *, by: str) -> None:
        """Whoever says so."""
        del by
        self._ask()
        self.health.node_object |= {"draining": False, "cordon": None}

    def _ask(self) -> None:
        if self.refusal is not None:
            raise self.refusal


class BrokenError(SupervisorError):
    """An error of a class the relay does not know."""

    code = "broken"


@dataclass
class Clock:
    """Time, by hand."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


class FakeShelf:
    """Tickets in a dict; refuses if so ordered."""

    def __init__(self) -> None:
        self.kept: dict[str, KeptTicket] = {}
        self.refusal: Exception | None = None

    async def load(self) -> Sequence[KeptTicket]:
        """All of them."""
        return list(self.kept.values())

    async def keep(self, kept: KeptTicket) -> None:
        """One."""
        self._ask()
        self.kept.pop(kept.ticket.key, None)
        if kept.uses:
            self.kept[kept.ticket.key] = kept

    async def drop(self, session_id: SessionId, label: str | None) -> None:
        """Those of a session, or of a label in it."""
        self._ask()
        for key, each in list(self.kept.items()):
            if each.ticket.session_id == session_id and label in (None, each.ticket.label):
                del self.kept[key]

    def _ask(self) -> None:
        if self.refusal is not None:
            raise self.refusal


class KeptTrail:
    """An audit trail that a test can read."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    def record(self, act: Act) -> None:
        """See AuditTrail."""
        self.acts.append(act)

    def of(self, action: str) -> list[Act]:
        """The acts of this name."""
        return [act for act in self.acts if act.action == action]
