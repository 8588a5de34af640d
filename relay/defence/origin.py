"""Which container a peer of a Unix socket is in, by the kernel's word: whom to slow, and to name.

The sessions of one user share a uid; what tells them apart before they have shown a token is the
control group of the process that connected (cgroups(7)). It is a hint: the process may be gone, or
/proc be closed to the daemon (``hidepid``), and then there is but the uid.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_UCRED = struct.Struct("3i")
_CONTAINER = re.compile(rb"[0-9a-f]{64}")
_OF_USERS = b":/user.slice/"
"""Where systemd lets users make control groups, by whatever names they like."""
_BELIEVED_SECONDS = 1.0
"""After that the number of a process may be another's."""
_MOST_KNOWN = 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection comes from."""

    uid: int
    container_id: str | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a connection over the network comes from: an IPv4 address, or an IPv6 /64."""

    address: str


class Origins:
    """Looks connections up; a process that connects in a loop is looked up once a second."""

    def __init__(
        self, proc: Path = Path("/proc"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proc = proc
        self._clock = clock
        self._known: dict[int, tuple[float, str | None]] = {}

    def of(self, sock: socket.socket) -> Origin:
        """The origin of an accepted connection of a Unix socket."""
        pid, uid = credentials_of(sock)
        return Origin(uid, self._container_of(pid))

    def _container_of(self, pid: int) -> str | None:
        now = self._clock()
        at, container_id = self._known.get(pid, (-_BELIEVED_SECONDS, None))
        if now - at < _BELIEVED_SECONDS:
            return container_id
        try:
            container_id = _container_in((self._proc / str(pid) / "cgroup").read_bytes())
        except OSError:
            container_id = None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[pid] = (now, container_id)
        return container_id


def _container_in(groups: bytes) -> str | None:
    if _OF_USERS in groups:
        return None
    found = _CONTAINER.search(groups)
    return found[0].decode() if found else None


def credentials_of(sock: socket.socket) -> tuple[int, int]:
    """Process and user at the other end of a Unix socket, as they were when it connected."""
    pid, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return pid, uid


def uid_of(sock: socket.socket) -> int:
    """The user at the other end of a Unix socket."""
    return credentials_of(sock)[1]


def unix_socket(transport: asyncio.BaseTransport | None) -> socket.socket | None:
    """The connection's, if it is one of a Unix socket and still there."""
    sock: socket.socket | None = transport.get_extra_info("socket") if transport else None
    return sock if sock is not None and sock.family == socket.AF_UNIX else None
