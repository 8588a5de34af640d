"""``fxctl`` against a running daemon, as an administrator and as FastX's launcher script."""

from __future__ import annotations

import json

import pytest

from tests.support.daemon import Daemon
from tests.support.engine import containers
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_a_session_by_command_line(web: WebServer, daemon: Daemon) -> None:
    """Start and wait, see it in the list, end it and wait."""
    code, output, complaint = await daemon.execute(
        "fxctl", "start", "--user", daemon.site.user, "--wait", "--param", "memory=512m"
    )
    assert code == 0, complaint
    session_id = output.strip()
    session = await web.get(session_id)
    assert (session["phase"], session["params"]["memory"]) == ("running", 512 << 20)
    code, output, _ = await daemon.execute("fxctl", "ps", "--json")
    assert code == 0
    assert [listed["id"] for listed in json.loads(output)["sessions"]] == [session_id]
    code, output, _ = await daemon.execute("fxctl", "ps")
    assert daemon.site.user in output
    assert "running" in output
    code, _, complaint = await daemon.execute("fxctl", "terminate", session_id[-8:], "--wait")
    assert code == 0, complaint
    assert (await web.get(session_id))["reason"] == "Terminated"


async def test_a_start_that_fails_is_told_by_its_exit_code(daemon: Daemon) -> None:
    """What a session ended with, and its last lines, are on standard error."""
    code, _, complaint = await daemon.execute(
        *("fxctl", "start", "--user", daemon.site.user, "--wait", "--command", "fx-no-such-program")
    )
    assert code == 1
    assert "CommandNotFound" in complaint
    code, _, complaint = await daemon.execute("fxctl", "start", "--user", "root", "--wait")
    assert code == 4
    assert "uid 0" in complaint


async def test_fastx_launches_by_standard_input(web: WebServer, daemon: Daemon) -> None:
    """A JSON start object in, one JSON object with the result out; unknown keys are no fault."""
    wish = {
        "user": {"sub": daemon.site.user, "groups": ["x"]},
        "start": {"command": "sleep 600", "geometry": "800x600", "unheard-of": [1]},
        "extra": {"tmp_dir": "/tmp"},
        "another": {"deep": True},
    }
    code, output, complaint = await daemon.execute(
        "fxctl", "launch", "--stdin", stdin=json.dumps(wish).encode()
    )
    assert code == 0, complaint
    result = json.loads(output)["result"]
    session = await web.until(result["id"], "running")
    assert (session["geometry"], session["command"]) == ("800x600", "sleep 600")
    await web.terminate(session["id"])


async def test_fastx_is_told_of_a_refusal(daemon: Daemon) -> None:
    """An object with the error's name and message, and an exit code that is not zero."""
    for stdin, name in (
        (b'{"user": "root"}', "user_not_allowed"),
        (b'{"user": "no-such-user", "template": "docker"}', "user_not_allowed"),
        (b"not json", None),
        (b"", None),
    ):
        code, output, _ = await daemon.execute("fxctl", "launch", "--stdin", stdin=stdin)
        assert code != 0
        error = json.loads(output)["error"]
        assert error["message"]
        assert name in {None, error["name"]}
    assert await containers("owner", daemon.owner) == []


async def test_no_daemon_is_told(daemon: Daemon) -> None:
    """A socket that nobody listens on: one sentence, exit code 69."""
    code, _, complaint = await daemon.execute("fxctl", "--socket", "/tmp/fx-none.sock", "ps")
    assert code == 69
    assert "/tmp/fx-none.sock" in complaint
    assert "Traceback" not in complaint
