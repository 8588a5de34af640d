"""Sharing: who was given a link, or was named, sees the session; and does no more than they may."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import (
    card,
    choose,
    given,
    look,
    steers,
    title,
    type_line,
    until,
    until_seen,
)
from tests.browser.people import Person
from tests.browser.sharing import guest, link_for_anyone, open_share

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_who_may_watch_does_not_steer(alice: Person) -> None:
    """What they type never arrives, while what the owner types after them does."""
    session_id = await given(alice, "Watched")
    link = await link_for_anyone(await open_share(alice, "Watched"))
    async with guest(alice, link, "Greta Guest") as watcher:
        await until_seen(watcher.page)
        await alice.stage.web.when(session_id, lambda seen: seen["viewers"]["view"] == 1)
        theirs, own = alice.scratch_name(), alice.scratch_name()
        await type_line(watcher.page, f"touch {theirs}")
        await look(alice, session_id)
        await steers(alice, own)
        assert not (alice.home / theirs).exists()


async def test_who_watches_is_seen_and_can_be_put_out(alice: Person) -> None:
    """The owner sees their name, takes the link back, and they are told."""
    await given(alice, "Revoked")
    dialog = await open_share(alice, "Revoked")
    link = await link_for_anyone(dialog)
    async with guest(alice, link, "Greta Guest") as watcher:
        await until_seen(watcher.page)
        await expect(dialog.get_by_text("Greta Guest")).to_be_visible()
        await dialog.get_by_role("button", name="Revoke: Anyone with the link").click()
        await expect(title(watcher.page)).to_contain_text("any more")
        await watcher.page.reload()
        await expect(title(watcher.page)).to_contain_text("leads nowhere")


async def test_a_named_user_finds_it_among_their_sessions(alice: Person, bob: Person) -> None:
    """Without a reload, with control if that was given; revoked, it is gone from there."""
    session_id = await given(alice, "Together")
    await expect(card(bob.page, "Together")).to_be_hidden()
    dialog = await open_share(alice, "Together")
    await dialog.get_by_label("User name").fill(bob.user)
    await choose(dialog, "May control")
    await dialog.get_by_role("button", name="Share", exact=True).click()
    await bob.page.get_by_role("link", name="Together").click()
    await until_seen(bob.page)
    marker = alice.scratch_name()
    await type_line(bob.page, f"touch {marker}")

    async def made() -> bool:
        return (alice.home / marker).exists()

    await until(made, "what the guest types arrives")
    bob.faults.expect(r"status of 404")
    await dialog.get_by_role("button", name=f"Revoke: {bob.user}").click()
    await expect(title(bob.page)).to_be_visible()
    await bob.page.goto(f"{bob.origin}/")
    await expect(bob.page.get_by_role("link", name="Together")).to_be_hidden()
    status, _ = await bob.api("GET", f"/api/sessions/{session_id}")
    assert status == 404


async def test_what_its_owner_suspends_guests_do_not_resume(alice: Person, bob: Person) -> None:
    """Put out, or come later: they are told, wait, and see it by themselves when it goes on."""
    session_id = await given(alice, "Paused")
    link = await link_for_anyone(await open_share(alice, "Paused"))
    wish = {"mode": "control", "user": bob.user, "expires_in_seconds": 600}
    status, _ = await alice.api("POST", f"/api/sessions/{session_id}/shares", wish)
    assert status == 201
    async with guest(alice, link, "Greta Guest") as watcher:
        await until_seen(watcher.page)
        status, _ = await alice.api("POST", f"/api/sessions/{session_id}/suspend")
        assert status == 202
        await expect(title(watcher.page)).to_have_text("Paused by its owner")
        await expect(watcher.page.get_by_role("button", name="Resume")).to_be_hidden()
        await require_accessible(watcher, "a paused session's page")
        await watcher.page.reload()
        await expect(title(watcher.page)).to_have_text("Paused by its owner")
        waiting = card(bob.page, "Paused").get_by_text(f"Paused by {alice.user}")
        await expect(waiting).to_be_visible()
        await bob.page.goto(f"{bob.origin}/sessions/{session_id}")
        await expect(title(bob.page)).to_have_text("Paused by its owner")
        assert (await alice.stage.web.get(session_id))["phase"] == "suspended"
        await look(alice, session_id)
        await until_seen(watcher.page)
        await until_seen(bob.page)
