"""decide() when something was away: the engine, the daemon, or the answer to a start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import RemoveContainer, StopContainer
from supervisor.lifecycle.facts import (
    Adopted,
    ContainerExited,
    ContainerGone,
    ContainerListed,
    ContainerStatus,
    EngineFound,
    EngineLost,
    Fact,
    LaunchFailed,
    PullProgressed,
    SessionPrepared,
)
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, Session, SessionRules
from tests.support.sessions import CONTAINER, NOW, passed, session_in

RUNNING = ContainerListed(CONTAINER, ContainerStatus.RUNNING)


def _after(session: Session, *facts: Fact, now: float = NOW) -> Session:
    for fact in facts:
        session = decide(session, fact, now).session
    return session


@pytest.mark.parametrize("seen", [ContainerGone(CONTAINER), ContainerExited(CONTAINER, 128)])
def test_a_refused_start_keeps_its_reason(seen: Fact) -> None:
    """The refused container is seen to end before the refusal is heard, which is the reason."""
    refused = LaunchFailed(Reason.ENGINE_REFUSED, "no such device")
    session = _after(session_in(Phase.STARTING), seen, refused, ContainerGone(None))
    assert session.phase is Phase.ENDED
    assert (session.reason, session.message) == (Reason.ENGINE_REFUSED, "no such device")


@pytest.mark.parametrize("fact", [PullProgressed(0.4), SessionPrepared("sha256:1", "cd" * 32)])
def test_a_pull_is_no_slow_start(fact: Fact) -> None:
    """The startup limit counts from the last sign of the image's arrival."""
    session = session_in(Phase.STARTING)
    moved = decide(session, fact, NOW + 40).session
    assert moved.deadlines[DeadlineName.STARTUP] == NOW + 40 + session.rules.startup_seconds


def test_a_pull_that_begins_anew_does_not_go_back() -> None:
    """What was told of its progress holds until it gets further; it is alive all the while."""
    session = _after(session_in(Phase.STARTING), PullProgressed(0.4))
    anew = decide(session, PullProgressed(0.1), NOW + 40).session
    assert anew.progress == session.progress
    assert anew.deadlines[DeadlineName.STARTUP] == NOW + 40 + session.rules.startup_seconds
    assert _after(anew, PullProgressed(1.0)).progress == 1.0


def test_a_start_that_takes_too_long_says_where_it_stood() -> None:
    """A pull that stands still is told apart from an agent that does not get ready."""
    pulling = _after(session_in(Phase.STARTING), PullProgressed(0.4))
    pulled = _after(pulling, SessionPrepared("sha256:1", "cd" * 32))
    name = DeadlineName.STARTUP
    assert "stood still at 40%" in _after(pulling, passed(pulling, name)).message
    assert "was not ready within" in _after(pulled, passed(pulled, name)).message


def test_a_start_that_takes_too_long_is_asked_first() -> None:
    """Its agent gets to report what the log says."""
    session = replace(session_in(Phase.STARTING), container_id=CONTAINER)
    decision = decide(session, passed(session, DeadlineName.STARTUP), NOW + 51)
    assert decision.effects == (StopContainer(),)


def test_losing_the_engine_twice_is_losing_it_once() -> None:
    """Whatever is told how often, the phase underneath is not forgotten."""
    session = _after(session_in(Phase.RUNNING), EngineLost(), EngineLost())
    assert (session.phase, session.known_phase) == (Phase.UNKNOWN, Phase.RUNNING)
    assert _after(session, EngineFound()).phase is Phase.RUNNING


@pytest.mark.parametrize(
    ("phase", "name"),
    [(Phase.STARTING, DeadlineName.STARTUP), (Phase.TERMINATING, DeadlineName.TERMINATION)],
)
def test_no_deadline_of_the_engine_passes_while_it_is_away(
    phase: Phase, name: DeadlineName
) -> None:
    """What only the engine can do is not late before the engine is back."""
    lost = _after(session_in(phase), EngineLost())
    late = decide(lost, passed(lost, name), NOW + 1000)
    assert (late.session, late.effects, late.event) == (lost, (), None)


def test_an_overdue_end_is_forced_when_the_engine_is_back() -> None:
    """The deadline has passed meanwhile; the next time it is asked about, it counts."""
    lost = _after(session_in(Phase.TERMINATING), EngineLost())
    back = decide(lost, EngineFound(), NOW + 1000)
    assert back.event is not None
    overdue = passed(back.session, DeadlineName.TERMINATION)
    assert decide(back.session, overdue, NOW + 1000).effects == (RemoveContainer(),)


def test_a_start_begins_anew_when_the_engine_is_back() -> None:
    """Nobody can get ready without an engine."""
    lost = _after(session_in(Phase.STARTING), EngineLost())
    back = decide(lost, EngineFound(), NOW + 1000).session
    assert back.deadlines[DeadlineName.STARTUP] == NOW + 1000 + back.rules.startup_seconds


def test_limits_begin_anew_after_the_daemon_was_away() -> None:
    """Nobody could connect or type meanwhile; a lifetime goes on all the same."""
    rules = SessionRules(idle_seconds=60, disconnect_seconds=30, lifetime_seconds=600)
    deadlines = {
        DeadlineName.IDLE: NOW - 5,
        DeadlineName.DISCONNECT: NOW + 3600,  # the clock was set back meanwhile
        DeadlineName.LIFETIME: NOW + 100,
    }
    session = replace(session_in(Phase.RUNNING), rules=rules, deadlines=deadlines)
    adopted = decide(session, Adopted(RUNNING), NOW).session
    assert adopted.deadlines == {
        DeadlineName.IDLE: NOW + 60,
        DeadlineName.DISCONNECT: NOW + 30,
        DeadlineName.LIFETIME: NOW + 100,
    }
