"""Whoever has been silent longest makes room, within its own user; a session has its own count."""

from __future__ import annotations

import asyncio

from relay.defence.offences import Offences
from relay.defence.origin import Origins
from relay.defence.strangers import Strangers
from supervisor.lifecycle.session import SessionId
from tests.support.sessions import SESSION_ID, pending_session


class FakeGuest:
    """A connection without a socket."""

    transport: asyncio.BaseTransport | None = None
    is_closed = False

    def force_close(self) -> None:
        """Note it."""
        self.is_closed = True


async def test_the_oldest_stranger_of_the_same_user_is_closed() -> None:
    """Others' stay, and so do those that have shown a token."""
    offences = Offences(lambda _: None, lambda _: pending_session(), Origins(), 60.0)
    strangers = Strangers(per_uid=2, per_session=1, offences=offences)
    known, first, second, third, other = (FakeGuest() for _ in range(5))
    strangers.enter(1, known)
    assert strangers.introduce(1, known, SESSION_ID)
    for guest in (first, second):
        strangers.enter(1, guest)
    strangers.enter(2, other)
    assert not any(guest.is_closed for guest in (known, first, second, other))
    strangers.enter(1, third)
    closed = [guest.is_closed for guest in (known, first, second, third, other)]
    assert closed == [False, True, False, False, False]
    assert not strangers.introduce(1, second, SESSION_ID)
    strangers.leave(1, known)
    assert strangers.introduce(1, second, SESSION_ID)
    for guest, uid in ((first, 1), (second, 1), (third, 1), (other, 2)):
        strangers.leave(uid, guest)
    assert (strangers._unknown, strangers._sessions, strangers._counts) == ({}, {}, {})


async def test_a_connection_that_is_kept_counts_once() -> None:
    """However many calls it carries; for another session if that one's token is shown on it."""
    offences = Offences(lambda _: None, lambda _: pending_session(), Origins(), 60.0)
    strangers = Strangers(per_uid=2, per_session=1, offences=offences)
    kept, second = FakeGuest(), FakeGuest()
    other = SessionId("01jd0000000000000000000002")
    for guest in (kept, second):
        strangers.enter(1, guest)
    assert [strangers.introduce(1, kept, SESSION_ID) for _ in range(3)] == [True] * 3
    assert not strangers.introduce(1, second, SESSION_ID)
    assert strangers.introduce(1, kept, other)
    assert strangers.introduce(1, second, SESSION_ID)
    assert strangers._counts == {SESSION_ID: 1, other: 1}
    for guest in (kept, second):
        strangers.leave(1, guest)
    assert (strangers._unknown, strangers._sessions, strangers._counts) == ({}, {}, {})
