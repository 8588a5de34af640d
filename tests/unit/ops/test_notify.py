"""What the service manager is told, on a real socket; and when the watchdog is not fed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from supervisor.ops import watchdog
from supervisor.ops.notify import NOBODY, Notifier
from tests.support.virtual_time import VirtualTimeLoop


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


class Watched:
    """The feeding of a watchdog, in a time that passes when told."""

    def __init__(self) -> None:
        self.loop = VirtualTimeLoop()
        self.manager = Manager(15.0)
        self.judged: int | None = None
        """How many facts; ``None``: there is nothing to do."""
        self.loop.create_task(watchdog.feed(self.manager, lambda: self.judged))
        self.loop.settle()

    def fed_in(self, seconds: float) -> int:
        """How often, in so much time."""
        before = self.manager.fed
        self.loop.advance(seconds)
        return self.manager.fed - before


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Ended with the test."""
    one = Watched()
    yield one
    one.loop.end()


def test_the_watchdog_is_fed_while_work_gets_done(watched: Watched) -> None:
    """At once, or while there is none; thrice in the time after which it bites."""
    assert watched.manager.fed == 1
    assert watched.fed_in(3600) == 720
    watched.judged = 0
    for _ in range(100):
        watched.judged += 1
        assert watched.fed_in(15) == 3


def test_work_may_wait_for_a_disk(watched: Watched) -> None:
    """But what is not taken up at all is stuck, until it gets on."""
    watched.judged = 7
    watched.fed_in(5)
    assert watched.fed_in(watchdog.STUCK_SECONDS - 1) == 8
    with capture_logs() as logged:
        assert watched.fed_in(3600) == 0
    assert [(line["event"], line["seconds"]) for line in logged] == [("reactor_stuck", 45.0)]
    watched.judged = 8
    assert watched.fed_in(15) == 3


async def test_without_a_watchdog_nothing_is_fed() -> None:
    """It ends at once."""
    manager = Manager(None)
    await watchdog.feed(manager, lambda: None)
    assert manager.fed == 0
