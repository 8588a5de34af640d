"""The daemon's database is lost, damaged, or cannot be written; what runs is put back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Do, Part
from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.scene import Fault, Scene
from scripts.chaos_lib.stage import Lives
from tests.support.disks import FailingDisk, failing_disk, fill, small_disk

D = TypeVar("D")

GARBAGE = bytes(range(256)) * 64


async def _populate(scene: Scene) -> list[Record]:
    """Sessions that run, and one that is put aside."""
    running = await scene.run(Part.PLAIN, Part.FREEZING, Part.STUBBORN, Part.FREEZING)
    await scene.ask(running[3], Do.SUSPEND)
    await scene.told(running[3], "suspended")
    return running


async def _removed(scene: Scene) -> None:
    """Under the daemon that uses it; once it is back, the daemon is killed."""
    daemon = scene.stage.daemon
    running = await _populate(scene)
    _remove(daemon)
    scene.line.faults += 1
    await scene.ask(running[1], Do.SUSPEND)
    async with asyncio.timeout(60):
        while not (daemon.local / "supervisor.db").exists():
            await asyncio.sleep(0.1)
    await daemon.kill()


async def _lost(scene: Scene) -> None:
    """There is none when the daemon starts: records and labels are all there is."""
    await _populate(scene)
    underway = await scene.ask_for(Part.PLAIN, Part.FREEZING)
    for each in underway:
        # What was not asked of the engine yet is in the database alone.
        await scene.told(each, "running")
    await scene.stage.daemon.kill()
    _remove(scene.stage.daemon)
    _lose_keys(scene)


async def _damaged(scene: Scene) -> None:
    """It is no database any more when the daemon starts."""
    await _populate(scene)
    await scene.stage.daemon.kill()
    with (scene.stage.daemon.local / "supervisor.db").open("r+b") as file:
        file.write(GARBAGE)
    _lose_keys(scene)


async def _full(scene: Scene) -> None:
    """Nothing can be stored for a while, in which a container goes and an end is asked for."""
    filler = _disk(scene, Path)
    _, leaving, ending, _ = await _populate(scene)
    fill(filler)
    scene.line.faults += 1
    # Answered once it can be: a web server asks again after a 503.
    wish = asyncio.create_task(scene.ask(ending, Do.TERMINATE))
    leaving.may_end("ContainerGone", "ContainerDied")
    leaving.must_end = True
    await scene.stage.witness.docker("rm", "-f", scene.container(leaving))
    await asyncio.sleep(scene.scale.seconds(30.0, 5.0))
    filler.unlink()
    await wish
    await scene.told(leaving, "ended")


async def _read_only(scene: Scene) -> None:
    """The kernel has taken the disk for broken; it is mended under a daemon that is not there."""
    disk, daemon = _disk(scene, FailingDisk), scene.stage.daemon
    _, leaving, _, _ = await _populate(scene)
    disk.fail()
    # What had not reached the disk is lost with it.
    _lose_keys(scene)
    leaving.may_end("ContainerGone", "ContainerDied")
    leaving.must_end = True
    await scene.stage.witness.docker("rm", "-f", scene.container(leaving))
    await asyncio.sleep(scene.scale.seconds(30.0, 5.0))
    await daemon.kill()
    disk.mend()


def _lose_keys(scene: Scene) -> None:
    scene.line.faults += 1
    for each in scene.records:
        each.is_key_lost = True


def _disk(scene: Scene, kind: type[D]) -> D:
    if not isinstance(scene.stage.disk, kind):
        message = f"this fault needs a {kind.__name__}"
        raise ChaosError(message)
    return scene.stage.disk


def _remove(daemon: Lives) -> None:
    for path in daemon.local.glob("supervisor.db*"):
        path.unlink()


@contextmanager
def _small(daemon: Lives) -> Iterator[Path]:
    with small_disk(daemon.local) as filler:
        yield filler


@contextmanager
def _failing(daemon: Lives) -> Iterator[FailingDisk]:
    with failing_disk(daemon.directory / "disk", daemon.local) as disk:
        yield disk


FAULTS = (
    Fault(
        name="store-removed",
        what="its file is removed while it is in use, then the daemon is killed",
        inflict=_removed,
    ),
    Fault(
        name="store-lost",
        what="the daemon is killed and its database removed",
        inflict=_lost,
    ),
    Fault(
        name="store-damaged",
        what="the daemon is killed and its database overwritten",
        inflict=_damaged,
    ),
    Fault(
        name="disk-full",
        what="no space left for the database, while containers go",
        inflict=_full,
        disk=_small,
    ),
    Fault(
        name="disk-read-only",
        what="the database's file system becomes read-only, and is repaired",
        inflict=_read_only,
        disk=_failing,
    ),
)
