"""The database fails in every way it can, and sessions live on: the picture is true afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.daemon import Daemon, installed_daemon, running_daemon, until_ready
from tests.support.disks import failing_disk, fill, small_disk
from tests.support.engine import containers, docker
from tests.support.engine_proxy import engine_proxy
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import WebServer, Wire, caller

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

GARBAGE = bytes(range(256)) * 64
PAGE_BYTES = 4096
SET_ASIDE = {"store_set_aside"}


async def started(daemon: Daemon, **fields: object) -> Wire:
    """A running session that nobody purges."""
    async with WebServer(daemon) as web:
        session = await web.until(await web.start(**fields), "running")
    daemon.token(session["id"])
    return session


async def newest_event(daemon: Daemon) -> str:
    """The number of the newest event."""
    async with WebServer(daemon) as web, web.http.get("/v1/events") as stream:
        async with asyncio.timeout(20):
            async for line in stream.content:
                if line.startswith(b"id: "):
                    return line[4:].decode().strip()
    raise AssertionError("the stream ended")


async def first_events(web: WebServer, last_id: str) -> list[str]:
    """What a reader is told first that comes back with this number, up to ``synced``."""
    told: list[str] = []
    async with (
        asyncio.timeout(20),
        web.http.get("/v1/events", headers={"Last-Event-ID": last_id}) as stream,
    ):
        async for line in stream.content:
            word, _, value = line.decode().strip().partition(": ")
            if word == "event":
                told.append(value)
                if value == "synced":
                    break
    return told


@asynccontextmanager
async def after_restart(daemon: Daemon, session: Wire) -> AsyncIterator[WebServer]:
    """The next life: the session is what it was, shows its display, is heard, and can be ended."""
    await daemon.start()
    await until_ready(daemon)
    async with WebServer(daemon) as web:
        again = await web.get(session["id"])
        for same in ("phase", "user", "name", "template", "command", "params", "container_id"):
            assert again[same] == session[same], same
        assert again["version"] >= session["version"]
        async with viewing(web, session["id"]) as screen:
            await wait_for_window(screen)
        last = again["last_seen_at"] or ""
        await web.when(session["id"], lambda seen: (seen["last_seen_at"] or "") > last)
        yield web
        assert (await web.terminate(session["id"]))["reason"] == "Terminated"
    assert await containers("owner", daemon.owner) == []


def overwrite(path: Path, at: int, raw: bytes = GARBAGE) -> None:
    """Put these bytes into the middle of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(raw)


def remove(daemon: Daemon) -> None:
    """An administrator's slip."""
    for path in daemon.local.glob("supervisor.db*"):
        path.unlink()


def truncate(daemon: Daemon) -> None:
    """What a file system's check may leave."""
    path = daemon.local / "supervisor.db"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)


def replace_by_directory(daemon: Daemon) -> None:
    """Another slip."""
    remove(daemon)
    (daemon.local / "supervisor.db" / "inside").mkdir(parents=True)


def spoil_start(daemon: Daemon) -> None:
    """Not a database any more."""
    overwrite(daemon.local / "supervisor.db", 0)


def spoil_middle(daemon: Daemon) -> None:
    """It opens, and shows only in use."""
    overwrite(daemon.local / "supervisor.db", 2 * PAGE_BYTES)


def remove_everything(daemon: Daemon) -> None:
    """The disk was replaced: not even who this daemon is stands there any more."""
    for path in daemon.local.iterdir():
        path.unlink()


FAULTS: dict[str, Callable[[Daemon], None]] = {
    "removed": remove,
    "everything": remove_everything,
    "truncated": truncate,
    "a directory": replace_by_directory,
    "not a database": spoil_start,
    "a page": spoil_middle,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_store_that_cannot_be_used_is_begun_anew(site: Surroundings, fault: str) -> None:
    """What was there is kept aside, what runs is rebuilt, readers start over; nothing is killed."""
    async with running_daemon(site, expected_errors=SET_ASIDE) as daemon:
        session = await started(daemon)
        last_id = await newest_event(daemon)
        assert await daemon.stop() == 0
        FAULTS[fault](daemon)
        async with after_restart(daemon, session) as web:
            assert (await first_events(web, last_id))[0] == "reset"
            assert int(await newest_event(daemon)) > int(last_id)
        kept = list(daemon.local.glob("supervisor.db.damaged-*"))
        assert bool(kept) == (fault not in {"removed", "everything"})
        assert "session_rebuilt" in daemon.log_text


async def test_a_journal_that_is_damaged(site: Surroundings) -> None:
    """A crash, and its last commits are lost: the session lives, and numbers do not come twice."""
    async with running_daemon(site, expected_errors=SET_ASIDE) as daemon:
        session = await started(daemon)
        last_id = await newest_event(daemon)
        assert await daemon.kill() == -9
        journal = daemon.local / "supervisor.db-wal"
        overwrite(journal, 32 + 3 * (24 + PAGE_BYTES))
        async with after_restart(daemon, session) as web:
            assert (await first_events(web, last_id))[0] == "reset"


async def test_without_store_and_files_a_session_lives(site: Surroundings) -> None:
    """Its labels are all there is: it is known, runs on, says what is lost, and can be ended."""
    async with running_daemon(site) as daemon:
        session = await started(daemon)
        await daemon.kill()
        remove(daemon)
        for file in daemon.session_files(session["id"]).iterdir():
            file.unlink()
        daemon.session_files(session["id"]).rmdir()
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            again = await web.get(session["id"])
            for same in ("phase", "user", "template", "container_id"):
                assert again[same] == session[same]
            assert "display cannot be connected" in again["message"]
            # Its agent calls all the time, with a token that nobody knows any more.
            await eventually(lambda: "agent_put_off" in lines_of_this_life(daemon), "it called")
            assert await containers("session", session["id"]) == [session["container_id"]]
            assert (await web.terminate(session["id"]))["reason"] == "Terminated"


async def test_agents_wait_while_nothing_is_known(site: Surroundings) -> None:
    """No store and no engine after a start: whoever calls is put off, for as long as it takes."""
    async with (
        installed_daemon(site, expected_errors={"engine_lost"}) as daemon,
        engine_proxy(daemon.directory / "engine.sock") as proxy,
    ):
        daemon.engine_url = proxy.url
        await daemon.start()
        await until_ready(daemon)
        session = await started(daemon)
        await daemon.kill()
        remove(daemon)
        await proxy.cut()
        await daemon.start()
        await eventually(lambda: "engine_lost" in lines_of_this_life(daemon), "no engine")
        await eventually(lambda: "agent_put_off" in lines_of_this_life(daemon), "it called")
        async with caller(daemon) as web:
            for path in ("/readyz", "/v1/sessions", f"/v1/sessions/{session['id']}", "/v1/events"):
                async with web.get(path) as answer:
                    assert answer.status == 503, path
        assert await containers("session", session["id"]) == [session["container_id"]]
        await daemon.kill()
        await proxy.mend()
        async with after_restart(daemon, session):
            pass


def lines_of_this_life(daemon: Daemon) -> str:
    """What was logged since the last start."""
    return daemon.log_text.rpartition("relay_started")[2]


async def test_a_file_that_is_removed_while_in_use_is_put_back(site: Surroundings) -> None:
    """Soon, with everything in it: a crash after that loses nothing."""
    async with running_daemon(site, expected_errors={"store_put_back"}) as daemon:
        session = await started(daemon)
        remove(daemon)
        await eventually((daemon.local / "supervisor.db").exists, "it was put back")
        async with WebServer(daemon) as web:
            ended = await web.ending_of(command="exit 3")
        last_id = await newest_event(daemon)
        await daemon.kill()
        async with after_restart(daemon, session) as web:
            assert (await web.get(ended["id"]))["exit_code"] == 3
            assert (await first_events_of(web, last_id, session["id"]))[0] == "update"
        assert "session_rebuilt" not in daemon.log_text


async def first_events_of(web: WebServer, last_id: str, session_id: str) -> list[str]:
    """What a reader with this number is told, up to news of the session."""
    told: list[str] = []
    async with (
        asyncio.timeout(20),
        web.http.get("/v1/events", headers={"Last-Event-ID": last_id}) as stream,
    ):
        async for line in stream.content:
            word, _, value = line.decode().strip().partition(": ")
            if word == "event" and value != "node":
                told.append(value)
            if word == "data" and session_id in value:
                break
    return told


async def test_damage_that_shows_in_use_ends_the_daemon(site: Surroundings) -> None:
    """Exit code 74 and what to do; the file is set aside, and the next life knows everything."""
    config = {"retention": {"outbox_items": 100_000}}
    expected = {"store_set_aside", "commit_failed"}
    async with installed_daemon(site, config=config, expected_errors=expected) as daemon:
        await daemon.start()
        await until_ready(daemon)
        session = await started(daemon)
        async with WebServer(daemon) as web:
            ended = await web.ending_of(command="exit 3")
        assert await daemon.stop() == 0
        last_id = fill_outbox(daemon.local / "supervisor.db")
        await daemon.start()
        await until_ready(daemon)
        # More than the page cache holds, so that the disk is read.
        path = daemon.local / "supervisor.db"
        middle = path.stat().st_size // PAGE_BYTES // 2 * PAGE_BYTES
        overwrite(path, middle, GARBAGE * 64)
        async with WebServer(daemon) as web, asyncio.timeout(30):
            with contextlib.suppress(aiohttp.ClientError, AssertionError):
                await first_events(web, last_id)
            assert await daemon.wait_ended() == 74
        complaint = daemon.log_text.splitlines()[-1]
        assert "turned out to be damaged" in complaint
        assert "start the daemon again" in complaint
        assert "Traceback" not in complaint
        assert await containers("session", session["id"]) == [session["container_id"]]
        assert len(list(daemon.local.glob("supervisor.db.damaged-*Z"))) == 1
        async with after_restart(daemon, session) as web:
            assert (await web.get(ended["id"]))["exit_code"] == 3
        assert "session_rebuilt" not in daemon.log_text


def fill_outbox(path: Path) -> str:
    """Old events, ten megabytes of them; the number of the first."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        (newest,) = connection.execute("SELECT max(seq) FROM outbox").fetchone()
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO outbox (kind, session_id, user, data, at) "
            "VALUES ('delete', '01hf000000000000000000000a', 'nobody', ?, unixepoch())",
            [(b'{"id":"01hf000000000000000000000a"}' + b" " * 1000,)] * 10_000,
        )
        connection.execute("COMMIT")
    connection.close()
    return str(newest)


FULL = {"commit_failed", "outbox_prune_failed"}


async def test_a_disk_that_is_full(site: Surroundings) -> None:
    """Starts are refused with what to do, sessions live on, and nothing that happened is lost."""
    async with installed_daemon(site, expected_errors=FULL) as daemon:
        with small_disk(daemon.local) as filler:
            await daemon.start()
            await until_ready(daemon)
            staying, leaving = await started(daemon), await started(daemon)
            async with WebServer(daemon) as web:
                fill(filler)
                await eventually(lambda: "commit_failed" in daemon.log_text, "it was noticed")
                refused = await web.post_start()
                assert (refused.status, refused.body["code"]) == (503, "store_unavailable")
                assert "no space left" in refused.body["detail"]
                assert "make room" in refused.body["detail"]
                assert "Retry-After" in refused.headers
                async with viewing(web, staying["id"]) as screen:
                    await wait_for_window(screen)
                await docker("rm", "-f", leaving["container_id"])
                stuck = await web.call("POST", f"/v1/sessions/{staying['id']}/terminate")
                assert (stuck.status, stuck.body["code"]) == (503, "store_unavailable")
                assert (await web.get(leaving["id"]))["phase"] == "running"
                filler.unlink()
                gone = await web.until(leaving["id"], "ended")
                assert gone["reason"] in {"ContainerGone", "ContainerDied"}
                await eventually(lambda: "commits_resumed" in daemon.log_text, "it was told")
                complaints = [line for line in daemon.logged() if line["event"] in FULL]
                assert len(complaints) <= 4, complaints
                assert (await web.ending_of(command="exit 2"))["exit_code"] == 2
                assert (await web.terminate(staying["id"]))["reason"] == "Terminated"
            assert await daemon.stop() == 0


async def test_a_disk_that_is_full_at_the_start(site: Surroundings) -> None:
    """It can be told by the exit code and the log; when there is room again all is as it was."""
    async with installed_daemon(site, expected_errors=FULL) as daemon:
        with small_disk(daemon.local) as filler:
            await daemon.start()
            await until_ready(daemon)
            session = await started(daemon)
            assert await daemon.stop() == 0
            fill(filler)
            await daemon.start()
            assert await daemon.wait_ended() == 69
            assert "make room" in daemon.log_text.splitlines()[-1]
            assert await containers("session", session["id"]) == [session["container_id"]]
            filler.unlink()
            async with after_restart(daemon, session):
                pass
            assert await daemon.stop() == 0


async def test_a_disk_that_becomes_read_only(site: Surroundings) -> None:
    """As after an I/O error: starts are refused, sessions live on, also over the repair."""
    async with installed_daemon(site, expected_errors=FULL) as daemon:
        with failing_disk(daemon.directory / "disk.img", daemon.local) as disk:
            await daemon.start()
            await until_ready(daemon)
            session = await started(daemon)
            # Files that have been there for a while are on the disk; nothing newer need be.
            os.sync()
            disk.fail()
            await eventually(lambda: "commit_failed" in daemon.log_text, "it was noticed")
            async with WebServer(daemon) as web:
                refused = await web.post_start()
                assert (refused.status, refused.body["code"]) == (503, "store_unavailable")
                assert "read-only" in refused.body["detail"]
                async with viewing(web, session["id"]) as screen:
                    await wait_for_window(screen)
                assert (await web.get(session["id"]))["phase"] == "running"
            await daemon.kill()
            await daemon.start()
            assert await daemon.wait_ended() != 0
            disk.mend()
            async with after_restart(daemon, session):
                pass
            assert await daemon.stop() == 0
