"""What a reader of the event stream gets, however it is carried."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One event; ``data`` is JSON on one line, ``seq`` is missing where nobody can resume from."""

    event: str
    data: bytes
    seq: int | None = None
