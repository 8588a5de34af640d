"""Tickets admit as often and as long as they say, and to nothing else."""

from __future__ import annotations

import pytest

from relay.problems import ProblemError
from relay.tickets import Mode, Tickets
from supervisor.lifecycle.session import SessionId
from tests.unit.relay.fakes import Clock

ALICE = SessionId("01jd0000000000000000000001")
BOB = SessionId("01jd0000000000000000000002")


def issued(tickets: Tickets, ttl: int = 30, uses: int = 1) -> str:
    """A ticket for Alice's session."""
    secret, _ = tickets.issue(ALICE, Mode.VIEW, "guest", ttl, uses)
    return secret


def test_a_ticket_admits_as_often_as_it_says() -> None:
    """Two uses, then 401."""
    tickets = Tickets(Clock(), 10)
    secret = issued(tickets, uses=2)
    for _ in range(2):
        ticket = tickets.redeem(ALICE, secret)
        assert (ticket.mode, ticket.guest) == (Mode.VIEW, "guest")
        assert tickets.settle(ticket, used=True)
    with pytest.raises(ProblemError) as raised:
        tickets.redeem(ALICE, secret)
    assert raised.value.status == 401


def test_a_ticket_expires() -> None:
    """At its last second it is over."""
    clock = Clock()
    tickets = Tickets(clock, 10)
    secret = issued(tickets)
    clock.now += 30
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)


def test_a_held_ticket_expires_all_the_same() -> None:
    """Whoever is being admitted keeps a use, but does not keep the ticket alive for others."""
    clock = Clock()
    tickets = Tickets(clock, 10)
    secret = issued(tickets, uses=3)
    held = tickets.redeem(ALICE, secret)
    clock.now += 30
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)
    assert tickets.settle(held, used=True)


def test_a_ticket_is_of_one_session() -> None:
    """Shown at another session's display it is unknown, and not used up."""
    tickets = Tickets(Clock(), 10)
    secret = issued(tickets)
    with pytest.raises(ProblemError):
        tickets.redeem(BOB, secret)
    assert tickets.redeem(ALICE, secret).session_id == ALICE


def test_a_use_that_led_nowhere_is_given_back() -> None:
    """While it is held nobody else has it."""
    tickets = Tickets(Clock(), 10)
    secret = issued(tickets)
    ticket = tickets.redeem(ALICE, secret)
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)
    tickets.settle(ticket, used=False)
    assert tickets.redeem(ALICE, secret) == ticket


def test_revoking_reaches_a_ticket_that_is_being_used() -> None:
    """Its holder is told when it settles; nothing comes back."""
    tickets = Tickets(Clock(), 10)
    secret = issued(tickets)
    ticket = tickets.redeem(ALICE, secret)
    assert tickets.revoke(ALICE) == {ticket.key}
    assert not tickets.settle(ticket, used=True)
    assert not tickets.settle(ticket, used=False)
    with pytest.raises(ProblemError):
        tickets.redeem(ALICE, secret)


def test_tickets_of_a_session_are_bounded_and_expired_ones_do_not_count() -> None:
    """The eleventh of ten is refused until some expire; other sessions have their own bound."""
    clock = Clock()
    tickets = Tickets(clock, 10)
    for _ in range(10):
        issued(tickets)
    with pytest.raises(ProblemError) as raised:
        issued(tickets)
    assert raised.value.status == 429
    tickets.issue(BOB, Mode.VIEW, None, 30, 1)
    clock.now += 31
    assert issued(tickets)


def test_what_is_kept_is_not_the_secret() -> None:
    """A dump of the tickets admits nobody."""
    tickets = Tickets(Clock(), 10)
    secret = issued(tickets)
    assert secret not in repr(tickets._uses)
