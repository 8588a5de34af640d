"""What the webhook reads of the outbox, and how far it has come with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import SessionId, Timestamp


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One committed change as it is kept; ``data`` is the same JSON as in the event stream."""

    seq: int
    id: str
    """The same whenever this event is read, and no other event's, in this database or another."""
    kind: EventKind
    session_id: SessionId
    at: Timestamp
    """When it was committed."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """One session's events from number ``first`` to ``last``; other sessions' lie in between."""

    session_id: SessionId
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """Events at the head of a stretch that are too old: how many, and where the others begin."""

    count: int
    next: int


@dataclass(frozen=True, slots=True)
class Position:
    """Every event up to number ``seq`` is done with, but for those of the ``lanes``.

    A lane is a session with events to deliver up to ``seq``, and the number of the first of them.
    """

    seq: int = 0
    lanes: Mapping[SessionId, int] = field(default_factory=dict)
    stopped_for: str | None = None
    """Fingerprint of the address that wants nothing any more."""
