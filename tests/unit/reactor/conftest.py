"""What the reactor's tests are built from: a store, a clock, and tasks that end with the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from supervisor.reactor import lane, watcher, worker
from supervisor.store.database import Database
from tests.support.sessions import NOW
from tests.unit.reactor.fakes import Clock


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without making anybody wait."""
    monkeypatch.setattr(worker, "STORE_RETRY_SECONDS", 0.001)
    for module in (lane, watcher):
        monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", 0.001)
        monkeypatch.setattr(module, "LAST_RETRY_SECONDS", 0.01)


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


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[Tasks]:
    """A place for tasks; none of them may crash."""
    tasks = Tasks()
    yield tasks
    await tasks.cancel()
    assert not tasks.crashes


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh database."""
    database = Database(tmp_path / "supervisor.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    """The time, as the test sets it."""
    return Clock(NOW)
