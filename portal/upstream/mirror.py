"""What the relay knows of sessions and its node, kept here by one event stream for all browsers.

    connect -> reset, update*, synced -> update, delete, node ... -> lost -> wait -> connect by id

A reader is told *which* sessions to look at again, each once however often it changed: a browser
that is slow gets fewer updates, never a longer queue. On the way back what was there before is
compared with what there is, so that browsers see the difference and nothing else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
import structlog

from portal.errors import ProblemError, UnreachableError
from portal.upstream.client import Upstream, Wire, unreachable
from portal.upstream.sse import Event, EventParser, StreamBrokenError

_SILENCE_SECONDS = 45.0
"""The relay says something every 15 s."""
_FIRST_WAIT_SECONDS = 0.25
_LAST_WAIT_SECONDS = 10.0

_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Reader:
    """What one browser has to be told again; see ``Mirror.watch``."""

    sessions: dict[str, None] = field(default_factory=dict)
    shares: dict[str, None] = field(default_factory=dict)
    node: bool = False
    upstream: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Mirror:
    """Follows the relay; ``run`` is its task."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._sessions: dict[str, Wire] = {}
        self._rebuilt: dict[str, Wire] | None = {}
        """What came since ``reset``, until ``synced``."""
        self._readers: set[Reader] = set()
        self._last_id: str | None = None
        self.node: Wire | None = None
        self.synced = asyncio.Event()
        """Set once everything there is has been told."""
        self.trouble: str | None = "The supervisor was not reached yet."
        """Why the relay cannot be followed, as a sentence; ``None``: it is."""

    @property
    def sessions(self) -> Mapping[str, Wire]:
        """All sessions by id, as they were told last."""
        return self._sessions

    def require_synced(self) -> None:
        """Raise UnreachableError as long as it is not known what there is."""
        if not self.synced.is_set():
            raise UnreachableError(self.trouble or "The portal is still being told what there is.")

    def absorb(self, session: Wire) -> None:
        """Take up what an answer said, if it is newer than what the stream has told."""
        known = self._sessions.get(session["id"])
        if known is None or session["version"] > known["version"]:
            self._sessions[session["id"]] = session
            self._tell_session(session["id"])

    def forget(self, session_id: str) -> None:
        """It is gone, as an answer said."""
        if self._sessions.pop(session_id, None) is not None:
            self._tell_session(session_id)

    def tell_shares(self, session_id: str) -> None:
        """The shares of a session have changed: who sees it may have, too."""
        for reader in self._readers:
            reader.sessions[session_id] = reader.shares[session_id] = None
            reader.news.set()

    def wake(self) -> None:
        """Let all readers look at what there is beside news: that the portal stops."""
        for reader in self._readers:
            reader.news.set()

    @contextmanager
    def watch(self) -> Iterator[Reader]:
        """What changes from now on is noted in the reader."""
        reader = Reader()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    async def run(self) -> None:
        """Follow the relay until cancelled."""
        failures = 0
        while True:
            try:
                await self._follow()
                trouble = unreachable(self._upstream.socket, ConnectionResetError()).detail
            except ProblemError as error:
                trouble = error.detail
            except StreamBrokenError as error:
                trouble = f"The supervisor's event stream cannot be read: {error}."
            failures = 1 if self.trouble is None else failures + 1
            if self.trouble is None or failures == 1:
                _log.warning("upstream_lost", reason=trouble)
            self._set_trouble(trouble)
            await asyncio.sleep(_wait_seconds(failures))

    async def _follow(self) -> None:
        """One connection, to its end."""
        headers = {"Accept": "text/event-stream"}
        if self._last_id is not None:
            headers["Last-Event-ID"] = self._last_id
        parser = EventParser()
        async with self._upstream.stream("GET", "/v1/events", headers=headers) as response:
            self._rebuilt = {} if self._last_id is None else None
            while piece := await self._piece(response.content):
                for event in parser.feed(piece):
                    self._take(event)
                if self.trouble is not None and self.synced.is_set():
                    _log.info("upstream_found", sessions=len(self._sessions))
                    self._set_trouble(None)

    async def _piece(self, content: aiohttp.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                return await content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(self._upstream.socket, error) from error

    def _take(self, event: Event) -> None:
        """Raises StreamBrokenError."""
        try:
            self._note(event)
        except (KeyError, TypeError) as error:
            raise StreamBrokenError(f"an event {event.kind} without {error}") from None

    def _note(self, event: Event) -> None:
        match event.kind:
            case "update":
                self._update(event.data)
            case "delete":
                self._delete(event.data["id"])
            case "reset":
                self._rebuilt = {}
            case "synced":
                self._settle()
            case "node":
                self.node = event.data
                for reader in self._readers:
                    reader.node = True
                    reader.news.set()
            case _:
                pass
        if event.id:
            self._last_id = event.id

    def _update(self, session: Wire) -> None:
        if self._rebuilt is not None:
            self._rebuilt[session["id"]] = session
            return
        known = self._sessions.get(session["id"])
        if known is None or session["version"] >= known["version"]:
            self._sessions[session["id"]] = session
            self._tell_session(session["id"])

    def _delete(self, session_id: str) -> None:
        if self._rebuilt is not None:
            self._rebuilt.pop(session_id, None)
        self.forget(session_id)

    def _settle(self) -> None:
        """Everything there is has been told: what differs from before is news."""
        before, after, self._rebuilt = self._sessions, self._rebuilt, None
        if after is not None:
            self._sessions = after
            for session_id in before.keys() | after.keys():
                if before.get(session_id) != after.get(session_id):
                    self._tell_session(session_id)
        self.synced.set()

    def _tell_session(self, session_id: str) -> None:
        for reader in self._readers:
            reader.sessions[session_id] = None
            reader.news.set()

    def _set_trouble(self, trouble: str | None) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            for reader in self._readers:
                reader.upstream = True
                reader.news.set()


def _wait_seconds(failures: int) -> float:
    doubled = _FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 16)
    return min(_LAST_WAIT_SECONDS, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 jitter
