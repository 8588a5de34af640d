"""What one reader of the event stream was told, and whether it was told in order and completely.

Every committed change of a session is one version and one event, so that at a reader versions rise
one by one: a gap is a change that was lost, a repetition one that was told twice. Only a snapshot
(the first connection, or after ``reset``) may jump ahead. What is over stays over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scripts.chaos_lib.tally import Kind, Violation

Wire = dict[str, Any]
"""A JSON object, as documented in docs/openapi.yaml."""


@dataclass(slots=True)
class Told:
    """What is known of one session."""

    document: Wire
    deleted: bool = False
    phases: list[str] = field(default_factory=list)
    """One after the other, each once."""

    @property
    def version(self) -> int:
        """The newest that was told."""
        return int(self.document["version"])

    @property
    def phase(self) -> str:
        """The newest that was told."""
        return str(self.document["phase"])


class History:
    """Everything that one reader was told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sessions: dict[str, Told] = {}
        self.violations: list[Violation] = []
        self.last_seq: int | None = None
        self.resets = 0
        self._snapshot: set[str] = set()
        self._news = asyncio.Condition()

    def connected(self) -> None:
        """A connection begins; half a snapshot that came by the last one is no use."""
        self._snapshot.clear()

    async def take(self, event: str, seq: int | None, data: Wire) -> None:
        """One event as it came."""
        async with self._news:
            if seq is not None and event != "synced":
                self._number(seq)
            match event:
                case "update" if seq is None:
                    self._snapshot.add(data["id"])
                    self._restate(data)
                case "update":
                    self._update(data)
                case "delete":
                    self._delete(data["id"])
                case "reset":
                    self.resets += 1
                    self._snapshot.clear()
                case "synced":
                    self._synced(seq)
                case _:
                    pass
            self._news.notify_all()

    async def until(self, holds: Callable[[], object], within_seconds: float) -> bool:
        """Wait for news after which ``holds``; False when there were none in time."""
        try:
            async with asyncio.timeout(within_seconds), self._news:
                await self._news.wait_for(holds)
        except TimeoutError:
            return False
        return True

    def phase(self, session_id: str) -> str | None:
        """The newest phase; ``deleted``, or ``None`` for a session that nobody told of."""
        told = self.sessions.get(session_id)
        if told is None:
            return None
        return "deleted" if told.deleted else told.phase

    def _number(self, seq: int) -> None:
        if self.last_seq is not None and seq <= self.last_seq:
            self._wrong(Kind.MISORDERED, f"event {seq} came after event {self.last_seq}")
        self.last_seq = seq

    def _synced(self, seq: int | None) -> None:
        """What the snapshot does not hold is gone; nobody kept the news of it."""
        for session_id, told in self.sessions.items():
            told.deleted = told.deleted or session_id not in self._snapshot
        if self.last_seq is not None and seq is not None and seq < self.last_seq:
            self._wrong(Kind.MISORDERED, f"synced at {seq}, after event {self.last_seq}")
        self.last_seq = seq

    def _restate(self, data: Wire) -> None:
        told = self.sessions.get(data["id"])
        if told is not None and data["version"] < told.version:
            self._wrong(Kind.MISORDERED, _of(data, f"went back from version {told.version}"))
        self._note(data)

    def _update(self, data: Wire) -> None:
        told, version = self.sessions.get(data["id"]), data["version"]
        before = 0 if told is None else told.version
        if told is not None and told.deleted:
            self._wrong(Kind.MISORDERED, _of(data, "came back after its deletion"))
        if version <= before:
            self._wrong(Kind.MISORDERED, _of(data, f"was told after version {before}"))
        elif version > before + 1:
            self._wrong(Kind.LOST, _of(data, f"was told right after version {before}"))
        self._note(data)

    def _note(self, data: Wire) -> None:
        told = self.sessions.setdefault(data["id"], Told(data))
        if told.phase == "ended" and data["phase"] != "ended":
            self._wrong(Kind.MISORDERED, _of(data, f"became {data['phase']} after its end"))
        told.document = data
        if told.phases[-1:] != [data["phase"]]:
            told.phases.append(data["phase"])

    def _delete(self, session_id: str) -> None:
        told = self.sessions.get(session_id)
        if told is None or told.deleted:
            self._wrong(Kind.MISORDERED, f"session {session_id}: deleted, but was not there")
            return
        told.deleted = True

    def _wrong(self, kind: Kind, text: str) -> None:
        self.violations.append(Violation(kind, f"{self.name}: {text}"))


def _of(data: Wire, what: str) -> str:
    return f"session {data['id']}: version {data['version']} ({data['phase']}) {what}"
