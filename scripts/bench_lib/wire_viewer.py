"""A viewer that costs next to nothing: RFB over a WebSocket, framed but not looked at.

Blocking sockets and one buffer for all, so that what is timed is the way to the display. The same
code stands in front of the relay and of whatever it is compared with.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

Address = tuple[str, int] | Path
PATIENCE_SECONDS = 30.0
_BUFFER = bytearray(1024 * 1024)
_PING, _CLOSE = 0x9, 0x8
_RAW, _COPY_RECT = 0, 1
# 32 bits a pixel as the X server has them: nothing is converted.
_PIXEL_FORMAT = struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


@dataclass(frozen=True, slots=True)
class Way:
    """Where a display is, and what admits to it."""

    address: Address
    path: str
    cookie: str = ""

    @property
    def origin(self) -> str:
        """What a browser would say that its page is of."""
        if isinstance(self.address, Path):
            return "http://bench"
        return f"http://{self.address[0]}:{self.address[1]}"


class WireViewer:
    """One viewer, made by ``open``."""

    def __init__(self, way: Way) -> None:
        self._socket = _connect(way.address)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._early = _upgrade(self._socket, way)
        self._head = bytearray()
        self._frame_left = 0
        self._is_control = False
        self._taken = bytearray()
        self._reading = self._read()
        self._wanted = next(self._reading)
        self.size = (0, 0)
        self.bytes = 0
        """Of RFB, received so far."""
        self.begun = 0
        self.updates = 0
        """Framebuffer updates that came, and that came to their end."""

    @classmethod
    def open(cls, way: Way) -> WireViewer:
        """Be let in, and have seen the whole picture once. Raises OSError."""
        viewer = cls(way)
        viewer._walk(memoryview(viewer._early))
        viewer.take_until(lambda: viewer.size != (0, 0))
        viewer.send(_PIXEL_FORMAT + struct.pack(">BxHii", 2, 2, _COPY_RECT, _RAW))
        viewer.ask(whole=True)
        viewer.take_until(lambda: viewer.updates > 0)
        return viewer

    def fileno(self) -> int:
        """For selectors."""
        return self._socket.fileno()

    def close(self) -> None:
        """Leave without a word."""
        self._socket.close()

    def send(self, message: bytes) -> None:
        """One binary message; the mask is of zeros, which leave it as it is."""
        length = len(message)
        head = struct.pack(">BB", 0x82, 0x80 | length) if length < 126 else b""
        if not head:
            raise ValueError("a viewer's messages are short")
        self._socket.sendall(head + bytes(4) + message)

    def ask(self, *, whole: bool = False) -> None:
        """Request an update: of what has changed, or all of it."""
        self.send(struct.pack(">BBHHHH", 3, not whole, 0, 0, *self.size))

    def press(self, keysym: int) -> None:
        """Press and release a key."""
        self.send(struct.pack(">BBxxI", 4, 1, keysym) + struct.pack(">BBxxI", 4, 0, keysym))

    def point(self, x: int, y: int) -> None:
        """Move the pointer."""
        self.send(struct.pack(">BBHH", 5, 0, x, y))

    def take(self) -> None:
        """Wait for bytes and take what there is. Raises OSError."""
        count = self._socket.recv_into(_BUFFER)
        if not count:
            raise ConnectionResetError("the display's connection was ended")
        self._walk(memoryview(_BUFFER)[:count])

    def take_until(self, holds: Callable[[], bool]) -> None:
        """Take until it holds. Raises OSError."""
        while not holds():
            self.take()

    def follow(self, seconds: float) -> None:
        """Ask for what changes, and take what comes for so long."""
        end = time.monotonic() + seconds
        self.ask()
        with selectors.DefaultSelector() as ready:
            ready.register(self, selectors.EVENT_READ)
            while (left := end - time.monotonic()) > 0:
                updates = self.updates
                if ready.select(left):
                    self.take()
                if self.updates > updates:
                    self.ask()

    # -- frames

    def _walk(self, view: memoryview) -> None:
        at, end = 0, len(view)
        while at < end:
            if not self._frame_left:
                at = self._begin_frame(view, at)
                continue
            part = view[at : at + self._frame_left]
            at += len(part)
            self._frame_left -= len(part)
            if not self._is_control:
                self._feed(part)

    def _begin_frame(self, view: memoryview, at: int) -> int:
        head = self._head
        while at < len(view):
            head.append(view[at])
            at += 1
            size = 2 if len(head) < 2 else 2 + {126: 2, 127: 8}.get(head[1], 0)
            if len(head) == size >= 2 and len(head) > 1:
                length = int.from_bytes(head[2:]) if size > 2 else head[1]
                opcode = head[0] & 0xF
                head.clear()
                if opcode == _CLOSE:
                    raise ConnectionResetError("the display was closed")
                self._is_control = opcode >= _CLOSE
                if opcode == _PING:
                    self._socket.sendall(b"\x8a\x80" + bytes(4))
                self._frame_left = length
                break
        return at

    # -- RFB

    def _feed(self, view: memoryview) -> None:
        self.bytes += len(view)
        at, end = 0, len(view)
        while at < end:
            wanted = self._wanted
            if wanted < 0:
                passed = min(-wanted, end - at)
                at += passed
                self._wanted = wanted + passed or self._reading.send(b"")
                continue
            part = view[at : at + wanted - len(self._taken)]
            at += len(part)
            self._taken += part
            if len(self._taken) == wanted:
                taken = bytes(self._taken)
                self._taken.clear()
                self._wanted = self._reading.send(taken)

    def _read(self) -> Generator[int, bytes, None]:
        """Ask for the next bytes: as many as that to be looked at, or, negative, to pass."""
        version = yield 12
        self.send(version)
        yield (yield 1)[0]
        self.send(b"\x01")
        yield 4
        self.send(b"\x01")
        width, height, name_bytes = struct.unpack(">HH16xI", (yield 24))
        if name_bytes:
            yield -name_bytes
        self.size = (width, height)
        while True:
            match (yield 1)[0]:
                case 0:
                    self.begun += 1
                    (count,) = struct.unpack(">xH", (yield 3))
                    for _ in range(count):
                        width, height, encoding = struct.unpack(">4xHHi", (yield 12))
                        size = 4 if encoding == _COPY_RECT else 4 * width * height
                        if size:
                            yield -size
                    self.updates += 1
                case 2:
                    pass
                case 3:
                    (length,) = struct.unpack(">3xI", (yield 7))
                    if length:
                        yield -length
                case kind:
                    raise ConnectionAbortedError(f"an unknown message of RFB ({kind})")


def watch(viewers: Sequence[WireViewer], seconds: float) -> int:
    """Let all of them follow a display for so long; the updates that came to them together."""
    before = sum(viewer.updates for viewer in viewers)
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as ready:
        for viewer in viewers:
            ready.register(viewer, selectors.EVENT_READ, viewer)
            viewer.ask()
        while (left := end - time.monotonic()) > 0:
            for key, _ in ready.select(left):
                viewer = key.data
                updates = viewer.updates
                viewer.take()
                if viewer.updates > updates:
                    viewer.ask()
    return sum(viewer.updates for viewer in viewers) - before


def _connect(address: Address) -> socket.socket:
    if isinstance(address, Path):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(address))
        return connection
    connection = socket.create_connection(address, PATIENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _upgrade(connection: socket.socket, way: Way) -> bytes:
    """Become a WebSocket; what came behind the answer. Raises OSError."""
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET {way.path} HTTP/1.1\r\nHost: {way.origin.partition('//')[2]}\r\n"
        f"Origin: {way.origin}\r\n"
        f"Cookie: {way.cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: binary\r\n\r\n".encode()
    )
    answer = bytearray()
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionResetError(f"no WebSocket: {bytes(answer[:200])!r}")
        answer += piece
    head, _, early = bytes(answer).partition(b"\r\n\r\n")
    if b" 101 " not in head[:20]:
        raise ConnectionResetError(f"no WebSocket: {bytes(answer[:300])!r}")
    return early
