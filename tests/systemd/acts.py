"""What tests do with the service and its session, and what they ask of both."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.eventually import eventually
from tests.support.installation import USER
from tests.support.machine import UNIT, Machine

CALLER = """
import socket
with socket.socket(socket.AF_UNIX) as caller:
    caller.connect("/run/fastx-supervisor/web.sock")
    caller.sendall(b"GET /readyz HTTP/1.1\\r\\nHost: fx\\r\\nConnection: close\\r\\n\\r\\n")
    print("connected", flush=True)
    print(caller.makefile().readline().strip())
"""
# Connects until it is told to stop; a refusal ends it with what it was refused by.
_KNOCKER = """
import select, socket, sys
knocks = 0
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect("/run/fastx-supervisor/web.sock")
        knocks += 1
print(knocks)
"""
DROP_IN = f"/run/systemd/system/{UNIT}.d/test.conf"


async def add(machine: Machine, setting: str) -> None:
    """A drop-in for the service."""
    await machine.write(DROP_IN, f"[Service]\n{setting}\n")
    await machine.run("systemctl", "daemon-reload")


async def main_pid(machine: Machine) -> str:
    """The daemon's."""
    return (await machine.properties())["MainPID"]


async def container(machine: Machine) -> str:
    """The only container, and since when it runs."""
    (found,) = (await machine.run("docker", "ps", "--quiet", "--no-trunc")).split()
    form = "{{.Id}} {{.State.Pid}} {{.State.StartedAt}}"
    return await machine.run("docker", "inspect", "--format", form, found)


async def running_session(machine: Machine, *options: str) -> str:
    """The id of a session that runs."""
    command = ("fxctl", "start", "--user", USER, "--wait", *options)
    session_id = (await machine.run(*command)).strip()
    assert (await machine.fxctl("show", session_id))["phase"] == "running"
    return session_id


async def until_seen_again(machine: Machine, session_id: str) -> None:
    """Wait until the session's agent has come back to the daemon."""
    before = (await machine.fxctl("show", session_id))["last_seen_at"]

    async def seen() -> bool:
        session = await machine.fxctl("show", session_id)
        assert session["phase"] == "running", session
        return bool(session["last_seen_at"] != before)

    await eventually(seen, "the agent is heard again")


@asynccontextmanager
async def caller(machine: Machine) -> AsyncIterator[asyncio.subprocess.Process]:
    """Somebody who has connected to ``web.sock`` and asked whether the daemon is ready."""
    calling = await asyncio.create_subprocess_exec(
        *("docker", "exec", machine.name, "python3", "-c", CALLER), stdout=subprocess.PIPE
    )
    assert calling.stdout is not None
    async with asyncio.timeout(30):
        assert await calling.stdout.readline() == b"connected\n"
    yield calling


async def answer(calling: asyncio.subprocess.Process) -> str:
    """What the caller is told."""
    async with asyncio.timeout(60):
        output, _ = await calling.communicate()
    return output.decode().strip()


@asynccontextmanager
async def never_refused(machine: Machine) -> AsyncIterator[None]:
    """Somebody connects to ``web.sock`` all the while, and is let in each time."""
    knocking = await asyncio.create_subprocess_exec(
        *("docker", "exec", "--interactive", machine.name, "python3", "-c", _KNOCKER),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert knocking.stdout is not None
    async with asyncio.timeout(30):
        assert await knocking.stdout.readline() == b"begun\n"
    yield
    async with asyncio.timeout(60):
        output, complaint = await knocking.communicate(b"\n")
    assert knocking.returncode == 0, complaint.decode()
    assert int(output) > 0
