"""A node is cordoned, emptied and opened again, by ``fxctl`` and over the daemon's restarts."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.daemon import Daemon, running_daemon, until_ready
from tests.support.engine import containers
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def fxctl(daemon: Daemon, *words: str, code: int = 0) -> tuple[str, str]:
    """Both outputs of the installed program, with this daemon's socket."""
    found, out, err = await daemon.execute("fxctl", "--socket", str(daemon.socket), *words)
    assert found == code, (out, err)
    return out, err


async def test_a_node_is_emptied_and_opened_again(site: Surroundings) -> None:
    """Cordoned it refuses, also after a crash, and what runs runs on; drained it is empty."""
    async with running_daemon(site) as daemon:
        async with WebServer(daemon) as web:
            first = await web.until(await web.start(), "running")
            second = await web.until(await web.start(), "running")
        await fxctl(daemon, "cordon", "--reason", "kernel update")
        _, refused = await fxctl(daemon, "start", "-u", site.user, code=69)
        assert "kernel update" in refused
        assert await daemon.kill() == -9
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            answer = await web.post_start()
            assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
            assert answer.body["code"] == "draining"
            for session in (first, second):
                assert (await web.get(session["id"]))["container_id"] == session["container_id"]
            assert (await web.call("POST", f"/v1/sessions/{first['id']}/suspend")).status == 202
            assert (await web.call("POST", f"/v1/sessions/{first['id']}/resume")).status == 202
            await web.until(first["id"], "running")
            # A drain waits over a restart, and gives up when it is told to.
            waiting = asyncio.create_task(fxctl(daemon, "drain"))
            await web.terminate(first["id"])
            _, late = await fxctl(daemon, "drain", "--timeout", "1s", code=1)
            assert "there are still 1 session" in late
        await daemon.stop()
        await daemon.start()
        await until_ready(daemon)
        out, _ = await fxctl(daemon, "drain", "--terminate", "--json")
        assert json.loads(out)["load"]["sessions"] == 0
        assert (await waiting)[0].endswith(" drained\n")
        assert await containers("owner", daemon.owner) == []
        out, _ = await fxctl(daemon, "undrain", "--json")
        assert json.loads(out)["draining"] is False
        async with WebServer(daemon) as web:
            session_id = await web.start()
            await web.until(session_id, "running")
            await web.terminate(session_id)
        logged = [line for line in daemon.logged() if line["event"] == "node_cordoned"]
        assert logged[0]["reason"] == "kernel update"
