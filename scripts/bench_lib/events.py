"""``scripts/bench events``: from what happens to a reader of the event stream.

A callback at 200 a second, and a container that dies: alone, and with readers that are dead or
slow and a webhook that hangs beside the reader that counts. Each next to its floor, in turns, so
that the machine's moods meet all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.bench_lib.bad_readers import bad_readers
from scripts.bench_lib.callbacks import Crossings, Traffic
from scripts.bench_lib.daemon import Daemon, own_daemon
from scripts.bench_lib.deaths import Deaths, kill_each
from scripts.bench_lib.figures import Figure, Target, print_table, quantile, write_json
from scripts.bench_lib.hanging_webhook import hanging_webhook
from scripts.bench_lib.options import parse, parser, run
from scripts.bench_lib.population import Population
from scripts.bench_lib.usage import usage_of
from scripts.bench_lib.wire import EventReader

CALLBACK_P50_MS = Target(2)
CALLBACK_P99_MS = Target(10)
DEATH_P50_MS = Target(20)


@dataclass(frozen=True, slots=True)
class Floor:
    """The bare server."""

    socket: Path
    pid: int


@dataclass
class Samples:
    """Of one condition: alone, or disturbed."""

    floor_ms: list[float] = field(default_factory=list)
    event_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    daemon_cpu_ms: list[float] = field(default_factory=list)
    """CPU time of the daemon per callback, of each round."""
    floor_cpu_ms: list[float] = field(default_factory=list)
    deaths: Deaths = field(default_factory=Deaths)


@dataclass(frozen=True, slots=True)
class Condition:
    """A daemon with its sessions, and what disturbs it."""

    name: str
    daemon: Daemon
    population: Population
    bad_readers: int
    samples: Samples


async def measure(options: argparse.Namespace) -> dict[str, Samples]:
    """Both parts in both conditions."""
    samples = {"alone": Samples(), "disturbed": Samples()}
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(floor_server())
        conditions = await _conditions(stack, options, samples, in_memory=True)
        for number in range(1, options.rounds + 1):
            for condition in conditions:
                what = f"{options.rate:g} callbacks/s, {condition.name}"
                print(f"{what}: round {number} of {options.rounds}", flush=True)
                await _callback_round(options, condition, floor)
    if options.kills:
        async with AsyncExitStack() as stack:
            for condition in await _conditions(stack, options, samples, in_memory=False):
                print(f"{options.kills} containers that die, {condition.name}", flush=True)
                async with bad_readers(condition.daemon.socket, condition.bad_readers):
                    await kill_each(condition.population, condition.samples.deaths, options.kills)
    return samples


async def _conditions(
    stack: AsyncExitStack,
    options: argparse.Namespace,
    samples: dict[str, Samples],
    *,
    in_memory: bool,
) -> list[Condition]:
    """A daemon with running sessions for each condition."""
    found = []
    sessions = options.sessions if in_memory else options.kills
    for name, sample in samples.items():
        kind = "on the engine in memory" if in_memory else "real"
        print(f"starting {sessions} sessions, {kind}, {name}", flush=True)
        daemon = await stack.enter_async_context(own_daemon(options.bundle, in_memory=in_memory))
        if name == "disturbed" and options.webhook:
            webhook = await stack.enter_async_context(hanging_webhook(daemon.directory))
            daemon.configure(options.bundle, relay=webhook.section())
        await daemon.start()
        await daemon.ready()
        population = Population(daemon, options.user, play_agents=in_memory)
        population.expected_reasons.add("ContainerDied")
        stack.callback(population.close)
        await population.follow()
        await population.grow(sessions)
        bad = options.bad_readers if name == "disturbed" else 0
        found.append(Condition(name, daemon, population, bad, sample))
    return found


async def _callback_round(options: argparse.Namespace, condition: Condition, floor: Floor) -> None:
    daemon, population, sample = condition.daemon, condition.population, condition.samples
    traffic = Traffic(options.rate)
    async with bad_readers(daemon.socket, condition.bad_readers):
        await _floor_round(traffic, floor, sample, options.seconds)
        crossings = Crossings()
        population.on_event = crossings.take
        before = usage_of(daemon.pid).cpu_seconds
        await traffic.to_daemon(list(population.agents.values()), crossings, options.seconds)
        spent = usage_of(daemon.pid).cpu_seconds - before
        population.on_event = None
    sample.event_ms += crossings.event_ms()
    sample.answer_ms += crossings.answer_ms()
    sample.daemon_cpu_ms.append(1000 * spent / len(crossings.sent))


async def _floor_round(traffic: Traffic, floor: Floor, sample: Samples, seconds: float) -> None:
    crossings = Crossings()
    reader = await EventReader.open(floor.socket, lambda at, _, data: crossings.take(at, data))
    before = usage_of(floor.pid).cpu_seconds
    try:
        await traffic.to_floor(floor.socket, crossings, seconds)
    finally:
        reader.close()
    spent = usage_of(floor.pid).cpu_seconds - before
    sample.floor_ms += crossings.event_ms()
    sample.floor_cpu_ms.append(1000 * spent / len(crossings.sent))


@asynccontextmanager
async def floor_server() -> AsyncIterator[Floor]:
    """A bare server in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="fx-floor-") as name:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m"),
            *("scripts.bench_lib.floor_server", name),
            start_new_session=True,
        )
        path = Path(name) / "floor.sock"
        try:
            async with asyncio.timeout(30):
                while not path.exists():
                    await asyncio.sleep(0.05)
            yield Floor(path, process.pid)
        finally:
            process.kill()
            await process.wait()


def figures(samples: dict[str, Samples]) -> list[Figure]:
    """What was measured, beside what it is to be."""
    found: list[Figure] = []
    for name, sample in samples.items():
        for fraction, target in ((0.5, CALLBACK_P50_MS), (0.99, CALLBACK_P99_MS)):
            found.append(
                Figure(
                    key=f"callback_event_p{100 * fraction:g}_{name}",
                    label=f"callback -> event, p{100 * fraction:g}, {name}",
                    value=quantile(sample.event_ms, fraction),
                    floor=quantile(sample.floor_ms, fraction),
                    unit="ms",
                    target=target,
                )
            )
        found.append(
            Figure(
                key=f"callback_answer_p50_{name}",
                label=f"callback -> its answer, p50, {name}",
                value=quantile(sample.answer_ms, 0.5),
                unit="ms",
            )
        )
        found.append(
            Figure(
                key=f"callback_cpu_{name}",
                label=f"daemon's CPU per callback, {name}",
                value=quantile(sample.daemon_cpu_ms, 0.5),
                floor=quantile(sample.floor_cpu_ms, 0.5),
                unit="ms",
            )
        )
        if sample.deaths.update_ms:
            found += _death_figures(name, sample.deaths)
    return found


def _death_figures(name: str, deaths: Deaths) -> list[Figure]:
    return [
        Figure(
            key=f"death_event_p50_{name}",
            label=f"engine's die -> event, p50, {name}",
            value=quantile(deaths.update_ms, 0.5),
            floor=quantile(deaths.bare_ms, 0.5),
            unit="ms",
            target=DEATH_P50_MS,
        ),
        Figure(
            key=f"death_event_max_{name}",
            label=f"engine's die -> event, max, {name}",
            value=max(deaths.update_ms),
            floor=max(deaths.bare_ms),
            unit="ms",
        ),
    ]


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("events", "the event stream's delay")
    arguments.add_argument("--sessions", type=int, default=100, help="whose agents call in turn")
    arguments.add_argument("--rate", type=float, default=200.0, help="callbacks a second")
    arguments.add_argument("--seconds", type=float, default=10.0, help="length of a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--kills", type=int, default=20, help="containers, in each condition")
    arguments.add_argument("--bad-readers", type=int, default=10)
    arguments.add_argument(
        "--webhook",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="one that never answers among what disturbs",
    )
    quick = {"sessions": 50, "seconds": 3.0, "rounds": 1, "kills": 5}
    options = parse(arguments, quick)
    samples = run(measure(options))
    found = figures(samples)
    print_table("events", found)
    print("a die is timed by the engine's own clock (timeNano); floors: a bare aiohttp")
    print("server that forwards a POST, and an aiodocker reader of the engine's events")
    if options.json is not None:
        write_json(options.json, found, {name: asdict(each) for name, each in samples.items()})


if __name__ == "__main__":
    main()
