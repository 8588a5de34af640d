"""Tickets admit as often and as long as they say, and to nothing else."""

from __future__ import annotations

import pytest

from relay.display.tickets import Tickets
from relay.problems import ProblemError
from relay.schemas import TicketBody
from supervisor.errors import StoreError
from supervisor.lifecycle.session import SessionId
from supervisor.lifecycle.tickets import Mode
from tests.unit.relay.fakes import Clock, FakeShelf

ALICE = SessionId("01jd0000000000000000000001")
BOB = SessionId("01jd0000000000000000000002")


async def issued(tickets: Tickets, ttl: int = 30, uses: int = 1, label: str | None = None) -> str:
    """A ticket for Alice's session."""
    wish = TicketBody(mode=Mode.VIEW, guest="guest", ttl_seconds=ttl, uses=uses, label=label)
    secret, _ = await tickets.issue(ALICE, wish)
    return secret


async def test_a_ticket_admits_as_often_as_it_says() -> None:
    """Two uses, then 401."""
    tickets = Tickets(Clock(), 10, FakeShelf())
    secret = await issued(tickets, uses=2)
    for _ in range(2):
        ticket = tickets.redeem(ALICE, secret)
        assert (ticket.mode, ticket.guest) == (Mode.VIEW, "guest")
        assert await tickets.use_up(ticket)
    with pytest.raises(ProblemError) as raised:
        tickets.redeem(ALICE, secret)
    assert raised.value.status == 401


async def test_a_ticket_expires() -> None:
    """At its last second it is over."""
    clock = Clock()
    tickets = Tickets(clock, 10, FakeShelf())
    secret = await issued(tickets)
    clock.now += 30
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)


async def test_a_held_ticket_expires_all_the_same() -> None:
    """Whoever is being admitted keeps a use, but does not keep the ticket alive for others."""
    clock = Clock()
    tickets = Tickets(clock, 10, FakeShelf())
    secret = await issued(tickets, uses=3)
    held = tickets.redeem(ALICE, secret)
    clock.now += 30
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)
    assert await tickets.use_up(held)


async def test_a_ticket_is_of_one_session() -> None:
    """Shown at another session's display it is unknown, and not used up."""
    tickets = Tickets(Clock(), 10, FakeShelf())
    secret = await issued(tickets)
    with pytest.raises(ProblemError):
        tickets.redeem(BOB, secret)
    assert tickets.redeem(ALICE, secret).session_id == ALICE


async def test_a_use_that_led_nowhere_is_given_back() -> None:
    """While it is held nobody else has it."""
    tickets = Tickets(Clock(), 10, FakeShelf())
    secret = await issued(tickets)
    ticket = tickets.redeem(ALICE, secret)
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)
    tickets.give_back(ticket)
    assert tickets.redeem(ALICE, secret) == ticket


async def test_revoking_reaches_a_ticket_that_is_being_used() -> None:
    """Its holder is told when it settles; nothing comes back."""
    tickets = Tickets(Clock(), 10, FakeShelf())
    secret = await issued(tickets)
    ticket = tickets.redeem(ALICE, secret)
    assert tickets.outstanding(ALICE) == {ticket.key}
    await tickets.revoke(ALICE)
    assert not await tickets.use_up(ticket)
    tickets.give_back(ticket)
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)


async def test_tickets_of_a_session_are_bounded_and_expired_ones_do_not_count() -> None:
    """The eleventh of ten is refused until some expire; other sessions have their own bound."""
    clock = Clock()
    tickets = Tickets(clock, 10, FakeShelf())
    for _ in range(10):
        await issued(tickets)
    with pytest.raises(ProblemError) as raised:
        await issued(tickets)
    assert raised.value.status == 429
    await tickets.issue(BOB, TicketBody())
    clock.now += 31
    assert await issued(tickets)


async def test_what_is_kept_is_not_the_secret() -> None:
    """A dump of the tickets admits nobody."""
    tickets = Tickets(Clock(), 10, FakeShelf())
    secret = await issued(tickets)
    assert secret not in repr(tickets._uses)


async def test_a_shared_link_outlives_the_daemon() -> None:
    """With the uses it has left; one that is used up, or revoked, does not come back."""
    clock, shelf = Clock(), FakeShelf()
    before = Tickets(clock, 10, shelf)
    shared, spent = await issued(before, ttl=3600, uses=3), await issued(before)
    for secret in (shared, spent):
        assert await before.use_up(before.redeem(ALICE, secret))
    gone, _ = await before.issue(BOB, TicketBody(ttl_seconds=3600, uses=5))
    await before.revoke(BOB)
    after = Tickets(clock, 10, shelf)
    await after.load()
    for _ in range(2):
        assert await after.use_up(after.redeem(ALICE, shared))
    for session_id, secret in ((ALICE, shared), (ALICE, spent), (BOB, gone)):
        with pytest.raises(ProblemError):
            after.redeem(session_id, secret)


async def test_revoking_a_label_leaves_the_others() -> None:
    """Those without one among them, now and after a restart; so does a label that nobody has."""
    clock, shelf = Clock(), FakeShelf()
    before = Tickets(clock, 10, shelf)
    gone = [await issued(before, uses=2, label="one") for _ in range(2)]
    kept = [await issued(before, label="two"), await issued(before)]
    held = before.redeem(ALICE, gone[0])
    await before.revoke(ALICE, "none")
    await before.revoke(BOB, "one")
    assert len(before.outstanding(ALICE)) == 4
    await before.revoke(ALICE, "one")
    assert not await before.use_up(held)
    after = Tickets(clock, 10, shelf)
    await after.load()
    for tickets in (before, after):
        for secret in gone:
            with pytest.raises(ProblemError):
                tickets.redeem(ALICE, secret)
    assert [after.redeem(ALICE, secret).label for secret in kept] == ["two", None]


async def test_a_use_that_was_under_way_is_good_again_after_a_crash() -> None:
    """Nobody was let in by it."""
    clock, shelf = Clock(), FakeShelf()
    before = Tickets(clock, 10, shelf)
    secret = await issued(before)
    before.redeem(ALICE, secret)
    after = Tickets(clock, 10, shelf)
    await after.load()
    assert await after.use_up(after.redeem(ALICE, secret))


async def test_a_store_that_fails_keeps_nobody_out() -> None:
    """A session that runs can be connected to; what is revoked is void, and said to be unsafe."""
    shelf = FakeShelf()
    shelf.refusal = StoreError("The disk is full.")
    tickets = Tickets(Clock(), 10, shelf)
    secret = await issued(tickets, uses=2)
    assert await tickets.use_up(tickets.redeem(ALICE, secret))
    with pytest.raises(StoreError):
        await tickets.revoke(ALICE)
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)
