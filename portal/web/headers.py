"""What every answer carries: what browsers are to refuse, whatever a page might be made to ask."""

from __future__ import annotations

from aiohttp import web

from portal.request_id import request_headers

_DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)

_ALWAYS = {
    "Content-Security-Policy": "; ".join(_DIRECTIVES),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of aiohttp's: an answer is about to be sent."""
    response.headers.update(_ALWAYS)
    response.headers.update(request_headers())
    response.headers.popall("Server", None)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
