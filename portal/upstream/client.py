"""Calls to the relay's socket. What it refuses is handed on; what keeps us from it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import aiohttp

from portal.errors import RelayError, UnreachableError
from portal.request_id import request_headers

Wire = dict[str, Any]
"""One JSON object of the relay's, as docs/openapi.yaml has it."""

_ORIGIN = "http://localhost"
_CONNECT_SECONDS = 5.0
_CONNECTIONS = 200
_HANDED_ON = ("Retry-After", "ETag")
_DENIALS = frozenset({"peer_not_allowed", "unauthorized", "forbidden"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the relay said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def object(self) -> Wire:
        """The JSON object that is the body."""
        value: Wire = json.loads(self.body)
        return value


class Pool(Enum):
    """Which connections a call takes one of; whoever fills a pool keeps others of it waiting."""

    CALLS = auto()
    """What the relay answers by itself."""
    MEDIA = auto()
    """What takes as long as a session, or a browser, wants."""


class Upstream:
    """The relay; ``open`` before use, ``close`` after."""

    def __init__(self, socket: Path, timeout_seconds: float) -> None:
        self.socket = socket
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=_CONNECT_SECONDS)
        self._pools: dict[Pool, aiohttp.ClientSession] = {}

    async def open(self) -> None:
        """Make the pools of connections; none is opened yet."""
        for pool in Pool:
            self._pools[pool] = aiohttp.ClientSession(
                base_url=_ORIGIN,
                connector=aiohttp.UnixConnector(path=str(self.socket), limit=_CONNECTIONS),
                headers={"User-Agent": "fx-portal"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )

    async def close(self) -> None:
        """Close the connections."""
        for http in self._pools.values():
            await http.close()

    async def call(  # noqa: PLR0913 what a call is made of
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        pool: Pool = Pool.CALLS,
    ) -> Answer:
        """Make one call. Raises RelayError for a refusal, UnreachableError without an answer."""
        async with self.stream(
            method, path, body, query=query, headers=headers, timeout=self._timeout, pool=pool
        ) as response:
            try:
                content = await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise unreachable(self.socket, error) from error
            return Answer(response.status, response.headers, content)

    @asynccontextmanager
    async def stream(  # noqa: PLR0913 what a call is made of
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 aiohttp's, of many parts
        pool: Pool = Pool.CALLS,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is read as it comes. Raises as ``call``."""
        if not self._pools:
            raise RuntimeError("the upstream is not open")
        endless = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        try:
            response = await self._pools[pool].request(
                method,
                path,
                json=body,
                params=query,
                headers={**request_headers(), **(headers or {})},
                timeout=timeout or endless,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(self.socket, error) from error
        async with response:
            if response.status >= 400:
                raise _refusal(response, await _text(response))
            yield response


async def _text(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return b""


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> RelayError | UnreachableError:
    """What the relay refused; that it does not speak to us is nothing of the browser's."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {}
    code = document.get("code")
    if status == 401 or code in _DENIALS:
        return UnreachableError(
            "The supervisor does not let this portal in: name the user that it runs as in "
            "relay.web.allow_users of supervisor.yaml.",
            "supervisor_denied",
        )
    kept = {name: headers[name] for name in _HANDED_ON if name in headers}
    return RelayError(status, document, kept)


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> RelayError | UnreachableError:
    return refusal(response.status, response.headers, body)


def unreachable(socket: Path, error: BaseException) -> UnreachableError:
    """Why there was no answer, in a sentence for who runs this."""
    match error.__cause__ or error:
        case FileNotFoundError():
            why = f"there is no socket {socket}"
        case ConnectionRefusedError():
            why = f"nobody listens on {socket}"
        case PermissionError():
            why = f"the portal may not use {socket}"
        case TimeoutError():
            why = "it did not answer in time"
        case _:
            why = "the connection broke"
    return UnreachableError(
        f"The supervisor cannot be reached at the moment: {why}. Sessions run on; this page comes "
        "back by itself."
    )
