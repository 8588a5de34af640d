"""What is still there of a session that is over; and the last words of one that is not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demo_lib.errors import DemoError

if TYPE_CHECKING:
    from scripts.demo_lib.daemon import Daemon

SESSION_LABEL = "com.fastx.supervisor.session"
GONE_SECONDS = 10.0
LISTENING = 0x10000
"""__SO_ACCEPTCON in the flags of /proc/net/unix."""


async def require_nothing_left(daemon: Daemon, session_id: str) -> None:
    """Raise DemoError naming every container, file or stream that stays; waits a little first."""
    left: list[str] = []
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while left := await _leftovers(daemon, session_id):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise DemoError("still there after the end: " + "; ".join(left)) from None


async def remove_containers(session_id: str) -> None:
    """Take the session's containers away by force."""
    for container in await containers(session_id):
        await docker("rm", "-f", container)


async def containers(session_id: str) -> list[str]:
    """Return the ids of the session's containers, running or not."""
    return (await docker("ps", "-aq", "--filter", f"label={SESSION_LABEL}={session_id}")).split()


async def docker(*arguments: str) -> str:
    """Run the engine's command line; returns both outputs."""
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    output, _ = await process.communicate()
    return output.decode(errors="replace")


async def _leftovers(daemon: Daemon, session_id: str) -> list[str]:
    left = [f"container {container}" for container in await containers(session_id)]
    files = daemon.run / "sessions" / session_id
    if files.exists():
        left.append(f"directory {files}")
    left += [f"stream on {path}" for path in _streams(daemon.run / "relay")]
    return left


def _streams(directory: Path) -> list[str]:
    """Return the paths of connected (not listening) sockets below ``directory``."""
    found = []
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        listening = int(fields[3], 16) & LISTENING
        if len(fields) == 8 and not listening and Path(fields[7]).is_relative_to(directory):
            found.append(fields[7])
    return found
