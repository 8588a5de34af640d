"""A web server that means what it asks: no answer, or not now, and it asks again."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from scripts.chaos_lib.history import Wire
from scripts.chaos_lib.ledger import Record

CALL_SECONDS = 30.0
INSIST_SECONDS = 240.0
"""How long to ask again: longer than any fault here lasts on a busy machine."""
AGAIN_SECONDS = 0.3
RETRYABLE = frozenset({429, 500, 502, 503, 504})


class UnansweredError(Exception):
    """The daemon never gave an answer that means something."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer, after ``attempts``."""

    status: int
    text: str
    attempts: int

    @property
    def body(self) -> Wire:
        """The JSON object in it."""
        parsed: Wire = json.loads(self.text)
        return parsed

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.body.get("code"))


class Web:
    """Calls on one daemon's ``web.sock``, through any number of its lives."""

    def __init__(self, socket: Path, user: str) -> None:
        self._socket = socket
        self._user = user
        self._jitter = random.Random(0)  # noqa: S311 nothing secret

    async def __aenter__(self) -> Self:
        connector = aiohttp.UnixConnector(str(self._socket), limit=0)
        self.http = aiohttp.ClientSession("http://fx", connector=connector)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Wire | None = None,
        *,
        key: str | None = None,
        patience: Sequence[float] = (CALL_SECONDS,),
    ) -> Answer:
        """Ask until there is an answer that is not "later". Raises UnansweredError."""
        headers = {} if key is None else {"Idempotency-Key": key}
        told, attempts = "nothing", 0
        try:
            async with asyncio.timeout(INSIST_SECONDS):
                while True:
                    seconds = patience[min(attempts, len(patience) - 1)]
                    attempts += 1
                    try:
                        status, text = await self._once(method, path, body, headers, seconds)
                    except (aiohttp.ClientError, OSError, TimeoutError) as error:
                        told = str(error) or type(error).__name__
                    else:
                        if status not in RETRYABLE:
                            return Answer(status, text, attempts)
                        told = f"{status} {text}"
                    await asyncio.sleep(AGAIN_SECONDS * self._jitter.uniform(0.2, 1.0))
        except TimeoutError:
            message = f"{method} {path}: no answer in {INSIST_SECONDS:g} s, last {told}"
            raise UnansweredError(message) from None

    async def _once(
        self, method: str, path: str, body: Wire | None, headers: dict[str, str], seconds: float
    ) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self.http.request(
            method, path, json=body, headers=headers, timeout=timeout
        ) as answer:
            return answer.status, await answer.text()

    async def start(self, record: Record, patience: Sequence[float] = (CALL_SECONDS,)) -> Answer:
        """Start what the record asks for; its id is known afterwards if it was accepted."""
        body = {"user": self._user, **record.request}
        answer = await self.call("POST", "/v1/sessions", body, key=record.key, patience=patience)
        record.attempts += answer.attempts
        if answer.status == 202:
            record.id = record.id or answer.body["id"]
        return answer

    async def sessions(self) -> list[Wire]:
        """Every session that the API shows, page by page."""
        found: list[Wire] = []
        cursor = ""
        while True:
            page = (await self.call("GET", f"/v1/sessions?limit=100{cursor}")).body
            found += page["sessions"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    async def is_ready(self) -> bool:
        """Whether the daemon says so now."""
        try:
            status, _ = await self._once("GET", "/readyz", None, {}, 5.0)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        return status == 200
