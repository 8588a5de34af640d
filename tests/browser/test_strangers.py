"""Two users of one portal, at the same time: neither sees nor touches what is the other's."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.acts import card, given, look, steers, title
from tests.browser.people import Person

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_two_users_work_side_by_side(alice: Person, bob: Person) -> None:
    """Each in a session of their own, typing at the same time: each into their own home."""
    mine, theirs = await asyncio.gather(given(alice, "Of alice"), given(bob, "Of bob"))
    await expect(card(alice.page, "Of alice")).to_be_visible()
    await expect(card(bob.page, "Of bob")).to_be_visible()
    await expect(card(alice.page, "Of bob")).to_be_hidden()
    await expect(card(bob.page, "Of alice")).to_be_hidden()
    await asyncio.gather(look(alice, mine), look(bob, theirs))
    markers = alice.scratch_name(), bob.scratch_name()
    await asyncio.gather(steers(alice, markers[0]), steers(bob, markers[1]))
    assert not (alice.home / markers[1]).exists()
    assert not (bob.home / markers[0]).exists()


async def test_of_what_is_another_users_nothing_is_told(alice: Person, bob: Person) -> None:
    """Every call answers as if there were no such session, and changes nothing."""
    bob.faults.expect(r"status of 404")
    session_id = await given(alice, "Secret")
    place = f"/api/sessions/{session_id}"
    calls = [
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", None),
        ("GET", "/log", None),
        ("GET", "/thumbnail?width=320", None),
        ("GET", "/viewers", None),
        ("GET", "/shares", None),
        ("POST", "/shares", {"mode": "view", "user": bob.user, "expires_in_seconds": 60}),
        ("POST", "/connect", {"mode": "view"}),
        *(("POST", f"/{act}", None) for act in ("suspend", "resume", "terminate", "disconnect")),
    ]
    for method, path, body in calls:
        status, answer = await bob.api(method, place + path, body)
        assert status == 404, f"{method} {path}: {answer}"
    status, listed = await bob.api("GET", "/api/sessions")
    assert (status, listed["sessions"]) == (200, [])
    status, _ = await bob.api("GET", "/api/sessions?scope=all")
    assert status == 403
    await bob.page.goto(f"{bob.origin}/sessions/{session_id}")
    await expect(title(bob.page)).to_contain_text("no such session")
    session = await alice.stage.web.get(session_id)
    assert (session["phase"], session["name"]) == ("running", "Secret")
