"""The shipped templates on a real engine: what users see, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from supervisor.template.catalog import SHIPPED
from tests.support.daemon import running_daemon
from tests.support.desktops import Desktop, desktop, part_of, place_template, primaries
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import type_until, viewing
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

TERMINAL = "#16202f"
PAGE = "#208040"
SEEN = 0.01
"""How much of a picture something takes that one can see."""
PANEL_HEIGHT = 37
TITLE_BAR = 27
"""Of the bundle's window manager, at 96 dpi."""
SANDBOX = {"policy": {"security_opt": ["no-new-privileges*", "seccomp=*"]}}


def without_comment_signs(text: str, first: str, end: str) -> tuple[str, str]:
    """The commented example that begins so, and what it is when it is used."""
    example = text[text.index(first) : text.index(end)]
    return example, "".join(line[1:] for line in example.splitlines(keepends=True))


async def open_page(browser: Desktop, profile: Path, *options: str) -> None:
    """Hand a page of one colour to the browser that runs, and wait until it has painted it."""
    page = f"data:text/html,<body style='background:{PAGE.replace('#', '%23')}'>"
    await browser.run("chromium", f"--user-data-dir={profile}", *options, page)
    await browser.until_share(PAGE, 0.8)


async def test_a_terminal_fills_the_screen(web: WebServer, scratch: Path) -> None:
    """It takes what is typed, follows the screen's size, and is over when its shell ends."""
    place_template(web, "terminal", scratch)
    async with desktop(web, "terminal") as terminal:
        await terminal.until_window("Terminal", (1280, 800 - TITLE_BAR))
        await terminal.until_share(TERMINAL, 0.95)
        async with viewing(web, terminal.id) as screen:
            await type_until(screen, f"touch {scratch}/typed", scratch / "typed")
            await terminal.run("xrandr", "-s", "1024x768")
            await terminal.until_window("Terminal", (1024, 768 - TITLE_BAR))
            await screen.type_text("exit\n")
            ended = await web.until(terminal.id, "ended")
    assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 0)


async def test_opengl_is_drawn_and_moves(web: WebServer, scratch: Path) -> None:
    """A red, a green and a blue gear; without a GPU it is the CPU that draws them."""
    place_template(web, "opengl", scratch)
    async with desktop(web, "opengl") as gears:
        await gears.until_window("glxgears", (1280, 800 - TITLE_BAR))

        async def shown() -> bool:
            return min(primaries(await gears.picture())) > SEEN

        await eventually(shown, "three gears are to be seen")
        before = await gears.picture()

        async def turned() -> bool:
            return (await gears.picture()).tobytes() != before.tobytes()

        await eventually(turned, "they turn")
        assert "llvmpipe" in await gears.run("glxinfo", "-B")


async def test_a_browser_shows_pages(web: WebServer, scratch: Path) -> None:
    """The second of two has a profile of its own; the first's is the next one's."""
    place_template(web, "browser", scratch)
    profile = scratch / ".config" / "chromium-session"
    async with desktop(web, "browser") as browser:
        await browser.until_window("New Tab", (1280, 800))
        await open_page(browser, profile, "--no-sandbox")
        async with desktop(web, "browser") as second:
            await second.until_window("New Tab", (1280, 800))
            assert "the profile is in use by another session" in await second.log()
            assert part_of(await second.picture(), PAGE) == 0
    async with desktop(web, "browser") as third:
        await third.until_window("New Tab", (1280, 800))
        assert "in use" not in await third.log()


async def test_a_browser_with_a_sandbox_of_its_own(site: Surroundings, scratch: Path) -> None:
    """As its template says that it can be had: each page in user and PID namespaces, filtered."""
    text = (SHIPPED / "browser.tpl").read_text(encoding="utf-8")
    example, used = without_comment_signs(text, "#  - >-\n", "init: true\n")
    async with running_daemon(site, config=SANDBOX) as daemon, WebServer(daemon) as web:
        place_template(
            web,
            "browser",
            scratch,
            **{example: used, "browser-session --no-sandbox\n": "browser-session\n"},
        )
        async with desktop(web, "browser") as browser:
            await browser.until_window("New Tab", (1280, 800))
            await open_page(browser, scratch / ".config" / "chromium-session")
            told = await browser.run("sh", "-c", _RENDERERS)
    assert told
    for namespaces, filters in (line.split(";") for line in told.splitlines()):
        assert len(namespaces.split()) > 1, told
        assert int(filters) > 1, told


_RENDERERS = r"""
for each in $(grep -l '[t]ype=renderer' /proc/[0-9]*/cmdline); do
    status=${each%cmdline}status
    echo "$(sed -n 's/^NSpid://p' $status);$(sed -n 's/^Seccomp_filters://p' $status)"
done
"""
"""Of what draws pages: its numbers in all PID namespaces that it is in, and its filters."""


async def test_a_desktop_comes_up_whole(web: WebServer, scratch: Path) -> None:
    """Panel and background and nothing else, in the screen's size, whichever that is.

    Also where a bus of another make comes before the system's, as conda's does.
    """
    foreign = scratch / "dbus-daemon"
    foreign.write_text("#!/bin/sh\nexit 1\n")
    foreign.chmod(0o755)
    path = "  PATH: /usr/local/bin:"
    place_template(web, "xfce", scratch, **{path: f"  PATH: {scratch}:/usr/local/bin:"})
    async with desktop(web, "xfce") as xfce:
        await _until_whole(xfce, (1440, 900))
        picture = await xfce.picture()
        assert len(picture.getcolors(picture.width * picture.height) or ()) > 1000
        await xfce.run("xrandr", "-s", "1024x768")
        await _until_whole(xfce, (1024, 768))
        assert {_title(each.text) for each in await xfce.windows()} == {"xfce4-panel", "Desktop"}


async def test_programs_meet_the_desktop_that_runs(web: WebServer, scratch: Path) -> None:
    """What is started from outside finds its bus; logging out ends the session in order.

    On a display of twice the usual dpi, where all is drawn twice as large.
    """
    place_template(web, "xfce", scratch)
    async with desktop(web, "xfce", dpi=192) as xfce:
        await _until_whole(xfce, (1440, 900), scale=2)
        await xfce.run("sh", "-c", "thunar >/dev/null 2>&1 &")

        async def opened() -> bool:
            return any("Thunar" in each.text for each in await xfce.windows())

        await eventually(opened, "the file manager has opened")
        await xfce.run("xfce4-session-logout", "--logout")
        ended = await web.until(xfce.id, "ended")
    assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 0)


async def test_an_application_is_a_window_like_any_other(web: WebServer) -> None:
    """As the shipped template starts it: maximised, with a title bar; also what comes later."""
    web.daemon.write_template("docker", (SHIPPED / "docker.tpl").read_text(encoding="utf-8"))
    async with desktop(web, "docker", command="xterm -T First -e sleep 600") as first:
        await first.until_window("First", (1280, 800 - TITLE_BAR))
        await first.run("sh", "-c", "xterm -T Second -e sleep 600 >/dev/null 2>&1 &")
        await first.until_window("Second", (1280, 800 - TITLE_BAR))
        title = (await first.picture()).crop((400, 1, 880, TITLE_BAR - 1))
        ground, *text = sorted(title.getcolors(title.width * title.height) or (), reverse=True)
        assert text, "the title bar has no title"
        assert ground[0] > 0.8 * title.width * title.height, "it is not flat"
        await first.run("xrandr", "-s", "1024x768")
        await first.until_window("First", (1024, 768 - TITLE_BAR))


async def test_a_whole_desktop_as_the_command_keeps_its_own(web: WebServer) -> None:
    """Under the template for applications: its window manager has windows, not the bundle's."""
    text = (SHIPPED / "docker.tpl").read_text(encoding="utf-8")
    web.daemon.write_template("whole", text.replace("fx-sample:bookworm", "fx-xfce:bookworm"))
    started = "env HOME=/tmp NO_AT_BRIDGE=1 startxfce4"
    async with desktop(web, "whole", command=started) as whole:
        await whole.until_window("xfdesktop", (1280, 800))
        told = await whole.run("sh", "-c", _MANAGER)
        assert "Xfwm4" in told, told
        assert "openbox" not in await whole.run("ps", "-e")


_MANAGER = """\
check=$(xprop -root -notype _NET_SUPPORTING_WM_CHECK | grep -o '0x[0-9a-f]*')
xprop -notype -id $check _NET_WM_NAME
"""


async def _until_whole(xfce: Desktop, screen: tuple[int, int], *, scale: int = 1) -> None:
    """Wait until the panel is as wide as the screen, and the background as large."""
    await xfce.until_window("xfdesktop", screen)
    await xfce.until_window("xfce4-panel", (screen[0], scale * PANEL_HEIGHT))


def _title(text: str) -> str:
    found = re.search(r'^WM_NAME = "(.*)"$', text, re.MULTILINE)
    return found[1] if found else text
