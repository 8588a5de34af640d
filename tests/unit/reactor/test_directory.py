"""The directory, and the ids that it is sorted by."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.lifecycle.view import update_document
from supervisor.reactor.directory import Directory
from supervisor.reactor.ulid import UlidSource
from tests.support.sessions import pending_session, session_in

IDS = [SessionId(f"01hf00000000000000000000{number:02d}") for number in range(7)]


@pytest.fixture
def directory() -> Directory:
    """Sessions of alice (even) and bob (odd), the first of them running."""
    directory = Directory()
    for number, session_id in enumerate(IDS):
        user = "bob" if number % 2 else "alice"
        phase = Phase.RUNNING if number == 0 else Phase.PENDING
        directory.put(replace(pending_session(session_id, user), phase=phase))
    return directory


def pages(directory: Directory, limit: int, user: str | None = None) -> list[list[SessionId]]:
    """Every page, following the cursors."""
    found, cursor = [], None
    for _ in range(2 * len(IDS)):
        page = directory.list(user=user, phase=None, limit=limit, cursor=cursor)
        found.append([session.id for session in page.sessions])
        if page.next is None:
            return found
        cursor = page.next
    raise AssertionError(found)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_are_complete(directory: Directory, limit: int) -> None:
    """Newest first, each once, no page empty or longer than asked."""
    found = pages(directory, limit)
    assert [each for page in found for each in page] == IDS[::-1]
    assert all(0 < len(page) <= limit for page in found)


def test_pages_of_one_user(directory: Directory) -> None:
    """Filters apply before the limit."""
    assert pages(directory, 2, "bob") == [[IDS[5], IDS[3]], [IDS[1]]]
    assert pages(directory, 2, "nobody") == [[]]


def test_pages_of_one_phase(directory: Directory) -> None:
    """Only sessions that are in the phase now."""
    page = directory.list(user=None, phase=Phase.RUNNING, limit=5, cursor=None)
    assert [session.id for session in page.sessions] == [IDS[0]]


def test_a_cursor_outlives_its_session(directory: Directory) -> None:
    """Paging goes on behind a session that was purged meanwhile; new ones do not disturb it."""
    page = directory.list(user=None, phase=None, limit=3, cursor=None)
    assert page.next == IDS[4]
    directory.drop(IDS[4])
    directory.put(pending_session("01hf0000000000000000000099"))
    rest = directory.list(user=None, phase=None, limit=9, cursor=page.next)
    assert [session.id for session in rest.sessions] == IDS[3::-1]


def test_a_change_keeps_the_place(directory: Directory) -> None:
    """A session that changes stays where it was created."""
    directory.put(replace(directory.get(IDS[2]), name="changed"))
    assert [session.id for session in directory] == IDS


def test_what_is_put_back_takes_its_place(directory: Directory) -> None:
    """Sessions that a store has lost come back in any order: no page loses any."""
    lost = {each: directory.get(each) for each in (IDS[3], IDS[0], IDS[5])}
    for each in lost:
        directory.drop(each)
    for session in lost.values():
        directory.put(session)
    assert [session.id for session in directory] == IDS
    for limit in (1, 2, 7):
        found = pages(directory, limit)
        assert [each for page in found for each in page] == IDS[::-1]


def test_what_is_not_there(directory: Directory) -> None:
    """Looking gives None, asking for it raises, dropping it is fine."""
    directory.drop(IDS[0])
    directory.drop(IDS[0])
    assert directory.find(IDS[0]) is None
    with pytest.raises(SessionNotFoundError, match=IDS[0]):
        directory.get(IDS[0])


def test_the_live_are_not_ended(directory: Directory) -> None:
    """Whatever has not ended counts as live."""
    directory.put(replace(directory.get(IDS[1]), phase=Phase.ENDED))
    directory.put(replace(directory.get(IDS[2]), phase=Phase.UNKNOWN, known_phase=Phase.RUNNING))
    assert [session.id for session in directory.live()] == [IDS[0], *IDS[2:]]


def test_a_token_names_its_session() -> None:
    """A token is known from when it is committed until it is replaced, taken back or forgotten."""
    directory = Directory()
    session = session_in(Phase.RUNNING)
    first, second = "ab" * 32, "cd" * 32
    directory.put(replace(session, token_hash=None))
    assert directory.find_by_token_hash(first) is None
    directory.put(replace(session, token_hash=first))
    directory.put(replace(session, token_hash=first, version=2))
    assert directory.find_by_token_hash(first) == session.id
    directory.put(replace(session, token_hash=second))
    assert directory.find_by_token_hash(first) is None
    assert directory.find_by_token_hash(second) == session.id
    directory.put(replace(session, token_hash=None))
    assert directory.find_by_token_hash(second) is None
    directory.put(replace(session, token_hash=first))
    directory.drop(session.id)
    assert directory.find_by_token_hash(first) is None


def test_ids_are_ulids() -> None:
    """26 lower-case characters without i, l, o and u; the first ten are the time."""
    session_id = UlidSource().next()
    assert len(session_id) == 26
    assert set(session_id) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    milliseconds = 0
    for character in session_id[:10]:
        milliseconds = milliseconds * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    assert abs(milliseconds / 1000 - time.time()) < 60


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=30))
def test_ids_only_grow(milliseconds: list[int]) -> None:
    """Within a millisecond, and when the clock is set back, ids still sort by their creation."""
    ids = UlidSource()
    with pytest.MonkeyPatch.context() as patch:
        made = []
        for now in milliseconds:
            patch.setattr(time, "time_ns", lambda now=now: now * 1_000_000)
            made.append(ids.next())
    assert made == sorted(set(made))


def test_ids_go_on_after_those_in_use() -> None:
    """An id from the future, left by a clock that was wrong, is still passed."""
    ids = UlidSource()
    future = SessionId("7zzzzzzzzzzzzzzzzzzzzzzzz0")
    ids.start_after(future)
    ids.start_after(SessionId("01hf000000000000000000000a"))
    assert ids.next() > future


def test_a_document_is_encoded_once_after_each_change() -> None:
    """The same bytes for the same session, others for what became of it, and none for the gone."""
    directory = Directory()
    session = pending_session()
    directory.put(session)
    first = directory.document(session)
    assert first == update_document(session)
    assert directory.document(session) is first
    changed = replace(session, name="Another")
    directory.put(changed)
    assert directory.document(changed) == update_document(changed)
    assert directory.document(session) == first
    assert directory.document(changed) == update_document(changed)
    directory.put(changed, b"made elsewhere")
    assert directory.document(changed) == b"made elsewhere"
    directory.drop(session.id)
    assert not directory._documents
    assert directory.document(changed) == update_document(changed)
    assert not directory._documents
