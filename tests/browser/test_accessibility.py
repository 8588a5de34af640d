"""Every page, and every dialog of it, without a mouse and by axe-core; dark and light."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import card, given, look, open_form, tile, title, until_seen
from tests.browser.people import Person, person
from tests.browser.stage import Stage

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The colours that the system asks for."""
    return str(request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def reader(stage: Stage, scheme: str) -> AsyncIterator[Person]:
    """Somebody who has signed in, with these colours."""
    async with person(stage, stage.user, color_scheme=scheme) as somebody:
        await somebody.sign_in()
        yield somebody


async def test_signing_in(stage: Stage, scheme: str) -> None:
    """Also with what is said after a mistake."""
    async with person(stage, stage.user, color_scheme=scheme) as somebody:
        somebody.faults.expect(r"status of 401")
        await somebody.page.goto(f"{somebody.origin}/sign-in")
        await somebody.page.get_by_role("button", name="Sign in").click()
        await require_accessible(somebody, "sign-in")


async def test_a_page_that_is_not_there(reader: Person) -> None:
    """It says so, and leads home."""
    reader.faults.expect(r"status of 404")
    await reader.page.goto(f"{reader.origin}/no-such-page")
    await expect(reader.page.get_by_role("main")).to_be_visible()
    await require_accessible(reader, "a page that is not there")
    await reader.page.get_by_role(
        "link", name=re.compile("home|sessions", re.IGNORECASE)
    ).first.click()
    await reader.page.wait_for_url(f"{reader.origin}/")


async def test_home(reader: Person) -> None:
    """Empty; with sessions that run, are suspended and have ended; on a phone."""
    await expect(tile(reader.page, "Desk")).to_be_visible()
    await require_accessible(reader, "empty home")
    ids = [await given(reader, name) for name in ("Runs", "Waits", "Is over")]
    await reader.stage.web.call("POST", f"/v1/sessions/{ids[1]}/suspend")
    await reader.stage.web.terminate(ids[2])
    await expect(card(reader.page, "Waits").get_by_text("Suspended")).to_be_visible()
    await require_accessible(reader, "home")
    await reader.page.set_viewport_size({"width": 360, "height": 740})
    await require_accessible(reader, "home on a phone")
    width = await reader.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, "the page can be moved sideways"


async def test_dialogs_of_home(reader: Person) -> None:
    """The launch form, sharing, the log, the question before an end."""
    await given(reader, "Runs")
    dialog = await open_form(reader)
    await require_accessible(reader, "launch form")
    await reader.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await reader.page.get_by_role("button", name="Share Runs").click()
    await require_accessible(reader, "share dialog")
    await reader.page.keyboard.press("Escape")
    for item in ("Log", "End session"):
        await reader.page.get_by_role("button", name="More for Runs").click()
        await require_accessible(reader, "menu")
        await reader.page.get_by_role("menuitem", name=item).click()
        await expect(
            reader.page.get_by_role("dialog").or_(reader.page.get_by_role("alertdialog"))
        ).to_be_visible()
        await require_accessible(reader, item)
        await reader.page.keyboard.press("Escape")


async def test_a_screen(reader: Person) -> None:
    """With its toolbar, and with what lies over it when the session has ended."""
    session_id = await given(reader, "Runs")
    await look(reader, session_id)
    await require_accessible(reader, "screen")
    await reader.stage.web.terminate(session_id)
    await expect(title(reader.page)).to_be_visible()
    await require_accessible(reader, "screen of what has ended")


async def test_a_session_is_launched_by_keys_alone(alice: Person) -> None:
    """From home to a screen that is typed into, and out of it again, without a pointer."""
    page = alice.page
    await page.get_by_role("button", name=re.compile("^Desk ")).focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Desk")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Name").focus()
    await page.keyboard.type("By keys")
    await page.keyboard.press("Enter")
    await until_seen(page)
    for key in ("Control", "Alt", "Shift"):
        await page.keyboard.down(key)
    for key in ("Shift", "Alt", "Control"):
        await page.keyboard.up(key)
    inside = page.locator("#dock :focus")
    await expect(inside).to_be_visible()
