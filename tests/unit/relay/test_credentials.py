"""A token is looked up by its hash, and what is found compared with it."""

from __future__ import annotations

import hashlib

import pytest

from relay import credentials
from tests.unit.relay.conftest import TOKEN, House


async def test_a_token_is_looked_up_by_its_hash_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No index gets to see a token."""
    session_id = await house.sessions.run(TOKEN)
    find = house.sessions.find_by_token_hash
    looked_up: list[str] = []

    def watched_find(token_hash: str) -> object:
        looked_up.append(token_hash)
        return find(token_hash)

    monkeypatch.setattr(house.sessions, "find_by_token_hash", watched_find)
    assert credentials.session_of_token(TOKEN, house.sessions) == session_id
    assert looked_up == [hashlib.sha256(TOKEN.encode()).hexdigest()]


async def test_an_index_that_takes_a_part_for_the_whole_is_not_believed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found has to have the very hash that was offered."""
    session_id = await house.sessions.run(TOKEN)
    monkeypatch.setattr(house.sessions, "find_by_token_hash", lambda _: session_id)
    assert credentials.session_of_token("another", house.sessions) is None
