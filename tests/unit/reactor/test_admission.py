"""Admission: whose turn it is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from supervisor.lifecycle.facts import QueueMoved, SlotGranted
from supervisor.lifecycle.session import Phase, Session, SessionId
from supervisor.reactor.admission import Admission, AdmissionLimits
from tests.support.sessions import pending_session
from tests.unit.reactor.fakes import Posts

NAMES = [f"01hf00000000000000000000{number:02d}" for number in range(10)]


def sessions(count: int) -> list[Session]:
    """Pending sessions in the order of their acceptance."""
    return [pending_session(name) for name in NAMES[:count]]


def granted(posts: Posts) -> list[str]:
    """Who was given a slot, in order."""
    return [session_id for session_id, fact in posts.made if fact == SlotGranted()]


def admission(starts: int, most: int | None = None) -> tuple[Admission, Posts]:
    """An open admission with these limits."""
    posts = Posts()
    office = Admission(lambda: AdmissionLimits(concurrent_starts=starts, max_sessions=most), posts)
    office.open()
    return office, posts


def test_slots_are_granted_in_order() -> None:
    """So many at once, the oldest first; the next one when a start is over."""
    office, posts = admission(starts=2)
    first, second, *others = sessions(4)
    for session in (first, second, *others):
        office.observe(session)
    assert granted(posts) == [first.id, second.id]
    office.observe(replace(second, phase=Phase.STARTING))
    office.observe(replace(first, phase=Phase.STARTING))
    assert granted(posts) == [first.id, second.id]
    office.observe(replace(second, phase=Phase.RUNNING))
    assert granted(posts) == [first.id, second.id, others[0].id]


def test_who_waits_for_an_image_holds_no_slot() -> None:
    """Others start meanwhile; a place among all sessions is held all the same."""
    office, posts = admission(starts=1, most=3)
    first, second, third, fourth = sessions(4)
    for session in (first, second, third, fourth):
        office.observe(session)
    office.observe(replace(first, phase=Phase.STARTING))
    assert granted(posts) == [first.id]
    office.observe(replace(first, phase=Phase.STARTING, progress=0.0))
    assert granted(posts) == [first.id, second.id]
    office.observe(replace(second, phase=Phase.STARTING))
    office.observe(replace(first, phase=Phase.STARTING))
    assert granted(posts) == [first.id, second.id]
    office.observe(replace(second, phase=Phase.RUNNING))
    assert granted(posts) == [first.id, second.id]
    office.observe(replace(first, phase=Phase.RUNNING))
    assert granted(posts) == [first.id, second.id, third.id]
    office.observe(replace(third, phase=Phase.RUNNING))
    assert granted(posts) == [first.id, second.id, third.id]


def test_a_long_queue_is_told_in_steps() -> None:
    """Near the head every place counts; further back it has to be a quarter less to be told."""
    office, posts = admission(starts=1)
    queue = [pending_session(f"01hf0000000000000000000{number:03d}") for number in range(100)]
    for session in queue:
        office.observe(session)
    assert [fact for _, fact in posts.made[1:]] == [QueueMoved(n) for n in range(1, 100)]
    posts.made.clear()
    office.observe(replace(queue[0], phase=Phase.RUNNING))
    moved = [fact.position for _, fact in posts.made if isinstance(fact, QueueMoved)]
    assert moved == [*range(1, 21)]


def test_what_a_queue_tells_does_not_grow_with_its_square() -> None:
    """Whoever waited behind 999 others was told some thirty places, and last of all the first."""
    office, posts = admission(starts=1)
    queue = [pending_session(f"01hf000000000000000000{number:04d}") for number in range(1001)]
    for session in queue:
        office.observe(session)
    for session in queue[:-1]:
        office.observe(replace(session, phase=Phase.RUNNING))
    told = [
        fact.position
        for name, fact in posts.made[1:]
        if name == queue[-1].id and isinstance(fact, QueueMoved)
    ]
    assert told[0] == 1000
    assert told[-20:] == [*range(20, 0, -1)]
    assert 20 < len(told) < 40


def test_nothing_is_granted_before_it_opens() -> None:
    """Sessions from the store wait, in order, until those that run have been counted."""
    posts = Posts()
    office = Admission(lambda: AdmissionLimits(max_sessions=2), posts)
    first, second, third = sessions(3)
    office.observe(first)
    office.observe(second)
    office.observe(replace(third, phase=Phase.RUNNING))
    assert posts.made == []
    office.open()
    assert posts.made == [(first.id, SlotGranted()), (second.id, QueueMoved(1))]


def test_nothing_is_granted_while_it_is_closed() -> None:
    """Without an engine nobody's turn comes; with it, the turn of those who have waited."""
    office, posts = admission(starts=1)
    first, second = sessions(2)
    office.close()
    office.observe(first)
    office.observe(second)
    assert posts.made == []
    office.open()
    assert granted(posts) == [first.id]


def test_sessions_with_a_container_are_limited() -> None:
    """A running session holds its place until it has ended; suspended and ending ones too."""
    office, posts = admission(starts=5, most=1)
    first, second = sessions(2)
    office.observe(first)
    office.observe(second)
    for phase in (Phase.STARTING, Phase.RUNNING, Phase.SUSPENDED, Phase.TERMINATING):
        office.observe(replace(first, phase=phase))
        assert granted(posts) == [first.id]
    office.observe(replace(first, phase=Phase.UNKNOWN, known_phase=Phase.RUNNING))
    assert granted(posts) == [first.id]
    office.observe(replace(first, phase=Phase.ENDED))
    assert granted(posts) == [first.id, second.id]


def test_a_grant_is_given_once() -> None:
    """A session that is seen pending again before its grant is committed gets no second one."""
    office, posts = admission(starts=1)
    first, second = sessions(2)
    for session in (first, first, second, first):
        office.observe(session)
    assert granted(posts) == [first.id]


def test_a_start_the_engine_is_lost_in_keeps_its_slot() -> None:
    """While the engine cannot be asked, the phase underneath counts."""
    office, posts = admission(starts=1)
    first, second = sessions(2)
    office.observe(first)
    office.observe(replace(first, phase=Phase.STARTING))
    office.observe(replace(first, phase=Phase.UNKNOWN, known_phase=Phase.STARTING))
    office.observe(second)
    assert granted(posts) == [first.id]


def test_the_queue_is_numbered() -> None:
    """Who waits is told the position, and again when it changes, and not otherwise."""
    office, posts = admission(starts=1)
    first, second, third, fourth = sessions(4)
    for session in (first, second, third, fourth):
        office.observe(session)
    assert [(name, fact) for name, fact in posts.made if fact != SlotGranted()] == [
        (second.id, QueueMoved(1)),
        (third.id, QueueMoved(2)),
        (fourth.id, QueueMoved(3)),
    ]
    del posts.made[:]
    office.observe(replace(second, queue_position=1))
    assert posts.made == []
    office.observe(replace(first, phase=Phase.RUNNING))
    assert posts.made == [
        (second.id, SlotGranted()),
        (third.id, QueueMoved(1)),
        (fourth.id, QueueMoved(2)),
    ]


def test_who_leaves_the_queue_lets_others_move_up() -> None:
    """A pending session that ends or is forgotten frees its position."""
    office, posts = admission(starts=1)
    first, second, third, fourth = sessions(4)
    for session in (first, second, third, fourth):
        office.observe(session)
    del posts.made[:]
    office.observe(replace(second, phase=Phase.ENDED))
    assert (third.id, QueueMoved(1)) in posts.made
    office.forget(third.id)
    assert posts.made[-1] == (fourth.id, QueueMoved(1))


def test_the_forgotten_free_their_slot() -> None:
    """A purged session's slot goes to the next."""
    office, posts = admission(starts=1, most=1)
    first, second = sessions(2)
    office.observe(first)
    office.observe(second)
    office.forget(first.id)
    assert granted(posts) == [first.id, second.id]


STEPS = {
    Phase.PENDING: Phase.STARTING,
    Phase.STARTING: Phase.RUNNING,
    Phase.RUNNING: Phase.TERMINATING,
    Phase.TERMINATING: Phase.ENDED,
    Phase.ENDED: Phase.ENDED,
}


@given(
    starts=st.integers(1, 3),
    most=st.none() | st.integers(1, 4),
    steps=st.lists(st.integers(0, 9), max_size=60),
)
def test_whatever_happens_the_limits_hold(starts: int, most: int | None, steps: list[int]) -> None:
    """No limit is ever passed, nobody gets two slots, and nobody is overtaken."""
    office, posts = admission(starts, most)
    present: dict[SessionId, Session] = {}
    for session in sessions(10):
        present[session.id] = session
        office.observe(session)
    for index in steps:
        session = present[SessionId(NAMES[index])]
        if session.phase is not Phase.PENDING or session.id in granted(posts):
            session = replace(session, phase=STEPS[session.phase])
            present[session.id] = session
            office.observe(session)
        slots = granted(posts)
        assert slots == NAMES[: len(slots)]
        at = dict.fromkeys(Phase, 0)
        for each in present.values():
            at[each.phase] += 1
        waiting = len(slots) - sum(each.phase is not Phase.PENDING for each in present.values())
        assert waiting + at[Phase.STARTING] <= starts
        alive = len(slots) - at[Phase.ENDED]
        assert most is None or alive <= most
        room = most is None or alive < most
        assert len(slots) == 10 or not room or waiting + at[Phase.STARTING] == starts
