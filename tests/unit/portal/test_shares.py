"""Sessions shown to others: by name, and by a link whose token is all there is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portal import shares
from portal.display import admissions
from portal.display.admissions import Admissions
from portal.sign_in.users import User, Users
from tests.support.turning import until
from tests.unit.portal.browser import Browser, Object
from tests.unit.portal.conftest import Site


async def shared(browser: Browser, session_id: str, **wish: object) -> Object:
    """A share that was just made."""
    reply = await browser.post(f"/api/sessions/{session_id}/shares", wish)
    assert reply.status == 201, reply.body
    return reply.object


def token_of(share: Object) -> str:
    """What stands behind the #."""
    token: str = share["url"].partition("#")[2]
    return token


async def test_a_link_shows_the_session_to_whoever_has_it(site: Site) -> None:
    """Signed in or not: what its screen needs, and no more of it."""
    session_id = await site.session("alice")
    share = await shared(await site.signed_in("alice"), session_id, mode="view")
    assert share["url"].startswith(f"{site.base}/shared#")
    assert share["user"] is None
    reply = await site.browser().post("/api/shared", {"token": token_of(share)})
    assert reply.status == 200
    assert reply.object["mode"] == "view"
    assert reply.object["session"] == {
        "id": session_id,
        "name": "Terminal",
        "user": "alice",
        "phase": "running",
        "clipboard": reply.object["session"]["clipboard"],
    }


async def test_the_token_is_told_once_and_kept_by_nobody(site: Site) -> None:
    """Lists have no link, the store has its hash."""
    session_id = await site.session("alice")
    alice = await site.signed_in("alice")
    share = await shared(alice, session_id)
    listed = (await alice.get(f"/api/sessions/{session_id}/shares")).object["shares"]
    assert listed == [{**share, "url": None}]
    kept = b"".join(path.read_bytes() for path in site.state.glob("portal.db*"))
    assert share["id"].encode() in kept
    assert token_of(share).encode() not in kept


async def test_a_link_of_a_share_is_no_sign_in(site: Site) -> None:
    """It opens one session's display, and not even the session itself."""
    session_id = await site.session("alice")
    share = await shared(await site.signed_in("alice"), session_id, mode="control")
    guest = site.browser()
    assert (await guest.post("/api/shared", {"token": token_of(share)})).status == 200
    for path in ("/api/me", "/api/sessions", f"/api/sessions/{session_id}", "/api/events"):
        assert (await guest.get(path)).status == 401, path


async def test_guessing_tokens_is_slowed_down(site: Site) -> None:
    """404 each time, and 429 after thirty; right ones then, too."""
    session_id = await site.session("alice")
    token = token_of(await shared(await site.signed_in("alice"), session_id))
    guest = site.browser()
    for number in range(30):
        wrong = token[:-1] + ("A" if token[-1] != "A" else "B") if number % 2 else "x"
        reply = await guest.post("/api/shared/connect", {"token": wrong})
        assert (reply.status, reply.code) == (404, "share_invalid")
    assert (await guest.post("/api/shared", {"token": token})).status == 429


async def test_a_share_for_a_user_is_for_that_user(site: Site) -> None:
    """It is among their sessions, by its own page; others do not see it."""
    session_id = await site.session("alice")
    alice, bob, carol = [await site.signed_in(name) for name in ("alice", "bob", "carol")]
    share = await shared(alice, session_id, user="bob", mode="control")
    assert share["url"] == f"{site.base}/sessions/{session_id}"
    listed = (await bob.get("/api/sessions")).object["sessions"]
    (found,) = listed
    assert found["access"] == {"role": "guest", "mode": "control", "paused": False}
    assert (await carol.get("/api/sessions")).object["sessions"] == []
    assert (await carol.call("DELETE", f"/api/shares/{share['id']}")).code == "share_not_found"
    assert (await bob.call("DELETE", f"/api/shares/{share['id']}")).code == "share_not_found"
    assert (await bob.get("/api/sessions")).object["sessions"] != []
    assert (await alice.call("DELETE", f"/api/shares/{share['id']}")).status == 204
    assert (await bob.get("/api/sessions")).object["sessions"] == []


async def test_a_guest_who_may_look_may_not_steer(site: Site) -> None:
    """403 `view_only` for a ticket with control; of two shares the better one counts."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    await shared(alice, session_id, user="bob", mode="view")
    path = f"/api/sessions/{session_id}/connect"
    assert (await bob.post(path, {"mode": "control"})).code == "view_only"
    assert (await bob.post(path, {"mode": "view"})).object["mode"] == "view"
    await shared(alice, session_id, user="bob", mode="control")
    assert (await bob.post(path, {"mode": "control"})).object["mode"] == "control"


async def test_a_link_to_look_gives_no_control(site: Site) -> None:
    """A guest does not say what they may; a mode in the request is a fault."""
    session_id = await site.session("alice")
    token = token_of(await shared(await site.signed_in("alice"), session_id, mode="view"))
    guest = site.browser()
    reply = await guest.post("/api/shared/connect", {"token": token, "guest": "Bob"})
    assert reply.object["mode"] == "view"
    reply = await guest.post("/api/shared/connect", {"token": token, "mode": "control"})
    assert (reply.status, reply.code) == (422, "invalid_request")


async def test_a_share_ends_with_its_time(site: Site) -> None:
    """From that moment on, and it is forgotten."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    await shared(alice, session_id, user="bob", expires_in_seconds=60)
    link = await shared(alice, session_id, expires_in_seconds=60)
    site.clock.now += 60
    assert (await bob.get(f"/api/sessions/{session_id}")).status == 404
    assert (await site.browser().post("/api/shared", {"token": token_of(link)})).status == 404
    await until(lambda: not site.portal._shares._by_id)


@pytest.mark.parametrize("how", ["ended", "purged"])
async def test_a_share_ends_with_its_session(site: Site, how: str) -> None:
    """Ended or forgotten."""
    session_id = await site.session("alice")
    await shared(await site.signed_in("alice"), session_id)
    if how == "ended":
        await site.house.sessions.end(session_id)
    else:
        await site.house.sessions.purge(session_id)
    await until(lambda: not site.portal._shares._by_id)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"user": "eve"}, "user"),
        ({"user": "alice"}, "user"),
        ({"user": ""}, "user"),
        ({"expires_in_seconds": 604_801}, "expires_in_seconds"),
        ({"expires_in_seconds": 59}, "expires_in_seconds"),
        ({"mode": "admin"}, "mode"),
    ],
)
async def test_a_bad_share_is_refused(site: Site, wish: dict[str, Any], field: str) -> None:
    """422 by field."""
    session_id = await site.session("alice")
    alice = await site.signed_in("alice")
    reply = await alice.post(f"/api/sessions/{session_id}/shares", wish)
    assert reply.status == 422
    assert reply.object["errors"][0]["loc"] == [field]


class TestOff:
    """An administrator wants none of it."""

    @pytest.fixture
    def portal_config(self) -> dict[str, Any]:
        """Neither."""
        return {"shares": {"anyone": False, "named": False}}

    async def test_shares_can_be_switched_off(self, site: Site) -> None:
        """403, by which kind; and pages are told beforehand."""
        session_id = await site.session("alice")
        alice = await site.signed_in("alice")
        told = (await alice.get("/api/me")).object["shares"]
        assert (told["anyone"], told["named"]) == (False, False)
        path = f"/api/sessions/{session_id}/shares"
        assert (await alice.post(path, {})).code == "shares_anyone_off"
        assert (await alice.post(path, {"user": "bob"})).code == "shares_named_off"


async def test_a_session_has_so_many_shares_and_no_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409, also for those that are asked for side by side; one that is ended makes room."""
    monkeypatch.setattr(shares, "MOST_PER_SESSION", 2)
    session_id = await site.session("alice")
    alice = await site.signed_in("alice")
    path = f"/api/sessions/{session_id}/shares"
    replies = await asyncio.gather(*(alice.post(path, {"user": "bob"}) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 201, 409, 409, 409]
    listed = (await alice.get(path)).object["shares"]
    await alice.call("DELETE", f"/api/shares/{listed[0]['id']}")
    assert (await alice.post(path, {"user": "bob"})).status == 201
    assert (await alice.post(path, {"user": "bob"})).code == "too_many_shares"


async def test_a_share_that_ends_while_its_ticket_is_made_admits_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404, and the ticket is void at the relay: by a proxy it could be used past the portal."""
    session_id = await site.session("alice")
    alice = await site.signed_in("alice")
    share = await shared(alice, session_id)
    made: list[Object] = []
    make = Admissions._ticket  # there is no other moment between

    async def ended_meanwhile(*arguments: Any) -> Object:  # noqa: ANN401 its own
        made.append(await make(*arguments))
        assert (await alice.call("DELETE", f"/api/shares/{share['id']}")).status == 204
        return made[0]

    monkeypatch.setattr(Admissions, "_ticket", ended_meanwhile)
    reply = await site.browser().post("/api/shared/connect", {"token": token_of(share)})
    assert (reply.status, reply.code) == (404, "share_invalid")
    async with site.house.web.get(f"http://relay{made[0]['path']}") as response:
        assert response.status == 401


@pytest.mark.parametrize("other", [None, "view"])
async def test_a_share_that_ends_while_its_user_is_looked_up_admits_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch, other: str | None
) -> None:
    """Neither as by no share, nor by another that allows less."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    share = await shared(alice, session_id, mode="control", user="bob")
    if other is not None:
        await shared(alice, session_id, mode=other, user="bob")
    find, looked_up = Users.find, list[str]()

    async def slow(self: Users, name: str) -> User:
        if name == "bob":
            looked_up.append(name)
            if len(looked_up) == 2:
                assert (await alice.call("DELETE", f"/api/shares/{share['id']}")).status == 204
        return await find(self, name)

    monkeypatch.setattr(Users, "find", slow)
    reply = await bob.post(f"/api/sessions/{session_id}/connect", {"mode": "control"})
    assert len(looked_up) == 2, "the call came to the name that viewers are told"
    assert (reply.status, reply.code) == (404, "session_not_found")


async def test_guests_who_ask_in_a_loop_leave_room_for_the_owner(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 past so many of one share, and of all; side by side as well as one after the other."""
    monkeypatch.setattr(admissions, "GUESTS_PER_SHARE", 2)
    monkeypatch.setattr(admissions, "GUESTS_PER_SESSION", 3)
    session_id = await site.session("alice")
    alice, guest = await site.signed_in("alice"), site.browser()
    found = []
    for _ in range(2):
        token = token_of(await shared(alice, session_id))
        knocks = (guest.post("/api/shared/connect", {"token": token}) for _ in range(4))
        found.append(sorted(reply.status for reply in await asyncio.gather(*knocks)))
    assert found == [[200, 200, 429, 429], [200, 429, 429, 429]]
    reply = await alice.post(f"/api/sessions/{session_id}/connect", {})
    assert reply.status == 200
