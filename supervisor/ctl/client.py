"""The web server's API over its Unix socket, or over TCP, as typed calls.

Every call raises ProblemError for the daemon's refusals, UnreachableError when there is no answer,
MalformedAnswerError for an answer that is none of its.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from supervisor import __version__
from supervisor.ctl.errors import (
    MalformedAnswerError,
    ProblemError,
    SocketDeniedError,
    UnreachableError,
)
from supervisor.ctl.remote import Remote
from supervisor.ctl.sse import OPEN, Event, EventParser
from supervisor.ctl.views import (
    Json,
    SessionView,
    TemplateView,
    ViewerView,
    mapping,
    session_view,
    template_view,
    viewer_view,
)

REQUEST_SECONDS = 30.0
PURGE_SECONDS = 90.0
"""The daemon answers a purge when the container is gone; it gives up before this."""
RECONCILE_SECONDS = 90.0
"""Containers are removed one after the other, each as the engine gets to it."""
SILENCE_SECONDS = 45.0
"""Three of the stream's keep-alives: a stream that is silent for longer is broken."""
PAGE_SESSIONS = 500


class Client:
    """One connection's worth of calls; an asynchronous context manager."""

    def __init__(self, socket: Path | Remote, *, request_seconds: float = REQUEST_SECONDS) -> None:
        self._socket = socket
        self._timeout = aiohttp.ClientTimeout(total=request_seconds)
        self._http: aiohttp.ClientSession | None = None
        self._origin = "http://localhost"

    async def __aenter__(self) -> Self:
        connector: aiohttp.BaseConnector
        if isinstance(self._socket, Remote):
            connector = aiohttp.TCPConnector(ssl=self._socket.tls or True)
            self._origin = self._socket.url
            shown = {"Authorization": f"Bearer {self._socket.token}"}
        else:
            connector = aiohttp.UnixConnector(str(self._socket))
            shown = {}
        self._http = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": f"fxctl/{__version__}", **shown},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def start(self, wish: Json, idempotency_key: str | None = None) -> SessionView:
        """Start a session from a start object."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return session_view(await self._json("POST", "/v1/sessions", body=wish, headers=headers))

    async def session(self, session_id: str) -> SessionView:
        """One session, by its full id."""
        return session_view(await self._json("GET", _one(session_id)))

    async def sessions(
        self, *, user: str | None = None, phase: str | None = None
    ) -> list[SessionView]:
        """All of them, newest first, page by page."""
        query = {"user": user, "phase": phase, "limit": str(PAGE_SESSIONS), "cursor": None}
        found: list[SessionView] = []
        while True:
            page = mapping(await self._json("GET", "/v1/sessions", query=query))
            found += map(session_view, _list(page, "sessions"))
            if not isinstance(page.get("next"), str):
                return found
            query["cursor"] = page["next"]

    async def suspend(self, session_id: str) -> SessionView:
        """Put a session aside."""
        return session_view(await self._json("POST", f"{_one(session_id)}/suspend"))

    async def resume(self, session_id: str) -> SessionView:
        """Take a suspended session up again."""
        return session_view(await self._json("POST", f"{_one(session_id)}/resume"))

    async def change(self, session_id: str, wish: Json) -> SessionView:
        """Give a session another name, or other params."""
        return session_view(await self._json("PATCH", _one(session_id), body=wish))

    async def terminate(self, session_id: str) -> SessionView:
        """Ask a session to end."""
        return session_view(await self._json("POST", f"{_one(session_id)}/terminate"))

    async def purge(self, session_id: str) -> None:
        """Force the container away and have the session forgotten."""
        timeout = aiohttp.ClientTimeout(total=PURGE_SECONDS)
        async with self._answer("DELETE", _one(session_id), timeout=timeout):
            pass

    async def log(self, session_id: str, tail: int | None = None) -> str:
        """The session's log, or its last lines."""
        pieces = [piece async for piece in self.log_pieces(session_id, tail, follow=False)]
        return b"".join(pieces).decode("utf-8", "replace")

    async def log_pieces(
        self, session_id: str, tail: int | None, *, follow: bool
    ) -> AsyncGenerator[bytes, None]:
        """The log as it comes; where it is followed, until the session's end."""
        query = {
            "tail": None if tail is None else str(tail),
            "follow": "true" if follow else None,
        }
        timeout = aiohttp.ClientTimeout(total=None) if follow else self._timeout
        path = f"{_one(session_id)}/log"
        async with self._answer("GET", path, query=query, timeout=timeout) as response:
            async for piece in response.content.iter_any():
                yield piece

    async def execute(
        self, session_id: str, command: str | list[str], wait_seconds: int | None
    ) -> Json:
        """Start a program in a session; with ``wait_seconds`` its exit code and output."""
        wish: dict[str, Any] = {"command": command}
        timeout = None
        if wait_seconds is not None:
            wish |= {"wait": True, "timeout_seconds": wait_seconds}
            # The daemon gives up before this.
            timeout = aiohttp.ClientTimeout(total=wait_seconds + REQUEST_SECONDS)
        return mapping(
            await self._json("POST", f"{_one(session_id)}/exec", body=wish, timeout=timeout)
        )

    async def screenshot(self, session_id: str, max_width: int | None) -> bytes:
        """What the session's display shows, as PNG."""
        query = {"max_width": None if max_width is None else str(max_width)}
        async with self._answer("GET", f"{_one(session_id)}/screenshot", query=query) as response:
            return await response.read()

    async def ticket(self, session_id: str, wish: Json) -> Json:
        """What admits one viewer."""
        return mapping(await self._json("POST", f"{_one(session_id)}/tickets", body=wish))

    async def viewers(self, session_id: str) -> list[ViewerView]:
        """Who is connected to the session's display."""
        answer = mapping(await self._json("GET", f"{_one(session_id)}/viewers"))
        return [viewer_view(entry) for entry in _list(answer, "viewers")]

    async def templates(self) -> list[TemplateView]:
        """What can be started."""
        answer = mapping(await self._json("GET", "/v1/templates"))
        return [template_view(entry) for entry in _list(answer, "templates")]

    async def template(self, name: str) -> TemplateView:
        """One template."""
        return template_view(await self._json("GET", f"/v1/templates/{_quoted(name)}"))

    async def reconcile(self, *, dry_run: bool) -> Json:
        """What was put in order, or would be."""
        timeout = aiohttp.ClientTimeout(total=RECONCILE_SECONDS)
        wish = {"dry_run": dry_run}
        return mapping(await self._json("POST", "/v1/reconcile", body=wish, timeout=timeout))

    async def node(self) -> Json:
        """The node, as it is."""
        return mapping(await self._json("GET", "/v1/node"))

    async def order(self, what: str, wish: Json) -> Json:
        """Cordon, drain or undrain the node; the node as it is then."""
        return mapping(await self._json("POST", f"/v1/node/{what}", body=wish))

    async def events(self, user: str | None, last_id: int | None) -> AsyncGenerator[Event, None]:
        """One reading of the event stream, until the daemon ends it; first an OPEN of our own."""
        headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_SECONDS)
        parser = EventParser()
        async with self._answer(
            "GET", "/v1/events", query={"user": user}, headers=headers, timeout=timeout
        ) as response:
            yield Event(None, OPEN, {})
            async for piece in response.content.iter_any():
                for event in parser.feed(piece):
                    yield event

    async def _json(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 JSON
        async with self._answer(method, path, **options) as response:
            return _parsed(await response.read())

    @asynccontextmanager
    async def _answer(  # noqa: PLR0913 the parts of a request
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 aiohttp's own, per phase
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._http is None:
            raise RuntimeError("the client has not been entered")
        content = {} if body is None else {"Content-Type": "application/json"}
        # Escaped by ourselves, for what is typed may hold lone surrogates.
        url = URL(f"{self._origin}{path}{_query(query or {})}", encoded=True)
        try:
            async with self._http.request(
                method,
                url,
                headers={**content, **(headers or {})},
                data=None if body is None else json.dumps(body).encode(),
                timeout=timeout or self._timeout,
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    raise _problem(response.status, await response.read())
                yield response
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            raise self._unreachable(error) from error
        except aiohttp.ClientError as error:
            raise MalformedAnswerError(
                f"What answers on {self._socket} does not speak HTTP; is it fx-supervisor's?"
            ) from error

    def _unreachable(self, error: Exception) -> UnreachableError:
        if isinstance(error, asyncio.TimeoutError):
            return UnreachableError(
                f"fx-supervisor took too long to answer on {self._socket}; its log may say why "
                "(journalctl -u fx-supervisor)."
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return UnreachableError(
                f"{self._socket} shows a certificate that is not to be trusted "
                f"({error.certificate_error}); FX_CA_FILE can name its authority."
            )
        reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        if isinstance(self._socket, Remote):
            return UnreachableError(f"fx-supervisor does not answer at {self._socket}: {reason}.")
        if isinstance(reason, PermissionError):
            return SocketDeniedError(
                f"This user may not connect to {self._socket}: a directory above it, or the socket "
                "itself, is closed to them."
            )
        if isinstance(reason, FileNotFoundError):
            return UnreachableError(
                f"There is no socket {self._socket}: fx-supervisor does not run (systemctl status "
                "fx-supervisor), or uses another (--socket, FX_SOCKET)."
            )
        return UnreachableError(
            f"fx-supervisor does not answer on {self._socket}: is it running "
            "(systemctl status fx-supervisor)?"
        )


def _one(session_id: str) -> str:
    return f"/v1/sessions/{_quoted(session_id)}"


def _query(members: Mapping[str, str | None]) -> str:
    pairs = [f"{name}={_quoted(value)}" for name, value in members.items() if value is not None]
    return f"?{'&'.join(pairs)}" if pairs else ""


def _quoted(value: str) -> str:
    return quote(value, safe="", errors="replace")


def _list(document: Json, key: str) -> list[Any]:
    found = document.get(key)
    if isinstance(found, list):
        return found
    raise MalformedAnswerError(f"The daemon's answer has no list {key!r}; is fxctl of its version?")


def _parsed(raw: bytes) -> Any:  # noqa: ANN401 any JSON value
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError("The daemon's answer is not JSON.") from error


def _problem(status: int, raw: bytes) -> ProblemError:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    return ProblemError(status, document if isinstance(document, dict) else {})
