"""A session's life as its owner sees it: put aside, taken up, ended, and why."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.acts import card, given, look, steers, title, type_line, until_seen
from tests.browser.people import Person

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_home_tells_live(alice: Person) -> None:
    """A session that starts, gets viewers and ends elsewhere: cards follow without a reload."""
    session_id = await given(alice, "Seen from home")
    mine = card(alice.page, "Seen from home")
    await expect(mine.get_by_text("Running")).to_be_visible()
    await expect(mine.get_by_text(re.compile("MiB"))).to_be_visible()
    await expect(mine.locator("img.card-picture")).to_have_js_property("complete", value=True)
    await expect(mine.locator("img.card-picture")).to_be_visible()
    await alice.stage.web.terminate(session_id)
    await expect(mine).to_be_hidden()
    ended = alice.page.get_by_role("region", name=re.compile("Ended"))
    await expect(ended.get_by_role("heading", name="Seen from home")).to_be_visible()


async def test_suspended_it_waits_and_resumes_when_opened(alice: Person) -> None:
    """From home by its button; opening it is enough to go on, with everything in its place."""
    session_id = await given(alice, "Put aside")
    await alice.page.get_by_role("button", name="Suspend Put aside").click()
    await expect(card(alice.page, "Put aside").get_by_text("Suspended")).to_be_visible()
    await alice.stage.web.until(session_id, "suspended")
    await alice.page.get_by_role("link", name="Put aside").click()
    await until_seen(alice.page)
    await steers(alice, alice.scratch_name())
    assert (await alice.stage.web.get(session_id))["phase"] == "running"


async def test_suspended_while_on_screen_it_says_so(alice: Person) -> None:
    """And goes on from there."""
    session_id = await given(alice, "Held")
    await look(alice, session_id)
    await alice.stage.web.call("POST", f"/v1/sessions/{session_id}/suspend")
    await expect(title(alice.page)).to_have_text("Suspended")
    await alice.page.get_by_role("button", name="Resume").click()
    await until_seen(alice.page)
    await steers(alice, alice.scratch_name())


async def test_ending_it_asks_first(alice: Person) -> None:
    """Kept, it goes on; confirmed, it ends, and can be removed."""
    session_id = await given(alice, "To be ended")
    await alice.page.get_by_role("button", name="More for To be ended").click()
    await alice.page.get_by_role("menuitem", name="End session").click()
    question = alice.page.get_by_role("alertdialog")
    await question.get_by_role("button", name="Keep it").click()
    await expect(question).to_be_hidden()
    assert (await alice.stage.web.get(session_id))["phase"] == "running"
    await alice.page.get_by_role("button", name="More for To be ended").click()
    await alice.page.get_by_role("menuitem", name="End session").click()
    await question.get_by_role("button", name="End session").click()
    await alice.page.get_by_role("button", name="Remove: To be ended").click()
    await expect(alice.page.get_by_text("To be ended", exact=True)).to_be_hidden()
    answer = await alice.stage.web.call("GET", f"/v1/sessions/{session_id}")
    assert answer.status == 404


async def test_an_end_on_screen_has_its_reason_and_a_way_on(alice: Person) -> None:
    """The command has ended: said in words; its log can be read, and it can be launched again."""
    alice.faults.expect(r"status of 422")
    session_id = await given(alice, "Over soon")
    await look(alice, session_id)
    await type_line(alice.page, "exit")
    await expect(title(alice.page)).to_have_text("The session has ended")
    await expect(alice.page.get_by_role("button", name="All sessions")).to_be_visible()
    await alice.page.get_by_role("button", name="Log").click()
    await expect(alice.page.get_by_role("dialog", name=re.compile("Log"))).to_be_visible()
    await alice.page.keyboard.press("Escape")
    # The template has a command of its own, so the form is where it goes on.
    await alice.page.get_by_role("button", name="Launch again").click()
    await expect(alice.page.get_by_role("dialog", name="Desk")).to_be_visible()


async def test_it_can_be_renamed(alice: Person) -> None:
    """In its place; the server has the name too."""
    session_id = await given(alice, "Old name")
    await alice.page.get_by_role("button", name="More for Old name").click()
    await alice.page.get_by_role("menuitem", name="Rename").click()
    field = alice.page.get_by_role("textbox", name=re.compile("[Nn]ame"))
    await field.fill("New name")
    await field.press("Enter")
    await expect(alice.page.get_by_role("link", name="New name")).to_be_visible()
    await alice.stage.web.when(session_id, lambda seen: seen["name"] == "New name")
