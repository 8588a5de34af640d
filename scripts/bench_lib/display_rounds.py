"""What is measured of a way to a display, one round at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from scripts.bench_lib.display_sides import Side
from scripts.bench_lib.usage import usage_of
from scripts.bench_lib.wire_viewer import WireViewer, watch

KEYS = b"abcdefghijklmnopqrstuvwxyz"
BETWEEN_SECONDS = (0.011, 0.017, 0.023, 0.029)
"""Between an echo and the next key: not in step with the X server's own clock."""
IN_THE_WINDOW = (50, 50)
QUIET_SECONDS = 0.3
"""After viewers came or went, the counting of them is over."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One viewer that takes whole pictures as fast as they come."""

    mb_per_second: float
    cpu_per_gb: float
    x_cpu_per_gb: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many viewers of a moving screen."""

    updates_per_second: float
    cpu_ms_per_update: float
    mb_per_viewer: float


async def stream(side: Side, x_server: int, seconds: float) -> Stream:
    """The most that goes through one connection."""
    async with entered(side, 1) as (viewer,):
        before, x_before = side.usage(), usage_of(x_server)
        carried, took = await asyncio.to_thread(_flood, viewer, seconds)
        after, x_after = side.usage(), usage_of(x_server)
    return Stream(
        mb_per_second=carried / took / 1e6,
        cpu_per_gb=(after.cpu_seconds - before.cpu_seconds) / carried * 1e9,
        x_cpu_per_gb=(x_after.cpu_seconds - x_before.cpu_seconds) / carried * 1e9,
    )


def _flood(viewer: WireViewer, seconds: float) -> tuple[int, float]:
    """Bytes, and the seconds they took; the next picture is asked for while one comes."""
    begun = time.perf_counter()
    before, asked = viewer.bytes, viewer.begun
    while time.perf_counter() - begun < seconds:
        if viewer.begun == asked:
            viewer.ask(whole=True)
            asked += 1
        viewer.take()
    viewer.take_until(lambda: viewer.updates >= asked)
    return viewer.bytes - before, time.perf_counter() - begun


async def echoes(sides: Sequence[Side], count: int) -> list[list[float]]:
    """Milliseconds from a key's press to what it changes on the screen, side by side.

    In turns key by key, so that whatever else the machine does meets all sides alike.
    """
    async with AsyncExitStack() as stack:
        viewers = [(await stack.enter_async_context(entered(side, 1)))[0] for side in sides]
        return await asyncio.to_thread(_type, viewers, count)


def _type(viewers: list[WireViewer], count: int) -> list[list[float]]:
    took: list[list[float]] = [[] for _ in viewers]
    viewers[0].point(*IN_THE_WINDOW)
    for number in range(count):
        for each, viewer in zip(took, viewers, strict=True):
            viewer.follow(BETWEEN_SECONDS[number % len(BETWEEN_SECONDS)])
            each.append(1000 * _echo(viewer, KEYS[number % len(KEYS)]))
    return took


def _echo(viewer: WireViewer, key: int) -> float:
    """Seconds. What changes afterwards is not asked for: the others type without this one."""
    before, begun = viewer.updates, time.perf_counter()
    viewer.press(key)
    viewer.take_until(lambda: viewer.updates > before)
    return time.perf_counter() - begun


async def crowd(side: Side, count: int, seconds: float) -> Crowd:
    """So many viewers at once."""
    alone = side.usage().pss_mb
    async with entered(side, count) as viewers:
        before, begun = side.usage(), time.perf_counter()
        updates = await asyncio.to_thread(watch, viewers, seconds)
        took = time.perf_counter() - begun
        after = side.usage()
    if not updates:
        raise RuntimeError(f"{side.name}: nothing moved on the moving screen")
    return Crowd(
        updates_per_second=updates / took,
        cpu_ms_per_update=1000 * (after.cpu_seconds - before.cpu_seconds) / updates,
        mb_per_viewer=(after.pss_mb - alone) / count,
    )


@dataclass(frozen=True, slots=True)
class Stall:
    """Viewers of a moving screen, alone and beside one that asks for all and reads nothing."""

    rate_ratio: float
    held_mb: float
    """What the way to the display holds more of."""


async def stall(side: Side, count: int, seconds: float) -> Stall:
    """What a viewer that does not read does to others, and to memory."""
    async with entered(side, count) as viewers:
        alone = await asyncio.to_thread(watch, viewers, seconds)
        before = side.usage().pss_mb
        async with entered(side, 1) as (stuck,):
            for _ in range(64):
                stuck.ask(whole=True)
            beside = await asyncio.to_thread(watch, viewers, seconds)
            held = side.usage().pss_mb - before
    return Stall(beside / alone, held)


@asynccontextmanager
async def entered(side: Side, count: int) -> AsyncIterator[list[WireViewer]]:
    """So many viewers; they leave together."""
    viewers: list[WireViewer] = []
    try:
        while len(viewers) < count:
            viewers.append(await side.viewer())
        await asyncio.sleep(QUIET_SECONDS)
        yield viewers
    finally:
        for viewer in viewers:
            viewer.close()
        await asyncio.sleep(QUIET_SECONDS)
