"""Sessions shown to others: made, listed and ended by their owners."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import structlog
from aiohttp import web
from pydantic import Field

from portal.access import Act, Mode, Person
from portal.api.times import rfc3339
from portal.errors import FieldError, ForbiddenError, InvalidError, NotFoundError
from portal.revocation import Revocation
from portal.roster import Roster
from portal.settings import Settings
from portal.sign_in.users import Users
from portal.store.share_rows import Share
from portal.web.answers import json_answer, no_content
from portal.web.bodies import Body, read_body
from portal.web.caller import remote_of, signed_in
from portal.web.remote import Remotes

_DAY_SECONDS = 86_400

_log = structlog.get_logger()


class ShareWish(Body):
    """``POST /api/sessions/{id}/shares``; ``user`` is ``null`` for whoever holds the link."""

    mode: Literal["control", "view"] = "view"
    user: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    expires_in_seconds: Annotated[int, Field(ge=60)] = _DAY_SECONDS


class SharesApi:
    """The calls about shares, for those who are signed in."""

    def __init__(
        self,
        settings: Settings,
        roster: Roster,
        revocation: Revocation,
        users: Users,
        remotes: Remotes,
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._shares = roster.shares
        self._revocation = revocation
        self._users = users
        self._remotes = remotes

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.get("/api/sessions/{id}/shares", self.list),
            web.post("/api/sessions/{id}/shares", self.make),
            web.delete("/api/shares/{id}", self.end),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """200: those of a session that hold."""
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, request.match_info["id"], Act.LIST_SHARES)
        held = self._shares.of_session(session["id"])
        return json_answer({"shares": [self._shown(request, share) for share in held]})

    async def make(self, request: web.Request) -> web.Response:
        """201, with the link's token if it is for anyone: this once."""
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, request.match_info["id"], Act.SHARE)
        wish = await read_body(request, ShareWish)
        await self._judge(wish, person)
        share, token = await self._shares.make(
            session["id"], person.user, wish.user, Mode(wish.mode), wish.expires_in_seconds
        )
        self._roster.mirror.tell_shares(session["id"])
        self._log(request, "share_made", share)
        return json_answer(self._shown(request, share, token), 201)

    async def end(self, request: web.Request) -> web.Response:
        """204: it holds no more, and who came by it is put out."""
        person, _ = signed_in(request)
        share = self._shares.find(request.match_info["id"])
        if share is None:
            raise NotFoundError("share_not_found", "There is no such share.")
        try:
            await self._roster.find(person, share.session_id, Act.LIST_SHARES)
        except (NotFoundError, ForbiddenError):
            raise NotFoundError("share_not_found", "There is no such share.") from None
        await self._revocation.end_shares([share])
        self._log(request, "share_ended", share)
        return no_content()

    async def _judge(self, wish: ShareWish, person: Person) -> None:
        config = self._settings.config.shares
        if wish.expires_in_seconds > config.most_seconds:
            message = f"a share lasts {config.most_seconds} s at most"
            raise InvalidError([FieldError(("expires_in_seconds",), message)])
        if wish.user is None:
            if not config.anyone:
                detail = "Links for anyone are not allowed here: share with a user by name."
                raise ForbiddenError("shares_anyone_off", detail)
            return
        if not config.named:
            raise ForbiddenError("shares_named_off", "Sessions cannot be shared with users here.")
        if wish.user == person.user:
            raise InvalidError([FieldError(("user",), "it is your own session")])
        if not (await self._users.find(wish.user)).is_known:
            raise InvalidError([FieldError(("user",), "this host knows no such user")])

    def _shown(
        self, request: web.Request, share: Share, token: str | None = None
    ) -> dict[str, Any]:
        origin = self._remotes.origin_of(remote_of(request))
        url = f"{origin}/sessions/{share.session_id}" if share.user is not None else None
        if token is not None:
            url = f"{origin}/shared#{token}"
        return {
            "id": share.id,
            "mode": share.mode.value,
            "user": share.user,
            "created_at": rfc3339(share.created_at),
            "expires_at": rfc3339(share.expires_at),
            "url": url,
        }

    def _log(self, request: web.Request, event: str, share: Share) -> None:
        person, _ = signed_in(request)
        _log.info(
            event,
            session_id=share.session_id,
            user=person.user,
            remote=remote_of(request).address,
            share=share.id,
            guest=share.user,
            mode=share.mode.value,
        )
