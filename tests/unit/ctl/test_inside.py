"""What an administrator reaches inside of a session: programs, log, display."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from supervisor.lifecycle.session import Phase, SessionId
from tests.support.memory_log import MemoryLog
from tests.unit.ctl.daemon import Daemon, Result
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.x_server import XServer

Run = Callable[..., Result]
TOKEN = "token"


@pytest.fixture
def session_id(daemon: Daemon) -> SessionId:
    """A running session."""
    return daemon.do(daemon.sessions.run(TOKEN))


@pytest.fixture
def agent(daemon: Daemon, session_id: SessionId) -> Iterator[FakeAgent]:
    """Its agent, on the daemon's loop."""
    assert session_id

    async def attach() -> FakeAgent:
        directory = daemon.socket.parent
        agent = FakeAgent(directory / "session.sock", directory / "display.sock", TOKEN)
        assert await agent.attach() == 200
        return agent

    attached = daemon.do(attach())
    yield attached
    daemon.do(attached.close())


def answering(daemon: Daemon, agent: FakeAgent, **end: object) -> Future[dict[str, Any]]:
    """Answer the next program with this end; what was asked."""

    async def answer() -> dict[str, Any]:
        wish = await agent.commands.get()
        if wish.get("wait"):
            await agent.report({"type": "exec_exited", "seq": 9, "id": wish["id"], **end})
        return wish

    return asyncio.run_coroutine_threadsafe(answer(), daemon._loop)


@pytest.mark.parametrize("words", [["xterm"], ["echo $HOME | cat"], ["ls", "-l", "--json"]])
def test_a_program_is_started_as_typed(
    daemon: Daemon, agent: FakeAgent, run: Run, session_id: str, words: list[str]
) -> None:
    """One word is a line for the shell, several are what is executed; options of its own stay."""
    asked = answering(daemon, agent)
    started = run("exec", session_id[-8:], "--", *words)
    assert (started.code, started.out) == (0, ""), started.err
    wish = asked.result(5)
    assert wish["command"] == (words if len(words) > 1 else words[0])
    assert "wait" not in wish


def test_what_comes_of_a_program_is_what_comes_of_fxctl(
    daemon: Daemon, agent: FakeAgent, run: Run, session_id: str
) -> None:
    """Its output and its exit code; a terminal is not steered by it."""
    end = {"exit_code": 7, "output": "one\n\x1b[1mtwo\n"}
    words = ["exec", session_id, "--wait", "--timeout", "5", "--", "ls", "--json"]
    for terminal, shown in ((False, end["output"]), (True, "one\n\\x1b[1mtwo\n")):
        asked = answering(daemon, agent, **end)
        ended = run(*words, terminal=terminal)
        assert (ended.code, ended.out) == (7, shown)
        assert asked.result(5)["command"] == ["ls", "--json"]
    answering(daemon, agent, **end)
    ended = run("--json", *words)
    assert (ended.code, json.loads(ended.out)) == (7, end)


def test_a_program_that_cannot_be_started_is_explained(
    daemon: Daemon, run: Run, session_id: SessionId
) -> None:
    """No agent, no running session, no such session, nothing to start."""
    away = run("exec", session_id, "--", "true")
    assert away.code == 69
    daemon.change(session_id, phase=Phase.SUSPENDED)
    suspended = run("exec", session_id, "--wait", "--", "true")
    assert suspended.code == 1
    assert "resume" in suspended.err
    assert run("exec", "zzz", "--", "true").code == 3
    assert run("exec", session_id).code == 2
    assert run("exec", session_id, "--wait", "--timeout", "0", "--", "true").code == 4


@pytest.mark.parametrize("name", ["log", "logs"])
def test_a_log_is_the_same_bytes_in_a_pipe(daemon: Daemon, run: Run, name: str) -> None:
    """What is post-processed is not touched; ``--tail`` takes the last lines."""
    session_id = daemon.start()
    daemon.change(session_id, log_tail="one\n\x1b[1mtwo\nthree\n")
    assert run(name, session_id).out == "one\n\x1b[1mtwo\nthree\n"
    assert run(name, session_id, "--tail", "1").out == "three\n"
    assert json.loads(run(name, session_id, "--json").out)["log"].startswith("one")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_log_is_followed_to_the_end_of_the_session(
    daemon: Daemon, run: Run, session_id: SessionId, *, as_json: bool
) -> None:
    """What is there, what comes, and then fxctl ends by itself."""
    log = daemon.logs.printed[session_id] = MemoryLog()
    log.print(b"old\none \xff\n")

    async def go_on() -> None:
        while not log._readers:
            await asyncio.sleep(0.001)
        log.print(b"two\n")
        log.end()

    going = threading.Thread(target=lambda: daemon.do(go_on()))
    going.start()
    followed = run("log", "-f", "--tail", "1", session_id, *(["--json"] if as_json else []))
    going.join()
    assert followed.code == 0
    said = "".join(json.loads(line)["log"] for line in followed.lines) if as_json else followed.out
    assert said == "one \ufffd\ntwo\n"


def showing(daemon: Daemon, agent: FakeAgent) -> None:
    """Show a picture to whoever asks next."""

    async def show() -> None:
        await XServer(Image.new("RGB", (60, 40), "#2080C0")).serve(*await agent.open_display())

    asyncio.run_coroutine_threadsafe(show(), daemon._loop)


def test_a_picture_is_written_where_it_is_wanted(
    daemon: Daemon, agent: FakeAgent, run: Run, session_id: str, tmp_path: Path
) -> None:
    """As a file, as wide as wished."""
    file = tmp_path / "now.png"
    showing(daemon, agent)
    assert run("screenshot", session_id[-8:], str(file)).out == ""
    with Image.open(file) as image:
        assert (image.format, image.size) == ("PNG", (60, 40))
    showing(daemon, agent)
    wish = ["screenshot", session_id, str(file), "--max-width", "30", "--json"]
    assert json.loads(run(*wish).out) == {"id": session_id, "file": str(file)}
    with Image.open(file) as image:
        assert image.size == (30, 20)


def test_a_picture_is_nothing_for_a_terminal(run: Run, session_id: str) -> None:
    """Wrong usage."""
    assert run("screenshot", session_id, "-", terminal=True).code == 2


def test_a_picture_that_cannot_be_had_or_kept_is_explained(
    daemon: Daemon, agent: FakeAgent, run: Run, session_id: SessionId, tmp_path: Path
) -> None:
    """No directory: one sentence; no running session: no file."""
    showing(daemon, agent)
    refused = run("screenshot", session_id, str(tmp_path / "none" / "now.png"))
    assert refused.code == 1
    assert "No such file or directory" in refused.err
    daemon.change(session_id, phase=Phase.ENDED)
    assert run("screenshot", session_id, str(tmp_path / "now.png")).code == 1
    assert list(tmp_path.iterdir()) == []
