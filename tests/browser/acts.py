"""What people do with the pages, by the names that a screen reader would read to them."""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Callable

from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.browser.people import Person
from tests.browser.stage import BACKGROUND, TERMINAL
from tests.support.eventually import eventually

SCREEN_NAME = "Screen of the session"
SCREEN = re.compile(r"/sessions/([0-9a-z]{26})$")
IN_TERMINAL = (120, 150)
"""A place in the terminal's window that nothing is written at."""
CORNER = -5
"""The background: so far from the right and lower edges."""
NEAR = 10
"""Pictures may come as JPEG."""


def card(page: Page, name: str) -> Locator:
    """A living session on home."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name))


def title(page: Page) -> Locator:
    """What the page, or what lies over the screen, is about."""
    return page.get_by_role("heading", level=1)


def tile(page: Page, title: str) -> Locator:
    """What can be launched."""
    return page.get_by_role("button", name=re.compile(rf"^{title} "))


async def open_form(person: Person, title: str = "Desk") -> Locator:
    """Press a tile; the dialog."""
    await tile(person.page, title).click()
    dialog = person.page.get_by_role("dialog", name=title)
    await expect(dialog).to_be_visible()
    return dialog


async def choose(dialog: Locator, name: str) -> None:
    """Press what stands beside a radio button or switch, once the dialog is where it stays."""
    radio, switch = (dialog.page.get_by_role(role, name=name) for role in ("radio", "switch"))
    label = dialog.locator("label").filter(has=radio.or_(switch))
    await label.click()
    await expect(label.get_by_role("radio").or_(label.get_by_role("switch"))).to_be_checked()


async def press_launch(person: Person, dialog: Locator) -> str:
    """Launch by the form; the id of the session, whose screen is gone to."""
    await dialog.get_by_role("button", name="Launch", exact=True).click()
    await person.page.wait_for_url(SCREEN)
    found = SCREEN.search(person.page.url)
    assert found is not None
    return found[1]


async def launch(person: Person, name: str) -> str:
    """A session of the template ``desk``, by its form; its screen is seen."""
    dialog = await open_form(person)
    await dialog.get_by_label("Name").fill(name)
    session_id = await press_launch(person, dialog)
    await until_seen(person.page)
    return session_id


async def given(person: Person, name: str) -> str:
    """A session that runs, started behind the pages' back."""
    session_id = await person.stage.web.start(template="desk", name=name, user=person.user)
    await person.stage.web.until(session_id, "running")
    person.stage.daemon.token(session_id)
    return session_id


async def look(person: Person, session_id: str) -> None:
    """Go to the session's screen, and wait until it is seen."""
    await person.page.goto(f"{person.origin}/sessions/{session_id}")
    await until_seen(person.page)


async def until_connected(page: Page) -> None:
    """Wait until nothing lies over the screen."""
    await page.locator("html[data-state=connected]").wait_for(state="attached")


async def until_seen(page: Page) -> None:
    """Wait until terminal and background are drawn, each where it belongs."""
    await until_connected(page)

    async def drawn() -> bool:
        shown = await picture(page)
        return near(shown, IN_TERMINAL, TERMINAL) and near(
            shown, (shown.width + CORNER, shown.height + CORNER), BACKGROUND
        )

    await eventually(drawn, "the terminal is seen", within=20)


def screen(page: Page) -> Locator:
    """Where the session's screen is: it takes keys, or is a picture to who may only watch."""
    steered = page.get_by_role("application", name=SCREEN_NAME)
    return steered.or_(page.get_by_role("img", name=SCREEN_NAME))


async def picture(page: Page) -> Image.Image:
    """The screen as it is shown."""
    return Image.open(io.BytesIO(await screen(page).screenshot())).convert("RGB")


def near(shown: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Whether that pixel is about of this colour."""
    pixel = shown.getpixel(place)
    assert isinstance(pixel, tuple)
    return all(abs(seen - wanted) <= NEAR for seen, wanted in zip(pixel, colour, strict=True))


async def type_line(page: Page, line: str) -> None:
    """Point at the terminal and type."""
    await screen(page).click(position={"x": IN_TERMINAL[0], "y": IN_TERMINAL[1]})
    await page.keyboard.type(f"{line}\n")


async def steers(person: Person, marker: str) -> None:
    """Check that what is typed arrives: a file appears in the user's home."""
    made = person.home / marker
    await type_line(person.page, f"touch {marker}")
    await eventually(made.exists, f"{made} is made", within=20)


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for what pages, or sessions, come to by themselves."""
    await eventually(condition, what, within=30)
