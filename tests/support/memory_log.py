"""What one container in memory has printed, for any number of readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from supervisor.errors import EngineError


class MemoryLog:
    """Grows until it is closed or broken; readers may come at any time."""

    def __init__(self) -> None:
        self._printed = b""
        self._ended = False
        self._breaks = 0
        self._error: EngineError | None = None
        self._readers: set[asyncio.Event] = set()

    def print(self, text: bytes) -> None:
        """Let the container say something."""
        self._printed += text
        self._wake()

    def end(self) -> None:
        """The container has ended: nothing more comes."""
        self._ended = True
        self._wake()

    def break_off(self, error: EngineError) -> None:
        """Whoever follows loses the connection."""
        self._error = error
        self._breaks += 1
        self._wake()

    async def read(self, tail: int | None, *, follow: bool) -> AsyncGenerator[bytes, None]:
        """The last lines, and what comes."""
        at = self._beginning(tail)
        breaks = self._breaks
        news = asyncio.Event()
        self._readers.add(news)
        try:
            while True:
                news.clear()
                if self._breaks > breaks and self._error is not None:
                    raise self._error
                if at < len(self._printed):
                    piece, at = self._printed[at:], len(self._printed)
                    yield piece
                    continue
                if self._ended or not follow:
                    return
                await news.wait()
        finally:
            self._readers.discard(news)

    def _beginning(self, tail: int | None) -> int:
        if tail is None:
            return 0
        lines = self._printed.splitlines(keepends=True)
        return len(b"".join(lines[: max(0, len(lines) - tail)]))

    def _wake(self) -> None:
        for news in self._readers:
            news.set()
