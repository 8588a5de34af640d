"""Sessions: what there is, launched, steered, looked at."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from portal.access import Act, Mode, Person
from portal.display.admissions import Admissions
from portal.display.labels import Label
from portal.errors import ForbiddenError, ProblemError
from portal.roster import Roster
from portal.sign_in.users import Users
from portal.suspension import Suspension
from portal.upstream.client import Answer, Wire
from portal.web.answers import json_answer, no_content
from portal.web.bodies import Body, read_body, read_query
from portal.web.caller import remote_of, signed_in

_STEERING = ("suspend", "resume", "terminate", "disconnect")

_log = structlog.get_logger()


class Launch(Body):
    """``POST /api/sessions``; what the values mean, the supervisor judges."""

    template: str | None = None
    command: str | None = None
    geometry: str | None = None
    dpi: int | None = None
    name: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)


class Change(Body):
    """``PATCH /api/sessions/{id}``."""

    name: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)


class Connect(Body):
    """``POST /api/sessions/{id}/connect``."""

    mode: Literal["control", "view"] = "control"


class Scope(BaseModel):
    """Whose sessions: mine, or those that an administrator sees as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Literal["mine", "all"] = "mine"


class SessionsApi:
    """The calls under ``/api/sessions``, and templates."""

    def __init__(
        self, roster: Roster, admissions: Admissions, suspension: Suspension, users: Users
    ) -> None:
        self._roster = roster
        self._upstream = roster.upstream
        self._admissions = admissions
        self._suspension = suspension
        self._users = users

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        one = "/api/sessions/{id}"
        return [
            web.get("/api/templates", self.templates),
            web.get("/api/sessions", self.list),
            web.post("/api/sessions", self.launch),
            web.get(one, self.show),
            web.patch(one, self.change),
            web.delete(one, self.purge),
            *(web.post(f"{one}/{verb}", self.steer) for verb in _STEERING),
            web.post(f"{one}/connect", self.connect),
            web.get(f"{one}/viewers", self.viewers),
        ]

    async def templates(self, request: web.Request) -> web.Response:
        """200: what can be launched, as the relay tells it."""
        signed_in(request)
        return json_answer((await self._upstream.call("GET", "/v1/templates")).object)

    async def list(self, request: web.Request) -> web.Response:
        """200: own and shared sessions; with ``scope=all``, for administrators, all."""
        person, _ = signed_in(request)
        everybody = wants_all(request, person)
        return json_answer({"sessions": self._roster.all_visible(person, everybody=everybody)})

    async def launch(self, request: web.Request) -> web.Response:
        """202: accepted."""
        person, _ = signed_in(request)
        asked = await read_body(request, Launch)
        key = request.headers.get("Idempotency-Key")
        headers = {} if key is None else {"Idempotency-Key": _own_key(person, key)}
        start = {**asked.model_dump(exclude_none=True), "user": person.user}
        answer = await self._upstream.call("POST", "/v1/sessions", start, headers=headers)
        session = answer.object
        self._log(request, "session_launched", session["id"], template=session["template"])
        return self._answer(person, answer)

    async def show(self, request: web.Request) -> web.Response:
        """200: one."""
        person, _ = signed_in(request)
        session, access = await self._roster.find(person, _id(request), Act.SEE)
        return json_answer(self._roster.shown(session, person, access))

    async def change(self, request: web.Request) -> web.Response:
        """200: under its new name, with its new params."""
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, _id(request), Act.CHANGE)
        asked = await read_body(request, Change)
        body = asked.model_dump(exclude_none=True)
        answer = await self._upstream.call("PATCH", _path(session), body)
        self._log(request, "session_changed", session["id"], params=sorted(asked.params))
        return self._answer(person, answer)

    async def steer(self, request: web.Request) -> web.Response:
        """As the relay: suspended, resumed, terminating, its viewers out."""
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, _id(request), Act.CHANGE)
        verb = request.path.rpartition("/")[2]
        if verb == "suspend":
            answer = await self._suspension.suspend(session)
        else:
            answer = await self._upstream.call("POST", f"{_path(session)}/{verb}")
        self._log(request, "session_steered", session["id"], verb=verb)
        return self._answer(person, answer)

    async def purge(self, request: web.Request) -> web.Response:
        """204: the container is gone and the session forgotten."""
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, _id(request), Act.CHANGE)
        await self._upstream.call("DELETE", _path(session))
        self._roster.mirror.forget(session["id"])
        self._log(request, "session_purged", session["id"])
        return no_content()

    async def connect(self, request: web.Request) -> web.Response:
        """200: admission to the display. 409 while there is none, or guests have to wait."""
        person, sign_in = signed_in(request)
        asked = await read_body(request, Connect)
        act = Act.CONTROL if asked.mode == "control" else Act.VIEW
        session, _ = await self._roster.find(person, _id(request), act)
        # Which it was allowed by: a moment later it may have ended, and then nobody is admitted.
        share = self._roster.share_of(person, session)
        require_display(session)
        admission = await self._admissions.give(
            session["id"],
            Mode(asked.mode),
            (await self._users.find(person.user)).full_name or person.user,
            share=share,
            sign_in=sign_in,
        )
        return json_answer(admission)

    async def viewers(self, request: web.Request) -> web.Response:
        """200: who is connected."""
        person, _ = signed_in(request)
        session, _ = await self._roster.find(person, _id(request), Act.SEE)
        return json_answer(
            {"viewers": [*map(_viewer, await self._admissions.viewers(session["id"]))]}
        )

    def _answer(self, person: Person, answer: Answer) -> web.Response:
        """A session as the relay answers it, which the mirror hears of as well."""
        session = answer.object
        self._roster.mirror.absorb(session)
        access = self._roster.access(person, session)
        shown = session if access is None else self._roster.shown(session, person, access)
        return json_answer(shown, answer.status)

    def _log(self, request: web.Request, event: str, session_id: str, **fields: object) -> None:
        person, _ = signed_in(request)
        remote = remote_of(request).address
        _log.info(event, session_id=session_id, user=person.user, remote=remote, **fields)


def wants_all(request: web.Request, person: Person) -> bool:
    """Whether all sessions are asked for. Raises ForbiddenError, InvalidError."""
    if read_query(request, Scope).scope == "mine":
        return False
    if not person.is_administrator:
        raise ForbiddenError("administrators_only", "All sessions are for administrators to see.")
    return True


def require_display(session: Wire) -> None:
    """Raise ProblemError 409 where nobody can be connected, now or soon."""
    phase = session["phase"]
    if phase not in {"running", "suspended"}:
        detail = {
            "pending": "The session waits for its turn; its display opens when it runs.",
            "starting": "The session is starting; its display opens when it runs.",
            "unknown": "The session cannot be reached at the moment; it is tried again.",
        }.get(phase, "The session has ended.")
        raise ProblemError(409, "not_connectable", detail)


def _viewer(viewer: Wire) -> dict[str, Any]:
    label = Label.read(viewer["label"])
    return {
        "connection": viewer["id"] if label is None else label.connection,
        "name": viewer["guest"],
        "mode": viewer["mode"],
        "connected_at": viewer["connected_at"],
    }


def _own_key(person: Person, key: str) -> str:
    """A key of one person: somebody else's of the same name is another."""
    return hashlib.sha256(f"{person.user}\0{key}".encode("utf-8", "surrogateescape")).hexdigest()


def _id(request: web.Request) -> str:
    return request.match_info["id"]


def _path(session: Wire) -> str:
    return f"/v1/sessions/{session['id']}"
