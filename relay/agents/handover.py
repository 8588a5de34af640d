r"""How an agent passes its X server's socket, on a connection whose handshake has been accepted.

    agent: DESCRIPTOR LF, the socket as ancillary data (SCM_RIGHTS)   ->   TAKEN LF  or  PUMP LF

``TAKEN``: the relay speaks with the X server, and the connection only says that both are there.
``PUMP``: there was nothing, or nothing that is taken; the agent goes on as those that pass nothing.
What comes is by a hostile hand: of several descriptors none is taken, and of one only what it is to
be (``passed_socket.py``).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from relay.agents.passed_socket import PassedSocket, x_server_socket
from relay.defence.descriptors import dispose, receive
from relay.defence.origin import uid_of

_LINE = b"DESCRIPTOR\n"


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
            line, descriptors = receive(self._door, len(_LINE))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            line, descriptors = b"", []
        received = self._judge(line, descriptors)
        self.close()
        self._on_received(received)

    def _judge(self, line: bytes, descriptors: list[int]) -> Received:
        if line != _LINE or len(descriptors) > 1:
            dispose(descriptors)
            return Received(is_broken=line != _LINE, is_offence=bool(descriptors))
        if not descriptors:
            # The agent could not, or a security module of the host did not let it through.
            return Received()
        passed = x_server_socket(descriptors[0], uid_of(self._door))
        if passed is None:
            return Received(is_offence=True)
        return Received(PassedSocket(passed))
