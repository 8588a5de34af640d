"""Callbacks at a steady rate, each awaited at a reader of the event stream."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench_lib.population import Agent
from scripts.bench_lib.wire import Answer, call, request_bytes

FIRST_NUMBER = 1_000_000
"""No session reports so many processes by itself."""
ARRIVAL_SECONDS = 10.0

_TITLE = re.compile(rb'"title": ?"bench (\d+)"')
_PROCESSES = re.compile(rb'"processes": ?(\d{7,})')


@dataclass
class Crossings:
    """When each numbered callback was sent, answered and told of; monotonic seconds."""

    sent: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)

    def take(self, at: float, data: bytes) -> None:
        """An event; it tells of the session's latest title and heartbeat, once each is news."""
        for pattern in (_TITLE, _PROCESSES):
            found = pattern.search(data)
            if found is not None:
                self.arrived.setdefault(int(found[1]), at)

    def event_ms(self) -> list[float]:
        """From callback to event."""
        return [1000 * (self.arrived[number] - sent) for number, sent in self.sent.items()]

    def answer_ms(self) -> list[float]:
        """From callback to its answer."""
        return [1000 * (self.answered[number] - sent) for number, sent in self.sent.items()]


class Traffic:
    """Titles and heartbeats in turn, at a rate that does not wait for answers."""

    _numbers = itertools.count(FIRST_NUMBER)

    def __init__(self, rate: float) -> None:
        self._rate = rate

    async def to_daemon(self, agents: list[Agent], crossings: Crossings, seconds: float) -> None:
        """Each agent in turn."""
        turns = itertools.cycle(agents)

        def next_request(number: int) -> bytes:
            kind, fields = _said(number)
            return next(turns).request(kind, **fields)

        await self._drive(agents[0].socket, next_request, crossings, seconds)

    async def to_floor(self, path: Path, crossings: Crossings, seconds: float) -> None:
        """The same bodies to the bare server."""

        def next_request(number: int) -> bytes:
            kind, fields = _said(number)
            body = {"seq": number, "type": kind, "at": int(time.time()), **fields}
            authorization = {"Authorization": "Bearer " + 43 * "x"}
            return request_bytes("POST", "/v1/callbacks", authorization, body)

        await self._drive(path, next_request, crossings, seconds)

    async def _drive(
        self,
        path: Path,
        next_request: Callable[[int], bytes],
        crossings: Crossings,
        seconds: float,
    ) -> None:
        """Raises RuntimeError for a callback that is refused, or whose event never comes."""
        begun = time.monotonic()
        new: list[int] = []

        async def send(number: int, request: bytes) -> None:
            crossings.sent[number] = time.monotonic()
            answer: Answer = await call(path, request)
            if answer.status != 204:
                raise RuntimeError(f"callback: {answer.status} {answer.body.decode()}")
            crossings.answered[number] = answer.sent_at + answer.seconds
            crossings.sent[number] = answer.sent_at

        async with asyncio.TaskGroup() as tasks:
            for count in range(int(self._rate * seconds)):
                number = next(self._numbers)
                request = next_request(number)
                await asyncio.sleep(begun + count / self._rate - time.monotonic())
                new.append(number)
                tasks.create_task(send(number, request))
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while any(number not in crossings.arrived for number in new):
                await asyncio.sleep(0.01)


def _said(number: int) -> tuple[str, dict[str, object]]:
    if number % 2:
        return "title", {"title": f"bench {number}"}
    return "heartbeat", {
        "usage": {"memory_bytes": 25_000_000, "cpu_seconds": 1.5, "processes": number}
    }
