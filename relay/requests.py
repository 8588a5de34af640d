"""Who asked for what: an act for each call of the web server's that changes or shows something.

Calls that only tell what is there (listings, templates, metrics) are none. Why one was refused is
its code: texts may hold what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from relay.calls import Call, current_call
from relay.measures import route_of
from relay.peers import actor_of
from relay.ports import Sessions
from relay.problems import ProblemError, of_supervisor
from relay.repeats import Repeats
from supervisor.lifecycle.audit import Act, AuditTrail, Outcome
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.session import Timestamp

_ONE = "/v1/sessions/{id}"
OTHER = "other.call"
"""A call that changes something and has no name here: docs/audit.md is behind."""

ACTIONS = {
    ("POST", "/v1/sessions"): "session.launch",
    ("PATCH", _ONE): "session.change",
    ("DELETE", _ONE): "session.purge",
    ("POST", f"{_ONE}/suspend"): "session.suspend",
    ("POST", f"{_ONE}/resume"): "session.resume",
    ("POST", f"{_ONE}/terminate"): "session.terminate",
    ("POST", f"{_ONE}/disconnect"): "session.disconnect",
    ("POST", f"{_ONE}/exec"): "session.exec",
    ("POST", f"{_ONE}/tickets"): "ticket.issue",
    ("DELETE", f"{_ONE}/tickets"): "ticket.revoke",
    ("GET", f"{_ONE}/log"): "log.read",
    ("GET", f"{_ONE}/screenshot"): "screenshot.take",
    ("POST", "/v1/node/cordon"): "node.cordon",
    ("POST", "/v1/node/drain"): "node.drain",
    ("POST", "/v1/node/undrain"): "node.undrain",
    ("POST", "/v1/reconcile"): "node.reconcile",
}

_READING = frozenset({"GET", "HEAD"})
_ID_CHARACTERS = 64

Prepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


_REPEATED = frozenset({"screenshot.take"})
"""What a web server's pages ask for by themselves, every few seconds."""
_REPEATED_SECONDS = 60.0


def recorder(
    trail: AuditTrail, sessions: Sessions, clock: Callable[[], Timestamp]
) -> tuple[Middleware, Prepare]:
    """A middleware that records acts, and what it needs told of each answer that begins.

    What streams is recorded when it begins: it may go on for days.
    """
    recording = _Recording(trail, Repeats(_REPEATED_SECONDS, clock))

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if action_of(request) is None:
            return await handler(request)
        call = current_call()
        _look_up(request, call, sessions)
        try:
            response = await handler(request)
        except asyncio.CancelledError:
            recording.record_once(request, call, Outcome.BROKEN_OFF)
            raise
        except (ProblemError, SupervisorError) as error:
            problem = error if isinstance(error, ProblemError) else of_supervisor(error)
            outcome = Outcome.FAILED if problem.status >= 500 else Outcome.REFUSED
            recording.record_once(request, call, outcome, problem.code)
            raise
        except Exception:
            recording.record_once(request, call, Outcome.FAILED, "internal")
            raise
        recording.record_once(request, call, Outcome.DONE)
        return response

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if not isinstance(response, web.Response) and action_of(request) is not None:
            recording.record_once(request, current_call(), Outcome.DONE)

    return middleware, prepare


def action_of(request: web.Request) -> str | None:
    """What is recorded of the request; ``None``: nothing."""
    method = request.method
    return ACTIONS.get((method, route_of(request)), None if method in _READING else OTHER)


def _look_up(request: web.Request, call: Call, sessions: Sessions) -> None:
    """Before the call: a session that is purged cannot be asked afterwards."""
    named = request.match_info.get("id")
    if named is None:
        return
    call.session_id = named[:_ID_CHARACTERS]
    try:
        call.user = sessions.get(named).user
    except SupervisorError:
        # The call meets it as well, and says so.
        return


class _Recording:
    """Writes each call down once."""

    def __init__(self, trail: AuditTrail, repeats: Repeats) -> None:
        self._trail = trail
        self._repeats = repeats

    def record_once(
        self, request: web.Request, call: Call, outcome: Outcome, code: str | None = None
    ) -> None:
        """Unless it was already, or is the same as one a moment ago."""
        if call.recorded:
            return
        call.recorded = True
        action = action_of(request) or OTHER
        actor = actor_of(request)
        details = dict(call.details)
        if action == OTHER:
            details |= {"method": request.method[:16], "route": route_of(request)}
        if action in _REPEATED and outcome is Outcome.DONE:
            left_out = self._repeats.take((action, call.session_id, replace(actor, pid=None)))
            if left_out is None:
                return
            if left_out:
                details["unrecorded_before"] = left_out
        self._trail.record(
            Act(
                action=action,
                actor=actor,
                outcome=outcome,
                code=code,
                session_id=call.session_id,
                user=call.user,
                request_id=call.id,
                details=details,
            )
        )
