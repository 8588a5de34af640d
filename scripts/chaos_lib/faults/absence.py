"""Somebody is away for long: the daemon, or the web server."""

from __future__ import annotations

import asyncio

from scripts.chaos_lib.plan import Do, Part
from scripts.chaos_lib.scene import Fault, Scene

KEPT = 100
"""Events kept for readers that are away, in place of 10,000: an hour becomes a minute."""
PRUNED_SECONDS = 75.0
"""Longer than the daemon takes to drop what is past that."""


async def _daemon_away(scene: Scene) -> None:
    """Killed, its sockets removed; agents have to find the next life by themselves."""
    daemon = scene.stage.daemon
    running = await scene.run(Part.PLAIN, Part.FREEZING, Part.STUBBORN, Part.FREEZING)
    await scene.ask(running[3], Do.SUSPEND)
    brief = scene.record(Part.BRIEF)
    brief.request["command"] = "sleep 4; exit 5"
    brief.exit_code = 5
    # Its agent reports for 20 s; whoever is away for longer learns of it from the engine.
    brief.may_end("CommandExited", "ContainerGone")
    await scene.stage.web.start(brief)
    await daemon.kill()
    scene.line.faults += 1
    for socket in (daemon.run / "relay").glob("*.sock"):
        socket.unlink()
    away = scene.scale.seconds(65.0, 12.0)
    scene.line.note = f"away for {away:g} s"
    await asyncio.sleep(away)
    await scene.stage.heal()
    await scene.ends(brief)


async def _daemon_hangs(scene: Scene) -> None:
    """Its sockets take connections, nobody answers: calls and callbacks meet their deadlines."""
    running = await scene.run(Part.PLAIN, Part.FREEZING, Part.STUBBORN)
    underway = await scene.ask_for(Part.PLAIN, Part.FREEZING)
    scene.stage.daemon.pause()
    scene.line.faults += 1
    wish = asyncio.create_task(scene.ask(running[1], Do.SUSPEND))
    await asyncio.sleep(scene.scale.seconds(35.0, 12.0))
    scene.stage.daemon.go_on()
    await wish
    for each in underway:
        await scene.told(each, "running")


async def _web_server_away(scene: Scene) -> None:
    """One reader comes back while what it missed is kept, the others after it was dropped."""
    stage = scene.stage
    running = await scene.run(Part.PLAIN, Part.FREEZING)
    for reader in stage.readers:
        reader.leave()
    scene.line.faults += len(stage.readers)
    await scene.ask(running[0], Do.SUSPEND)
    stage.readers[2].come_back()
    for number in range(2 * KEPT):
        body = {"name": f"name {number}"}
        await stage.web.call("PATCH", f"/v1/sessions/{running[1].id}", body)
    away = scene.scale.seconds(PRUNED_SECONDS, PRUNED_SECONDS)
    scene.line.note = f"away for {away:g} s, {KEPT} events kept for 10,000: an hour, scaled down"
    await asyncio.sleep(away)
    for reader in stage.readers:
        reader.come_back()
    await scene.told(running[0], "suspended")
    if not stage.reader.history.resets:
        scene.line.note += "; no reset was needed"


FAULTS = (
    Fault(
        name="daemon-away",
        what="no daemon and no sockets for a minute, containers live",
        inflict=_daemon_away,
    ),
    Fault(
        name="daemon-hangs",
        what="SIGSTOP for the daemon, for longer than calls take",
        inflict=_daemon_hangs,
    ),
    Fault(
        name="web-server-away",
        what="nobody reads the event stream until it is not kept any more",
        inflict=_web_server_away,
        config={"retention": {"ended_seconds": 90, "outbox_items": KEPT}},
    ),
)
