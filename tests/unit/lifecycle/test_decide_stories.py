"""decide() along the stories that sessions live through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import (
    CancelPreparation,
    CloseViewers,
    Effect,
    EventKind,
    PrepareSession,
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
    CommandExited,
    ContainerExited,
    ContainerGone,
    ContainerListed,
    ContainerOutOfMemory,
    ContainerStarted,
    ContainerStatus,
    DeadlinePassed,
    EngineFound,
    EngineLost,
    Fact,
    InputSeen,
    LaunchFailed,
    PurgeRequested,
    SessionPrepared,
    SlotGranted,
    TerminateRequested,
    ViewersChanged,
)
from supervisor.lifecycle.session import (
    DeadlineName,
    Phase,
    Reason,
    Session,
    SessionRules,
    Usage,
    ViewerCount,
)
from tests.support.sessions import CONTAINER, NOW, passed, pending_session, session_in

TO_RUNNING: tuple[Fact, ...] = (
    SlotGranted(),
    SessionPrepared("sha256:1", "cd" * 32),
    ContainerStarted(CONTAINER),
    AgentStarted(1),
    AgentReady(2),
)


def _after(session: Session, *facts: Fact) -> tuple[Session, list[Effect]]:
    effects: list[Effect] = []
    for fact in facts:
        decision = decide(session, fact, NOW)
        session = decision.session
        effects += decision.effects
    return session, effects


def test_from_pending_to_running() -> None:
    """The ordinary way up: prepared once, started once, ready when the agent says so."""
    session, effects = _after(pending_session(), *TO_RUNNING)
    assert session.phase is Phase.RUNNING
    assert (session.started_at, session.ready_at) == (NOW, NOW)
    assert session.container_id == CONTAINER
    assert not session.deadlines
    assert effects == [PrepareSession(), StartContainer()]


def test_the_command_exits() -> None:
    """Its exit code and reason are kept, and the session ends when the container is gone."""
    session, effects = _after(
        pending_session(),
        *TO_RUNNING,
        CommandExited(3, 4, "bye"),
        ContainerExited(CONTAINER, 4),
        ContainerGone(CONTAINER),
    )
    assert session.phase is Phase.ENDED
    assert (session.reason, session.exit_code) == (Reason.COMMAND_EXITED, 4)
    assert session.log_tail == "bye"
    assert effects[2:] == [CloseViewers(4001), ReleaseSession()]


def test_a_container_that_the_engine_keeps_is_removed() -> None:
    """At once when it has exited, whatever the session was at."""
    for phase in (Phase.STARTING, Phase.RUNNING, Phase.SUSPENDED, Phase.TERMINATING):
        session, effects = _after(session_in(phase), ContainerExited(CONTAINER, 0, kept=True))
        assert session.phase is Phase.TERMINATING
        assert effects == [RemoveContainer()]


def test_terminate_asks_before_it_forces() -> None:
    """The command gets its grace period; only past it the container is forced away."""
    running, _ = _after(pending_session(), *TO_RUNNING)
    session, effects = _after(running, TerminateRequested())
    assert effects == [StopContainer()]
    due = session.deadlines[DeadlineName.TERMINATION]
    assert due > NOW + session.rules.stop_grace_seconds
    another = decide(session, DeadlinePassed(DeadlineName.TERMINATION, due - 1), due)
    late = decide(session, passed(session, DeadlineName.TERMINATION), due)
    assert another.effects == ()
    assert late.effects == (RemoveContainer(),)


def test_terminate_while_preparing_leaves_nothing() -> None:
    """A pull is broken off, and whatever container there may be is removed."""
    session, effects = _after(pending_session(), SlotGranted(), TerminateRequested())
    assert effects[1:] == [CancelPreparation(), RemoveContainer()]
    session, _ = _after(session, ContainerGone(None))
    assert (session.phase, session.reason) == (Phase.ENDED, Reason.TERMINATED)


def test_a_failed_launch_says_why() -> None:
    """The first reason wins over whatever follows from it."""
    session, _ = _after(
        pending_session(),
        SlotGranted(),
        LaunchFailed(Reason.PERL_MISSING, "install perl"),
        TerminateRequested(),
        ContainerGone(None),
    )
    assert (session.phase, session.reason) == (Phase.ENDED, Reason.PERL_MISSING)
    assert session.message == "install perl"


def test_the_agent_fails() -> None:
    """What the agent says of its failure is what the administrator reads."""
    failed = AgentFailed(2, Reason.X_SERVER_FAILED, "no display", log_tail="Xvnc: ...")
    session, _ = _after(session_in(Phase.STARTING), failed, ContainerGone(None))
    assert (session.reason, session.message) == (Reason.X_SERVER_FAILED, "no display")


def test_out_of_memory_is_told_from_a_kill() -> None:
    """Exit code 137 alone is a kill; with the kernel's word it is want of memory."""
    killed, _ = _after(session_in(Phase.RUNNING), ContainerExited(CONTAINER, 137))
    starved, _ = _after(
        session_in(Phase.RUNNING),
        ContainerOutOfMemory(CONTAINER),
        ContainerExited(CONTAINER, 137),
    )
    assert killed.reason is Reason.CONTAINER_DIED
    assert starved.reason is Reason.OUT_OF_MEMORY


@pytest.mark.parametrize("engine_first", [True, False])
@pytest.mark.parametrize(
    "report",
    [CommandExited(2, 137), AgentFailed(2, Reason.X_SERVER_FAILED, "signal 9", exit_code=137)],
    ids=["command", "x-server"],
)
def test_want_of_memory_is_the_reason_whoever_was_killed(
    report: CommandExited | AgentFailed, *, engine_first: bool
) -> None:
    """The agent's word and the engine's come in any order, of the command or the X server."""
    facts = (ContainerOutOfMemory(CONTAINER), report)
    told, _ = _after(session_in(Phase.RUNNING), *(facts if engine_first else facts[::-1]))
    assert (told.reason, told.exit_code) == (Reason.OUT_OF_MEMORY, 137)


def test_an_x_server_that_fails_after_others_were_killed_is_told_as_such() -> None:
    """What the kernel killed before explains no other end."""
    failed = AgentFailed(2, Reason.X_SERVER_FAILED, "no display")
    told, _ = _after(session_in(Phase.RUNNING), ContainerOutOfMemory(CONTAINER), failed)
    assert told.reason is Reason.X_SERVER_FAILED


def test_callbacks_are_taken_once() -> None:
    """A callback whose answer got lost comes again and changes nothing."""
    session, _ = _after(session_in(Phase.RUNNING), AgentHeartbeat(7, Usage(1, 1.0, 1)))
    again = decide(session, AgentHeartbeat(7, Usage(2, 2.0, 2)), NOW + 1)
    assert again.session == session
    assert again.event is None


def test_cores_in_use_are_told_from_two_reports() -> None:
    """The average between them; the first counts from the start; what cannot be is none."""
    session = replace(session_in(Phase.RUNNING), usage_at=None, started_at=NOW - 10)
    told = []
    for seq, (at, cpu_seconds) in enumerate(
        [
            (NOW, 5.0),
            (NOW + 20, 25.0),
            (NOW + 20.5, 99.0),
            (NOW + 30, 1.0),
            (NOW, 2.0),
            (NOW + 2, 3.0),
        ],
        start=session.callback_seq + 1,
    ):
        session = decide(session, AgentHeartbeat(seq, Usage(1, cpu_seconds, 1)), at).session
        told.append((session.cpu_cores, session.usage.cpu_seconds))
    assert told == [(0.5, 5.0), (1.0, 25.0), (1.0, 99.0), (0.0, 1.0), (0.0, 2.0), (0.5, 3.0)]


def test_start_timeout_names_the_setting() -> None:
    """A session that never becomes ready ends, and the message says what to change."""
    session = session_in(Phase.STARTING)
    decision = decide(session, passed(session, DeadlineName.STARTUP), NOW + 51)
    assert decision.session.reason is Reason.START_TIMEOUT
    assert "startup_timeout" in decision.session.message


def test_lifetime_begins_when_ready() -> None:
    """The lifetime limit counts from the moment at which the session can be used."""
    limited = replace(pending_session(), rules=SessionRules(lifetime_seconds=60))
    session, _ = _after(limited, *TO_RUNNING)
    assert session.deadlines == {
        DeadlineName.LIFETIME: NOW + 60,
        DeadlineName.LIFETIME_WARNING: NOW + 30,
    }
    over = decide(session, passed(session, DeadlineName.LIFETIME), NOW + 60)
    assert over.session.reason is Reason.LIFETIME_EXCEEDED


def test_input_puts_the_idle_limit_off() -> None:
    """Idle counts from the last key or pointer event, and past it the session ends."""
    session, _ = _after(
        replace(pending_session(), rules=SessionRules(idle_seconds=60)), *TO_RUNNING
    )
    assert session.deadlines == {DeadlineName.IDLE: NOW + 60}
    session, _ = _after(session, InputSeen(NOW + 30))
    assert session.deadlines == {DeadlineName.IDLE: NOW + 90}
    set_back, _ = _after(session, InputSeen(NOW - 3600))
    assert set_back.deadlines == {DeadlineName.IDLE: NOW - 3540}
    over = decide(session, passed(session, DeadlineName.IDLE), NOW + 90)
    assert over.session.reason is Reason.IDLE_TIMEOUT


def test_the_last_viewer_to_leave_starts_the_disconnect_limit() -> None:
    """Nobody there counts from ready; a viewer stops the clock, and the last to leave starts it."""
    limited = replace(pending_session(), rules=SessionRules(disconnect_seconds=60))
    session, _ = _after(limited, *TO_RUNNING)
    assert session.deadlines == {DeadlineName.DISCONNECT: NOW + 60}
    watched, _ = _after(session, ViewersChanged(ViewerCount(control=1, view=1)))
    assert not watched.deadlines
    left = decide(watched, ViewersChanged(ViewerCount(0, 0)), NOW + 100).session
    assert left.deadlines == {DeadlineName.DISCONNECT: NOW + 160}
    over = decide(left, passed(left, DeadlineName.DISCONNECT), NOW + 160)
    assert over.session.reason is Reason.DISCONNECT_TIMEOUT


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.RUNNING, Phase.TERMINATING])
def test_a_lost_engine_covers_the_phase(phase: Phase) -> None:
    """Unknown while the engine is away, and what happens meanwhile is not forgotten."""
    session, _ = _after(session_in(phase), EngineLost())
    assert (session.phase, session.known_phase) == (Phase.UNKNOWN, phase)
    back, _ = _after(session, EngineFound())
    assert back.phase is phase


def test_agent_ready_while_the_engine_is_away() -> None:
    """The agent's word counts also when the engine is silent."""
    session, _ = _after(session_in(Phase.STARTING), EngineLost(), AgentReady(1), EngineFound())
    assert session.phase is Phase.RUNNING


def test_adoption_takes_up_where_it_was() -> None:
    """What was under way when the daemon died is done again; what runs is taken over."""
    starting = session_in(Phase.STARTING)
    assert decide(starting, Adopted(None), NOW).effects == (PrepareSession(),)
    running = ContainerListed(CONTAINER, ContainerStatus.RUNNING)
    adopted = decide(starting, Adopted(running), NOW)
    assert adopted.session.container_id == CONTAINER
    assert adopted.effects == ()
    lost = decide(session_in(Phase.RUNNING), Adopted(None), NOW)
    assert (lost.session.phase, lost.session.reason) == (Phase.ENDED, Reason.CONTAINER_GONE)


def test_purge_forgets_when_the_container_is_gone() -> None:
    """A purge forces the container away first; only then the session is forgotten."""
    decision = decide(session_in(Phase.RUNNING), PurgeRequested(), NOW)
    assert decision.effects == (CancelPreparation(), RemoveContainer())
    assert decision.event is EventKind.UPDATE
    gone = decide(decision.session, ContainerGone(None), NOW)
    assert gone.event is EventKind.DELETE
