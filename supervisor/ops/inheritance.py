"""Sockets that systemd holds for the daemon: sd_listen_fds(3). Without systemd, none."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import MutableMapping

from supervisor.errors import ConfigError

FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START."""


def inherited_sockets(
    environment: MutableMapping[str, str], first: int = FIRST_DESCRIPTOR
) -> tuple[socket.socket, ...]:
    """The listening sockets that were handed over, not to be handed on to programs we start.

    Raises ConfigError for a descriptor that is no listening stream socket.
    """
    count = environment.pop("LISTEN_FDS", "")
    pid = environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    # Left by somebody further up, who meant another process.
    if pid != str(os.getpid()) or not count.isdigit():
        return ()
    return tuple(_taken(descriptor) for descriptor in range(first, first + int(count)))


def _taken(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 the standard library's
        is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        is_socket = False
    if is_socket:
        taken = socket.socket(fileno=descriptor)
        taken.setblocking(False)  # noqa: FBT003 likewise
        listens = taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if listens and taken.type == socket.SOCK_STREAM:
            return taken
        taken.detach()
    message = (
        f"Descriptor {descriptor}, which systemd hands over, is no listening stream socket. The "
        "daemon's sockets are ListenStream= in fx-supervisor.socket, with Accept=no."
    )
    raise ConfigError(message)
