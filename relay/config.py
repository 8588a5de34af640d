"""Where the relay listens, whom it lets in and how much it takes from anybody."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from relay.tcp_terms import TcpTerms
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
    """Commands that may wait for an agent to read them before the next program is refused."""
    tickets: int = 256
    """Tickets one session can have outstanding."""
    cut_text_bytes: int = 1024 * 1024
    buffer_bytes: int = 512 * 1024
    """What is kept for one direction of a display before its source is paused."""
    programs: int = 16
    """Programs of one session whose ends are waited for at once."""
    followers: int = 16
    """Readers that follow the log of one session at once."""
    log_readings: int = 4
    """Logs that are read, and not followed, at once."""
    log_bytes: int = 4 * 1024 * 1024
    """What such a reading gets at most: the end."""
    log_seconds: float = 20.0
    """How long the engine may take to begin, and for a reading to finish."""
    pictures: int = 2
    """Displays that are fetched and encoded for screenshots at once."""
    picture_widths: int = 4
    """Widths in which one of them is encoded, one after the other."""
    picture_pixels: int = 7680 * 4320
    picture_seconds: float = 10.0
    """How long the X server may take to send one, and a screenshot to get its turn."""
    connections_per_uid: int = 2048
    """Connections of one user to each of the web server's sockets and the viewers'."""
    tcp_connections: int = 16_384
    """Of all together to one that listens on TCP, for nobody knows who they are."""
    connections_per_address: int = 2048
    """Connections of one address of the network to each of those the relay listens at."""
    address_connects: int = 2048
    """Of these so many may begin at once, as when all of a proxy's viewers come back ..."""
    address_connects_a_second: float = 100.0
    """... and so many more each second: a TLS handshake costs, even one that is broken off."""
    tls_handshakes_per_address: int = 64
    """... of which so many may not have finished their TLS handshake."""
    tls_handshake_seconds: float = 5.0
    head_seconds: float = 5.0
    """How long a request's head may take to arrive."""
    strangers_per_uid: int = 256
    """Connections of one user to the sessions' socket that have not shown a token."""
    connections_per_session: int = 32
    """... and of one session that have, with a call under way or kept for the next."""
    kept_seconds: float = 600.0
    """For the next callback; agents with nothing to tell send one each fourth heartbeat."""
    user_connects: int = 64
    """Connections of one user that are taken at once on each of the sessions' sockets ..."""
    user_connects_a_second: float = 16.0
    """... and how many more each second, before each of the user's containers ..."""
    container_connects: int = 64
    """... has but so many at once ..."""
    container_connects_a_second: float = 8.0
    """... and so many more each second."""
    wrong_tokens: int = 100
    """That one container, or one address of the network, may show at once ..."""
    wrong_tokens_a_second: float = 1.0
    """... and each second, before it is not listened to."""
    offence_seconds: float = 60.0
    """Between two lines of the log about the same offender."""
    viewers: int = 60
    """Of one session at once; its agent opens 64 displays at most, and some are for screenshots."""
    view_only_viewers: int = 48
    """Of which so many can be of tickets that do not control, or of any one ticket."""
    ticket_connects: int = 60
    """Viewers that may come by one ticket at once ..."""
    ticket_connects_a_second: float = 1.0
    """... and how many more each second."""
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
    web_tcp: tuple[str, int] | None = None
    web_terms: TcpTerms | None = None
    """``None``: nobody is let in there."""
    viewer_tcp: tuple[str, int] | None = None
    viewer_terms: TcpTerms | None = field(default_factory=TcpTerms)
    metrics_tcp: tuple[str, int] | None = None
    """Where anybody who can connect may read the metrics, and nothing else."""
    allow_uids: frozenset[int] = frozenset()
    allow_gids: frozenset[int] = frozenset()
    inherited: tuple[socket.socket, ...] = ()
    """Sockets that systemd has bound; each at one of the addresses above."""
    limits: RelayLimits = field(default_factory=RelayLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimits:
    """How the webhook goes about it. Units stand in the names."""

    connections: int = 4
    """Requests at once; each is another session's."""
    turn_events: int = 16
    """Events of one session before another has its turn."""
    page_events: int = 500
    lanes: int = 10_000
    """Sessions with events to deliver that are known at once; past it nothing more is read."""
    first_retry_seconds: float = 1.0
    last_retry_seconds: float = 3600.0
    """Between two attempts for one session."""
    last_probe_seconds: float = 300.0
    """Between two attempts while nothing at all is accepted."""
    retry_after_seconds: float = 3600.0
    """As much of a ``Retry-After`` is honoured."""
    suspicion: int = 4
    """As many sessions have to be refused in a row for the receiver as a whole to be suspected."""
    connect_seconds: float = 5.0
    body_bytes: int = 16 * 1024
    """As much of an answer's body is read to keep its connection ..."""
    body_seconds: float = 1.0
    """... and for as long."""
    save_seconds: float = 0.25
    """What was delivered since the last save is delivered again after a crash."""
    store_retry_seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """Where events are posted, and the keys they are signed with (two during rotation)."""

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    timeout_seconds: float = 15.0
    """For one attempt, from connecting to the answer's status."""
    give_up_seconds: float = 259_200.0
    """An event is given up when it is older than this and an attempt fails."""
    limits: WebhookLimits = field(default_factory=WebhookLimits)


InputNote = Callable[[SessionId, Timestamp], None]
"""Told, at most once per message, that a viewer in control used keyboard or pointer."""
