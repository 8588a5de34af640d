"""A display socket of its own for each session, beside the one that all containers have.

Whoever fills the queue of the common one makes all others wait. The private ones are in the same
directory, which is mounted in every container, below one that cannot be listed: the name is told to
the session's agent with its control stream, and is all that it takes to have a queue to oneself.
It is for the life of the daemon; an agent that finds it gone dials the common one.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from relay.config import RelayLimits
from relay.defence.accepting import Accepting
from relay.defence.allowance import Allowance
from relay.defence.offences import Offence, Offences
from relay.sockets import bind_unix
from supervisor.lifecycle.session import SessionId

HEADER = "FastX-Display"
_FOLDER = "displays"
_UNLISTED = 0o711
_DRAFT = "new"
_NAME_BYTES = 16
_BACKLOG = 64
"""As many displays as an agent opens at once."""

_log = structlog.get_logger()


class PrivateDisplays:
    """All of them, below ``directory``."""

    def __init__(
        self,
        directory: Path,
        factory: Callable[[], asyncio.Protocol],
        limits: RelayLimits,
        offences: Offences,
    ) -> None:
        self._folder = directory / _FOLDER
        self._factory = factory
        self._offences = offences
        self._pace = limits.container_connects_a_second
        self._allowance: Allowance[SessionId] = Allowance(limits.container_connects, self._pace)
        self._servers: dict[SessionId, tuple[Path, _PacedServer]] = {}

    def begin(self) -> None:
        """Remove what an earlier life has left."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, session_id: SessionId) -> str | None:
        """Where the session's is, seen from the directory; ``None``: it cannot have one."""
        if session_id not in self._servers:
            path = self._folder / secrets.token_hex(_NAME_BYTES)
            try:
                self._servers[session_id] = path, self._serve(session_id, self._bind(path))
            except OSError as error:
                with suppress(OSError):
                    path.unlink()
                _log.warning("private_display_not_opened", session_id=session_id, error=str(error))
                return None
        return f"{_FOLDER}/{self._servers[session_id][0].name}"

    def close(self, session_id: SessionId) -> None:
        """The session is over."""
        path, server = self._servers.pop(session_id, (None, None))
        if path is not None and server is not None:
            server.close()
            path.unlink(missing_ok=True)
        self._allowance.forget(session_id)

    def close_all(self) -> None:
        """Take nothing more."""
        for session_id in tuple(self._servers):
            self.close(session_id)
        with suppress(OSError):
            # Nothing was opened, or another relay has taken its place.
            self._folder.rmdir()

    def _bind(self, path: Path) -> socket.socket:
        self._folder.mkdir(exist_ok=True)
        self._folder.chmod(_UNLISTED)
        # /proc/net/unix tells everybody the name that a socket was bound to, and not this one.
        draft = self._folder / _DRAFT
        sock = bind_unix(draft)
        try:
            draft.rename(path)
        except OSError:
            sock.close()
            raise
        return sock

    def _serve(self, session_id: SessionId, sock: socket.socket) -> _PacedServer:
        def admits() -> bool:
            if self._allowance.take(session_id):
                return True
            self._offences.note(Offence.CONNECTIONS, session_id)
            return False

        def note_descriptors(_: socket.socket) -> None:
            self._offences.note(Offence.DESCRIPTORS, session_id)

        return _PacedServer(sock, self._factory, note_descriptors, admits, 1 / self._pace)


class _PacedServer(Accepting):
    """Lets the socket be while too many have come: those who wait are all of one session."""

    def __init__(
        self,
        sock: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        on_descriptors: Callable[[socket.socket], None],
        admits: Callable[[], bool],
        rest_seconds: float,
    ) -> None:
        super().__init__(sock, factory, on_descriptors, _BACKLOG)
        self._admits = admits
        self._rest_seconds = rest_seconds

    def _accept(self) -> None:
        if not self._admits():
            self._pause(self._rest_seconds)
        elif (connection := self._take()) is not None:
            self._enter(connection)
