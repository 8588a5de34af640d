"""Hands the demo to a person: one link, and everything stays until they have seen enough."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp

from scripts.demo_lib.errors import DemoError

if TYPE_CHECKING:
    import argparse

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
Ctrl-C ends the sessions, the portal and the daemon.
""",
        flush=True,
    )
    try:
        await _interrupted(daemon, portal)
    finally:
        await _end_all(web)


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
            print(f"==> ending {len(running)} sessions", flush=True)
        for each in sessions:
            await web.call("DELETE", f"/v1/sessions/{each['id']}")
