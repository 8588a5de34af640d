"""Who makes a request: from where, signed in as whom; and whether it may change anything.

cookie -> sign-in -> (it is one by a proxy's header? then the header has to be there, still)
no cookie, but a trusted proxy's header -> a new sign-in, whose cookie the answer takes along
not GET or HEAD below /api -> Origin is the portal's own, and the token of /api/me is there
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from portal.access import Person
from portal.errors import ForbiddenError, NotSignedInError
from portal.settings import Settings
from portal.sign_in.sign_ins import SignIn, SignIns, csrf_token
from portal.sign_in.users import Users
from portal.web.cookies import Cookies
from portal.web.remote import Remote, Remotes

CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD"})

_log = structlog.get_logger()


@dataclass(slots=True)
class Caller:
    """Who makes one request."""

    remote: Remote
    person: Person | None = None
    sign_in: SignIn | None = None
    token: str = ""


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)


def remote_of(request: web.Request) -> Remote:
    """Where the request comes from."""
    return request[CALLER].remote


def signed_in(request: web.Request) -> tuple[Person, SignIn]:
    """Who it is. Raises NotSignedInError; ForbiddenError for a change without the token."""
    caller = request[CALLER]
    if caller.person is None or caller.sign_in is None:
        raise NotSignedInError
    if request.method not in SAFE:
        given = request.headers.get(CSRF_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, csrf_token(caller.token).encode()):
            _log.warning("csrf_refused", user=caller.person.user, remote=caller.remote.address)
            detail = "The page is of an earlier sign-in: reload it."
            raise ForbiddenError("csrf", detail)
    return caller.person, caller.sign_in


@dataclass(frozen=True, slots=True)
class Callers:
    """Finds out, once per request."""

    remotes: Remotes
    sign_ins: SignIns
    users: Users
    cookies: Cookies
    settings: Settings

    def middleware(self) -> Middleware:
        """To stand before every call."""

        @web.middleware
        async def know(request: web.Request, handler: Handler) -> web.StreamResponse:
            remote = self.remotes.of(request)
            request[CALLER] = caller = Caller(remote)
            if request.method not in SAFE and request.path.startswith("/api/"):
                self._require_own_origin(request, remote)
            if self._wants_sign_in(request):
                await self._recognize(request, caller)
            return await handler(request)

        return know

    def require_own_page(self, request: web.Request) -> None:
        """For WebSockets, which other origins' pages can open. Raises ForbiddenError."""
        self._require_own_origin(request, remote_of(request))

    def _require_own_origin(self, request: web.Request, remote: Remote) -> None:
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if self.remotes.is_own(request.headers.get("Origin"), remote) and site == "same-origin":
            return
        _log.warning("origin_refused", path=request.path, remote=remote.address)
        detail = (
            "This is for the portal's own pages alone. Behind a proxy, it has to hand on Host, or "
            "listen.origins has to name what browsers call the portal."
        )
        raise ForbiddenError("csrf", detail)

    def _wants_sign_in(self, request: web.Request) -> bool:
        return not request.path.startswith("/static/") and request.path != "/healthz"

    async def _recognize(self, request: web.Request, caller: Caller) -> None:
        by_proxy = self._user_by_proxy(request, caller.remote)
        caller.token = self.cookies.read(request, caller.remote)
        found = await self.sign_ins.find(caller.token) if caller.token else None
        if found is not None and not _contradicted(found, by_proxy):
            caller.sign_in = found
        elif by_proxy is not None:
            caller.token, caller.sign_in = await self._begin_by_header(request, by_proxy)
        if caller.sign_in is not None:
            caller.person = await self.users.person(caller.sign_in.user)

    def _user_by_proxy(self, request: web.Request, remote: Remote) -> str | None:
        """Whom a trusted proxy names; from others the header says nothing."""
        header = self.settings.config.sign_in.header.name
        if header is None:
            return None
        names = request.headers.getall(header, [])
        if not remote.by_proxy:
            if names:
                _log.warning("user_header_ignored", remote=remote.address)
            return None
        # Twice: one of them is not the proxy's.
        return names[0].strip() or None if len(names) == 1 else None

    async def _begin_by_header(self, request: web.Request, user: str) -> tuple[str, SignIn | None]:
        remote = remote_of(request)
        if not (await self.users.find(user)).is_known:
            _log.warning("sign_in_refused", user=user, method="header", remote=remote.address)
            return "", None
        token, sign_in = await self.sign_ins.begin(user, "header")
        self.cookies.offer(request, token, remote)
        _log.info("signed_in", user=user, method="header", remote=remote.address)
        return token, sign_in


def _contradicted(sign_in: SignIn, by_proxy: str | None) -> bool:
    """Whether the proxy names somebody else, or nobody any more."""
    if sign_in.method == "header":
        return by_proxy != sign_in.user
    return by_proxy is not None and by_proxy != sign_in.user
