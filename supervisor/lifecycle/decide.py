"""The one place where a session changes phase: ``decide(session, fact, now) -> Decision``.

            SlotGranted            AgentReady
   pending ────────────> starting ───────────> running <───> suspended
      │                     │                     │              │
      │ terminate           │ terminate, failure, command exited, deadline
      v                     v                     v              v
    ended <──────────── terminating <─────────────┴──────────────┘
              ContainerGone       (and straight to ended whenever the container is gone)

   any phase but ended ── EngineLost ──> unknown ── EngineFound ──> the phase it was

Pure and total: every fact is accepted in every phase, and what makes no sense in a phase changes
nothing. While ``unknown``, facts are judged by the phase underneath (``known_phase``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from supervisor.lifecycle.callbacks import judge_callback
from supervisor.lifecycle.changes import judge_change
from supervisor.lifecycle.containers import judge_adopted, judge_container, judge_launch
from supervisor.lifecycle.effects import EventKind, PrepareSession
from supervisor.lifecycle.facts import (
    Adopted,
    AgentFailed,
    AgentHeartbeat,
    AgentReady,
    AgentStarted,
    AgentTitle,
    ChangeRequested,
    ClipboardBounded,
    CommandExited,
    ContainerExited,
    ContainerGone,
    ContainerListed,
    ContainerObserved,
    ContainerOutOfMemory,
    ContainerStarted,
    ContainerUpdated,
    DeadlinePassed,
    EngineFound,
    EngineLost,
    Fact,
    InputSeen,
    LaunchFailed,
    PullProgressed,
    PurgeRequested,
    QueueMoved,
    ResumeRequested,
    SessionPrepared,
    SlotGranted,
    SuspendRequested,
    TerminateRequested,
    ViewersChanged,
)
from supervisor.lifecycle.limits import exceed, judge_viewer, startup_anew, warn
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, Session, Timestamp
from supervisor.lifecycle.suspension import judge_suspension, suspend
from supervisor.lifecycle.transitions import (
    Decision,
    covered,
    end,
    force_again,
    remove,
    terminate,
    unchanged,
)

_AT_ENGINE = (DeadlineName.STARTUP, DeadlineName.TERMINATION)
"""Waits for something that only the engine can do: they pass once it is found again."""

_TERMINATED = "The session was terminated on request."
_PURGED = "The session was purged on request."


def decide(session: Session, fact: Fact, now: Timestamp) -> Decision:
    """What ``fact`` makes of ``session`` at the time ``now`` (seconds since the epoch).

    The returned session's version is one higher if, and only if, anything about it changed.
    """
    known = session.known_phase
    if session.phase is Phase.UNKNOWN and known is not None:
        uncovered = replace(session, phase=known, known_phase=None)
        if isinstance(fact, EngineFound):
            decision = Decision(_found(uncovered, now))
        elif isinstance(fact, DeadlinePassed) and fact.name in _AT_ENGINE:
            decision = unchanged(session)
        else:
            decision = _judge(uncovered, fact, now)
            decision = replace(decision, session=covered(decision.session))
    else:
        decision = _judge(session, fact, now)
    if decision.session == session:
        return replace(decision, session=session)
    return Decision(
        replace(decision.session, version=session.version + 1),
        decision.effects,
        decision.event or EventKind.UPDATE,
    )


def _judge(session: Session, fact: Fact, now: Timestamp) -> Decision:  # noqa: C901, PLR0911 one per kind of fact
    match fact:
        case SlotGranted() | QueueMoved() | TerminateRequested() | PurgeRequested():
            return _judge_wish(session, fact, now)
        case SuspendRequested() | ResumeRequested() | ContainerObserved():
            return judge_suspension(session, fact, now)
        case ChangeRequested() | ContainerUpdated() | ClipboardBounded():
            return judge_change(session, fact)
        case PullProgressed() | SessionPrepared() | LaunchFailed() | ContainerStarted():
            return judge_launch(session, fact, now)
        case ContainerOutOfMemory() | ContainerExited() | ContainerGone() | ContainerListed():
            return judge_container(session, fact, now)
        case Adopted():
            return judge_adopted(session, fact, now)
        case EngineLost() | EngineFound():
            return Decision(covered(session) if isinstance(fact, EngineLost) else session)
        case (
            AgentStarted()
            | AgentReady()
            | AgentHeartbeat()
            | AgentTitle()
            | CommandExited()
            | AgentFailed()
        ):
            return judge_callback(session, fact, now)
        case ViewersChanged() | InputSeen():
            return judge_viewer(session, fact, now)
        case DeadlinePassed():
            return _judge_deadline(session, fact, now)
        case _:
            assert_never(fact)


def _found(session: Session, now: Timestamp) -> Session:
    """Back to what it was; the time without an engine was no time to get ready in.

    A termination that is overdue is forced at once: its timer is set anew by this change.
    """
    return startup_anew(session, now) if session.phase is Phase.STARTING else session


def _judge_wish(
    session: Session,
    fact: SlotGranted | QueueMoved | TerminateRequested | PurgeRequested,
    now: Timestamp,
) -> Decision:
    match fact:
        case SlotGranted():
            return _start(session, now)
        case QueueMoved(position):
            waiting = session.phase is Phase.PENDING
            return Decision(replace(session, queue_position=position) if waiting else session)
        case TerminateRequested():
            return _terminate(session, now)
        case PurgeRequested():
            return _purge(session, now)
        case _:
            assert_never(fact)


def _start(session: Session, now: Timestamp) -> Decision:
    if session.phase is not Phase.PENDING:
        return unchanged(session)
    deadlines = {DeadlineName.STARTUP: now + session.rules.startup_seconds}
    starting = replace(
        session, phase=Phase.STARTING, queue_position=None, progress=None, deadlines=deadlines
    )
    return Decision(starting, (PrepareSession(),))


def _terminate(session: Session, now: Timestamp) -> Decision:
    match session.phase:
        case Phase.PENDING:
            return end(session, Reason.TERMINATED, _TERMINATED, now)
        case Phase.STARTING | Phase.RUNNING | Phase.SUSPENDED:
            return terminate(session, Reason.TERMINATED, _TERMINATED, now)
        case Phase.TERMINATING | Phase.ENDED | Phase.UNKNOWN:
            return unchanged(session)
        case _:
            assert_never(session.phase)


def _purge(session: Session, now: Timestamp) -> Decision:
    match session.phase:
        case Phase.PENDING:
            return end(replace(session, purge=True), Reason.PURGED, _PURGED, now)
        case Phase.ENDED:
            return Decision(replace(session, purge=True), event=EventKind.DELETE)
        case Phase.STARTING | Phase.RUNNING | Phase.SUSPENDED | Phase.TERMINATING:
            return remove(replace(session, purge=True), Reason.PURGED, _PURGED, now)
        case Phase.UNKNOWN:
            return unchanged(session)
        case _:
            assert_never(session.phase)


def _judge_deadline(session: Session, fact: DeadlinePassed, now: Timestamp) -> Decision:
    """A deadline that was moved or lifted since its timer was set is none."""
    name = fact.name
    if session.deadlines.get(name) != fact.due:
        return unchanged(session)
    match name:
        case DeadlineName.STARTUP:
            return terminate(session, Reason.START_TIMEOUT, _start_timeout(session), now)
        case DeadlineName.TERMINATION:
            return force_again(session, now)
        case DeadlineName.LIFETIME | DeadlineName.IDLE | DeadlineName.DISCONNECT:
            return exceed(session, name, now)
        case DeadlineName.SUSPEND:
            return suspend(session)
        case DeadlineName.LIFETIME_WARNING:
            return warn(session)
        case _:
            assert_never(name)


def _start_timeout(session: Session) -> str:
    """Where the start got stuck, as far as it is known."""
    seconds = f"{session.rules.startup_seconds:g} s"
    if session.progress is not None:
        return (
            f"The pull of the image {session.image} stood still at {session.progress:.0%} for "
            f"{seconds}: can its registry be reached from this host? If it is only slow, raise "
            "session.startup_timeout in the template."
        )
    return (
        f"The session was not ready within {seconds}; see its log, or raise "
        "session.startup_timeout in the template if the image is slow."
    )
