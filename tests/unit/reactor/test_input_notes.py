"""Input notes: often enough to know who is idle, seldom enough to be committed."""

from __future__ import annotations

from supervisor.lifecycle.facts import InputSeen
from supervisor.reactor.input_notes import InputNotes
from tests.support.sessions import NOW, SESSION_ID
from tests.unit.reactor.fakes import Posts


def test_typing_is_not_a_fact_per_key() -> None:
    """Within ten seconds, once; for each session by itself."""
    posts = Posts()
    notes = InputNotes(posts)
    for at in (0.0, 1.0, 9.9, 10.0, 12.0):
        notes.note(SESSION_ID, NOW + at)
    assert posts.facts == [InputSeen(NOW), InputSeen(NOW + 10)]
    notes.forget(SESSION_ID)
    notes.note(SESSION_ID, NOW + 13)
    assert posts.facts[2:] == [InputSeen(NOW + 13)]


def test_a_clock_that_is_set_back() -> None:
    """Who types goes on being noted, and is not taken for idle."""
    posts = Posts()
    notes = InputNotes(posts)
    notes.note(SESSION_ID, NOW)
    notes.note(SESSION_ID, NOW - 3600)
    notes.note(SESSION_ID, NOW - 3599)
    assert posts.facts == [InputSeen(NOW), InputSeen(NOW - 3600)]
