"""What the web server calls about sessions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from relay.bodies import read_json
from relay.calls import current_call
from relay.config import RelayLimits
from relay.display.admissions import admission_of
from relay.display.tickets import Tickets
from relay.display.viewers import Viewer, Viewers
from relay.ports import Sessions
from relay.schemas import (
    CHANGE,
    LIST_QUERY,
    START,
    TICKET,
    TICKETS_QUERY,
    idempotency_key,
    if_none_match,
    named_session,
    query,
    validated,
)
from supervisor.lifecycle.errors import ConflictError
from supervisor.lifecycle.facts import ResumeRequested, SuspendRequested, TerminateRequested
from supervisor.lifecycle.session import Phase, Session, known_phase
from supervisor.lifecycle.times import rfc3339
from supervisor.lifecycle.transitions import CloseCode
from supervisor.lifecycle.view import session_object

_NAME_CHARACTERS = 256


class WebApi:
    """The calls under ``/v1/sessions``."""

    def __init__(
        self, sessions: Sessions, tickets: Tickets, viewers: Viewers, limits: RelayLimits
    ) -> None:
        self._sessions = sessions
        self._tickets = tickets
        self._viewers = viewers
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        one = "/v1/sessions/{id}"
        return [
            web.post("/v1/sessions", self.start),
            web.get("/v1/sessions", self.list_page, allow_head=False),
            web.get(one, self.show, allow_head=False),
            web.patch(one, self.change),
            web.delete(one, self.purge),
            web.post(f"{one}/suspend", self.suspend),
            web.post(f"{one}/resume", self.resume),
            web.post(f"{one}/terminate", self.terminate),
            web.post(f"{one}/disconnect", self.disconnect),
            web.post(f"{one}/tickets", self.issue_ticket),
            web.delete(f"{one}/tickets", self.revoke_tickets),
            web.get(f"{one}/viewers", self.list_viewers, allow_head=False),
            web.get("/v1/viewers", self.list_all_viewers, allow_head=False),
            web.get("/v1/users/{name}/quota", self.show_quota, allow_head=False),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """202: the session is accepted and durable."""
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        body = validated(START, await read_json(request, self._limits))
        call = current_call()
        call.user = body.user[:_NAME_CHARACTERS]
        call.details |= {"template": body.template, "command": body.command}
        session = await self._sessions.start(body.request(), idempotency_key=key)
        call.session_id = session.id
        call.details |= {"template": session.template, "command": session.command}
        call.details["image"] = session.image
        return _answer(session, 202, {"Location": f"/v1/sessions/{session.id}"})

    async def list_page(self, request: web.Request) -> web.Response:
        """200: one page, newest first."""
        asked = query(LIST_QUERY, request.query)
        page = self._sessions.list(
            user=asked.user, phase=asked.phase, limit=asked.limit, cursor=asked.cursor
        )
        listed = b",".join(self._sessions.document(session) for session in page.sessions)
        body = b'{"sessions":[%s],"next":%s}' % (listed, json.dumps(page.next).encode())
        return web.Response(body=body, content_type="application/json")

    async def show(self, request: web.Request) -> web.Response:
        """200, or 304 when the caller has this version."""
        session = self._find(request)
        etag = f'"{session.version}"'
        if if_none_match(request) & {etag, "*"}:
            return web.Response(status=304, headers={"ETag": etag})
        return _answer(session, 200)

    async def change(self, request: web.Request) -> web.Response:
        """200: the session under its new name, with its new params."""
        body = validated(CHANGE, await read_json(request, self._limits))
        current_call().details |= {"name": body.name, "params": sorted(body.params)}
        session = await self._sessions.change(
            named_session(request), name=body.name, params=body.params
        )
        return _answer(session, 200)

    async def suspend(self, request: web.Request) -> web.Response:
        """202: put aside, its viewers out; asking again is harmless. 409 unless it runs."""
        session = await self._sessions.submit(named_session(request), SuspendRequested())
        return _answer(_required(session, Phase.SUSPENDED, "suspended"), 202)

    async def resume(self, request: web.Request) -> web.Response:
        """202: it goes on; asking again is harmless. 409 unless it was suspended, or runs."""
        session = await self._sessions.submit(named_session(request), ResumeRequested())
        return _answer(_required(session, Phase.RUNNING, "resumed"), 202)

    async def show_quota(self, request: web.Request) -> web.Response:
        """200: what a user may have at once, and has."""
        return json_response(await self._sessions.quota(request.match_info["name"]))

    async def terminate(self, request: web.Request) -> web.Response:
        """202: the session will end; asking again is harmless."""
        session = await self._sessions.submit(named_session(request), TerminateRequested())
        return _answer(session, 202)

    async def purge(self, request: web.Request) -> web.Response:
        """204: the container is gone and the session forgotten."""
        await self._sessions.purge(named_session(request))
        return web.Response(status=204)

    async def disconnect(self, request: web.Request) -> web.Response:
        """200: the session, its viewers put out."""
        session = self._find(request)
        leaving = self._viewers.dismiss(session.id, CloseCode.DISCONNECTED)
        current_call().details["count"] = len(leaving)
        gone = [asyncio.ensure_future(viewer.gone.wait()) for viewer in leaving]
        if gone:
            # Each leaves within twice its close deadline; the answer does not depend on it.
            _, late = await asyncio.wait(gone, timeout=3 * self._limits.close_seconds)
            for waiter in late:
                waiter.cancel()
        return _answer(self._find(request), 200)

    async def issue_ticket(self, request: web.Request) -> web.Response:
        """201: what admits a viewer. 409 when the session is over."""
        session = self._find(request)
        asked = validated(TICKET, await read_json(request, self._limits, empty=b"{}"))
        session = self._find(request)
        if known_phase(session) in (Phase.TERMINATING, Phase.ENDED):
            raise ConflictError("The session is over; there is no display to be admitted to.")
        secret, ticket = await self._tickets.issue(session.id, asked)
        current_call().details |= {
            "admission": admission_of(ticket),
            "mode": ticket.mode.value,
            "guest": ticket.guest,
            "label": ticket.label,
            "ttl_seconds": asked.ttl_seconds,
            "uses": asked.uses,
        }
        issued = {
            "ticket": secret,
            "mode": ticket.mode.value,
            "expires_at": rfc3339(ticket.expires_at),
            "path": f"/v1/sessions/{session.id}/display?ticket={secret}",
        }
        return json_response(issued, 201, {"Cache-Control": "no-store"})

    async def revoke_tickets(self, request: web.Request) -> web.Response:
        """204: no ticket issued before admits anybody; who came in by one still good is put out.

        With a label: none of that label; and who came in by one is put out in any case.
        """
        asked = query(TICKETS_QUERY, request.query)
        label = asked.label
        session = self._find(request)
        revoked = self._tickets.outstanding(session.id, label)
        leaving = self._viewers.dismiss(
            session.id,
            asked.code or CloseCode.TICKET_REVOKED,
            lambda viewer: (
                viewer.ticket.key in revoked or (label is not None and viewer.ticket.label == label)
            ),
        )
        current_call().details |= {"count": len(revoked), "label": label, "viewers": len(leaving)}
        await self._tickets.revoke(session.id, label)
        return web.Response(status=204)

    async def list_viewers(self, request: web.Request) -> web.Response:
        """200: who is connected to the display, the longest first."""
        session = self._find(request)
        present = self._viewers.connected(session.id)
        return json_response({"viewers": [_viewer_object(viewer) for viewer in present]})

    async def list_all_viewers(self, _request: web.Request) -> web.Response:
        """200: who is connected to any display."""
        present = self._viewers.all_connected()
        return json_response({"viewers": [_wherever(viewer) for viewer in present]})

    def _find(self, request: web.Request) -> Session:
        return self._sessions.get(named_session(request))


def _required(session: Session, phase: Phase, what: str) -> Session:
    """The session if it came to this phase. Raises ConflictError."""
    if known_phase(session) is not phase:
        raise ConflictError(
            f"The session is {known_phase(session).value}; it can be {what} while it is running."
            if what == "suspended"
            else f"The session is {known_phase(session).value}; only a suspended one can be {what}."
        )
    return session


def _viewer_object(viewer: Viewer) -> Mapping[str, Any]:
    return {
        "id": viewer.id,
        "mode": viewer.ticket.mode.value,
        "guest": viewer.ticket.guest,
        "label": viewer.ticket.label,
        "connected_at": rfc3339(viewer.connected_at),
    }


def _wherever(viewer: Viewer) -> Mapping[str, Any]:
    traffic = viewer.traffic
    return {
        **_viewer_object(viewer),
        "session_id": viewer.ticket.session_id,
        "to_viewer_bytes": 0 if traffic is None else traffic.to_viewer_bytes,
        "to_agent_bytes": 0 if traffic is None else traffic.to_agent_bytes,
    }


def json_response(
    value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON object as an answer; NaN and infinities are a fault of ours, not of the reader's."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _answer(
    session: Session, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    tagged = {"ETag": f'"{session.version}"', **(headers or {})}
    return json_response(session_object(session), status, tagged)
