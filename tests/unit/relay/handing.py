"""A web server that hands its viewers' connections over, as the tests go it."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.relay.conftest import House

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
FORWARDED = "192.0.2.7"


def head_of(path: str, *lines: str) -> bytes:
    """A display's request, in the web server's words."""
    wanted = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    wanted += [f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Protocol: binary"]
    wanted += [f"X-Forwarded-For: {FORWARDED}", *lines]
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *wanted, "", ""]).encode()


async def door_of(relay: Path, stack: ExitStack) -> socket.socket:
    """A connection to the web server's socket on which one can be handed over."""
    loop = asyncio.get_running_loop()
    door = stack.enter_context(socket.socket(socket.AF_UNIX))
    door.settimeout(0)
    await loop.sock_connect(door, str(relay))
    asked = ["GET /v1/handover HTTP/1.1", "Host: localhost", "Connection: Upgrade"]
    await loop.sock_sendall(
        door, "\r\n".join([*asked, "Upgrade: fastx-connection", "", ""]).encode()
    )
    async with asyncio.timeout(10):
        assert (await loop.sock_recv(door, 4096)).startswith(b"HTTP/1.1 101 ")
    return door


async def told(door: socket.socket) -> dict[str, Any]:
    """What the relay says of it."""
    said = b""
    async with asyncio.timeout(10):
        while not said.endswith(b"\n"):
            piece = await asyncio.get_running_loop().sock_recv(door, 65536)
            assert piece, "the relay has gone without a word"
            said += piece
    answer: dict[str, Any] = json.loads(said)
    return answer


async def handing(house: House, head: bytes, *descriptors: int) -> dict[str, Any]:
    """Hand these over, with this head; what the relay says of it."""
    with ExitStack() as stack:
        door = await door_of(house.config.web_socket, stack)
        if descriptors:
            socket.send_fds(door, [head], descriptors)
        else:
            door.send(head)
        return await told(door)


@dataclass
class Front:
    """A web server that has accepted a viewer: the viewer's end, and its own."""

    viewer: socket.socket
    accepted: socket.socket

    async def heard(self, *, until: bytes = b"", count: int = 0) -> bytes:
        """What the viewer gets, up to these bytes, or so many, or to the end."""
        heard, loop = b"", asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while not (until and heard.endswith(until)) and not 0 < count <= len(heard):
                if not (piece := await loop.sock_recv(self.viewer, 1 if until else 65536)):
                    break
                heard += piece
        return heard


def over_tcp(stack: ExitStack, _directory: Path) -> Front:
    """A browser's connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return _accepted(stack, listening, socket.create_connection(listening.getsockname()))


def over_unix(stack: ExitStack, directory: Path) -> Front:
    """That of a proxy on this host."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(directory / "front.sock"))
        listening.listen()
        dialled = socket.socket(socket.AF_UNIX)
        dialled.connect(listening.getsockname())
        return _accepted(stack, listening, dialled)


def _accepted(stack: ExitStack, listening: socket.socket, viewer: socket.socket) -> Front:
    accepted, _ = listening.accept()
    stack.enter_context(accepted)
    stack.enter_context(viewer)
    viewer.settimeout(0)
    return Front(viewer, accepted)
