"""The agent and its relay: outages, commands, and a relay that was never there."""

from __future__ import annotations

import pytest

from tests.support.agent_container import AgentStage
from tests.support.eventually import eventually

pytestmark = pytest.mark.engine


async def test_it_comes_back_to_a_relay_that_was_restarted(stage: AgentStage) -> None:
    """What happened in the outage arrives after it, in order, each number once."""
    async with stage.session(["sleep", "100"], heartbeat_seconds=0.1) as session:
        relay = session.relay
        await relay.callback("ready")
        slow = "touch waiting; until [ -e outage ]; do sleep 0.05; done; echo done; touch over"
        await relay.command(type="exec", id="slow", command=slow, wait=True)
        await eventually((session.home / "waiting").exists, "the program runs")
        await relay.vanish()
        before = len(relay.callbacks)
        (session.home / "outage").touch()
        await eventually((session.home / "over").exists, "it ended while nobody listened")
        await relay.start()
        executed = await relay.callback("exec_exited", id="slow")
        again = await relay.execute("again", "echo back")
        display = await relay.open_display("again")
        greeting = await display.read()
        await relay.command(type="terminate")
        await relay.callback("exited")
        assert await session.exit_code() == 143

    assert (executed["exit_code"], executed["output"]) == (0, "done\n")
    assert again["output"] == "back\n"
    assert greeting.startswith(b"RFB 003.")
    numbers = [body["seq"] for body in relay.callbacks]
    assert len(numbers) > before
    assert numbers == list(range(1, len(numbers) + 1))
    assert [body["type"] for body in relay.callbacks].count("ready") == 1


async def test_a_callback_that_was_refused_keeps_its_number(stage: AgentStage) -> None:
    """While the relay is not able to take it, it is repeated as it was; later ones wait."""
    async with stage.session("exit 3", deaf=True) as session:
        session.relay.refusing.add("started")
        async with session.relay.listening():
            refused = await session.relay.attempt("started")
            session.relay.refusing.clear()
            exited = await session.relay.callback("exited")
            assert await session.exit_code() == 3

    assert session.relay.callbacks[0] == refused
    assert exited["seq"] == len(session.relay.callbacks)


async def test_without_any_relay_it_gives_up(stage: AgentStage) -> None:
    """A container that nobody knows of does not stay: exit code 70, and the log says why."""
    async with stage.session(["sleep", "100"], deaf=True, relay_grace_seconds=0.5) as session:
        assert await session.exit_code() == 70
        log = await session.log()

    assert "RelayUnreachable" in log
    assert "/run/fastx/relay/session.sock" in log


async def test_a_program_that_is_waited_for_is_answered(stage: AgentStage) -> None:
    """A line goes through the shell, a list as it stands; what cannot be run is 126."""
    async with stage.session(["sleep", "100"]) as session:
        await session.relay.callback("ready")
        line = await session.relay.execute(
            "line", "echo $DISPLAY $HOME $FASTX_SESSION_ID; pwd; echo oops >&2; exit 3"
        )
        as_list = await session.relay.execute("list", ["printf", "%s|", "a b", "$HOME", "*"])
        missing = await session.relay.execute("missing", ["no-such-program"])
        many = await session.relay.execute("many", "yes | head -c 100000; echo; echo end")

    _, home, name = line["output"].split("\n")[0].split(" ")
    assert (line["exit_code"], home) == (3, "/home/alice")
    assert name.startswith("test-")
    assert line["output"].startswith(":0 ")
    assert line["output"].endswith("\n/home/alice\noops\n")
    assert (as_list["exit_code"], as_list["output"]) == (0, "a b|$HOME|*|")
    assert missing["exit_code"] == 126
    assert "No such file" in missing["output"]
    assert len(many["output"]) == 32768
    assert many["output"].endswith("\nend\n")


async def test_a_program_that_is_not_waited_for_is_not_answered(stage: AgentStage) -> None:
    """Without wait the program is run, and its end is nobody's business."""
    async with stage.session(["sleep", "100"]) as session:
        await session.relay.callback("ready")
        await session.relay.command(type="exec", id="quiet", command="touch been-here; exit 3")
        await eventually((session.home / "been-here").exists, "the program ran")
        await session.relay.execute("loud", "true")

    answered = [body["id"] for body in session.relay.callbacks if body["type"] == "exec_exited"]
    assert answered == ["loud"]


async def test_a_program_still_running_at_the_end_is_answered_first(stage: AgentStage) -> None:
    """Whoever waits for a program is told how it ended, and the end of the session comes last."""
    async with stage.session(["sleep", "100"]) as session:
        await session.relay.callback("ready")
        deaf = "trap '' TERM; touch armed; while :; do sleep 0.1; done"
        await session.relay.command(type="exec", id="deaf", command=deaf, wait=True)
        await eventually((session.home / "armed").exists, "the program ignores TERM")
        await session.relay.command(type="terminate")
        await session.relay.callback("exited")
        assert await session.exit_code() == 143

    executed, exited = session.relay.callbacks[-2:]
    assert (executed["type"], executed["id"], executed["exit_code"]) == ("exec_exited", "deaf", 137)
    assert exited["type"] == "exited"


async def test_a_ping_is_answered_by_a_heartbeat(stage: AgentStage) -> None:
    """Where heartbeats are off they still come when asked for."""
    async with stage.session(["sleep", "100"]) as session:
        await session.relay.callback("ready")
        assert "heartbeat" not in {body["type"] for body in session.relay.callbacks}
        await session.relay.command(type="ping")
        beat = await session.relay.callback("heartbeat")

    assert beat["usage"]["processes"] >= 4
