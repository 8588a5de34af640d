"""The pages, and what they are made of: files of ``portal/static``.

Pages are asked for again each time. What they name is named by its edition (``edition.py``), and
kept for good; a file of another edition, or of none, is asked for again each time too.
"""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from portal.errors import NotFoundError
from portal.web.caller import CALLER
from portal.web.edition import MARK, Edition

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
_ASK_AGAIN = {"Cache-Control": "no-cache"}
_KEEP = {"Cache-Control": "public, max-age=31536000, immutable"}


class Pages:
    """Serves them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._edition = Edition(self._directory)
        self._edition.look()

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
        return await self._for_signed_in(request, "home")

    async def screen(self, request: web.Request) -> web.StreamResponse:
        """One session's screen."""
        return await self._for_signed_in(request, "screen")

    async def shared(self, request: web.Request) -> web.StreamResponse:
        """The screen of a session that was shared by a link; one need not be signed in."""
        return await self._page(request, "screen")

    async def admin(self, request: web.Request) -> web.StreamResponse:
        """The node, for administrators; others go home."""
        person = request[CALLER].person
        if person is not None and not person.is_administrator:
            raise web.HTTPSeeOther("/")
        return await self._for_signed_in(request, "admin")

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Where one signs in."""
        return await self._page(request, "sign-in")

    async def icon(self, _request: web.Request) -> web.StreamResponse:
        """What browsers ask for unasked."""
        raise web.HTTPSeeOther("/static/icons/favicon.svg")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A script, a style, a picture."""
        edition, path = _parts(request.match_info["path"])
        hidden = any(part.startswith(".") for part in path.parts)
        if path.is_absolute() or hidden or path.suffix == ".html":
            raise _nothing()
        found = self._find(path)
        if edition != self._edition.name:
            return web.FileResponse(found, headers={**_type(found), **_ASK_AGAIN})
        headers = {**_type(found), **_KEEP, "Vary": "Accept-Encoding"}
        packed = None
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            packed = await asyncio.to_thread(self._edition.packed, found)
        if packed is None:
            return web.FileResponse(found, headers=headers)
        return web.Response(body=packed, headers={**headers, "Content-Encoding": "gzip"})

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """404: to people a page with a way on, to programs a problem."""
        if "text/html" not in request.headers.get("Accept", ""):
            raise _nothing()
        return await self._page(request, "not-found", status=404)

    async def _for_signed_in(self, request: web.Request, name: str) -> web.StreamResponse:
        if request[CALLER].sign_in is None:
            raise web.HTTPSeeOther(f"/sign-in?next={quote(request.path_qs, safe='/')}")
        return await self._page(request, name)

    async def _page(self, request: web.Request, name: str, status: int = 200) -> web.StreamResponse:
        path = self._find(Path("pages") / f"{name}.html")
        edition = await self._edition.current()
        text = await asyncio.to_thread(path.read_text)
        headers = {**_type(path), **_ASK_AGAIN, "ETag": f'"{edition}"'}
        if status == 200 and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        named = text.replace('"/static/', f'"/static/{edition}/')
        return web.Response(text=named, status=status, headers=headers)

    def _find(self, relative: Path) -> Path:
        """The file, if it is below the directory whatever links there are."""
        try:
            path = (self._directory / relative).resolve()
            found = path.is_relative_to(self._directory) and path.is_file()
        except (OSError, ValueError) as error:
            # A name that is too long, or none.
            raise _nothing() from error
        if not found:
            raise _nothing()
        return path


def _parts(path: str) -> tuple[str, Path]:
    """The edition, if there is one, and the rest."""
    first, _, rest = path.partition("/")
    return (first, Path(rest)) if first.startswith(MARK) else ("", Path(path))


def _type(path: Path) -> dict[str, str]:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    kind = kind or "application/octet-stream"
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return {"Content-Type": kind + charset}


def _nothing() -> NotFoundError:
    return NotFoundError("not_found", "There is nothing at this path.")
