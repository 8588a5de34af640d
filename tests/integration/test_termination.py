"""Ending sessions, at any moment, any number of times, many at once."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.engine import containers
from tests.support.eventually import eventually
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

STORM = 12


async def terminate(web: WebServer, session_id: str) -> int:
    """Ask for it and do not wait."""
    return (await web.call("POST", f"/v1/sessions/{session_id}/terminate")).status


async def test_asking_again_is_harmless(web: WebServer) -> None:
    """Each request is answered 202, during the end and after it; the first reason stays."""
    session_id = await web.start()
    await web.until(session_id, "running")
    answers = [await terminate(web, session_id) for _ in range(3)]
    ended = await web.until(session_id, "ended")
    answers.append(await terminate(web, session_id))
    assert answers == [202] * 4
    assert await web.get(session_id) == ended


async def test_a_session_can_be_ended_before_it_runs(web: WebServer) -> None:
    """Right after the answer to its start, and once it is starting."""
    early = await web.start()
    assert await terminate(web, early) == 202
    starting = await web.start()
    await web.until(starting, "starting")
    assert await terminate(web, starting) == 202
    for session_id in (early, starting):
        ended = await web.until(session_id, "ended")
        assert ended["reason"] == "Terminated"
        assert await containers("session", session_id) == []


async def test_a_command_that_ignores_the_signal_is_killed(web: WebServer) -> None:
    """After its grace period it ends like any other."""
    web.daemon.write_template(
        "stubborn",
        f"image: {web.daemon.site.sample}\nworking_dir: /\n"
        "command: trap '' TERM HUP INT; while :; do sleep 1; done\n"
        "session: {stop_grace_period: 1s}\n",
    )
    async with web.session(template="stubborn") as session, asyncio.timeout(15):
        ended = await web.terminate(session["id"])
    assert ended["reason"] == "Terminated"


async def test_purging_forgets_the_session(web: WebServer) -> None:
    """204 once the container is gone; the session is not known any more, nor is it told again."""
    session_id = await web.start()
    await web.until(session_id, "running")
    assert (await web.call("DELETE", f"/v1/sessions/{session_id}")).status == 204
    assert await containers("session", session_id) == []
    assert (await web.call("GET", f"/v1/sessions/{session_id}")).status == 404
    assert (await web.call("DELETE", f"/v1/sessions/{session_id}")).status == 404
    async with WebServer(web.daemon) as later:
        assert later.history(session_id) == []


async def test_ten_at_once_all_run_and_all_end(web: WebServer) -> None:
    """None waits for ever, none is forgotten, each has a container of its own."""
    ids = await asyncio.gather(*(web.start() for _ in range(10)))
    sessions = await asyncio.gather(*(web.until(session_id, "running") for session_id in ids))
    running = await containers("owner", web.daemon.owner)
    assert len({session["container_id"] for session in sessions}) == 10
    assert {session["container_id"] for session in sessions} == set(running)
    ended = await asyncio.gather(*(web.terminate(session_id) for session_id in ids))
    assert {session["reason"] for session in ended} == {"Terminated"}
    assert await containers("owner", web.daemon.owner) == []


async def test_a_storm_of_starts_and_ends_leaves_nothing(web: WebServer) -> None:
    """Starts, ends and purges across each other, at whichever moment they meet."""
    chance = random.Random(7)  # noqa: S311 the same storm each time
    moments = ("pending", "starting", "running")

    async def one(moment: str, method: str) -> str:
        session_id = await web.start()
        await web.until(session_id, moment)
        if method == "terminate":
            assert await terminate(web, session_id) == 202
        answer = await web.call("DELETE", f"/v1/sessions/{session_id}")
        assert answer.status == 204, answer.text
        return session_id

    ids = await asyncio.gather(
        *(one(chance.choice(moments), chance.choice(("terminate", "purge"))) for _ in range(STORM))
    )
    assert await containers("owner", web.daemon.owner) == []
    known = {session["id"] for session in await web.session_list()}
    assert known.isdisjoint(ids)
    sessions = web.daemon.run / "sessions"
    await eventually(lambda: not list(sessions.iterdir()), "session files are gone")


async def test_the_same_key_is_the_same_session(web: WebServer) -> None:
    """A start that is repeated with its Idempotency-Key, at once or later, starts nothing new."""
    body = {"user": web.daemon.site.user, "command": "sleep 600"}

    async def start(key: str, content: object) -> tuple[int, str]:
        answer = await web.call("POST", "/v1/sessions", content, Idempotency_Key=key)
        return answer.status, answer.body.get("id") or answer.body["code"]

    answers = await asyncio.gather(*(start("k1", body) for _ in range(5)))
    assert len(set(answers)) == 1
    status, session_id = answers[0]
    assert status == 202
    assert await start("k1", {**body, "command": "other"}) == (409, "conflict")
    assert await start("k1", {**body, "dpi": 120}) == (409, "conflict")
    status, second = await start("k2", body)
    assert (status, second != session_id) == (202, True)
    for each in (session_id, second):
        await web.until(each, "running")
        await web.terminate(each)
    assert await start("k1", body) == (202, session_id)
    answer = await web.call("DELETE", f"/v1/sessions/{session_id}")
    assert answer.status == 204
