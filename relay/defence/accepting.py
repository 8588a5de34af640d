"""Accepting connections of containers on a socket of the Unix domain."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable

import structlog

from relay.defence.descriptors import GuardedListener

_PAUSE_SECONDS = 0.2
"""With no descriptor left."""

_log = structlog.get_logger()


class Accepting(ABC):
    """A served socket that can be let be for a while; ``close`` as that of ``asyncio.Server``."""

    def __init__(
        self,
        sock: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        on_descriptors: Callable[[socket.socket], None],
        backlog: int,
    ) -> None:
        self._sock = GuardedListener.of(sock, on_descriptors)
        self._factory = factory
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[object]] = set()
        self._sock.settimeout(0)
        self._sock.listen(backlog)
        self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Take nothing more; connections there are go on."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            # An inherited socket stays open, and has to hold whoever comes until the next start.
            self._sock.listen(self._backlog)
            self._sock.close()

    @abstractmethod
    def _accept(self) -> None:
        """Somebody waits."""

    def _take(self) -> socket.socket | None:
        """Whoever waits longest, if anybody does and there is room for a descriptor."""
        try:
            connection, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None
        except OSError as error:
            _log.error("connection_not_accepted", error=str(error))
            self._pause(_PAUSE_SECONDS)
            return None
        return connection

    def _enter(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        entering = self._loop.create_task(
            self._loop.connect_accepted_socket(self._factory, connection)
        )
        self._entering.add(entering)
        entering.add_done_callback(self._entering.discard)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._sock)
        self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)
