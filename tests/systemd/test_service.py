"""The daemon as a service: started, killed, restarted and stopped, with sessions that run on."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.eventually import eventually
from tests.support.installation import CONFIG, SETTINGS, USER
from tests.support.machine import SOCKETS, UNIT, CommandFailedError, Machine

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

DROP_IN = f"/run/systemd/system/{UNIT}.d/test.conf"
SHORT_SECONDS = 10
HOLD = "/run/hold"
CALLER = """
import socket
with socket.socket(socket.AF_UNIX) as caller:
    caller.connect("/run/fastx-supervisor/web.sock")
    caller.sendall(b"GET /readyz HTTP/1.1\\r\\nHost: fx\\r\\nConnection: close\\r\\n\\r\\n")
    print("connected", flush=True)
    print(caller.makefile().readline().strip())
"""


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


async def running_session(machine: Machine) -> str:
    """The id of a session that runs."""
    command = ("fxctl", "start", "--user", USER, "--wait")
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


async def test_ready_means_adopted(service: Machine) -> None:
    """Without an engine it is starting, for as long as it takes, and says what it waits for."""
    await add(service, f"TimeoutStartSec={SHORT_SECONDS}")
    session_id = await running_session(service)
    await service.run("systemctl", "stop", UNIT, "docker.service", "docker.socket")
    # By hand, for the unit wants the engine and would start it.
    await service.run("systemctl", "mask", "--runtime", "docker.service")
    try:
        await service.run("systemctl", "start", "--no-block", UNIT)

        async def told() -> bool:
            return "not ready: " in (await service.properties()).get("StatusText", "")

        await eventually(told, "the status says why")
        waiting = await service.properties()
        assert waiting["TimeoutStartUSec"] == f"{SHORT_SECONDS}s"
        assert waiting["ActiveState"] == "activating"
        async with caller(service) as calling:
            assert await answer(calling) == "HTTP/1.1 503 Service Unavailable"
        late = int(waiting["ExecMainStartTimestampMonotonic"]) + (SHORT_SECONDS + 1) * 10**6
        await eventually(lambda: time.monotonic_ns() // 1000 > late, "it was waited for")
        now = await service.properties()
        assert (now["ActiveState"], now["MainPID"]) == ("activating", waiting["MainPID"])
    finally:
        await service.run("systemctl", "unmask", "--runtime", "docker.service")
    await service.run("systemctl", "start", "docker.service")
    await service.until_unit(ActiveState="active", SubState="running")
    # An engine that stops takes its containers with it; what matters is that this is known.
    assert (await service.fxctl("show", session_id))["phase"] == "ended"

    async def counted() -> bool:
        return (await service.properties()).get("StatusText", "") == "0 sessions; ready"

    await eventually(counted, "the status counts")


async def test_a_killed_daemon_is_started_again(service: Machine) -> None:
    """It has its session back, whose container has not noticed; the sockets are the same."""
    session_id = await running_session(service)
    before, pid = await container(service), await main_pid(service)
    sockets = await service.properties(SOCKETS)
    await service.run("kill", "-KILL", pid)
    async with caller(service) as calling:
        assert (await answer(calling)).startswith("HTTP/1.1 ")
    after = await service.until_unit(ActiveState="active", NRestarts="1")
    assert after["MainPID"] != pid
    assert await container(service) == before
    await until_seen_again(service, session_id)
    same = (await service.properties(SOCKETS))["ActiveEnterTimestampMonotonic"]
    assert same == sockets["ActiveEnterTimestampMonotonic"]


async def test_who_connects_during_a_restart_waits(service: Machine) -> None:
    """Nobody is there to accept, and nobody is refused; agents come back by themselves."""
    session_id = await running_session(service)
    before, pid = await container(service), await main_pid(service)
    await add(service, f"ExecStartPre=/bin/sh -c 'while test -e {HOLD}; do sleep 0.1; done'")
    await service.run("touch", HOLD)
    await service.run("systemctl", "restart", "--no-block", UNIT)
    await service.until_unit(SubState="start-pre")
    async with caller(service) as calling:
        assert (await service.properties())["SubState"] == "start-pre"
        await service.run("rm", HOLD)
        assert (await answer(calling)).startswith("HTTP/1.1 ")
    assert (await service.until_unit(ActiveState="active", SubState="running"))["MainPID"] != pid
    assert await container(service) == before
    await until_seen_again(service, session_id)


async def test_what_is_stopped_stays_so(service: Machine) -> None:
    """Its sessions run on, and their agents' knocking does not start it; a start finds them."""
    session_id = await running_session(service)
    before = await container(service)
    await service.run("systemctl", "stop", UNIT)
    await service.until_unit(SOCKETS, ActiveState="inactive")
    with pytest.raises(CommandFailedError, match=r"ConnectionRefused|FileNotFound"):
        await service.run("python3", "-c", CALLER)
    assert (await service.properties())["ActiveState"] == "inactive"
    assert await container(service) == before
    await service.run("systemctl", "start", UNIT)
    assert (await service.properties(SOCKETS))["ActiveState"] == "active"
    await until_seen_again(service, session_id)
    assert await container(service) == before


async def test_the_watchdog_bites_what_is_stuck(service: Machine) -> None:
    """A daemon that does not get on is killed and started again."""
    await add(service, "WatchdogSec=5")
    await service.run("systemctl", "restart", UNIT)
    session_id = await running_session(service)
    before, pid = await container(service), await main_pid(service)
    await service.run("kill", "-STOP", pid)

    async def bitten() -> bool:
        return await main_pid(service) not in {pid, "0"}

    await eventually(bitten, "another daemon runs")
    await service.until_unit(ActiveState="active")
    assert "Watchdog timeout" in await service.journal()
    assert await container(service) == before
    await until_seen_again(service, session_id)


async def test_wrong_configuration_is_told_and_not_tried_again(service: Machine) -> None:
    """The journal has it as an error, with its place; mended, it starts."""
    await service.write(CONFIG, "limits:\n  max_sesions: 3\n")
    try:
        with pytest.raises(CommandFailedError, match="failed"):
            await service.run("systemctl", "restart", UNIT)
        failed = await service.until_unit(ActiveState="failed")
        assert (failed["ExecMainStatus"], failed["NRestarts"]) == ("78", "0")
        assert f"{CONFIG}:2:3: limits.max_sesions" in await service.journal(
            "-p", "err", "-o", "cat"
        )
    finally:
        await service.write(CONFIG, SETTINGS)
    await service.run("systemctl", "start", UNIT)
    assert (await service.properties())["ActiveState"] == "active"


async def test_the_log_is_json_for_programs(service: Machine) -> None:
    """Without the priorities, which the journal has taken off and kept."""
    command = "journalctl --no-pager -o cat -u fx-supervisor -t fx-supervisor | tail -n 1"
    assert (await service.run("sh", "-c", command)).startswith('{"timestamp": ')
