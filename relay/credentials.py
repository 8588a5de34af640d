"""Who an agent is: a bearer token names its session. Only the token's SHA-256 is kept.

An agent that is told that its token is not known ends its session. While sessions are still being
taken over after a start, it is told to come again instead.
"""

from __future__ import annotations

import hashlib
import hmac

import structlog

from relay.ports import Sessions
from relay.problems import ProblemError
from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.session import SessionId

_log = structlog.get_logger()

_TOKEN_CHARS = 256
_RETRY_AFTER_SECONDS = 1


class NotYetKnownError(Exception):
    """The token is nobody's at the moment, and may be somebody's in another."""


def session_of_token(token: str, sessions: Sessions) -> SessionId | None:
    """The session whose agent holds this token, if there is one. Raises NotYetKnownError."""
    if not 0 < len(token) <= _TOKEN_CHARS or not token.isascii():
        return None
    found = _lookup(token, sessions)
    if found is None and not sessions.knows_every_token():
        raise NotYetKnownError
    return found


def _lookup(token: str, sessions: Sessions) -> SessionId | None:
    offered = hashlib.sha256(token.encode()).hexdigest()
    session_id = sessions.find_by_token_hash(offered)
    if session_id is None:
        return None
    try:
        kept = sessions.get(session_id).token_hash
    except SessionNotFoundError:
        return None
    # The lookup may go by an index and tell by its time how much of a hash was right.
    return session_id if kept is not None and hmac.compare_digest(kept, offered) else None


def session_of_header(authorization: str | None, sessions: Sessions) -> SessionId:
    """The session named by ``Authorization: Bearer <token>``. Raises ProblemError 401, 503."""
    scheme, _, token = (authorization or "").partition(" ")
    is_bearer = scheme.lower() == "bearer"
    try:
        session_id = session_of_token(token.strip(), sessions) if is_bearer else None
    except NotYetKnownError:
        _log.debug("agent_put_off")
        raise ProblemError(
            503,
            "not_adopted",
            "Sessions are still being taken over after a start; come again.",
            headers={"Retry-After": str(_RETRY_AFTER_SECONDS)},
        ) from None
    if session_id is None:
        raise ProblemError(
            401,
            "unauthorized",
            "The bearer token is missing, or its session is over or unknown.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return session_id
