"""Tells the story; ``scripts/demo`` calls it after the set-up."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from scripts.demo_lib.check import check
from scripts.demo_lib.daemon import Daemon, Settings, running_daemon
from scripts.demo_lib.errors import DemoError
from scripts.demo_lib.leftovers import containers, docker, remove_containers
from scripts.demo_lib.stay import stay
from scripts.demo_lib.web import Timeline, WebClient
from tests.support.portal import HOST, free_port, running_portal

ROOT = Path(__file__).parents[2]
LAST_LINES = 25
USUAL_PORT = 8300


def main() -> int:
    """Run the demo; returns the exit code: 0, 1 failed, 130 interrupted before it was done."""
    options = _options()
    with asyncio.Runner() as runner:
        try:
            runner.run(_interruptible(options))
        except KeyboardInterrupt:
            print("\ninterrupted; everything was cleaned up")
            return 130
        except DemoError as error:
            print(f"\ndemo FAILED: {error}")
            return 1
    return 0


async def _interruptible(options: argparse.Namespace) -> None:
    """SIGTERM and SIGHUP clean up as Ctrl-C does."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("not in a task")
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, os.kill, os.getpid(), signal.SIGINT)
    await _demo(options)


async def _demo(options: argparse.Namespace) -> None:
    settings = Settings(
        venv=options.venv,
        bundle=options.bundle,
        parent=options.parent,
        daemon_user=options.daemon_user,
        web_users=tuple({options.portal_user, os.environ.get("SUDO_USER", options.portal_user)}),
    )
    async with running_daemon(settings) as daemon, WebClient(daemon.socket) as web:
        print(f"==> daemon as {options.daemon_user}, socket {daemon.socket}", flush=True)
        timeline = Timeline()
        try:
            await web.wait_ready(daemon)
            place = daemon.directory / "portal"
            async with running_portal(
                options.venv, place, daemon.socket, _configuration(options.user), _port()
            ) as portal:
                print(f"==> portal as {options.portal_user}, {portal.origin}", flush=True)
                if options.check:
                    await check(options, daemon, portal, web, timeline)
                else:
                    await stay(options, daemon, portal, web)
        except (DemoError, aiohttp.ClientError, TimeoutError, AssertionError) as error:
            await _print_last_words(daemon, timeline)
            raise DemoError(str(error) or type(error).__name__) from error


def _configuration(user: str) -> dict[str, object]:
    """The user administers, too, so that there is everything to see."""
    sign_in = {"pam": {"enabled": False}, "link": {"valid_seconds": 86_400}}
    return {
        "sign_in": {"title": "FastX demo", **sign_in},
        "administrators": {"users": [user]},
        "shares": {"anyone": True},
        "log": {"format": "json"},
    }


def _port() -> int:
    """The portal's usual port, or another if that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, USUAL_PORT))
        except OSError:
            return free_port()
    return USUAL_PORT


async def _print_last_words(daemon: Daemon, timeline: Timeline) -> None:
    print(f"\n--- last lines of the daemon ({daemon.log})")
    print(_tail(daemon.log.read_text(errors="replace")))
    if timeline.id is None:
        return
    for container in await containers(timeline.id):
        print(f"--- last lines of container {container}")
        print(_tail(await docker("logs", "--tail", str(LAST_LINES), container)))
    await remove_containers(timeline.id)


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LAST_LINES:])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--screenshot", type=Path, action="append", metavar="PNG_OR_SVG")
    parser.add_argument("--user", required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--parent", type=Path, required=True)
    parser.add_argument("--daemon-user", required=True)
    parser.add_argument("--portal-user", required=True)
    options = parser.parse_args()
    options.screenshot = options.screenshot or [ROOT / "var" / "demo.png"]
    return options


if __name__ == "__main__":
    sys.exit(main())
