"""Who asked for what: a log line for each call of the web server's that is meant to change things.

Calls that only read have none. Why one was refused is its code: texts may hold what was sent.
"""

from __future__ import annotations

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from relay.peers import peer_of
from relay.problems import ProblemError, of_supervisor
from supervisor.lifecycle.errors import SupervisorError

_READING = frozenset({"GET", "HEAD"})
_ID_CHARACTERS = 64

_log = structlog.get_logger()


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log ``request_answered`` or ``request_refused`` with the peer's uid and the session's id."""
    if request.method in _READING:
        return await handler(request)
    try:
        response = await handler(request)
    except (ProblemError, SupervisorError) as error:
        problem = error if isinstance(error, ProblemError) else of_supervisor(error)
        named = request.match_info.get("id")
        _note(request, "request_refused", named, problem.status, problem.code)
        raise
    # A start names its session in the answer only.
    named = request.match_info.get("id") or response.headers.get("Location", "").rpartition("/")[2]
    _note(request, "request_answered", named, response.status)
    return response


def _note(
    request: web.Request, event: str, named: str | None, status: int, code: str | None = None
) -> None:
    peer = peer_of(request.transport)
    resource = request.match_info.route.resource
    _log.info(
        event,
        session_id=named[:_ID_CHARACTERS] if named else None,
        uid=peer.uid if peer else None,
        method=request.method,
        path=resource.canonical if resource else None,
        status=status,
        code=code,
    )
