"""What breaks between a page and its session, and heals by itself."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.acts import card, given, look, open_form, steers, tile, until_seen
from tests.browser.people import person
from tests.browser.stage import Stage
from tests.support.daemon import until_ready
from tests.support.tcp_proxy import tcp_proxy

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

BROKEN = (r"net::ERR_", r"status of (404|50[234])", r"WebSocket connection to")


async def test_a_broken_network_heals(stage: Stage) -> None:
    """The page says so and comes back by itself, on the screen as on home."""
    async with (
        tcp_proxy(stage.portal.port) as network,
        person(stage, stage.user, network.origin) as alice,
    ):
        alice.faults.expect(*BROKEN)
        await alice.sign_in()
        session_id = await given(alice, "Far away")
        await expect(card(alice.page, "Far away")).to_be_visible()
        home, alice.page = alice.page, await alice.context.new_page()
        await look(alice, session_id)
        await network.cut()
        await expect(
            alice.page.get_by_role("heading", name="The connection is lost")
        ).to_be_visible()
        await expect(card(home, "Far away")).to_be_visible()
        await network.mend()
        await until_seen(alice.page)
        await steers(alice, alice.scratch_name())
        await stage.web.terminate(session_id)
        await expect(card(home, "Far away")).to_be_hidden()


@pytest.mark.xdist_group("another")
async def test_a_portal_that_is_started_again_loses_nobody(another: Stage) -> None:
    """Whoever was signed in still is; their screen, which the relay serves, goes on meanwhile."""
    async with person(another, another.user) as alice:
        alice.faults.expect(*BROKEN)
        await alice.sign_in()
        session_id = await given(alice, "Kept")
        await look(alice, session_id)
        await another.portal.kill()
        await steers(alice, alice.scratch_name())
        await another.portal.start()
        await steers(alice, alice.scratch_name())
        await alice.page.reload()
        await until_seen(alice.page)
        await steers(alice, alice.scratch_name())
        await another.web.call("DELETE", f"/v1/sessions/{session_id}")


@pytest.mark.xdist_group("another")
async def test_a_supervisor_that_is_away_is_told_and_waited_for(another: Stage) -> None:
    """Home keeps what it knew and says why nothing moves; a launch is refused meanwhile."""
    async with person(another, another.user) as alice:
        alice.faults.expect(*BROKEN)
        await alice.sign_in()
        session_id = await given(alice, "Still there")
        await expect(card(alice.page, "Still there")).to_be_visible()
        await another.daemon.stop()
        away = alice.page.get_by_text("supervisor")
        await expect(away.first).to_be_visible()
        await expect(card(alice.page, "Still there")).to_be_visible()
        dialog = await open_form(alice)
        await dialog.get_by_role("button", name="Launch", exact=True).click()
        await expect(dialog.get_by_role("alert")).not_to_be_empty()
        await alice.page.keyboard.press("Escape")
        await another.daemon.start()
        await until_ready(another.daemon)
        await expect(away.first).to_be_hidden()
        await expect(tile(alice.page, "Desk")).to_be_visible()
        await alice.page.get_by_role("link", name="Still there").click()
        await until_seen(alice.page)
        await purge(another, session_id)


async def purge(stage: Stage, session_id: str) -> None:
    """Take the session away; the stage's own web server has lost its connections."""
    code, _, complaint = await stage.daemon.execute("fxctl", "purge", session_id)
    assert code == 0, complaint
