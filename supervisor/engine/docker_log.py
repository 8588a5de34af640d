"""A container's log as Docker Engine sends it: both outputs in one stream, each piece with a head.

    output (1 byte)   3 zero bytes   size (4 bytes, big endian)   so many bytes

1 is standard output, 2 standard error, 3 the engine's own complaint (Engine API, "Attach to a
container"). A container with a terminal has one output and no heads. aiodocker's own reading takes
a lost connection for the end of the log and keeps a piece until it is complete.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import aiodocker
import aiohttp
from aiodocker.exceptions import DockerError

from supervisor.engine.docker_errors import CONFLICT, NOT_FOUND, translated
from supervisor.errors import EngineError, LogUnavailableError

NOT_IMPLEMENTED = 501

_HEAD = struct.Struct(">BxxxI")
_COMPLAINT = 3
_COMPLAINT_BYTES = 1024


class Demultiplexer:
    """The outputs without the heads, from pieces cut anywhere."""

    def __init__(self) -> None:
        self._head = b""
        self._output = 0
        self._left = 0

    def feed(self, piece: bytes) -> bytes:
        """What the container printed of it. Raises EngineError for a complaint of the engine."""
        found: list[bytes] = []
        at = 0
        while at < len(piece):
            if not self._left:
                taken = piece[at : at + _HEAD.size - len(self._head)]
                at += len(taken)
                self._head += taken
                if len(self._head) < _HEAD.size:
                    break
                self._output, self._left = _HEAD.unpack(self._head)
                self._head = b""
                continue
            part = piece[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            if self._output == _COMPLAINT:
                reason = part[:_COMPLAINT_BYTES].decode(errors="replace").strip()
                raise EngineError(f"The Docker Engine cannot read on in the log: {reason}")
            found.append(part)
        return b"".join(found)


@asynccontextmanager
async def open_log(  # noqa: PLR0913 the parts of a request
    client: aiodocker.Docker,
    container_id: str,
    *,
    terminal: bool,
    tail: int | None,
    follow: bool,
    answer_seconds: float,
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The log in pieces, once the engine has agreed to send it. See ``base.Engine.read_log``.

    ``answer_seconds`` is for the agreement; where the log is not followed, for each piece as well.
    """
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=answer_seconds, sock_read=None if follow else answer_seconds
    )
    url = f"{client.docker_host}/containers/{container_id}/logs"
    wish = {
        "stdout": "1",
        "stderr": "1",
        "follow": "1" if follow else "0",
        "tail": "all" if tail is None else str(tail),
    }
    with translated():
        async with asyncio.timeout(answer_seconds):
            response = await client.session.get(url, params=wish, timeout=timeout)
    try:
        await _require_log(response)
        async with aclosing(_pieces(response, None if terminal else Demultiplexer())) as pieces:
            yield pieces
    finally:
        response.close()


async def _pieces(
    response: aiohttp.ClientResponse, demultiplexer: Demultiplexer | None
) -> AsyncGenerator[bytes, None]:
    with translated():
        async for piece in response.content.iter_any():
            printed = demultiplexer.feed(piece) if demultiplexer else piece
            if printed:
                yield printed


async def _require_log(response: aiohttp.ClientResponse) -> None:
    """Raise what the engine's refusal means."""
    if response.status < 300:
        return
    with translated():
        message = str((await response.json(content_type=None)).get("message", ""))
    if response.status == NOT_IMPLEMENTED:
        raise LogUnavailableError(
            "The log of this session cannot be read: the logging driver of its container does not "
            "allow it. Set logging.driver in the template to one that does (json-file, local, "
            "journald); it holds for sessions that start from then on."
        )
    if response.status in (NOT_FOUND, CONFLICT):
        # Conflict: it is just being removed.
        raise EngineError(f"There is no such container: {message}", status=NOT_FOUND)
    with translated():
        raise DockerError(response.status, message)
