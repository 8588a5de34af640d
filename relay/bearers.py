"""Callers from the network: each call shows a bearer token, which stands for the web server."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from relay.calls import current_call
from relay.problems import ProblemError
from relay.remotes import Remotes, remote_at
from relay.tcp_terms import TcpTerms, token_of


class Bearers:
    """Asks each call for its token, by the terms that hold at the moment."""

    def __init__(self, terms: Callable[[], TcpTerms | None], remotes: Remotes) -> None:
        self._terms = terms
        self._remotes = remotes

    def admit(self, request: web.Request) -> None:
        """Note by which token it is made. Raises ProblemError 401, and ends the connection."""
        terms = self._terms()
        tokens = terms.tokens if terms is not None else ()
        token = token_of(request.headers.get("Authorization"), tokens)
        if token is None:
            remote = remote_at(request.transport)
            if remote is not None:
                self._remotes.note_token(remote)
            raise ProblemError(
                401,
                "unauthorized",
                "Calls to this address need Authorization: Bearer and the web server's token.",
                headers={"WWW-Authenticate": "Bearer", "Connection": "close"},
            )
        current_call().credential = token.name
