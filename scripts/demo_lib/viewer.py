"""Looks through the display as the portal's page does: admission, WebSocket, RFB."""

from __future__ import annotations

import asyncio
import pwd
import secrets
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from PIL import Image

from scripts.demo_lib.errors import DemoError
from tests.support.rfb_client import RfbClient, RfbError, WebSocketStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scripts.demo_lib.visitor import Visitor

CONNECT_SECONDS = 15.0
WINDOW_SECONDS = 20.0
TYPED_SECONDS = 5.0
ATTEMPTS = 3
WIDTH = 1280
"""Of the display, as the shipped template has it."""
THUMBNAIL_WIDTH = 320
SCALED = 24
"""How far a colour may be off in a smaller picture."""

COMMAND = (
    "xsetroot -solid rgb:31/47/6b; exec openbox --startup "
    "\"sh -c 'xclock -geometry 200x200-60+40 -bg rgb:df/e6/f0 & "
    "xlogo -geometry 200x200-60+300 -bg rgb:31/47/6b -fg rgb:8f/b4/e8 & "
    "xterm -T Terminal -geometry 92x30+40+40 -fn 9x15 -fg rgb:e8/ed/f4 -bg rgb:16/20/2f; "
    "openbox --exit'\""
)
"""A small desktop: window manager, clock, logo, and the terminal whose end is the session's."""
IN_TERMINAL = (300, 440)
BESIDE_POINTER = (600, 400)
"""In the terminal as well; pictures show the pointer where it was clicked last."""
TERMINAL_COLOUR = (0x16, 0x20, 0x2F)
IN_CLOCK = (1050, 80)
CLOCK_COLOUR = (0xDF, 0xE6, 0xF0)


@asynccontextmanager
async def viewing(visitor: Visitor, session_id: str) -> AsyncIterator[RfbClient]:
    """Be a viewer with control within the block."""
    path = f"/api/sessions/{session_id}/connect"
    admission = await visitor.call("POST", path, {"mode": "control"})
    try:
        async with (
            visitor.http.ws_connect(
                admission["path"], protocols=("binary",), max_msg_size=0
            ) as socket,
            asyncio.timeout(CONNECT_SECONDS) as deadline,
            RfbClient.connect(WebSocketStream(socket)) as screen,
        ):
            deadline.reschedule(None)
            yield screen
    except aiohttp.WSServerHandshakeError as error:
        raise DemoError(f"the display refused the viewer: {error.status} {error.message}") from None
    except RfbError as error:
        raise DemoError(f"the display broke: {error}") from None


async def wait_for_terminal(screen: RfbClient) -> None:
    """Wait until the terminal's window is drawn where it was asked to be."""
    try:
        async with asyncio.timeout(WINDOW_SECONDS):
            await screen.refresh()
            for place, colour in ((IN_TERMINAL, TERMINAL_COLOUR), (IN_CLOCK, CLOCK_COLOUR)):
                await screen.wait_until(partial(_shows, screen, place, colour))
    except TimeoutError:
        raise DemoError(f"no terminal was drawn within {WINDOW_SECONDS:.0f} s.") from None


async def type_into_terminal(screen: RfbClient, user: str) -> Path:
    """Make the terminal create a file in the user's home, and check whose it is.

    Returns the file, which is gone again.
    """
    account = pwd.getpwnam(user)
    made = Path(account.pw_dir) / f"fastx-demo-{secrets.token_hex(4)}"
    await screen.click(*IN_TERMINAL)
    for _ in range(ATTEMPTS):
        await screen.type_text(f"id; touch ~/{made.name}\n")
        if await _appears(made):
            break
    else:
        raise DemoError(f"what was typed into the display did not create {made}.")
    owner = made.stat().st_uid
    made.unlink()
    if owner != account.pw_uid:
        raise DemoError(f"{made} belonged to uid {owner}, not to {user} ({account.pw_uid}).")
    return made


async def picture(screen: RfbClient) -> Image.Image:
    """What the display shows now."""
    async with asyncio.timeout(CONNECT_SECONDS):
        await screen.refresh()
    return screen.image()


async def require_thumbnail(visitor: Visitor, session_id: str) -> tuple[int, int]:
    """Check that the picture on the session's card is of this display; returns its size."""
    shown = await visitor.thumbnail(session_id, THUMBNAIL_WIDTH)
    place = (BESIDE_POINTER[0] * shown.width // WIDTH, BESIDE_POINTER[1] * shown.width // WIDTH)
    colour = shown.getpixel(place)
    if not isinstance(colour, tuple) or any(
        abs(seen - wanted) > SCALED for seen, wanted in zip(colour, TERMINAL_COLOUR, strict=True)
    ):
        raise DemoError(f"the thumbnail does not show the terminal: {colour} at {place}.")
    return shown.size


def _shows(screen: RfbClient, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    return screen.image().getpixel(place) == colour


async def _appears(file: Path) -> bool:
    try:
        async with asyncio.timeout(TYPED_SECONDS):
            while not file.exists():
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
