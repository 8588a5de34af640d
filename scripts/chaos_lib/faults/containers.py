"""What happens to containers, or inside them, behind the daemon's back."""

from __future__ import annotations

import asyncio

from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Do, Part
from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.scene import TOLD_SECONDS, Fault, Scene

HUNGRY = """\
image: {image}
working_dir: /
network_mode: none
mem_limit: 96m
memswap_limit: 96m
command: [perl, -e, '$$x = "x" x (1 << 30)']
"""
AGENT = """\
for stat in /proc/[0-9]*/stat; do
    read -r pid name state parent rest <$stat || continue
    case $parent$name in "1(perl)" | "1(fx-session)") kill -KILL "$pid" ;; esac
done
"""
X_SERVER = """\
for directory in /proc/[0-9]*; do
    read -r name <"$directory/comm" || continue
    case $name in X*) kill -KILL "${directory#/proc/}" ;; esac
done
"""


async def _remove(scene: Scene) -> None:
    """Removed, killed, stopped, paused: running, frozen, and just being started."""
    await _remove_some(scene)
    await _pause_some(scene)
    await _remove_at_birth(scene)


async def _remove_some(scene: Scene) -> None:
    docker = scene.stage.witness.docker
    gone = ("ContainerGone", "ContainerDied")
    for command, reasons in (
        (("rm", "-f"), gone),
        (("kill",), gone),
        (("stop",), ("CommandExited",)),
    ):
        running, frozen = await scene.run(Part.PLAIN, Part.FREEZING)
        await scene.ask(frozen, Do.SUSPEND)
        for each in (running, frozen):
            each.may_end(*reasons)
            await docker(*command, scene.container(each))
            scene.line.faults += 1
            await scene.ends(each, *reasons)


async def _pause_some(scene: Scene) -> None:
    docker = scene.stage.witness.docker
    (outside,) = await scene.run(Part.FREEZING)
    for _ in range(3):
        await docker("pause", scene.container(outside))
        scene.line.faults += 1
        await scene.told(outside, "suspended")
        await docker("unpause", scene.container(outside))
        await scene.told(outside, "running")
    await docker("pause", scene.container(outside))
    await scene.told(outside, "suspended")
    await scene.ask(outside, Do.RESUME)
    await scene.told(outside, "running")


async def _remove_at_birth(scene: Scene) -> None:
    """As soon as the engine has it; whatever becomes of the start, the session ends, and tells."""
    witness = scene.stage.witness
    for _ in range(4):
        (record,) = await scene.ask_for(Part.PLAIN)
        record.may_end("ContainerGone", "ContainerDied", "EngineRefused")
        async with asyncio.timeout(TOLD_SECONDS):
            while not (born := witness.of_session(record.id or "")):
                await asyncio.sleep(0.005)
        await asyncio.sleep(scene.dice.uniform(0.0, 0.3))
        scene.line.faults += 1
        try:
            await witness.docker("rm", "-f", *born)
        except ChaosError:
            await scene.told(record, "running", "ended")
            continue
        await scene.ends(record)


async def _out_of_memory(scene: Scene) -> None:
    text = HUNGRY.format(image=scene.stage.daemon.site.perl_base)
    scene.stage.daemon.write_template("hungry", text)
    for _ in range(3):
        record = scene.record(Part.PLAIN)
        record.request["template"] = "hungry"
        record.may_end("OutOfMemory")
        await scene.stage.web.start(record)
        scene.line.faults += 1
        await scene.ends(record)


async def _kill_inside(scene: Scene, script: str, reason: str) -> None:
    for record in await scene.run(Part.PLAIN, Part.FREEZING, Part.STUBBORN):
        record.may_end(reason)
        await _execute(scene, record, script)
        scene.line.faults += 1
        await scene.ends(record, reason)


async def _execute(scene: Scene, record: Record, script: str) -> None:
    """The container may be gone before its ``exec`` has an end."""
    try:
        await scene.stage.witness.docker("exec", scene.container(record), "/bin/sh", "-c", script)
    except ChaosError as error:
        scene.scale.say(f"    {error}")


async def _kill_agents(scene: Scene) -> None:
    await _kill_inside(scene, AGENT, "ContainerDied")


async def _kill_x_servers(scene: Scene) -> None:
    await _kill_inside(scene, X_SERVER, "XServerFailed")


FAULTS = (
    Fault(
        name="containers-removed",
        what="docker rm -f, kill, stop, pause, unpause by somebody else",
        inflict=_remove,
    ),
    Fault(
        name="out-of-memory",
        what="a command eats more than mem_limit",
        inflict=_out_of_memory,
    ),
    Fault(
        name="agent-killed",
        what="SIGKILL for the agent in the container",
        inflict=_kill_agents,
    ),
    Fault(
        name="x-server-killed",
        what="SIGKILL for the X server in the container",
        inflict=_kill_x_servers,
    ),
)
