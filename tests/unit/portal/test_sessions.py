"""Sessions by way of the portal: launched, steered, seen by those who may."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support.memory_log import MemoryLog
from tests.unit.portal.conftest import TOKEN, Site

CALLS = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/suspend"),
    ("POST", "/resume"),
    ("POST", "/terminate"),
    ("POST", "/disconnect"),
    ("POST", "/connect"),
    ("GET", "/viewers"),
    ("GET", "/log"),
    ("GET", "/thumbnail"),
    ("GET", "/shares"),
    ("POST", "/shares"),
]


async def test_a_session_is_launched_for_who_asks(site: Site) -> None:
    """202; it is theirs, whatever else the request might say, and in the list at once."""
    alice = await site.signed_in("alice")
    reply = await alice.post("/api/sessions", {"command": "xclock", "params": {"cores": 2}})
    assert reply.status == 202
    assert reply.object["user"] == "alice"
    assert reply.object["access"] == {"role": "owner", "mode": "control", "paused": False}
    listed = (await alice.get("/api/sessions")).object["sessions"]
    assert [each["id"] for each in listed] == [reply.object["id"]]
    request = site.house.sessions.requests[0]
    assert (request.user, request.command, dict(request.params)) == (
        "alice",
        "xclock",
        {"cores": 2},
    )


async def test_nobody_launches_for_somebody_else(site: Site) -> None:
    """A user in the body is a fault, and nothing is started."""
    alice = await site.signed_in("alice")
    reply = await alice.post("/api/sessions", {"user": "bob"})
    assert (reply.status, reply.code) == (422, "invalid_request")
    assert reply.object["errors"][0]["loc"] == ["user"]
    assert site.house.sessions.requests == []


async def test_one_key_of_two_people_is_two_keys(site: Site) -> None:
    """A key starts one session of one person; somebody else's does not give it away."""
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    replies = [
        await each.call("POST", "/api/sessions", {}, headers={"Idempotency-Key": "once"})
        for each in (alice, alice, bob)
    ]
    ids = [reply.object["id"] for reply in replies]
    assert ids[0] == ids[1] != ids[2]
    assert replies[2].object["user"] == "bob"


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[f"{m} {p}" for m, p in CALLS])
async def test_other_peoples_sessions_are_not_there(site: Site, method: str, path: str) -> None:
    """Each call: 404, word for word as of a session that never was; nothing happens to it."""
    session_id = await site.session("alice")
    facts = len(site.house.sessions.facts)
    bob = await site.signed_in("bob")
    body: object = {} if method in {"POST", "PATCH"} else None
    reply = await bob.call(method, f"/api/sessions/{session_id}{path}", body)
    nothing = await bob.call(method, f"/api/sessions/01jd9999999999999999999999{path}", body)
    assert (reply.status, reply.code) == (404, "session_not_found")
    assert (nothing.status, nothing.code) == (404, "session_not_found")
    assert reply.object["detail"] == nothing.object["detail"]
    assert len(site.house.sessions.facts) == facts


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[f"{m} {p}" for m, p in CALLS])
async def test_without_a_sign_in_nothing_is_answered(site: Site, method: str, path: str) -> None:
    """401 for each call, also to somebody who knows the id."""
    session_id = await site.session("alice")
    reply = await site.browser().call(method, f"/api/sessions/{session_id}{path}")
    assert (reply.status, reply.code) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        call
        for call in CALLS
        if call
        not in {("GET", ""), ("GET", "/viewers"), ("GET", "/thumbnail"), ("POST", "/connect")}
    ],
)
async def test_a_guest_looks_and_does_nothing_else(site: Site, method: str, path: str) -> None:
    """403 `owner_only`: it is known that the session is there."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    wish = {"user": "bob", "mode": "control"}
    assert (await alice.post(f"/api/sessions/{session_id}/shares", wish)).status == 201
    body: object = {} if method in {"POST", "PATCH"} else None
    reply = await bob.call(method, f"/api/sessions/{session_id}{path}", body)
    assert (reply.status, reply.code) == (403, "owner_only")


async def test_an_administrator_sees_and_steers_all(site: Site) -> None:
    """With scope=all; the display is for them to view; shares are not theirs to make."""
    session_id = await site.session("alice")
    dora = await site.signed_in("dora")
    assert (await dora.get("/api/sessions")).object["sessions"] == []
    listed = (await dora.get("/api/sessions?scope=all")).object["sessions"]
    (found,) = listed
    assert (found["access"]["role"], found["access"]["mode"]) == ("administrator", "view")
    path = f"/api/sessions/{session_id}"
    assert (await dora.post(f"{path}/connect", {"mode": "control"})).code == "view_only"
    assert (await dora.post(f"{path}/connect", {"mode": "view"})).status == 200
    assert (await dora.post(f"{path}/shares", {"user": "bob"})).code == "owner_only"
    assert (await dora.post(f"{path}/terminate")).status == 202


async def test_all_is_for_administrators(site: Site) -> None:
    """Of lists, events and the node: 403."""
    alice = await site.signed_in("alice")
    for path in ("/api/sessions?scope=all", "/api/events?scope=all", "/api/node"):
        assert (await alice.get(path)).code == "administrators_only", path
    for verb in ("cordon", "drain", "undrain"):
        assert (await alice.post(f"/api/node/{verb}")).code == "administrators_only", verb


async def test_an_administrator_closes_and_opens_the_node(site: Site) -> None:
    """The relay is told who it was."""
    dora = await site.signed_in("dora")
    node = await dora.post("/api/node/drain", {"reason": "new disk"})
    assert node.object["draining"] is True
    assert node.object["cordon"]["by"] == "dora"
    assert node.object["cordon"]["reason"] == "new disk"
    assert (await dora.post("/api/node/undrain")).object["draining"] is False


async def test_a_session_is_steered(site: Site) -> None:
    """Renamed, suspended, resumed, ended, forgotten; each answer is the session then."""
    session_id = await site.session()
    alice = await site.signed_in("alice")
    path = f"/api/sessions/{session_id}"
    assert (await alice.call("PATCH", path, {"name": "Mine"})).object["name"] == "Mine"
    assert (await alice.post(f"{path}/suspend")).object["phase"] == "suspended"
    assert (await alice.post(f"{path}/resume")).object["phase"] == "running"
    assert (await alice.post(f"{path}/disconnect")).status == 200
    assert (await alice.post(f"{path}/terminate")).object["phase"] == "terminating"
    assert (await alice.call("DELETE", path)).status == 204
    assert (await alice.get(path)).status == 404


async def test_what_the_supervisor_refuses_is_told_in_its_words(site: Site) -> None:
    """Status, code and errors by field."""
    session_id = await site.session()
    alice = await site.signed_in("alice")
    reply = await alice.call("PATCH", f"/api/sessions/{session_id}", {"params": {"forbidden": 1}})
    assert reply.status == 422
    assert reply.object["errors"][0]["loc"] == ["params", "forbidden"]
    assert reply.headers["Content-Type"].startswith("application/problem+json")


async def test_a_log_is_text_whatever_is_in_it(site: Site) -> None:
    """It is the session's: no browser shall see a page in it."""
    session_id = await site.session()
    log = site.house.logs.printed[session_id] = MemoryLog()
    log.print(b"<script>alert(1)</script>\n")
    log.end()
    reply = await (await site.signed_in("alice")).get(f"/api/sessions/{session_id}/log?tail=10")
    assert reply.body == b"<script>alert(1)</script>\n"
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_log_that_is_followed_ends_with_the_sign_in(site: Site) -> None:
    """Whoever signs out leaves no stream behind."""
    session_id = await site.session()
    log = site.house.logs.printed[session_id] = MemoryLog()
    log.print(b"one\n")
    alice = await site.signed_in("alice")
    url = f"{site.base}/api/sessions/{session_id}/log?follow=1"
    async with alice.http.get(url) as response:
        assert await response.content.readline() == b"one\n"
        await alice.post("/api/sign-out")
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()


async def test_there_is_no_picture_before_there_is_a_display(site: Site) -> None:
    """409, as the relay says it."""
    session_id = await site.house.sessions.prepare(TOKEN)
    reply = await (await site.signed_in("alice")).get(f"/api/sessions/{session_id}/thumbnail")
    assert reply.status == 409


async def test_templates_are_the_relays(site: Site) -> None:
    """For everybody who is signed in."""
    reply = await (await site.signed_in("bob")).get("/api/templates")
    assert [each["name"] for each in reply.object["templates"]] == ["docker"]
    assert (await site.browser().get("/api/templates")).status == 401


async def test_a_call_has_one_name_everywhere(site: Site) -> None:
    """The answer's is the one in the relay's audit trail, by which the portal's log is found."""
    alice = await site.signed_in("alice")
    reply = await alice.post("/api/sessions", {})
    acts = site.house.trail.of("session.launch")
    assert [act.request_id for act in acts] == [reply.headers["X-Request-ID"]]
