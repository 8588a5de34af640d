"""The screen of a session: seen, typed into, resized, copied from and to, left and come back to."""

from __future__ import annotations

import secrets
from functools import partial

import pytest
from playwright.async_api import Page

from tests.browser.acts import given, launch, look, near, picture, screen, steers, until, until_seen
from tests.browser.people import Person
from tests.integration.test_exec import execute
from tests.support.clipboard import PASTING, copying, painting, pasted

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

GREEN = (0x20, 0x90, 0x40)


@pytest.fixture
def marker(alice: Person) -> str:
    """The name of a file in the user's home, which is gone afterwards."""
    return alice.scratch_name()


async def test_what_is_typed_arrives_in_the_container(alice: Person, marker: str) -> None:
    """By keys in the browser to a file in the user's home, which is theirs."""
    await launch(alice, "Typing")
    await steers(alice, marker)
    assert (alice.home / marker).owner() == alice.user


async def test_the_screen_follows_the_window(alice: Person) -> None:
    """The X server has the window's size, also after it has changed."""
    session_id = await given(alice, "Resized")
    await look(alice, session_id)
    for width, height in ((1000, 700), (802, 604)):
        await alice.page.set_viewport_size({"width": width, "height": height})
        await until(partial(has_size, alice, session_id, f"{width}x{height}"), "the size follows")
    await until_seen(alice.page)


async def has_size(person: Person, session_id: str, size: str) -> bool:
    """Whether the session's screen is that large, as its programs see it."""
    command = ["sh", "-c", "xdpyinfo | grep dimensions"]
    told = (await execute(person.stage.web, session_id, command)).body["output"]
    return f" {size} pixels" in told


async def test_the_clipboard_goes_both_ways(alice: Person) -> None:
    """What is copied in the browser can be pasted in the session, and the other way round."""
    await alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    session_id = await given(alice, "Copying")
    await look(alice, session_id)
    inward, outward = secrets.token_hex(8), secrets.token_hex(8)
    web = alice.stage.web
    await execute(web, session_id, copying(outward), wait=False)

    async def came() -> bool:
        return await read_clipboard(alice.page) == outward

    await until(came, "what was copied in the session is here")
    await alice.page.evaluate("text => navigator.clipboard.writeText(text)", inward)
    await screen(alice.page).click(position={"x": 700, "y": 600})

    async def arrived() -> bool:
        return pasted((await execute(web, session_id, PASTING)).body["output"]) == inward

    await until(arrived, "the session has what was copied here")


async def read_clipboard(page: Page) -> str:
    """What another page of this browser would paste."""
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


async def test_a_closed_tab_loses_nothing(alice: Person, marker: str) -> None:
    """The session goes on without it; another tab finds it by its card, as it was left."""
    session_id = await launch(alice, "Left alone")
    await execute(alice.stage.web, session_id, painting(GREEN))
    await alice.page.close()
    await alice.stage.web.when(session_id, lambda seen: seen["viewers"]["control"] == 0)
    alice.page = await alice.context.new_page()
    await alice.page.goto(f"{alice.origin}/")
    await alice.page.get_by_role("link", name="Left alone").click()

    async def is_painted() -> bool:
        shown = await picture(alice.page)
        return near(shown, (shown.width - 5, shown.height - 5), GREEN)

    await until(is_painted, "it is as it was left")
    await steers(alice, marker)


async def test_a_reload_loses_nothing(alice: Person, marker: str) -> None:
    """Neither while it starts, nor while it is seen."""
    web = alice.stage.web
    session_id = await web.start(template="desk", user=alice.user)
    await alice.page.goto(f"{alice.origin}/sessions/{session_id}")
    await alice.page.reload()
    await until_seen(alice.page)
    await alice.page.reload()
    await until_seen(alice.page)
    await steers(alice, marker)
    assert (await web.get(session_id))["phase"] == "running"
