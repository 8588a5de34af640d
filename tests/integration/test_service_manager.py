"""What systemd would be told, by a daemon that runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from tests.support.daemon import installed_daemon
from tests.support.engine_proxy import engine_proxy
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

WATCHDOG_MICROSECONDS = 300_000


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """A service manager's end, which the daemon's user can reach."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0fx-test-service-manager")
        listener.settimeout(0)
        yield listener


async def told(manager: socket.socket, word: str) -> list[str]:
    """Wait until it is told this; what it was told before."""
    loop, before = asyncio.get_running_loop(), list[str]()
    async with asyncio.timeout(40):
        while word not in (lines := (await loop.sock_recv(manager, 4096)).decode().split("\n")):
            before += lines
    return before


async def test_ready_means_adopted(site: Surroundings, manager: socket.socket) -> None:
    """Not while there is no engine; then it is alive, and tells when it stops."""
    environment = {
        "NOTIFY_SOCKET": "@fx-test-service-manager",
        "WATCHDOG_USEC": str(WATCHDOG_MICROSECONDS),
    }
    async with installed_daemon(site, expected_errors={"engine_lost"}) as daemon:
        proxied = daemon.directory / "engine.sock"
        daemon.engine_url = f"unix://{proxied}"
        daemon.environment = environment
        await daemon.start()
        await eventually(lambda: "engine_lost" in daemon.log_text, "it has missed the engine")
        for _ in range(3):
            assert "READY=1" not in await told(manager, "WATCHDOG=1")
        async with engine_proxy(proxied):
            await told(manager, "READY=1")
            # Listening all the while, as systemd does: its socket's queue holds ten messages.
            stopping = asyncio.create_task(told(manager, "STOPPING=1"))
            async with WebServer(daemon) as web:
                assert (await web.ending_of(command="env >&2; exit 1"))["exit_code"] == 1
            assert await daemon.stop() == 0
            await stopping
