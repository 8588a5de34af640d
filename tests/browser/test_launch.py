"""Launching: the form of a template, what it refuses, what it remembers."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.acts import choose, open_form, press_launch, tile, until_seen
from tests.browser.people import Person
from tests.integration.test_exec import execute

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_a_session_is_launched_by_its_form(alice: Person) -> None:
    """What is chosen there arrives in the container, and the terminal is seen."""
    dialog = await open_form(alice)
    await dialog.get_by_label("Memory", exact=True).fill("300 MiB")
    await choose(dialog, "Dark")
    await dialog.get_by_label("Project").fill("apollo")
    await dialog.get_by_label("Name").fill("First desk")
    session_id = await press_launch(alice, dialog)
    await until_seen(alice.page)
    session = await alice.stage.web.get(session_id)
    assert session["user"] == alice.user
    assert session["name"] == "First desk"
    assert session["params"]["memory"] == 300 * 2**20
    command = ["sh", "-c", 'echo "$PROJECT $THEME"']
    said = (await execute(alice.stage.web, session_id, command)).body["output"]
    assert said.strip() == "apollo dark"


async def test_what_was_chosen_is_remembered(alice: Person) -> None:
    """On any browser of this user: the form begins with it, and one press launches like it."""
    dialog = await open_form(alice)
    await dialog.get_by_label("Project").fill("gemini")
    await press_launch(alice, dialog)
    await until_seen(alice.page)
    await alice.page.goto(f"{alice.origin}/")
    dialog = await open_form(alice)
    await expect(dialog.get_by_label("Project")).to_have_value("gemini")
    await alice.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await alice.page.get_by_role("button", name="Launch as last time: Desk").click()
    await until_seen(alice.page)
    newest = (await alice.stage.web.session_list())[0]
    assert newest["params"]["project"] == "gemini"


async def test_what_is_refused_is_said_at_its_field(alice: Person) -> None:
    """By the page before it is sent, and by the server after; what was filled in stays."""
    alice.faults.expect(r"status of 422")
    dialog = await open_form(alice)
    memory, project = dialog.get_by_label("Memory", exact=True), dialog.get_by_label("Project")
    await memory.fill("2 GiB")
    await dialog.get_by_role("button", name="Launch", exact=True).click()
    await expect(memory).to_have_attribute("aria-invalid", "true")
    await expect(memory).to_have_accessible_description(re.compile("at most 1 GiB"))
    await memory.fill("512 MiB")
    await project.fill("7")
    await dialog.get_by_role("button", name="Launch", exact=True).click()
    await expect(project).to_have_attribute("aria-invalid", "true")
    await expect(project).to_have_accessible_description(re.compile("."))
    await expect(project).to_be_focused()
    await expect(memory).to_have_value("512 MiB")
    assert await alice.stage.web.session_list() == []
    _, preferences = await alice.api("GET", "/api/preferences")
    assert preferences["last"] == {}


async def test_a_closed_node_says_so(alice: Person) -> None:
    """While nobody may start, home tells why, and a launch is refused in a sentence."""
    alice.faults.expect(r"status of (409|503)")
    web = alice.stage.web
    reason = {"reason": "kernel update", "by": "root"}
    assert (await web.call("POST", "/v1/node/cordon", reason)).status == 200
    try:
        await expect(alice.page.get_by_text("kernel update")).to_be_visible()
        dialog = await open_form(alice)
        await dialog.get_by_role("button", name="Launch", exact=True).click()
        await expect(dialog.get_by_role("alert")).to_contain_text("No new sessions")
        await alice.page.keyboard.press("Escape")
    finally:
        await web.call("POST", "/v1/node/undrain", {"by": "root"})
    await expect(alice.page.get_by_text("kernel update")).to_be_hidden()


async def test_a_favourite_comes_first(alice: Person) -> None:
    """Chosen by its star, and still after a reload."""
    page = alice.page
    await expect(tile(page, "Desk")).to_be_visible()
    star = page.get_by_role("button", name="Desk, favourite")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await page.wait_for_load_state("networkidle")
    await page.reload()
    await expect(star).to_have_attribute("aria-pressed", "true")
    first = page.get_by_role("region", name="Launch").get_by_role("listitem").first
    await expect(first).to_contain_text("Desk")


async def test_what_is_filled_in_survives_a_reload(alice: Person) -> None:
    """A form that was not sent is open again, with what was put into it."""
    dialog = await open_form(alice)
    await dialog.get_by_label("Project").fill("mercury")
    await dialog.get_by_label("Name").fill("Not yet")
    await alice.page.reload()
    await expect(dialog.get_by_label("Project")).to_have_value("mercury")
    await expect(dialog.get_by_label("Name")).to_have_value("Not yet")
