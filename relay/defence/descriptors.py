"""Open descriptors that come with a session's bytes over a Unix socket (SCM_RIGHTS).

The kernel closes those for which there is no room, before the call that receives returns; and a
close can take as long as whoever sent them likes: of a TCP connection that lingers (SO_LINGER), of
a file whose file system is away. Anybody who can connect could stop the relay that way. So they are
received, as many as there can be, and closed beside everything else.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

_NUMBER = struct.Struct("i")
_MOST = 253
"""With one message (SCM_MAX_FD)."""
ROOM_BYTES = socket.CMSG_LEN(_MOST * _NUMBER.size)
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
_DRAINED_BYTES = 256 * 1024
_NO_LINGERING = struct.pack("ii", 0, 0)


def receive(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """What there is, and the descriptors that came with it. Raises OSError, as if not blocking."""
    data, ancillary, _, _ = sock.recvmsg(size, ROOM_BYTES, _FLAGS)
    return data, _numbers(ancillary)


def receive_into(sock: socket.socket, room: memoryview) -> tuple[int, list[int]]:
    """The same into a buffer, and how much it was."""
    count, ancillary, _, _ = sock.recvmsg_into([room], ROOM_BYTES, _FLAGS)
    return count, _numbers(ancillary) if ancillary else []


def dispose(descriptors: Sequence[int]) -> None:
    """Close them, however long it takes, and keep nobody waiting."""
    if descriptors:
        threading.Thread(target=_close, args=(descriptors,), daemon=True).start()


def drain(sock: socket.socket) -> None:
    """Before a connection is closed: the kernel would drop what was not read of it likewise."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RD)
        data = b" "
        while data:
            data, descriptors = receive(sock, _DRAINED_BYTES)
            dispose(descriptors)


class GuardedSocket(socket.socket):
    """A connection on which no descriptor is expected; one that brings any fails."""

    on_descriptors: Callable[[socket.socket], None]

    @classmethod
    def of(cls, connection: socket.socket, on_descriptors: Callable[[socket.socket], None]) -> Self:
        """The same connection, guarded."""
        family, kind, protocol = connection.family, connection.type, connection.proto
        guarded = cls(family, kind, protocol, fileno=connection.detach())
        guarded.on_descriptors = on_descriptors
        return guarded

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:  # noqa: ARG002 asyncio has none
        """As asyncio's transports call it. Raises ConnectionAbortedError: descriptors came."""
        data, descriptors = receive(self, bufsize)
        if descriptors:
            dispose(descriptors)
            self.on_descriptors(self)
            raise ConnectionAbortedError("descriptors came that nobody asked for")
        return data

    def close(self) -> None:
        """Drop nothing that could have to be waited for."""
        if self.fileno() >= 0:
            drain(self)
        super().close()


class GuardedListener(socket.socket):
    """Whose connections are guarded, whoever accepts them."""

    on_descriptors: Callable[[socket.socket], None]

    @classmethod
    def of(
        cls, listening: socket.socket, on_descriptors: Callable[[socket.socket], None]
    ) -> GuardedListener:
        """The same socket of the Unix domain, guarded."""
        guarded = cls(listening.family, listening.type, listening.proto, fileno=listening.detach())
        guarded.on_descriptors = on_descriptors
        return guarded

    def accept(self) -> tuple[socket.socket, object]:
        """As asyncio's servers call it. Raises OSError."""
        connection, address = super().accept()
        connection.settimeout(0)
        return GuardedSocket.of(connection, self.on_descriptors), address


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        with suppress(OSError):
            try:
                sock = socket.socket(fileno=descriptor)
            except OSError:
                os.close(descriptor)
                continue
            with sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)


def _numbers(ancillary: Sequence[tuple[int, int, Any]]) -> list[int]:
    return [
        number
        for level, kind, data in ancillary
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (number,) in _NUMBER.iter_unpack(data[: len(data) - len(data) % _NUMBER.size])
    ]
