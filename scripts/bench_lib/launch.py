"""``scripts/bench launch``: from POST to container, to running, to the first picture.

Interleaved, so that the machine's moods meet all alike: (a) the floor, the same container by bare
Engine API calls; (b) ``docker run -d``; (c) this. One at a time, then several at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench_lib.bare_session import BareSessions
from scripts.bench_lib.daemon import WebServer, running_daemon
from scripts.bench_lib.engine import BareEngine, cli_launch, write_json

TARGET_STARTED_RATIO = 1.10
TARGET_PICTURE_SECONDS = 0.250
TARGET_RATE_RATIO = 0.95


@dataclass
class Samples:
    """Seconds, by what they measure."""

    floor: list[float] = field(default_factory=list)
    docker_run: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    running: list[float] = field(default_factory=list)
    picture: list[float] = field(default_factory=list)
    floor_rate: list[float] = field(default_factory=list)
    docker_run_rate: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


async def measure(options: argparse.Namespace) -> Samples:
    """All rounds, in a directory of their own that is removed afterwards."""
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="fx-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        bare = BareSessions(directory / "bare", options.bundle, options.user)
        engine = BareEngine()
        async with running_daemon(directory, options.bundle) as web, bare.relay():
            print("warming up ...", flush=True)
            await _one(Samples(), engine, bare, web, options.user)
            for number in range(1, options.rounds + 1):
                print(f"one at a time: round {number} of {options.rounds}", flush=True)
                await _one(samples, engine, bare, web, options.user)
            for number in range(1, options.bursts + 1):
                at_once = options.at_once
                print(f"{at_once} at once: round {number} of {options.bursts}", flush=True)
                await _burst(samples, engine, bare, web, options)
        await engine.close()
    return samples


async def _one(
    samples: Samples, engine: BareEngine, bare: BareSessions, web: WebServer, user: str
) -> None:
    name, body = await bare.body()
    samples.floor.append(await engine.launch(name, body))
    await engine.remove(name)
    name, body = await bare.body()
    samples.docker_run.append(await cli_launch(name, body))
    await engine.remove(name)
    session_id, begun = await web.start(user)
    samples.accepted.append(time.perf_counter() - begun)
    started = await web.when(session_id, lambda session: session["started_at"])
    running = await web.when(session_id, lambda session: session["phase"] == "running")
    samples.started.append(started - begun)
    samples.running.append(running - begun)
    samples.picture.append(await web.first_picture(session_id) - begun)
    await web.terminate(session_id)


async def _burst(
    samples: Samples,
    engine: BareEngine,
    bare: BareSessions,
    web: WebServer,
    options: argparse.Namespace,
) -> None:
    """Containers started per second when so many are asked for together."""
    many = options.at_once
    for launch, rates in (
        (engine.launch, samples.floor_rate),
        (cli_launch, samples.docker_run_rate),
    ):
        bodies = [await bare.body() for _ in range(many)]
        begun = time.perf_counter()
        await asyncio.gather(*(launch(name, body) for name, body in bodies))
        rates.append(many / (time.perf_counter() - begun))
        await asyncio.gather(*(engine.remove(name) for name, _ in bodies))
    begun = time.perf_counter()
    sessions = await asyncio.gather(*(web.start(options.user) for _ in range(many)))
    started = await asyncio.gather(
        *(web.when(each, lambda session: session["started_at"]) for each, _ in sessions)
    )
    samples.rate.append(many / (max(started) - begun))
    await asyncio.gather(
        *(web.when(each, lambda session: session["phase"] == "running") for each, _ in sessions)
    )
    await asyncio.gather(*(web.terminate(each) for each, _ in sessions))


def report(samples: Samples, at_once: int) -> dict[str, float | bool]:
    """Print the figures beside their targets; returns them for programs."""
    floor = statistics.median(samples.floor)
    print(f"\n{'one at a time':<34}{'p50 ms':>9}{'min':>8}{'max':>8}{'x floor':>9}")
    for label, values in (
        ("(a) create + start, bare API", samples.floor),
        ("(b) docker run -d", samples.docker_run),
        ("(c) POST -> accepted", samples.accepted),
        ("(c) POST -> container started", samples.started),
        ("(c) POST -> running", samples.running),
        ("(c) POST -> first framebuffer", samples.picture),
    ):
        middle = statistics.median(values)
        row = "".join(f"{1000 * value:>8.0f}" for value in (min(values), max(values)))
        print(f"{label:<34}{1000 * middle:>9.0f}{row}{middle / floor:>9.2f}")
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(samples.started, samples.floor, strict=True)
    )
    picture = statistics.median(
        ours - theirs for ours, theirs in zip(samples.picture, samples.floor, strict=True)
    )
    print(f"\n{at_once} at once, containers started per second")
    for label, values in (
        ("(a) bare API", samples.floor_rate),
        ("(b) docker run -d", samples.docker_run_rate),
        ("(c) this", samples.rate),
    ):
        print(f"{label:<34}{statistics.median(values):>9.2f}")
    rate = statistics.median(
        ours / theirs for ours, theirs in zip(samples.rate, samples.floor_rate, strict=True)
    )
    verdicts = {
        "started_ratio": (ratio, ratio <= TARGET_STARTED_RATIO, f"<= {TARGET_STARTED_RATIO}"),
        "picture_over_floor_seconds": (
            picture,
            picture <= TARGET_PICTURE_SECONDS,
            f"<= {TARGET_PICTURE_SECONDS}",
        ),
        "rate_ratio": (rate, rate >= TARGET_RATE_RATIO, f">= {TARGET_RATE_RATIO}"),
    }
    print()
    for label, (value, met, target) in verdicts.items():
        print(f"{label:<34}{value:>9.3f}   target {target:<9} {'met' if met else 'MISSED'}")
    return {label: value for label, (value, _, _) in verdicts.items()}


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    parser = argparse.ArgumentParser(prog="scripts/bench launch")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--user", default=os.environ.get("FX_TEST_USER", "fxdemo"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--bursts", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    samples = asyncio.run(measure(options))
    figures = report(samples, options.at_once)
    if options.json is not None:
        write_json(options.json, {"figures": figures, "samples": vars(samples)})


if __name__ == "__main__":
    main()
