"""A browser's own connection, handed to the relay (SCM_RIGHTS): from then on nothing passes here.

    GET /v1/handover, Upgrade: fastx-connection           ->  101, or the relay does not know of it
    the display's request, the connection beside it       ->  one line of JSON: what came of it

It is the same open connection in both processes until this one closes its descriptor, and it is
read by one of them at a time: here reading stops before it is handed over.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.request_id import request_headers

_PROTOCOL = "fastx-connection"
_PREPARE_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
"""The relay resumes the session and waits for its agent meanwhile."""
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Handed:
    """The relay has it, and has answered the browser."""

    status: int | None
    """``None``: the browser has left before, or what became of it is not known."""
    problem: bytes
    """The document with which it was refused."""


def can_be_handed(transport: asyncio.Transport) -> bool:
    """Not if this process has to encrypt, or still writes."""
    is_plain = transport.get_extra_info("sslcontext") is None
    return is_plain and not transport.is_closing() and not transport.get_write_buffer_size()


async def hand_over(relay: Path, head: bytes, browser: asyncio.Transport) -> Handed | None:
    """Have the relay answer ``head`` to the browser; ``None``: it stays with us, unanswered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(0)
        if not await _is_awaited(door, relay):
            return None
        browser.pause_reading()
        try:
            socket.send_fds(door, [head], [browser.get_extra_info("socket").fileno()])
        except OSError:
            # Of a connection that can carry none, or at the limit of those under way (unix(7)).
            browser.resume_reading()
            return None
        told = await _told(door)
    if told.get("taken") is False:
        browser.resume_reading()
        return None
    return Handed(told.get("status"), json.dumps(told.get("problem")).encode())


async def _is_awaited(door: socket.socket, relay: Path) -> bool:
    """Whether there is a relay that takes connections; if not, another way says why."""
    loop = asyncio.get_running_loop()
    lines = ["GET /v1/handover HTTP/1.1", "Host: localhost", "Connection: Upgrade"]
    lines += [f"Upgrade: {_PROTOCOL}"]
    lines += [f"{name}: {value}" for name, value in request_headers().items()]
    try:
        async with asyncio.timeout(_PREPARE_SECONDS):
            await loop.sock_connect(door, str(relay))
            await loop.sock_sendall(door, ("\r\n".join(lines) + "\r\n\r\n").encode())
            answer = await _until(door, b"\r\n\r\n")
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 101 ")


async def _told(door: socket.socket) -> dict[str, Any]:
    """What became of it; nothing, if the relay went before it said so."""
    with suppress(OSError, ValueError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            told = json.loads(await _until(door, b"\n"))
        if isinstance(told, dict):
            return told
    return {}


async def _until(door: socket.socket, end: bytes) -> bytes:
    """As far as these bytes, or to where it ends. Raises OSError."""
    loop, read = asyncio.get_running_loop(), b""
    while end not in read and len(read) < _MOST_BYTES:
        data = await loop.sock_recv(door, _MOST_BYTES)
        if not data:
            break
        read += data
    return read
