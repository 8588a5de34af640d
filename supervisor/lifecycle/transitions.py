"""The moves that several facts share: cover, terminate, remove, end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from supervisor.lifecycle.effects import (
    CancelPreparation,
    CloseViewers,
    Effect,
    EventKind,
    ReleaseSession,
    RemoveContainer,
    StopContainer,
)
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, Session, Timestamp

FORCE_AFTER_SECONDS = 5.0
"""How long after its grace period a container may linger before it is forced away."""

SIGKILL_EXIT_CODE = 137
"""128 + SIGKILL: what the kernel's choice ends with when memory runs out."""

OUT_OF_MEMORY = "The session ran out of memory; raise mem_limit in its template."

FORCE_AGAIN_SECONDS = 10.0
"""How long to wait before forcing once more."""


class CloseCode(IntEnum):
    """Why a viewer's WebSocket was closed by the relay (contract of the display endpoint)."""

    DISCONNECTED = 4000
    SESSION_ENDED = 4001
    SUSPENDED = 4002
    TICKET_REVOKED = 4003
    TERMS_CHANGED = 4004
    """What the viewer may do is another from now on: it is to connect again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a fact leads to: the session as it now is, what to do, and what to tell.

    ``event`` is ``None`` when nothing changed; after ``DELETE`` the session is forgotten.
    """

    session: Session
    effects: tuple[Effect, ...] = ()
    event: EventKind | None = None


def is_starved(session: Session) -> bool:
    """Whether what was reported killed was the kernel's choice, for want of memory."""
    return session.oom_killed and session.exit_code == SIGKILL_EXIT_CODE


def unchanged(session: Session) -> Decision:
    """The fact makes no difference."""
    return Decision(session)


def covered(session: Session) -> Session:
    """The session while nobody knows what it is doing; only its end needs no engine."""
    if session.phase in (Phase.PENDING, Phase.ENDED, Phase.UNKNOWN):
        return session
    return replace(session, phase=Phase.UNKNOWN, known_phase=session.phase)


def terminate(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
    """Ask the session to end; a command that listens to TERM gets its grace period."""
    if session.container_id is None:
        return remove(session, reason, message, now)
    grace = session.rules.stop_grace_seconds
    return Decision(
        _terminating(session, reason, message, now + grace + FORCE_AFTER_SECONDS),
        (StopContainer(),),
    )


def remove(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
    """Force the session away: there is nothing in it that could still be asked."""
    return Decision(
        _terminating(session, reason, message, now + FORCE_AGAIN_SECONDS),
        (CancelPreparation(), RemoveContainer()),
    )


def await_exit(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
    """The session's end has begun inside the container: expect the container to follow."""
    return Decision(_terminating(session, reason, message, now + FORCE_AFTER_SECONDS))


def end(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
    """The container is gone: nothing of the session is left but its record."""
    ended = replace(
        session,
        phase=Phase.ENDED,
        known_phase=None,
        warning=None,
        reason=session.reason or reason,
        message=session.message if session.reason else message,
        progress=None,
        queue_position=None,
        ended_at=now,
        token_hash=None,
        deadlines={},
    )
    effects = (CloseViewers(CloseCode.SESSION_ENDED), ReleaseSession())
    return Decision(ended, effects, EventKind.DELETE if session.purge else None)


def force_again(session: Session, now: Timestamp) -> Decision:
    """The container has outstayed its grace period."""
    deadlines = {**session.deadlines, DeadlineName.TERMINATION: now + FORCE_AGAIN_SECONDS}
    return Decision(replace(session, deadlines=deadlines), (RemoveContainer(),))


def _terminating(session: Session, reason: Reason, message: str, due: Timestamp) -> Session:
    """First reason wins: what follows from an end is not its cause."""
    return replace(
        session,
        phase=Phase.TERMINATING,
        warning=None,
        reason=session.reason or reason,
        message=session.message if session.reason else message,
        progress=None,
        queue_position=None,
        deadlines={DeadlineName.TERMINATION: due},
    )
