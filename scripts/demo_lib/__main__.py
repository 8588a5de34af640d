"""Tells the story; ``scripts/demo`` calls it after the set-up."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from scripts.demo_lib.daemon import Daemon, Settings, running_daemon
from scripts.demo_lib.errors import DemoError
from scripts.demo_lib.leftovers import containers, docker, remove_containers, require_nothing_left
from scripts.demo_lib.picture import save_picture
from scripts.demo_lib.viewer import (
    COMMAND,
    picture,
    type_into_terminal,
    viewing,
    wait_for_terminal,
)
from scripts.demo_lib.web import Timeline, WebClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
END_SECONDS = 30.0
DOCTOR_SECONDS = 60.0
LAST_LINES = 25


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
        web_users=(options.user,) if options.user == os.environ.get("SUDO_USER") else (),
    )
    async with running_daemon(settings) as daemon, WebClient(daemon.socket) as web:
        print(f"==> daemon as {options.daemon_user}, socket {daemon.socket}", flush=True)
        timeline = Timeline()
        try:
            await web.wait_ready(daemon)
            async with _watching(timeline, web), _session(timeline, web, options.user):
                await timeline.reach("running", within=START_SECONDS)
                if options.check:
                    await _examine(options, daemon)
                    await _check(options, timeline, web)
                else:
                    await _stay(options, daemon, timeline)
            if options.check:
                await _verify(daemon, timeline)
        except (DemoError, aiohttp.ClientError, TimeoutError) as error:
            await _print_last_words(daemon, timeline)
            raise DemoError(str(error) or type(error).__name__) from error


@asynccontextmanager
async def _watching(timeline: Timeline, web: WebClient) -> AsyncIterator[None]:
    watch = asyncio.create_task(timeline.watch(web), name="timeline")
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


@asynccontextmanager
async def _session(timeline: Timeline, web: WebClient, user: str) -> AsyncIterator[None]:
    """Run a session within the block; whatever happens there, it has ended afterwards."""
    print(f"==> session of {user}", flush=True)
    since = time.monotonic()
    # Not interrupted halfway: a session whose id nobody knows could not be ended.
    starting = asyncio.ensure_future(
        web.call("POST", "/v1/sessions", {"user": user, "command": COMMAND})
    )
    try:
        session = await asyncio.shield(starting)
    except asyncio.CancelledError:
        session = await starting
        timeline.follow(session, since=since)
        await _end(timeline, web)
        raise
    timeline.follow(session, since=since)
    try:
        yield
    except (DemoError, aiohttp.ClientError, TimeoutError):
        # It is ended by force once its last words were told.
        raise
    except BaseException:
        await _end(timeline, web)
        raise
    await _terminate(timeline, web)


async def _terminate(timeline: Timeline, web: WebClient) -> None:
    print("==> ending it", flush=True)
    await web.call("POST", f"/v1/sessions/{timeline.id}/terminate")
    await timeline.reach("ended", within=END_SECONDS)


async def _end(timeline: Timeline, web: WebClient) -> None:
    """End the session, by force if it does not end in order."""
    with suppress(DemoError, aiohttp.ClientError, TimeoutError):
        await _terminate(timeline, web)
    if timeline.id is not None:
        await remove_containers(timeline.id)


async def _examine(options: argparse.Namespace, daemon: Daemon) -> None:
    print("==> fxctl doctor", flush=True)
    process = await asyncio.create_subprocess_exec(
        str(options.venv / "bin" / "fxctl"),
        *("--socket", str(daemon.socket), "doctor", "--user", options.user),
        env={**os.environ, "FX_CONFIG_DIR": str(daemon.directory / "config")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DOCTOR_SECONDS):
        output, _ = await process.communicate()
    page = output.decode(errors="replace")
    if process.returncode:
        raise DemoError(f"fxctl doctor has found a fault:\n{page}")
    print(f"    {(page.splitlines() or [''])[-1]}", flush=True)


async def _check(options: argparse.Namespace, timeline: Timeline, web: WebClient) -> None:
    session_id = str(timeline.id)
    print("==> looking through the display", flush=True)
    since = time.monotonic()
    async with viewing(web, session_id) as screen:
        await wait_for_terminal(screen)
        spent = (time.monotonic() - since) * 1000
        print(f"    {screen.size[0]}x{screen.size[1]}, first picture after {spent:.0f} ms")
        made = await type_into_terminal(screen, options.user)
        print(f"    typed into it: {made} appeared, owned by {options.user}")
        shown = await picture(screen)
    for file in options.screenshot:
        save_picture(shown, file)
        print(f"    picture: {file}", flush=True)


async def _verify(daemon: Daemon, timeline: Timeline) -> None:
    await require_nothing_left(daemon, str(timeline.id))
    session = timeline.session
    print("==> nothing is left: no container, no session files, no stream")
    print(f"demo passed: reason {session['reason']}, exit code {session['exit_code']}", flush=True)


async def _stay(options: argparse.Namespace, daemon: Daemon, timeline: Timeline) -> None:
    fxctl = f"{options.venv / 'bin' / 'fxctl'} --socket {daemon.socket}"
    path = f"/v1/sessions/{timeline.id}"
    print(
        f"""
The session runs. From another terminal:
  {fxctl} ps
  {fxctl} show {timeline.id}
  {fxctl} events
The display is a WebSocket (subprotocol binary, RFB inside, as noVNC speaks it) on
  {daemon.run / "viewer.sock"}
at {path}/display?ticket=..., where the ticket is from
  {fxctl} ticket {timeline.id}
Ctrl-C ends the session and the daemon.
""",
        flush=True,
    )
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted.set)
    ended = asyncio.create_task(timeline.reach("ended", within=7 * 86_400))
    waiting = asyncio.create_task(interrupted.wait())
    await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, waiting):
        task.cancel()
    await asyncio.gather(ended, waiting, return_exceptions=True)


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
    options = parser.parse_args()
    options.screenshot = options.screenshot or [ROOT / "var" / "demo.png"]
    return options


if __name__ == "__main__":
    sys.exit(main())
