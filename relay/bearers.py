"""Callers from the network: each call shows a bearer token, which stands for the web server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from relay.calls import current_call
from relay.measures import route_of
from relay.problems import ProblemError
from relay.remotes import Remotes, remote_at
from relay.tcp_terms import TcpTerms, WebToken, token_of
from relay.transports import abort

_DISPLAY = "/v1/sessions/{id}/display"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class _Admitted:
    """A call that is under way, and what admitted it."""

    request: web.Request
    token: WebToken

    def streams(self) -> bool:
        """Whether it may go on for days. A display is not meant: a ticket admitted its viewer."""
        return self.request.writer.output_size > 0 and route_of(self.request) != _DISPLAY


class Bearers:
    """Asks each call for its token, by the terms that hold at the moment."""

    def __init__(self, terms: Callable[[], TcpTerms | None], remotes: Remotes) -> None:
        self._terms = terms
        self._remotes = remotes
        self._under_way: set[_Admitted] = set()

    @contextmanager
    def admitted(self, request: web.Request) -> Iterator[None]:
        """A call, as long as it lasts. Raises ProblemError 401, and ends the connection."""
        call = _Admitted(request, self._shown(request))
        current_call().credential = call.token.name
        self._under_way.add(call)
        try:
            yield
        finally:
            self._under_way.discard(call)

    def review(self) -> None:
        """End the streams that were opened by tokens which do not hold any more.

        Whoever has a token that does comes back by the number of the last event.
        """
        holding = {token.digest for token in self._tokens()}
        ending = [
            call for call in self._under_way if call.token.digest not in holding and call.streams()
        ]
        for call in ending:
            _log.info(
                "stream_ended_with_its_token",
                credential=call.token.name,
                address=call.request.remote,
                path=call.request.path,
            )
            abort(call.request.transport)

    def _tokens(self) -> tuple[WebToken, ...]:
        terms = self._terms()
        return terms.tokens if terms is not None else ()

    def _shown(self, request: web.Request) -> WebToken:
        token = token_of(request.headers.get("Authorization"), self._tokens())
        if token is not None:
            return token
        remote = remote_at(request.transport)
        if remote is not None:
            self._remotes.note_token(remote)
        raise ProblemError(
            401,
            "unauthorized",
            "Calls to this address need Authorization: Bearer and the web server's token.",
            headers={"WWW-Authenticate": "Bearer", "Connection": "close"},
        )
