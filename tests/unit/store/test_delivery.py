"""The webhook's place in the outbox: found again, and every event under one name of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from supervisor.lifecycle.delivery import Overdue, Position, Stretch
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.store.delivery import (
    find_overdue,
    load_position,
    read_events,
    save_position,
    survey,
)
from supervisor.store.schema import migrate
from supervisor.store.sessions import commit_change
from tests.support.sessions import NOW, session_in

A, B, C = (SessionId(letter * 26) for letter in "abc")


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A database with nine events: a b c, three times, one second apart."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        for number in range(9):
            session = replace(session_in(Phase.RUNNING), id=(A, B, C)[number % 3], version=number)
            commit_change(connection, session, EventKind.UPDATE, NOW + number)
        yield connection


def test_the_position_comes_back(db: sqlite3.Connection) -> None:
    """As last saved: lanes that are gone are gone, others have moved or stayed."""
    assert load_position(db) == Position()
    for position in (
        Position(6, {A: 1, B: 2}),
        Position(7, {A: 4, C: 3}),
        Position(7, {A: 4, C: 3}, "address"),
        Position(9, {}),
    ):
        save_position(db, position)
        assert load_position(db) == position


def test_saving_writes_what_has_changed(db: sqlite3.Connection) -> None:
    """A thousand lanes that stand still cost nothing."""
    save_position(db, Position(7, {A: 1, B: 2}))
    before = db.total_changes
    save_position(db, Position(8, {A: 1, B: 5}))
    assert db.total_changes == before + 2


def test_a_survey_names_sessions_page_by_page(db: sqlite3.Connection) -> None:
    """Each with its first and last event on the page; the last page reaches to the end."""
    assert survey(db, 0, 4) == ([Stretch(A, 1, 4), Stretch(B, 2, 2), Stretch(C, 3, 3)], 4)
    assert survey(db, 4, 4) == ([Stretch(B, 5, 8), Stretch(C, 6, 6), Stretch(A, 7, 7)], 8)
    assert survey(db, 8, 4) == ([Stretch(C, 9, 9)], 9)
    assert survey(db, 9, 4) == ([], 9)
    db.execute("DELETE FROM outbox")
    assert survey(db, 4, 4) == ([], 9)


def test_events_are_those_of_the_stretch(db: sqlite3.Connection) -> None:
    """In order, no more than asked for, and without what is no longer kept."""
    assert [event.seq for event in read_events(db, Stretch(A, 1, 9), 9)] == [1, 4, 7]
    assert [event.seq for event in read_events(db, Stretch(A, 1, 9), 2)] == [1, 4]
    assert [event.seq for event in read_events(db, Stretch(A, 2, 6), 9)] == [4]
    db.execute("DELETE FROM outbox WHERE seq < 5")
    (event,) = read_events(db, Stretch(A, 1, 9), 9)
    assert (event.seq, event.session_id, event.at) == (7, A, NOW + 6)
    assert b'"version":6' in event.data


def test_an_event_has_one_name(db: sqlite3.Connection) -> None:
    """The same whenever it is read, another for each event."""
    names = [event.id for event in read_events(db, Stretch(A, 1, 9), 9)]
    assert len(set(names)) == 3
    assert [event.id for event in read_events(db, Stretch(A, 4, 9), 9)] == names[1:]


def test_a_number_that_is_given_out_again_is_another_event(db: sqlite3.Connection) -> None:
    """A database that comes back from a backup counts on from there."""
    (before,) = read_events(db, Stretch(C, 9, 9), 9)
    db.execute("DELETE FROM outbox WHERE seq = 9")
    db.execute("UPDATE sqlite_sequence SET seq = 8 WHERE name = 'outbox'")
    later = replace(session_in(Phase.RUNNING), id=C)
    assert commit_change(db, later, EventKind.UPDATE, NOW + 3600).seq == 9
    (after,) = read_events(db, Stretch(C, 9, 9), 9)
    assert before.id != after.id


@pytest.mark.parametrize(
    ("oldest", "expected"),
    [(NOW, Overdue(0, 1)), (NOW + 1, Overdue(1, 4)), (NOW + 4, Overdue(2, 7))],
)
def test_the_old_head_of_a_stretch(
    db: sqlite3.Connection, oldest: float, expected: Overdue
) -> None:
    """How many events are too old, and which is the first that is not."""
    assert find_overdue(db, Stretch(A, 1, 8), oldest) == expected


def test_a_stretch_that_is_too_old(db: sqlite3.Connection) -> None:
    """All of it goes, and what comes after it is another matter."""
    assert find_overdue(db, Stretch(A, 2, 8), NOW + 1000) == Overdue(2, 9)
