"""Committed changes as readers of the event stream get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Session, SessionId


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One committed change: ``seq`` only grows; ``data`` is the wire's JSON, encoded once.

    News of the node is no change of a session: it has no session, no user, no number of its own.
    """

    seq: int
    kind: EventKind
    session_id: SessionId
    user: str
    data: bytes


class FeedGapError(Exception):
    """What came after the asked position is no longer kept, or the reader fell too far behind."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, newest first; ``next`` is the cursor of the following page."""

    sessions: Sequence[Session]
    next: str | None
