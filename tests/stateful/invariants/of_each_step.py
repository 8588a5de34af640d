"""Asked of the world after each step, and when nothing is under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from supervisor.lifecycle.session import Session
from supervisor.store.sessions import IDEMPOTENCY_SECONDS
from tests.stateful.clients import Outcome
from tests.stateful.world import World


def one_container_per_session(world: World) -> None:
    """There are never two live containers for a session."""
    count = Counter(each.session_id for each in world.with_container())
    assert all(number == 1 for number in count.values()), count


def strangers_are_left_alone(world: World) -> None:
    """A container that does not carry our label is not touched."""
    for name, stranger in world.strangers.items():
        assert world.host.containers.get(name) is stranger, f"{name} is gone"
        assert stranger.exit_code is None, f"{name} was ended"
        assert not stranger.signals, f"{name} was sent {stranger.signals}"


def numbers_only_grow(world: World) -> None:
    """The event stream's numbers grow, also across lives of the daemon."""
    newest = [commit.seq for commit in world.history.commits[-50:]]
    assert newest == sorted(set(newest)), newest


def readers_are_told_everything_in_order(world: World) -> None:
    """A reader that comes back by its id misses nothing and gets nothing twice, all in order.

    Whom the webhook posts to may get something twice, but nothing before what came before it.
    """
    broken = [*(reader.broken for reader in world.readers), world.receiver.broken]
    assert not any(broken), broken


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
        too_soon = [b for a, b in pairwise(times) if b - a <= IDEMPOTENCY_SECONDS]
        expired = world.widest_jump >= IDEMPOTENCY_SECONDS
        assert not too_soon or expired, f"made twice: {wish}"


def nothing_crashed(world: World) -> None:
    """No task dies, no fact and no effect ends in an internal error."""
    daemon = world.daemon
    assert not world.errors, world.errors
    if daemon is not None:
        assert not daemon.loop.errors, daemon.loop.errors
        assert not daemon.outcries, daemon.outcries
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
