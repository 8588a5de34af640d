"""The cookie that names a sign-in; no script sees it, and no other site's page sends it along."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from portal.web.remote import Remote

_NAME = "fx_portal"
_OFFER: web.RequestKey[tuple[str, str]] = web.RequestKey("cookie_offer", tuple)


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets, reads and takes back; the browser forgets it after ``lifetime_seconds``."""

    lifetime_seconds: float

    def read(self, request: web.Request, remote: Remote) -> str:
        """The token; empty if there is none."""
        return request.cookies.get(_name(remote), "")

    def set(self, response: web.StreamResponse, token: str, remote: Remote) -> None:
        """Give the token to the browser."""
        response.set_cookie(
            _name(remote),
            token,
            max_age=round(self.lifetime_seconds),
            path="/",
            httponly=True,
            samesite="Lax",
            secure=remote.is_secure,
        )

    def offer(self, request: web.Request, token: str, remote: Remote) -> None:
        """Give it with whatever this request is answered."""
        request[_OFFER] = (token, _name(remote))

    def clear(self, response: web.StreamResponse, remote: Remote) -> None:
        """Take it back."""
        response.del_cookie(
            _name(remote), path="/", httponly=True, samesite="Lax", secure=remote.is_secure
        )

    async def add_offered(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal of aiohttp's: an answer is about to be sent."""
        offered = request.get(_OFFER)
        if offered is not None and offered[1] not in response.cookies:
            self.set(response, offered[0], Remote("", offered[1] != _NAME, by_proxy=True, host=""))


def _name(remote: Remote) -> str:
    """Behind TLS one that no neighbouring host, and nothing in clear, can set."""
    return f"__Host-{_NAME}" if remote.is_secure else _NAME
