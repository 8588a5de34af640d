"""What a session shows and says: thumbnails and logs, handed on as they come."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from portal.access import Act, Person
from portal.concurrency import ConcurrencyLimit
from portal.errors import ProblemError, RelayError
from portal.pictures import Picture, Pictures
from portal.roster import Roster
from portal.sign_in.sign_ins import SignIn
from portal.upstream.client import Pool, Wire
from portal.web.bodies import read_query
from portal.web.caller import signed_in

_STALL_SECONDS = 30.0
"""A browser that takes nothing for so long is cut off."""


_ASIDE = frozenset({"suspended", "unknown"})
"""Phases in which there is a screen, and nobody can be asked for it."""

MOST_PER_USER = 32
"""Pictures, and logs, that one user waits for at once: a session need not answer."""


class Thumbnail(BaseModel):
    """``GET /api/sessions/{id}/thumbnail``; pixels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: Annotated[int, Field(ge=16, le=4096)] = 320


class Log(BaseModel):
    """``GET /api/sessions/{id}/log``; ``tail`` counts lines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tail: Annotated[int, Field(ge=0, le=10_000)] | None = None
    follow: Literal["true", "false", "1", "0"] = "false"


class MediaApi:
    """The calls whose answers are no JSON."""

    def __init__(self, roster: Roster, kept: Pictures) -> None:
        self._roster = roster
        self._upstream = roster.upstream
        self._kept = kept
        self.pictures = ConcurrencyLimit(
            MOST_PER_USER, "too_many_pictures", "You wait for too many pictures; try again.", 1.0
        )
        self.logs = ConcurrencyLimit(
            MOST_PER_USER, "too_many_logs", "You have too many logs open: close some.", 5.0
        )

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.get("/api/sessions/{id}/thumbnail", self.thumbnail, allow_head=False),
            web.get("/api/sessions/{id}/log", self.log, allow_head=False),
        ]

    async def thumbnail(self, request: web.Request) -> web.Response:
        """200: PNG; 304 when the browser has this one; 409 while there is none.

        While there is no display to ask, the last picture that was taken of it.
        """
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, request.match_info["id"], Act.SEE)
        width = read_query(request, Thumbnail).width
        known = request.headers.get("If-None-Match")
        is_aside, picture = session["phase"] in _ASIDE, None
        if not is_aside:
            try:
                with self.pictures.place(person.user):
                    picture = await self._kept.fetch(session["id"], width, known)
            except RelayError as error:
                if error.code != "not_connectable":
                    raise
                # It was put aside a moment ago.
                is_aside = True
            # By what somebody sees it may have ended meanwhile.
            session, _ = await self._roster.find(person, session["id"], Act.SEE)
        return _picture(self._last(person, session) if is_aside else picture, known)

    def _last(self, person: Person, session: Wire) -> Picture:
        """Raises ProblemError 409."""
        picture = self._kept.last(session["id"])
        share = self._roster.share_of(person, session)
        # What a guest sees is what was to be seen since there is something for them to see.
        if picture is None or (share is not None and picture.taken_at < share.created_at):
            raise ProblemError(409, "not_connectable", "There is no picture of the session now.")
        return picture

    async def log(self, request: web.Request) -> web.StreamResponse:
        """200: text, to its end or on and on."""
        person, sign_in = signed_in(request)
        session, _ = await self._roster.find(person, request.match_info["id"], Act.READ_LOG)
        asked = read_query(request, Log).model_dump(exclude_none=True)
        query = {name: str(value) for name, value in asked.items()}
        with self.logs.place(person.user):
            return await self._log(request, f"/v1/sessions/{session['id']}/log", query, sign_in)

    async def _log(
        self, request: web.Request, path: str, query: dict[str, str], sign_in: SignIn
    ) -> web.StreamResponse:
        async with self._upstream.stream("GET", path, query=query, pool=Pool.MEDIA) as source:
            response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
            response.content_type, response.charset = "text/plain", "utf-8"
            await response.prepare(request)
            handing = asyncio.create_task(_hand_on(source, response))
            ended = asyncio.create_task(sign_in.ended.wait())
            try:
                await asyncio.wait({handing, ended}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                whole = handing.done() and not handing.cancelled() and handing.exception() is None
                handing.cancel()
                ended.cancel()
                await asyncio.gather(handing, ended, return_exceptions=True)
                # Not in good form: what the browser has is not all there is.
                if not whole and request.transport is not None:
                    request.transport.abort()
        return response


def _picture(picture: Picture | None, known: str | None) -> web.Response:
    """``None``: as the browser has it."""
    headers = {"Cache-Control": "private, no-cache"}
    if picture is None or (known is not None and picture.etag == known):
        return web.Response(status=304, headers=headers)
    if picture.etag is not None:
        headers["ETag"] = picture.etag
    return web.Response(body=picture.body, content_type="image/png", headers=headers)


async def _hand_on(source: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    """Raises TimeoutError or aiohttp.ClientError when it breaks off."""
    async for piece in source.content.iter_any():
        async with asyncio.timeout(_STALL_SECONDS):
            await response.write(piece)
    await response.write_eof()
