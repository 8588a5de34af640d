"""What a call is named by: in our log, in the relay's audit trail, and in the answer."""

from __future__ import annotations

import secrets
from contextvars import ContextVar

import structlog

HEADER = "X-Request-ID"

_ID: ContextVar[str] = ContextVar("fx_portal_request_id", default="")


def begin_request() -> None:
    """From now on another call is answered, in this task."""
    request_id = secrets.token_hex(8)
    _ID.set(request_id)
    structlog.contextvars.bind_contextvars(request_id=request_id)


def request_headers() -> dict[str, str]:
    """What names the call; empty outside of any."""
    request_id = _ID.get()
    return {HEADER: request_id} if request_id else {}
