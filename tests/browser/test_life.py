"""A session's life as its owner sees it: put aside, taken up, ended, and why."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Error, Page, expect

from tests.browser.acts import card, given, look, steers, title, type_line, until, until_seen
from tests.browser.people import Person, person
from tests.browser.stage import BACKGROUND
from tests.integration.test_exec import execute
from tests.support.clipboard import painting

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

GREEN = (0x20, 0x90, 0x40)
# What images show near their lower right corner.
DRAWN = """images => images.filter(image => image.complete && image.naturalWidth).map(image => {
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const drawing = canvas.getContext("2d");
  drawing.drawImage(image, 0, 0);
  return [...drawing.getImageData(canvas.width - 5, canvas.height - 5, 1, 1).data].slice(0, 3);
})"""


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


async def test_suspended_it_shows_its_last_picture(alice: Person) -> None:
    """As it was at the last moment; after a reload, and on another browser, too."""
    session_id = await given(alice, "Pictured")
    await until(lambda: card_is(alice.page, BACKGROUND), "it shows what it is")
    await execute(alice.stage.web, session_id, painting(GREEN))
    await alice.page.get_by_role("button", name="Suspend Pictured").click()
    await alice.stage.web.until(session_id, "suspended")
    await alice.page.reload()
    await until(lambda: card_is(alice.page, GREEN), "the card shows it")
    async with person(alice.stage, alice.user) as elsewhere:
        await elsewhere.sign_in()
        await until(lambda: card_is(elsewhere.page, GREEN), "so does another browser's")


async def card_is(page: Page, colour: tuple[int, int, int]) -> bool:
    """Whether the picture on the card "Pictured", at its lower right, is of this colour."""
    image = card(page, "Pictured").locator("img.card-picture")
    try:
        drawn = await image.evaluate_all(DRAWN)
    except Error:
        # A page that a change of networks has broken is loaded again.
        return False
    return [tuple(pixel) for pixel in drawn] == [colour]


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
