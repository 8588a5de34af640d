"""perl is all that an image needs, whatever the distribution, the network or the root directory."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.daemon import Daemon
from tests.support.engine import inspect, run_in
from tests.support.eventually import LONG_SECONDS
from tests.support.viewing import viewing
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_perl_base_without_network_or_writable_root_shows_its_display(
    web: WebServer, daemon: Daemon
) -> None:
    """Another Debian release, perl-base only, no network, nothing writable: a picture arrives."""
    daemon.write_template(
        "bare",
        f"image: {daemon.site.perl_base}\npull_policy: never\nnetwork_mode: none\n"
        "read_only: true\ntmpfs: [/tmp]\nworking_dir: /\ncap_drop: [ALL]\n"
        "command: [sleep, infinity]\ngeometry: 640x480\n",
    )
    async with web.session(template="bare") as session:
        host = (await inspect(session["container_id"]))["HostConfig"]
        assert (host["NetworkMode"], host["ReadonlyRootfs"]) == ("none", True)
        release = await run_in(session["container_id"], "cat", "/etc/os-release")
        assert "trixie" in release
        async with viewing(web, session["id"]) as screen, asyncio.timeout(LONG_SECONDS):
            await screen.refresh()
            assert screen.size == (640, 480)
            assert screen.updates > 0
        ended = await web.terminate(session["id"])
    assert ended["reason"] == "Terminated"


async def test_the_geometry_asked_for_is_the_displays(web: WebServer, daemon: Daemon) -> None:
    """What the start says of the display goes before what the template says."""
    daemon.write_template(
        "sized",
        f"image: {daemon.site.perl_base}\nworking_dir: /\ncommand: [sleep, infinity]\n"
        "geometry: 640x480\n",
    )
    async with (
        web.session(template="sized", geometry="1024x600", name="Büro 1") as session,
        viewing(web, session["id"]) as screen,
    ):
        assert screen.size == (1024, 600)
        assert session["geometry"] == "1024x600"
        assert session["name"] == "Büro 1"
