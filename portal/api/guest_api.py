"""Who holds the link of a share, signed in or not: the token says what they may."""

from __future__ import annotations

from typing import Annotated

import structlog
from aiohttp import web
from pydantic import AfterValidator, Field

from portal.api.sessions_api import require_display
from portal.api.times import rfc3339
from portal.display.admissions import Admissions
from portal.errors import NotFoundError
from portal.roster import Roster
from portal.sign_in.pace import Pace
from portal.store.share_rows import Share
from portal.upstream.client import Wire
from portal.web.answers import json_answer
from portal.web.bodies import Body, read_body
from portal.web.caller import remote_of

_log = structlog.get_logger()


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text.strip()


class Held(Body):
    """``POST /api/shared``."""

    token: Annotated[str, Field(min_length=1, max_length=256)]


class Knock(Held):
    """``POST /api/shared/connect``; ``guest`` is what others see, and is not checked by anybody."""

    guest: Annotated[str, Field(max_length=48), AfterValidator(_printable)] = ""


class GuestApi:
    """The calls of guests; wrong tokens are counted by address."""

    def __init__(self, roster: Roster, admissions: Admissions, pace: Pace) -> None:
        self._roster = roster
        self._admissions = admissions
        self._pace = pace

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.post("/api/shared", self.show),
            web.post("/api/shared/connect", self.connect),
            web.get("/api/connections/{connection}", self.connection),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """200: what is shared."""
        share, session = await self._find(request, (await read_body(request, Held)).token)
        # Of the session no more than its screen needs.
        shown = {key: session.get(key) for key in ("id", "name", "user", "phase", "clipboard")}
        paused = session["phase"] == "suspended" and self._roster.pauses.holds(session["id"])
        return json_answer(
            {
                "session": shown,
                "mode": share.mode.value,
                "paused": paused,
                "expires_at": rfc3339(share.expires_at),
            }
        )

    async def connect(self, request: web.Request) -> web.Response:
        """200: admission to the display. 409 while there is none, or guests have to wait."""
        asked = await read_body(request, Knock)
        share, session = await self._find(request, asked.token)
        require_display(session)
        name = f"{asked.guest or 'A guest'} (by link)"
        try:
            admission = await self._admissions.give(
                session["id"], share.mode, name, share=share, sign_in=None
            )
        except NotFoundError:
            raise _invalid() from None
        remote = remote_of(request).address
        _log.info("guest_admitted", session_id=session["id"], share=share.id, remote=remote)
        return json_answer(admission)

    async def connection(self, request: web.Request) -> web.Response:
        """200: why a display did not open, as a problem; ``null``: nothing is known of that."""
        problem = self._admissions.refusal(request.match_info["connection"])
        return json_answer({"refused": None if problem is None else problem.document()})

    async def _find(self, request: web.Request, token: str) -> tuple[Share, Wire]:
        remote = remote_of(request).address
        self._pace.require_leave(remote)
        share = self._roster.shares.by_token(token)
        if share is None:
            self._pace.note_failure(remote)
            _log.warning("share_refused", remote=remote)
            raise _invalid()
        try:
            return share, await self._roster.session(share.session_id)
        except NotFoundError:
            raise _invalid() from None


def _invalid() -> NotFoundError:
    detail = "This link is not valid (any more): it was ended, has expired, or is not complete."
    return NotFoundError("share_invalid", detail)
