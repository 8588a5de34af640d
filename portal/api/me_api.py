"""Signing in and out, and who one is."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

import structlog
from aiohttp import web
from pydantic import Field

from portal.access import Person
from portal.errors import ProblemError
from portal.settings import Settings
from portal.sign_in.sign_ins import SignIn, csrf_token
from portal.sign_in.users import Users
from portal.sign_in.ways import Ways, refused
from portal.upstream.client import Upstream
from portal.web.answers import json_answer, no_content
from portal.web.bodies import Body, read_body
from portal.web.caller import CALLER, Callers, remote_of, signed_in

_log = structlog.get_logger()

_QUOTA_SECONDS = 2.0
"""Who one is has to be known at once, also while the supervisor hangs."""


class Password(Body):
    """``POST /api/sign-in``."""

    user: Annotated[str, Field(min_length=1, max_length=256)]
    password: Annotated[str, Field(max_length=1024)]


class LinkToken(Body):
    """``POST /api/sign-in/link``."""

    token: Annotated[str, Field(min_length=1, max_length=1024)]


@dataclass(frozen=True, slots=True)
class MeApi:
    """The calls about oneself."""

    settings: Settings
    ways: Ways
    callers: Callers
    users: Users
    upstream: Upstream

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.get("/api/sign-in", self.show_ways),
            web.post("/api/sign-in", self.by_password),
            web.post("/api/sign-in/link", self.by_link),
            web.post("/api/sign-in/link/user", self.look_at_link),
            web.post("/api/sign-out", self.sign_out),
            web.get("/api/me", self.me),
            web.get("/api/ping", self.ping),
        ]

    async def show_ways(self, request: web.Request) -> web.Response:
        """200: how one can sign in, and whether one is already."""
        person = request[CALLER].person
        return json_answer(
            {
                "methods": list(self.ways.methods),
                "title": self.settings.config.sign_in.title,
                "user": None if person is None else person.user,
            }
        )

    async def by_password(self, request: web.Request) -> web.Response:
        """200 me."""
        asked = await read_body(request, Password)
        remote = remote_of(request).address
        user = await self.ways.by_password(asked.user, asked.password, remote)
        return await self._begin(request, user, "pam")

    async def by_link(self, request: web.Request) -> web.Response:
        """200 me."""
        asked = await read_body(request, LinkToken)
        user = await self.ways.by_link(asked.token, remote_of(request).address)
        return await self._begin(request, user, "link")

    async def look_at_link(self, request: web.Request) -> web.Response:
        """200: whom the link would sign in, and whether to ask before; the link is not used."""
        asked = await read_body(request, LinkToken)
        link = await self.ways.look_at_link(asked.token, remote_of(request).address)
        user = await self.users.find(link.user)
        return json_answer({"user": user.name, "asks": link.asks})

    async def sign_out(self, request: web.Request) -> web.Response:
        """204: the sign-in has ended, with its event streams and displays."""
        person, sign_in = signed_in(request)
        remote = remote_of(request)
        await self.callers.sign_ins.end(sign_in)
        _log.info("signed_out", user=person.user, remote=remote.address)
        response = no_content()
        self.callers.cookies.clear(response, remote)
        return response

    async def me(self, request: web.Request) -> web.Response:
        """200: who I am."""
        person, sign_in = signed_in(request)
        return json_answer(await self._me(person, sign_in, request[CALLER].token))

    async def ping(self, request: web.Request) -> web.Response:
        """204, at once."""
        signed_in(request)
        return no_content()

    async def _begin(self, request: web.Request, user: str, method: str) -> web.Response:
        remote, before = remote_of(request), request[CALLER].sign_in
        # As the host writes the name: sessions have it so.
        user = (await self.users.find(user)).name
        person = await self.users.person(user)
        if person is None:
            _log.warning("sign_in_refused", user=user, method=method, remote=remote.address)
            raise refused()
        token, sign_in = await self.callers.sign_ins.begin(user, method)
        if before is not None:
            await self.callers.sign_ins.end(before)
        _log.info("signed_in", user=user, method=method, remote=remote.address)
        response = json_answer(await self._me(person, sign_in, token))
        self.callers.cookies.set(response, token, remote)
        return response

    async def _me(self, person: Person, sign_in: SignIn, token: str) -> dict[str, Any]:
        user = await self.users.find(person.user)
        config = self.settings.config
        shares = config.shares
        return {
            "user": person.user,
            "full_name": user.full_name,
            "administrator": person.is_administrator,
            "method": sign_in.method,
            "sign_out_url": config.sign_in.header.sign_out_url
            if sign_in.method == "header"
            else None,
            "csrf_token": csrf_token(token),
            "shares": {
                "named": shares.named,
                "anyone": shares.anyone,
                "most_seconds": shares.most_seconds,
            },
            "quota": await self._quota(person.user),
            "host": socket.gethostname(),
        }

    async def _quota(self, user: str) -> dict[str, Any] | None:
        """``None``: it cannot be asked for, or there is none for this user."""
        try:
            async with asyncio.timeout(_QUOTA_SECONDS):
                answer = await self.upstream.call("GET", f"/v1/users/{quote(user, safe='')}/quota")
        except (ProblemError, TimeoutError):
            return None
        quota = answer.object
        return {"limits": quota["limits"], "use": quota["use"]}
