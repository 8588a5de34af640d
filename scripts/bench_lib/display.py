"""``scripts/bench display``: the way from an X server to viewers, beside websockify's.

Both stand before the same X server and are watched by the same viewer, in turns; each ratio is the
median of what its pairs say. CPU is of all processes on the way (daemon and agent; websockify and
what it forks), the X server's apart. The same goes for portals, which stand before the daemon: one
that hands displays over to it, and one through which their bytes pass (as with TLS of its own).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, fields

from scripts.bench_lib.daemon import own_daemon
from scripts.bench_lib.display_figures import Samples, figures, portal_figures
from scripts.bench_lib.display_rounds import crowd, echoes, stall, stream
from scripts.bench_lib.display_sides import MOVING, STILL, TEMPLATE, Screen, Screens, Side
from scripts.bench_lib.figures import print_table, write_json
from scripts.bench_lib.free_port import free_port
from scripts.bench_lib.options import parse, parser, run
from scripts.bench_lib.population import Population
from scripts.bench_lib.portal_front import PortalFront

PORTALS = {"portal": True, "carrying": False}
"""Whether they hand displays over."""
PARTS = tuple(each.name for each in fields(Samples))


async def measure(options: argparse.Namespace) -> dict[str, Samples]:
    """All rounds of all sides."""
    samples = {name: Samples() for name in ("this", *PORTALS, "websockify")}
    async with AsyncExitStack() as stack:
        daemon = await stack.enter_async_context(own_daemon(options.bundle))
        (daemon.directory / "launcher-templates" / "display.tpl").write_text(TEMPLATE)
        port = free_port()
        daemon.configure(
            options.bundle,
            relay={"viewer": {"port": port}},
            log={"format": "json", "level": "info"},
        )
        await daemon.start()
        await daemon.ready()
        population = Population(daemon, options.user, play_agents=False)
        stack.callback(population.close)
        await population.follow()
        portals = {
            name: await PortalFront.start(stack, daemon, options.user, hand_over=hand_over)
            for name, hand_over in PORTALS.items()
        }
        screens = Screens(daemon, population, options, ("127.0.0.1", port), portals)
        still = await screens.start(stack, STILL)
        moving = await screens.start(stack, MOVING)
        for number in range(1, options.rounds + 1):
            print(f"round {number} of {options.rounds}", flush=True)
            await _round(options, samples, (still, moving), number)
    return samples


async def _round(
    options: argparse.Namespace,
    samples: dict[str, Samples],
    screens: tuple[Screen, Screen],
    number: int,
) -> None:
    still, moving = screens
    seconds = options.seconds
    rounds: dict[str, tuple[Screen, Callable[[Side], Awaitable[object]]]] = {
        "streams": (still, lambda side: stream(side, still.x_server, seconds)),
        "crowds": (moving, lambda side: crowd(side, options.viewers, seconds)),
        "stalls": (moving, lambda side: stall(side, options.beside, seconds)),
    }
    order = 1 if number % 2 else -1
    for part in options.parts:
        if part == "echoes":
            sides = still.sides[::order]
            measured = await echoes(sides, options.keys)
        else:
            screen, take = rounds[part]
            sides = [side for side in screen.sides[::order] if _is_measured(side, part)]
            measured = [await take(side) for side in sides]
        for side, each in zip(sides, measured, strict=True):
            getattr(samples[side.name], part).append(each)


def _is_measured(side: Side, part: str) -> bool:
    """Who stalls is the daemon's affair, or adds to a portal what it adds there."""
    return side.name not in PORTALS or part != "stalls"


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("display", "the way from an X server to viewers")
    arguments.add_argument("--rounds", type=int, default=7, help="of both sides in turns")
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    arguments.add_argument("--keys", type=int, default=100, help="presses in a round")
    arguments.add_argument("--viewers", type=int, default=50, help="at once")
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    modes = ("control", "view")
    arguments.add_argument("--mode", choices=modes, default="control", help="no echoes in view")
    arguments.add_argument("--beside", type=int, default=10, help="viewers beside a stalled one")
    quick = {"rounds": 1, "seconds": 2.0}
    options = parse(arguments, quick)
    if options.mode == "view":
        # Nobody types there.
        options.parts = [part for part in options.parts if part != "echoes"]
    samples = run(measure(options))
    found = figures(samples["this"], samples["websockify"])
    print_table("display", found)
    by_portal = portal_figures("portal", samples["portal"], samples["websockify"])
    print_table("the same by the portal, which hands it over", by_portal)
    carried = portal_figures("carrying", samples["carrying"], samples["websockify"])
    print_table("the same through the portal, byte by byte", carried)
    print("floors are websockify's. Tails (p99) of a machine that does other things are its own:")
    print(f"its load at the end was {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if options.json is not None:
        write_json(
            options.json,
            [*found, *by_portal, *carried],
            {name: asdict(each) for name, each in samples.items()},
        )


if __name__ == "__main__":
    main()
