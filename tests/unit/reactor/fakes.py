"""Stand-ins for what surrounds the part under test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from supervisor.errors import StoreError
from supervisor.lifecycle.facts import Fact
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Session, SessionId
from supervisor.lifecycle.transitions import Decision
from supervisor.store.database import Database

T = TypeVar("T")


@dataclass(slots=True)
class Clock:
    """A wall clock that is set by hand."""

    at: float
    looks: int = 0

    def __call__(self) -> float:
        """What time it is."""
        self.looks += 1
        return self.at


@dataclass(slots=True)
class Posts:
    """Facts that were posted, in order."""

    made: list[tuple[SessionId, Fact]] = field(default_factory=list)

    def __call__(self, session_id: SessionId, fact: Fact) -> None:
        """Take a fact."""
        self.made.append((session_id, fact))

    @property
    def facts(self) -> list[Fact]:
        """Without their sessions."""
        return [fact for _, fact in self.made]

    def of(self, session_id: SessionId) -> list[Fact]:
        """Those of one session."""
        return [fact for each, fact in self.made if each == session_id]


@dataclass(slots=True)
class Observed:
    """Decisions of which an observer was told, in order."""

    decisions: list[tuple[Decision, FeedItem | None]] = field(default_factory=list)

    def committed(self, decision: Decision, item: FeedItem | None) -> None:
        """See worker.Observer."""
        self.decisions.append((decision, item))

    @property
    def sessions(self) -> list[Session]:
        """The sessions as they were decided."""
        return [decision.session for decision, _ in self.decisions]


@dataclass(slots=True)
class Link:
    """The relay's side: whom it was told to put out."""

    closed: list[tuple[SessionId, int]] = field(default_factory=list)
    """But for ``renewed``: those in control alone."""
    renewed: list[tuple[SessionId, int]] = field(default_factory=list)
    released: list[SessionId] = field(default_factory=list)

    def close_viewers(
        self, session_id: SessionId, code: int, *, in_control_only: bool = False
    ) -> None:
        """See AgentLink."""
        (self.renewed if in_control_only else self.closed).append((session_id, code))

    def release(self, session_id: SessionId) -> None:
        """See AgentLink."""
        self.released.append(session_id)


class Tasks:
    """Spawns like the composition root; what is still running is cancelled when the test ends."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self.crashes: list[BaseException] = []

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task."""
        task = asyncio.create_task(coroutine)
        self.running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """End everything now."""
        tasks = set(self.running)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.crashes.append(error)


class BreakableDatabase(Database):
    """A database whose disk can be full for a number of transactions."""

    failures = 0

    async def run(self, function: Callable[..., T]) -> T:
        """Fail if so ordered."""
        if self.failures:
            self.failures -= 1
            raise StoreError("The disk is full.")
        return await super().run(function)
