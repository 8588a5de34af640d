"""Pages on a phone, 360 pixels wide: nothing is beyond its edge, nothing too small for a finger."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import card, given, tile, title, until_seen
from tests.browser.people import Person, person
from tests.browser.sharing import guest, link_for_anyone, open_share
from tests.browser.stage import Stage
from tests.browser.touch import PHONE, require_usable_by_touch

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def owner(stage: Stage) -> AsyncIterator[Person]:
    """Somebody with a phone, who has signed in."""
    async with person(stage, stage.user, **PHONE) as somebody:
        await somebody.sign_in()
        yield somebody
        await somebody.forget_preferences()


async def require_usable(somebody: Person, what: str) -> None:
    """Raise AssertionError with whatever makes it hard to use by hand."""
    await require_usable_by_touch(somebody, what)
    await require_accessible(somebody, f"{what} on a phone")


async def test_signing_in(stage: Stage) -> None:
    """By a form; by a one-time link that is pasted into the same tab, which asks first."""
    async with person(stage, stage.user, **PHONE) as somebody:
        await somebody.page.goto(f"{somebody.origin}/sign-in")
        await expect(somebody.page.get_by_role("button", name="Sign in")).to_be_visible()
        await require_usable(somebody, "sign-in")
        await somebody.page.goto(await stage.portal.link(stage.user))
        button = somebody.page.get_by_role("button", name=f"Sign in as {stage.user}")
        await expect(button).to_be_visible()
        await require_usable(somebody, "a one-time link")
        await button.tap()
        await expect(tile(somebody.page, "Desk")).to_be_visible()


async def test_home(owner: Person) -> None:
    """Empty; with what runs, waits and is over; with its menus and dialogs open."""
    page = owner.page
    await expect(tile(page, "Desk")).to_be_visible()
    await require_usable(owner, "empty home")
    ids = [await given(owner, name) for name in ("Runs", "Waits", "Is over")]
    await owner.stage.web.call("POST", f"/v1/sessions/{ids[1]}/suspend")
    await owner.stage.web.terminate(ids[2])
    await expect(card(page, "Waits").get_by_text("Suspended")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove: Is over")).to_be_visible()
    await require_usable(owner, "home")
    for item in ("Rename", "Log", "End session"):
        await page.get_by_role("button", name="More for Runs").tap()
        await require_usable(owner, "the menu of a session")
        await page.get_by_role("menuitem", name=item).tap()
        await require_usable(owner, item)
        await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Account of").tap()
    await require_usable(owner, "the menu of the account")


async def test_launching(owner: Person) -> None:
    """By a tap on its tile, and one on the button of its form, to a screen."""
    await tile(owner.page, "Desk").tap()
    dialog = owner.page.get_by_role("dialog", name="Desk")
    await expect(dialog).to_be_visible()
    await require_usable(owner, "the launch form")
    await dialog.get_by_role("button", name="Launch", exact=True).tap()
    await until_seen(owner.page)


async def test_sharing(owner: Person) -> None:
    """The dialog with a link in it; and what a guest with a phone sees of it."""
    await given(owner, "Shown around")
    dialog = await open_share(owner, "Shown around")
    await require_usable(owner, "the share dialog")
    link = await link_for_anyone(dialog)
    await require_usable(owner, "the share dialog with a link")
    async with guest(owner, link, "Greta Guest", **PHONE) as watcher:
        await until_seen(watcher.page)
        await require_usable(watcher, "a shared screen")
        await dialog.get_by_role("button", name="Revoke: Anyone with the link").tap()
        await expect(title(watcher.page)).to_contain_text("any more")
        await require_usable(watcher, "a shared screen that was taken back")
