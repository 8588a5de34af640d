"""One connection that speaks HTTP.

aiohttp's own refusals (of what is not HTTP at all) leave it as text; ``Connection`` makes problem
documents of them, and is counted: how many one user of a socket can hold is bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web

from relay import problems
from relay.peers import Peer, peer_of

_PIECE_SECONDS = 0.1
"""How often a container that sends a request in pieces is listened to: each costs a turn of the
loop, and an agent sends head and body at once."""


class Register(Protocol):
    """Who may be connected at once."""

    def enter(self, uid: int, connection: Connection) -> bool:
        """A new connection; False: it is one too many."""

    def leave(self, uid: int, connection: Connection) -> None:
        """One that entered is over."""


ANYBODY = -1
"""In a uid's place: whoever comes by TCP."""


class Census:
    """How many connections each user has, and all of TCP; ``None`` is no bound."""

    def __init__(self, per_uid: int | None, of_tcp: int | None = None) -> None:
        self._per_uid = per_uid
        self._of_tcp = of_tcp
        self._connections: Counter[int] = Counter()

    def enter(self, uid: int, connection: Connection) -> bool:  # noqa: ARG002 all count alike
        """Count a connection in; False: it is one too many and not counted."""
        most = self._of_tcp if uid == ANYBODY else self._per_uid
        if most is not None and self._connections[uid] >= most:
            return False
        self._connections[uid] += 1
        return True

    def leave(self, uid: int, connection: Connection) -> None:  # noqa: ARG002 likewise
        """Count a connection out."""
        self._connections[uid] -= 1
        if not self._connections[uid]:
            del self._connections[uid]


class Connection(web.RequestHandler):
    """aiohttp's connection, refusing in problem documents."""

    __slots__ = (
        "_census",
        "_head_seconds",
        "_head_timer",
        "_is_expected_to_speak",
        "_is_of_container",
        "_is_resting",
        "_on_late",
        "handed_by",
        "lost",
        "uid",
    )

    def __init__(  # noqa: PLR0913 what aiohttp is told beside
        self,
        census: Register,
        manager: web.Server,
        *,
        head_seconds: float,
        is_expected_to_speak: bool,
        is_of_container: bool,
        on_late: Callable[[Connection], None],
        **options: Any,  # noqa: ANN401 aiohttp's
    ) -> None:
        super().__init__(manager, **options)
        self._census = census
        self._head_seconds = head_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_expected_to_speak = is_expected_to_speak
        self._is_of_container = is_of_container
        self._is_resting = False
        self._on_late = on_late
        self.uid: int | None = None
        """Of the peer, as long as the connection is counted."""
        self.handed_by: Peer | None = None
        """The web server that has handed it over; ``None``: it was accepted here."""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolved once the connection is over: aiohttp does not tell a call that only waits."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless its user has too many."""
        super().connection_made(transport)
        peer = self.handed_by or peer_of(transport)
        uid = ANYBODY if peer is None else peer.uid
        if self._census.enter(uid, self):
            self.uid = uid
            if self._is_expected_to_speak:
                self._expect_head()
        else:
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Take what comes; the first head has to be complete soon after its first byte.

        Later ones, and a proxy's silence, have aiohttp's deadline of a connection kept alive.
        """
        parsed = self._request_count
        super().data_received(data)
        if self._request_count:
            self._stop_clock()
        elif self._head_timer is None and self.transport is not None:
            self._expect_head()
        is_piece = bool(data) and self._request_count == parsed and not self._messages
        if is_piece and self._is_of_container and not self._is_resting:
            self._rest()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 aiohttp's
        """aiohttp's, with each piece of a body that is taken: a rest is a rest all the same."""
        super().resume_reading(resume_parser)
        if self._is_resting and isinstance(self.transport, asyncio.ReadTransport):
            self.transport.pause_reading()

    def _rest(self) -> None:
        if isinstance(self.transport, asyncio.ReadTransport):
            self._is_resting = True
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(_PIECE_SECONDS, self._listen)

    def _listen(self) -> None:
        self._is_resting = False
        # Unless aiohttp itself has no room for more.
        is_full = self._reading_paused or self._buffer_paused
        if isinstance(self.transport, asyncio.ReadTransport) and not is_full:
            self.transport.resume_reading()

    def _expect_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._head_timer = loop.call_later(self._head_seconds, self._too_late)

    def _too_late(self) -> None:
        self._on_late(self)
        self.force_close()

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is over."""
        self._stop_clock()
        if self.uid is not None:
            self._census.leave(self.uid, self)
            self.uid = None
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
