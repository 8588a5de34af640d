"""The ``Expect`` header: what else than ``100-continue`` a caller expects is not met here.

RFC 9110, 10.1.1. Judged before anything else: aiohttp would quote the header in its answer,
whatever bytes it has, and fail where they are no text. The connection is closed, for nobody has
counted the call: whoever floods has to connect anew for each, and that is bounded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, hdrs, web

from relay import problems

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def met(handler: _Handler) -> _Handler:
    """The handler, for requests that expect nothing else; 417 for the others."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        expected = request.headers.getall(hdrs.EXPECT, [])
        # Before 1.1 there was no such header: it is to be ignored.
        if request.version >= HttpVersion11 and any(
            each.lower() != "100-continue" for each in expected
        ):
            refusal = problems.response(problems.of_http(417))
            refusal.force_close()
            return refusal
        return await handler(request)

    return handle
