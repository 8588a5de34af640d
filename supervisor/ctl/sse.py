"""Server-sent events (HTML Standard, section 9.2), as far as a client of bytes needs them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from supervisor.ctl.errors import MalformedAnswerError

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Of one event; far above a session object, and a bound on what a stream can make us keep."""


OPEN = "open"
"""The kind of an event that is not of the wire: the daemon has taken the connection."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: ``kind`` is update, delete, synced, reset, node or something newer."""

    seq: int | None
    kind: str
    document: dict[str, Any]


class EventParser:
    """Bytes in, in whatever pieces; events out as they are complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._kept_bytes = 0
        self._kind = "message"
        self._seq: int | None = None
        self._lines: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield what the piece completes. Raises MalformedAnswerError."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            event = self._take(line.removesuffix(b"\r"))
            if event is not None:
                yield event
        if self._kept_bytes + len(self._rest) > MAX_EVENT_BYTES:
            raise MalformedAnswerError("The event stream sent an event without end.")

    def _take(self, line: bytes) -> Event | None:
        if not line:
            return self._complete()
        self._kept_bytes += len(line)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"event":
                self._kind = value.decode("utf-8", "replace")
            case b"data":
                self._lines.append(value)
            case b"id" if value.isdigit():
                self._seq = int(value)
            case b"":
                # A comment keeps the connection alive and belongs to no event.
                self._kept_bytes -= len(line)
            case _:
                pass
        return None

    def _complete(self) -> Event | None:
        kind, seq, raw = self._kind, self._seq, b"\n".join(self._lines)
        self._kind, self._seq, self._lines, self._kept_bytes = "message", None, [], 0
        if not raw:
            return None
        try:
            document = json.loads(raw)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise MalformedAnswerError("The event stream sent what is not a JSON object.")
        return Event(seq, kind, document)
