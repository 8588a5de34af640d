"""What runs in a session: it ends the session when it ends, and its last words are kept."""

from __future__ import annotations

import pytest

from tests.support.daemon import Daemon
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_a_line_for_the_shell_ends_with_its_exit_code(web: WebServer) -> None:
    """A command as text is a shell's line; its exit code and its output are the session's."""
    command = 'echo "out $((6 * 7))"; echo err >&2; exit 3'
    ended = await web.ending_of(command=command)
    assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 3)
    assert ended["command"] == command
    assert "3" in ended["message"]
    log = await web.call("GET", f"/v1/sessions/{ended['id']}/log")
    assert log.headers["Content-Type"].startswith("text/plain")
    assert log.text == "out 42\nerr\n"
    tail = await web.call("GET", f"/v1/sessions/{ended['id']}/log?tail=1")
    assert tail.text == "err\n"


async def test_a_list_is_executed_as_it_stands(web: WebServer, daemon: Daemon) -> None:
    """A command as list is a program and its arguments; no shell reads them."""
    daemon.write_template(
        "listed",
        f"image: {daemon.site.sample}\nworking_dir: /\n"
        "command: [perl, -e, 'print join(q(|), @ARGV), qq(\\n); exit 7', a b, $$HOME, '*', '']\n",
    )
    ended = await web.ending_of(template="listed")
    assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 7)
    log = await web.call("GET", f"/v1/sessions/{ended['id']}/log")
    assert log.text == "a b|$HOME|*|\n"


async def test_a_command_that_ends_well_ends_the_session_well(web: WebServer) -> None:
    """Exit code 0 is told as 0, and the session was running before."""
    ended = await web.ending_of(command="true")
    assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 0)
    assert ended["ended_at"] >= ended["started_at"]


async def test_a_signal_that_ends_the_command_is_told_as_a_shell_would(web: WebServer) -> None:
    """128 and the signal's number."""
    ended = await web.ending_of(command="kill -SEGV $$")
    assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 139)


@pytest.mark.parametrize("form", ["shell", "list"])
async def test_a_command_that_is_not_there_is_named(
    web: WebServer, daemon: Daemon, form: str
) -> None:
    """CommandNotFound says which program, and where it was looked for."""
    command = "no-such-program --really" if form == "shell" else "[no-such-program, --really]"
    daemon.write_template(
        f"absent-{form}",
        f"image: {daemon.site.sample}\nworking_dir: /\ncommand: {command}\n",
    )
    ended = await web.ending_of(template=f"absent-{form}")
    assert (ended["reason"], ended["exit_code"]) == ("CommandNotFound", 127)
    assert "no-such-program" in ended["message"]
    assert "/usr/bin" in ended["message"]


async def test_the_image_and_its_directory_are_the_templates(
    web: WebServer, daemon: Daemon
) -> None:
    """A template's own environment and working directory reach the command."""
    daemon.write_template(
        "placed",
        f"image: {daemon.site.sample}\nworking_dir: /usr/share\n"
        "environment: {FX_COLOUR: dark blue}\ncommand: echo $$FX_COLOUR; pwd; exit 0\n",
    )
    ended = await web.ending_of(template="placed")
    log = await web.call("GET", f"/v1/sessions/{ended['id']}/log")
    assert log.text == "dark blue\n/usr/share\n"


async def test_a_directory_that_is_not_there_is_named(web: WebServer, daemon: Daemon) -> None:
    """Without a mount of HOME there is nowhere to start; the message says what to do about it."""
    daemon.write_template("homeless", f"image: {daemon.site.sample}\ncommand: xterm\n")
    ended = await web.ending_of(template="homeless")
    assert ended["reason"] == "AgentFailed"
    assert str(daemon.site.home) in ended["message"]
    assert "working_dir" in ended["message"]
