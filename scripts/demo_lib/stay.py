"""Hands the demo to a person: one link, and everything stays until they have seen enough."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp

from scripts.demo_lib.errors import DemoError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from scripts.demo_lib.daemon import Daemon
    from scripts.demo_lib.web import WebClient
    from tests.support.portal import Portal


async def stay(options: argparse.Namespace, daemon: Daemon, portal: Portal, web: WebClient) -> None:
    """Print the link and wait for a signal; then end every session."""
    templates = (await web.call("GET", "/v1/templates"))["templates"]
    titles = ", ".join(each["title"] for each in templates)
    print(
        f"""
Open this in a browser on this host; it signs {options.user} in:

  {await portal.link(options.user)}

Ready to launch: {titles}.
From another host, first: ssh -L {portal.port}:127.0.0.1:{portal.port} THIS-HOST
From a terminal: {options.venv / "bin" / "fxctl"} --socket {daemon.socket} ps
The link works once{"; Enter prints another" if _has_terminal() else ""}.
Ctrl-C ends the sessions, the portal and the daemon, and leaves nothing.
""",
        flush=True,
    )
    try:
        async with _links_on_enter(portal, options.user):
            await _interrupted(daemon, portal)
    finally:
        await _end_all(web)


def _has_terminal() -> bool:
    """Whether somebody can press Enter; in the background reading would stop the demo."""
    return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


@asynccontextmanager
async def _links_on_enter(portal: Portal, user: str) -> AsyncIterator[None]:
    """For another browser, and for who has signed out: a line that is typed is a wish for one."""
    if not _has_terminal():
        yield
        return
    loop, wished = asyncio.get_running_loop(), asyncio.Event()

    def take_line() -> None:
        if os.read(sys.stdin.fileno(), 4096):
            wished.set()
        else:
            loop.remove_reader(sys.stdin)

    async def answer() -> None:
        while await wished.wait():
            wished.clear()
            print(f"  {await portal.link(user)}\n", flush=True)

    loop.add_reader(sys.stdin, take_line)
    answering = asyncio.create_task(answer(), name="links on Enter")
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


async def _interrupted(daemon: Daemon, portal: Portal) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted.set)
    if portal.process is None:
        raise RuntimeError("the portal was not started")
    waits = {
        asyncio.create_task(interrupted.wait(), name="a signal"),
        asyncio.create_task(daemon.process.wait(), name="the daemon"),
        asyncio.create_task(portal.process.wait(), name="the portal"),
    }
    done, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    ended = [task.get_name() for task in done if task.get_name() != "a signal"]
    if ended:
        raise DemoError(f"{ended[0]} has ended.\n{portal.log_text[-2000:]}")


async def _end_all(web: WebClient) -> None:
    with suppress(DemoError, aiohttp.ClientError, TimeoutError):
        sessions = (await web.call("GET", "/v1/sessions"))["sessions"]
        running = [each for each in sessions if each["phase"] != "ended"]
        if running:
            count = "1 session" if len(running) == 1 else f"{len(running)} sessions"
            print(f"\n==> ending {count}", flush=True)
        for each in sessions:
            await web.call("DELETE", f"/v1/sessions/{each['id']}")
