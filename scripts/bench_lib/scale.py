"""``scripts/bench scale``: what many sessions cost the daemon.

Real sessions for the cost of doing nothing: their agents report by themselves. Sessions on the
engine in memory, each with its agent's control stream, for memory and for listing them.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict, dataclass, field

from scripts.bench_lib.control_streams import held_streams
from scripts.bench_lib.daemon import Daemon, own_daemon
from scripts.bench_lib.figures import Figure, Target, print_table, quantile, write_json
from scripts.bench_lib.options import parse, parser, run
from scripts.bench_lib.population import Population
from scripts.bench_lib.usage import usage_of
from scripts.bench_lib.wire import call, request_bytes

IDLE_PERCENT = Target(2)
MEMORY_MB = Target(150)
LIST_MS = Target(30)
PAGE = 500
SAY_SECONDS = 10.0


@dataclass
class Samples:
    """By how many sessions there were."""

    started_seconds: dict[int, float] = field(default_factory=dict)
    idle_percent: dict[int, list[float]] = field(default_factory=dict)
    """CPU of the daemon in percent of one core, real sessions."""
    rss_mb: dict[int, float] = field(default_factory=dict)
    pss_mb: dict[int, float] = field(default_factory=dict)
    list_ms: dict[int, list[float]] = field(default_factory=dict)


async def measure(options: argparse.Namespace) -> Samples:
    """Memory first: it needs nothing of the machine."""
    samples = Samples()
    async with own_daemon(options.bundle, in_memory=True) as daemon:
        await _measure_memory(options, daemon, samples)
    if options.sessions:
        async with own_daemon(options.bundle) as daemon:
            await _measure_idle(options, daemon, samples)
    return samples


async def _measure_memory(options: argparse.Namespace, daemon: Daemon, samples: Samples) -> None:
    await daemon.start()
    await daemon.ready()
    population = Population(daemon, options.user, play_agents=True)
    await population.follow()
    for size in [0, *options.sizes]:
        await population.grow(size)
        async with held_streams(list(population.agents.values())):
            await asyncio.sleep(options.settle_seconds)
            usage = usage_of(daemon.pid)
            samples.rss_mb[size], samples.pss_mb[size] = usage.rss_mb, usage.pss_mb
            print(f"{size} sessions in memory: {usage.rss_mb:.1f} MB resident", flush=True)
            samples.list_ms[size] = [await _list_all(daemon, size) for _ in range(options.lists)]
    population.close()


async def _list_all(daemon: Daemon, expected: int) -> float:
    """Every page of the listing; milliseconds in total. Raises RuntimeError if one is missing."""
    milliseconds, found, cursor = 0.0, 0, ""
    while True:
        request = request_bytes("GET", f"/v1/sessions?limit={PAGE}{cursor}")
        answer = await call(daemon.socket, request)
        milliseconds += 1000 * answer.seconds
        page = answer.json()
        found += len(page["sessions"])
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    if found != expected:
        raise RuntimeError(f"the listing has {found} of {expected} sessions")
    return milliseconds


async def _measure_idle(options: argparse.Namespace, daemon: Daemon, samples: Samples) -> None:
    await daemon.start()
    await daemon.ready()
    population = Population(daemon, options.user, play_agents=False)
    await population.follow()
    for size in (0, options.sessions):
        print(f"starting {size} real sessions", flush=True)
        samples.started_seconds[size] = await population.grow(size)
        print(f"    all run after {samples.started_seconds[size]:.0f} s", flush=True)
        await _pass_time(options.settle_seconds, "settling")
        percents = samples.idle_percent[size] = []
        for _ in range(options.rounds):
            before = usage_of(daemon.pid).cpu_seconds
            await _pass_time(options.idle_seconds, "idle")
            spent = usage_of(daemon.pid).cpu_seconds - before
            percents.append(100 * spent / options.idle_seconds)
        if (running := population.count("running")) != size:
            raise RuntimeError(f"{running} of {size} sessions run")
    population.close()


async def _pass_time(seconds: float, what: str) -> None:
    """Sleep, and say so now and then."""
    left = seconds
    while left > 0:
        await asyncio.sleep(min(left, SAY_SECONDS))
        left -= SAY_SECONDS
        if left > 0:
            print(f"    ... {what}: {left:.0f} s left", flush=True)


def figures(samples: Samples) -> list[Figure]:
    """What was measured, beside what it is to be; floors are the daemon without sessions."""
    empty = samples.rss_mb[0]
    found = []
    for size, rss in samples.rss_mb.items():
        found.append(
            Figure(
                key=f"rss_{size}",
                label=f"memory, {size} sessions",
                value=rss,
                floor=empty,
                unit="MB",
                target=MEMORY_MB if size == max(samples.rss_mb) else None,
            )
        )
        if size:
            each = 1024 * (rss - empty) / size
            found.append(
                Figure(
                    key=f"rss_{size}_each",
                    label="   above the floor, each session",
                    value=each,
                    unit="kB",
                )
            )
    largest = max(samples.list_ms)
    found.append(
        Figure(
            key=f"list_{largest}",
            label=f"GET /v1/sessions, all {largest}, p50",
            value=quantile(samples.list_ms[largest], 0.5),
            floor=quantile(samples.list_ms[0], 0.5),
            unit="ms",
            target=LIST_MS,
        )
    )
    for size, percents in samples.idle_percent.items():
        if size:
            found.append(
                Figure(
                    key=f"idle_{size}",
                    label=f"CPU of the daemon, {size} idle sessions",
                    value=quantile(percents, 0.5),
                    floor=quantile(samples.idle_percent[0], 0.5),
                    unit="%",
                    target=IDLE_PERCENT,
                )
            )
            found.append(
                Figure(
                    key=f"started_{size}",
                    label=f"{size} real sessions started and running in",
                    value=samples.started_seconds[size],
                    unit="s",
                )
            )
    return found


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("scale", "what many sessions cost the daemon")
    arguments.add_argument("--sessions", type=int, default=200, help="real ones; 0 for none")
    arguments.add_argument("--sizes", type=int, nargs="+", default=[100, 250, 500, 1000])
    arguments.add_argument("--lists", type=int, default=20, help="listings of all sessions")
    arguments.add_argument("--idle-seconds", type=float, default=60.0)
    arguments.add_argument(
        "--settle-seconds",
        type=float,
        default=20.0,
        help="after the starts; longer than a heartbeat",
    )
    arguments.add_argument("--rounds", type=int, default=2, help="of doing nothing")
    quick = {
        "sessions": 10,
        "sizes": [100, 200],
        "idle_seconds": 5.0,
        "settle_seconds": 1.0,
        "rounds": 1,
    }
    options = parse(arguments, quick)
    samples = run(measure(options))
    found = figures(samples)
    print_table("scale", found)
    if options.json is not None:
        write_json(options.json, found, asdict(samples))


if __name__ == "__main__":
    main()
