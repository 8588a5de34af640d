"""One attempt: an event signed and posted, and what the answer means.

The form is that of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

import aiohttp
from standardwebhooks import Webhook as Signer

from relay.config import WebhookConfig
from relay.ports import StoredEvent
from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.times import rfc3339


class Outcome(Enum):
    """What became of an attempt."""

    DELIVERED = auto()
    REFUSED = auto()
    """This event was not accepted; of others that says nothing."""
    BUSY = auto()
    """Nothing will be accepted for a while: 429, or 503 that says for how long."""
    UNREACHABLE = auto()
    """There was no connection."""
    GONE = auto()
    """410: nothing will ever be accepted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An attempt's outcome; ``why`` is for the log and tells neither path, query nor content."""

    outcome: Outcome
    why: str = ""
    retry_after_seconds: float | None = None


class Post:
    """Posts events over kept connections."""

    def __init__(
        self, http: aiohttp.ClientSession, config: WebhookConfig, now: Callable[[], Timestamp]
    ) -> None:
        self._http = http
        self._config = config
        self._now = now
        self._signers = [Signer(key) for key in config.keys]

    async def __call__(self, event: StoredEvent) -> Verdict:
        """Attempt to deliver; whatever goes wrong outside is a verdict."""
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                answer = await self._ask(event)
        except aiohttp.ConnectionTimeoutError:
            return Verdict(Outcome.UNREACHABLE, "no connection in time")
        except aiohttp.ClientConnectorError as error:
            return Verdict(Outcome.UNREACHABLE, _unreachable(error))
        except TimeoutError:
            return Verdict(
                Outcome.REFUSED, f"no answer within {self._config.timeout_seconds:g} seconds"
            )
        except aiohttp.ClientError as error:
            # Its text may quote the address with its query, or what was received.
            return Verdict(Outcome.REFUSED, f"no answer: {type(error).__name__}")
        try:
            await self._drain(answer)
        finally:
            answer.release()
        return self._judge(answer)

    async def _ask(self, event: StoredEvent) -> aiohttp.ClientResponse:
        """Post, and once more when a kept connection turns out to have been closed meanwhile."""
        try:
            return await self._send(event)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self._send(event)

    async def _send(self, event: StoredEvent) -> aiohttp.ClientResponse:
        body = document(event)
        return await self._http.post(
            self._config.url,
            data=body,
            headers=self._headers(event.id, body),
            allow_redirects=False,
        )

    def _headers(self, event_id: str, body: bytes) -> dict[str, str]:
        """Signed anew for each attempt: receivers refuse what was signed minutes ago."""
        at = datetime.fromtimestamp(int(self._now()), UTC)
        signatures = [signer.sign(event_id, at, body.decode()) for signer in self._signers]
        return {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _judge(self, answer: aiohttp.ClientResponse) -> Verdict:
        why = f"answered {answer.status}"
        if 200 <= answer.status < 300:
            return Verdict(Outcome.DELIVERED)
        if answer.status == 410:
            return Verdict(Outcome.GONE, why)
        wait = retry_after_seconds(answer.headers.get("Retry-After"), self._now())
        if wait is not None:
            wait = min(wait, self._config.limits.retry_after_seconds)
        whole = answer.status == 429 or (answer.status == 503 and wait is not None)
        return Verdict(Outcome.BUSY if whole else Outcome.REFUSED, why, wait)

    async def _drain(self, answer: aiohttp.ClientResponse) -> None:
        """Read a short body, so that the connection can be used again; cut off any other."""
        limits = self._config.limits
        try:
            async with asyncio.timeout(limits.body_seconds):
                await answer.content.readexactly(limits.body_bytes)
        except asyncio.IncompleteReadError:
            return
        except (TimeoutError, aiohttp.ClientError):
            # The status has been told; what else would have come does not matter.
            pass
        answer.close()


def document(event: StoredEvent) -> bytes:
    """The body: ``type``, ``timestamp`` (when it was committed) and ``data``, compact JSON."""
    head = f'{{"type":"session.{event.kind.value}","timestamp":"{rfc3339(event.at)}","data":'
    return head.encode() + event.data + b"}"


def _unreachable(error: aiohttp.ClientConnectorError) -> str:
    """Where nobody answered, and the system's word for it."""
    if isinstance(error, aiohttp.ClientSSLError):
        return str(error)
    cause = error.os_error
    # asyncio says "Connect call failed" and the address once more; resolvers have numbers below 0.
    number = cause.errno or 0
    reason = os.strerror(number) if number > 0 else cause.strerror or str(cause)
    return f"no connection to {error.host}:{error.port}: {reason}"


def retry_after_seconds(value: str | None, now: Timestamp) -> float | None:
    """``Retry-After`` as seconds from now; ``None`` if there is none that can be understood."""
    if value is None:
        return None
    if value.isascii() and value.isdecimal():
        # Nobody waits for longer than nine digits say, and int() refuses thousands of them.
        return float(value[:9]) if len(value) <= 9 else float("inf")
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now)
