"""What always holds, in one place: the sentences of docs/architecture.md as assertions.

``EVENTS`` are asked of each thing that happened, with the world as it was at that moment;
``ALWAYS`` of the world after each step; ``WHEN_QUIET`` when nothing is under way; ``AT_REST`` once
everything was healed and given time; ``WHEN_OVER`` after every session was told to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, Session, SessionId
from supervisor.store.sessions import IDEMPOTENCY_SECONDS
from tests.stateful.clients import Outcome
from tests.stateful.history import Commit, Event, Kill, Launch, Purged, brief
from tests.stateful.world import OWNER, World, living
from tests.support.memory_host import MemoryContainer

OVERDUE_SECONDS = 70.0
"""A deadline is told this much late at most: the clock is looked at once a minute."""

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


def _named(containers: Iterable[MemoryContainer]) -> list[str]:
    return [f"{each.name} ({each.container_id[-4:]}, {each.status.value})" for each in containers]


# -- what happened -----------------------------------------------------------------------------


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
    span = scene.since_accepted if reason is Reason.LIFETIME_EXCEEDED else scene.since_begun
    assert seconds is not None, event
    assert span.seconds >= seconds - 0.001, event
    assert event.scene.adopted, f"before adoption: {event}"
    if reason is Reason.START_TIMEOUT:
        assert event.scene.reachable or world.store_was_slow, f"while the engine was away: {event}"
    if reason is Reason.DISCONNECT_TIMEOUT:
        assert not after.viewers.any, event
    if reason is Reason.IDLE_TIMEOUT and after.last_input_at is not None:
        assert span.highest >= after.last_input_at + seconds - 0.001, event


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
    """A container is stopped or removed only for a session whose end has been committed."""
    if isinstance(event, Kill):
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


# -- after each step -----------------------------------------------------------------------------


def one_container_per_session(world: World) -> None:
    """There are never two live containers for a session."""
    count = Counter(each.session_id for each in world.with_container())
    assert all(number == 1 for number in count.values()), count


def strangers_are_left_alone(world: World) -> None:
    """A container that is not ours, or whose session nobody knows, is not touched."""
    for name, stranger in world.strangers.items():
        assert world.host.containers.get(name) is stranger, f"{name} is gone"
        assert stranger.exit_code is None, f"{name} was ended"
        assert not stranger.signals, f"{name} was sent {stranger.signals}"


def numbers_only_grow(world: World) -> None:
    """The event stream's numbers grow, also across lives of the daemon."""
    newest = [commit.seq for commit in world.history.commits[-50:]]
    assert newest == sorted(set(newest)), newest


def readers_are_told_everything_in_order(world: World) -> None:
    """A reader that comes back by its id misses nothing, gets nothing twice, and all in order."""
    for reader in (*world.readers, world.consumer):
        assert not reader.broken, reader.broken


def accepted_is_durable(world: World) -> None:
    """A session is in the store when its acceptance is answered."""
    for wish in world.wishes:
        assert all(attempt.durable for attempt in wish.attempts), wish


def none_is_invented(world: World) -> None:
    """Each session was asked for, and not refused; an Idempotency-Key stands for one session."""
    asked = {wish.name: wish for wish in world.wishes}
    kept = (*world.history.known.values(), *world.history.over.values())
    made: dict[str, list[Session]] = {}
    for session in kept:
        made.setdefault(session.name, []).append(session)
    for name, sessions in made.items():
        wish = asked[name]
        refused = all(attempt.outcome is Outcome.REFUSED for attempt in wish.attempts)
        assert not refused, f"refused, and yet made: {wish}"
        times = sorted(session.created_at for session in sessions)
        too_soon = [b for a, b in zip(times, times[1:], strict=False) if b - a <= IDEMPOTENCY_SECONDS]
        expired = world.widest_jump >= IDEMPOTENCY_SECONDS
        assert not too_soon or expired, f"made twice: {wish}"


def nothing_crashed(world: World) -> None:
    """No task dies, no fact and no effect ends in an internal error."""
    daemon = world.daemon
    assert not world.errors, world.errors
    if daemon is not None:
        assert not daemon.loop.errors, daemon.loop.errors
        assert not daemon.main.done() or daemon.main.result() is None, "the daemon broke"


ALWAYS: tuple[Callable[[World], None], ...] = (
    one_container_per_session,
    strangers_are_left_alone,
    numbers_only_grow,
    readers_are_told_everything_in_order,
    accepted_is_durable,
    none_is_invented,
    nothing_crashed,
)


# -- when nothing is under way --------------------------------------------------------------------


def the_store_has_what_was_told(world: World) -> None:
    """The store holds each session as the last event of it said; none is lost."""
    told = {session.id: session.version for session in world.history.known.values()}
    assert world.answering.database.versions() == told


def reads_show_what_was_committed(world: World) -> None:
    """What the daemon answers is what the store holds."""
    assert world.answering.core is not None
    shown = {session.id: session for session in world.answering.core.directory}
    assert shown == world.history.known


WHEN_QUIET: tuple[Callable[[World], None], ...] = (
    the_store_has_what_was_told,
    reads_show_what_was_committed,
)


# -- at rest -------------------------------------------------------------------------------------


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
    starting = [session for session in live if session.phase is Phase.STARTING]
    most = world.shape.max_sessions
    full = most is not None and len(live) >= most
    full = full or len(starting) >= world.shape.concurrent_starts
    waiting = [session.id for session in world.sessions if session.phase is Phase.PENDING]
    assert full or not waiting, f"{waiting} wait beside {[each.id for each in live]}"


def no_container_is_left_behind(world: World) -> None:
    """Each container of ours belongs to a session that lives."""
    lives = {session.id for session in world.sessions if living(session)}
    for container in world.host.containers.values():
        if container.owner == OWNER and container.name not in world.strangers:
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
    lives = {session.id for session in world.sessions if living(session)}
    assert set(relay._tickets._uses) <= lives
    assert set(relay._viewers._viewers) <= lives
    for session in world.sessions:
        assert session.viewers == relay._viewers.count(session.id), brief(session)


def deadlines_have_passed(world: World) -> None:
    """No live session has outstayed a limit."""
    for session in world.sessions:
        overdue = {
            name: world.wall() - due
            for name, due in session.deadlines.items()
            if world.wall() - due > OVERDUE_SECONDS
        }
        assert not overdue, f"{overdue}: {brief(session)}"


def everybody_has_been_told(world: World) -> None:
    """Each reader knows exactly the sessions there are, and the cursor has seen every change."""
    versions = {session.id: session.version for session in world.sessions}
    for reader in world.readers:
        assert reader.versions == versions
    if not world.consumer.may_skip:
        missed = {commit.seq for commit in world.history.commits} - world.consumer.delivered
        assert not missed, missed


def accepted_is_not_lost(world: World) -> None:
    """Each session that was accepted is there, unless it was purged or is past retention."""
    for wish in world.wishes:
        for attempt in wish.attempts:
            if attempt.session_id is not None:
                known = attempt.session_id in world.history.known
                assert known or attempt.session_id in world.history.over, wish


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
    nothing_is_under_way,
)


def all_is_over(world: World) -> None:
    """Sessions that were told to end have ended, and the daemon is left holding nothing of them."""
    core = world.answering.core
    assert core is not None
    assert all(session.phase is Phase.ENDED for session in world.sessions)
    assert not core._timers._handles
    admission = core._admission
    left: set[SessionId] = admission._live | admission._starting | set(admission._pending)
    assert not left, left


WHEN_OVER: tuple[Callable[[World], None], ...] = (*AT_REST, all_is_over)
