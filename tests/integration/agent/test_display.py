"""The X server of the bundle: what viewers and X applications find, and what nobody else does."""

from __future__ import annotations

import pytest

from tests.support.agent_container import AgentStage
from tests.support.engine import run_in
from tests.support.eventually import eventually
from tests.support.rfb_client import RfbClient

pytestmark = pytest.mark.engine

KILL_X_SERVER = """
    for process in /proc/[0-9]*; do
        read name < $process/comm
        [ "$name" != Xtigervnc ] || kill -9 ${process#/proc/}
    done
"""
ANYTHING = ["sleep", "100"]
COLOUR = (0x20, 0x80, 0xC0)


async def test_a_viewer_gets_the_screen_without_anything_of_the_image(stage: AgentStage) -> None:
    """The display stream speaks RFB: the whole screen comes, in its geometry and name."""
    async with stage.session(ANYTHING, geometry="800x600", desktop="Tëst") as session:
        await session.relay.callback("ready")
        stream = await session.relay.open_display("first")
        async with RfbClient.connect(stream) as screen:
            await screen.refresh()
            assert screen.size == (800, 600)
            assert screen.name == "Tëst"
            second = await session.relay.open_display("second")
            async with RfbClient.connect(second) as other:
                await other.refresh()
            await screen.refresh()


async def test_what_an_application_paints_reaches_the_viewer(stage: AgentStage) -> None:
    """The pixels of an X client of the image arrive in their very colour."""
    async with stage.session(ANYTHING, image=stage.sample) as session:
        await session.relay.callback("ready")
        stream = await session.relay.open_display("pixels")
        async with RfbClient.connect(stream) as screen:
            painted = await session.relay.execute("paint", "xsetroot -solid '#2080C0'")
            assert painted["exit_code"] == 0, painted["output"]
            await screen.wait_until(lambda: screen.image().getpixel((640, 400)) == COLOUR)


async def test_software_gl_and_core_fonts_are_there(stage: AgentStage) -> None:
    """GLX is there, rendered by the CPU, and so are the fonts that old programs name."""
    async with stage.session(ANYTHING, image=stage.sample) as session:
        await session.relay.callback("ready")
        gl = await session.relay.execute("gl", "glxinfo -B")
        fonts = await session.relay.execute("fonts", "xlsfonts | wc -l; xlsfonts -fn fixed 9x15")

    assert gl["exit_code"] == 0, gl["output"]
    assert "llvmpipe" in gl["output"]
    assert "direct rendering: Yes" in gl["output"]
    count, *names = fonts["output"].split("\n")
    assert int(count) > 100
    assert names[:2] == ["9x15", "fixed"], fonts["output"]


async def test_a_dead_x_server_ends_the_session(stage: AgentStage) -> None:
    """XServerFailed says how it died, the command is told to end, the exit code is 71."""
    command = "trap 'touch told; exit' TERM; touch armed; while :; do sleep 0.1; done"
    async with stage.session(command) as session:
        await session.relay.callback("ready")
        await eventually((session.home / "armed").exists, "the command has its trap")
        await session.relay.command(type="exec", id="kill", command=KILL_X_SERVER)
        failed = await session.relay.callback("failed")
        assert await session.exit_code() == 71
        assert (session.home / "told").exists()

    assert failed["reason"] == "XServerFailed"
    assert "signal 9" in failed["message"]
    assert "exited" not in {body["type"] for body in session.relay.callbacks}


async def test_it_listens_on_files_alone(stage: AgentStage) -> None:
    """No TCP and no abstract socket: both would be open to others on a shared network."""
    async with stage.session(ANYTHING) as session:
        await session.relay.callback("ready")
        tables = {
            name: (await run_in(session.container, "cat", f"/proc/net/{name}")).splitlines()[1:]
            for name in ("unix", "tcp", "tcp6", "udp", "udp6")
        }

    # The last column, which an unnamed socket does not have.
    names = {row.split()[7] for row in tables["unix"] if len(row.split()) > 7}
    assert "/tmp/.X11-unix/X0" in names
    assert [name for name in names if name.startswith("@")] == []
    assert {name: tables[name] for name in ("tcp", "tcp6", "udp", "udp6") if tables[name]} == {}


async def test_its_sockets_and_cookie_are_the_users_alone(stage: AgentStage) -> None:
    """Viewers' socket and X authority are in a private directory; without the cookie: no."""
    async with stage.session(ANYTHING, image=stage.sample) as session:
        await session.relay.callback("ready")
        modes = await session.relay.execute(
            "modes", "cd $XDG_RUNTIME_DIR/fastx && stat -c '%a %n' . rfb.sock Xauthority"
        )
        welcome = await session.relay.execute("welcome", "xdpyinfo")
        refused = await session.relay.execute("refused", "XAUTHORITY=/dev/null xdpyinfo")

    assert modes["output"] == "700 .\n600 rfb.sock\n600 Xauthority\n"
    assert welcome["exit_code"] == 0, welcome["output"]
    assert refused["exit_code"] != 0
