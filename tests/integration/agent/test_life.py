"""A session from its start to its end, told by the agent and seen from outside the container."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.agent_container import UID, AgentStage
from tests.support.engine import docker, inspect, run_in
from tests.support.eventually import eventually

pytestmark = pytest.mark.engine

TERM, KILL = 15, 9
GRACE_SECONDS = 1.0
CLOCK_SECONDS = 0.05
"""The agent's clock is that coarse, and the test's is another one."""
LAST_BREATH_SECONDS = 5.0
"""What the end takes beside grace periods, with room for a busy machine."""


async def test_it_is_ready_where_there_is_nothing_but_perl(stage: AgentStage) -> None:
    """perl-base of another release, no network, nothing writable, no privileges: X is up."""
    async with stage.session(["sleep", "100"], heartbeat_seconds=0.2) as session:
        ready = await session.relay.callback("ready")
        before = sum(body["type"] == "heartbeat" for body in session.relay.callbacks)
        beats = (await session.relay.callbacks_of("heartbeat", before + 1))[before:]
        seen = await inspect(session.container)
        status = await run_in(session.container, "cat", "/proc/self/status")

    # On a busy machine a heartbeat may come before the display is up.
    told = [body["type"] for body in session.relay.callbacks if body["type"] != "heartbeat"]
    assert told == ["started", "ready"]
    numbers = [body["seq"] for body in session.relay.callbacks]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (ready["display"], ready["geometry"]) == (":0", "1280x800")
    for beat in beats:
        usage = beat["usage"]
        # The init process, the agent, the X server and the command.
        assert usage["processes"] >= 4
        assert usage["memory_bytes"] > 1_000_000
        assert usage["cpu_seconds"] > 0
    host = seen["HostConfig"]
    assert (host["ReadonlyRootfs"], host["NetworkMode"], host["Init"]) == (True, "none", True)
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == [str(UID)] * 4
    assert (facts["NoNewPrivs"], int(facts["CapBnd"], 16)) == ("1", 0)


async def test_the_end_of_the_command_is_told(stage: AgentStage) -> None:
    """Its own exit code and last words arrive, once and last; its output is in the log."""
    async with stage.session("echo working; echo good-bye >&2; exit 7") as session:
        exited = await session.relay.callback("exited")
        assert await session.exit_code() == 7
        log = await session.log()

    assert (exited["exit_code"], exited["signal"]) == (7, None)
    assert exited["log_tail"] == "working\ngood-bye\n"
    assert "working\ngood-bye\n" in log
    kinds = [body["type"] for body in session.relay.callbacks]
    assert kinds.count("exited") == 1
    assert kinds[-1] == "exited"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("no-such-program --option", id="line"),
        pytest.param(["no-such-program", "--option"], id="list"),
        pytest.param("no-such-program; exit $?", id="shell"),
    ],
)
async def test_a_missing_command_is_named(stage: AgentStage, command: str | list[str]) -> None:
    """However it is written: CommandNotFound with the program and where it was looked for."""
    async with stage.session(command) as session:
        failed = await session.relay.callback("failed")
        assert await session.exit_code() == 127

    assert (failed["reason"], failed["exit_code"]) == ("CommandNotFound", 127)
    assert "'no-such-program'" in failed["message"]
    assert "/usr/bin" in failed["message"]


async def test_a_missing_home_is_named(stage: AgentStage) -> None:
    """A home that was not mounted is a failure that says what to mount."""
    async with stage.session("true", home="/home/nobody-there") as session:
        failed = await session.relay.callback("failed")
        assert await session.exit_code() == 72

    assert failed["reason"] == "AgentFailed"
    assert "/home/nobody-there" in failed["message"]
    assert "mount" in failed["message"]


async def test_a_polite_command_ends_at_once(stage: AgentStage) -> None:
    """SIGTERM reaches the command; nobody waits for the grace period when it obeys."""
    async with stage.session(["sleep", "100"], stop_grace_seconds=60) as session:
        await session.relay.callback("ready")
        async with asyncio.timeout(LAST_BREATH_SECONDS):
            await session.signal("TERM")
            exited = await session.relay.callback("exited")
            assert await session.exit_code() == 128 + TERM

    assert (exited["exit_code"], exited["signal"]) == (128 + TERM, TERM)


async def test_a_stubborn_command_is_killed_after_its_grace(stage: AgentStage) -> None:
    """SIGTERM is passed on first; KILL comes when the grace period is over, not before."""
    stubborn = "trap 'echo told' TERM; touch armed; while :; do sleep 0.1; done"
    async with stage.session(stubborn, stop_grace_seconds=GRACE_SECONDS) as session:
        await eventually((session.home / "armed").exists, "the command has its trap")
        asked = asyncio.get_running_loop().time()
        await session.signal("TERM")
        exited = await session.relay.callback("exited")
        waited = asyncio.get_running_loop().time() - asked
        assert await session.exit_code() == 128 + KILL

    assert (exited["exit_code"], exited["signal"]) == (128 + KILL, KILL)
    assert "told" in exited["log_tail"].split("\n")
    assert GRACE_SECONDS - CLOCK_SECONDS <= waited < GRACE_SECONDS + LAST_BREATH_SECONDS


async def test_what_the_command_left_behind_is_ended(stage: AgentStage) -> None:
    """Daemons in process sessions of their own get TERM, then KILL, before the end is told."""
    daemon = """trap "echo told > told" TERM; touch armed; while :; do sleep 0.1; done"""
    command = f"setsid sh -c '{daemon}' & (sleep 300 &); until [ -e armed ]; do :; done; exit 4"
    async with stage.session(command) as session:
        session.relay.refusing.add("exited")
        await session.relay.attempt("exited")
        names = (await docker("top", session.container, "-eo", "pid,comm")).split()
        assert (session.home / "told").read_text() == "told\n"
        session.relay.refusing.clear()
        exited = await session.relay.callback("exited")
        assert await session.exit_code() == 4

    assert exited["exit_code"] == 4
    assert "perl" in names
    assert not {"sh", "sleep"} & set(names)
