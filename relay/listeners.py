"""Sockets: served, and let go again.

aiohttp's own refusals (of what is not HTTP at all) leave it as text; ``Connection`` makes problem
documents of them, and bounds how many connections one user of a socket can hold.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from relay import problems
from relay.peers import peer_of
from relay.sockets import BoundSocket, inode_of

_BACKLOG = 4096
"""As many may wait to be accepted; all agents return at once to a daemon that was restarted."""


class Census:
    """How many connections each user has; ``per_uid`` of ``None`` is no bound."""

    def __init__(self, per_uid: int | None) -> None:
        self._per_uid = per_uid
        self._connections: Counter[int] = Counter()

    def enter(self, uid: int) -> bool:
        """Count a connection in; False: it is one too many and not counted."""
        if self._per_uid is not None and self._connections[uid] >= self._per_uid:
            return False
        self._connections[uid] += 1
        return True

    def leave(self, uid: int) -> None:
        """Count a connection out."""
        self._connections[uid] -= 1
        if not self._connections[uid]:
            del self._connections[uid]


class Connection(web.RequestHandler):
    """aiohttp's connection, refusing in problem documents."""

    __slots__ = ("_census", "_uid", "lost")

    def __init__(self, census: Census, manager: web.Server, **options: Any) -> None:  # noqa: ANN401 aiohttp's
        super().__init__(manager, **options)
        self._census = census
        self._uid: int | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolved once the connection is over: aiohttp does not tell a call that only waits."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless its user has too many."""
        super().connection_made(transport)
        peer = peer_of(transport)
        if peer is None:
            return
        if self._census.enter(peer.uid):
            self._uid = peer.uid
        else:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is over."""
        if self._uid is not None:
            self._census.leave(self._uid)
            self._uid = None
        if not self.lost.done():
            self.lost.set_result(None)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 may quote the request
        message: str | None = None,  # noqa: ARG002 may quote the request
    ) -> web.StreamResponse:
        """What the peer sent is not HTTP, or the middleware itself failed."""
        if request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun when it failed")
        response = problems.response(
            problems.INTERNAL if status == 500 else problems.of_http(status)
        )
        response.force_close()
        return response


class HttpListener:
    """One application on any number of sockets."""

    def __init__(
        self, app: web.Application, *, keepalive_seconds: float, per_uid: int | None = None
    ) -> None:
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        self._keepalive_seconds = keepalive_seconds
        self._census = Census(per_uid)
        self._listeners: list[Listener] = []

    async def start(self, *binders: Callable[[], BoundSocket]) -> None:
        """Bind one after the other and serve; ``close`` undoes what was done when one fails."""
        await self._runner.setup()
        for bind in binders:
            self._listeners.append(await Listener.start(self._connection, bind()))

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

    def _connection(self) -> Connection:
        server = self._runner.server
        if server is None:
            raise RuntimeError("the listener is not started")
        return Connection(
            self._census,
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=self._keepalive_seconds,
            lingering_time=1.0,
            auto_decompress=False,
        )


class Listener:
    """One listening socket; the file of a Unix socket that was bound here goes with it."""

    def __init__(self, server: asyncio.Server, file: Path | None) -> None:
        self._server = server
        self._file = file
        self._inode = None if file is None else inode_of(file)

    @classmethod
    async def start(cls, factory: Callable[[], asyncio.Protocol], bound: BoundSocket) -> Listener:
        """Accept connections on a bound socket."""
        loop = asyncio.get_running_loop()
        # Not create_unix_server, which from Python 3.13 on removes the file by itself.
        server = await loop.create_server(factory, sock=bound.socket, backlog=_BACKLOG)
        return cls(server, bound.file)

    def close(self) -> None:
        """Stop accepting; connections there are go on, and new ones to an inherited socket wait."""
        self._server.close()
        if self._file is not None and inode_of(self._file) == self._inode:
            # Not if somebody else has put a socket there meanwhile.
            self._file.unlink()
