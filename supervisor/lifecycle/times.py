"""Times as the wire and people are told them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload

from supervisor.lifecycle.session import Timestamp


@overload
def rfc3339(at: Timestamp) -> str: ...
@overload
def rfc3339(at: None) -> None: ...
def rfc3339(at: Timestamp | None) -> str | None:
    """RFC 3339, UTC, milliseconds; ``None`` stays ``None``."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
