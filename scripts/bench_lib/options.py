"""What every bench can be told on its command line."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def parser(name: str, what: str) -> argparse.ArgumentParser:
    """A parser with the common options."""
    arguments = argparse.ArgumentParser(
        prog=f"scripts/bench {name}",
        description=f"Measures {what}.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    arguments.add_argument("--bundle", type=Path, required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--user", default=os.environ.get("FX_TEST_USER", "fxdemo"))
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    return arguments


def parse(arguments: argparse.ArgumentParser, quick: Mapping[str, object]) -> argparse.Namespace:
    """Parse; ``--quick`` has other defaults, and an option beside it still counts."""
    arguments.add_argument("--quick", action="store_true", help=f"less of all: {dict(quick)}")
    known, _ = arguments.parse_known_args()
    if known.quick:
        arguments.set_defaults(**quick)
    return arguments.parse_args()


def run(measuring: Coroutine[Any, Any, T]) -> T:
    """Measure; whatever ends it early (Ctrl-C, SIGTERM), it tidies up before it goes."""

    async def main() -> T:
        loop = asyncio.get_running_loop()
        task = loop.create_task(measuring)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise SystemExit("interrupted; nothing of it is left") from None
