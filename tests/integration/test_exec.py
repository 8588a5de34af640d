"""Programs that are started in running sessions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import Answer, WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

QUIET = "sleep 600"
SHOW = 'echo "$DISPLAY $USER $HOME $FASTX_SESSION_ID"; pwd; id -u; echo oops >&2; exit 3'


async def execute(web: WebServer, session_id: str, command: object, **fields: object) -> Answer:
    """Start a program and wait for its end, unless told otherwise."""
    wish = {"command": command, "wait": True, **fields}
    return await web.call("POST", f"/v1/sessions/{session_id}/exec", wish)


async def test_a_program_is_the_users_and_on_the_sessions_display(
    web: WebServer, daemon: Daemon
) -> None:
    """Environment, directory and uid are the session's; exit code and both outputs come back."""
    account = daemon.site.account
    async with web.session(command=QUIET) as session:
        shown = await execute(web, session["id"], SHOW)
        listed = await execute(web, session["id"], ["printf", "%s|", "a b", "$HOME", ""])
        drawn = await execute(web, session["id"], "xdpyinfo | grep dimensions")
    assert shown.status == 200
    first, *rest = shown.body["output"].splitlines()
    display, *told = first.split(" ")
    assert display.startswith(":")
    assert told == [account.pw_name, str(daemon.site.home), session["id"]]
    assert rest == [str(daemon.site.home), str(account.pw_uid), "oops"]
    assert shown.body["exit_code"] == 3
    assert listed.body == {"exit_code": 0, "output": "a b|$HOME||"}
    assert "1280x800" in drawn.body["output"]


async def test_a_program_that_cannot_be_run_is_explained(web: WebServer) -> None:
    """127 from a shell, 126 without one, and the reason; signals as a shell tells them."""
    async with web.session(command=QUIET) as session:
        line = await execute(web, session["id"], "fx-no-such-program --really")
        listed = await execute(web, session["id"], ["fx-no-such-program"])
        killed = await execute(web, session["id"], "kill -SEGV $$")
    assert line.body["exit_code"] == 127
    assert "fx-no-such-program" in line.body["output"]
    assert listed.body["exit_code"] == 126
    assert "No such file" in listed.body["output"]
    assert killed.body["exit_code"] == 139


async def test_of_much_output_the_end_comes_back(web: WebServer) -> None:
    """32 KiB, and less of what is escaped on its way; it is text whatever was printed."""
    async with web.session(command=QUIET) as session:
        much = await execute(web, session["id"], "yes | head -c 100000; echo; echo end")
        binary = await execute(web, session["id"], "head -c 100000 /dev/urandom")
        control = await execute(web, session["id"], ["perl", "-e", r'print "\1" x 100_000'])
    assert len(much.body["output"]) == 32 * 1024
    assert much.body["output"].endswith("y\n\nend\n")
    assert len(binary.body["output"]) > 8 * 1024
    assert set(control.body["output"]) == {"\1"}
    assert len(control.body["output"]) > 9 * 1024


async def test_a_window_is_opened_without_waiting(web: WebServer) -> None:
    """202 at once, and the display shows it; the session goes on."""
    async with web.session(command=QUIET) as session:
        started = await execute(web, session["id"], "xterm", wait=False)
        assert (started.status, started.body["id"]) == (202, session["id"])
        async with viewing(web, session["id"]) as screen:
            await wait_for_window(screen)
        assert (await web.get(session["id"]))["phase"] == "running"


async def test_what_nobody_waits_for_prints_into_the_log(web: WebServer) -> None:
    """And so is told that there was nothing to run."""
    async with web.session(command=QUIET) as session:
        path = f"/v1/sessions/{session['id']}/log"
        await execute(web, session["id"], "echo from the program", wait=False)
        await execute(web, session["id"], ["fx-no-such-program"], wait=False)

        async with asyncio.timeout(LONG_SECONDS), web.http.get(f"{path}?follow=true") as answer:
            seen = ""
            while not ("from the program\n" in seen and "exec failed: exec: No such file" in seen):
                seen += (await answer.content.readline()).decode()


async def test_a_program_outlives_the_patience_of_its_caller(web: WebServer, scratch: Path) -> None:
    """504 at the deadline, and it runs on; it ends with the session."""
    made = scratch / "made"
    async with web.session(command=QUIET) as session:
        command = f"sleep 2; touch {made}; sleep 600"
        late = await execute(web, session["id"], command, timeout_seconds=1)
        assert late.refusal() == (504, "exec_timeout", [])
        await eventually(made.exists, "the program ran on")
        begun = scratch / "begun"
        command = f"touch {begun}; exec sleep 600"
        waiting = asyncio.create_task(execute(web, session["id"], command))
        await eventually(begun.exists, "another program runs")
        await web.terminate(session["id"])
    answer = await waiting
    assert (answer.status, answer.body["exit_code"]) == (200, 143)


async def test_only_a_running_session_has_programs(web: WebServer) -> None:
    """409 with what to do, after the end."""
    ended = await web.ending_of(command="true")
    refused = await execute(web, ended["id"], "true")
    assert refused.refusal() == (409, "not_running", [])
    assert "start another" in refused.body["detail"]


@pytest.mark.parametrize("mode", ["disconnect", "freeze"])
async def test_a_suspended_session_is_left_alone(web: WebServer, daemon: Daemon, mode: str) -> None:
    """409 for programs and pictures until it is resumed; what it has printed can be read."""
    daemon.write_template(
        f"suspended-{mode}",
        f"image: {daemon.site.sample}\nworking_dir: /\ncommand: echo asleep; sleep 600\n"
        f"session: {{suspend: {mode}}}\n",
    )
    async with web.session(template=f"suspended-{mode}") as session:
        path = f"/v1/sessions/{session['id']}"
        await web.call("POST", f"{path}/suspend")
        await web.until(session["id"], "suspended")
        for refused in (
            await execute(web, session["id"], "true"),
            await web.call("GET", f"{path}/screenshot"),
        ):
            assert refused.refusal() == (409, "not_running", [])
            assert "resume" in refused.body["detail"]
        assert "asleep\n" in (await web.call("GET", f"{path}/log")).text
        await web.call("POST", f"{path}/resume")
        assert (await web.get(session["id"]))["phase"] == "running"
        assert (await execute(web, session["id"], "exit 9")).body["exit_code"] == 9


async def test_by_command_line(web: WebServer, daemon: Daemon) -> None:
    """Output and exit code are those of the program."""
    async with web.session(command=QUIET) as session:
        part = session["id"][-8:]
        code, output, complaint = await daemon.execute(
            "fxctl", "exec", part, "--wait", "--", "sh", "-c", "echo $DISPLAY; exit 5"
        )
        assert (code, complaint) == (5, "")
        assert output.startswith(":")
        code, output, _ = await daemon.execute(
            "fxctl", "exec", part, "--wait", "--json", "--", "echo one word | tr a-z A-Z"
        )
        assert (code, json.loads(output)) == (0, {"exit_code": 0, "output": "ONE WORD\n"})
        code, output, _ = await daemon.execute("fxctl", "exec", part, "--", "xterm")
        assert (code, output) == (0, "")
