"""Asked of each thing that happened, with the world as it was at that moment."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, Reason, Session
from tests.stateful.history import Commit, Event, Kill, Launch, Purged
from tests.stateful.world import World

_NEXT = {
    Phase.PENDING: {Phase.STARTING, Phase.ENDED},
    Phase.STARTING: {Phase.RUNNING, Phase.TERMINATING, Phase.ENDED},
    Phase.RUNNING: {Phase.SUSPENDED, Phase.TERMINATING, Phase.ENDED},
    Phase.SUSPENDED: {Phase.RUNNING, Phase.TERMINATING, Phase.ENDED},
    Phase.TERMINATING: {Phase.ENDED},
    Phase.ENDED: set[Phase](),
}
_LIMITS = (
    Reason.START_TIMEOUT,
    Reason.IDLE_TIMEOUT,
    Reason.DISCONNECT_TIMEOUT,
    Reason.LIFETIME_EXCEEDED,
)
_REFUSALS = (Reason.ENGINE_REFUSED, Reason.IMAGE_NOT_FOUND, Reason.MOUNT_MISSING)
_SUPERSEDED = {
    Reason.CONTAINER_GONE: _REFUSALS,
    Reason.CONTAINER_DIED: _REFUSALS,
    Reason.COMMAND_EXITED: (Reason.OUT_OF_MEMORY,),
}
"""A refused start is seen to vanish first, and the command that the kernel killed to exit."""


def _phase(session: Session) -> Phase:
    return session.known_phase or session.phase


def a_change_is_written_where_it_is_told(_world: World, event: Event) -> None:
    """An outbox row and the session it tells of are one transaction."""
    if isinstance(event, Commit):
        assert (event.after is None) == (event.kind is EventKind.DELETE), event


def versions_have_no_gap(_world: World, event: Event) -> None:
    """Every committed change is told: a session's versions count up by one."""
    if isinstance(event, Commit) and event.after is not None:
        before = event.before.version if event.before is not None else 0
        assert event.after.version == before + 1, event


def phases_follow_the_diagram(_world: World, event: Event) -> None:
    """A session changes phase only as the diagram in ``decide`` says, and the end is final."""
    match event:
        case Commit(before=Session() as before, after=Session() as after):
            old, new = _phase(before), _phase(after)
            assert old is new or new in _NEXT[old], f"{old} -> {new}: {event}"
        case Commit(before=None, after=Session() as after):
            assert after.phase is Phase.PENDING, event
        case _:
            pass


def the_first_reason_wins(_world: World, event: Event) -> None:
    """What follows from an end is not its cause, but for the two cases in which it comes first."""
    match event:
        case Commit(before=Session(reason=Reason() as old), after=Session(reason=new)):
            assert new is old or new in _SUPERSEDED.get(old, ()), event
        case _:
            pass


def reasons_are_true(world: World, event: Event) -> None:
    """A session ends for a reason that there was: nobody is ended who did nothing to deserve it."""
    match event:
        case Commit(before=before, after=Session(reason=Reason() as reason) as after):
            if before is None or before.reason is not reason:
                if reason in _LIMITS:
                    _limit_was_reached(world, event, after, reason)
                else:
                    assert reason in world.history.grounds[after.id], event
        case _:
            pass


def _limit_was_reached(world: World, event: Commit, after: Session, reason: Reason) -> None:
    """Limits count while the daemon is there (but for the lifetime) and the session adopted."""
    rules = after.rules
    seconds = {
        Reason.START_TIMEOUT: rules.startup_seconds,
        Reason.IDLE_TIMEOUT: rules.idle_seconds,
        Reason.DISCONNECT_TIMEOUT: rules.disconnect_seconds,
        Reason.LIFETIME_EXCEEDED: rules.lifetime_seconds,
    }[reason]
    scene = event.scene
    lasting = reason is Reason.LIFETIME_EXCEEDED or world.was_set_meanwhile
    most = max(scene.attended_seconds, scene.since_accepted.seconds if lasting else 0.0)
    assert seconds is not None, event
    assert most >= seconds - 0.001, event
    assert event.scene.adopted, f"before adoption: {event}"
    if reason is Reason.START_TIMEOUT:
        assert event.scene.reachable or world.store_was_slow, f"while the engine was away: {event}"
    if reason is Reason.DISCONNECT_TIMEOUT:
        assert not after.viewers.any, event


def nothing_starts_before_adoption(_world: World, event: Event) -> None:
    """Before the engine's containers are known, no session is started."""
    if isinstance(event, Commit) and _is_granted(event):
        assert event.scene.adopted, event


def sessions_start_in_order(_world: World, event: Event) -> None:
    """Nobody is started before somebody who was accepted earlier and still waits."""
    if isinstance(event, Commit) and _is_granted(event):
        earlier = [each for each in event.scene.waiting if each < event.session_id]
        assert not earlier, f"{earlier} still wait: {event}"


def _is_granted(event: Commit) -> bool:
    match event:
        case Commit(before=Session(phase=Phase.PENDING), after=Session(phase=Phase.STARTING)):
            return True
        case _:
            return False


def ended_means_gone(_world: World, event: Event) -> None:
    """When a session's end is committed, it has no container any more."""
    match event:
        case Commit(before=before, after=Session(phase=Phase.ENDED)):
            if before is not None and before.phase is not Phase.ENDED:
                assert not event.scene.containers, event
        case _:
            pass


def callbacks_count_once(_world: World, event: Event) -> None:
    """What an agent said before is not heard again."""
    match event:
        case Commit(before=Session() as before, after=Session() as after):
            assert after.callback_seq >= before.callback_seq, event
        case _:
            pass


def only_what_is_over_is_forgotten(world: World, event: Event) -> None:
    """A session leaves the store when it was purged or is past retention, its container gone."""
    if isinstance(event, Commit) and event.kind is EventKind.DELETE:
        assert event.before is not None, event
        assert not event.scene.containers, event
        purged = Reason.PURGED in world.history.grounds[event.session_id]
        ended_at = event.before.ended_at
        expired = (
            ended_at is not None
            and event.scene.since_accepted.highest > ended_at + world.shape.ended_seconds
        )
        assert purged or expired, event


def nobody_is_killed_without_a_reason(_world: World, event: Event) -> None:
    """A container is stopped or removed once its session's end is committed, or it has none."""
    if isinstance(event, Kill) and event.is_orphan:
        assert event.session is None, event
    elif isinstance(event, Kill):
        assert event.session is not None, f"of a session that is not known: {event}"
        assert event.session.reason is not None, event


def nothing_is_started_in_vain(_world: World, event: Event) -> None:
    """The engine is asked for a container only while its session is starting."""
    if isinstance(event, Launch):
        assert event.session is not None, event
        assert _phase(event.session) is Phase.STARTING, event


def a_purge_is_answered_when_all_is_gone(_world: World, event: Event) -> None:
    """Whoever purged is told so once there is neither a record nor a container."""
    if isinstance(event, Purged):
        assert event.session is None, event
        assert not event.containers, event


EVENTS: tuple[Callable[[World, Event], None], ...] = (
    a_change_is_written_where_it_is_told,
    versions_have_no_gap,
    phases_follow_the_diagram,
    the_first_reason_wins,
    reasons_are_true,
    nothing_starts_before_adoption,
    sessions_start_in_order,
    ended_means_gone,
    callbacks_count_once,
    only_what_is_over_is_forgotten,
    nobody_is_killed_without_a_reason,
    nothing_is_started_in_vain,
    a_purge_is_answered_when_all_is_gone,
)
