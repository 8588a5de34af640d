"""The engine dies, or is stopped, and comes back: with its containers (live-restore) or without."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Do, Part
from scripts.chaos_lib.private_engine import PrivateEngine
from scripts.chaos_lib.scene import Fault, Scene

Fall = Callable[[PrivateEngine], Awaitable[None]]

GONE = ("ContainerGone", "ContainerDied")
STOPPED = (*GONE, "CommandExited")
"""An engine that stops in order tells containers to; their agents report before they go."""
CUTS = 12


async def _before(scene: Scene) -> tuple[list[Record], list[Record]]:
    """Sessions in every phase: those that have a container for certain, and those that start."""
    settled = await scene.run(Part.PLAIN, Part.FREEZING, Part.PLAIN, Part.FREEZING, Part.PLAIN)
    for each in settled[2:4]:
        await scene.ask(each, Do.SUSPEND)
    underway = await scene.ask_for(*[Part.PLAIN, Part.FREEZING] * 4)
    for each in underway:
        each.may_restart = True
    await asyncio.sleep(scene.dice.uniform(0.0, 1.5))
    return settled, underway


async def _down_and_up(scene: Scene, fall: Fall, *, live_restore: bool = False) -> None:
    """Down for a while in which every session is ``unknown``."""
    await fall(scene.engine)
    scene.line.faults += 1
    for each in scene.records[:5]:
        await scene.told(each, "unknown", "ended", "terminating")
    await asyncio.sleep(scene.dice.uniform(1.0, scene.scale.seconds(8.0, 3.0)))
    await scene.engine.start(live_restore=live_restore)


def _without_live_restore(fall: Fall, *reasons: str) -> Callable[[Scene], Awaitable[None]]:
    async def inflict(scene: Scene) -> None:
        scene.stage.bystanders.disturbed = True
        settled, underway = await _before(scene)
        for each in underway:
            each.may_end(*reasons)
        await _down_and_up(scene, fall)
        for each in settled:
            await scene.ends(each, *reasons)
        for each in underway:
            await scene.told(each, "running", "ended")
        # It is of use again.
        await scene.run(Part.PLAIN, Part.FREEZING)

    return inflict


def _with_live_restore(fall: Fall) -> Callable[[Scene], Awaitable[None]]:
    async def inflict(scene: Scene) -> None:
        settled, underway = await _before(scene)
        await _down_and_up(scene, fall, live_restore=True)
        for each in settled[:2]:
            await scene.told(each, "running")
        for each in settled[2:4]:
            await scene.told(each, "suspended")
            await scene.ask(each, Do.RESUME)
        for each in underway:
            await scene.told(each, "running")
        await scene.run(Part.PLAIN, Part.FREEZING)

    return inflict


async def _kill_dockerd(engine: PrivateEngine) -> None:
    await engine.kill(containerd=False)


async def _cut_stream(scene: Scene) -> None:
    """Sessions come and go while every connection breaks, again and again."""
    proxy = scene.proxy
    if proxy is None:
        raise TypeError("made without a proxy")
    running = await scene.run(Part.PLAIN, Part.FREEZING)
    parts = [Part.PLAIN, Part.FREEZING, Part.BRIEF]
    for number in range(round(scene.scale.seconds(CUTS, CUTS / 3))):
        record = scene.record(parts[number % 3])
        if number % 3 == 2:
            record.request["command"] = "exit 3"
            record.exit_code = 3
            record.may_end("CommandExited")
            record.must_end = True
        record.may_restart = True
        asked = asyncio.create_task(scene.stage.web.start(record))
        await asyncio.sleep(scene.dice.uniform(0.0, 1.5))
        await proxy.cut()
        scene.line.faults += 1
        if number % 4 == 1:
            await scene.ask(running[number % 2], Do.SUSPEND)
        if number % 4 == 3:
            await scene.ask(running[(number + 1) % 2], Do.RESUME)
        await asyncio.sleep(scene.dice.uniform(0.0, 1.0))
        await proxy.mend()
        await asked


FAULTS = (
    Fault(
        name="engine-power-cut",
        what="dockerd, containerd, shims and containers are killed at once",
        inflict=_without_live_restore(PrivateEngine.cut_power, *GONE),
    ),
    Fault(
        name="engine-killed",
        what="dockerd and containerd get SIGKILL, no live-restore",
        inflict=_without_live_restore(PrivateEngine.kill, *STOPPED),
    ),
    Fault(
        name="engine-stopped",
        what="dockerd gets SIGTERM, no live-restore",
        inflict=_without_live_restore(PrivateEngine.stop, *STOPPED),
    ),
    Fault(
        name="engine-killed-live",
        what="dockerd and containerd get SIGKILL, containers live on",
        inflict=_with_live_restore(PrivateEngine.kill),
        live_restore=True,
    ),
    Fault(
        name="dockerd-killed-live",
        what="dockerd alone gets SIGKILL, containers live on",
        inflict=_with_live_restore(_kill_dockerd),
        live_restore=True,
    ),
    Fault(
        name="engine-stopped-live",
        what="dockerd gets SIGTERM, containers live on",
        inflict=_with_live_restore(PrivateEngine.stop),
        live_restore=True,
    ),
    Fault(
        name="event-stream-cut",
        what="every connection to the engine breaks, again and again",
        inflict=_cut_stream,
        proxied=True,
    ),
)
