"""Putting sessions aside, frozen or not, and getting them back, on a real engine with a real X."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.daemon import Daemon, running_daemon, until_ready
from tests.support.engine import containers, docker, inspect
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import type_until, viewing, wait_for_window
from tests.support.web_server import WebServer, Wire

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

MIB = 1024**2


@pytest_asyncio.fixture(loop_scope="session")
async def frosty(web: WebServer) -> AsyncIterator[Wire]:
    """A running terminal whose template freezes."""
    write_frosty(web.daemon)
    async with web.session(template="frosty") as session:
        yield session


def write_frosty(daemon: Daemon) -> None:
    """The template of it."""
    daemon.write_template(
        "frosty",
        f"image: {daemon.site.sample}\ncommand: xterm\n"
        'volumes: ["${user.home}:${user.home}"]\n'
        "mem_limit: ${start.params.memory}\n"
        "params: {memory: {type: size, default: 512m, max: 2g, changeable: true}}\n"
        "session: {suspend: freeze}\n",
    )


async def call(web: WebServer, session: Wire, action: str) -> int:
    """Ask for an action; the status of the answer."""
    return (await web.call("POST", f"/v1/sessions/{session['id']}/{action}")).status


async def engine_state(session: Wire) -> str:
    """What the engine says of the session's container."""
    status: str = (await inspect(session["container_id"]))["State"]["Status"]
    return status


async def frozen(session: Wire) -> None:
    """Wait until the container is frozen."""

    async def is_paused() -> bool:
        return await engine_state(session) == "paused"

    await eventually(is_paused, "the container is paused")


async def test_connecting_thaws(web: WebServer, frosty: Wire) -> None:
    """A frozen session comes back with its window when somebody connects, and takes input."""
    async with viewing(web, frosty["id"]) as screen:
        await wait_for_window(screen)
    assert await call(web, frosty, "suspend") == 202
    await frozen(frosty)
    assert (await web.get(frosty["id"]))["phase"] == "suspended"
    made = web.daemon.site.home / f"thawed-{frosty['id']}"
    try:
        async with viewing(web, frosty["id"]) as screen:
            await type_until(screen, f"touch {made}", made)
        assert (await web.get(frosty["id"]))["phase"] == "running"
        assert await engine_state(frosty) == "running"
    finally:
        made.unlink(missing_ok=True)


@pytest.mark.parametrize("action", ["terminate", "purge"])
async def test_a_frozen_session_can_be_ended(web: WebServer, frosty: Wire, action: str) -> None:
    """Within the time it has when it runs, and nothing of it is left."""
    assert await call(web, frosty, "suspend") == 202
    await frozen(frosty)
    if action == "terminate":
        ended = await web.terminate(frosty["id"])
        assert ended["reason"] == "Terminated"
        # It was not killed: the agent was thawed, and told its command's end.
        assert ended["exit_code"] != 137
    else:
        answer = await web.call("DELETE", f"/v1/sessions/{frosty['id']}")
        assert answer.status == 204
    assert await containers("session", frosty["id"]) == []


async def test_a_frozen_session_outlives_the_daemon(site: Surroundings) -> None:
    """The next life adopts it as it is, and it can be resumed."""
    async with running_daemon(site) as daemon:
        write_frosty(daemon)
        async with WebServer(daemon) as web:
            session = await web.until(await web.start(template="frosty"), "running")
            assert await call(web, session, "suspend") == 202
            await frozen(session)
        await daemon.kill()
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            found = await web.until(session["id"], "suspended")
            assert found["container_id"] == session["container_id"]
            assert await engine_state(session) == "paused"
            assert await call(web, session, "resume") == 202
            async with viewing(web, session["id"]) as screen:
                await wait_for_window(screen)
            await web.terminate(session["id"])


async def test_paused_and_unpaused_outside(web: WebServer, frosty: Wire) -> None:
    """An administrator's own docker pause and unpause are followed."""
    await docker("pause", frosty["container_id"])
    suspended = await web.until(frosty["id"], "suspended")
    assert "paused outside" in suspended["message"]
    await docker("unpause", frosty["container_id"])
    await web.until(frosty["id"], "running")


async def test_suspended_by_itself(web: WebServer) -> None:
    """Nobody has come for as long as the template says; the other limits go on."""
    web.daemon.write_template(
        "lonely",
        f"image: {web.daemon.site.sample}\ncommand: xterm\nworking_dir: /\n"
        "session: {suspend_timeout: 1s, disconnect_timeout: 3s, lifetime: 1h}\n",
    )
    session_id = await web.start(template="lonely")
    suspended = await web.until(session_id, "suspended")
    assert suspended["expires_at"] > suspended["ready_at"]
    ended = await web.until(session_id, "ended")
    assert ended["reason"] == "DisconnectTimeout"


async def test_a_limit_is_changed_while_it_runs(web: WebServer, frosty: Wire) -> None:
    """The memory of the container is what the param says; too much is refused at the field."""
    path = f"/v1/sessions/{frosty['id']}"
    changed = (await web.call("PATCH", path, {"name": "Big", "params": {"memory": "1g"}})).body
    assert (changed["name"], changed["params"]) == ("Big", {"memory": 1024 * MIB})

    async def has_grown() -> bool:
        found = await inspect(frosty["container_id"])
        return bool(found["HostConfig"]["Memory"] == 1024 * MIB)

    await eventually(has_grown, "the container may use 1 GiB")
    refused = await web.call("PATCH", path, {"params": {"memory": "4g"}})
    assert refused.status == 422
    assert refused.refusal()[2] == [["params", "memory"]]
    assert (await web.get(frosty["id"]))["params"] == {"memory": 1024 * MIB}
