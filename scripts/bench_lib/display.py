"""``scripts/bench display``: the way from an X server to viewers, beside websockify's.

Both stand before the same X server and are watched by the same viewer, in turns; each ratio is the
median of what its pairs say. CPU is of all processes on the way (daemon and agent; websockify and
what it forks), the X server's apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, fields
from operator import truediv
from statistics import median

from scripts.bench_lib.daemon import own_daemon
from scripts.bench_lib.display_rounds import (
    Crowd,
    Stall,
    Stream,
    crowd,
    echoes,
    stall,
    stream,
)
from scripts.bench_lib.display_sides import (
    MOVING,
    STILL,
    TEMPLATE,
    Screen,
    Screens,
    Side,
    free_port,
)
from scripts.bench_lib.figures import Figure, Target, print_table, quantile, write_json
from scripts.bench_lib.options import parse, parser, run
from scripts.bench_lib.population import Population

THROUGHPUT = Target(1.0, is_least=True)
CPU = Target(1.0)
ECHO_OVER_MS = Target(1.0)
VIEWER_MB = Target(1.0)
CROWD_RATE = Target(0.95, is_least=True)
STALLED_MB = Target(1.0)
STALLED_RATE = Target(0.9, is_least=True)


@dataclass
class Samples:
    """Of one side, by what was measured: each a round."""

    streams: list[Stream] = field(default_factory=list)
    echoes: list[list[float]] = field(default_factory=list)
    """Milliseconds, key by key."""
    crowds: list[Crowd] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)


PARTS = tuple(each.name for each in fields(Samples))


async def measure(options: argparse.Namespace) -> dict[str, Samples]:
    """All rounds of both sides."""
    samples = {"this": Samples(), "websockify": Samples()}
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
        screens = Screens(daemon, population, options.user, ("127.0.0.1", port))
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
            sides = screen.sides[::order]
            measured = [await take(side) for side in sides]
        for side, each in zip(sides, measured, strict=True):
            getattr(samples[side.name], part).append(each)


def figures(ours: Samples, theirs: Samples) -> list[Figure]:
    """Those of the parts that were measured; a floor is websockify's."""
    found: list[Figure] = []

    def add(  # noqa: PLR0913 a figure's own
        part: str,
        what: str,
        label: str,
        unit: str,
        target: Target | None = None,
        *,
        compare: Callable[[float, float], float] | None = None,
        of_rounds: Callable[[list[float]], float] = median,
    ) -> None:
        pairs = [
            (getattr(one, what), getattr(other, what))
            for one, other in zip(getattr(ours, part), getattr(theirs, part), strict=True)
        ]
        if not pairs:
            return
        values = [one if compare is None else compare(one, other) for one, other in pairs]
        found.append(
            Figure(
                key=f"{part}_{what}" + ("" if compare is None else "_compared"),
                label=label,
                value=of_rounds(values),
                unit=unit,
                floor=of_rounds([other for _, other in pairs]) if compare is None else None,
                target=target,
            )
        )

    add("streams", "mb_per_second", "one stream", "MB/s")
    add("streams", "mb_per_second", "   / websockify's", "x", THROUGHPUT, compare=truediv)
    add("streams", "cpu_per_gb", "CPU seconds per GB", "s")
    add("streams", "cpu_per_gb", "   / websockify's", "x", CPU, compare=truediv)
    add("streams", "x_cpu_per_gb", "   the X server's own", "s")
    found += _echo_figures(ours.echoes, theirs.echoes)
    add("crowds", "updates_per_second", "many viewers: updates, all together", "/s")
    add("crowds", "updates_per_second", "   / websockify's", "x", CROWD_RATE, compare=truediv)
    add("crowds", "cpu_ms_per_update", "   CPU per update", "ms")
    add("crowds", "cpu_ms_per_update", "   / websockify's", "x", CPU, compare=truediv)
    # What a process once had it keeps: the first round says what later ones do not.
    add("crowds", "mb_per_viewer", "   memory, each viewer", "MB", VIEWER_MB, of_rounds=max)
    add("stalls", "rate_ratio", "beside one that does not read: updates", "x", STALLED_RATE)
    add("stalls", "held_mb", "   memory that it costs", "MB", STALLED_MB, of_rounds=max)
    return found


def _echo_figures(ours: list[list[float]], theirs: list[list[float]]) -> list[Figure]:
    """Of all keys together."""
    found: list[Figure] = []
    for fraction in (0.5, 0.99) if ours else ():
        name = f"p{100 * fraction:g}"
        one, other = (
            quantile([ms for each in side for ms in each], fraction) for side in (ours, theirs)
        )
        found += [
            Figure(
                key=f"echo_{name}_ms",
                label=f"key -> its echo, {name}",
                value=one,
                unit="ms",
                floor=other,
            ),
            Figure(
                key=f"echo_{name}_ms_above",
                label="   above websockify's",
                value=one - other,
                unit="ms",
                target=ECHO_OVER_MS,
            ),
        ]
    return found


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("display", "the way from an X server to viewers")
    arguments.add_argument("--rounds", type=int, default=7, help="of both sides in turns")
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    arguments.add_argument("--keys", type=int, default=60, help="presses in a round")
    arguments.add_argument("--viewers", type=int, default=50, help="at once")
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    arguments.add_argument("--beside", type=int, default=10, help="viewers beside a stalled one")
    quick = {"rounds": 1, "seconds": 2.0}
    options = parse(arguments, quick)
    samples = run(measure(options))
    found = figures(samples["this"], samples["websockify"])
    print_table("display", found)
    if options.json is not None:
        write_json(options.json, found, {name: asdict(each) for name, each in samples.items()})


if __name__ == "__main__":
    main()
