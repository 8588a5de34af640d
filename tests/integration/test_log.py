"""What sessions print, read while they live and afterwards."""

from __future__ import annotations

import asyncio
import select
import socket
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.engine import inspect
from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

TALK = 'echo one; echo "two\xe9" >&2; sleep 600'
FLOOD = """exec perl -e '$line = "x" x 150; print $number++, " $line\\n" while 1'"""


def log_path(session_id: str) -> str:
    """Where to ask."""
    return f"/v1/sessions/{session_id}/log"


async def read(web: WebServer, session_id: str, query: str = "") -> list[str]:
    """The lines there are, without those of the agent."""
    answer = await web.call("GET", log_path(session_id) + query)
    assert answer.status == 200, answer.text
    return [line for line in answer.text.splitlines() if not line.startswith("fx-session: ")]


async def test_a_living_session_can_be_asked(web: WebServer) -> None:
    """Both outputs, as they were printed; the last lines alone; the agent's are among them."""
    async with web.session(command=TALK) as session:

        async def printed() -> bool:
            return await read(web, session["id"]) == ["one", "two\xe9"]

        await eventually(printed, "both lines are in the log")
        whole = (await web.call("GET", log_path(session["id"]))).text
        assert "fx-session: display :" in whole
        tail = await web.call("GET", log_path(session["id"]) + "?tail=2")
        assert tail.text == "".join(whole.splitlines(keepends=True)[-2:])
        assert (await web.call("GET", log_path(session["id"]) + "?tail=0")).text == ""


async def test_following_ends_with_the_session(web: WebServer, scratch: Path) -> None:
    """From its beginning, before there was a container, to its last word."""
    go = scratch / "go"
    command = f"echo begun; until [ -e {go} ]; do sleep 0.1; done; echo went; exit 4"
    session_id = await web.start(command=command)
    async with (
        asyncio.timeout(LONG_SECONDS),
        web.http.get(log_path(session_id) + "?follow=true") as answer,
    ):
        assert (answer.status, answer.content_type) == (200, "text/plain")
        seen = b""
        while b"begun\n" not in seen:
            seen += await answer.content.readany()
        go.touch()
        seen += await answer.content.read()
    assert seen.count(b"begun\n") == 1
    assert b"went\n" in seen
    ended = await web.until(session_id, "ended")
    assert ended["exit_code"] == 4
    assert await read(web, session_id) == ["begun", "went"]
    assert await read(web, session_id, "?follow=true&tail=1") == ["went"]


async def test_a_session_is_followed_by_many(web: WebServer, scratch: Path) -> None:
    """Each gets every line; one that leaves is nobody's loss, one too many is told so."""
    go = scratch / "go"
    command = f"until [ -e {go} ]; do sleep 0.1; done; seq 5000"
    async with web.session(command=command) as session:
        path = log_path(session["id"]) + "?follow=true&tail=0"
        followers = [await web.http.get(path) for _ in range(16)]
        refused = await web.call("GET", path)
        assert refused.refusal() == (429, "too_many_followers", [])
        followers.pop().close()

        async def place() -> bool:
            answer = await web.http.get(path)
            if answer.status == 200:
                followers.append(answer)
            else:
                answer.close()
            return answer.status == 200

        await eventually(place, "the place of the one that left is free")
        go.touch()
        async with asyncio.timeout(LONG_SECONDS):
            texts = [await follower.text() for follower in followers]
    expected = [str(number) for number in range(1, 5001)]
    for text in texts:
        lines = [line for line in text.splitlines() if not line.startswith("fx-session: ")]
        assert lines == expected


async def test_the_last_words_are_kept(web: WebServer) -> None:
    """32 KiB of them, of what has to be escaped on its way as much as goes."""
    much = await web.ending_of(command="seq 100000; exit 0")
    kept = (await web.call("GET", log_path(much["id"]))).text
    assert len(kept) == 32 * 1024
    assert kept.endswith("\n99999\n100000\n")
    control = await web.ending_of(command="perl -e 'print qq(\\1) x 100_000'")
    assert control["reason"] == "CommandExited"
    kept = (await web.call("GET", log_path(control["id"]))).text
    assert set(kept) == {"\1"}
    assert len(kept) > 8000


async def test_a_driver_that_cannot_be_read_is_told(web: WebServer, daemon: Daemon) -> None:
    """409 and what to change; at the end the agent's report is there all the same."""
    daemon.write_template(
        "silent",
        f"image: {daemon.site.sample}\nworking_dir: /\nlogging: {{driver: none}}\n"
        "command: echo unheard; sleep 600\n",
    )
    async with web.session(template="silent") as session:
        for query in ("", "?follow=true"):
            refused = await web.call("GET", log_path(session["id"]) + query)
            assert refused.refusal() == (409, "log_unavailable", [])
            assert "logging" in refused.body["detail"]
        await web.terminate(session["id"])
        assert await read(web, session["id"]) == ["unheard"]


async def test_a_flood_hurts_nobody(web: WebServer, daemon: Daemon) -> None:
    """What is kept of it is bounded; who does not read is cut off, and others are served."""
    async with web.session(command=FLOOD) as session:
        config = (await inspect(session["container_id"]))["HostConfig"]["LogConfig"]
        assert config == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
        target = log_path(session["id"]) + "?follow=true"
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(str(daemon.socket))
            idle.sendall(f"GET {target} HTTP/1.1\r\nHost: fx\r\n\r\n".encode())
            async with web.http.get(target + "&tail=10") as answer:
                followed = 0
                while followed < 4 << 20:
                    followed += len(await answer.content.readany())
                answer.close()
            plain = (await web.call("GET", log_path(session["id"]))).text
            assert 100_000 < len(plain) <= 4 << 20
            await eventually(lambda: left_by_the_other(idle), "who does not read is cut off")
        assert (await web.call("GET", "/healthz")).status == 200
        ended = await web.terminate(session["id"])
        assert ended["reason"] == "Terminated"


def left_by_the_other(end: socket.socket) -> bool:
    """Whether the other side has closed, however much of what it sent was not read."""
    poll = select.poll()
    poll.register(end, select.POLLHUP)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


async def test_followers_that_leave_are_no_leak(web: WebServer) -> None:
    """One after the other, and more than there are places, in a session that is silent."""
    async with web.session(command=TALK) as session:
        path = log_path(session["id"]) + "?follow=true"

        async def follow() -> bool:
            async with web.http.get(path) as answer:
                return answer.status == 200

        for _ in range(40):
            await eventually(follow, "there is a place")


async def test_by_command_line(web: WebServer, daemon: Daemon, scratch: Path) -> None:
    """What there is, and what comes until the session ends."""
    go = scratch / "go"
    command = f"echo ready; until [ -e {go} ]; do sleep 0.1; done; echo went"
    async with web.session(command=command) as session:
        part = session["id"][-8:]
        code, output, _ = await daemon.execute("fxctl", "log", part)
        assert code == 0
        following = asyncio.create_task(daemon.execute("fxctl", "logs", "-f", part))
        go.touch()
        code, output, complaint = await following
        assert (code, complaint) == (0, "")
        assert "ready\n" in output
        assert "went\n" in output
