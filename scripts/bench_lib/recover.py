"""``scripts/bench recover``: from the start of a daemon to the moment at which it is ready again.

With real sessions, whose agents come back meanwhile; and with many more on the engine in memory, at
several sizes, for what one session costs.
"""

from __future__ import annotations

import argparse
import signal
from dataclasses import asdict, dataclass, field

from scripts.bench_lib.daemon import Daemon, own_daemon
from scripts.bench_lib.figures import Figure, Target, print_table, quantile, write_json
from scripts.bench_lib.options import parse, parser, run
from scripts.bench_lib.population import Population
from scripts.bench_lib.usage import usage_of

REAL_SECONDS = Target(3)
MEMORY_SECONDS = Target(10)
GROWTH = Target(1.5)
"""What one session more costs among the most, beside what it costs among fewer."""


@dataclass
class Samples:
    """Seconds from spawn to ready, by how the life before ended and how many sessions it had."""

    empty: list[float] = field(default_factory=list)
    killed: dict[int, list[float]] = field(default_factory=dict)
    stopped: dict[int, list[float]] = field(default_factory=dict)
    in_memory: dict[int, list[float]] = field(default_factory=dict)
    cpu: dict[int, list[float]] = field(default_factory=dict)
    """CPU seconds of the daemon until it is ready, with so many sessions in memory."""
    stopping: list[float] = field(default_factory=list)
    """Seconds from SIGTERM to the end."""


async def measure(options: argparse.Namespace) -> Samples:
    """All sizes, smallest first."""
    samples = Samples()
    async with own_daemon(options.bundle, in_memory=True) as daemon:
        await _measure_in_memory(options, daemon, samples)
    if options.sessions:
        async with own_daemon(options.bundle) as daemon:
            await _measure_real(options, daemon, samples)
    return samples


async def _measure_in_memory(options: argparse.Namespace, daemon: Daemon, samples: Samples) -> None:
    for number in range(options.rounds + 1):
        await daemon.start()
        seconds = await daemon.ready()
        if number:  # the first one reads the program from the disk
            samples.empty.append(seconds)
            samples.cpu.setdefault(0, []).append(usage_of(daemon.pid).cpu_seconds)
        await daemon.end(signal.SIGKILL)
    population = Population(daemon, options.user, play_agents=True)
    for size in options.sizes:
        await daemon.start()
        await daemon.ready()
        await population.follow()
        took = await population.grow(size)
        print(f"{size} sessions on the engine in memory, {took:.0f} s", flush=True)
        population.remember_containers()
        found = samples.in_memory[size] = []
        for number in range(1, options.rounds + 1):
            population.close()
            await daemon.end(signal.SIGKILL)
            await daemon.start()
            found.append(await daemon.ready())
            samples.cpu.setdefault(size, []).append(usage_of(daemon.pid).cpu_seconds)
            print(f"    ready after {found[-1]:.2f} s: round {number}", flush=True)
            await _require_running(population, size)
        population.close()
        await daemon.end(signal.SIGKILL)


async def _measure_real(options: argparse.Namespace, daemon: Daemon, samples: Samples) -> None:
    size = options.sessions
    population = Population(daemon, options.user, play_agents=False)
    await daemon.start()
    await daemon.ready()
    await population.follow()
    print(f"starting {size} real sessions", flush=True)
    print(f"    all run after {await population.grow(size):.0f} s", flush=True)
    for number in range(1, options.rounds + 1):
        for how, found in ((signal.SIGKILL, samples.killed), (signal.SIGTERM, samples.stopped)):
            population.close()
            ending = await daemon.end(how)
            if how is signal.SIGTERM:
                samples.stopping.append(ending)
            await daemon.start()
            found.setdefault(size, []).append(await daemon.ready())
            ready = found[size][-1]
            print(f"    ready {ready:.2f} s after {how.name}: round {number}", flush=True)
            await _require_running(population, size)
    population.close()


async def _require_running(population: Population, size: int) -> None:
    """All sessions have come back. Raises RuntimeError when one has not."""
    await population.follow()
    if (running := population.count("running")) != size:
        raise RuntimeError(f"{running} of {size} sessions run after the restart")


def figures(samples: Samples) -> list[Figure]:
    """What was measured, beside what it is to be; the floor is a daemon without sessions."""
    return [*_memory_figures(samples), *_real_figures(samples)]


def _memory_figures(samples: Samples) -> list[Figure]:
    """Each size, and what each of its sessions costs above a daemon that has none.

    The cost is CPU time, and the least of the rounds: noise only ever adds.
    """
    floor, least = quantile(samples.empty, 0.5), min(samples.cpu[0])
    found, costs = [], []
    for size, seconds in samples.in_memory.items():
        costs.append(1000 * (min(samples.cpu[size]) - least) / size)
        found += [
            Figure(
                key=f"in_memory_{size}",
                label=f"{size} sessions in memory",
                value=quantile(seconds, 0.5),
                floor=floor,
                unit="s",
                target=MEMORY_SECONDS,
            ),
            Figure(
                key=f"in_memory_{size}_each",
                label="   CPU for each of them",
                value=costs[-1],
                unit="ms",
            ),
        ]
    if len(costs) > 1:
        growth = costs[-1] / costs[-2]
        label = "   the last of these beside the one before"
        found.append(
            Figure(key="in_memory_growth", label=label, value=growth, unit="x", target=GROWTH)
        )
    return found


def _real_figures(samples: Samples) -> list[Figure]:
    found = []
    floor = quantile(samples.empty, 0.5)
    for name, measured in (("SIGKILL", samples.killed), ("SIGTERM", samples.stopped)):
        for size, seconds in measured.items():
            found.append(
                Figure(
                    key=f"real_{size}_{name.lower()}",
                    label=f"{size} real sessions, after {name}",
                    value=quantile(seconds, 0.5),
                    floor=floor,
                    unit="s",
                    target=REAL_SECONDS,
                )
            )
    if samples.stopping:
        middle = quantile(samples.stopping, 0.5)
        found.append(Figure(key="stopping", label="SIGTERM -> its end", value=middle, unit="s"))
    return found


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("recover", "how soon a restarted daemon is ready")
    arguments.add_argument("--sessions", type=int, default=200, help="real ones; 0 for none")
    arguments.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 5000])
    arguments.add_argument("--rounds", type=int, default=3)
    options = parse(arguments, {"sessions": 10, "sizes": [100, 300], "rounds": 1})
    samples = run(measure(options))
    found = figures(samples)
    print_table("restart -> ready", found)
    print("from the process's spawn; the floor is a daemon without sessions")
    if options.json is not None:
        write_json(options.json, found, asdict(samples))


if __name__ == "__main__":
    main()
