"""Somebody at the portal: signed in by a link, and calling what its pages call."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import aiohttp
from PIL import Image

from scripts.demo_lib.errors import DemoError

if TYPE_CHECKING:
    from types import TracebackType

    from scripts.demo_lib.web import Wire

CALL_SECONDS = 30.0


class Visitor:
    """Speaks to one portal. Use as an async context manager."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._csrf = ""
        # An address is a host like any other.
        self.http = aiohttp.ClientSession(
            base_url=origin,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Origin": origin},
            timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.close()

    async def sign_in(self, link: str) -> str:
        """Use the one-time link; the name of the user that it has signed in."""
        token = urlsplit(link).fragment.removeprefix("link=")
        me = await self.call("POST", "/api/sign-in/link", {"token": token})
        self._csrf = me["csrf_token"]
        return str(me["user"])

    async def call(self, method: str, path: str, body: Wire | None = None) -> Wire:
        """Make one call. Raises DemoError with the problem's own words on any refusal."""
        answer: Wire = json.loads(await self._read(method, path, body) or "{}")
        return answer

    async def thumbnail(self, session_id: str, width: int) -> Image.Image:
        """The picture on the session's card."""
        path = f"/api/sessions/{session_id}/thumbnail?width={width}"
        return Image.open(io.BytesIO(await self._read("GET", path, None))).convert("RGB")

    async def _read(self, method: str, path: str, body: Wire | None) -> bytes:
        headers = {"X-CSRF-Token": self._csrf} if self._csrf else {}
        async with self.http.request(method, path, json=body, headers=headers) as response:
            content = await response.read()
            if response.status >= 400:
                told = content.decode(errors="replace")
                raise DemoError(f"{method} {path} was answered {response.status}: {told}")
            return content
