"""What is kept of a ticket: enough to admit its holder, never the secret itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from supervisor.lifecycle.session import SessionId, Timestamp


class Mode(StrEnum):
    """What a viewer may do."""

    CONTROL = "control"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One admission, or several; ``key`` is the SHA-256 of what the viewer shows, in hex."""

    key: str
    session_id: SessionId
    mode: Mode
    guest: str | None
    expires_at: Timestamp
    label: str | None = None
    """The web server's own word for it, by which it finds the ticket and its viewers again."""


@dataclass(frozen=True, slots=True)
class KeptTicket:
    """A ticket and how many uses it has left."""

    ticket: Ticket
    uses: int
