"""Who is at the other end of a Unix socket, by the kernel's word (unix(7), SO_PEERCRED)."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from relay import problems
from relay.bearers import Bearers
from relay.calls import current_call
from supervisor.lifecycle.audit import Actor, ActorKind

_SO_PEERGROUPS = 59
"""Supplementary groups of the peer, Linux 4.13; Python has no name for it."""

_UCRED = struct.Struct("3i")
_GROUPS_BYTES = 1024
"""What socket.getsockopt takes at most: 256 groups."""

_NOTE_SECONDS = 60.0
"""How often the refusal of one user is logged: anybody on the host can connect in a loop."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, as it was when it did."""

    uid: int
    gids: frozenset[int]
    gid: int | None = None
    pid: int | None = None


def peer_of(transport: asyncio.BaseTransport | None) -> Peer | None:
    """The peer of a connection; ``None`` when it is gone or not of a Unix socket."""
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(credentials)
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:
        raw = b""
    groups = struct.unpack(f"{len(raw) // 4}I", raw)
    return Peer(uid, frozenset({gid, *groups}), gid, pid)


def _is_remote(transport: asyncio.BaseTransport | None) -> bool:
    sock = transport.get_extra_info("socket") if transport is not None else None
    return sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}


def actor_of(request: web.Request) -> Actor:
    """Who makes this call; of a connection that was handed over: who did that."""
    handed_by: Peer | None = getattr(request.protocol, "handed_by", None)
    peer = handed_by or peer_of(request.transport)
    if peer is not None:
        return Actor(kind=ActorKind.PEER, uid=peer.uid, gid=peer.gid, pid=peer.pid)
    credential = current_call().credential
    # Without one: of a Unix socket whose peer has left, or a viewer over TCP.
    kind = ActorKind.ADDRESS if credential is None else ActorKind.TCP
    return Actor(kind=kind, address=request.remote or None, credential=credential)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Users and groups that may speak to a socket, besides root and this daemon's own user."""

    uids: frozenset[int] = frozenset()
    gids: frozenset[int] = frozenset()

    def admits(self, peer: Peer) -> bool:
        """Whether the peer is one of them."""
        own = {0, os.geteuid()}
        return peer.uid in own | self.uids or not peer.gids.isdisjoint(self.gids)


def guard(allowed: Callable[[], Allowed], bearers: Bearers) -> Middleware:
    """A middleware that refuses all but those who are allowed when they ask.

    403 by who the peer is; 401 over the network, by its token.
    """
    noted: dict[int | None, float] = {}

    def note(uid: int | None) -> None:
        now = time.monotonic()
        if now - noted.get(uid, -_NOTE_SECONDS) >= _NOTE_SECONDS:
            noted[uid] = now
            _log.warning("peer_refused", uid=uid)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_remote(request.transport):
            with bearers.admitted(request):
                return await handler(request)
        peer = peer_of(request.transport)
        if peer is None or not allowed().admits(peer):
            note(peer.uid if peer else None)
            detail = (
                "This user may not use the web server's socket; an administrator can add it to "
                "relay.web.allow_users or relay.web.allow_groups."
            )
            raise problems.ProblemError(
                403, "peer_not_allowed", detail, headers={"Connection": "close"}
            )
        return await handler(request)

    return middleware
