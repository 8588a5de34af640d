"""A session that ends with its windows: the agent's own X client sees them on the real server."""

from __future__ import annotations

import pytest

from tests.support.agent_container import AgentContainer, AgentStage
from tests.support.engine import run_in
from tests.support.eventually import eventually

pytestmark = pytest.mark.engine

CLOSED = "-e 'until [ -e ~/close ]; do sleep 0.05; done'"
WINDOW = f"xterm {CLOSED}"
"""Until somebody closes it."""


async def said(session: AgentContainer, words: str) -> None:
    """Wait until the agent has said this."""

    async def is_said() -> bool:
        return words in await session.log()

    await eventually(is_said, f"the agent says {words!r}")


def over(session: AgentContainer) -> bool:
    """Whether the end was told."""
    return any(body["type"] in {"exited", "failed"} for body in session.relay.callbacks)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(f"{WINDOW} &", id="bare"),
        pytest.param(f"openbox --sm-disable & sleep 1; {WINDOW} &", id="managed"),
        pytest.param(f"openbox --sm-disable & sleep 1; xterm -iconic {CLOSED} &", id="icon"),
    ],
)
async def test_it_outlives_its_command_and_ends_with_its_last_window(
    stage: AgentStage, command: str
) -> None:
    """With or without a window manager, put away as an icon or not."""
    async with stage.session(command, image=stage.sample, end="windows") as session:
        await session.relay.callback("ready")
        await said(session, "command ended")
        await said(session, "windows are open")
        assert not over(session)
        (session.home / "close").touch()
        exited = await session.relay.callback("exited")
        assert await session.exit_code() == 0
        assert "the last window was closed" in await session.log()
    assert (exited["exit_code"], exited["signal"]) == (0, None)


async def test_it_ends_with_its_last_window_though_the_command_runs(stage: AgentStage) -> None:
    """What is left is told to end; that nobody closed it is no failure."""
    command = f"{WINDOW} & sleep 1000"
    async with stage.session(command, image=stage.sample, end="windows") as session:
        await said(session, "windows are open")
        (session.home / "close").touch()
        assert (await session.relay.callback("exited"))["exit_code"] == 0
        assert await session.exit_code() == 0


async def test_a_command_that_fails_ends_it_with_windows_open(stage: AgentStage) -> None:
    """There is somebody to tell."""
    command = f"{WINDOW} & until [ -e ~/fail ]; do sleep 0.05; done; exit 3"
    async with stage.session(command, image=stage.sample, end="windows") as session:
        await said(session, "windows are open")
        (session.home / "fail").touch()
        assert (await session.relay.callback("exited"))["exit_code"] == 3


async def test_a_display_that_is_lost_is_told_as_such(stage: AgentStage) -> None:
    """Not as the end of the command, which was long ago."""
    async with stage.session(f"{WINDOW} &", image=stage.sample, end="windows") as session:
        await said(session, "command ended")
        await said(session, "windows are open")
        kill = "for (glob '/proc/[0-9]*') { kill 9, m{(\\d+)} if (readlink \"$_/exe\") =~ /vnc/ }"
        await run_in(session.container, "perl", "-e", kill)
        assert (await session.relay.callback("failed"))["reason"] == "XServerFailed"


async def test_without_windows_it_ends_soon_after_its_command(stage: AgentStage) -> None:
    """A window of what it left behind may yet come, but is not waited for without end."""
    async with stage.session("true", image=stage.sample, end="windows") as session:
        assert (await session.relay.callback("exited"))["exit_code"] == 0
        assert "no window was opened" in await session.log()
