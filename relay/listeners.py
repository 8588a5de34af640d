"""Sockets: served, and let go again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from relay import expectations
from relay.connection import Connection, Register
from relay.defence.descriptors import GuardedListener
from relay.defence.turnstile import BACKLOG, GatedServer, Turnstile
from relay.remotes import Remotes
from relay.sockets import BoundSocket, inode_of
from relay.tcp_server import TcpServer
from relay.tcp_terms import TcpTerms

_HEAD = {"max_line_size": 8190, "max_field_size": 8190, "max_headers": 64}
"""What a request's head may have: bytes in its first line, in each header, and headers."""

Made = TypeVar("Made", bound=Connection)


class HttpListener:
    """One application on any number of sockets."""

    def __init__(  # noqa: PLR0913 what it is composed of
        self,
        app: web.Application,
        *,
        keepalive_seconds: float,
        head_seconds: float,
        handshake_seconds: float,
        register: Register,
        gate: Turnstile | None = None,
        on_late: Callable[[Connection], None] = lambda _connection: None,
    ) -> None:
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        self._keepalive_seconds = keepalive_seconds
        self._head_seconds = head_seconds
        self._handshake_seconds = handshake_seconds
        self._register = register
        self._gate = gate
        self._on_late = on_late
        self._listeners: list[Listener] = []

    async def start(self, *binders: Callable[[], BoundSocket]) -> None:
        """Bind one after the other and serve; ``close`` undoes what was done when one fails."""
        await self._runner.setup()
        if self._runner.server is not None:
            self._runner.server.request_handler = expectations.met(
                self._runner.server.request_handler
            )
        for bind in binders:
            self._listeners.append(await Listener.start(self.connection, bind(), self._gate))

    def start_tcp(
        self, bound: BoundSocket, terms: Callable[[], TcpTerms | None], remotes: Remotes
    ) -> None:
        """Serve the network as well, after ``start``, by the terms of the moment."""
        factory = partial(self.connection, is_expected_to_speak=True)
        server = TcpServer(bound.socket, factory, terms, remotes, self._handshake_seconds)
        self._listeners.append(Listener(server, bound.file))

    def close(self) -> None:
        """Take no more connections."""
        for listener in self._listeners:
            listener.close()

    async def stop(self, deadline_seconds: float) -> None:
        """Let the calls under way finish until the deadline, then end them."""
        server = self._runner.server
        if server is not None:
            server.pre_shutdown()
            # Half for finishing, half for being cancelled.
            await server.shutdown(deadline_seconds / 2)
        await self._runner.cleanup()

    def connection(
        self,
        kind: Callable[..., Made] = Connection,  # type: ignore[assignment]
        *,
        is_expected_to_speak: bool = False,
    ) -> Made:
        """The protocol of one connection, after ``start``."""
        server = self._runner.server
        if server is None:
            raise RuntimeError("the listener is not started")
        return kind(
            self._register,
            server,
            head_seconds=self._head_seconds,
            is_expected_to_speak=is_expected_to_speak or self._gate is not None,
            is_of_container=self._gate is not None,
            on_late=self._on_late,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=self._keepalive_seconds,
            # A container's body that nobody wants is not read to be polite.
            lingering_time=1.0 if self._gate is None else 0.0,
            auto_decompress=False,
            **_HEAD,
        )


class Listener:
    """One listening socket; the file of a Unix socket that was bound here goes with it."""

    def __init__(self, server: asyncio.Server | GatedServer | TcpServer, file: Path | None) -> None:
        self._server = server
        self._file = file
        self._inode = None if file is None else inode_of(file)

    @classmethod
    async def start(
        cls,
        factory: Callable[[], asyncio.Protocol],
        bound: BoundSocket,
        gate: Turnstile | None = None,
    ) -> Listener:
        """Accept connections on a bound socket, all or those that the gate admits."""
        if gate is not None:
            return cls(GatedServer(bound.socket, factory, gate), bound.file)
        loop = asyncio.get_running_loop()
        # Not create_unix_server, which from Python 3.13 on removes the file by itself.
        listening = GuardedListener.of(bound.socket, lambda _connection: None)
        server = await loop.create_server(factory, sock=listening, backlog=BACKLOG)
        return cls(server, bound.file)

    def close(self) -> None:
        """Stop accepting; connections there are go on, and new ones to an inherited socket wait."""
        self._server.close()
        if self._file is not None and inode_of(self._file) == self._inode:
            # Not if somebody else has put a socket there meanwhile.
            self._file.unlink()
