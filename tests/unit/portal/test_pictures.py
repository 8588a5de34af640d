"""The last picture of a screen: kept while there is none to ask, for those who see the session."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from portal import pictures
from portal.pictures import Picture, Pictures
from supervisor.lifecycle.facts import EngineLost, SuspendRequested
from supervisor.lifecycle.session import SessionId
from tests.support.turning import until
from tests.unit.portal.browser import Browser, Reply
from tests.unit.portal.conftest import Site
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.pictures import noise, picture
from tests.unit.relay.x_server import XServer

RED = Image.new("RGB", (60, 40), "#c02020")


async def seen(
    browser: Browser, agent: FakeAgent, session_id: str, image: Image.Image, **headers: str
) -> Reply:
    """A thumbnail of what the screen shows."""
    asking = asyncio.create_task(browser.get(thumbnail(session_id), **headers))
    await XServer(image).serve(*await agent.open_display())
    return await asking


def thumbnail(session_id: str, width: int = 320) -> str:
    """Where it is."""
    return f"/api/sessions/{session_id}/thumbnail?width={width}"


async def suspended(site: Site, session_id: SessionId) -> None:
    """As by its time limit."""
    await site.house.sessions.submit(session_id, SuspendRequested())
    await until(lambda: site.portal.mirror.sessions[session_id]["phase"] == "suspended")


async def test_a_suspended_session_shows_its_last_picture(site: Site) -> None:
    """Whoever asks, in whatever width; the same is not sent twice."""
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    running = await seen(alice, agent, session_id, noise())
    await suspended(site, session_id)
    again = await site.signed_in("alice")
    reply = await again.get(thumbnail(session_id, 960))
    assert (reply.status, reply.body) == (200, running.body)
    assert reply.headers["Content-Type"] == "image/png"
    assert reply.headers["Cache-Control"] == "private, no-cache"
    known = await again.get(thumbnail(session_id), If_None_Match=reply.headers["ETag"])
    assert (known.status, known.body) == (304, b"")


async def test_one_that_cannot_be_reached_shows_it_as_well(site: Site) -> None:
    """The engine is away."""
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    running = await seen(alice, agent, session_id, noise())
    await site.house.sessions.submit(session_id, EngineLost())
    await until(lambda: site.portal.mirror.sessions[session_id]["phase"] == "unknown")
    assert (await alice.get(thumbnail(session_id))).body == running.body


@pytest.mark.parametrize("width", [320, 16])
async def test_by_hand_it_is_taken_at_the_last_moment(site: Site, width: int) -> None:
    """Whoever presses the button has seen it so, and not as small as somebody asked for."""
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    before = asyncio.create_task(alice.get(thumbnail(session_id, width)))
    await XServer(noise()).serve(*await agent.open_display())
    assert (await before).status == 200
    asking = asyncio.create_task(alice.post(f"/api/sessions/{session_id}/suspend"))
    await XServer(RED).serve(*await agent.open_display())
    assert (await asking).object["phase"] == "suspended"
    shown = picture((await alice.get(thumbnail(session_id))).body)
    assert shown.getcolors() == [(60 * 40, (0xC0, 0x20, 0x20))]


async def test_a_session_that_does_not_show_itself_is_suspended_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a moment, with the picture that there was."""
    monkeypatch.setattr(pictures, "_LAST_LOOK_SECONDS", 0.01)
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    running = await seen(alice, agent, session_id, noise())
    assert (await alice.post(f"/api/sessions/{session_id}/suspend")).status == 202
    assert (await alice.get(thumbnail(session_id))).body == running.body


async def test_without_a_picture_there_is_none(site: Site) -> None:
    """409, as ever."""
    session_id = await site.session("alice")
    await suspended(site, session_id)
    reply = await (await site.signed_in("alice")).get(thumbnail(session_id))
    assert (reply.status, reply.code) == (409, "not_connectable")


async def test_what_a_browser_has_is_kept_here_as_well(site: Site) -> None:
    """After a restart of the portal: the browser's own copy is of use to that browser alone."""
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    before = await seen(alice, agent, session_id, noise())
    site.portal.pictures._kept.clear()
    known = {"If_None_Match": before.headers["ETag"]}
    assert (await seen(alice, agent, session_id, noise(), **known)).status == 304
    await suspended(site, session_id)
    assert (await alice.get(thumbnail(session_id))).body == before.body


async def test_it_is_for_who_sees_the_session(site: Site) -> None:
    """404 for others; a guest sees none from before there was something for them to see."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    agent = await site.agent()
    await seen(alice, agent, session_id, noise())
    site.clock.now += 1
    await suspended(site, session_id)
    assert (await bob.get(thumbnail(session_id))).status == 404
    wish = {"user": "bob", "mode": "control"}
    assert (await alice.post(f"/api/sessions/{session_id}/shares", wish)).status == 201
    assert (await bob.get(thumbnail(session_id))).status == 409
    await alice.post(f"/api/sessions/{session_id}/resume")
    after = await seen(alice, agent, session_id, RED)
    await suspended(site, session_id)
    assert (await bob.get(thumbnail(session_id))).body == after.body


async def test_a_share_that_ends_while_a_picture_is_taken_shows_none(site: Site) -> None:
    """A session can take its time to show itself."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    agent = await site.agent()
    wish = {"user": "bob", "mode": "view"}
    share = (await alice.post(f"/api/sessions/{session_id}/shares", wish)).object
    asking = asyncio.create_task(bob.get(thumbnail(session_id)))
    display = await agent.open_display()
    assert (await alice.call("DELETE", f"/api/shares/{share['id']}")).status == 204
    await XServer(RED).serve(*display)
    assert (await asking).status == 404


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_it_goes_with_its_session(site: Site, method: str) -> None:
    """Purged or ended: nothing of it is left in memory."""
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    await seen(alice, agent, session_id, noise())
    kept = site.portal.pictures
    assert kept.last(session_id) is not None
    if method == "DELETE":
        await alice.call("DELETE", f"/api/sessions/{session_id}")
    else:
        await site.house.sessions.end(session_id)
    await until(lambda: kept.last(session_id) is None)


def memory(site: Site, phases: dict[str, str]) -> Pictures:
    """Pictures of sessions that are in these phases."""
    sessions: dict[str, dict[str, Any]] = {each: {"phase": phases[each]} for each in phases}
    site.portal.mirror._sessions = sessions
    return site.portal.pictures


SMALL = Picture(b"12345678", None, 320, 0.0)


async def test_so_many_are_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of sessions that can be asked again go first, then the oldest."""
    monkeypatch.setattr(pictures, "MOST_PICTURES", 2)
    kept = memory(site, {"a": "suspended", "b": "running", "c": "suspended", "d": "suspended"})
    for session_id in "abc":
        kept._keep(session_id, SMALL)
    assert set(kept._kept) == {"a", "c"}
    kept._keep("d", SMALL)
    assert set(kept._kept) == {"c", "d"}


async def test_so_many_bytes_are_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """In all, and of one; another of the same session takes the place of the first."""
    monkeypatch.setattr(pictures, "MOST_BYTES", 20)
    monkeypatch.setattr(pictures, "MOST_BYTES_EACH", 10)
    kept = memory(site, dict.fromkeys("abc", "suspended"))
    for session_id in ("a", "a", "b", "b", "c"):
        kept._keep(session_id, SMALL)
    assert set(kept._kept) == {"b", "c"}
    assert kept._kept_bytes == 16
    kept._keep("c", replace(SMALL, body=bytes(11)))
    assert kept.last("c") == SMALL
