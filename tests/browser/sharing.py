"""What owners and guests of a shared session do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import choose
from tests.browser.people import Person, person


async def open_share(owner: Person, name: str) -> Locator:
    """The dialog, from home."""
    await owner.page.goto(f"{owner.origin}/")
    await owner.page.get_by_role("button", name=f"Share {name}").click()
    return owner.page.get_by_role("dialog", name=f"Share “{name}”")


async def link_for_anyone(dialog: Locator) -> str:
    """Make a link by which one may watch."""
    await choose(dialog, "Anyone with the link")
    await dialog.get_by_role("button", name="Make a link").click()
    return await dialog.get_by_role("textbox", name="Whoever has this link").input_value()


@asynccontextmanager
async def guest(
    owner: Person,
    link: str,
    name: str,
    **options: Any,  # noqa: ANN401 playwright's
) -> AsyncIterator[Person]:
    """Somebody at another browser, whom the portal does not know, and who has the link."""
    async with person(owner.stage, name, **options) as somebody:
        # Who they are is asked for, and that they are nobody is no fault of the page.
        somebody.faults.expect(r"status of (401|404)")
        await somebody.page.goto(link)
        await expect(somebody.page.get_by_label("Your name")).to_be_visible()
        await require_accessible(somebody, "a shared session's page")
        await somebody.page.get_by_label("Your name").fill(name)
        await somebody.page.get_by_role("button", name="Show the screen").click()
        yield somebody
