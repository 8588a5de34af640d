"""Tickets: what admits a viewer to a display, for a short time and a number of uses.

Known by their SHA-256 only. A use is taken when a viewer comes and given back when it could not be
let in, so that an agent that was slow does not burn a single-use ticket. They are kept in the store
as well, so that a link which was shared outlives a restart of the daemon; a store that fails keeps
nobody from a session that runs.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from relay.ports import TicketShelf
from relay.problems import ProblemError
from relay.schemas import TicketBody
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.lifecycle.tickets import KeptTicket, Ticket

_log = structlog.get_logger()


@dataclass(slots=True)
class _Uses:
    ticket: Ticket
    left: int
    held: int = 0
    """Taken by viewers who are not let in yet."""


class Tickets:
    """The tickets of all sessions; ``clock`` is in seconds since the epoch."""

    def __init__(
        self, clock: Callable[[], Timestamp], per_session: int, shelf: TicketShelf
    ) -> None:
        self._clock = clock
        self._shelf = shelf
        self._per_session = per_session
        self._uses: dict[SessionId, dict[str, _Uses]] = {}

    async def load(self) -> None:
        """Take up what an earlier life of the daemon has issued. Raises StoreError."""
        for kept in await self._shelf.load():
            ticket = kept.ticket
            self._uses.setdefault(ticket.session_id, {})[ticket.key] = _Uses(ticket, kept.uses)

    async def issue(self, session_id: SessionId, wish: TicketBody) -> tuple[str, Ticket]:
        """A new ticket and the secret that is it. Raises ProblemError 429: too many."""
        outstanding = self._current(session_id)
        if len(outstanding) >= self._per_session:
            detail = "The session has too many tickets outstanding; revoke some or let them expire."
            raise ProblemError(429, "too_many_tickets", detail)
        secret = secrets.token_urlsafe(32)
        expires_at = self._clock() + wish.ttl_seconds
        ticket = Ticket(_key(secret), session_id, wish.mode, wish.guest, expires_at, wish.label)
        outstanding[ticket.key] = _Uses(ticket, wish.uses)
        self._uses[session_id] = outstanding
        await self._keep(ticket, wish.uses)
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

    def give_back(self, ticket: Ticket) -> None:
        """The viewer could not be let in: the use is as good as before."""
        uses = self._find(ticket)
        if uses is not None:
            uses.held -= 1
            uses.left += 1

    async def use_up(self, ticket: Ticket) -> bool:
        """The viewer is let in. False: the ticket was revoked in the meantime."""
        uses = self._find(ticket)
        if uses is None:
            return False
        uses.held -= 1
        remaining = uses.left + uses.held
        if remaining == 0:
            self._forget(ticket.session_id, ticket.key)
        await self._keep(ticket, remaining)
        return True

    def outstanding(self, session_id: SessionId, label: str | None = None) -> frozenset[str]:
        """The keys of every ticket, or every one of a label, that can still admit somebody."""
        return frozenset(
            key
            for key, uses in self._uses.get(session_id, {}).items()
            if label in (None, uses.ticket.label)
        )

    def count(self) -> int:
        """How many can still admit somebody, or are being used."""
        now = self._clock()
        return sum(
            uses.ticket.expires_at > now or uses.held > 0
            for of_session in self._uses.values()
            for uses in of_session.values()
        )

    async def revoke(self, session_id: SessionId, label: str | None = None) -> None:
        """Void every ticket, or every one of a label, that could still admit somebody.

        Raises StoreError: they are void now, but would be good again after a restart.
        """
        revoked = self.outstanding(session_id, label)
        for key in revoked:
            self._forget(session_id, key)
        if revoked:
            await self._shelf.drop(session_id, label)

    def forget(self, session_id: SessionId) -> None:
        """The session is over, and the store has forgotten its tickets."""
        self._uses.pop(session_id, None)

    async def _keep(self, ticket: Ticket, uses: int) -> None:
        try:
            await self._shelf.keep(KeptTicket(ticket, uses))
        except SupervisorError as error:
            _log.warning("ticket_not_kept", session_id=ticket.session_id, error=str(error))

    def _find(self, ticket: Ticket) -> _Uses | None:
        return self._uses.get(ticket.session_id, {}).get(ticket.key)

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
