"""A viewer in front of a session: ticket, WebSocket, RFB, and a terminal to type into."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.rfb_client import RfbClient, WebSocketStream
from tests.support.web_server import WebServer


@asynccontextmanager
async def viewing(
    web: WebServer, session_id: str, ticket: str | None = None, mode: str = "control"
) -> AsyncIterator[RfbClient]:
    """Be admitted, by a new ticket unless one is given."""
    admission = ticket or await web.ticket(session_id, mode=mode)
    async with (
        asyncio.timeout(LONG_SECONDS) as deadline,
        web.http.ws_connect(
            f"/v1/sessions/{session_id}/display",
            params={"ticket": admission},
            protocols=("binary",),
            max_msg_size=0,
        ) as socket,
        RfbClient.connect(WebSocketStream(socket)) as screen,
    ):
        deadline.reschedule(None)
        yield screen


async def wait_for_window(screen: RfbClient) -> None:
    """Wait until more than one colour is to be seen."""
    async with asyncio.timeout(LONG_SECONDS):
        await screen.refresh()
        await screen.wait_until(lambda: screen.image().getcolors(1) is None)


async def type_line(screen: RfbClient, line: str) -> None:
    """Type into the terminal under the pointer, with or without a window manager.

    Returns when the X server has taken the keys.
    """
    async with asyncio.timeout(LONG_SECONDS):
        await screen.point(60, 60)
        await screen.type_text(f"{line}\n")
        await screen.refresh()


async def type_until(screen: RfbClient, line: str, made: Path) -> None:
    """Type a line that makes a file, again if the terminal was not listening yet."""
    for _ in range(3):
        await type_line(screen, line)
        try:
            await eventually(made.exists, f"{line!r} made {made}", within=10)
        except AssertionError:
            continue
        return
    raise AssertionError(f"what was typed never made {made}: {line!r}")
