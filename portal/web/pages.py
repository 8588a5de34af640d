"""The pages, and what they are made of: files of ``portal/static``, asked for again each time."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from portal.errors import NotFoundError
from portal.web.caller import CALLER

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_CACHE = {"Cache-Control": "no-cache"}


class Pages:
    """Serves them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.get("/", self.home),
            web.get("/sessions/{id}", self.screen),
            web.get("/shared", self.shared),
            web.get("/admin", self.admin),
            web.get("/sign-in", self.sign_in),
            web.get("/favicon.ico", self.icon),
            web.get("/static/{path:.+}", self.file),
            web.get("/{path:(?!api/|v1/|static/|healthz).+}", self.nothing),
        ]

    async def home(self, request: web.Request) -> web.StreamResponse:
        """My sessions."""
        return self._for_signed_in(request, "home")

    async def screen(self, request: web.Request) -> web.StreamResponse:
        """One session's screen."""
        return self._for_signed_in(request, "screen")

    async def shared(self, _request: web.Request) -> web.StreamResponse:
        """The screen of a session that was shared by a link; one need not be signed in."""
        return self._page("screen")

    async def admin(self, request: web.Request) -> web.StreamResponse:
        """The node, for administrators; others go home."""
        person = request[CALLER].person
        if person is not None and not person.is_administrator:
            raise web.HTTPSeeOther("/")
        return self._for_signed_in(request, "admin")

    async def sign_in(self, _request: web.Request) -> web.StreamResponse:
        """Where one signs in."""
        return self._page("sign-in")

    async def icon(self, _request: web.Request) -> web.StreamResponse:
        """What browsers ask for unasked."""
        raise web.HTTPSeeOther("/static/icons/favicon.svg")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A script, a style, a picture."""
        path = Path(request.match_info["path"])
        hidden = any(part.startswith(".") for part in path.parts)
        if "\0" in str(path) or path.is_absolute() or hidden or path.suffix == ".html":
            raise _nothing()
        return self._file(path)

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """404: to people a page with a way on, to programs a problem."""
        if "text/html" not in request.headers.get("Accept", ""):
            raise _nothing()
        response = self._page("not-found")
        response.set_status(404)
        return response

    def _for_signed_in(self, request: web.Request, name: str) -> web.StreamResponse:
        if request[CALLER].sign_in is None:
            raise web.HTTPSeeOther(f"/sign-in?next={quote(request.path_qs, safe='/')}")
        return self._page(name)

    def _page(self, name: str) -> web.StreamResponse:
        return self._file(Path("pages") / f"{name}.html")

    def _file(self, relative: Path) -> web.StreamResponse:
        path = (self._directory / relative).resolve()
        if not path.is_relative_to(self._directory) or not path.is_file():
            raise _nothing()
        response = web.FileResponse(path, headers=_CACHE)
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        response.content_type = kind or "application/octet-stream"
        if response.content_type.startswith("text/"):
            response.charset = "utf-8"
        return response


def _nothing() -> NotFoundError:
    return NotFoundError("not_found", "There is nothing at this path.")
