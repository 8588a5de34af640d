"""The engine goes away and comes back, and the daemon with its sessions lives through it."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.daemon import installed_daemon, until_ready
from tests.support.engine import containers, docker
from tests.support.engine_proxy import engine_proxy
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing
from tests.support.web_server import WebServer, caller

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

LOST = {"engine_lost"}


async def test_sessions_are_unknown_until_it_is_back(site: Surroundings) -> None:
    """Unknown while it cannot be asked, running again after; what ended meanwhile is found out."""
    async with (
        installed_daemon(site, expected_errors=LOST) as daemon,
        engine_proxy(daemon.directory / "engine.sock") as proxy,
    ):
        daemon.engine_url = proxy.url
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web, web.session() as staying:
            leaving = await web.until(await web.start(), "running")

            await proxy.cut()
            for session in (staying, leaving):
                await web.until(session["id"], "unknown")
            ready = await web.call("GET", "/readyz")
            assert (ready.status, ready.body["code"]) == (503, "not_ready")
            refused = await web.post_start()
            assert (refused.status, refused.body["code"]) == (503, "unavailable")
            assert "Retry-After" in refused.headers
            async with viewing(web, staying["id"]) as screen:
                assert screen.size == (1280, 800)
            await docker("rm", "-f", leaving["container_id"])
            web.forget(staying["id"])

            await proxy.mend()
            gone = await web.until(leaving["id"], "ended")
            assert gone["reason"] in {"ContainerGone", "ContainerDied"}
            back = await web.until(staying["id"], "running")
            assert back["container_id"] == staying["container_id"]
            await until_ready(daemon)
            assert (await web.ending_of(command="exit 2"))["exit_code"] == 2
            assert (await web.terminate(staying["id"]))["reason"] == "Terminated"


async def test_an_end_that_was_asked_for_meanwhile_happens(site: Surroundings) -> None:
    """Terminate and purge are taken without an engine, and carried out when it is back."""
    async with (
        installed_daemon(site, expected_errors=LOST) as daemon,
        engine_proxy(daemon.directory / "engine.sock") as proxy,
    ):
        daemon.engine_url = proxy.url
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            session = await web.until(await web.start(), "running")
            await proxy.cut()
            await web.until(session["id"], "unknown")
            answer = await web.call("POST", f"/v1/sessions/{session['id']}/terminate")
            assert answer.status == 202
            assert answer.body["reason"] == "Terminated"
            await proxy.mend()
            ended = await web.until(session["id"], "ended")
            assert ended["reason"] == "Terminated"


async def test_a_daemon_without_an_engine_waits_for_it(site: Surroundings) -> None:
    """It is alive, not ready, says why, refuses starts, and takes up work when the engine comes."""
    async with installed_daemon(site, expected_errors=LOST) as daemon:
        proxied = daemon.directory / "engine.sock"
        daemon.engine_url = f"unix://{proxied}"
        await daemon.start()
        await eventually(lambda: "engine_lost" in daemon.log_text, "it has missed the engine")
        async with caller(daemon) as web:
            async with web.get("/healthz") as answer:
                assert answer.status == 200
            async with web.get("/readyz") as answer:
                ready = await answer.json()
                assert (answer.status, ready["code"]) == (503, "not_ready")
                assert "Docker Engine does not answer" in ready["detail"]
            async with web.post("/v1/sessions", json={"user": site.user}) as answer:
                refused = await answer.json()
                assert (answer.status, refused["code"]) == (503, "unavailable")
                assert "Docker Engine does not answer" in refused["detail"]
            # Its database is new: what runs is for the engine to say.
            async with web.get("/v1/sessions") as answer:
                assert answer.status == 503
                assert "Docker Engine does not answer" in (await answer.json())["detail"]
        async with engine_proxy(proxied):
            await until_ready(daemon)
            async with WebServer(daemon) as web_server:
                assert (await web_server.ending_of(command="exit 1"))["exit_code"] == 1
                assert await web_server.session_list() != []
            assert await daemon.stop() == 0


async def test_a_cut_during_a_start_is_no_failure(site: Surroundings) -> None:
    """A start whose answers got lost goes on when the engine is back, with one container."""
    async with (
        installed_daemon(site, expected_errors=LOST) as daemon,
        engine_proxy(daemon.directory / "engine.sock") as proxy,
    ):
        daemon.engine_url = proxy.url
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            ids = [await web.start() for _ in range(3)]
            async with asyncio.timeout(30):
                await web.until(ids[0], "starting")
            await proxy.cut()
            await proxy.mend()
            for session_id in ids:
                await web.until(session_id, "running")
                assert len(await containers("session", session_id)) == 1
            for session_id in ids:
                await web.terminate(session_id)
