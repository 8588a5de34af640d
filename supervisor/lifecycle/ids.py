"""Session ids as text: telling one from anything else, and the time that is in it."""

from __future__ import annotations

import re

from supervisor.lifecycle.session import SessionId, Timestamp

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case."""

_SESSION_ID = re.compile(f"[0-7][{ALPHABET}]{{25}}")
_RANDOM_CHARACTERS = 16


def is_session_id(text: str) -> bool:
    """Whether this could be a session's id; a label or a directory's name may be anything."""
    return _SESSION_ID.fullmatch(text) is not None


def id_time(session_id: SessionId) -> Timestamp:
    """When the id was made, to the millisecond."""
    milliseconds = 0
    for character in session_id[:-_RANDOM_CHARACTERS]:
        milliseconds = milliseconds << 5 | ALPHABET.index(character)
    return milliseconds / 1000
