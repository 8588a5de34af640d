"""Containers that go behind the daemon's back: each session ends, and says how."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.support.daemon import Daemon
from tests.support.engine import DockerFailedError, docker, run_in
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

AGENT = """\
for stat in /proc/[0-9]*/stat; do
    read -r pid name state parent rest <$stat || continue
    case $parent$name in "1(perl)" | "1(fx-session)") echo "$pid" ;; esac
done
"""

HUNGRY = """\
image: {image}
working_dir: /
mem_limit: 96m
memswap_limit: 96m
command: {command}
"""


async def test_a_container_that_is_removed_is_missed(web: WebServer) -> None:
    """``docker rm -f``: the session is over at once, not at the next listing."""
    async with web.session() as session, asyncio.timeout(20):
        await docker("rm", "-f", session["container_id"])
        ended = await web.until(session["id"], "ended")
    assert ended["reason"] in {"ContainerGone", "ContainerDied"}
    assert ended["message"]


async def test_a_container_that_is_stopped_ends_in_order(web: WebServer) -> None:
    """``docker stop`` gives the agent the time to report the end of its command."""
    async with web.session() as session, asyncio.timeout(20):
        await docker("stop", session["container_id"])
        ended = await web.until(session["id"], "ended")
    assert ended["reason"] == "CommandExited"


async def test_an_agent_that_is_killed_takes_its_session_along(web: WebServer) -> None:
    """Nobody watches over the session any more: it ends, and the message says where to look."""
    async with web.session() as session, asyncio.timeout(20):
        container = session["container_id"]
        agent = await run_in(container, "/bin/sh", "-c", AGENT)
        assert agent.isdecimal()
        # The container goes with its agent, perhaps before the shell that kills it has ended.
        with suppress(DockerFailedError):
            await docker("exec", container, "/bin/sh", "-c", f"kill -KILL {agent}")
        ended = await web.until(session["id"], "ended")
    assert (ended["reason"], ended["exit_code"]) == ("ContainerDied", 137)
    assert "without a word from its agent" in ended["message"]


async def test_an_x_server_that_dies_ends_the_session(web: WebServer) -> None:
    """Without a display there is no session; the agent says so."""
    script = "for p in /proc/[0-9]*; do case $(cat $p/comm) in X*) echo ${p#/proc/};; esac; done"
    async with web.session() as session, asyncio.timeout(20):
        container = session["container_id"]
        server = await run_in(container, "/bin/sh", "-c", script)
        await docker("exec", container, "/bin/sh", "-c", f"kill -KILL {server.split()[0]}")
        ended = await web.until(session["id"], "ended")
    assert ended["reason"] == "XServerFailed"


@pytest.mark.parametrize(
    "command",
    [
        "[perl, -e, '$$x = \"x\" x (1 << 30)']",
        "perl -e '$$x = \"x\" x (1 << 30)'; exit $$?",
        "xterm & perl -e '$$x = \"x\" x (1 << 30)' && wait",
    ],
    ids=["list", "shell", "shell-survives"],
)
async def test_a_session_that_needs_too_much_memory_is_told(
    web: WebServer, daemon: Daemon, command: str
) -> None:
    """OutOfMemory names the limit to raise, whichever process the kernel chose."""
    text = HUNGRY.format(image=daemon.site.sample, command=f"\n  {command}")
    daemon.write_template("hungry", text)
    ended = await web.ending_of(template="hungry")
    assert (ended["reason"], ended["exit_code"]) == ("OutOfMemory", 137)
    assert "mem_limit" in ended["message"]


async def test_a_lifetime_is_an_end(web: WebServer, daemon: Daemon) -> None:
    """``lifetime`` ends a session however busy it is."""
    daemon.write_template(
        "brief",
        f"image: {daemon.site.sample}\nworking_dir: /\ncommand: sleep 600\n"
        "session: {lifetime: 1s}\n",
    )
    ended = await web.ending_of(template="brief")
    assert ended["reason"] == "LifetimeExceeded"
    assert ended["ready_at"]
