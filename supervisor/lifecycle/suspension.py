"""Putting a session aside and taking it up again.

                 suspend, or nobody there for suspend_seconds
    running ────────────────────────────────────────────────> suspended
            <────────────────────────────────────────────────
                 resume, or somebody connects

Viewers are put out. With ``suspend: freeze`` the container is frozen as well: its memory stays, it
uses no CPU, and its agent is silent. Freezing and thawing take an engine, so that an order is
committed first and confirmed later; it has a number, and what answers an older one is not believed.
What somebody does to the container with the engine's own tools is followed: a container that was
paused outside makes its session ``suspended``, one that was unpaused makes it ``running``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from supervisor.lifecycle.effects import (
    CloseViewers,
    Effect,
    FreezeContainer,
    InspectContainer,
    ThawContainer,
)
from supervisor.lifecycle.facts import ContainerObserved, ResumeRequested, SuspendRequested
from supervisor.lifecycle.limits import suspend_anew, without
from supervisor.lifecycle.session import (
    DeadlineName,
    Freeze,
    Phase,
    Session,
    SuspendMode,
    Timestamp,
)
from supervisor.lifecycle.transitions import CloseCode, Decision, unchanged

_PAUSED_OUTSIDE = (
    "The container was paused outside the supervisor; resume the session, or connect, to go on."
)


def judge_suspension(
    session: Session, fact: SuspendRequested | ResumeRequested | ContainerObserved, now: Timestamp
) -> Decision:
    """Wishes to put the session aside and to have it back, and what came of them."""
    match fact:
        case SuspendRequested():
            return suspend(session)
        case ResumeRequested():
            return _resume(session, now)
        case ContainerObserved():
            return _observed(session, fact, now)
        case _:
            assert_never(fact)


def suspend(session: Session) -> Decision:
    """Put a running session aside; any other stays what it is."""
    if session.phase is not Phase.RUNNING:
        return unchanged(session)
    aside = _set_aside(session, message="")
    effects: tuple[Effect, ...] = (CloseViewers(CloseCode.SUSPENDED),)
    if session.rules.suspend is SuspendMode.FREEZE:
        aside = replace(aside, freeze=_order(session, frozen=True))
        effects += (FreezeContainer(aside.freeze.order),)
    return Decision(aside, effects)


def repeat_order(session: Session) -> tuple[Effect, ...]:
    """What the daemon has to ask again after a restart: an order whose answer it never saw."""
    if session.freeze.settled or session.phase not in (Phase.RUNNING, Phase.SUSPENDED):
        return ()
    order = session.freeze.order
    return (FreezeContainer(order) if session.freeze.frozen else ThawContainer(order),)


def doubt(session: Session, *, frozen: bool) -> tuple[Effect, ...]:
    """What to do about news, perhaps old, that the container is (not) frozen: look, if it differs.

    The look comes after orders under way, and counts only if no other was given meanwhile.
    """
    live = session.phase in (Phase.RUNNING, Phase.SUSPENDED)
    if not live or frozen == session.freeze.frozen:
        return ()
    return (InspectContainer(session.freeze.order),)


def _resume(session: Session, now: Timestamp) -> Decision:
    """Take a suspended session up again; any other stays what it is."""
    if session.phase is not Phase.SUSPENDED:
        return unchanged(session)
    resumed = _taken_up(session, now)
    if not session.freeze.frozen:
        return Decision(resumed)
    resumed = replace(resumed, freeze=_order(session, frozen=False))
    return Decision(resumed, (ThawContainer(resumed.freeze.order),))


def _observed(session: Session, fact: ContainerObserved, now: Timestamp) -> Decision:
    """The engine's answer: an order confirmed, or what somebody else has done."""
    live = session.phase in (Phase.RUNNING, Phase.SUSPENDED)
    if not live or fact.order != session.freeze.order:
        return unchanged(session)
    before = session.freeze
    seen = replace(session, freeze=Freeze(fact.frozen, fact.order, settled=True))
    if session.phase is Phase.RUNNING and fact.frozen:
        return Decision(_set_aside(seen, _PAUSED_OUTSIDE), (CloseViewers(CloseCode.SUSPENDED),))
    unpaused = session.phase is Phase.SUSPENDED and before.frozen and not fact.frozen
    # A freeze that the engine refused leaves the session aside, with its viewers out.
    return Decision(_taken_up(seen, now) if unpaused and before.settled else seen)


def _set_aside(session: Session, message: str) -> Session:
    deadlines = without(session, DeadlineName.SUSPEND)
    return replace(
        session, phase=Phase.SUSPENDED, message=message or session.message, deadlines=deadlines
    )


def _taken_up(session: Session, now: Timestamp) -> Session:
    message = "" if session.message == _PAUSED_OUTSIDE else session.message
    return suspend_anew(replace(session, phase=Phase.RUNNING, message=message), now)


def _order(session: Session, *, frozen: bool) -> Freeze:
    return Freeze(frozen, session.freeze.order + 1, settled=False)
