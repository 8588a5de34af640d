"""Containers killed one by one: the engine's own time of death, and when readers hear of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiodocker

from scripts.bench_lib.daemon import docker
from scripts.bench_lib.population import Population

HEARD_SECONDS = 30.0


@dataclass
class Deaths:
    """Milliseconds from the engine's ``die`` event (its ``timeNano``) on."""

    bare_ms: list[float] = field(default_factory=list)
    """Until a reader of the engine's events with nothing behind it has the event."""
    update_ms: list[float] = field(default_factory=list)
    """Until a reader of the daemon's stream has the ``update``."""
    kill_ms: list[float] = field(default_factory=list)
    """From sending the kill to that ``update``; ``docker kill`` and the kernel are in it."""


class BareReader:
    """The engine's events by aiodocker."""

    def __init__(self) -> None:
        self.died: dict[str, tuple[float, float]] = {}
        """By container: when it died by the engine's clock, and when that was heard."""

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Listen until the block ends."""
        client = aiodocker.Docker()
        subscriber = client.events.subscribe(create_task=False)  # type: ignore[no-untyped-call] # not annotated there
        filters = json.dumps({"type": ["container"], "event": ["die"]})
        tasks = [
            asyncio.create_task(client.events.run(filters=filters)),
            asyncio.create_task(self._take(subscriber)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            with contextlib.suppress(Exception):
                await client.close()

    async def _take(self, subscriber: Any) -> None:  # noqa: ANN401 aiodocker's
        while (event := await subscriber.get()) is not None:
            self.died[event["Actor"]["ID"]] = (event["timeNano"] / 1e9, time.time())


async def kill_each(population: Population, deaths: Deaths, count: int) -> None:
    """Kill so many running sessions' containers, each after the one before has ended."""
    running = [each for each in population.sessions.values() if each["phase"] == "running"]
    reader = BareReader()
    async with reader.following():
        for session in running[:count]:
            await _kill(population, reader, deaths, session)


async def _kill(
    population: Population, reader: BareReader, deaths: Deaths, session: dict[str, Any]
) -> None:
    heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def take(_at: float, data: bytes) -> None:
        now = time.time()
        update = json.loads(data)
        if update["id"] == session["id"] and update["phase"] != "running" and not heard.done():
            heard.set_result(now)

    population.on_event = take
    try:
        begun = time.time()
        await docker("kill", session["container_id"])
        async with asyncio.timeout(HEARD_SECONDS):
            told = await heard
            while session["container_id"] not in reader.died:
                await asyncio.sleep(0.01)
    finally:
        population.on_event = None
    died, bare = reader.died[session["container_id"]]
    deaths.bare_ms.append(1000 * (bare - died))
    deaths.update_ms.append(1000 * (told - died))
    deaths.kill_ms.append(1000 * (told - begun))
    await population.until(
        lambda: population.sessions[session["id"]]["phase"] == "ended", "a killed session ends"
    )
