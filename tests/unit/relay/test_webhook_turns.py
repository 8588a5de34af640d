"""Whose turn it is, and when: lanes, pauses, and the receiver under suspicion."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.backoff import Backoff
from relay.bell import Bell
from relay.ports import Stretch
from relay.webhook.endpoint import Endpoint
from relay.webhook.lanes import Lane, Lanes
from relay.webhook.post import Outcome, Verdict
from supervisor.lifecycle.session import SessionId
from tests.support.turning import settled

A, B, C, D = (SessionId(letter * 26) for letter in "abcd")
REFUSED = Verdict(Outcome.REFUSED)


def lanes_of(*sessions: SessionId) -> Lanes:
    """A lane for each, with three events."""
    lanes = Lanes()
    for session_id in sessions:
        lanes.add(Stretch(session_id, 1, 3))
    return lanes


def taken(lanes: Lanes, now: float = 0.0, *, unspoilt: bool = False) -> Lane:
    """The next lane, of which there has to be one."""
    lane = lanes.take(now, unspoilt=unspoilt)
    assert lane is not None
    return lane


def test_lanes_take_turns() -> None:
    """Whoever has had a turn comes after all others; one that is out is nobody else's."""
    lanes = lanes_of(A, B, C)
    first = taken(lanes)
    assert [taken(lanes).session_id, taken(lanes).session_id] == [B, C]
    assert lanes.take(0.0) is None
    lanes.give_back(first)
    assert taken(lanes) is first


def test_a_lane_ends_with_its_last_event() -> None:
    """More events that become known while it is out keep it."""
    lanes = lanes_of(A, B)
    lane = taken(lanes)
    lanes.add(Stretch(A, 9, 12))
    lane.first = 4
    lanes.give_back(lane)
    assert lanes.positions() == {A: 4, B: 1}
    assert taken(lanes).session_id == B
    assert taken(lanes).stretch == Stretch(A, 4, 12)
    lane.first = 13
    assert lanes.positions() == {B: 1}
    lanes.give_back(lane)
    assert lanes.positions() == {B: 1}
    assert len(lanes) == 1


def test_a_lane_waits_for_its_time() -> None:
    """Until then it is passed over; afterwards it stands behind those who are in the row."""
    lanes = lanes_of(A, B)
    lanes.give_back(taken(lanes), 10.0)
    lanes.give_back(taken(lanes), 5.0)
    assert (lanes.waiting, lanes.next_due(), lanes.take(4.9)) == (2, 5.0, None)
    lanes.add(Stretch(C, 4, 4))
    assert [taken(lanes, 10.0).session_id for _ in range(3)] == [C, B, A]
    assert (lanes.waiting, lanes.next_due()) == (0, None)


def test_a_probe_is_made_with_the_best() -> None:
    """What has been refused often says least of the receiver."""
    lanes = lanes_of(A, B, C)
    for failures in (2, 1, 3):
        lane = taken(lanes)
        lane.failures = failures
        lanes.give_back(lane)
    assert taken(lanes, unspoilt=True).session_id == B
    lanes.add(Stretch(D, 4, 4))
    assert taken(lanes, unspoilt=True).session_id == D
    assert taken(lanes).session_id == A


def endpoint() -> Endpoint:
    """A receiver of which nothing is known, with pauses from 10 to 100 seconds."""
    return Endpoint(Backoff(10.0, 100.0), suspicion=3)


def test_refusals_of_several_sessions_in_a_row_are_suspicious() -> None:
    """Of one session as many as you like; and one that is accepted clears all."""
    receiver = endpoint()
    for _ in range(5):
        receiver.failed(A, REFUSED, 0.0)
    receiver.failed(B, REFUSED, 0.0)
    receiver.accepted()
    receiver.failed(C, REFUSED, 0.0)
    receiver.failed(D, REFUSED, 0.0)
    assert receiver.admits(0.0, busy=3)
    receiver.failed(A, REFUSED, 0.0)
    assert receiver.suspect
    assert not receiver.admits(6.9, busy=0)
    assert receiver.admits(10.0, busy=0)
    assert not receiver.admits(10.0, busy=1)
    receiver.accepted()
    assert receiver.admits(10.0, busy=3)


@pytest.mark.parametrize("outcome", [Outcome.UNREACHABLE, Outcome.BUSY])
def test_some_failures_say_enough(outcome: Outcome) -> None:
    """Without a connection nobody needs to be asked twice."""
    receiver = endpoint()
    receiver.failed(A, Verdict(outcome), 0.0)
    assert not receiver.admits(6.9, busy=0)


def test_pauses_grow_with_each_probe() -> None:
    """Up to the last; what was under way when a pause began does not count."""
    receiver = endpoint()
    now, pauses = 0.0, []
    for _ in range(8):
        for _ in range(4):
            receiver.failed(A, Verdict(Outcome.UNREACHABLE), now)
        pauses.append(receiver.not_before - now)
        now = receiver.not_before
    for pause, whole in zip(pauses, [10, 20, 40, 80, 100, 100, 100, 100], strict=True):
        assert 0.7 * whole <= pause <= whole


def test_a_pause_that_was_asked_for_is_kept() -> None:
    """Whatever else is accepted or refused meanwhile."""
    receiver = endpoint()
    receiver.failed(A, Verdict(Outcome.BUSY, "", 500.0), 0.0)
    receiver.accepted()
    receiver.failed(B, Verdict(Outcome.BUSY, "", 5.0), 100.0)
    assert not receiver.admits(499.0, busy=0)
    assert receiver.admits(500.0, busy=2)


@given(failures=st.integers(1, 10_000))
def test_a_wait_has_bounds(failures: int) -> None:
    """However often something has failed."""
    doubled = 2.0 ** min(failures - 1, 40)
    assert 0.7 * min(doubled, 3600) <= Backoff(1.0, 3600.0).seconds(failures) <= 3600


async def test_a_bell_wakes_all_who_wait() -> None:
    """Now, not later ones; and nobody waits for longer than wanted."""
    bell = Bell()
    waiting = [asyncio.create_task(bell.wait()) for _ in range(3)]
    await settled()
    bell.ring()
    await asyncio.gather(*waiting)
    await bell.wait(0.0)
    await bell.wait(-1.0)
    late = asyncio.create_task(bell.wait())
    await settled()
    assert not late.done()
    late.cancel()
    await asyncio.wait([late])
    assert late.cancelled()
