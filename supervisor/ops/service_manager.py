"""What the service manager is to the daemon: who is told of it, and who holds its sockets."""

from __future__ import annotations

import socket
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from supervisor.ops.inheritance import inherited_sockets
from supervisor.ops.notify import NOBODY, Notifier


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """systemd, or nobody."""

    notifier: Notifier = NOBODY
    sockets: Sequence[socket.socket] = ()
    """Listening, and still so when the daemon has ended."""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """As systemd's variables tell; they are taken away, for programs that are started."""
        return cls(Notifier.from_environment(environment), inherited_sockets(environment))
