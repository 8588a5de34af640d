"""A reader of the event stream that never reads: cut off, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import suppress

from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Part
from scripts.chaos_lib.scene import TOLD_SECONDS, Fault, Scene
from scripts.chaos_lib.tally import Kind

CHANGES = 1500
"""More than a socket's buffers and the daemon's bounds hold."""
CUT_OFF_SECONDS = 120.0
_REQUESTS = {
    "stream": b"GET /v1/events HTTP/1.1\r\nHost: fx\r\n\r\n",
    "web socket": (
        b"GET /v1/events HTTP/1.1\r\nHost: fx\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ),
}


async def _never_read(scene: Scene) -> None:
    (running,) = await scene.run(Part.PLAIN)
    stuck = {name: _connected(scene, request) for name, request in _REQUESTS.items()}
    scene.line.faults += len(stuck)
    loop = asyncio.get_running_loop()
    longest = 0.0
    try:
        for number in range(CHANGES):
            body = {"name": f"name {number}"}
            answer = await scene.stage.web.call("PATCH", f"/v1/sessions/{running.id}", body)
            answered = loop.time()
            await _heard(scene, running, answer.body["version"])
            longest = max(longest, loop.time() - answered)
        scene.line.note = f"the others waited {longest * 1000:.0f} ms at most for news"
        for name, connection in stuck.items():
            if not await _is_cut_off(connection):
                text = f"a {name} that nobody reads is open after {CUT_OFF_SECONDS:g} s"
                scene.wrong(Kind.UNTRUE, text)
    finally:
        for connection in stuck.values():
            connection.close()


async def _heard(scene: Scene, record: Record, version: int) -> None:
    """Wait until the reader that does read has been told."""
    history = scene.stage.reader.history
    told = history.sessions[record.id or ""]
    if not await history.until(lambda: told.version >= version, TOLD_SECONDS):
        scene.wrong(Kind.LOST, f"session {record.id}: version {version} was not told")


def _connected(scene: Scene, request: bytes) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(scene.stage.daemon.socket))
    connection.sendall(request)
    connection.setblocking(False)  # noqa: FBT003 the name says it
    return connection


async def _is_cut_off(connection: socket.socket) -> bool:
    """Without reading: that would set it free. Its other end is closed, or it is not."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CUT_OFF_SECONDS):
            while not _is_hung_up(connection):
                await asyncio.sleep(0.2)
            return True
    return False


def _is_hung_up(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))


FAULTS = (
    Fault(
        name="reader-stuck",
        what="readers of the event stream that take nothing",
        inflict=_never_read,
    ),
)
