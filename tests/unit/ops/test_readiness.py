"""A start may take as long as it takes, while there are signs of life."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.ops import readiness
from supervisor.ops.notify import Notifier
from supervisor.ops.readiness import tell_ready
from tests.support.turning import until


class Manager(Notifier):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.told: list[str] = []

    def starting(self, seconds: float) -> None:
        """A sign of life."""
        assert seconds == readiness.EXTENSION_SECONDS
        self.told.append("starting")

    def ready(self) -> None:
        """Once."""
        self.told.append("ready")


async def test_signs_of_life_until_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several within what the manager waits, then the word, then nothing."""
    monkeypatch.setattr(readiness, "EXTENSION_SECONDS", 0.003)
    manager, ready = Manager(), asyncio.Event()
    telling = asyncio.create_task(tell_ready(manager, ready))
    await until(lambda: len(manager.told) >= 5)
    assert set(manager.told) == {"starting"}
    ready.set()
    async with asyncio.timeout(5):
        await telling
    assert manager.told.count("ready") == 1
    assert manager.told[-1] == "ready"


async def test_signs_of_life_end_with_the_daemon() -> None:
    """It may be told to stop before it was ready."""
    manager = Manager()
    telling = asyncio.create_task(tell_ready(manager, asyncio.Event()))
    await until(lambda: bool(manager.told))
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    assert manager.told == ["starting"]
