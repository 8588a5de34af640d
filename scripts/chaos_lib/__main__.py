"""``scripts/chaos``: plays the core rounds and the single faults, prints the tally."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts.chaos_lib.faults import FAULTS
from scripts.chaos_lib.private_engine import private_engine
from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.rounds import SHOWN, Core, play_core
from scripts.chaos_lib.scene import Fault, Scale
from scripts.chaos_lib.stage import Setting
from scripts.chaos_lib.tally import Line, Tally
from tests.support.surroundings import surroundings

CORE = "daemon-killed"


def main() -> int:
    """Play; returns 0 when nothing is wrong, 1 for violations, 2 without a stage, 130 on Ctrl-C."""
    options = _options()
    if options.list:
        print("\n".join([f"{CORE:24}the core rounds", *map(_described, FAULTS.values())]))
        return 0
    tally = Tally(options.seed)
    with asyncio.Runner() as runner:
        try:
            runner.run(_interruptible(options, tally))
        except KeyboardInterrupt:
            print("\ninterrupted; everything that was started has been ended")
            return 130
        except ChaosError as error:
            print(f"\nchaos could not be played: {error}")
            return 2
        finally:
            _report(options, tally)
    return 1 if tally.violations else 0


async def _interruptible(options: argparse.Namespace, tally: Tally) -> None:
    """SIGTERM and SIGHUP clean up as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, os.kill, os.getpid(), signal.SIGINT)
    await _play(options, tally)


async def _play(options: argparse.Namespace, tally: Tally) -> None:
    site = surroundings()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.0f} s  {text}", flush=True)

    say(f"seed {options.seed}; starting an engine of its own")
    async with private_engine(options.cache, options.keep, site.perl_base) as engine:
        setting = Setting(
            site=site,
            engine_url=engine.url,
            private=engine,
            parent=engine.run / "d",
            keep=options.keep,
        )
        scale = Scale(quick=options.quick, seed=options.seed, say=say)
        for name in options.only or [CORE, *FAULTS]:
            if name == CORE:
                say(f"{options.rounds} rounds of {options.sessions} sessions")
                core = Core(
                    seed=options.seed, rounds=options.rounds, sessions=options.sessions, say=say
                )
                line = await play_core(core, setting)
            else:
                say(f"{name}: {FAULTS[name].what}")
                line = await FAULTS[name].play(setting, scale)
            _tell(tally, line, say)


def _tell(tally: Tally, line: Line, say: Callable[[str], None]) -> None:
    """Enter a line, and say at once what is wrong."""
    tally.lines.append(line)
    say(f"{line.name}: {len(line.violations) or 'no'} violations ({line.seconds:.0f} s)")
    for violation in line.violations[:SHOWN]:
        say(f"    {violation.kind}: {violation.text[:1000]}")
    if len(line.violations) > SHOWN:
        say(f"    ... and {len(line.violations) - SHOWN} more")


def _report(options: argparse.Namespace, tally: Tally) -> None:
    if tally.lines:
        print(f"\n{tally.table()}")
    if tally.violations:
        print(f"logs of every life, and of the engine: {options.keep}")
        print(f"again: scripts/chaos --seed {tally.seed}")
    else:
        shutil.rmtree(options.keep, ignore_errors=True)
    if options.json is not None:
        options.json.write_text(json.dumps(tally.document(), indent=1) + "\n", encoding="utf-8")


def _described(fault: Fault) -> str:
    return f"{fault.name:24}{fault.what}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, help="core rounds (default 20; quick: 3)")
    parser.add_argument("--sessions", type=int, help="sessions per round (default 50; quick: 12)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--only",
        action="append",
        metavar="FAULT",
        choices=[CORE, *FAULTS],
        help="this one; can be given again (default: all of them)",
    )
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--list", action="store_true", help="name the faults")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the tally there")
    parser.add_argument("--cache", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 20)
    options.sessions = options.sessions or (12 if options.quick else 50)
    options.keep = options.cache / "logs" / f"chaos-lives.{os.getpid()}"
    return options


if __name__ == "__main__":
    sys.exit(main())
