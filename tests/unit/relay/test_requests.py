"""Who asked for what is recorded, once for each call that changes or shows something."""

from __future__ import annotations

import os

import aiohttp
import pytest

from relay.requests import ACTIONS, OTHER
from supervisor.lifecycle.audit import ActorKind, Outcome
from tests.support.turning import until
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.pictures import noise, shown
from tests.unit.relay.viewing import closed, connected, refused
from tests.unit.relay.x_server import XServer

URL = "http://relay/v1/sessions"


async def test_each_act_is_recorded_with_who_asked(house: House) -> None:
    """A start with the session it led to; steps with theirs; nothing of what is only listed."""
    wish = {"user": "alice", "command": "xterm\nforged"}
    async with house.web.post(URL, json=wish, headers={"X-Request-ID": "web-7"}) as response:
        started = (await response.json())["id"]
        assert response.headers["X-Request-ID"] == "web-7"
    async with house.web.get(URL) as response:
        assert response.status == 200
    session_id = await house.sessions.run(TOKEN)
    async with house.web.post(f"{URL}/{session_id}/terminate") as response:
        assert response.status == 202
    launch, terminate = house.trail.acts
    assert (launch.action, launch.session_id, launch.user) == ("session.launch", started, "alice")
    assert launch.details["command"] == "xterm\nforged"
    assert launch.request_id == "web-7"
    assert (terminate.action, terminate.session_id) == ("session.terminate", session_id)
    assert {act.outcome for act in house.trail.acts} == {Outcome.DONE}
    for act in house.trail.acts:
        assert act.actor.kind is ActorKind.PEER
        assert (act.actor.uid, act.actor.gid) == (os.getuid(), os.getgid())
        assert act.actor.pid == os.getpid()


async def test_what_was_refused_is_recorded_by_its_code(house: House) -> None:
    """Not with what was sent: it may hold secrets, and be long."""
    headers = {"X-Request-ID": 'forged" \t{x}'}
    async with house.web.post(URL, json={"user": "alice", "hunter2": 1}, headers=headers) as answer:
        assert answer.status == 422
        own_id = answer.headers["X-Request-ID"]
    async with house.web.delete(f"{URL}/{'x' * 1000}") as answer:
        assert answer.status == 404
    launch, purge = house.trail.acts
    assert (launch.outcome, launch.code) == (Outcome.REFUSED, "invalid_request")
    assert launch.session_id is None
    assert launch.request_id == own_id
    assert "forged" not in own_id
    assert (purge.outcome, purge.code) == (Outcome.REFUSED, "session_not_found")
    assert len(purge.session_id or "") == 64
    assert "hunter2" not in str(house.trail.acts)


async def test_a_ticket_is_followed_from_issue_to_use_and_never_told(house: House) -> None:
    """Its hash's beginning ties the records together; the viewer's end tells what it took."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id, mode="view", guest="Bob {x}", uses=2)
    viewer, _, writer = await connected(house, agent, path)
    writer.write(b"RFB 003.008\n")
    await writer.drain()
    assert await viewer.receive_bytes() == b"RFB 003.008\n"
    async with house.web.delete(f"{URL}/{session_id}/tickets") as response:
        assert response.status == 204
    assert await closed(viewer) == 4003
    await until(lambda: bool(house.trail.of("viewer.disconnect")))

    (issued,), (revoked,) = house.trail.of("ticket.issue"), house.trail.of("ticket.revoke")
    (came,), (went,) = house.trail.of("viewer.connect"), house.trail.of("viewer.disconnect")
    assert issued.details["mode"] == "view"
    assert issued.details["guest"] == "Bob {x}"
    assert came.actor.admission == issued.details["admission"] == went.actor.admission
    assert came.actor.guest == "Bob {x}"
    assert came.user == issued.user
    assert revoked.details["count"] == 1
    assert went.details["to_viewer_bytes"] == 12
    assert went.details["close_code"] == 4003
    assert path.partition("ticket=")[2] not in str(house.trail.acts)


async def test_a_viewer_that_is_kept_out_is_recorded(house: House) -> None:
    """With what its proxy says of it. A flood is not recorded knock by knock."""
    session_id = await house.sessions.run(TOKEN)
    path = f"/v1/sessions/{session_id}/display?ticket=wrong"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await house.web.ws_connect(f"http://relay{path}", headers={"X-Forwarded-For": "192.0.2.7"})
    (knock,) = house.trail.of("viewer.connect")
    assert (knock.outcome, knock.code) == (Outcome.REFUSED, "ticket_invalid")
    assert knock.actor.forwarded_for == "192.0.2.7"
    assert knock.actor.admission is None
    for _ in range(40):
        assert await refused(house, path) == 401
    assert len(house.trail.of("viewer.connect")) == 20
    house.clock.now += 11
    assert await refused(house, path) == 401
    assert house.trail.of("viewer.connect")[-1].details == {"unrecorded_before": 21}


async def test_thumbnails_do_not_fill_the_trail(house: House) -> None:
    """One record a minute of each session, with how many were left out; failures each time."""
    sessions = [await house.sessions.run(TOKEN), await house.sessions.run("another")]
    agents = [await house.agent(), await house.agent("another")]

    async def look(at: int) -> None:
        await shown(house, agents[at], XServer(noise()), sessions[at])

    for _ in range(3):
        await look(0)
        house.clock.now += 10
    await look(1)
    house.clock.now += 30
    await look(0)
    taken = house.trail.of("screenshot.take")
    assert [(act.session_id, dict(act.details)) for act in taken] == [
        (sessions[0], {}),
        (sessions[1], {}),
        (sessions[0], {"unrecorded_before": 2}),
    ]
    await house.sessions.end(sessions[0])
    for _ in range(2):
        async with house.web.get(f"{URL}/{sessions[0]}/screenshot") as answer:
            assert answer.status == 409
    assert [act.code for act in house.trail.of("screenshot.take")[3:]] == ["not_running"] * 2


async def test_reading_a_log_is_recorded_when_it_begins(house: House) -> None:
    """Once, though it be followed for days."""
    session_id = await house.sessions.run(TOKEN)
    async with house.web.get(f"{URL}/{session_id}/log?follow=true"):
        await until(lambda: bool(house.trail.of("log.read")))
    async with house.web.get(f"{URL}/{session_id}/log?tail=3") as response:
        assert response.status == 200
    followed, read = house.trail.of("log.read")
    assert followed.details["follow"] is True
    assert (read.details["follow"], read.details["tail"]) == (False, 3)


async def test_a_program_is_recorded_with_its_command(house: House) -> None:
    """What runs in a session is what an auditor asks for first."""
    session_id = await house.sessions.run(TOKEN)
    await house.agent()
    wish = {"command": ["sh", "-c", "id"]}
    async with house.web.post(f"{URL}/{session_id}/exec", json=wish) as response:
        assert response.status == 202
    (act,) = house.trail.of("session.exec")
    assert act.details == {"command": ["sh", "-c", "id"], "wait": False}


async def test_every_call_that_changes_something_has_a_name(house: House) -> None:
    """A route that is added has to be named in ACTIONS and docs/audit.md."""
    stopping = house.relay._stopping
    assert stopping is not None
    routed = {(route.method, route.path) for route in house.relay.web_routes(stopping)}
    assert {each for each in routed if each[0] not in {"GET", "HEAD"}} <= ACTIONS.keys()
    assert ACTIONS.keys() <= routed
    async with house.web.put(f"{URL}/x/burn") as response:
        assert response.status == 404
    (act,) = house.trail.of(OTHER)
    assert act.details == {"method": "PUT", "route": "unmatched"}
