"""The cookie that names a sign-in; no script sees it, and no other site's page sends it along."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from portal.settings import Settings
from portal.web.remote import Remote

_NAME = "fx_portal"
_OFFER: web.RequestKey[tuple[str, Remote]] = web.RequestKey("cookie_offer", tuple)


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets, reads and takes back; the browser forgets it when a sign-in would be too old."""

    settings: Settings

    def read(self, request: web.Request, remote: Remote) -> str:
        """The token; empty if there is none."""
        token = request.cookies.get(_name(remote), "")
        # Ours are; other bytes name nobody, and cannot be encoded.
        return token if token.isascii() else ""

    def set(self, response: web.StreamResponse, token: str, remote: Remote) -> None:
        """Give the token to the browser."""
        response.set_cookie(
            _name(remote),
            token,
            max_age=round(self.settings.config.sign_in.lifetime_seconds),
            path="/",
            httponly=True,
            samesite="Lax",
            secure=remote.is_secure,
        )

    def offer(self, request: web.Request, token: str, remote: Remote) -> None:
        """Give it with whatever this request is answered."""
        request[_OFFER] = (token, remote)

    def clear(self, response: web.StreamResponse, remote: Remote) -> None:
        """Take it back."""
        response.del_cookie(
            _name(remote), path="/", httponly=True, samesite="Lax", secure=remote.is_secure
        )

    async def add_offered(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal of aiohttp's: an answer is about to be sent."""
        if (offered := request.get(_OFFER)) is not None:
            token, remote = offered
            self.set(response, token, remote)
            # aiohttp has written its cookies into the headers by now.
            cookie = response.cookies[_name(remote)]
            response.headers.add("Set-Cookie", cookie.OutputString())


def _name(remote: Remote) -> str:
    """Behind TLS one that no neighbouring host, and nothing in clear, can set."""
    return f"__Host-{_NAME}" if remote.is_secure else _NAME
