"""The limits of a running session: lifetime, idle, disconnected. Each is a deadline that moves.

Idle means that no viewer used keyboard or pointer; what the screen does is no activity.
Disconnected means that no viewer was there at all. Both count from ``ready``, and on while the
session is suspended.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from supervisor.lifecycle.facts import InputSeen, ViewersChanged
from supervisor.lifecycle.session import (
    DeadlineName,
    Phase,
    Reason,
    Session,
    SessionWarning,
    Timestamp,
    ViewerCount,
)
from supervisor.lifecycle.times import rfc3339
from supervisor.lifecycle.transitions import Decision, terminate

_LIVE = (Phase.RUNNING, Phase.SUSPENDED)


def limits_from_ready(session: Session, now: Timestamp) -> dict[DeadlineName, Timestamp]:
    """The deadlines of a session that can be used from now on."""
    rules = session.rules
    limits = {
        DeadlineName.LIFETIME: rules.lifetime_seconds,
        DeadlineName.LIFETIME_WARNING: _warning_seconds(session),
        DeadlineName.IDLE: rules.idle_seconds,
        DeadlineName.DISCONNECT: None if session.viewers.any else rules.disconnect_seconds,
        DeadlineName.SUSPEND: None if session.viewers.any else rules.suspend_seconds,
    }
    return {name: now + seconds for name, seconds in limits.items() if seconds is not None}


def _warning_seconds(session: Session) -> float | None:
    """When to warn, from ``ready`` on; a life shorter than the notice is warned of half-way."""
    lifetime = session.rules.lifetime_seconds
    if lifetime is None:
        return None
    return max(lifetime - session.rules.lifetime_warning_seconds, lifetime / 2)


def startup_anew(session: Session, now: Timestamp) -> Session:
    """A pull that moves, or an image that is here now, is no slow start."""
    return _moved(session, DeadlineName.STARTUP, now, session.rules.startup_seconds)


def suspend_anew(session: Session, now: Timestamp) -> Session:
    """A session that nobody comes to is put aside; the wait for somebody begins."""
    seconds = None if session.viewers.any else session.rules.suspend_seconds
    return _moved(session, DeadlineName.SUSPEND, now, seconds)


def limits_anew(session: Session, now: Timestamp) -> Session:
    """Nobody could connect, type or get ready without the daemon: those limits begin anew."""
    rules = session.rules
    spans = {
        DeadlineName.STARTUP: rules.startup_seconds,
        DeadlineName.IDLE: rules.idle_seconds,
        DeadlineName.DISCONNECT: rules.disconnect_seconds,
        DeadlineName.SUSPEND: rules.suspend_seconds,
    }
    deadlines = {
        name: due if (seconds := spans.get(name)) is None else now + seconds
        for name, due in session.deadlines.items()
    }
    return replace(session, deadlines=deadlines)


def judge_viewer(session: Session, fact: ViewersChanged | InputSeen, now: Timestamp) -> Decision:
    """What viewers do moves the limits."""
    match fact:
        case ViewersChanged(viewers):
            return Decision(_count_viewers(session, viewers, now))
        case InputSeen(at):
            return Decision(_note_input(session, at))
        case _:
            assert_never(fact)


def _count_viewers(session: Session, viewers: ViewerCount, now: Timestamp) -> Session:
    """Take note of who watches; the last to leave starts the clock."""
    counted = replace(session, viewers=viewers)
    if session.phase not in _LIVE or viewers.any == session.viewers.any:
        return counted
    seconds = None if viewers.any else session.rules.disconnect_seconds
    counted = _moved(counted, DeadlineName.DISCONNECT, now, seconds)
    return suspend_anew(counted, now) if session.phase is Phase.RUNNING else counted


def _note_input(session: Session, at: Timestamp) -> Session:
    """Take note of a viewer's input."""
    if session.phase not in _LIVE or at == session.last_input_at:
        return session
    noted = replace(session, last_input_at=at)
    return _moved(noted, DeadlineName.IDLE, at, session.rules.idle_seconds)


def warn(session: Session) -> Decision:
    """The lifetime is about to end: say so, for work to be saved."""
    if session.phase not in _LIVE:
        return Decision(session)
    left = session.deadlines.get(DeadlineName.LIFETIME, 0.0)
    warned = replace(
        session,
        warning=SessionWarning.LIFETIME_ENDING,
        message=f"The session reaches its lifetime at {rfc3339(left)}; save your work.",
        deadlines=without(session, DeadlineName.LIFETIME_WARNING),
    )
    return Decision(warned)


def exceed(session: Session, name: DeadlineName, now: Timestamp) -> Decision:
    """One of the limits has been reached: the session is asked to end."""
    rules = session.rules
    reason, message = {
        DeadlineName.LIFETIME: (
            Reason.LIFETIME_EXCEEDED,
            f"The session reached its lifetime of {rules.lifetime_seconds or 0:g} s.",
        ),
        DeadlineName.IDLE: (
            Reason.IDLE_TIMEOUT,
            f"Nobody used keyboard or pointer for {rules.idle_seconds or 0:g} s.",
        ),
        DeadlineName.DISCONNECT: (
            Reason.DISCONNECT_TIMEOUT,
            f"Nobody was connected for {rules.disconnect_seconds or 0:g} s.",
        ),
    }[name]
    return terminate(session, reason, message, now)


def without(session: Session, name: DeadlineName) -> dict[DeadlineName, Timestamp]:
    """The session's deadlines but for this one."""
    return {key: due for key, due in session.deadlines.items() if key is not name}


def _moved(
    session: Session, name: DeadlineName, since: Timestamp, seconds: float | None
) -> Session:
    deadlines = without(session, name)
    if seconds is not None:
        deadlines[name] = since + seconds
    return replace(session, deadlines=deadlines)
