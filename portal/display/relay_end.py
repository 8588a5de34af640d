"""The relay's end of a display: asks for the upgrade, and says what came of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from portal.display.splice import End

_HEAD_BYTES = 16 * 1024
_BODY_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_CONNECT_SECONDS = 5.0


class NoAnswerError(Exception):
    """What came is no answer, or it did not come."""


@dataclass(slots=True)
class Head:
    """The head of the relay's answer, as it came and taken apart."""

    raw: bytes
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""


class RelayEnd(End):
    """Reads one answer's head (and body, if it is a refusal), then hands on what comes."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._more = asyncio.Event()

    @classmethod
    async def connect(cls, socket: Path) -> RelayEnd:
        """Raises OSError or TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, end = await loop.create_unix_connection(cls, str(socket))
        return end

    def data_received(self, data: bytes) -> None:
        """Asyncio's: keep it for the head, or hand it on."""
        if self.other is not None:
            super().data_received(data)
            return
        self._buffer += data
        self._more.set()
        if len(self._buffer) > _HEAD_BYTES + _BODY_BYTES and self.transport is not None:
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's: nothing more will come."""
        super().connection_lost(exc)
        self._more.set()

    async def ask(self, request: bytes) -> Head:
        """Send a request's head; the head of the answer. Raises NoAnswerError."""
        self.write(request)
        while (end := self._buffer.find(_END_OF_HEAD)) < 0:
            if len(self._buffer) > _HEAD_BYTES:
                raise NoAnswerError("its answer has no end")
            await self._wait()
        raw = bytes(self._buffer[: end + len(_END_OF_HEAD)])
        del self._buffer[: len(raw)]
        return _parsed(raw)

    async def body(self, head: Head) -> bytes:
        """The body of a refusal. Raises NoAnswerError."""
        length = head.headers.get("content-length", "")
        if not length.isdigit() or int(length) > _BODY_BYTES:
            return b""
        while len(self._buffer) < int(length):
            await self._wait()
        return bytes(self._buffer[: int(length)])

    def join(self, other: End) -> None:
        """Hand on to ``other`` from now on, beginning with what is here already."""
        self.other, other.other = other, self
        if self._buffer:
            super().data_received(bytes(self._buffer))
            self._buffer.clear()
        # Either may have been stopped while nobody could take what it sent.
        for end in (self, other):
            if end.transport is not None and not end.lost.done():
                end.transport.resume_reading()

    async def _wait(self) -> None:
        if self.lost.done():
            raise NoAnswerError("the connection broke")
        self._more.clear()
        await self._more.wait()


def _parsed(raw: bytes) -> Head:
    status_line, *lines = raw.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not status.isdigit():
        raise NoAnswerError("it is not HTTP")
    pairs = (line.partition(":") for line in lines if line)
    return Head(raw, int(status), {name.lower(): value.strip() for name, _, value in pairs})


def upgrade_request(path: str, headers: dict[str, str]) -> bytes:
    """A request for a WebSocket. Raises UnicodeEncodeError for what is not ASCII.

    What ends a line cannot be in headers that were read as such.
    """
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


SWITCHING = HTTPStatus.SWITCHING_PROTOCOLS.value
