"""Whether a session can be looked at: admitted, connected, and the first picture is there."""

from __future__ import annotations

import asyncio

import aiohttp

from scripts.chaos_lib.web import Web
from tests.support.rfb_client import RfbClient, RfbError, WebSocketStream

PICTURE_SECONDS = 60.0


async def complaint(web: Web, session_id: str) -> str | None:
    """Look at it; what went wrong, or ``None``."""
    ticket = await web.call("POST", f"/v1/sessions/{session_id}/tickets", {})
    if ticket.status != 201:
        return f"no ticket: {ticket.status} {ticket.text}"
    try:
        async with (
            asyncio.timeout(PICTURE_SECONDS),
            web.http.ws_connect(
                ticket.body["path"], protocols=("binary",), max_msg_size=0
            ) as socket,
            RfbClient.connect(WebSocketStream(socket)) as screen,
        ):
            await screen.refresh()
    except aiohttp.WSServerHandshakeError as error:
        return f"its display was refused: {error.status}"
    except (aiohttp.ClientError, RfbError, OSError) as error:
        return f"its display broke: {error}"
    except TimeoutError:
        return f"no picture in {PICTURE_SECONDS:g} s"
    return None
