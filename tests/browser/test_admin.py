"""The administrator's page: everybody's sessions, the node, its gate, and what happens."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import card, given
from tests.browser.conftest import purge_all
from tests.browser.people import Person, person
from tests.browser.stage import Stage

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session", params=["light", "dark"])
async def root(another: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    """An administrator on their page."""
    async with person(another, another.user, color_scheme=request.param) as somebody:
        await somebody.sign_in()
        await somebody.page.get_by_role("link", name="Administration").click()
        yield somebody


@pytest_asyncio.fixture(loop_scope="session")
async def user(another: Stage) -> AsyncIterator[Person]:
    """Somebody who is none, at home."""
    async with person(another, another.second_user) as somebody:
        await somebody.sign_in()
        yield somebody
        await purge_all(another)


async def test_everything_is_seen_and_can_be_ended(root: Person, user: Person) -> None:
    """A session of somebody else's appears in table and events; ended here, it ends there."""
    await given(user, "Of somebody")
    row = root.page.get_by_role("row").filter(has_text="Of somebody")
    await expect(row).to_contain_text(user.user)
    await expect(row).to_contain_text("Running")
    await expect(root.page.get_by_role("log")).to_contain_text("Of somebody")
    await require_accessible(root, "administration")
    await row.get_by_role("button").last.click()
    await root.page.get_by_role("menuitem", name="End session").click()
    await root.page.get_by_role("alertdialog").get_by_role("button", name="End session").click()
    await expect(card(user.page, "Of somebody")).to_be_hidden()
    await expect(user.page.get_by_role("heading", name="Of somebody")).to_be_visible()


async def test_the_gate_is_closed_and_opened(root: Person, user: Person) -> None:
    """With a reason, which users see until it is lifted."""
    await root.page.get_by_role("button", name="Take no new sessions").click()
    dialog = root.page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("new disks")
    await dialog.get_by_role("button", name="Take no new sessions").click()
    await expect(user.page.get_by_text("new disks")).to_be_visible()
    await root.page.get_by_role("button", name="Take new sessions").click()
    await expect(user.page.get_by_text("new disks")).to_be_hidden()


async def test_who_is_none_has_no_such_page(user: Person) -> None:
    """They are led home; neither node nor others' sessions are told to them."""
    user.faults.expect(r"status of 403")
    await user.page.goto(f"{user.origin}/admin")
    await user.page.wait_for_url(re.compile(rf"^{user.origin}/$"))
    for method, path in (("GET", "/api/node"), ("POST", "/api/node/drain")):
        status, _ = await user.api(method, path, None if method == "GET" else {})
        assert status == 403, path
