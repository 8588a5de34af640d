"""Asked when everything was healed and given time, and when every session was told to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from supervisor.engine.payload import limits_body
from supervisor.engine.plan import load_plan
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, SessionId
from tests.stateful.history import brief
from tests.stateful.invariants.of_each_step import WHEN_QUIET
from tests.stateful.world import OWNER, World, living
from tests.support.memory_host import MemoryContainer

OVERDUE_SECONDS = 70.0
"""A deadline is told this much late at most: the clock is looked at once a minute."""


def _named(containers: Iterable[MemoryContainer]) -> list[str]:
    return [f"{each.name} ({each.container_id[-4:]}, {each.status.value})" for each in containers]


def sessions_agree_with_the_engine(world: World) -> None:
    """Each session is in a phase that its container agrees with; none is left in between."""
    for session in world.sessions:
        containers = world.host.ours(session.id)
        alive = [each.container_id for each in containers if each.exit_code is None]
        match session.phase:
            case Phase.PENDING | Phase.ENDED:
                assert not containers, f"{_named(containers)} for {brief(session)}"
            case Phase.STARTING:
                assert session.deadlines[DeadlineName.STARTUP] >= world.wall(), brief(session)
            case Phase.RUNNING | Phase.SUSPENDED:
                assert alive == [session.container_id], f"{_named(containers)} for {brief(session)}"
            case Phase.TERMINATING | Phase.UNKNOWN:
                raise AssertionError(f"left in between: {brief(session)}")


def nobody_waits_for_a_free_slot(world: World) -> None:
    """A session waits only while all slots are taken: nobody starves."""
    live = [session for session in world.sessions if living(session)]
    starting = [
        session for session in live if session.phase is Phase.STARTING and session.progress is None
    ]
    most = world.shape.max_sessions
    full = most is not None and len(live) >= most
    full = full or len(starting) >= world.shape.concurrent_starts
    waiting = [session.id for session in world.sessions if session.phase is Phase.PENDING]
    assert full or not waiting, f"{waiting} wait beside {[each.id for each in live]}"


def no_container_is_left_behind(world: World) -> None:
    """Each container of ours belongs to a session that lives.

    By a clock that was set back, what nobody knows may be too young to be removed.
    """
    lives = {session.id for session in world.sessions if living(session)}
    known = {session.id for session in world.sessions}
    for container in world.host.containers.values():
        if container.owner == OWNER and (container.session_id in known or not world.was_set_back):
            assert container.session_id in lives, _named([container])


def no_files_are_left_behind(world: World) -> None:
    """Sessions that live have their files, and nobody else has any."""
    files = set(world.files.session_ids())
    lives = {session.id for session in world.sessions if living(session)}
    running = {session.id for session in world.sessions if session.phase is Phase.RUNNING}
    assert running <= files <= lives, f"files {files}, sessions {lives}"


def no_ticket_is_left_behind(world: World) -> None:
    """Nobody can be admitted to a session that is over, or still looks at it."""
    relay = world.answering.relay
    lives = {session.id for session in world.sessions if session.phase is not Phase.ENDED}
    assert set(relay._tickets._uses) <= lives, set(relay._tickets._uses) - lives
    assert set(relay._viewers._viewers) <= lives
    for session in world.sessions:
        assert session.viewers == relay._viewers.count(session.id), brief(session)


def deadlines_have_passed(world: World) -> None:
    """No live session has outstayed a limit; a clock that was set forward ends nobody."""
    latest = world.wall() - world.set_forward - OVERDUE_SECONDS
    for session in world.sessions:
        overdue = {
            name: world.wall() - due for name, due in session.deadlines.items() if due < latest
        }
        assert not overdue, f"{overdue}: {brief(session)}"


def everybody_has_been_told(world: World) -> None:
    """Each reader knows exactly the sessions there are, and every change has been posted."""
    versions = {session.id: session.version for session in world.sessions}
    for reader in world.readers:
        assert reader.versions == versions
    posted = world.receiver.accepted
    for session_id, numbers in world.history.numbers.items():
        last = numbers if not world.receiver.may_skip else numbers[-1:]
        assert posted[session_id][-len(last) :] == last, f"{posted[session_id]}, not {numbers}"


def accepted_is_not_lost(world: World) -> None:
    """Each session that was accepted is there, unless it was purged or is past retention."""
    for wish in world.wishes:
        for attempt in wish.attempts:
            if attempt.session_id is not None:
                known = attempt.session_id in world.history.known
                assert known or attempt.session_id in world.history.over, wish


def containers_are_as_they_were_ordered(world: World) -> None:
    """What is frozen is frozen on purpose, and a session that runs is not."""
    for session in world.sessions:
        if session.phase in (Phase.RUNNING, Phase.SUSPENDED):
            frozen = session.freeze.frozen
            (container,) = world.host.ours(session.id)
            assert session.freeze.settled, brief(session)
            assert (container.status is ContainerStatus.PAUSED) == frozen, brief(session)
            assert not (frozen and session.phase is Phase.RUNNING), brief(session)


def containers_have_their_limits(world: World) -> None:
    """What was changed last is what the container has, unless the engine would not."""
    for session in world.sessions:
        if session.phase in (Phase.RUNNING, Phase.SUSPENDED):
            assert not session.update_due, brief(session)
            (container,) = world.host.ours(session.id)
            refused = Reason.ENGINE_REFUSED in world.history.grounds[session.id]
            if container.limits and not refused:
                wanted = limits_body(load_plan(session.spec).spec)
                assert container.limits == wanted, f"{container.limits} for {brief(session)}"


def policy_holds_for_everybody(world: World) -> None:
    """Whenever it was accepted, a session has what the host lets through now."""
    for session in world.sessions:
        if session.phase is not Phase.ENDED:
            assert session.clipboard_ceiling is world.clipboard, brief(session)


def nothing_is_under_way(world: World) -> None:
    """At rest the reactor holds no mail, performs no effect, and nobody waits for an answer."""
    core = world.answering.core
    assert core is not None
    assert not core.reactor._mailboxes
    assert not core._lanes._lanes
    assert not core._images._asking


AT_REST: tuple[Callable[[World], None], ...] = (
    *WHEN_QUIET,
    sessions_agree_with_the_engine,
    nobody_waits_for_a_free_slot,
    no_container_is_left_behind,
    no_files_are_left_behind,
    no_ticket_is_left_behind,
    deadlines_have_passed,
    everybody_has_been_told,
    accepted_is_not_lost,
    containers_are_as_they_were_ordered,
    containers_have_their_limits,
    policy_holds_for_everybody,
    nothing_is_under_way,
)


def all_is_over(world: World) -> None:
    """Sessions that were told to end have ended, and the daemon is left holding nothing of them."""
    core = world.answering.core
    assert core is not None
    assert all(session.phase is Phase.ENDED for session in world.sessions)
    assert not core._timers._waits
    admission = core._admission
    left: set[SessionId] = admission._live | admission._starting | set(admission._pending)
    assert not left, left


WHEN_OVER: tuple[Callable[[World], None], ...] = (*AT_REST, all_is_over)
