"""One X server, and the ways to it: the daemon, portals before it, and websockify.

websockify is what is usually put before an X server's socket. It listens on loopback TCP alone, and
so do the others for it: what a viewer's connection costs is the same on every side.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.bench_lib.daemon import Daemon
from scripts.bench_lib.free_port import free_port
from scripts.bench_lib.population import Population
from scripts.bench_lib.portal_front import PortalFront
from scripts.bench_lib.usage import TICKS_PER_SECOND, usage_of
from scripts.bench_lib.wire import call, request_bytes
from scripts.bench_lib.wire_viewer import Address, Way, WireViewer

PEER_SECONDS = 30.0
TEMPLATE = """
image: fx-sample:bookworm
command: exec ${start.command}
geometry: 1920x1080
network_mode: none
working_dir: /
session: {window_manager: none}
"""
STILL = "xterm -geometry 80x24+0+0 -e sh -c 'exec cat >/dev/null'"
"""A screen on which nothing moves but what is typed."""
MOVING = """xterm -geometry 40x8+0+0 -e perl -e '$| = 1; while (1) {
    print ++$n, " ", "x" x ($n % 33), "\\n"; select undef, undef, undef, 0.04 }'"""
"""Lines that scroll by, 25 a second."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the processes of one side have used and hold."""

    cpu_seconds: float
    pss_mb: float


class Side:
    """One way to a display."""

    def __init__(
        self,
        name: str,
        find_way: Callable[[], Awaitable[Way]],
        processes: Callable[[], Iterable[int]],
    ) -> None:
        self.name = name
        self._find_way = find_way
        self._processes = processes

    async def viewer(self) -> WireViewer:
        """A new one, let in."""
        way = await self._find_way()
        return await asyncio.to_thread(WireViewer.open, way)

    def usage(self) -> Usage:
        """Of all processes on the way, but the X server."""
        each = [(usage_of(pid), reaped_seconds(pid)) for pid in self._processes()]
        return Usage(
            cpu_seconds=sum(usage.cpu_seconds + reaped for usage, reaped in each),
            pss_mb=sum(usage.pss_mb for usage, _ in each),
        )


class Screen:
    """A session that shows something, and the ways to it."""

    def __init__(self, x_server: int, sides: Sequence[Side]) -> None:
        self.x_server = x_server
        self.sides = sides
        """In the order in which they are measured, every other time."""


class Screens:
    """Sessions of one daemon."""

    def __init__(
        self,
        daemon: Daemon,
        population: Population,
        options: argparse.Namespace,
        viewers: Address,
        portals: Mapping[str, PortalFront],
    ) -> None:
        self._daemon = daemon
        self._population = population
        self._user = options.user
        self._mode = options.mode
        self._viewers = viewers
        self._portals = portals

    async def start(self, stack: AsyncExitStack, command: str) -> Screen:
        """A session that runs ``command``, and a websockify before its X server."""
        body = {"user": self._user, "template": "display", "command": command}
        answer = await self._call("POST", "/v1/sessions", body)
        session_id = answer["id"]
        sessions = self._population.sessions
        await self._population.until(
            lambda: sessions.get(session_id, {}).get("phase") == "running", "the session runs"
        )
        inside = await containers_processes(sessions[session_id]["container_id"])
        x_server, agent = inside["Xtigervnc"], inside["fx-session"]
        peer, address = await websockify(stack, rfb_socket(x_server))

        async def by_ticket() -> Way:
            path = f"/v1/sessions/{session_id}/tickets"
            ticket = await self._call("POST", path, {"mode": self._mode})
            return Way(self._viewers, ticket["path"])

        async def freely() -> Way:
            return Way(address, "/websockify")

        def through(portal: PortalFront) -> Callable[[], Awaitable[Way]]:
            return lambda: portal.way(session_id, self._mode)

        mine = (self._daemon.pid, agent)
        return Screen(
            x_server,
            (
                Side("this", by_ticket, lambda: mine),
                *(
                    Side(name, through(portal), partial(tuple, (*mine, portal.pid)))
                    for name, portal in self._portals.items()
                ),
                Side("websockify", freely, lambda: family(peer)),
            ),
        )

    async def _call(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = await call(self._daemon.socket, request_bytes(method, path, body=body))
        if answer.status not in {201, 202}:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return dict(answer.json())


async def websockify(stack: AsyncExitStack, target: Path) -> tuple[int, Address]:
    """One in front of a socket; its process, and where it listens."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", "websockify", f"127.0.0.1:{port}"),
        f"--unix-target={target}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )

    async def end() -> None:
        for pid in reversed(family(process.pid)):
            os.kill(pid, 9)
        await process.wait()

    stack.push_async_callback(end)
    async with asyncio.timeout(PEER_SECONDS):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"websockify has ended with {process.returncode}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return process.pid, ("127.0.0.1", port)


def family(pid: int) -> list[int]:
    """A process and what it has forked, oldest first."""
    children = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def reaped_seconds(pid: int) -> float:
    """CPU time of children that are over."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS_PER_SECOND


async def containers_processes(container: str) -> dict[str, int]:
    """What runs in it, by name (of a script: its own), as the host numbers it."""
    process = await asyncio.create_subprocess_exec(
        *("docker", "inspect", "--format", "{{.State.Pid}}", container),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    found: dict[str, int] = {}
    for pid in family(int(output)):
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes().decode().split("\0")
        for word in words[:2]:
            found.setdefault(Path(word).name, pid)
    return found


def rfb_socket(x_server: int) -> Path:
    """The socket that an X server listens on for viewers, as root reaches it from outside."""
    if os.geteuid():
        sys.exit("websockify is put before a socket in a container: run this as root")
    words = (Path("/proc") / str(x_server) / "cmdline").read_bytes().decode().split("\0")
    inside = words[words.index("-rfbunixpath") + 1]
    return Path(f"/proc/{x_server}/root{inside}")
