"""A TCP port of loopback on which nobody listens at the moment."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Another one with each call, for as long as there are."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
