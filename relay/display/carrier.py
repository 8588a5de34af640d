"""Pictures from an X server's own socket to a viewer's WebSocket, next to untouched.

A piece is read into a buffer behind the room for a frame's head, and written from there: no copy,
no task and no message between the two calls. The buffer is one for all viewers whose connections
take what they are given; one that does not keeps its buffer until it has taken it, and nothing
more is read for it meanwhile. What a sieve has to look at is copied; the insides of pictures, most
of all that comes, are not.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence

from relay.agents.passed_socket import PassedSocket
from relay.display.rfb_server import ServerStream
from relay.display.rfb_terms import RfbError
from relay.display.sieves import sift_server, sift_turn

_PIECE_BYTES = 256 * 1024
_HEAD_BYTES = 10
_FINAL_BINARY = 0x82
_MOST_FREE = 4


class Buffers:
    """Those that nobody needs at the moment."""

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        """One with room for a head and a piece."""
        return self._free.pop() if self._free else bytearray(_HEAD_BYTES + _PIECE_BYTES)

    def give_back(self, buffer: bytearray) -> None:
        """It is not needed any more."""
        if len(self._free) < _MOST_FREE:
            self._free.append(buffer)


class Carrier:
    """One display's way out; with a ``sieve`` only what that lets through."""

    def __init__(
        self,
        source: PassedSocket,
        transport: asyncio.Transport,
        buffers: Buffers,
        sieve: ServerStream | None,
        on_carried: Callable[[int], None],
    ) -> None:
        self._source = source
        self._transport = transport
        self._buffers = buffers
        self._sieve = sieve
        self._on_carried = on_carried
        self._stopped = asyncio.Event()
        self._ended = False
        self._error: RfbError | None = None
        self._pending: bytearray | None = None
        """What the connection has not taken whole."""
        self._left = b""
        """What was too much for the sieve to look at in one turn."""

    async def run(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Carry until the X server's end. Raises ConnectionError: the viewer is gone; RfbError.

        ``drain`` waits until the connection has taken everything.
        """
        # Whoever writes must know whether all has gone.
        self._transport.set_write_buffer_limits(high=0)
        while not self._source.is_closed:
            self._stopped.clear()
            self._source.watch(self._carry)
            try:
                await self._stopped.wait()
            finally:
                self._source.unwatch()
            if self._ended:
                return
            await self._clear(drain)

    async def _clear(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Do what keeps the next piece from being read."""
        if self._error is not None:
            raise self._error
        if self._left and self._sieve is not None:
            left, self._left = self._left, b""
            self._write([await sift_server(self._sieve, left)])
        await drain()
        if self._transport.is_closing():
            raise ConnectionResetError("the viewer's connection is gone")
        if self._pending is not None:
            self._buffers.give_back(self._pending)
            self._pending = None

    def _carry(self) -> None:
        buffer = self._buffers.take()
        room = memoryview(buffer)
        size = self._source.receive_into(room[_HEAD_BYTES:])
        if not size:
            self._ended = size == 0
        elif self._sieve is None or self._sieve.passes(size):
            begin = _write_head(buffer, size)
            self._transport.write(room[begin : _HEAD_BYTES + size])
            self._on_carried(size)
            if not self._is_clear():
                self._pending = buffer
        else:
            self._sift(self._sieve, room[_HEAD_BYTES : _HEAD_BYTES + size])
        if self._pending is None:
            self._buffers.give_back(buffer)
        if self._ended or self._error is not None or self._left or not self._is_clear():
            self._stopped.set()

    def _sift(self, sieve: ServerStream, piece: memoryview) -> None:
        sieve.steps = 0
        try:
            kept, looked_at = sift_turn(sieve, piece)
        except RfbError as error:
            self._error = error
            return
        self._write(kept)
        self._left = bytes(piece[looked_at:])

    def _write(self, parts: Sequence[bytes | memoryview]) -> None:
        size = sum(map(len, parts))
        if size:
            head = bytearray(_HEAD_BYTES)
            begin = _write_head(head, size)
            self._transport.write(b"".join((head[begin:], *parts)))
            self._on_carried(size)

    def _is_clear(self) -> bool:
        return not self._transport.get_write_buffer_size() and not self._transport.is_closing()


def _write_head(buffer: bytearray, size: int) -> int:
    """The head of a binary frame (RFC 6455, 5.2) just before its content; where it begins."""
    if size < 126:
        struct.pack_into(">BB", buffer, 8, _FINAL_BINARY, size)
        return 8
    if size < 65536:
        struct.pack_into(">BBH", buffer, 6, _FINAL_BINARY, 126, size)
        return 6
    struct.pack_into(">BBQ", buffer, 0, _FINAL_BINARY, 127, size)
    return 0
