"""A session's log as text: what there is, or on and on until the session ends."""

from __future__ import annotations

import asyncio
import codecs
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager

import structlog
from aiohttp import web

from relay.calls import current_call
from relay.config import RelayLimits
from relay.measures import Measures
from relay.ports import Logs
from relay.problems import ProblemError
from relay.schemas import LOG_QUERY, named_session, query
from relay.streams import departure, send_whole, stream_lines, until

_LINES = 10_000
"""As many of the last ones as come unasked."""

_HEADERS = {
    "Cache-Control": "no-store",
    # It is the session's: no browser shall see a page in it.
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
}

_log = structlog.get_logger()


class LogApi:
    """The one call about logs."""

    def __init__(
        self,
        logs: Logs,
        limits: RelayLimits,
        stopping: asyncio.Future[None],
        followers: Counter[str],
        measures: Measures,
    ) -> None:
        """``followers`` by session, kept here and counted elsewhere."""
        self._logs = logs
        self._limits = limits
        self._stopping = stopping
        self._readings = asyncio.Semaphore(limits.log_readings)
        self._followers = followers
        self._measures = measures

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.get("/v1/sessions/{id}/log", self.show, allow_head=False)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """200: the last lines; followed, also those to come. What is not UTF-8 becomes U+FFFD."""
        asked = query(LOG_QUERY, request.query)
        session_id = named_session(request)
        tail = _LINES if asked.tail is None else asked.tail
        follow = asked.follow in ("true", "1")
        current_call().details |= {"tail": tail, "follow": follow}
        if follow:
            with self._place(session_id):
                return await self._follow(request, session_id, tail)
        text = (await self._read(session_id, tail)).decode(errors="replace")
        return await send_whole(request, _answer(), text.encode(), self._limits.stall_seconds)

    async def _read(self, session_id: str, tail: int) -> bytes:
        kept = _End(self._limits.log_bytes)
        try:
            async with (
                asyncio.timeout(self._limits.log_seconds),
                self._readings,
                self._logs.open(session_id, tail=tail, follow=False) as pieces,
            ):
                async for piece in pieces:
                    kept.add(piece)
        except TimeoutError:
            raise self._too_slow() from None
        return kept.lines()

    async def _follow(self, request: web.Request, session_id: str, tail: int) -> web.StreamResponse:
        response = _answer()
        opening = self._logs.open(session_id, tail=tail, follow=True)
        try:
            async with asyncio.timeout(self._limits.log_seconds) as deadline, opening as pieces:
                deadline.reschedule(None)
                async with aclosing(self._text(request, pieces)) as text:
                    stall_seconds = self._limits.stall_seconds
                    if not await stream_lines(request, response, text, stall_seconds):
                        self._measures.reader_cut_off("log")
        except TimeoutError:
            raise self._too_slow() from None
        return response

    async def _text(
        self, request: web.Request, pieces: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        async with aclosing(until((self._stopping, departure(request)), pieces)) as live:
            async for piece in live:
                if text := decoder.decode(piece):
                    yield text.encode()
        if self._stopping.done():
            # Not in good form: it is the daemon that ends, and not the session.
            raise ConnectionResetError("the relay is stopping")
        if rest := decoder.decode(b"", final=True):
            yield rest.encode()

    def _too_slow(self) -> ProblemError:
        seconds = self._limits.log_seconds
        detail = f"The engine took more than {seconds:g} s over the log; ask for less of it (tail)."
        return ProblemError(504, "log_timeout", detail)

    @contextmanager
    def _place(self, session_id: str) -> Iterator[None]:
        """One follower more. Raises ProblemError 429."""
        if self._followers[session_id] >= self._limits.followers:
            detail = f"The log of this session has {self._limits.followers} followers already."
            raise ProblemError(429, "too_many_followers", detail)
        self._followers[session_id] += 1
        try:
            yield
        finally:
            self._followers[session_id] -= 1
            if not self._followers[session_id]:
                del self._followers[session_id]


def _answer() -> web.StreamResponse:
    response = web.StreamResponse(headers=_HEADERS)
    response.content_type, response.charset = "text/plain", "utf-8"
    return response


class _End:
    """The last bytes of something longer, from the beginning of a line on."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._pieces: deque[bytes] = deque()
        self._size_bytes = 0
        self._cut = False

    def add(self, piece: bytes) -> None:
        """Keep a piece, and let go what is too much."""
        self._pieces.append(piece)
        self._size_bytes += len(piece)
        while self._size_bytes - len(self._pieces[0]) >= self._limit_bytes:
            self._size_bytes -= len(self._pieces.popleft())
            self._cut = True

    def lines(self) -> bytes:
        """What is left; of a line longer than the limit its end."""
        kept = b"".join(self._pieces)
        cut = self._cut or len(kept) > self._limit_bytes
        kept = kept[-self._limit_bytes :]
        _, newline, rest = kept.partition(b"\n")
        return rest if cut and newline and rest else kept
