"""Tickets: what admits a viewer to a display, for a short time and a number of uses.

Kept in memory as SHA-256 only: a restart of the daemon voids them, which costs a click. A use is
taken when a viewer comes and given back when it could not be let in, so that an agent that was slow
does not burn a single-use ticket.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId, Timestamp


class Mode(StrEnum):
    """What a viewer may do."""

    CONTROL = "control"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One admission, or several; ``key`` is the SHA-256 of what the viewer shows."""

    key: str
    session_id: SessionId
    mode: Mode
    guest: str | None
    expires_at: Timestamp


@dataclass(slots=True)
class _Uses:
    ticket: Ticket
    left: int
    held: int = 0
    """Taken by viewers who are not let in yet."""


class Tickets:
    """The tickets of all sessions; ``clock`` is in seconds since the epoch."""

    def __init__(self, clock: Callable[[], Timestamp], per_session: int) -> None:
        self._clock = clock
        self._per_session = per_session
        self._uses: dict[SessionId, dict[str, _Uses]] = {}

    def issue(
        self, session_id: SessionId, mode: Mode, guest: str | None, ttl_seconds: int, uses: int
    ) -> tuple[str, Ticket]:
        """A new ticket and the secret that is it. Raises ProblemError 429: too many."""
        outstanding = self._current(session_id)
        if len(outstanding) >= self._per_session:
            detail = "The session has too many tickets outstanding; revoke some or let them expire."
            raise ProblemError(429, "too_many_tickets", detail)
        secret = secrets.token_urlsafe(32)
        ticket = Ticket(_key(secret), session_id, mode, guest, self._clock() + ttl_seconds)
        outstanding[ticket.key] = _Uses(ticket, uses)
        self._uses[session_id] = outstanding
        return secret, ticket

    def redeem(self, session_id: SessionId, secret: str) -> Ticket:
        """Take one use, to be settled. Raises ProblemError 401: unknown, used, expired."""
        uses = self._current(session_id).get(_key(secret))
        # One that is held is kept past its time, for its hold to be settled, not to be used again.
        expired = uses is not None and uses.ticket.expires_at <= self._clock()
        if uses is None or uses.left == 0 or expired:
            detail = "The ticket is unknown, used up, expired or of another session; get a new one."
            raise ProblemError(401, "ticket_invalid", detail)
        uses.left -= 1
        uses.held += 1
        return uses.ticket

    def settle(self, ticket: Ticket, *, used: bool) -> bool:
        """End the hold that ``redeem`` began. False: the ticket was revoked in the meantime."""
        outstanding = self._uses.get(ticket.session_id, {})
        uses = outstanding.get(ticket.key)
        if uses is None:
            return False
        uses.held -= 1
        if not used:
            uses.left += 1
        if uses.left == 0 and uses.held == 0:
            self._forget(ticket.session_id, ticket.key)
        return True

    def revoke(self, session_id: SessionId) -> frozenset[str]:
        """Void every ticket that could still admit somebody; returns their keys."""
        return frozenset(self._uses.pop(session_id, {}))

    def _current(self, session_id: SessionId) -> dict[str, _Uses]:
        now = self._clock()
        outstanding = self._uses.get(session_id, {})
        expired = [
            key
            for key, uses in outstanding.items()
            if uses.ticket.expires_at <= now and not uses.held
        ]
        for key in expired:
            self._forget(session_id, key)
        return {
            key: uses
            for key, uses in outstanding.items()
            if uses.ticket.expires_at > now or uses.held
        }

    def _forget(self, session_id: SessionId, key: str) -> None:
        outstanding = self._uses.get(session_id, {})
        outstanding.pop(key, None)
        if not outstanding:
            self._uses.pop(session_id, None)


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
