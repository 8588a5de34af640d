"""Who goes beyond a bound, in the log: a line for each offender and kind in a while, with a count.

The first is told of at once, what follows within ``interval_seconds`` in one line at its end, so
that an attacker is named and cannot fill the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from relay.defence.origin import Origin, Origins, Remote, unix_socket
from supervisor.lifecycle.session import Session, SessionId

_MOST_OFFENDERS = 1024
"""Told apart at once; the rest have one line in common."""

_log = structlog.get_logger()


class Offence(StrEnum):
    """What somebody did too much of."""

    CONNECTIONS = "connections"
    """Connections, faster than they are taken."""
    UNFINISHED_HEADS = "unfinished_heads"
    """Connections on which no request came in time."""
    OPEN_CALLS = "open_calls"
    """Calls of one session at the same time."""
    CALLS = "calls"
    """Calls of one session, one after the other."""
    WRONG_TOKENS = "wrong_tokens"
    HANDSHAKES = "handshakes"
    """Connections to the display socket that did not say which stream they are."""
    DESCRIPTORS = "descriptors"
    """Open descriptors that were passed where none is taken, or not such a one."""
    TLS_HANDSHAKES = "tls_handshakes"
    """Connections over the network that came to nothing before their first request."""


Offender = SessionId | Origin | Remote | None


@dataclass(slots=True)
class _Account:
    session_id: SessionId | None
    origin: Origin | None
    address: str | None = None
    count: int = 0


class Offences:
    """Counts and tells; ``whose`` finds the session of a container, ``get`` one by its id."""

    def __init__(
        self,
        whose: Callable[[str], Session | None],
        get: Callable[[SessionId], Session | None],
        origins: Origins,
        interval_seconds: float,
    ) -> None:
        self._whose = whose
        self._get = get
        self._origins = origins
        self._interval_seconds = interval_seconds
        self._accounts: dict[tuple[Offence, Offender], _Account] = {}

    def note(self, offence: Offence, offender: Offender) -> None:
        """Count one; the first of a while is logged at once."""
        account = self._accounts.get((offence, offender))
        if account is not None:
            account.count += 1
            return
        if len(self._accounts) >= _MOST_OFFENDERS and offender is not None:
            self.note(offence, None)
            return
        origin = offender if isinstance(offender, Origin) else None
        address = offender.address if isinstance(offender, Remote) else None
        session_id = None if isinstance(offender, Origin | Remote) else offender
        self._accounts[offence, offender] = _Account(session_id, origin, address)
        self._tell(offence, self._accounts[offence, offender], 1)
        self._wait(offence, offender)

    def note_peer(self, offence: Offence, transport: asyncio.BaseTransport | None) -> None:
        """Count one for whoever is at the other end, as far as that can be told."""
        sock = unix_socket(transport)
        if sock is not None:
            self.note(offence, self._origins.of(sock))

    def _wait(self, offence: Offence, offender: Offender) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._interval_seconds, self._settle, offence, offender)

    def _settle(self, offence: Offence, offender: Offender) -> None:
        account = self._accounts[offence, offender]
        if not account.count:
            del self._accounts[offence, offender]
            return
        self._tell(offence, account, account.count)
        account.count = 0
        self._wait(offence, offender)

    def _tell(self, offence: Offence, account: _Account, count: int) -> None:
        origin = account.origin
        session = self._session(account)
        _log.warning(
            "offence_noted",
            offence=offence.value,
            count=count,
            session_id=session.id if session else account.session_id,
            user=session.user if session else None,
            uid=origin.uid if origin else None,
            container_id=origin.container_id if origin else None,
            address=account.address,
        )

    def _session(self, account: _Account) -> Session | None:
        if account.session_id is not None:
            return self._get(account.session_id)
        if account.origin is not None and account.origin.container_id is not None:
            return self._whose(account.origin.container_id)
        return None
