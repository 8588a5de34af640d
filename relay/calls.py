"""The call that is being answered: what is known of it beside the request itself.

Kept in a context variable, so that whoever refuses or answers can add to it.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field

from aiohttp import web

from supervisor.lifecycle.audit import Detail

REQUEST_ID = "X-Request-ID"
_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Call:
    """One request, from its arrival to its answer."""

    id: str
    """The caller's ``X-Request-ID`` if it has a simple form, else one of our own."""
    code: str | None = None
    """What it was refused with."""
    session_id: str | None = None
    """Of the session it is about, where its path does not tell."""
    user: str | None = None
    credential: str | None = None
    """The name of the token that was shown, where one is asked for."""
    recorded: bool = False
    """Whether the audit trail has it."""
    details: dict[str, Detail] = field(default_factory=dict)
    """What there is to record of it; nothing secret."""


_CALL: ContextVar[Call] = ContextVar("fx_call")


def begin_call(request: web.Request) -> Call:
    """Note that this request is what is answered from now on."""
    named = request.headers.get(REQUEST_ID, "")
    call = Call(named if _FORM.fullmatch(named) else secrets.token_hex(8))
    _CALL.set(call)
    return call


def current_call() -> Call:
    """The call that is being answered; outside of any, one that nobody reads."""
    return _CALL.get(None) or Call("")
