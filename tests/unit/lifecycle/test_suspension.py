"""decide() on sessions that are put aside and taken up again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import (
    CloseViewers,
    Effect,
    FreezeContainer,
    InspectContainer,
    StopContainer,
    ThawContainer,
)
from supervisor.lifecycle.facts import (
    Adopted,
    ContainerListed,
    ContainerObserved,
    ContainerStatus,
    EngineFound,
    EngineLost,
    Fact,
    ResumeRequested,
    SuspendRequested,
    TerminateRequested,
    ViewersChanged,
)
from supervisor.lifecycle.session import (
    DeadlineName,
    Freeze,
    Phase,
    Reason,
    Session,
    SessionRules,
    SessionWarning,
    SuspendMode,
    ViewerCount,
)
from tests.support.sessions import CONTAINER, NOW, passed, session_in

FREEZE = SessionRules(suspend=SuspendMode.FREEZE)
PAUSED = ContainerListed(CONTAINER, ContainerStatus.PAUSED)
UNPAUSED = ContainerListed(CONTAINER, ContainerStatus.RUNNING)


def running(rules: SessionRules = FREEZE) -> Session:
    """A session that can be suspended."""
    return replace(session_in(Phase.RUNNING), rules=rules)


def after(session: Session, *facts: Fact) -> tuple[Session, list[Effect]]:
    """The session and all effects once the facts have been judged."""
    effects: list[Effect] = []
    for fact in facts:
        decision = decide(session, fact, NOW)
        session = decision.session
        effects += decision.effects
    return session, effects


def test_suspend_by_disconnecting() -> None:
    """Viewers are put out; the container goes on, and so does the session when resumed."""
    session, effects = after(running(SessionRules()), SuspendRequested())
    assert session.phase is Phase.SUSPENDED
    assert effects == [CloseViewers(4002)]
    session, effects = after(session, ResumeRequested())
    assert (session.phase, effects) == (Phase.RUNNING, [])


def test_suspend_by_freezing() -> None:
    """Viewers first, for a frozen agent cannot close anything; thawed when resumed."""
    session, effects = after(running(), SuspendRequested())
    assert effects == [CloseViewers(4002), FreezeContainer(1)]
    session, effects = after(session, ContainerObserved(1, frozen=True), ResumeRequested())
    assert (session.phase, effects) == (Phase.RUNNING, [ThawContainer(2)])


@pytest.mark.parametrize("fact", [SuspendRequested(), ResumeRequested()])
def test_repeating_is_harmless(fact: Fact) -> None:
    """A second wish of the same kind changes nothing."""
    once, _ = after(running(), SuspendRequested(), fact)
    twice, effects = after(once, fact)
    assert (twice, effects) == (once, [])


@pytest.mark.parametrize(
    "phase", [Phase.PENDING, Phase.STARTING, Phase.TERMINATING, Phase.ENDED], ids=str
)
def test_only_what_runs_can_be_suspended(phase: Phase) -> None:
    """Neither wish means anything to a session that is not up."""
    session = session_in(phase)
    assert after(session, SuspendRequested(), ResumeRequested()) == (session, [])


@pytest.mark.parametrize("settled", [False, True])
def test_a_frozen_session_can_be_terminated(settled: bool) -> None:  # noqa: FBT001 a parameter
    """The stop thaws; what the freeze answers afterwards is of no account."""
    confirmation = (ContainerObserved(1, frozen=True),) if settled else ()
    session, effects = after(running(), SuspendRequested(), *confirmation, TerminateRequested())
    assert (session.phase, effects[-1]) == (Phase.TERMINATING, StopContainer())
    assert after(session, ContainerObserved(1, frozen=True))[0].phase is Phase.TERMINATING


def test_late_news_of_the_freeze_does_not_suspend_again() -> None:
    """The event of a pause may arrive after the session was resumed."""
    session, _ = after(
        running(), SuspendRequested(), ContainerObserved(1, frozen=True), ResumeRequested()
    )
    session, effects = after(session, PAUSED)
    assert (session.phase, effects) == (Phase.RUNNING, [InspectContainer(2)])
    session, effects = after(session, ContainerObserved(2, frozen=False))
    assert (session.phase, effects) == (Phase.RUNNING, [])


def test_an_answer_to_an_older_order_says_nothing() -> None:
    """What was seen before the session was resumed is not how it is now."""
    session, _ = after(running(), SuspendRequested(), ResumeRequested())
    assert after(session, ContainerObserved(1, frozen=True)) == (session, [])


def test_paused_outside_is_suspended() -> None:
    """Somebody paused the container: the display is dead, and the session says why."""
    session, effects = after(running(), PAUSED)
    assert (session.phase, effects) == (Phase.RUNNING, [InspectContainer(0)])
    session, effects = after(session, ContainerObserved(0, frozen=True))
    assert (session.phase, effects) == (Phase.SUSPENDED, [CloseViewers(4002)])
    assert "paused outside" in session.message
    session, effects = after(session, ResumeRequested())
    assert (session.phase, session.message) == (Phase.RUNNING, "")
    assert effects == [ThawContainer(1)]


def test_unpaused_outside_is_running() -> None:
    """Somebody unpaused the container of a suspended session: it runs."""
    session, _ = after(running(), SuspendRequested(), ContainerObserved(1, frozen=True), UNPAUSED)
    session, _ = after(session, ContainerObserved(1, frozen=False))
    assert session.phase is Phase.RUNNING


def test_a_refused_freeze_leaves_the_viewers_out() -> None:
    """The container runs on, and the session stays suspended: that much was done."""
    session, effects = after(running(), SuspendRequested(), UNPAUSED)
    assert effects[-1] == InspectContainer(1)
    session, _ = after(session, ContainerObserved(1, frozen=False))
    assert (session.phase, session.freeze) == (Phase.SUSPENDED, Freeze(order=1))
    assert after(session, ResumeRequested())[1] == []


@pytest.mark.parametrize("status", [ContainerStatus.RUNNING, ContainerStatus.PAUSED], ids=str)
def test_an_order_of_a_former_life_is_repeated(status: ContainerStatus) -> None:
    """The daemon died between the commit and the engine's answer."""
    listed = Adopted(ContainerListed(CONTAINER, status))
    suspended, _ = after(running(), SuspendRequested())
    assert after(suspended, listed)[1] == [FreezeContainer(1)]
    resumed, _ = after(suspended, ResumeRequested())
    assert after(resumed, listed)[1] == [ThawContainer(2)]


def test_adoption_finds_what_was_done_outside() -> None:
    """Without an order open, the container is believed, once it has been looked at."""
    assert after(running(), Adopted(PAUSED))[1] == [InspectContainer(0)]
    assert after(running(), Adopted(UNPAUSED))[1] == []


def test_nobody_there_suspends_by_itself() -> None:
    """The wait begins when the last viewer leaves, and anew when nobody comes back."""
    rules = replace(FREEZE, suspend_seconds=60.0)
    session, _ = after(running(rules), ViewersChanged(ViewerCount(1, 0)))
    assert DeadlineName.SUSPEND not in session.deadlines
    session, _ = after(session, ViewersChanged(ViewerCount(0, 0)))
    assert session.deadlines == {DeadlineName.SUSPEND: NOW + 60}
    decision = decide(session, passed(session, DeadlineName.SUSPEND), NOW + 60)
    assert decision.session.phase is Phase.SUSPENDED
    assert decision.session.deadlines == {}
    session, _ = after(decision.session, ResumeRequested())
    assert session.deadlines == {DeadlineName.SUSPEND: NOW + 60}


def test_the_other_limits_go_on_while_suspended() -> None:
    """A session nobody comes back to ends when its template says so."""
    rules = SessionRules(suspend_seconds=60.0, disconnect_seconds=600.0)
    session, _ = after(
        running(rules), ViewersChanged(ViewerCount(0, 1)), ViewersChanged(ViewerCount())
    )
    session = decide(session, passed(session, DeadlineName.SUSPEND), NOW + 60).session
    over = decide(session, passed(session, DeadlineName.DISCONNECT), NOW + 600)
    assert over.session.reason is Reason.DISCONNECT_TIMEOUT
    assert over.effects == (StopContainer(),)


def test_suspended_without_an_engine() -> None:
    """The wish is taken underneath ``unknown`` and shows when the engine is found."""
    session, effects = after(running(), EngineLost(), SuspendRequested())
    assert (session.phase, session.known_phase) == (Phase.UNKNOWN, Phase.SUSPENDED)
    assert effects == [CloseViewers(4002), FreezeContainer(1)]
    assert after(session, EngineFound())[0].phase is Phase.SUSPENDED


def test_a_lifetime_is_warned_of() -> None:
    """Once, before it strikes; the warning goes with the end."""
    lifetime, warning = DeadlineName.LIFETIME, DeadlineName.LIFETIME_WARNING
    session = replace(
        running(SessionRules(lifetime_seconds=600.0)),
        deadlines={lifetime: NOW + 600, warning: NOW + 300},
    )
    warned = decide(session, passed(session, warning), NOW + 300).session
    assert warned.phase is Phase.RUNNING
    assert warned.warning is SessionWarning.LIFETIME_ENDING
    assert "2023-11-14T22:23:20.000Z" in warned.message
    assert warned.deadlines == {lifetime: NOW + 600}
    over = decide(warned, passed(warned, lifetime), NOW + 600).session
    assert (over.phase, over.reason) == (Phase.TERMINATING, Reason.LIFETIME_EXCEEDED)
    assert (over.warning, "save your work" in over.message) == (None, False)
