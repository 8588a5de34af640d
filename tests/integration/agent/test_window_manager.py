"""The bundle's window manager, in images that know nothing of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.agent_container import UID, AgentContainer, AgentStage
from tests.support.engine import run_in
from tests.support.eventually import eventually

pytestmark = pytest.mark.engine

CLIENT = Path(__file__).parents[2] / "support" / "x_window.pl"
GIVEN = f"until [ -e ~/{CLIENT.name} ]; do sleep 0.05; done"
RUN = f"{GIVEN}; exec perl ~/{CLIENT.name}"
CLOSED = "until [ -e ~/close ]; do sleep 0.05; done"
END_IT = "for (glob '/proc/[0-9]*') { kill 9, m{(\\d+)} if (readlink \"$_/exe\") =~ /openbox/ }"
SCREEN = (800, 600)


async def said(session: AgentContainer, words: str) -> None:
    """Wait until agent or program have said this."""

    async def is_said() -> bool:
        return words in await session.log()

    await eventually(is_said, f"the log says {words!r}")


async def last_place(session: AgentContainer) -> tuple[int, ...]:
    """Where the client's window is: x, y, width, height; empty before it was told."""
    told = [line for line in (await session.log()).splitlines() if line.startswith("at ")]
    return tuple(int(each) for each in told[-1].split()[1:]) if told else ()


async def until_maximised(session: AgentContainer, screen: tuple[int, int]) -> int:
    """Wait until the window fills the screen below a title bar, of which the height is told."""

    async def fills() -> bool:
        place = await last_place(session)
        return bool(place) and place[1] > 0 and _fills(place, screen)

    await eventually(fills, f"a window with a title bar fills {screen}")
    return (await last_place(session))[1]


def _fills(place: tuple[int, ...], screen: tuple[int, int]) -> bool:
    x, y, width, height = place
    return (x, x + width, y + height) == (0, *screen)


def client(session: AgentContainer) -> None:
    """Give the session the program that it waits for."""
    shutil.copy(CLIENT, session.home)


async def test_a_window_fills_the_screen_of_the_barest_image(stage: AgentStage) -> None:
    """No font, no locale, no X client is in it; HOME gets nothing."""
    command = f"{RUN} 300x200 Barest"
    async with stage.session(command, window_manager="auto", geometry="800x600") as session:
        client(session)
        assert 20 <= await until_maximised(session, SCREEN) <= 40
        assert {each.name for each in session.home.iterdir()} == {CLIENT.name}
        assert "not managed" not in await session.log()


async def test_a_dialog_floats_in_the_middle(stage: AgentStage) -> None:
    """In its own size, within its frame."""
    command = f"{RUN} 300x200 Question DIALOG"
    async with stage.session(command, window_manager="auto", geometry="800x600") as session:
        client(session)

        async def centred() -> bool:
            place = await last_place(session)
            middle = place and (place[0] + place[2] / 2, place[1] + place[3] / 2)
            return (
                place[2:] == (300, 200) and abs(middle[0] - 400) < 3 and abs(middle[1] - 300) < 30
            )

        await eventually(centred, "it is in the middle")


async def test_without_one_windows_stay_as_they_are(stage: AgentStage) -> None:
    """Where the template says none, or an older daemon nothing."""
    async with stage.session(f"{RUN} 300x200 Bare", geometry="800x600") as session:
        client(session)
        await said(session, "mapped")
        found = await run_in(session.container, "perl", "-e", END_IT.replace("kill 9,", "print"))
        assert found == ""
        assert await last_place(session) == ()


async def test_its_death_is_harmless(stage: AgentStage) -> None:
    """Another takes its place, and windows are as they were."""
    async with stage.session(
        "xterm -T Work -e 'sleep 60'", image=stage.sample, window_manager="auto", geometry="800x600"
    ) as session:
        await session.relay.callback("ready")
        await until_managed(session)
        await run_in(session.container, "perl", "-e", END_IT)
        await said(session, "the window manager ended by signal 9")
        await until_managed(session)
        assert not any(each["type"] in {"exited", "failed"} for each in session.relay.callbacks)


async def test_another_takes_over_when_it_is_told_to(stage: AgentStage) -> None:
    """And stays: the bundle's is not started again."""
    command = "xterm -T Work & until [ -e ~/go ]; do sleep 0.05; done; n=box; open$n --replace"
    async with stage.session(
        command, image=stage.sample, window_manager="auto", geometry="800x600"
    ) as session:
        await until_managed(session)
        (session.home / "go").touch()
        await said(session, "another window manager has taken over")
        await until_managed(session)


async def until_managed(session: AgentContainer) -> None:
    """Wait until one lists the terminal, which fills the screen's width."""
    look = (
        f"export XAUTHORITY=/run/user/{UID}/fastx/Xauthority;"
        "export DISPLAY=:$(ls /tmp/.X11-unix | tr -d X);"
        "xprop -name Work _NET_FRAME_EXTENTS; xwininfo -name Work"
    )

    async def is_managed() -> bool:
        told = await run_in(session.container, "sh", "-c", f"({look}) 2>&1 || :")
        return "_NET_FRAME_EXTENTS(CARDINAL)" in told and f"Width: {SCREEN[0]}" in told

    await eventually(is_managed, "a window manager has the terminal")


async def test_a_session_ends_with_its_last_window_under_it(stage: AgentStage) -> None:
    """It is no window of the session's, nor a program of it."""
    command = f"xterm -e '{CLOSED}' &"
    async with stage.session(
        command, image=stage.sample, window_manager="auto", end="windows"
    ) as session:
        await said(session, "windows are open")
        (session.home / "close").touch()
        assert (await session.relay.callback("exited"))["exit_code"] == 0
        assert await session.exit_code() == 0
        assert "the last window was closed" in await session.log()


@pytest.mark.parametrize("furniture", ["DOCK", "DESKTOP"])
@pytest.mark.parametrize("manager", ["auto", "none"])
async def test_a_panel_or_background_is_no_window(
    stage: AgentStage, furniture: str, manager: str
) -> None:
    """Of the kind that a session ends with."""
    windows = f"perl ~/{CLIENT.name} 300x30 Panel {furniture} & perl ~/{CLIENT.name} 300x200 Work &"
    command = f"{GIVEN}; {windows} work=$!; {CLOSED}; kill $work; sleep 1000"
    async with stage.session(command, window_manager=manager, end="windows") as session:
        client(session)
        await said(session, "windows are open")
        (session.home / "close").touch()
        assert (await session.relay.callback("exited"))["exit_code"] == 0
        assert "the last window was closed" in await session.log()
