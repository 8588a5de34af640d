"""The portal as a process: told to systemd, over TLS, ended in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.certificates import Authority

ROOT = Path(__file__).parents[3]
RUN = """
import sys
from pathlib import Path
from portal import __main__ as program
program.static_directory = lambda: Path(sys.argv[1])
sys.exit(program.main(["run"]))
"""
"""As ``fx-portal run``, with other pages than the tree's: not every tree has what npm brings."""
NEEDED = ("pages/home", "pages/screen", "pages/admin", "pages/sign-in")
SECONDS = 20.0


@pytest.fixture(autouse=True)
def pages(directory: Path) -> Path:
    """All that has to be there, and empty."""
    static = directory / "static"
    for page in NEEDED:
        (static / page).parent.mkdir(parents=True, exist_ok=True)
        (static / f"{page}.html").touch()
    display = static / "vendor" / "novnc" / "core" / "rfb.js"
    display.parent.mkdir(parents=True)
    display.touch()
    return display


@pytest.fixture
def systemd(directory: Path) -> Iterator[socket.socket]:
    """Where a service says how it goes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(directory / "notify.sock"))
        receiver.settimeout(0)
        yield receiver


@asynccontextmanager
async def portal(
    directory: Path, listen: dict[str, Any]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One that runs, with nobody behind it."""
    document = {
        "listen": listen,
        "upstream": {"socket": str(directory / "web.sock")},
        "sign_in": {"pam": {"enabled": False}},
        "log": {"format": "json"},
    }
    (directory / "portal.yaml").write_text(json.dumps(document))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, str(directory / "static")),
        cwd=ROOT,
        env={
            **os.environ,
            "FX_CONFIG_DIR": str(directory),
            "FX_PORTAL_DIR": str(directory / "state"),
            "NOTIFY_SOCKET": str(directory / "notify.sock"),
        },
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def told(systemd: socket.socket) -> bytes:
    """What is said next."""
    async with asyncio.timeout(SECONDS):
        return await asyncio.get_running_loop().sock_recv(systemd, 1024)


async def addresses(process: asyncio.subprocess.Process) -> list[str]:
    """Where it listens, by its log."""
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        async for line in process.stderr:
            record = json.loads(line)
            if record["event"] == "portal_started":
                found: list[str] = record["addresses"]
                return found
    raise AssertionError("it has ended")


async def test_it_is_ready_over_tls_and_ends_in_order(
    directory: Path, systemd: socket.socket, tmp_path: Path
) -> None:
    """READY once it listens, whether or not the supervisor is there; exit code 0 by SIGTERM."""
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    listen = {"port": 0, "certificate_file": str(pair.certificate), "key_file": str(pair.key)}
    context = authority.trusting()
    async with portal(directory, listen) as process, aiohttp.ClientSession() as http:
        assert await told(systemd) == b"READY=1"
        (base,) = await addresses(process)
        assert base.startswith("https://")
        async with http.get(f"{base}/api/me", ssl=context) as response:
            assert response.status == 401
        async with http.get(base, ssl=context, allow_redirects=False) as response:
            assert response.headers["Location"] == "/sign-in?next=/"
        process.send_signal(signal.SIGTERM)
        assert await told(systemd) == b"STOPPING=1"
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0


async def test_a_socket_is_for_its_group_alone(directory: Path, systemd: socket.socket) -> None:
    """Others cannot connect, from the first moment on: whoever can may be believed."""
    listen = {"port": None, "socket": str(directory / "portal.sock")}
    async with portal(directory, listen):
        assert await told(systemd) == b"READY=1"
        assert (directory / "portal.sock").stat().st_mode & 0o777 == 0o660


async def test_one_portal_uses_a_directory(directory: Path, systemd: socket.socket) -> None:
    """Exit code 69 for another, which would keep in memory what the first one changes."""
    async with portal(directory, {"port": 0}):
        assert await told(systemd) == b"READY=1"
        async with portal(directory, {"port": 0}) as other:
            _, said = await other.communicate()
            assert other.returncode == 69
            assert b"another portal runs on it" in said


async def test_an_address_that_is_taken_is_told(directory: Path) -> None:
    """Exit code 78, and which one."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = {"port": other.getsockname()[1]}
        async with portal(directory, listen) as process:
            _, said = await process.communicate()
            assert process.returncode == 78
            assert f"fx-portal: listen.port: 127.0.0.1:{listen['port']}: is in use".encode() in said


async def test_without_what_npm_brings_it_does_not_start(directory: Path, pages: Path) -> None:
    """Exit code 78, what is missing and how to get it: an empty screen would tell nobody."""
    pages.unlink()
    async with portal(directory, {"port": 0}) as process:
        _, said = await process.communicate()
    assert process.returncode == 78
    assert b"there is no vendor/novnc/core/rfb.js" in said
    assert b"scripts/setup" in said
