"""When the daemon's certificates end: told to the node object, and to the log when it is soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog

from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.times import rfc3339

SOON_SECONDS = 14 * 86_400.0
_DAY_SECONDS = 86_400.0


class Shown(Protocol):
    """A certificate that is shown to those who connect."""

    @property
    def file(self) -> Path:
        """Where it came from."""

    @property
    def expires_at(self) -> Timestamp:
        """When it ends."""


Certificates = Callable[[], Mapping[str, Shown]]
"""Those that are shown at the moment, by the name of the listener."""

log = structlog.get_logger(__name__)


def expiry_object(certificates: Certificates) -> Mapping[str, Any]:
    """For the node object: of each listener with a certificate, its file and when it ends."""
    return {
        listener: {"file": str(each.file), "expires_at": rfc3339(each.expires_at)}
        for listener, each in certificates().items()
    }


def warn_of_expiry(certificates: Certificates, now: Callable[[], Timestamp] = time.time) -> None:
    """A line for each that has ended, or will within two weeks."""
    for listener, each in certificates().items():
        left_seconds = each.expires_at - now()
        if left_seconds <= 0:
            tell, event = log.error, "certificate_expired"
        elif left_seconds <= SOON_SECONDS:
            tell, event = log.warning, "certificate_expires_soon"
        else:
            continue
        tell(
            event,
            listener=listener,
            file=str(each.file),
            expires_at=rfc3339(each.expires_at),
            advice="Put another in its place, then: systemctl reload fx-supervisor",
        )


async def watch_expiry(certificates: Certificates) -> None:
    """Look every day, until cancelled."""
    while True:
        warn_of_expiry(certificates)
        await asyncio.sleep(_DAY_SECONDS)
