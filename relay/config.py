"""Where the relay listens, whom it lets in and how much it takes from anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.lifecycle.session import SessionId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """Bounds on what a peer can make the relay keep or wait for. Units stand in the names."""

    body_bytes: int = 64 * 1024
    body_seconds: float = 10.0
    """How long a request's body may take to arrive."""
    keepalive_seconds: float = 15.0
    stall_seconds: float = 30.0
    """A stream whose reader takes nothing for this long is cut off."""
    display_seconds: float = 5.0
    """How long a viewer waits for the agent's display stream."""
    handshake_seconds: float = 5.0
    verdict_seconds: float = 1.0
    """How long a lost display waits to be told why, before its viewer is."""
    close_seconds: float = 2.0
    """How long a viewer has to answer the closing of its WebSocket."""
    count_seconds: float = 1.0
    """How long to wait before a viewer count that could not be stored is posted once more."""
    commands: int = 64
    """Commands that may wait for an agent to read them."""
    tickets: int = 256
    """Tickets one session can have outstanding."""
    cut_text_bytes: int = 1024 * 1024
    buffer_bytes: int = 512 * 1024
    """What is kept for one direction of a display before its source is paused."""
    connections_per_uid: int = 2048
    """Connections of one user to each HTTP socket; whoever may not use it can still connect."""
    session_calls: int = 50
    """Calls that one session may make at once."""
    session_calls_per_second: float = 5.0
    """... and how many more each second."""
    handshakes_per_uid: int = 64
    """Connections of one user to the display socket that have not said which stream they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """The relay's sockets and who may use the web server's.

    The directories exist; that of ``session_socket`` and ``display_socket`` is what containers
    have mounted, so that being able to reach it is the first of two locks (the token is the other).
    The daemon's own uid and root may always use ``web_socket``.
    """

    web_socket: Path
    session_socket: Path
    display_socket: Path
    viewer_socket: Path
    openapi: Path
    viewer_tcp: tuple[str, int] | None = None
    allow_uids: frozenset[int] = frozenset()
    allow_gids: frozenset[int] = frozenset()
    limits: RelayLimits = field(default_factory=RelayLimits)


InputNote = Callable[[SessionId, Timestamp], None]
"""Told, at most once per message, that a viewer in control used keyboard or pointer."""
