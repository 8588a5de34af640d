"""Pictures of real displays: true to the pixel, and nobody's business but the caller's."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.support.daemon import Daemon
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

COLOUR = (0x20, 0x80, 0xC0)


@pytest.fixture
def bare(daemon: Daemon) -> str:
    """A template of sessions that show their background alone, without a pointer."""
    text = f"image: {daemon.site.sample}\nworking_dir: /\ncommand: sleep 600\n"
    daemon.write_template("bare", f"{text}session: {{window_manager: none}}\n")
    return "bare"


async def fetch(web: WebServer, session_id: str, query: str = "") -> Image.Image:
    """The picture, which has to be one."""
    async with web.http.get(f"/v1/sessions/{session_id}/screenshot{query}") as answer:
        content = await answer.read()
        assert (answer.status, answer.content_type) == (200, "image/png"), content
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    return image.convert("RGB")


async def paint(web: WebServer, session_id: str, colour: str) -> None:
    """Let a client of the image give the whole display one colour."""
    wish = {"command": ["xsetroot", "-solid", colour], "wait": True}
    painted = await web.call("POST", f"/v1/sessions/{session_id}/exec", wish)
    assert (painted.status, painted.body["exit_code"]) == (200, 0), painted.text


async def test_what_an_application_paints_is_in_the_picture(web: WebServer, bare: str) -> None:
    """Every pixel in its very colour; a viewer is not counted for it, nor any input."""
    async with web.session(template=bare, geometry="1000x700") as session:
        await paint(web, session["id"], "#2080C0")
        whole = await fetch(web, session["id"])
        small = await fetch(web, session["id"], "?max_width=100")
        large = await fetch(web, session["id"], "?max_width=4096")
        seen = await web.get(session["id"])
        counts = [each["viewers"] for each in web.history(session["id"])]
    assert whole.size == large.size == (1000, 700)
    assert whole.getcolors() == [(700_000, COLOUR)]
    assert (small.size, small.getcolors()) == ((100, 70), [(7000, COLOUR)])
    assert seen["last_input_at"] is None
    assert all(each == {"control": 0, "view": 0} for each in counts)


async def test_it_is_what_a_viewer_sees_who_does_not_notice(web: WebServer) -> None:
    """The same pixels as on a viewer's screen, whose connection goes on."""
    async with web.session() as session, viewing(web, session["id"]) as screen:
        await wait_for_window(screen)
        async with asyncio.timeout(30):
            while True:
                await screen.refresh()
                before, taken = screen.image(), await fetch(web, session["id"])
                await screen.refresh()
                if before.tobytes() == screen.image().tobytes():
                    break
        assert taken.tobytes() == before.tobytes()
        assert taken.getcolors(1) is None
        seen = await web.get(session["id"])
    assert seen["viewers"] == {"control": 1, "view": 0}


async def test_the_same_picture_is_not_sent_again(web: WebServer) -> None:
    """304 until something is painted; many callers at once all get it."""
    async with web.session(command="sleep 600") as session:
        path = f"/v1/sessions/{session['id']}/screenshot"
        await paint(web, session["id"], "#000000")
        async with web.http.get(path) as answer:
            etag = answer.headers["ETag"]

        async def again() -> int:
            async with web.http.get(path, headers={"If-None-Match": etag}) as answer:
                return answer.status

        assert set(await asyncio.gather(*(again() for _ in range(20)))) == {304}
        await paint(web, session["id"], "#000001")
        assert await again() == 200


async def test_a_large_display_has_a_picture_too(web: WebServer, bare: str) -> None:
    """Four thousand pixels wide: more than fits into any one buffer on the way."""
    async with web.session(template=bare, geometry="3840x2160") as session:
        await paint(web, session["id"], "#2080C0")
        assert (await fetch(web, session["id"])).getcolors() == [(3840 * 2160, COLOUR)]


async def test_a_session_that_is_over_shows_nothing(web: WebServer) -> None:
    """409, as before it runs."""
    session_id = await web.start(command="sleep 600")
    path = f"/v1/sessions/{session_id}/screenshot"
    await web.until(session_id, "running")
    ended = await web.terminate(session_id)
    assert (await web.call("GET", path)).refusal() == (409, "not_running", [])
    assert ended["phase"] == "ended"


async def test_by_command_line(web: WebServer, daemon: Daemon, bare: str, tmp_path: Path) -> None:
    """Into a file, or into a pipe."""
    tmp_path.chmod(0o777)
    async with web.session(template=bare) as session:
        await paint(web, session["id"], "#2080C0")
        file = daemon.local / "now.png"
        words = ("fxctl", "screenshot", session["id"][-8:], str(file), "--max-width", "64")
        code, output, complaint = await daemon.execute(*words)
        assert (code, output, complaint) == (0, "", "")
        with Image.open(file) as image:
            assert image.convert("RGB").getcolors() == [(64 * 40, COLOUR)]
        file.unlink()
