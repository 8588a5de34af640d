"""A display goes from the X server to the daemon, and by nobody in between."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.engine import run_in
from tests.support.eventually import LONG_SECONDS
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

SIGNAL_AGENT = r"""
    for process in /proc/[0-9]*; do
        tr '\0' ' ' < $process/cmdline | grep -q '^/usr/bin/perl [^ ]*/fx-session' || continue
        kill -$0 ${process#/proc/} && echo done
    done
"""


@pytest.mark.parametrize("mode", ["control", "view"])
async def test_a_picture_comes_while_its_agent_stands_still(web: WebServer, mode: str) -> None:
    """Whoever is in control is heard as well; with the agent's end the display is over."""
    async with web.session(command="xterm") as session:
        container = session["container_id"]
        async with viewing(web, session["id"], mode=mode) as screen:
            await wait_for_window(screen)
            assert await run_in(container, "/bin/sh", "-c", SIGNAL_AGENT, "STOP") == "done"
            async with asyncio.timeout(LONG_SECONDS):
                await screen.refresh()
                if mode == "control":
                    seen = screen.updates
                    await screen.point(100, 100)
                    await screen.type_text("x")
                    await screen.wait_until(lambda: screen.updates > seen)
            assert await run_in(container, "/bin/sh", "-c", SIGNAL_AGENT, "CONT") == "done"
            await web.terminate(session["id"])
            async with asyncio.timeout(LONG_SECONDS):
                await screen.wait_closed()
