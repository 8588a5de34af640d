"""Server-sent events (HTML Standard, section 9.2), as far as the relay sends them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_EVENT_BYTES = 4 * 1024 * 1024


class StreamBrokenError(Exception):
    """What came is no event stream."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the relay's."""

    id: str | None
    kind: str
    data: dict[str, Any]


class EventParser:
    """Bytes in, in whatever pieces; events out as they are complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._kept_bytes = 0
        self._id: str | None = None
        self._kind = "message"
        self._lines: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield what the piece completes. Raises StreamBrokenError."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            event = self._take(line.removesuffix(b"\r"))
            if event is not None:
                yield event
        if self._kept_bytes + len(self._rest) > MAX_EVENT_BYTES:
            raise StreamBrokenError("an event without end")

    def _take(self, line: bytes) -> Event | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"event":
                self._kind = value.decode("utf-8", "replace")
            case b"data":
                self._lines.append(value)
                self._kept_bytes += len(value)
            case b"id":
                self._id = value.decode("utf-8", "replace")
            case _:
                pass
        return None

    def _complete(self) -> Event | None:
        identity, kind, raw = self._id, self._kind, b"\n".join(self._lines)
        self._id, self._kind, self._lines, self._kept_bytes = None, "message", [], 0
        if not raw:
            return None
        try:
            data = json.loads(raw)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise StreamBrokenError("an event that is no JSON object")
        return Event(identity, kind, data)
