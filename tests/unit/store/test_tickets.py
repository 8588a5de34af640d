"""Tickets in the store: whole, with the uses they have left, and gone by session or by label."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from supervisor.lifecycle.session import SessionId
from supervisor.lifecycle.tickets import KeptTicket, Mode, Ticket
from supervisor.store.schema import migrate
from supervisor.store.tickets import drop_tickets, keep_ticket, load_tickets
from tests.support.sessions import NOW, SESSION_ID

SHARED = Ticket("one", SESSION_ID, Mode.VIEW, "Bob", NOW + 60, "link-1")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A store with nothing in it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        yield connection


def test_a_ticket_comes_back_as_it_was_kept(connection: sqlite3.Connection) -> None:
    """With the uses of the last time; one that has none left does not."""
    plain = replace(SHARED, key="two", mode=Mode.CONTROL, guest=None, label=None)
    for kept in (KeptTicket(SHARED, 3), KeptTicket(plain, 1), KeptTicket(SHARED, 2)):
        keep_ticket(connection, kept)
    assert {*load_tickets(connection, NOW)} == {KeptTicket(SHARED, 2), KeptTicket(plain, 1)}
    keep_ticket(connection, KeptTicket(plain, 0))
    assert load_tickets(connection, NOW) == [KeptTicket(SHARED, 2)]
    assert load_tickets(connection, NOW + 60) == []


def test_a_label_is_dropped_within_its_session(connection: sqlite3.Connection) -> None:
    """Neither another label, nor none, nor the same one of another session."""
    other = SessionId("01jd0000000000000000000099")
    rest = [
        replace(SHARED, key="two", label="link-2"),
        replace(SHARED, key="three", label=None),
        replace(SHARED, key="four", session_id=other),
    ]
    for ticket in (SHARED, *rest):
        keep_ticket(connection, KeptTicket(ticket, 1))
    drop_tickets(connection, SESSION_ID, "link-1")
    assert [kept.ticket for kept in load_tickets(connection, NOW)] == rest
    drop_tickets(connection, SESSION_ID)
    assert [kept.ticket for kept in load_tickets(connection, NOW)] == [rest[2]]
