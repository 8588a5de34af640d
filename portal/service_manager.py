"""What systemd is told (sd_notify(3)): nothing where there is none."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

_SEND_SECONDS = 1.0


def notify(*states: str) -> None:
    """Tell the service manager, as ``READY=1``; one that does not listen is no fault of ours."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # An address that begins with @ is abstract.
    target = "\0" + address[1:] if address[0] == "@" else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_SEND_SECONDS)
        sender.sendto("\n".join(states).encode(), target)
