"""Where listening sockets come from: bound here, or held by systemd (systemd.socket(5)).

An inherited socket is open before the daemon is, and stays so when the daemon goes: whoever
connects in between waits in its queue. So it is never shut down, and its file never removed.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EVERYBODY = 0o666
"""Who may connect is for the directory, the peer's credentials, token and ticket to decide."""

Address = str | tuple[str, int]
"""A path, or host and port."""


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """A socket with an address, to listen on; ``file`` goes when listening ends, if it is ours."""

    socket: socket.socket
    file: Path | None = None


class Sockets:
    """The sockets that were inherited, and for every other address a new one."""

    def __init__(self, inherited: Iterable[socket.socket] = ()) -> None:
        self._inherited = {address_of(sock): sock for sock in inherited}

    def unix(self, path: Path) -> BoundSocket:
        """The socket at ``path``, in the place of a stale one. Raises OSError."""
        if (inherited := self._inherited.pop(os.fspath(path), None)) is not None:
            return BoundSocket(inherited)
        return BoundSocket(bind_unix(path), path)

    def tcp(self, host: str, port: int) -> BoundSocket:
        """The socket at an address; port 0 takes any. Raises OSError."""
        if (inherited := self._inherited.pop((host, port), None)) is not None:
            return BoundSocket(inherited)
        return BoundSocket(bind_tcp(host, port))


def address_of(sock: socket.socket) -> Address:
    """Where a socket is bound."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return os.fsdecode(name)
    return str(name[0]), int(name[1])


def bind_unix(path: Path) -> socket.socket:
    """A socket bound at ``path``, in the place of a stale one. Raises OSError."""
    if inode_of(path) is not None:
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(os.fspath(path))
        path.chmod(EVERYBODY)
    except OSError:
        sock.close()
        raise
    return sock


def bind_tcp(host: str, port: int) -> socket.socket:
    """A socket bound at an address; port 0 takes any. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def inode_of(path: Path) -> int | None:
    """The inode of the socket at ``path``; something else at that path is left alone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino if stat.S_ISSOCK(status.st_mode) else None
