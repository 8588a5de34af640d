"""A phone: fingers on the screen of a session, its toolbar, and a keyboard on the glass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import given, look, screen, until
from tests.browser.people import Person, person
from tests.browser.pointer import Pointer, Turn
from tests.browser.stage import Stage
from tests.browser.touch import PHONE, Fingers, Place, require_usable_by_touch

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

FREE = (180.0, 500.0)
"""A place of the window that is on the background, below terminal and toolbar."""
TERMINAL = (300.0, 150.0)
"""A place in the terminal that nothing is written at."""
LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN = 1, 2, 3, 4, 5


@pytest_asyncio.fixture(loop_scope="session")
async def owner(stage: Stage) -> AsyncIterator[Person]:
    """Somebody with a phone, who has signed in."""
    async with person(stage, stage.user, **PHONE) as somebody:
        await somebody.sign_in()
        yield somebody


@pytest_asyncio.fixture(loop_scope="session")
async def pointer(owner: Person) -> Pointer:
    """That of a session which is on the phone's screen."""
    session_id = await given(owner, "In the hand")
    watched = Pointer(owner.stage.web, session_id)
    await watched.watch()
    await look(owner, session_id)
    return watched


def times(turns: Sequence[Turn], button: int, *, down: bool = True) -> int:
    """How often this button went down, or up."""
    return sum(turn.button == button and turn.down == down for turn in turns)


async def in_session(owner: Person, place: Place) -> Place:
    """Which pixel of the session is shown at that place of the window."""
    canvas = screen(owner.page)
    box = await canvas.bounding_box()
    assert box is not None
    width = await canvas.evaluate("canvas => canvas.width")
    assert width > box["width"], "the picture is scaled down"
    scale = width / box["width"]
    return (place[0] - box["x"]) * scale, (place[1] - box["y"]) * scale


async def test_a_tap_is_a_click_where_it_is(owner: Person, pointer: Pointer) -> None:
    """The picture is scaled down; the click is at the pixel that was under the finger."""
    await owner.page.touchscreen.tap(*FREE)
    turns = await pointer.until(lambda seen: times(seen, LEFT, down=False), "a click arrives")
    assert [(turn.button, turn.down) for turn in turns] == [(LEFT, True), (LEFT, False)]
    for seen, wanted in zip((turns[0].x, turns[0].y), await in_session(owner, FREE), strict=True):
        assert abs(seen - wanted) <= 2


async def test_a_long_press_is_the_right_button(owner: Person, pointer: Pointer) -> None:
    """Held for as long as the finger is."""
    fingers = await Fingers.of(owner)
    await fingers.down(FREE)
    turns = await pointer.until(lambda seen: times(seen, RIGHT), "the right button goes down")
    assert len(turns) == 1
    await fingers.up()
    turns = await pointer.until(lambda seen: times(seen, RIGHT, down=False), "it is let go")
    assert len(turns) == 2


async def test_fingers_together_are_the_other_buttons(owner: Person, pointer: Pointer) -> None:
    """Two are the right one, three the middle one."""
    fingers = await Fingers.of(owner)
    x, y = FREE
    await fingers.tap((x - 40, y), (x + 40, y))
    turns = await pointer.until(lambda seen: times(seen, RIGHT, down=False), "a right click")
    assert len(turns) == 2
    await fingers.tap((x - 60, y), (x, y), (x + 60, y))
    turns = await pointer.until(lambda seen: times(seen, MIDDLE, down=False), "a middle click")
    assert len(turns) == 4


async def test_two_fingers_moved_scroll(owner: Person, pointer: Pointer) -> None:
    """What is below comes when they go up, as on any page of a phone; and back."""
    fingers = await Fingers.of(owner)
    await drag(fingers, -200)
    turns = await pointer.until(lambda seen: times(seen, WHEEL_DOWN) >= 2, "the wheel turns down")
    assert {turn.button for turn in turns} == {WHEEL_DOWN}
    await drag(fingers, 200)
    turns = await pointer.until(lambda seen: times(seen, WHEEL_UP) >= 2, "the wheel turns up")
    assert {turn.button for turn in turns} == {WHEEL_DOWN, WHEEL_UP}


async def drag(fingers: Fingers, way: float) -> None:
    """Move two of them together, so far downwards."""
    x, y = FREE
    await fingers.down((x - 30, y), (x + 30, y))
    for step in range(1, 9):
        now = y + way * step / 8
        await fingers.move((x - 30, now), (x + 30, now))
    await fingers.up()


async def open_toolbar(owner: Person) -> Locator:
    """By its handle, once it has closed by itself."""
    bar = owner.page.get_by_role("toolbar", name="Session")
    await expect(bar).to_be_hidden()
    await owner.page.get_by_role("button", name="Toolbar").tap()
    await expect(bar).to_be_visible()
    return bar


async def test_a_keyboard_on_the_glass_types(owner: Person) -> None:
    """One button of the toolbar raises it; texts, corrections and Enter arrive; a tap leaves it."""
    await look(owner, await given(owner, "On the glass"))
    marker = owner.scratch_name()
    bar = await open_toolbar(owner)
    await bar.get_by_role("button", name="On-screen keyboard").tap()
    field = owner.page.get_by_role("textbox", name="Text for the session")
    await expect(field).to_be_focused()
    await owner.page.touchscreen.tap(*FREE)
    await expect(field).to_be_focused()
    await owner.page.touchscreen.tap(*TERMINAL)
    glass = await owner.context.new_cdp_session(owner.page)
    # Such a keyboard shows what it takes a word for, and puts another in its place.
    for guess in ("t", "to", "tou"):
        shown = {"text": guess, "selectionStart": len(guess), "selectionEnd": len(guess)}
        await glass.send("Input.imeSetComposition", shown)
    await glass.send("Input.insertText", {"text": "touch"})
    await glass.send("Input.insertText", {"text": f" {marker}x"})
    await owner.page.keyboard.press("Backspace")
    await owner.page.keyboard.press("Enter")

    async def made() -> bool:
        return (owner.home / marker).exists()

    await until(made, "what is typed arrives")
    await open_toolbar(owner)
    await expect(field).to_be_focused()
    await bar.get_by_role("button", name="On-screen keyboard").tap()
    await expect(field).not_to_be_focused()


async def test_the_toolbar_is_for_fingers(owner: Person) -> None:
    """It opens by its handle; its buttons, panels and menus are within the window and large."""
    await look(owner, await given(owner, "Steered by hand"))
    bar = await open_toolbar(owner)
    await require_usable_by_touch(owner, "the toolbar")
    await require_accessible(owner, "the toolbar on a phone")
    for name in ("Keys", "Clipboard", "Connection", "Connected people", "More"):
        button = bar.get_by_role("button", name=name)
        await button.tap()
        opened = owner.page.locator(":popover-open")
        await expect(opened).to_be_visible()
        await require_within(owner, opened, name)
        await require_usable_by_touch(owner, name)
        await require_accessible(owner, f"{name} on a phone")
        await owner.page.touchscreen.tap(180, 735)
        await expect(opened).to_be_hidden()


async def require_within(owner: Person, shown: Locator, what: str) -> None:
    """Raise AssertionError if a part of it is outside the window."""
    box, window = await shown.bounding_box(), owner.page.viewport_size
    assert box is not None
    assert window is not None
    assert 0 <= box["x"] <= window["width"] - box["width"], f"{what}: {box}"
    assert 0 <= box["y"] <= window["height"] - box["height"], f"{what}: {box}"
