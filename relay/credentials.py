"""Who an agent is: a bearer token names its session. Only the token's SHA-256 is kept."""

from __future__ import annotations

import hashlib
import hmac

from relay.ports import Sessions
from relay.problems import ProblemError
from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.session import SessionId

_TOKEN_CHARS = 256


def session_of_token(token: str, sessions: Sessions) -> SessionId | None:
    """The session whose agent holds this token, if there is one."""
    if not 0 < len(token) <= _TOKEN_CHARS or not token.isascii():
        return None
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
    """The session named by ``Authorization: Bearer <token>``. Raises ProblemError 401."""
    scheme, _, token = (authorization or "").partition(" ")
    session_id = session_of_token(token.strip(), sessions) if scheme.lower() == "bearer" else None
    if session_id is None:
        raise ProblemError(
            401,
            "unauthorized",
            "The bearer token is missing, or its session is over or unknown.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return session_id
