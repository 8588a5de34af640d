"""Who is at the other end, through proxies that are trusted; others are taken as they come."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from portal.config import UNIX, ListenConfig
from portal.networks import address_of
from portal.settings import Settings

_FORWARDED = 16
"""Addresses of X-Forwarded-For that are looked at."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a request comes from; ``address`` is the browser's as far as it can be known."""

    address: str
    is_secure: bool
    """Whether the browser came by TLS, to us or to the proxy."""
    by_proxy: bool
    """Whether a trusted proxy has sent it."""
    host: str
    """What the browser calls us, with a port if it is not the usual one."""

    @property
    def origin(self) -> str:
        """Of pages that are ours."""
        return f"{'https' if self.is_secure else 'http'}://{self.host}"


class Remotes:
    """Tells where requests come from."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def _config(self) -> ListenConfig:
        return self._settings.config.listen

    def of(self, request: web.Request) -> Remote:
        """Where this one comes from."""
        transport = request.transport
        peer = _peer(request)
        is_secure = transport is not None and transport.get_extra_info("sslcontext") is not None
        host = request.headers.get("Host", "").lower()
        if not self.is_proxy(peer):
            return Remote(peer or "unix", is_secure, by_proxy=False, host=host)
        scheme = request.headers.get("X-Forwarded-Proto", "").strip().lower()
        forwarded_host = request.headers.get("X-Forwarded-Host", "").strip().lower()
        return Remote(
            address=self._browser(request, peer),
            is_secure=scheme == "https" if scheme else is_secure,
            by_proxy=True,
            host=forwarded_host or host,
        )

    def is_own(self, origin: str | None, remote: Remote) -> bool:
        """Whether an ``Origin`` is the portal's own."""
        if origin is None:
            return False
        origin = origin.lower()
        if self._config.origins:
            return origin in self._config.origins
        # A proxy may speak plainly to us and not say that the browser came by TLS.
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.netloc == remote.host != ""

    def origin_of(self, remote: Remote) -> str:
        """What links to the portal begin with."""
        own = remote.origin
        origins = self._config.origins
        if not origins or own in origins:
            return own
        return min(origins)

    def is_proxy(self, peer: str | None) -> bool:
        """Whether what an address (``None``: the Unix socket) says of browsers is believed."""
        if peer is None:
            return UNIX in self._config.trusted_proxies
        try:
            address = address_of(peer)
        except ValueError:
            return False
        return any(address in network for network in self._config.proxy_networks)

    def _browser(self, request: web.Request, peer: str | None) -> str:
        """The last address that no trusted proxy has: what stands before it anybody can write."""
        listed = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        address = peer or "unix"
        for entry in reversed([each.strip() for each in listed if each.strip()][-_FORWARDED:]):
            try:
                address = str(address_of(entry))
            except ValueError:
                break
            if not self.is_proxy(address):
                break
        return address


def _peer(request: web.Request) -> str | None:
    """The address of who is connected; ``None`` for a Unix socket."""
    transport = request.transport
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is not None and sock.family == socket.AF_UNIX:
        return None
    peername = transport.get_extra_info("peername") if transport is not None else None
    return str(peername[0]) if peername else "gone"
