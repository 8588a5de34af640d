"""Pruning: bounds on the outbox, and what is given up first when a webhook does not get on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.lifecycle.delivery import Position
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.store import pruning
from supervisor.store.delivery import save_position
from supervisor.store.outbox import replay
from supervisor.store.pruning import Hold, Pruned, prune
from supervisor.store.schema import migrate
from supervisor.store.sessions import commit_change
from tests.support.sessions import NOW, session_in

FOREVER = 0.0


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A fresh database in memory."""
    with closing(opened()) as connection:
        yield connection


def opened() -> sqlite3.Connection:
    """A fresh database in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


def named(letter: str) -> SessionId:
    """A session's id."""
    return SessionId(letter * 26)


def commit(db: sqlite3.Connection, letters: str, at: float = NOW) -> None:
    """Commit a change of the session of each letter."""
    for letter in letters:
        session = replace(session_in(Phase.RUNNING), id=named(letter))
        commit_change(db, session, EventKind.UPDATE, at)


def kept(db: sqlite3.Connection) -> list[int]:
    """The numbers of the rows there are."""
    return [row[0] for row in db.execute("SELECT seq FROM outbox ORDER BY seq")]


def swept(db: sqlite3.Connection, keep: int, oldest: float, hold: Hold | None) -> Pruned:
    """Prune until there is nothing more to do."""
    rows = dropped = 0
    while True:
        pruned = prune(db, keep, oldest, hold)
        rows, dropped = rows + pruned.rows, dropped + pruned.dropped
        if not pruned.more:
            return Pruned(rows, dropped)


def test_the_smaller_of_count_and_age_counts(db: sqlite3.Connection) -> None:
    """Of the newest rows, those that are young enough."""
    for age in (50, 40, 30, 20, 10):
        commit(db, "a", NOW - age)
    assert swept(db, 4, FOREVER, None) == Pruned(1, 0)
    assert kept(db) == [2, 3, 4, 5]
    assert swept(db, 4, NOW - 25, None) == Pruned(2, 0)
    assert kept(db) == [4, 5]
    assert swept(db, 4, NOW, None) == Pruned(2, 0)
    assert replay(db, 5) == []
    assert replay(db, 4) is None


def test_a_clock_that_leapt_back_hides_nothing(db: sqlite3.Connection) -> None:
    """A row that seems old behind a young one stays until its count has come."""
    commit(db, "a", NOW)
    commit(db, "a", NOW - 1000)
    assert swept(db, 10, NOW - 1, None) == Pruned(0, 0)


@pytest.mark.parametrize(
    ("position", "left"),
    [
        (None, [1, 2, 3, 4, 5, 6, 7, 8]),
        (Position(3), [4, 5, 6, 7, 8]),
        (Position(8), [7, 8]),
        (Position(8, {named("b"): 5}), [5, 6, 7, 8]),
    ],
)
def test_what_is_not_delivered_stays(
    db: sqlite3.Connection, position: Position | None, left: Sequence[int]
) -> None:
    """From the first event on that some lane, or the cursor, has not passed."""
    commit(db, "abababab")
    if position is not None:
        save_position(db, position)
    assert swept(db, 2, FOREVER, Hold(100, FOREVER)).dropped == 0
    assert kept(db) == left
    # Readers of the stream get no more than without a webhook.
    assert replay(db, 5) is None
    replayed = replay(db, 6)
    assert replayed is not None
    assert [item.seq for item in replayed] == [7, 8]


def test_a_dead_receiver_does_not_fill_the_disk(db: sqlite3.Connection) -> None:
    """Beyond the bound steps are lost, but of every session the last state is kept."""
    commit(db, "abc" + "d" * 40 + "e" * 4)
    assert swept(db, 4, FOREVER, Hold(10, FOREVER)) == Pruned(37, 37)
    assert len(kept(db)) == 10
    assert kept(db)[:3] == [1, 2, 3]


def test_the_bound_holds_whatever_there_is(db: sqlite3.Connection) -> None:
    """When every row is some session's last state, the oldest go."""
    commit(db, "abcdefghijklmnopqrstuvwxyz")
    assert swept(db, 4, FOREVER, Hold(10, FOREVER)) == Pruned(16, 16)
    assert kept(db) == list(range(17, 27))


def test_delivered_rows_go_before_others(db: sqlite3.Connection) -> None:
    """One session that is refused for days costs its own rows, and none of them is dropped."""
    commit(db, "b" + "ab" * 20)
    save_position(db, Position(41, {named("b"): 1}))
    assert swept(db, 2, FOREVER, Hold(25, FOREVER)) == Pruned(16, 0)
    rows = db.execute("SELECT count(*) FROM outbox WHERE session_id = ?", (named("b"),))
    assert rows.fetchone() == (21,)


def test_nothing_waits_for_ever(db: sqlite3.Connection) -> None:
    """What is too old is dropped, and told; what was delivered of it is not counted."""
    commit(db, "ab" * 3, NOW - 100)
    commit(db, "ab", NOW)
    save_position(db, Position(6, {named("a"): 1}))
    assert swept(db, 1, NOW - 50, Hold(100, NOW - 50)) == Pruned(6, 3)
    assert kept(db) == [7, 8]


def test_portions_add_up(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """In portions of any size the outcome is the same, and each is no greater than allowed."""
    monkeypatch.setattr(pruning, "PORTION_ROWS", 3)
    commit(db, "ab" * 20)
    save_position(db, Position(10))
    first = prune(db, 4, FOREVER, Hold(10, FOREVER))
    assert first == Pruned(3, 0)
    assert first.more
    assert swept(db, 4, FOREVER, Hold(10, FOREVER)) == Pruned(27, 20)


@given(
    letters=st.text("abc", max_size=30),
    delivered=st.integers(0, 30),
    behind=st.dictionaries(st.sampled_from("abc"), st.integers(1, 30)),
    keep=st.integers(0, 10),
    rows=st.integers(10, 20),
)
def test_any_history(
    letters: str, delivered: int, behind: dict[str, int], keep: int, rows: int
) -> None:
    """Whatever was delivered: the bound holds, and nothing undelivered goes without being told."""
    with closing(opened()) as db:
        commit(db, letters)
        lanes = {named(letter): seq for letter, seq in behind.items() if seq <= delivered}
        save_position(db, Position(delivered, lanes))
        undelivered = {
            seq
            for seq, letter in enumerate(letters, 1)
            if seq > delivered or lanes.get(named(letter), 99) <= seq
        }
        pruned = swept(db, keep, FOREVER, Hold(rows, FOREVER))
        left = set(kept(db))
    assert len(left) <= rows
    assert pruned.rows == len(letters) - len(left)
    assert pruned.dropped == len(undelivered - left)
    assert set(range(max(1, len(letters) - keep + 1), len(letters) + 1)) <= left
