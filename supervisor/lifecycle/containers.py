"""Judging what the engine says: started, exited, gone, listed."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from supervisor.lifecycle.changes import repeat_update
from supervisor.lifecycle.effects import PrepareSession, RemoveContainer, StartContainer
from supervisor.lifecycle.facts import (
    Adopted,
    ContainerExited,
    ContainerGone,
    ContainerListed,
    ContainerOutOfMemory,
    ContainerStarted,
    ContainerStatus,
    LaunchFailed,
    PullProgressed,
    SessionPrepared,
)
from supervisor.lifecycle.limits import limits_anew, startup_anew
from supervisor.lifecycle.session import Phase, Reason, Session, Timestamp
from supervisor.lifecycle.suspension import doubt, repeat_order
from supervisor.lifecycle.transitions import (
    OUT_OF_MEMORY,
    SIGKILL_EXIT_CODE,
    Decision,
    await_exit,
    end,
    is_starved,
    remove,
    terminate,
    unchanged,
)

LaunchFact = PullProgressed | SessionPrepared | LaunchFailed | ContainerStarted
ContainerFact = ContainerOutOfMemory | ContainerExited | ContainerGone | ContainerListed


def judge_launch(session: Session, fact: LaunchFact, now: Timestamp) -> Decision:  # noqa: PLR0911 one per fact
    """What came of the effects that start a session."""
    if session.phase is Phase.ENDED and isinstance(fact, ContainerStarted):
        return Decision(session, (RemoveContainer(),))
    if isinstance(fact, ContainerStarted) and session.phase is not Phase.PENDING:
        return Decision(_with_container(session, fact.container_id, now))
    if isinstance(fact, LaunchFailed) and _only_saw_it_vanish(session):
        return Decision(replace(session, reason=fact.reason, message=fact.message))
    if session.phase is not Phase.STARTING:
        return unchanged(session)
    match fact:
        case PullProgressed(fraction):
            # A pull that had to begin anew has yet to get as far.
            progress = max(fraction, session.progress or 0.0)
            return Decision(replace(startup_anew(session, now), progress=progress))
        case SessionPrepared(image_id, token_hash):
            prepared = replace(
                startup_anew(session, now),
                image_id=image_id,
                token_hash=token_hash,
                progress=None,
            )
            return Decision(prepared, (StartContainer(),))
        case LaunchFailed(reason, message):
            return remove(session, reason, message, now)
        case ContainerStarted():
            return unchanged(session)
        case _:
            assert_never(fact)


def judge_container(session: Session, fact: ContainerFact, now: Timestamp) -> Decision:
    """What the event stream or a listing says of the session's container."""
    if session.phase is Phase.ENDED and isinstance(fact, ContainerListed):
        # Whichever it is: a launch that the engine came to late has made another one.
        return Decision(session, (RemoveContainer(),))
    if not _concerns(session, fact.container_id):
        return unchanged(session)
    match fact:
        case ContainerListed():
            return _listed(session, fact, now)
        case ContainerGone():
            return _gone(session, fact, now)
        case ContainerOutOfMemory():
            return Decision(_out_of_memory(session))
        case ContainerExited():
            decision = _exited(session, fact, now)
            return replace(decision, effects=(RemoveContainer(),)) if fact.kept else decision
        case _:
            assert_never(fact)


def judge_adopted(session: Session, fact: Adopted, now: Timestamp) -> Decision:
    """The daemon's memory of the session meets what the engine has of it."""
    session = limits_anew(session, now)
    if fact.container is not None:
        return _adopted_with(session, fact.container, now)
    match session.phase:
        case Phase.STARTING if session.container_id is None:
            return Decision(session, (PrepareSession(),))
        case Phase.STARTING | Phase.RUNNING | Phase.SUSPENDED | Phase.TERMINATING:
            return _gone(session, ContainerGone(session.container_id), now)
        case Phase.PENDING | Phase.ENDED | Phase.UNKNOWN:
            return unchanged(session)
        case _:
            assert_never(session.phase)


def _adopted_with(session: Session, listed: ContainerListed, now: Timestamp) -> Decision:
    """The container is there; what had been asked of it may never have been done."""
    decision = _listed(session, listed, now)
    match listed.status:
        case ContainerStatus.CREATED if session.phase is Phase.STARTING:
            return Decision(decision.session, (PrepareSession(),))
        case ContainerStatus.RUNNING | ContainerStatus.PAUSED if decision.session.phase is not (
            Phase.TERMINATING
        ):
            orders = repeat_order(decision.session) or decision.effects
            return Decision(decision.session, orders + repeat_update(decision.session))
    if session.phase is Phase.TERMINATING and not decision.effects:
        return terminate(decision.session, Reason.TERMINATED, "", now)
    return decision


def _only_saw_it_vanish(session: Session) -> bool:
    """A refused start removes its container, and that is seen before the refusal is heard."""
    vanished = (Reason.CONTAINER_GONE, Reason.CONTAINER_DIED)
    return session.phase is Phase.TERMINATING and session.reason in vanished


def _concerns(session: Session, container_id: str | None) -> bool:
    """Whether the fact is about this session's present container.

    A container can die before the answer to its start arrives, so that a session which does not
    know its container's id yet takes what carries its label.
    """
    return container_id is None or session.container_id in (None, container_id)


def _with_container(session: Session, container_id: str, now: Timestamp) -> Session:
    return replace(session, container_id=container_id, started_at=session.started_at or now)


def _listed(session: Session, fact: ContainerListed, now: Timestamp) -> Decision:
    if session.phase is Phase.ENDED:
        return Decision(session, (RemoveContainer(),))
    match fact.status:
        case ContainerStatus.RUNNING | ContainerStatus.PAUSED:
            frozen = fact.status is ContainerStatus.PAUSED
            known = _with_container(session, fact.container_id, now)
            return Decision(known, doubt(known, frozen=frozen))
        case ContainerStatus.EXITED:
            exited = ContainerExited(fact.container_id, fact.exit_code, fact.oom_killed)
            decision = _exited(session, exited, now)
            return Decision(decision.session, (RemoveContainer(),))
        case ContainerStatus.CREATED:
            return unchanged(session)
        case _:
            assert_never(fact.status)


def _out_of_memory(session: Session) -> Session:
    """The agent's report of what was killed, command or X server, may have come first."""
    killed = replace(session, oom_killed=True)
    reported = session.reason in (Reason.COMMAND_EXITED, Reason.X_SERVER_FAILED)
    if reported and is_starved(killed) and session.phase is Phase.TERMINATING:
        return replace(killed, reason=Reason.OUT_OF_MEMORY, message=OUT_OF_MEMORY)
    return killed


def _exited(session: Session, fact: ContainerExited, now: Timestamp) -> Decision:
    if session.phase in (Phase.PENDING, Phase.ENDED):
        return unchanged(session)
    exit_code = session.exit_code if session.exit_code is not None else fact.exit_code
    died = replace(session, exit_code=exit_code)
    if died.phase is Phase.TERMINATING:
        return Decision(died)
    if fact.exit_code == SIGKILL_EXIT_CODE and (fact.oom_killed or session.oom_killed):
        return await_exit(died, Reason.OUT_OF_MEMORY, OUT_OF_MEMORY, now)
    message = (
        f"The container ended with exit code {fact.exit_code} and without a word from its agent; "
        "the session's log and the engine's log around this time tell more."
    )
    return await_exit(died, Reason.CONTAINER_DIED, message, now)


def _gone(session: Session, fact: ContainerGone, now: Timestamp) -> Decision:
    match session.phase:
        case Phase.TERMINATING:
            return end(session, Reason.TERMINATED, "", now)
        case Phase.RUNNING | Phase.SUSPENDED:
            message = (
                "The container disappeared: it was removed outside the supervisor, "
                "or the engine or the host restarted."
            )
            return end(session, Reason.CONTAINER_GONE, message, now)
        case Phase.STARTING if fact.container_id is not None and session.container_id is None:
            # Its start is still under way, and the answer to that will tell why.
            message = "The container disappeared while it was being started."
            return remove(session, Reason.CONTAINER_GONE, message, now)
        case Phase.STARTING if fact.container_id is not None:
            message = "The container disappeared before its agent was ready."
            return end(session, Reason.CONTAINER_GONE, message, now)
        case Phase.STARTING | Phase.PENDING | Phase.ENDED | Phase.UNKNOWN:
            return unchanged(session)
        case _:
            assert_never(session.phase)
