"""What the service manager is told, on a real socket; and when the watchdog is not fed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.ops import watchdog
from supervisor.ops.notify import NOBODY, Notifier
from tests.support.turning import until


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def received(manager: socket.socket) -> list[str]:
    """One message, by lines."""
    return manager.recv(4096).decode().split("\n")


def test_states(manager: socket.socket) -> None:
    """In the words of sd_notify(3)."""
    notifier = Notifier(manager.getsockname())
    notifier.ready()
    assert received(manager) == ["READY=1"]
    notifier.starting(1.5)
    assert received(manager) == ["EXTEND_TIMEOUT_USEC=1500000"]
    notifier.reloading()
    word, when = received(manager)
    assert word == "RELOADING=1"
    assert when.startswith("MONOTONIC_USEC=")
    assert when.partition("=")[2].isdigit()
    notifier.status("3 sessions")
    assert received(manager) == ["STATUS=3 sessions"]
    notifier.stopping()
    assert received(manager) == ["STOPPING=1"]
    notifier.alive()
    assert received(manager) == ["WATCHDOG=1"]


def test_an_abstract_address() -> None:
    """Systemd's own, where it has no file system for it."""
    name = f"fx-test-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        Notifier(f"@{name}").ready()
        assert received(listener) == ["READY=1"]


def test_nobody_is_told_without_a_manager(tmp_path: Path) -> None:
    """Nor is it an error when there is none any more."""
    NOBODY.ready()
    Notifier(str(tmp_path / "gone")).ready()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], seconds: float | None) -> None:
    """It is for the daemon alone: nothing that it starts sees it."""
    environment["NOTIFY_SOCKET"] = "/run/x"
    assert Notifier.from_environment(environment).watchdog_seconds == seconds
    assert environment == {}


class Manager(Notifier):
    """Counts what it is told."""

    def __init__(self, watchdog_seconds: float | None) -> None:
        super().__init__(None, watchdog_seconds)
        self.fed = 0

    def alive(self) -> None:
        """Once more."""
        self.fed += 1


async def test_the_watchdog_is_fed_while_work_gets_done() -> None:
    """Or while there is none; but not while what waits is not taken up."""
    manager, asked, waiting, busy = Manager(0.003), 0, True, True

    def progress() -> int | None:
        nonlocal asked
        asked += 1
        if not waiting:
            return None
        return asked if busy else -1

    async def asked_again(times: int) -> None:
        enough = asked + times
        await until(lambda: asked >= enough)

    feeding = asyncio.create_task(watchdog.feed(manager, progress))
    await asked_again(5)
    assert manager.fed >= 4
    busy = False
    await asked_again(2)
    fed = manager.fed
    await asked_again(5)
    assert manager.fed == fed
    waiting = False
    await asked_again(5)
    assert manager.fed >= fed + 4
    feeding.cancel()


async def test_without_a_watchdog_nothing_is_fed() -> None:
    """It ends at once."""
    manager = Manager(None)
    await watchdog.feed(manager, lambda: None)
    assert manager.fed == 0
