"""Signing in by a link, staying signed in, signing out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from portal.api import me_api
from portal.sign_in.links import Links
from portal.store.directory import link_key
from tests.unit.portal.browser import Browser
from tests.unit.portal.conftest import Site


async def test_a_link_signs_in_once(site: Site) -> None:
    """200 with who it is, and a cookie; the same link again is worth nothing."""
    token, browser = site.link("alice"), site.browser()
    reply = await browser.sign_in(token)
    assert reply.status == 200
    assert reply.object["user"] == "alice"
    assert reply.object["full_name"] == "Alice Liddell"
    assert reply.object["administrator"] is False
    assert reply.object["quota"]["limits"] == {"sessions": 3}
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("fx_portal=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert (await browser.get("/api/me")).object["user"] == "alice"
    again = await site.browser().sign_in(token)
    assert (again.status, again.code) == (401, "link_invalid")


async def test_a_link_signs_in_once_for_all_lives(site: Site) -> None:
    """What was used is in the store, and not in memory alone."""
    token = site.link("alice")
    assert (await site.browser().sign_in(token)).status == 200
    rows = await site.portal._database.run(
        lambda db: db.execute("SELECT count(*) FROM used_links").fetchone()[0]
    )
    assert rows == 1


async def test_a_link_that_was_used_stays_so_when_the_clock_is_set_back(site: Site) -> None:
    """Also if another was used while the clock was ahead of both."""
    token = site.link("alice")
    assert (await site.browser().sign_in(token)).status == 200
    site.clock.now += 3600
    assert (await site.browser().sign_in(site.link("bob"))).status == 200
    site.clock.now -= 3600
    again = await site.browser().sign_in(token)
    assert (again.status, again.code) == (401, "link_invalid")


async def test_who_one_is_is_known_while_the_supervisor_hangs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the quota then, which it would have to be asked for."""
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang(_user: str) -> Mapping[str, object]:
        asked.set()
        await never.wait()
        return {}

    monkeypatch.setattr(site.house.sessions, "quota", hang)
    monkeypatch.setattr(me_api, "_QUOTA_SECONDS", 0.05)
    reply = await site.browser().sign_in(site.link("alice"))
    assert asked.is_set()
    assert (reply.status, reply.object["user"], reply.object["quota"]) == (200, "alice", None)


@pytest.mark.parametrize("damage", ["late", "user", "signature", "none", "long", "words"])
async def test_what_is_no_good_link_is_refused(site: Site, damage: str) -> None:
    """Expired, changed, cut off, or never one: 401, and the same words for all."""
    token = site.link("alice", seconds=-1 if damage == "late" else 60)
    body, signature = token.split(".")
    wrong = {
        "late": token,
        "user": f"{site.link('dora').split('.')[0]}.{signature}",
        "signature": body + ".",
        "none": ".",
        "long": "x" * 1025,
        "words": "\N{SNOWMAN}.x",
    }[damage]
    reply = await site.browser().sign_in(wrong)
    assert (reply.status, reply.code) == (
        (422, "invalid_request") if damage == "long" else (401, "link_invalid")
    )


async def test_whom_a_link_signs_in_is_told_before(site: Site) -> None:
    """As the host writes it, as often as it is asked; nobody is signed in, nothing is used."""
    token, browser = site.link("Alice"), site.browser()
    for _ in range(2):
        reply = await browser.post("/api/sign-in/link/user", {"token": token})
        assert (reply.status, reply.object) == (200, {"user": "alice", "asks": True})
        assert "Set-Cookie" not in reply.headers
    assert (await browser.sign_in(token)).status == 200
    for wrong in (token, site.link("alice", seconds=-1), f"{site.link('alice')}x"):
        reply = await site.browser().post("/api/sign-in/link/user", {"token": wrong})
        assert (reply.status, reply.code) == (401, "link_invalid")


async def test_a_link_tells_whether_it_asks(site: Site) -> None:
    """It is signed with the rest of it."""
    token = Links(link_key(site.state)).issue("alice", site.clock() + 60, asks=False)
    reply = await site.browser().post("/api/sign-in/link/user", {"token": token})
    assert reply.object == {"user": "alice", "asks": False}


async def test_asking_whom_a_link_signs_in_is_guessing_as_well(site: Site) -> None:
    """429 after thirty that were wrong."""
    browser = site.browser()
    path, wrong = "/api/sign-in/link/user", {"token": "x.y"}
    statuses = [(await browser.post(path, wrong)).status for _ in range(31)]
    assert statuses == [*[401] * 30, 429]
    assert (await browser.sign_in(site.link("alice"))).status == 429


async def test_the_log_tells_why_a_link_was_refused(site: Site) -> None:
    """And whose it was, if the portal had made it; the browser is not told."""
    used, late = site.link("alice"), site.link("alice", seconds=-1)
    await site.browser().sign_in(used)
    with capture_logs() as logs:
        for token in (used, late, f"{used}x"):
            await site.browser().sign_in(token)
    refusals = [each for each in logs if each["event"] == "sign_in_refused"]
    assert [(each["user"], each["reason"]) for each in refusals] == [
        ("alice", "used already"),
        ("alice", "expired"),
        (None, "not signed by this portal, or not complete"),
    ]


async def test_nobody_is_signed_in_whom_the_host_does_not_know(site: Site) -> None:
    """A link for somebody who has gone since is worth nothing."""
    reply = await site.browser().sign_in(site.link("eve"))
    assert (reply.status, reply.code) == (401, "sign_in_failed")


async def test_a_name_is_as_the_host_writes_it(site: Site) -> None:
    """Whoever signs in as Alice has the sessions of alice."""
    browser = site.browser()
    assert (await browser.sign_in(site.link("Alice"))).object["user"] == "alice"


async def test_a_sign_in_ends_when_it_is_not_used(site: Site) -> None:
    """Each request uses it; after eight hours without one it has ended."""
    browser = await site.signed_in("alice")
    for _ in range(3):
        site.clock.now += 8 * 3600 - 1
        assert (await browser.get("/api/me")).status == 200
    site.clock.now += 8 * 3600
    reply = await browser.get("/api/me")
    assert (reply.status, reply.code) == (401, "not_signed_in")


async def test_a_sign_in_ends_however_much_it_is_used(site: Site) -> None:
    """After a week."""
    browser = await site.signed_in("alice")
    for _ in range(24 * 7 - 1):
        site.clock.now += 3600
        assert (await browser.get("/api/ping")).status == 204
    site.clock.now += 3600
    assert (await browser.get("/api/ping")).status == 401


async def test_signing_out_ends_this_sign_in_and_no_other(site: Site) -> None:
    """204; the cookie is worth nothing any more, the other browser goes on."""
    here, there = await site.signed_in("alice"), await site.signed_in("alice")
    kept = here.cookie
    assert (await here.post("/api/sign-out")).status == 204
    thief = site.browser(headers={"Cookie": f"fx_portal={kept}"})
    assert (await thief.get("/api/me")).status == 401
    assert (await there.get("/api/me")).status == 200


async def test_the_store_has_no_token(site: Site) -> None:
    """A copy of it signs nobody in."""
    browser = await site.signed_in("alice")
    token = browser.cookie
    kept = b"".join(path.read_bytes() for path in site.state.glob("portal.db*"))
    assert b"alice" in kept
    assert token.encode() not in kept


@pytest.mark.parametrize(
    "cookie", ["x", "", "a" * 4000, "../../etc/passwd", "\N{SNOWMAN}", "1' OR '1'='1"]
)
async def test_a_forged_cookie_is_nobody(site: Site, cookie: str) -> None:
    """401, whatever it is."""
    await site.signed_in("alice")
    thief = site.browser(headers={"Cookie": f"fx_portal={cookie}"})
    assert (await thief.get("/api/me")).status == 401


async def test_guessing_is_slowed_down(site: Site) -> None:
    """After thirty wrong links from one address: 429 for right ones too, until time has passed."""
    browser = site.browser()
    for _ in range(30):
        assert (await browser.sign_in("x.y")).status == 401
    reply = await browser.sign_in(site.link("alice"))
    assert (reply.status, reply.code) == (429, "too_many_attempts")
    assert 1 <= int(reply.headers["Retry-After"]) <= 900


async def test_how_one_can_sign_in_is_told(site: Site) -> None:
    """What is switched off is not offered, and refused."""
    browser: Browser = site.browser()
    assert (await browser.get("/api/sign-in")).object == {
        "methods": ["link"],
        "title": "FastX",
        "user": None,
    }
    signed_in = site.browser()
    await signed_in.sign_in(site.link("alice"))
    assert (await signed_in.get("/api/sign-in")).object["user"] == "alice"
    reply = await browser.post("/api/sign-in", {"user": "alice", "password": "x"})
    assert (reply.status, reply.code) == (404, "not_offered")


async def test_sign_ins_outlive_the_portal(site: Site) -> None:
    """The next life finds them in the store."""
    browser = await site.signed_in("alice")
    token = browser.cookie
    sign_ins = site.portal._sign_ins
    sign_ins._by_key.clear()
    assert await sign_ins.find(token) is None
    await sign_ins.load()
    found = await sign_ins.find(token)
    assert found is not None
    assert found.user == "alice"
