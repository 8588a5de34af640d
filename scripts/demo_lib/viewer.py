"""Looks through the display as a browser would: ticket, WebSocket, RFB."""

from __future__ import annotations

import asyncio
import pwd
import secrets
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from scripts.demo_lib.errors import DemoError
from tests.support.rfb_client import RfbClient, RfbError, WebSocketStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scripts.demo_lib.web import WebClient

CONNECT_SECONDS = 15.0
WINDOW_SECONDS = 20.0
TYPED_SECONDS = 5.0
ATTEMPTS = 3


@asynccontextmanager
async def viewing(web: WebClient, session_id: str) -> AsyncIterator[RfbClient]:
    """Be a viewer with control within the block."""
    path = f"/v1/sessions/{session_id}"
    ticket = await web.call("POST", f"{path}/tickets", {"mode": "control"})
    try:
        async with (
            web.http.ws_connect(
                f"{path}/display",
                params={"ticket": ticket["ticket"]},
                protocols=("binary",),
                max_msg_size=0,
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


async def wait_for_window(screen: RfbClient) -> None:
    """Wait until something is drawn: more than the background's one colour."""
    try:
        async with asyncio.timeout(WINDOW_SECONDS):
            await screen.refresh()
            await screen.wait_until(lambda: not _is_blank(screen))
    except TimeoutError:
        raise DemoError(f"the display stayed blank for {WINDOW_SECONDS:.0f} s.") from None


async def type_into_terminal(screen: RfbClient, user: str) -> Path:
    """Make the terminal create a file in the user's home, and check whose it is.

    Returns the file, which is gone again.
    """
    account = pwd.getpwnam(user)
    made = Path(account.pw_dir) / f"fastx-demo-{secrets.token_hex(4)}"
    # There is no window manager: the keyboard follows the pointer.
    await screen.point(60, 60)
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


async def save_picture(screen: RfbClient, file: Path) -> None:
    """Write what the display shows as PNG."""
    async with asyncio.timeout(CONNECT_SECONDS):
        await screen.refresh()
    file.parent.mkdir(parents=True, exist_ok=True)
    screen.image().save(file)


def _is_blank(screen: RfbClient) -> bool:
    return screen.image().getcolors(1) is not None


async def _appears(file: Path) -> bool:
    try:
        async with asyncio.timeout(TYPED_SECONDS):
            while not file.exists():
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
