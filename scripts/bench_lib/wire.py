"""HTTP over a Unix socket with next to nothing in between, so that what is timed is the other end.

An agent's callback is a request on a connection of its own, and so is each call here.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    sent_at: float
    """``time.monotonic()`` before the connection was opened."""
    seconds: float
    """From there to the last byte of the answer."""

    def json(self) -> Any:  # noqa: ANN401 any JSON value
        """The body as a JSON value."""
        return json.loads(self.body)


def request_bytes(
    method: str, path: str, headers: Mapping[str, str] | None = None, body: object = None
) -> bytes:
    """A request that lets the server end the connection; ``body`` goes as JSON."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    payload = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return "\r\n".join([*lines, "", ""]).encode() + payload


async def call(path: Path, request: bytes) -> Answer:
    """Send one request and read to the end. Raises OSError, TimeoutError, ValueError."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()
    sent_at = time.monotonic()
    connection = connect(path)
    try:
        connection.send(request)
        received = bytearray()

        def take() -> None:
            try:
                piece = connection.recv(262_144)
            except BlockingIOError:
                return
            except OSError as error:
                loop.remove_reader(connection)
                if not done.done():
                    done.set_exception(error)
                return
            received.extend(piece)
            if not piece:
                loop.remove_reader(connection)
                if not done.done():
                    done.set_result(bytes(received))

        loop.add_reader(connection, take)
        async with asyncio.timeout(CALL_SECONDS):
            raw = await done
    finally:
        loop.remove_reader(connection)
        connection.close()
    seconds = time.monotonic() - sent_at
    head, _, body = raw.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]), body, sent_at, seconds)


def connect(path: Path) -> socket.socket:
    """A connection that does not block. Raises OSError, also when the backlog is full."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


class EventReader(asyncio.Protocol):
    """Follows ``GET /v1/events`` and hands on each event with the time it arrived."""

    def __init__(
        self, on_event: Callable[[float, bytes, bytes], None], after: bytes | None
    ) -> None:
        self.last_id = after
        """Where to go on when the stream was cut off."""
        self._on_event = on_event
        self._buffer = b""
        self._transport: asyncio.BaseTransport | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        path: Path,
        on_event: Callable[[float, bytes, bytes], None],
        after: bytes | None = None,
    ) -> EventReader:
        """Connect and ask. ``on_event(monotonic seconds, event, data)`` is called from now on."""
        loop = asyncio.get_running_loop()
        _, reader = await loop.create_unix_connection(lambda: cls(on_event, after), str(path))
        return reader

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask, by HTTP/1.0: the body is the stream as it is."""
        self._transport = transport
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 a socket's is
        after = b"" if self.last_id is None else b"Last-Event-ID: %s\r\n" % self.last_id
        transport.write(b"GET /v1/events HTTP/1.0\r\nHost: bench\r\n%s\r\n" % after)

    def data_received(self, data: bytes) -> None:
        """Cut into events. The head of the answer passes for an event without data."""
        at = time.monotonic()
        *events, self._buffer = (self._buffer + data).split(b"\n\n")
        for event in events:
            kind, _, rest = event.partition(b"\n")
            if not kind.startswith(b"event: "):
                continue
            number, _, content = rest.rpartition(b"data: ")
            if number:
                self.last_id = number[4:-1]
            self._on_event(at, kind[7:], content)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 over is over
        """The stream is over."""
        if not self.lost.done():
            self.lost.set_result(None)

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.close()
