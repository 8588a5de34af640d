"""Takes connections at one bound socket, as many as there is room for, each by what holds then.

Not asyncio's own server: that has one certificate for all its life, and turns nobody away.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import structlog

from portal.crowd import Crowd
from portal.settings import Settings

BACKLOG = 1024
_TAKEN_A_TURN = 32
_PAUSE_SECONDS = 0.2
"""With no descriptor left."""
_HANDSHAKE_SECONDS = 15.0
_FAREWELL_SECONDS = 2.0
"""How long a browser has to answer the end of TLS."""

_log = structlog.get_logger()


class Door:
    """Open from the start until ``close``."""

    def __init__(
        self,
        listening: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        settings: Settings,
        crowd: Crowd,
        is_proxy: Callable[[str | None], bool],
    ) -> None:
        self._listening = listening
        self._factory = factory
        self._settings = settings
        self._crowd = crowd
        self._is_proxy = is_proxy
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        listening.settimeout(0)
        self._loop.add_reader(listening, self._take)

    def close(self) -> None:
        """Take nobody more, handshakes under way included; who is in stays."""
        if self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening)
            self._listening.close()
        for entering in self._entering:
            entering.cancel()

    def _take(self) -> None:
        for _ in range(_TAKEN_A_TURN):
            try:
                taken, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("connection_not_accepted", error=str(error))
                self._pause()
                return
            address = str(peer[0]) if taken.family != socket.AF_UNIX else None
            counted = None if address is None or self._is_proxy(address) else address
            if self._crowd.enter(counted):
                self._let_in(Taken(taken, partial(self._crowd.leave, counted)))
            else:
                taken.close()

    def _let_in(self, taken: Taken) -> None:
        taken.settimeout(0)
        entering = self._loop.create_task(self._enter(taken))
        self._entering.add(entering)
        entering.add_done_callback(partial(self._entered, taken))

    async def _enter(self, taken: Taken) -> None:
        tls = self._settings.tls if taken.family != socket.AF_UNIX else None
        try:
            await self._loop.connect_accepted_socket(
                self._factory,
                taken,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else _HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=None if tls is None else _FAREWELL_SECONDS,
            )
        except OSError as error:
            _log.debug("tls_handshake_failed", error=str(error))

    def _entered(self, taken: Taken, entering: asyncio.Task[None]) -> None:
        self._entering.discard(entering)
        if entering.cancelled():
            # Perhaps before it began, and then nobody else closes it.
            taken.close()
        elif (error := entering.exception()) is not None:
            _log.error("connection_failed", exc_info=error)
            taken.close()

    def _pause(self) -> None:
        self._loop.remove_reader(self._listening)
        self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._take)


class Taken(socket.socket):
    """A connection that says when its descriptor is closed, whoever has it by then."""

    def __init__(self, taken: socket.socket, closed: Callable[[], None]) -> None:
        super().__init__(taken.family, taken.type, taken.proto, taken.detach())
        self._closed_once: Callable[[], None] | None = closed

    def close(self) -> None:
        """Close, and say so once."""
        super().close()
        closed, self._closed_once = self._closed_once, None
        if closed is not None:
            closed()
