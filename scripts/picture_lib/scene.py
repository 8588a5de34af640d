"""What is to be seen: a desktop, a terminal, one put aside, one that is over."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from scripts.demo_lib.viewer import COMMAND
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from scripts.demo_lib.web import WebClient

SIMULATION = r"""
exec xterm -fa 'DejaVu Sans Mono' -fs 13 -bg '#16202f' -fg '#e8edf4' -bw 0 +sb -e sh -c '
perl -e "printf qq(step %5d  energy %.4f  residual %.1e\n), 250*\$_, -1842-3/\$_, .5**\$_ for 1..14"
exec bash'
"""
SESSIONS: tuple[dict[str, Any], ...] = (
    {"template": "xfce", "name": "Desktop", "geometry": "1280x800"},
    {"template": "opengl", "name": "Gears", "geometry": "800x500"},
    {"template": "docker", "name": "Old friends", "geometry": "1280x800", "command": COMMAND},
    {"template": "docker", "name": "Simulation", "geometry": "800x500", "command": SIMULATION},
)
ASIDE, OVER = "Gears", "Letters"
WITHIN_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 3.0


@asynccontextmanager
async def play(web: WebClient, user: str, page: Page) -> AsyncIterator[None]:
    """Have it all on the page within the block; afterwards every session is gone."""
    ids: dict[str, str] = {}
    try:
        for wanted in ({"template": "terminal", "name": OVER}, *SESSIONS):
            session = await web.call("POST", "/v1/sessions", {"user": user, **wanted})
            ids[session["name"]] = session["id"]
        for session_id in ids.values():
            await _until(web, session_id, "running")
        await web.call("POST", f"/v1/sessions/{ids[OVER]}/terminate")
        await _until(web, ids[OVER], "ended")
        await _at_rest(page)
        await web.call("POST", f"/v1/sessions/{ids[ASIDE]}/suspend")
        await _until(web, ids[ASIDE], "suspended")
        await _at_rest(page)
        yield
    finally:
        for session_id in ids.values():
            await web.call("DELETE", f"/v1/sessions/{session_id}")


async def _until(web: WebClient, session_id: str, phase: str) -> None:
    async def reached() -> bool:
        return bool((await web.call("GET", f"/v1/sessions/{session_id}"))["phase"] == phase)

    await eventually(reached, f"{session_id} is {phase}", within=WITHIN_SECONDS)


async def _at_rest(page: Page) -> None:
    """Wait until every card has its picture, and nothing on the page moves any more."""
    last = b""

    async def rests() -> bool:
        nonlocal last
        pictured = await page.locator("img.card-picture:visible").count() >= len(SESSIONS)
        before, last = last, await page.screenshot()
        if pictured and before == last:
            return True
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return False

    await eventually(rests, "the page rests", within=WITHIN_SECONDS)
