"""Fingers on a touch screen, and whether what they are to hit is large enough."""

from __future__ import annotations

from typing import Any

from playwright.async_api import CDPSession

from tests.browser.people import Person

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
LEAST_TARGET = 24  # WCAG 2.2, 2.5.8

Place = tuple[float, float]

# Of what can be hit: a radio button that nobody sees is hit by its label; a link in a sentence is
# as large as its line; what lies under a dialog cannot be hit.
_SMALL = """
async (least) => {
  const ends = (animation) => animation.effect.getComputedTiming().endTime < Infinity;
  const moving = document.getAnimations().filter(ends);
  await Promise.allSettled(moving.map((animation) => animation.finished));
  const open = [...document.querySelectorAll("dialog[open]")].at(-1);
  const within = document.querySelector(":popover-open") ?? open ?? document;
  const hit = "a[href], button, input, select, textarea, summary, [role=menuitem], [role=option]";
  const name = (e) => `${e.tagName} ${e.getAttribute("aria-label") ?? e.textContent.trim()}`;
  return [...within.querySelectorAll(hit)]
    .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest("[inert]"))
    .filter((e) => !e.matches("[aria-hidden=true], .typing") && !e.closest("p, td"))
    .map((e) => (e.matches("[type=radio], [type=checkbox]") && e.closest("label")) || e)
    .map((e) => [name(e), e.getBoundingClientRect()])
    .filter(([, {width, height}]) => width > 0 && Math.min(width, height) < least)
    .map(([what, {width, height}]) => `${what}: ${width} x ${height}`);
}
"""
# Phones enlarge a page whose field gets the focus and has less than 16 pixels.
_ENLARGING = """
() => [...document.querySelectorAll("textarea, select, input")]
  .filter((field) => field.checkVisibility())
  .filter((field) => !["range", "radio", "checkbox"].includes(field.type))
  .filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16)
  .map((field) => `${field.className} ${getComputedStyle(field).fontSize}`)
"""


class Fingers:
    """All that touch the page; they are down together, and come off together."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    @classmethod
    async def of(cls, person: Person) -> Fingers:
        """Those of this person, on the page that they look at."""
        return cls(await person.context.new_cdp_session(person.page))

    async def down(self, *places: Place) -> None:
        """Put one on each of these places of the window."""
        await self._touch("touchStart", places)

    async def move(self, *places: Place) -> None:
        """Let each go to its next place, in the same order."""
        await self._touch("touchMove", places)

    async def up(self) -> None:
        """Take them off."""
        await self._touch("touchEnd", ())

    async def tap(self, *places: Place) -> None:
        """Touch for a moment."""
        await self.down(*places)
        await self.up()

    async def _touch(self, kind: str, places: tuple[Place, ...]) -> None:
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        await self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def require_usable_by_touch(person: Person, what: str) -> None:
    """Raise AssertionError if a page has to be moved sideways, or something is hard to hit."""
    wide = await person.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{what} can be moved sideways by {wide} pixels"
    small = await person.page.evaluate(_SMALL, LEAST_TARGET)
    assert not small, "\n".join(f"{what}: {each}" for each in small)
    enlarging = await person.page.evaluate(_ENLARGING)
    assert not enlarging, "\n".join(f"{what}, a field: {each}" for each in enlarging)
