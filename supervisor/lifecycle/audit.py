"""Acts: who did what to which session, and what came of it; on the wire: docs/schema/audit.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

Detail = str | int | float | bool | list[str] | None


class ActorKind(StrEnum):
    """What sort of party acts."""

    PEER = "peer"
    """A process on this host, by the kernel's word: the web server, fxctl, a front proxy."""
    TCP = "tcp"
    """A web server on another host, or whoever else has a token of relay.web.tcp.token_files."""
    ADDRESS = "address"
    """Somebody on the network."""
    SYSTEM = "system"
    """The daemon itself."""


class Outcome(StrEnum):
    """What came of an act."""

    DONE = "done"
    """Or accepted, and as good as done."""
    REFUSED = "refused"
    """By rule, by policy, or because there is no such thing; ``code`` says which."""
    FAILED = "failed"
    """Not for what was asked: engine, store or a fault of ours."""
    BROKEN_OFF = "broken_off"
    """The caller left or the daemon stopped meanwhile; it may have been done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. Of a viewer also by which ticket."""

    kind: ActorKind
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    address: str | None = None
    """IP address."""
    credential: str | None = None
    """The file of the token that was shown, by its name."""
    forwarded_for: str | None = None
    """What a front proxy says of who is behind it; a claim, no more."""
    admission: str | None = None
    """The first 12 hex digits of the ticket's SHA-256: tells tickets apart, admits nobody."""
    guest: str | None = None


SYSTEM = Actor(kind=ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act; ``action`` is one of those of docs/audit.md."""

    action: str
    actor: Actor = SYSTEM
    outcome: Outcome = Outcome.DONE
    code: str | None = None
    """Of a refusal or failure: the problem's."""
    session_id: str | None = None
    user: str | None = None
    """Whose session it is."""
    request_id: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)


class AuditTrail(Protocol):
    """Where acts are recorded."""

    def record(self, act: Act) -> None:
        """Keep it. Returns at once and raises nothing, whatever becomes of disks."""


class NoTrail:
    """Nobody wants to know."""

    def record(self, act: Act) -> None:
        """See AuditTrail."""


NO_TRAIL = NoTrail()
