"""Connections from the network, at one address, by the terms that hold when each arrives.

Not asyncio's own server: that has one certificate for all its life, and counts nobody before the
handshake, which is what costs.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial

import structlog

from relay.connection import Connection
from relay.defence.origin import Remote
from relay.remotes import Remotes, remote_of
from relay.tcp_terms import TcpTerms

_BACKLOG = 1024
_ACCEPTED_A_TURN = 32
_PAUSE_SECONDS = 0.2
"""With no descriptor left."""
_FAREWELL_SECONDS = 2.0
"""How long a peer has to answer the end of TLS."""

_log = structlog.get_logger()


class TcpServer:
    """Accepts on a bound socket; ``close`` as that of ``asyncio.Server``."""

    def __init__(
        self,
        sock: socket.socket,
        factory: Callable[[], Connection],
        terms: Callable[[], TcpTerms | None],
        remotes: Remotes,
        handshake_seconds: float,
    ) -> None:
        self._sock = sock
        self._factory = factory
        self._terms = terms
        self._remotes = remotes
        self._handshake_seconds = handshake_seconds
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[Connection]] = set()
        sock.settimeout(0)
        sock.listen(_BACKLOG)
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Take nothing more, handshakes under way included; connections there are go on."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()
        for entering in self._entering:
            entering.cancel()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_A_TURN):
            try:
                connection, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("connection_not_accepted", error=str(error))
                self._pause()
                return
            remote, terms = remote_of(str(address[0])), self._terms()
            if terms is None or not self._remotes.enter(remote):
                connection.close()
                continue
            connection.settimeout(0)
            entering = self._loop.create_task(self._enter(connection, remote, terms))
            self._entering.add(entering)
            entering.add_done_callback(partial(self._entered, connection, remote))

    async def _enter(
        self, connection: socket.socket, remote: Remote, terms: TcpTerms
    ) -> Connection:
        protocol = self._factory()
        tls = terms.certificate is not None
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=terms.certificate.context if terms.certificate is not None else None,
                ssl_handshake_timeout=self._handshake_seconds if tls else None,
                ssl_shutdown_timeout=_FAREWELL_SECONDS if tls else None,
            )
        except OSError as error:
            # Who only looks whether anybody listens, and says nothing, does no harm.
            if isinstance(error, ssl.SSLError | ConnectionAbortedError):
                self._remotes.note_handshake(remote)
            _log.debug("tls_handshake_failed", address=remote.address, error=str(error))
        return protocol

    def _entered(
        self, connection: socket.socket, remote: Remote, entering: asyncio.Task[Connection]
    ) -> None:
        self._entering.discard(entering)
        self._remotes.settle(remote)
        if entering.cancelled():
            # Perhaps before it began, and then nobody else closes it.
            connection.close()
            self._remotes.leave(remote)
            return
        protocol = entering.result()
        if protocol.transport is None:
            # It did not come to a connection, or that is over again.
            self._remotes.leave(remote)
        else:
            protocol.lost.add_done_callback(lambda _lost: self._remotes.leave(remote))

    def _pause(self) -> None:
        self._loop.remove_reader(self._sock)
        self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)
