"""The administrator's page: everybody's sessions, the node, its gate, and what happens."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import card, choose, given, launch, look, open_form, title
from tests.browser.conftest import purge_all
from tests.browser.people import Person, person
from tests.browser.stage import Stage

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("another"),
]


@pytest_asyncio.fixture(loop_scope="session", params=["light", "dark"])
async def root(another: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    """An administrator on their page."""
    async with person(another, another.user, color_scheme=request.param) as somebody:
        await somebody.sign_in()
        await somebody.page.get_by_role("link", name="Administration").click()
        yield somebody
        await somebody.api("POST", "/api/node/undrain")


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
    await close_node(root, "new disks")
    await expect(user.page.get_by_text("new disks")).to_be_visible()
    await root.page.get_by_role("button", name="Take new sessions").click()
    await expect(user.page.get_by_text("new disks")).to_be_hidden()


async def test_a_closed_node_lets_sessions_go_on_and_takes_no_new_ones(
    root: Person, user: Person
) -> None:
    """What runs runs; a launch is refused with the reason; lifted, it is taken."""
    session_id = await given(user, "Goes on")
    await close_node(root, "new disks")
    chip = root.page.locator("#node-state")
    await expect(chip).to_have_text("Takes no new sessions")
    await expect(root.page.get_by_text(f"By {root.user}")).to_contain_text("new disks")
    user.faults.expect(r"status of 503")
    dialog = await open_form(user)
    await dialog.get_by_role("button", name="Launch", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("No new sessions")
    await dialog.get_by_role("button", name="Close").click()
    await expect(user.page.get_by_text("new disks")).to_be_visible()
    await look(user, session_id)
    await root.page.get_by_role("button", name="Take new sessions").click()
    await expect(chip).to_have_text("Ready")
    await user.page.goto(f"{user.origin}/")
    await launch(user, "Taken again")
    await user.page.goto(f"{user.origin}/")


async def test_it_is_closed_and_all_sessions_are_ended(root: Person, user: Person) -> None:
    """Everybody's, after it was asked for in so many words; who was connected is told."""
    mine, theirs = await given(root, "Of the administrator"), await given(user, "Of somebody")
    await look(user, theirs)
    await close_node(root, "power cut", end_all=True)
    await expect(title(user.page)).to_have_text("The session has ended")
    for session_id in (mine, theirs):
        ended = await root.stage.web.until(session_id, "ended")
        assert ended["reason"] == "Terminated"
    row = root.page.get_by_role("row").filter(has_text="Of somebody")
    await expect(row.get_by_text("Running")).to_be_hidden()
    await user.page.goto(f"{user.origin}/")
    await expect(user.page.get_by_text("power cut")).to_be_visible()
    await root.page.get_by_role("button", name="Take new sessions").click()
    await expect(user.page.get_by_text("power cut")).to_be_hidden()


async def close_node(root: Person, reason: str, *, end_all: bool = False) -> None:
    """By the dialog; its button says what it is about to do."""
    await root.page.get_by_role("button", name="Take no new sessions").click()
    dialog = root.page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill(reason)
    if end_all:
        await choose(dialog, "End all sessions")
        await dialog.get_by_role("button", name="Close, and end all sessions").click()
    else:
        await dialog.get_by_role("button", name="Take no new sessions").click()
    await expect(dialog).to_be_hidden()


async def test_who_is_none_has_no_such_page(user: Person) -> None:
    """They are led home; neither node nor others' sessions are told to them."""
    user.faults.expect(r"status of 403")
    await user.page.goto(f"{user.origin}/admin")
    await user.page.wait_for_url(re.compile(rf"^{user.origin}/$"))
    for method, path in (("GET", "/api/node"), ("POST", "/api/node/drain")):
        status, _ = await user.api(method, path, None if method == "GET" else {})
        assert status == 403, path
