"""decide() over every phase and every fact: it always answers, and the answers make sense."""

from __future__ import annotations

import typing
from dataclasses import replace

import pytest

from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import (
    EventKind,
    ReleaseSession,
    RemoveContainer,
    StartContainer,
    StopContainer,
)
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
    ContainerStatus,
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
    Rendered,
    ResumeRequested,
    SessionPrepared,
    SlotGranted,
    SuspendRequested,
    TerminateRequested,
    ViewersChanged,
)
from supervisor.lifecycle.session import (
    ClipboardPolicy,
    DeadlineName,
    Phase,
    Reason,
    Usage,
    ViewerCount,
)
from tests.support.sessions import CONTAINER, NOW, session_in

FACTS: tuple[Fact, ...] = (
    SlotGranted(),
    QueueMoved(3),
    TerminateRequested(),
    PurgeRequested(),
    SuspendRequested(),
    ResumeRequested(),
    ChangeRequested("another"),
    *(ChangeRequested("x", Rendered(waiting, {}, "{}", "i", "c")) for waiting in (True, False)),
    *(ClipboardBounded(ceiling) for ceiling in ClipboardPolicy),
    ContainerUpdated("{}"),
    ContainerUpdated("{}", "too little"),
    ContainerObserved(0, frozen=True),
    ContainerObserved(0, frozen=False),
    PullProgressed(0.5),
    SessionPrepared("sha256:1", "cd" * 32),
    LaunchFailed(Reason.IMAGE_NOT_FOUND, "no image"),
    ContainerStarted(CONTAINER),
    ContainerStarted("another"),
    ContainerOutOfMemory(CONTAINER),
    ContainerExited(CONTAINER, 0),
    ContainerExited(CONTAINER, 137, oom_killed=True),
    ContainerExited(CONTAINER, 0, kept=True),
    ContainerExited("another", 1),
    ContainerGone(CONTAINER),
    ContainerGone("another"),
    ContainerGone(None),
    *(ContainerListed(CONTAINER, status) for status in ContainerStatus),
    EngineLost(),
    EngineFound(),
    Adopted(None),
    *(Adopted(ContainerListed(CONTAINER, status)) for status in ContainerStatus),
    AgentStarted(1),
    AgentReady(2),
    AgentHeartbeat(3, Usage(1, 2.0, 3)),
    AgentTitle(4, "vi"),
    CommandExited(5, 3, "bye"),
    AgentFailed(6, Reason.X_SERVER_FAILED, "no display"),
    ViewersChanged(ViewerCount(1, 0)),
    InputSeen(NOW),
    *(DeadlinePassed(name, NOW + 9) for name in DeadlineName),
    DeadlinePassed(DeadlineName.STARTUP, NOW + 50),
    DeadlinePassed(DeadlineName.TERMINATION, NOW + 5),
)

PAIRS = [(phase, fact) for phase in Phase for fact in FACTS]


def _name(value: object) -> str:
    return value.value if isinstance(value, Phase) else repr(value)[:60]


def test_every_kind_of_fact_is_tried() -> None:
    """A fact that is added to the union has to be added to this test."""
    assert {type(fact) for fact in FACTS} == set(typing.get_args(Fact))


@pytest.mark.parametrize(("phase", "fact"), PAIRS, ids=_name)
def test_every_answer_makes_sense(phase: Phase, fact: Fact) -> None:
    """Whatever happens in whatever phase leads to a consistent session."""
    before = session_in(phase)
    decision = decide(before, fact, NOW)
    after = decision.session
    assert (after.version == before.version + 1) == (after != before)
    assert (decision.event is None) == (after == before)
    assert (after.known_phase is not None) == (after.phase is Phase.UNKNOWN)
    assert after.id == before.id
    if after.phase is Phase.ENDED:
        assert after.ended_at is not None
        assert not after.deadlines
        assert after.token_hash is None
    if after.phase is Phase.TERMINATING:
        assert DeadlineName.TERMINATION in after.deadlines
    if after.phase is Phase.STARTING:
        assert DeadlineName.STARTUP in after.deadlines
    if after.phase is Phase.ENDED and before.phase is not Phase.ENDED:
        assert ReleaseSession() in decision.effects
        assert after.reason is not None


@pytest.mark.parametrize(("phase", "fact"), PAIRS, ids=_name)
def test_twice_is_once(phase: Phase, fact: Fact) -> None:
    """A fact told a second time does not start a second container or end a session again."""
    once = decide(session_in(phase), fact, NOW).session
    again = decide(once, fact, NOW)
    launches = [each for each in again.effects if isinstance(each, StartContainer)]
    assert len(launches) <= (1 if isinstance(fact, SessionPrepared) else 0)
    if not isinstance(fact, (PurgeRequested, Adopted, DeadlinePassed, ContainerGone)):
        assert again.session.phase is once.phase
    if (phase, type(fact)) != (Phase.STARTING, ContainerGone):  # gone, and told so once more
        assert not any(isinstance(each, ReleaseSession) for each in again.effects)


@pytest.mark.parametrize("fact", FACTS, ids=_name)
def test_the_end_is_final(fact: Fact) -> None:
    """An ended session changes no more, except that it can be forgotten; it starts nothing."""
    before = session_in(Phase.ENDED)
    decision = decide(before, fact, NOW)
    assert decision.session.phase is Phase.ENDED
    assert not any(isinstance(each, (StartContainer, StopContainer)) for each in decision.effects)
    if decision.event is EventKind.DELETE:
        assert isinstance(fact, PurgeRequested)


@pytest.mark.parametrize("fact", FACTS, ids=_name)
def test_another_containers_fate_is_not_ours(fact: Fact) -> None:
    """What is said of a container that is not the session's present one changes nothing."""
    if getattr(fact, "container_id", None) != "another" or isinstance(fact, ContainerStarted):
        return
    before = session_in(Phase.RUNNING)
    assert decide(before, fact, NOW) == replace(decide(before, EngineFound(), NOW))


@pytest.mark.parametrize(
    "fact",
    [ContainerStarted(CONTAINER), ContainerListed("another", ContainerStatus.RUNNING)],
)
def test_a_leftover_container_of_an_ended_session_is_removed(fact: Fact) -> None:
    """A start whose answer, or whose work, came late must not leave a container behind."""
    decision = decide(session_in(Phase.ENDED), fact, NOW)
    assert decision.effects == (RemoveContainer(),)
