"""What the relay tells of its own work to whoever counts it, and the request's id.

Routes are told as templates (``/v1/sessions/{id}``), and methods by a short list: what a caller
makes up never becomes the name of a series.
"""

from __future__ import annotations

import time
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from relay.calls import REQUEST_ID, begin_call

UNMATCHED = "unmatched"
"""The route of a request that fits none."""

OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CALLER_LEFT = 499
"""Told as the status of a call whose caller did not wait for the answer."""


class Measures(Protocol):
    """Told of what happens. Durations are seconds; every ``str`` is one of a few."""

    def request_answered(self, listener: str, method: str, route: str, status: int) -> None:
        """``listener`` is the socket's name: web, viewer, session, metrics."""

    def request_took(self, listener: str, route: str, seconds: float) -> None:
        """Not told of what streams: that lasts as long as somebody reads."""

    def launch_refused(self, code: str) -> None:
        """A start was refused at once; ``code`` is the problem's."""

    def display_carried(self, direction: str, size_bytes: int) -> None:
        """``direction`` is ``to_viewer`` or ``to_agent``."""

    def reader_cut_off(self, stream: str) -> None:
        """A reader of ``events`` or a ``log`` that could not follow."""

    def webhook_attempted(self, outcome: str) -> None:
        """One request was made; ``outcome`` is the verdict's."""


class Unmeasured:
    """Nobody counts."""

    def request_answered(self, listener: str, method: str, route: str, status: int) -> None:
        """See Measures."""

    def request_took(self, listener: str, route: str, seconds: float) -> None:
        """See Measures."""

    def launch_refused(self, code: str) -> None:
        """See Measures."""

    def display_carried(self, direction: str, size_bytes: int) -> None:
        """See Measures."""

    def reader_cut_off(self, stream: str) -> None:
        """See Measures."""

    def webhook_attempted(self, outcome: str) -> None:
        """See Measures."""


UNMEASURED = Unmeasured()


def measured(listener: str, measures: Measures) -> Middleware:
    """A middleware, the outermost: counts each request, and gives it an id."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time.perf_counter()
        call = begin_call(request)
        status = _CALLER_LEFT
        route = route_of(request)
        try:
            response = await handler(request)
            status = response.status
        finally:
            method = request.method if request.method in _METHODS else OTHER
            measures.request_answered(listener, method, route, status)
        if isinstance(response, web.Response):
            measures.request_took(listener, route, time.perf_counter() - begun)
        if route == "/v1/sessions" and method == "POST" and call.code is not None:
            measures.launch_refused(call.code)
        if not response.prepared:
            response.headers[REQUEST_ID] = call.id
        return response

    return middleware


def route_of(request: web.Request) -> str:
    """The path's pattern, never the path."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED
