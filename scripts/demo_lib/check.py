"""The proof: a session launched at the portal, seen, typed into and ended; nothing is left."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp

from scripts.demo_lib.errors import DemoError
from scripts.demo_lib.leftovers import remove_containers, require_nothing_left
from scripts.demo_lib.picture import save_picture
from scripts.demo_lib.viewer import (
    COMMAND,
    picture,
    require_thumbnail,
    type_into_terminal,
    viewing,
    wait_for_terminal,
)
from scripts.demo_lib.visitor import Visitor

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from scripts.demo_lib.daemon import Daemon
    from scripts.demo_lib.web import Timeline, WebClient
    from tests.support.portal import Portal

START_SECONDS = 60.0
END_SECONDS = 30.0
DOCTOR_SECONDS = 60.0


async def check(
    options: argparse.Namespace, daemon: Daemon, portal: Portal, web: WebClient, timeline: Timeline
) -> None:
    """Everything, one after the other. Raises DemoError at the first that is not so."""
    async with Visitor(portal.origin) as visitor:
        user = await visitor.sign_in(await portal.link(options.user))
        print(f"    signed in by a link: {user}")
        async with _watching(timeline, web), _session(timeline, visitor):
            await timeline.reach("running", within=START_SECONDS)
            await _examine(options, daemon)
            await _look(options, timeline, visitor)
    await require_nothing_left(daemon, str(timeline.id))
    session = timeline.session
    print("==> nothing is left: no container, no session files, no stream")
    print(f"demo passed: reason {session['reason']}, exit code {session['exit_code']}", flush=True)


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
async def _session(timeline: Timeline, visitor: Visitor) -> AsyncIterator[None]:
    """Run a session within the block; whatever happens there, it has ended afterwards."""
    print("==> a session, launched at the portal", flush=True)
    since = time.monotonic()
    # Not interrupted halfway: a session whose id nobody knows could not be ended.
    body = {"template": "docker", "command": COMMAND}
    starting = asyncio.ensure_future(visitor.call("POST", "/api/sessions", body))
    try:
        session = await asyncio.shield(starting)
    except asyncio.CancelledError:
        session = await starting
        timeline.follow(session, since=since)
        await _end(timeline, visitor)
        raise
    timeline.follow(session, since=since)
    try:
        yield
    except (DemoError, aiohttp.ClientError, TimeoutError):
        # It is ended by force once its last words were told.
        raise
    except BaseException:
        await _end(timeline, visitor)
        raise
    await _terminate(timeline, visitor)


async def _terminate(timeline: Timeline, visitor: Visitor) -> None:
    print("==> ending it", flush=True)
    await visitor.call("POST", f"/api/sessions/{timeline.id}/terminate")
    await timeline.reach("ended", within=END_SECONDS)


async def _end(timeline: Timeline, visitor: Visitor) -> None:
    """End the session, by force if it does not end in order."""
    with suppress(DemoError, aiohttp.ClientError, TimeoutError):
        await _terminate(timeline, visitor)
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


async def _look(options: argparse.Namespace, timeline: Timeline, visitor: Visitor) -> None:
    session_id = str(timeline.id)
    print("==> looking through the display", flush=True)
    since = time.monotonic()
    async with viewing(visitor, session_id) as screen:
        await wait_for_terminal(screen)
        spent = (time.monotonic() - since) * 1000
        print(f"    {screen.size[0]}x{screen.size[1]}, first picture after {spent:.0f} ms")
        made = await type_into_terminal(screen, options.user)
        print(f"    typed into it: {made} appeared, owned by {options.user}")
        shown = await picture(screen)
    width, height = await require_thumbnail(visitor, session_id)
    print(f"    its card on home has it, {width}x{height}")
    for file in options.screenshot:
        save_picture(shown, file)
        print(f"    picture: {file}", flush=True)
