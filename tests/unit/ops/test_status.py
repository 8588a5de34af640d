"""What ``systemctl status`` shows of the daemon."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.ops import status
from supervisor.ops.notify import NOBODY, Notifier
from supervisor.ops.status import status_line, tell_status
from tests.support.turning import until


def test_lines() -> None:
    """How much there is to do, and why nothing is done; always one line."""
    assert status_line(ready=True, message="", sessions=37) == "37 sessions; ready"
    refused = status_line(ready=True, message="", sessions=2, refused="f:1:1: wrong\nf:2:1: too")
    assert refused.startswith("2 sessions; ready; configuration refused")
    assert refused.endswith("f:1:1: wrong f:2:1: too")
    line = status_line(ready=False, message="The engine\nis away.", sessions=1)
    assert line == "1 session; not ready: The engine is away."


class Manager(Notifier):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("/run/x")
        self.told: list[str] = []

    def status(self, text: str) -> None:
        """Once more."""
        self.told.append(text)


async def test_news_alone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the same line again; without a manager nobody looks."""
    monkeypatch.setattr(status, "LOOK_SECONDS", 0.001)
    lines = iter(["a", "a", "b", "b", "a", *"b" * 1000])
    manager = Manager()
    telling = asyncio.create_task(tell_status(manager, lambda: next(lines)))
    await until(lambda: len(manager.told) >= 4)
    assert manager.told == ["a", "b", "a", "b"]
    telling.cancel()
    await tell_status(NOBODY, lambda: pytest.fail("nobody listens"))
