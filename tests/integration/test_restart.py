"""The daemon ends, in order or not; sessions run on and are found again."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.support.daemon import Daemon, running_daemon, until_ready
from tests.support.engine import containers, docker, inspect
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import WebServer, Wire

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

PROMPT_SECONDS = 8.0


async def started(daemon: Daemon, **fields: object) -> Wire:
    """A running session that nobody purges."""
    async with WebServer(daemon) as web:
        return await web.until(await web.start(**fields), "running")


async def test_a_killed_daemon_finds_its_sessions_again(site: Surroundings) -> None:
    """After SIGKILL the same container is adopted, shows its display, reports, and can be ended."""
    async with running_daemon(site) as daemon:
        session = await started(daemon)
        daemon.token(session["id"])
        assert await daemon.kill() == -9
        assert await containers("owner", daemon.owner) == [session["container_id"]]
        # A second life on what the first left: its sockets, its lock, its database.
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            adopted = await web.get(session["id"])
            assert adopted["phase"] == "running"
            for same in ("container_id", "created_at", "ready_at", "user", "name", "params"):
                assert adopted[same] == session[same]
            async with viewing(web, session["id"]) as screen:
                await wait_for_window(screen)
            last = adopted["last_seen_at"]
            await web.when(session["id"], lambda seen: seen["last_seen_at"] > last)
            assert (await web.terminate(session["id"]))["reason"] == "Terminated"
        assert await containers("owner", daemon.owner) == []


async def test_a_shared_link_outlives_the_daemon(site: Surroundings) -> None:
    """As often as it has uses left, through a crash; revoked, it admits nobody in any life."""
    async with running_daemon(site) as daemon:
        async with WebServer(daemon) as web:
            session_id = await web.start()
            await web.until(session_id, "running")
            shared = await web.ticket(session_id, mode="view", ttl_seconds=3600, uses=3)
            async with viewing(web, session_id, shared) as screen:
                await wait_for_window(screen)
        await daemon.kill()
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            async with viewing(web, session_id, shared) as screen:
                await wait_for_window(screen)
            answer = await web.call("DELETE", f"/v1/sessions/{session_id}/tickets")
            assert answer.status == 204
        await daemon.kill()
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            path = f"/v1/sessions/{session_id}/display?ticket={shared}"
            assert (await web.call("GET", path)).status == 401
            await web.terminate(session_id)


async def test_a_stop_is_prompt_and_leaves_sessions_alone(site: Surroundings) -> None:
    """SIGTERM: exit code 0 within seconds, viewers and streams closed, containers running."""
    async with running_daemon(site) as daemon:
        session = await started(daemon)
        async with WebServer(daemon) as web:
            ticket = await web.ticket(session["id"])
            path = f"/v1/sessions/{session['id']}/display?ticket={ticket}"
            async with web.http.ws_connect(path) as socket, asyncio.timeout(PROMPT_SECONDS):
                ending = asyncio.create_task(daemon.stop())
                async for _message in socket:
                    pass
                assert socket.close_code == 1001
                assert await ending == 0
        state = (await inspect(session["container_id"]))["State"]
        assert state["Running"]
        assert [path.name for path in daemon.run.rglob("*.sock")] == []
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            assert (await web.terminate(session["id"]))["reason"] == "Terminated"


async def test_what_ended_meanwhile_is_told_afterwards(site: Surroundings) -> None:
    """A command that ends, and a container that is removed, while there is no daemon."""
    async with running_daemon(site) as daemon:
        removed, exiting = await asyncio.gather(
            started(daemon), started(daemon, command="while [ ! -e /tmp/go ]; do sleep .1; done")
        )
        await daemon.kill()
        await docker("rm", "-f", removed["container_id"])
        await docker("exec", exiting["container_id"], "touch", "/tmp/go")
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            assert (await web.until(removed["id"], "ended"))["reason"] == "ContainerGone"
            ended = await web.until(exiting["id"], "ended")
        # The agent keeps its last report until there is somebody to take it.
        assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 0)


async def test_a_start_that_was_under_way_is_finished(site: Surroundings) -> None:
    """Killed at any moment of a start, the next life brings it to its end, with one container."""
    async with running_daemon(site) as daemon:
        ids: list[str] = []
        for phase in ("pending", "starting", "starting"):
            async with WebServer(daemon) as web:
                ids.append(await web.start())
                await web.until(ids[-1], phase)
                await daemon.kill()
            await daemon.start()
            await until_ready(daemon)
        async with WebServer(daemon) as web:
            for session_id in ids:
                await web.until(session_id, "running")
                assert len(await containers("session", session_id)) == 1
            for session_id in ids:
                assert (await web.terminate(session_id))["reason"] == "Terminated"


async def test_an_end_that_was_asked_for_is_carried_out(site: Surroundings) -> None:
    """Terminate was answered, the daemon killed: the session ends all the same."""
    async with running_daemon(site) as daemon:
        daemon.write_template(
            "stubborn",
            f"image: {site.sample}\nworking_dir: /\nsession: {{stop_grace_period: 2s}}\n"
            "command: trap '' TERM; while :; do sleep 1; done\n",
        )
        session = await started(daemon, template="stubborn")
        async with WebServer(daemon) as web:
            path = f"/v1/sessions/{session['id']}/terminate"
            assert (await web.call("POST", path)).status == 202
        await daemon.kill()
        assert (await inspect(session["container_id"]))["State"]["Running"]
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            ended = await web.until(session["id"], "ended")
            assert ended["reason"] == "Terminated"


async def test_readers_of_events_go_on_where_they_were(site: Surroundings) -> None:
    """``Last-Event-ID`` holds over a restart: what came after it is told, and nothing twice."""
    async with running_daemon(site) as daemon:
        async with WebServer(daemon) as web:
            first = await web.until(await web.start(command="exit 0"), "ended")
            seq = await last_event_id(web)
            second = await web.until(await web.start(command="exit 1"), "ended")
        await daemon.kill()
        await daemon.start()
        await until_ready(daemon)
        async with (
            WebServer(daemon) as web,
            web.http.get("/v1/events", headers={"Last-Event-ID": str(seq)}) as stream,
        ):
            told: list[str] = []
            async with asyncio.timeout(20):
                async for line in stream.content:
                    told.append(line.decode())
                    if f'"id":"{second["id"]}"' in told[-1] and '"phase":"ended"' in told[-1]:
                        break
        assert first["id"] not in "".join(told)
        assert "event: reset\n" not in told


async def test_leftovers_of_a_life_that_was_cut_short_are_removed(site: Surroundings) -> None:
    """Session files without a session go at the next start."""
    async with running_daemon(site) as daemon:
        await daemon.kill()
        stray = daemon.session_files("01hf000000000000000000000a")
        stray.mkdir()
        (stray / "session.json").write_text("{}")
        owner = daemon.run.stat()
        os.chown(stray, owner.st_uid, owner.st_gid)
        await daemon.start()
        await until_ready(daemon)
        await eventually(lambda: not stray.exists(), "leftover files are gone")


async def last_event_id(web: WebServer) -> int:
    """The number of the newest event."""
    async with asyncio.timeout(20), web.http.get("/v1/events") as stream:
        async for line in stream.content:
            if line.startswith(b"id: "):
                return int(line[4:])
    raise AssertionError("the stream ended")
