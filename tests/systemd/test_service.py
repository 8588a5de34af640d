"""The daemon as a service: started, killed, restarted and stopped, with sessions that run on."""

from __future__ import annotations

import time

import pytest

from tests.support.eventually import eventually
from tests.support.installation import CONFIG, SETTINGS, USER
from tests.support.machine import SOCKETS, UNIT, CommandFailedError, Machine
from tests.systemd.acts import (
    CALLER,
    add,
    answer,
    caller,
    container,
    main_pid,
    running_session,
    until_seen_again,
)

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

SHORT_SECONDS = 10
HOLD = "/run/hold"


async def test_ready_means_adopted(service: Machine) -> None:
    """Without an engine it is starting, for as long as it takes, and says what it waits for."""
    await add(service, f"TimeoutStartSec={SHORT_SECONDS}")
    session_id = await running_session(service)
    # By hand, for the unit wants the engine and would start it; so does an agent that knocks.
    await service.run("systemctl", "mask", "--runtime", "docker.service")
    try:
        await service.run("systemctl", "stop", UNIT, SOCKETS)
        await service.run("systemctl", "stop", "docker.service", "docker.socket")
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
    """A daemon that does not get on is killed and started again, by the unit as it is shipped."""
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


async def test_what_has_to_be_mended_stays_down(service: Machine) -> None:
    """Wrong configuration is told with its place, once, whoever knocks; mended, it starts."""
    session_id = await running_session(service)
    before = await container(service)
    since = (await service.run("date", "+%s.%N")).strip()
    await service.write(CONFIG, "limits:\n  max_sesions: 3\n")
    try:
        with pytest.raises(CommandFailedError, match="failed because"):
            await service.run("systemctl", "restart", UNIT)
        await service.until_unit(SOCKETS, ActiveState="inactive")
        failed = await service.until_unit(ActiveState="failed")
        assert (failed["Result"], failed["ExecMainStatus"]) == ("exit-code", "78")
        assert failed["NRestarts"] == "0"
        with pytest.raises(CommandFailedError, match=r"ConnectionRefused|FileNotFound"):
            await service.run("python3", "-c", CALLER)
        # All that an administrator has to read.
        told = await service.run("sh", "-c", f"systemctl status {UNIT} || true")
        assert f"{CONFIG}:2:3: limits.max_sesions" in told
        errors = await service.journal("-p", "err", "-o", "cat", "--since", f"@{since}")
        assert errors.count(f"{CONFIG}:2:3: limits.max_sesions") == 1
    finally:
        await service.write(CONFIG, SETTINGS)
    await service.run("systemctl", "start", UNIT)
    assert (await service.properties(SOCKETS))["ActiveState"] == "active"
    await until_seen_again(service, session_id)
    assert await container(service) == before


async def test_a_knock_that_finds_wrong_configuration_is_the_last(service: Machine) -> None:
    """The sockets alone may be up, as at boot: the first caller starts the daemon, which ends."""
    await service.run("systemctl", "stop", UNIT)
    await service.until_unit(SOCKETS, ActiveState="inactive")
    await service.write(CONFIG, "limits: {max_sessions: no}\n")
    try:
        await service.run("systemctl", "start", SOCKETS)
        async with caller(service) as calling:
            assert await answer(calling) == ""
        await service.until_unit(ActiveState="failed", Result="exit-code")
        await service.until_unit(SOCKETS, ActiveState="inactive")
    finally:
        await service.write(CONFIG, SETTINGS)
        await service.run("systemctl", "start", UNIT)


async def test_the_log_is_json_for_programs(service: Machine) -> None:
    """Without the priorities, which the journal has taken off and kept."""
    command = "journalctl --no-pager -o cat -u fx-supervisor -t fx-supervisor | tail -n 1"
    assert (await service.run("sh", "-c", command)).startswith('{"timestamp": ')


async def test_acts_are_recorded_where_the_unit_allows(service: Machine) -> None:
    """``audit.path`` below the service's log directory, which systemd makes."""
    path = "/var/log/fastx-supervisor/audit.jsonl"
    await service.write(CONFIG, f"{SETTINGS}audit:\n  path: {path}\n")
    try:
        await service.run("systemctl", "restart", UNIT)
        session_id = await running_session(service)

        async def recorded() -> bool:
            return session_id in await service.sh(f"cat {path} || true")

        await eventually(recorded, "the start is recorded")
        assert (await service.run("stat", "-c", "%U", path)).strip() == "fastx"
    finally:
        await service.write(CONFIG, SETTINGS)
        await service.run("systemctl", "restart", UNIT)


async def test_an_administrator_looks_into_a_session(service: Machine) -> None:
    """``fxctl`` as root: a command inside, as the user, and what the session has said."""
    session_id = await running_session(service, "--command", "echo printed; exec sleep 1000")
    inside = await service.run(
        "fxctl", "exec", "--wait", session_id, "--", "perl", "-e", "print $<"
    )
    assert inside.strip() == (await service.run("id", "-u", USER)).strip()
    assert "printed" in await service.run("fxctl", "logs", session_id)
    assert session_id[-6:] in await service.run("fxctl", "ps")
