"""Pictures from an X server's own socket to a viewer's WebSocket, with nothing done to them.

A piece is read into a buffer behind the room for a frame's head, and written from there: no copy,
no task and no message between the two calls. The buffer is one for all viewers whose connections
take what they are given; one that does not keeps its buffer until it has taken it, and nothing
more is read for it meanwhile.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

from relay.agents.passed_socket import PassedSocket

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
    """One display's way out."""

    def __init__(
        self,
        source: PassedSocket,
        transport: asyncio.Transport,
        buffers: Buffers,
        on_carried: Callable[[int], None],
    ) -> None:
        self._source = source
        self._transport = transport
        self._buffers = buffers
        self._on_carried = on_carried
        self._pending: bytearray | None = None
        """What the connection has not taken whole."""
        self._stopped = asyncio.Event()

    async def run(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Carry until the X server's end. Raises ConnectionError: the viewer is gone.

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
            if self._pending is None:
                return
            await drain()
            if self._transport.is_closing():
                raise ConnectionResetError("the viewer's connection is gone")
            self._buffers.give_back(self._pending)
            self._pending = None

    def _carry(self) -> None:
        buffer = self._buffers.take()
        room = memoryview(buffer)
        size = self._source.receive_into(room[_HEAD_BYTES:])
        if not size:
            self._buffers.give_back(buffer)
            if size == 0:
                self._stopped.set()
            return
        begin = _write_head(buffer, size)
        self._transport.write(room[begin : _HEAD_BYTES + size])
        self._on_carried(size)
        if self._transport.get_write_buffer_size() or self._transport.is_closing():
            self._pending = buffer
            self._stopped.set()
        else:
            self._buffers.give_back(buffer)


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
