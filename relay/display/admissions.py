"""What is recorded of viewers: who came by which ticket, who was kept out, who has left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from relay.calls import current_call
from relay.display.pump import Traffic
from relay.peers import actor_of
from relay.ports import Sessions
from relay.problems import ProblemError, of_supervisor
from supervisor.lifecycle.audit import Act, Actor, AuditTrail, Detail, Outcome
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.tickets import Ticket

_ADMISSION_DIGITS = 12
_REFUSALS = 20
_REFUSALS_SECONDS = 10.0
"""So many refusals are recorded in so long: anybody on the network can knock in a loop."""


def admission_of(ticket: Ticket) -> str:
    """Tells a ticket from others; its key is a hash of 256 random bits, and this a part of it."""
    return ticket.key[:_ADMISSION_DIGITS]


class Admissions:
    """Records viewers' acts; ``clock`` is in seconds."""

    def __init__(
        self, trail: AuditTrail, sessions: Sessions, clock: Callable[[], Timestamp]
    ) -> None:
        self._trail = trail
        self._sessions = sessions
        self._clock = clock
        self._window_began = 0.0
        self._refusals = 0

    def refused(
        self, request: web.Request, ticket: Ticket | None, error: ProblemError | SupervisorError
    ) -> None:
        """A viewer was not let in; of a flood of them not each, but how many were left out."""
        now = self._clock()
        unrecorded = 0
        if not 0 <= now - self._window_began < _REFUSALS_SECONDS:
            unrecorded = max(0, self._refusals - _REFUSALS)
            self._window_began, self._refusals = now, 0
        self._refusals += 1
        if self._refusals > _REFUSALS:
            return
        problem = error if isinstance(error, ProblemError) else of_supervisor(error)
        details: dict[str, Detail] = {"unrecorded_before": unrecorded} if unrecorded else {}
        self._record(
            request,
            ticket,
            "viewer.connect",
            details,
            outcome=Outcome.FAILED if problem.status >= 500 else Outcome.REFUSED,
            code=problem.code,
        )

    def connected(self, request: web.Request, ticket: Ticket) -> None:
        """A viewer has the display."""
        self._record(request, ticket, "viewer.connect", {"mode": ticket.mode.value})

    def disconnected(
        self,
        request: web.Request,
        ticket: Ticket,
        seconds: float,
        traffic: Traffic,
        code: int | None,
    ) -> None:
        """It has not any more, after so long; ``code`` is the WebSocket's close code."""
        details: dict[str, Detail] = {
            "mode": ticket.mode.value,
            "seconds": round(seconds, 3),
            "to_viewer_bytes": traffic.to_viewer_bytes,
            "to_agent_bytes": traffic.to_agent_bytes,
            "close_code": code,
        }
        self._record(request, ticket, "viewer.disconnect", details)

    def _record(  # noqa: PLR0913 what there is to tell
        self,
        request: web.Request,
        ticket: Ticket | None,
        action: str,
        details: dict[str, Detail],
        *,
        outcome: Outcome = Outcome.DONE,
        code: str | None = None,
    ) -> None:
        session_id = request.match_info.get("id", "")[:64]
        self._trail.record(
            Act(
                action=action,
                actor=_actor(request, ticket),
                outcome=outcome,
                code=code,
                session_id=session_id,
                user=self._user(session_id),
                request_id=current_call().id,
                details=details,
            )
        )

    def _user(self, session_id: str) -> str | None:
        try:
            return self._sessions.get(session_id).user
        except SupervisorError:
            return None


def _actor(request: web.Request, ticket: Ticket | None) -> Actor:
    actor = replace(actor_of(request), forwarded_for=request.headers.get("X-Forwarded-For"))
    if ticket is None:
        return actor
    return replace(actor, admission=admission_of(ticket), guest=ticket.guest)
