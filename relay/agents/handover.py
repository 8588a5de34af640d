r"""How an agent passes its X server's socket, on a connection whose handshake has been accepted.

    agent: DESCRIPTOR LF, the socket as ancillary data (SCM_RIGHTS)   ->   TAKEN LF  or  PUMP LF

``TAKEN``: the relay speaks with the X server, and the connection only says that both are there.
``PUMP``: there was nothing, or nothing that is taken; the agent goes on as those that pass nothing.
What comes is by a hostile hand: at most one descriptor is let in, and one that is not what it is to
be is closed again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from relay.agents.passed_socket import PassedSocket, x_server_socket
from relay.defence.origin import uid_of

_LINE = b"DESCRIPTOR\n"
_DESCRIPTOR = struct.Struct("i")
_ROOM_BYTES = socket.CMSG_LEN(_DESCRIPTOR.size)
"""For one descriptor, and no padding that a second would fit into."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came of it."""

    passed: PassedSocket | None = None
    is_broken: bool = False
    """The agent is gone, or said something else: the connection is of no use."""
    is_offence: bool = False
    """Something else than an X server's socket was passed, or more than one thing."""


class Handover:
    """Waits for what the agent passes; ``on_received`` is called once, or never after ``close``."""

    def __init__(
        self, transport: asyncio.Transport, on_received: Callable[[Received], None]
    ) -> None:
        self._on_received = on_received
        self._loop = asyncio.get_running_loop()
        # asyncio's transport would read the line and drop what comes with it.
        transport.pause_reading()
        self._door = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        self._loop.add_reader(self._door, self._receive)

    def close(self) -> None:
        """Wait no longer; harmless when repeated."""
        if self._door.fileno() >= 0:
            self._loop.remove_reader(self._door)
            self._door.close()

    def _receive(self) -> None:
        try:
            line, ancillary, flags, _ = self._door.recvmsg(
                len(_LINE), _ROOM_BYTES, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            line, ancillary, flags = b"", [], 0
        descriptors = [
            _DESCRIPTOR.unpack(data)[0]
            for level, kind, data in ancillary
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        ]
        received = self._judge(line, descriptors, was_cut=bool(flags & socket.MSG_CTRUNC))
        self.close()
        self._on_received(received)

    def _judge(self, line: bytes, descriptors: list[int], *, was_cut: bool) -> Received:
        if line != _LINE or (was_cut and descriptors):
            for descriptor in descriptors:
                os.close(descriptor)
            return Received(is_broken=line != _LINE, is_offence=bool(descriptors))
        if not descriptors:
            # The agent could not, or a security module of the host did not let it through.
            return Received()
        passed = x_server_socket(descriptors[0], uid_of(self._door))
        if passed is None:
            return Received(is_offence=True)
        return Received(PassedSocket(passed))
