"""Starts of the daemon that cannot be: an exit code, and a sentence for the administrator."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing

import pytest

from tests.support.daemon import installed_daemon, running_daemon, until_ready
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_two_on_one_directory_would_fight(site: Surroundings) -> None:
    """The second exits 75 and names the first; the first does not notice."""
    async with running_daemon(site) as daemon, WebServer(daemon) as web:
        assert daemon.process is not None
        code, _, complaint = await daemon.execute(
            "fx-supervisor", "run", "--runtime-dir", str(daemon.run)
        )
        assert code == 75
        assert str(daemon.process.pid) in complaint
        assert "--runtime-dir" in complaint
        code, _, complaint = await daemon.execute(
            "fx-supervisor", "run", "--runtime-dir", str(daemon.local / "run")
        )
        assert code == 75
        assert "FX_LOCAL_DIR" in complaint
        assert (await web.call("GET", "/readyz")).status == 200


async def test_a_socket_that_is_not_for_its_user_ends_it(site: Surroundings) -> None:
    """Exit code 77, and the group that the daemon's user has to join."""
    async with installed_daemon(site) as daemon:
        path = daemon.directory / "closed.sock"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            path.chmod(0o600 if os.geteuid() == 0 else 0)
            daemon.engine_url = f"unix://{path}"
            await daemon.start()
            assert await daemon.wait_ended() == 77
        assert "group docker" in daemon.log_text.splitlines()[-1]
        assert "Traceback" not in daemon.log_text


async def test_a_newer_versions_store_is_left_alone(site: Surroundings) -> None:
    """After a downgrade: exit code 78, of which no restart comes, and not a byte is written."""
    async with installed_daemon(site) as daemon:
        path = daemon.local / "supervisor.db"
        await daemon.start()
        await until_ready(daemon)
        await daemon.stop()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version=999")
        before, status = path.read_bytes(), path.stat()
        await daemon.start()
        assert await daemon.wait_ended() == 78
        last = daemon.log_text.splitlines()[-1]
        assert f"{path} cannot be used: it was written by a newer version (schema 999" in last
        assert path.read_bytes() == before
        assert path.stat().st_mtime_ns == status.st_mtime_ns
        assert [each.name for each in daemon.local.glob("supervisor.db*")] == [path.name]


async def test_a_user_outside_of_the_engines_group_is_told(site: Surroundings) -> None:
    """The real socket, the daemon's user without the group: exit code 77 and what to do."""
    async with installed_daemon(site) as daemon:
        daemon.groups = False
        await daemon.start()
        assert await daemon.wait_ended() == 77
        assert "usermod -aG docker" in daemon.log_text.splitlines()[-1]


async def test_no_bundle_is_told(site: Surroundings) -> None:
    """Exit code 78, and the command that makes one."""
    async with installed_daemon(site, config={"agent": {"bundle": "/nonexistent"}}) as daemon:
        code, _, complaint = await daemon.execute(
            "fx-supervisor", "run", "--runtime-dir", str(daemon.run)
        )
    assert code == 78
    assert "build-bundle /nonexistent" in complaint
    assert "Traceback" not in complaint


async def test_wrong_configuration_is_told_all_at_once(site: Surroundings) -> None:
    """Exit code 78 and each fault with its place."""
    config = {"limits": {"concurrent_starts": 0}, "log": {"format": "xml"}}
    async with installed_daemon(site, config=config) as daemon:
        code, _, complaint = await daemon.execute("fx-supervisor", "run")
    assert code == 78
    for word in ("limits.concurrent_starts", "log.format", "supervisor.yaml:1:"):
        assert word in complaint


async def test_a_state_directory_that_cannot_be_written_is_told(site: Surroundings) -> None:
    """Exit code 78 and which variable names another."""
    async with installed_daemon(site) as daemon:
        code, _, complaint = await daemon.execute(
            "fx-supervisor", "run", "--runtime-dir", str(daemon.run), FX_LOCAL_DIR="/proc/fastx"
        )
    assert code == 78
    assert "/proc/fastx" in complaint
    assert "FX_LOCAL_DIR" in complaint
