"""A viewer's own connection, which the web server that let it in has handed to the relay.

The hand is one that may see and end every session; what it passes is looked at all the same, for
mistakes, and so that nobody borrows the daemon's name: a connection that was dialled to a service
is none of a viewer's.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from relay.defence.descriptors import GuardedSocket, dispose

_NETWORK = frozenset({socket.AF_INET, socket.AF_INET6})
_NO_LINGERING = struct.pack("ii", 0, 0)


class HandedSocket(GuardedSocket):
    """What is over here is over for whoever else holds the connection: FIN, and no waiting."""

    def close(self) -> None:
        """After what was sent; harmless when repeated."""
        if self.fileno() >= 0:
            with suppress(OSError):
                self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
                self.shutdown(socket.SHUT_WR)
        super().close()


def viewer_socket(descriptor: int) -> HandedSocket | None:
    """What is behind a descriptor that a web server has passed; ``None``: not taken, and closed.

    It has to be a stream, connected, that was accepted: over TCP, or by a Unix socket that is
    bound to a path, from a client that is not.
    """
    try:
        handed = socket.socket(fileno=descriptor)
    except OSError:
        dispose([descriptor])
        return None
    try:
        is_taken = handed.type == socket.SOCK_STREAM and _was_accepted(handed)
        if is_taken:
            handed.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
    except OSError:
        is_taken = False
    if is_taken:
        return HandedSocket.of(handed, lambda _connection: None)
    dispose([handed.detach()])
    return None


def _was_accepted(handed: socket.socket) -> bool:
    """Raises OSError: there is nobody at its other end."""
    peer, own = handed.getpeername(), handed.getsockname()
    if handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    if handed.family in _NETWORK:
        return True
    # What is written bears the daemon's credentials, if the receiver asks for them (SO_PASSCRED):
    # a service that somebody has dialled has a path, a client that has dialled in has none.
    return handed.family == socket.AF_UNIX and bool(own) and not peer
