"""What the reactor's tests are built from: a store, a clock, and tasks that end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from supervisor.host.identity import Identity, IdentityPolicy
from supervisor.reactor import intake, lane, watcher, worker
from supervisor.store.database import Database
from tests.support.sessions import NOW
from tests.unit.reactor.fakes import Clock, Tasks
from tests.unit.reactor.life import House, Life


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without making anybody wait."""
    monkeypatch.setattr(worker, "STORE_RETRY_SECONDS", 0.001)
    for module in (lane, watcher):
        monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", 0.001)
        monkeypatch.setattr(module, "LAST_RETRY_SECONDS", 0.01)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A host with one user, alice."""
    house = House(tmp_path)

    async def look_up(name: str, _policy: IdentityPolicy) -> Identity:
        assert name == "alice"
        return house.identity

    monkeypatch.setattr(intake, "look_up", look_up)
    return house


@pytest_asyncio.fixture
async def life(house: House) -> AsyncIterator[Life]:
    """A daemon that is ready."""
    async with house.life() as life:
        await life.ready()
        yield life


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
