"""Sessions and outbox: written as one, read back as they were, replayed without a gap."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import StoreError
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import (
    Phase,
    Reason,
    Session,
    SessionId,
    SessionRules,
    Usage,
    ViewerCount,
)
from supervisor.store.database import Database
from supervisor.store.images import find_image, keep_image
from supervisor.store.logs import load_log
from supervisor.store.outbox import latest, replay
from supervisor.store.pruning import prune
from supervisor.store.schema import migrate
from supervisor.store.sessions import (
    IDEMPOTENCY_SECONDS,
    Claim,
    Claimed,
    claim,
    commit_change,
    count_live,
    find_claim,
    load_sessions,
)
from tests.support.sessions import NOW, pending_session, session_in

SESSION = session_in(Phase.RUNNING)


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh database."""
    database = Database(tmp_path / "supervisor.db")
    await database.open()
    yield database
    await database.close()


async def change(database: Database, session: Session = SESSION, *, times: int = 1) -> None:
    """Commit a change of a session so many times."""
    for _ in range(times):
        await database.run(lambda db: commit_change(db, session, EventKind.UPDATE, NOW))


@pytest.mark.parametrize("kind", [EventKind.UPDATE, EventKind.DELETE])
@pytest.mark.parametrize("table", ["sessions", "outbox"])
async def test_session_and_outbox_are_one(database: Database, kind: EventKind, table: str) -> None:
    """If either row cannot be written, neither is."""
    await change(database)
    verb = "INSERT" if table == "outbox" else "UPDATE" if kind is EventKind.UPDATE else "DELETE"
    trigger = f"CREATE TRIGGER t BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
    await database.run(lambda db: db.execute(trigger))
    changed = replace(SESSION, name="changed", version=2)
    with pytest.raises(StoreError, match="full"):
        await database.run(lambda db: commit_change(db, changed, kind, NOW))
    assert (await database.run(load_sessions))[0] == [SESSION]
    assert await database.run(latest) == 1


@pytest.mark.parametrize("phase", Phase)
async def test_sessions_come_back_as_they_were(database: Database, phase: Phase) -> None:
    """Every field survives, whatever the phase."""
    session = replace(
        session_in(phase),
        params={"a": "1", "b": 1, "c": 1.0, "d": True},
        reason=Reason.IDLE_TIMEOUT,
        usage=Usage(1, 2.5, 3),
        viewers=ViewerCount(1, 2),
        rules=SessionRules(idle_seconds=1.5),
        has_log=True,
        purge=True,
        exit_code=0,
    )
    await change(database, session)
    (found,), unreadable = await database.run(load_sessions)
    assert found == session
    assert [type(value) for value in found.params.values()] == [str, int, float, bool]
    assert unreadable == []


async def test_last_lines_are_kept_beside_their_session(database: Database) -> None:
    """They are not loaded with it, stay when it changes, and go with it."""
    tail = "line\nline\x1b[0m\u2028"
    await change(database, replace(SESSION, log_tail=tail, has_log=True))
    await change(database, replace(SESSION, version=2, has_log=True))
    (found,), _ = await database.run(load_sessions)
    assert (found.log_tail, found.has_log) == ("", True)
    assert await database.run(lambda db: load_log(db, SESSION.id)) == tail
    await database.run(lambda db: commit_change(db, SESSION, EventKind.DELETE, NOW))
    assert await database.run(lambda db: load_log(db, SESSION.id)) == ""


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = TEXT | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, width=32)


@given(title=TEXT, params=st.dictionaries(TEXT, VALUES.filter(lambda each: each != float("inf"))))
def test_any_text_and_number_survives(
    title: str, params: dict[str, str | int | float | bool]
) -> None:
    """What users and agents send comes back unchanged."""
    finite = {key: value for key, value in params.items() if value not in (1e999, -1e999)}
    session = replace(SESSION, title=title, params=finite)
    connection = sqlite3.connect(":memory:")
    migrate(connection)
    item = commit_change(connection, session, EventKind.UPDATE, NOW)
    (found,), _ = load_sessions(connection)
    connection.close()
    assert found == session
    assert {key: type(value) for key, value in found.params.items()} == {
        key: type(value) for key, value in finite.items()
    }
    assert json.loads(item.data)["title"] == title


async def test_sessions_are_loaded_in_order(database: Database) -> None:
    """By id, which is the order of creation, however they were written."""
    ids = [SessionId(f"01hf00000000000000000000{number:02d}") for number in (3, 1, 2)]
    for session_id in ids:
        await change(database, pending_session(session_id))
    sessions, _ = await database.run(load_sessions)
    assert [session.id for session in sessions] == sorted(ids)


@pytest.mark.parametrize("body", ["{", "{}", "null", '{"id": 1}', ""])
async def test_a_row_that_cannot_be_read(database: Database, body: str) -> None:
    """It is named, stays where it is, and does not hide the others."""
    bad = SessionId("01hf000000000000000000000b")
    await change(database)
    await change(database, replace(SESSION, id=bad))
    await database.run(
        lambda db: db.execute("UPDATE sessions SET body = ? WHERE id = ?", (body, bad))
    )
    for _ in range(2):
        sessions, unreadable = await database.run(load_sessions)
        assert (sessions, unreadable) == ([SESSION], [bad])


async def test_a_deleted_session_is_told_of(database: Database) -> None:
    """The row goes, the outbox says so, and no more than the id is told."""
    await change(database)
    item = await database.run(lambda db: commit_change(db, SESSION, EventKind.DELETE, NOW))
    assert (await database.run(load_sessions))[0] == []
    assert json.loads(item.data) == {"id": SESSION.id}
    assert (item.seq, item.kind, item.user) == (2, EventKind.DELETE, "alice")


async def test_secrets_stay_out_of_the_outbox(database: Database) -> None:
    """Neither the token's hash nor the specification leaves the daemon."""
    item = await database.run(
        lambda db: commit_change(db, replace(SESSION, spec="s3cret"), EventKind.UPDATE, NOW)
    )
    assert SESSION.token_hash is not None
    assert SESSION.token_hash.encode() not in item.data
    assert b"s3cret" not in item.data


async def test_replay_is_complete_or_refused(database: Database) -> None:
    """From any kept position everything after it; from a pruned or future one nothing."""
    assert await database.run(latest) == 0
    assert await database.run(lambda db: replay(db, 0)) == []
    assert await database.run(lambda db: replay(db, 1)) is None
    await change(database, times=10)
    await database.run(lambda db: prune(db, 4, NOW, None))
    expected = {5: None, 6: [7, 8, 9, 10], 9: [10], 10: [], 11: None, 0: None}
    for after, seqs in expected.items():
        items = await database.run(partial(replay, after=after))
        assert (None if items is None else [item.seq for item in items]) == seqs


async def test_replay_of_one_user_and_in_parts(database: Database) -> None:
    """The first so many of those that are asked for; a gap in what is others' is one as well."""
    other = replace(SESSION, id=SessionId("01jd0000000000000000000009"), user="other")
    for session in (SESSION, other, other, SESSION, other, SESSION):
        await database.run(partial(commit_change, session=session, kind=EventKind.UPDATE, at=NOW))

    async def seqs(after: int, user: str | None, most: int) -> list[int] | None:
        items = await database.run(partial(replay, after=after, user=user, most=most))
        return None if items is None else [item.seq for item in items]

    assert await seqs(1, None, 2) == [2, 3]
    assert await seqs(1, SESSION.user, 1) == [4]
    assert await seqs(1, "other", -1) == [2, 3, 5]
    assert await seqs(1, "nobody", 9) == []
    await database.run(lambda db: prune(db, 2, NOW, None))
    assert await seqs(3, SESSION.user, 9) is None


async def test_numbers_are_never_used_twice(database: Database) -> None:
    """Even when the whole outbox has been pruned, the next number is a new one."""
    await change(database, times=3)
    await database.run(lambda db: prune(db, 0, NOW, None))
    assert await database.run(lambda db: replay(db, 3)) == []
    assert await database.run(lambda db: replay(db, 2)) is None
    item = await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    assert item.seq == 4
    replayed = await database.run(lambda db: replay(db, 3))
    assert replayed == [item]


async def test_a_key_is_kept_for_a_day(database: Database) -> None:
    """It names its session until then, and is forgotten after."""
    session = pending_session()
    await database.run(lambda db: claim(db, Claim("alice/k", "hash"), session))
    at = session.created_at + IDEMPOTENCY_SECONDS
    found = await database.run(lambda db: find_claim(db, "alice/k", at))
    assert found == Claimed("hash", session.id)
    assert await database.run(lambda db: find_claim(db, "bob/k", at)) is None
    assert await database.run(lambda db: find_claim(db, "alice/k", at + 1)) is None


async def test_a_key_is_claimed_once(database: Database) -> None:
    """A second claim of a key is refused by the store itself."""
    await database.run(lambda db: claim(db, Claim("alice/k", "hash"), pending_session()))
    with pytest.raises(StoreError):
        await database.run(lambda db: claim(db, Claim("alice/k", "other"), SESSION))


async def test_images_are_remembered(database: Database) -> None:
    """What an image holds is found by its id; reading it again replaces what was known."""
    contents = ImageContents(image_id="sha256:1", perl=None, passwd="root:x\n", group="")
    assert await database.run(lambda db: find_image(db, "sha256:1")) is None
    for each in (contents, replace(contents, perl="/usr/bin/perl")):
        await database.run(partial(keep_image, contents=each))
        assert await database.run(lambda db: find_image(db, "sha256:1")) == each


async def test_an_image_in_another_encoding(database: Database) -> None:
    """Accounts of an image that are not UTF-8 are remembered as they are."""
    passwd = b"root:x:0:0:Andr\xe9:/root:/bin/sh\n".decode("utf-8", "surrogateescape")
    contents = ImageContents(image_id="sha256:1", perl="/usr/bin/perl", passwd=passwd, group="")
    await database.run(lambda db: keep_image(db, contents))
    assert await database.run(lambda db: find_image(db, "sha256:1")) == contents


def test_a_users_sessions_are_counted_by_index() -> None:
    """Each start counts them; to read everybody's would make a start slower with each session."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    assert count_live(connection, "alice") == 0
    connection.set_trace_callback(None)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert [row[3] for row in plan] == ["SEARCH sessions USING INDEX sessions_by_user (user=?)"]
    connection.close()
