"""The program as such: help, options, errors, completion."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from supervisor import __version__
from supervisor.ctl.client import Client
from supervisor.ctl.completion import session_ids, template_names
from supervisor.ctl.errors import MalformedAnswerError, ProblemError
from supervisor.ctl.options import hoisted
from supervisor.ctl.text import age, moment, plain, plain_lines, size, span, when
from tests.unit.ctl.daemon import Daemon, Result, fxctl

ROOT = Path(__file__).parents[3]
Run = Callable[..., Result]


def test_help_fits_and_explains_the_exit_codes() -> None:
    """80 columns, every command with a whole sentence, the codes below."""
    shown = fxctl("--help")
    assert shown.code == 0
    assert max(map(len, shown.lines)) <= 80
    assert "..." not in shown.out.partition("Commands:")[2]
    for words in ("2 wrong usage", "69 the daemon does not answer", "5 denied"):
        assert words in shown.out


def test_help_does_not_wait_for_libraries() -> None:
    """HTTP, terminal, YAML and validation libraries are left for the commands that need them."""
    code = (
        "import sys; from supervisor.ctl.app import main; main(['--help'])\n"
        "print(sorted({'aiohttp', 'rich', 'pydantic', 'ruamel', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 this very program
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_where_the_socket_is_needs_no_libraries() -> None:
    """Validation is slow to import, and nobody validates anything to know a path."""
    code = (
        "import sys; from supervisor.ctl.endpoint import socket_path; socket_path(None)\n"
        "print(sorted({'pydantic', 'ruamel'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 this very program
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout == "[]\n"


def test_the_module_is_a_program_too() -> None:
    """``python -m`` does the same, and its exit code is ours."""
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.ctl.app", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2


def test_the_version_is_the_packages() -> None:
    """One place says it."""
    assert fxctl("--version").out == f"fxctl {__version__}\n"


@pytest.mark.parametrize("words", [["nonsense"], ["ps", "--nonsense"], ["show"], ["start", "x"]])
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    """And no trace."""
    refused = fxctl(*words)
    assert refused.code == 2
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    "words", [["ps"], ["events"], ["start"], ["show", "x"], ["purge", "x", "y"], ["templates"]]
)
def test_without_a_daemon_it_is_said_where_and_what_to_do(tmp_path: Path, words: list[str]) -> None:
    """Exit code 69, one sentence, once."""
    refused = fxctl(*words, "--socket", str(tmp_path / "web.sock"))
    assert refused.code == 69
    assert refused.err == (
        f"fxctl: There is no socket {tmp_path}/web.sock: fx-supervisor does not run (systemctl "
        "status fx-supervisor), or uses another (--socket, FX_SOCKET).\n"
    )


def test_a_socket_that_nobody_serves_is_told_apart(tmp_path: Path) -> None:
    """As a daemon leaves it that was killed."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "web.sock"))
    refused = fxctl("ps", "--socket", str(tmp_path / "web.sock"))
    assert refused.code == 69
    assert refused.err.startswith("fxctl: fx-supervisor does not answer on ")


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming others takes root")
def test_a_socket_out_of_reach_is_a_matter_of_permissions() -> None:
    """Exit code 5, as where the daemon itself refuses: waiting or restarting does not help."""
    with tempfile.TemporaryDirectory(prefix="fx-ctl-") as directory:
        os.seteuid(4001)
        try:
            refused = fxctl("ps", "--socket", f"{directory}/web.sock")
        finally:
            os.seteuid(0)
    assert refused.code == 5
    assert refused.err.startswith("fxctl: This user may not connect to ")


def test_a_fault_of_ours_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 70; the trace is for those who ask for it."""

    async def broken(*_: object, **__: object) -> None:
        raise LookupError("bug\x1b")

    monkeypatch.setattr(Client, "sessions", broken)
    failed = run("ps")
    assert failed.code == 70
    said = r"fxctl: internal error: LookupError: bug\x1b (FX_DEBUG=1 shows where)"
    assert failed.err.splitlines() == [said]
    monkeypatch.setenv("FX_DEBUG", "1")
    assert "Traceback" in run("ps").err


async def test_what_answers_otherwise_than_the_daemon_is_found_out(tmp_path: Path) -> None:
    """Not JSON, not an object, a page of another server: an error with a sentence each."""
    answers = iter([b"hello", b"[]", b'{"sessions": 3}', b'{"sessions": [{"id": 1}]}'])

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=next(answers))

    async def refuse(_request: web.Request) -> web.Response:
        raise web.HTTPForbidden(text="<html>")

    app = web.Application()
    app.router.add_get("/v1/sessions", serve)
    app.router.add_get("/v1/templates", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    async with Client(tmp_path / "s") as client:
        for _ in range(4):
            with pytest.raises(MalformedAnswerError):
                await client.sessions()
        with pytest.raises(ProblemError, match="403"):
            await client.templates()
    await runner.cleanup()


def test_options_of_the_program_may_stand_anywhere() -> None:
    """But what follows ``--`` is nobody's option."""
    words = ["ps", "--json", "--socket", "/s", "-u", "a", "--socket=/t", "--", "--json"]
    front = ["--json", "--socket", "/s", "--socket=/t"]
    assert hoisted(words) == [*front, "ps", "-u", "a", "--", "--json"]
    assert hoisted(["ps", "--socket"]) == ["ps", "--socket"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_complete(shell: str) -> None:
    """The script asks this program."""
    assert "_FXCTL_COMPLETE" in fxctl("completion", shell).out


def test_ids_and_templates_are_completed(daemon: Daemon) -> None:
    """Short ids, or whole ones where the beginning was typed; with who and what."""
    first, second = daemon.start(name="A\x1bB"), daemon.start("bob")
    assert session_ids(str(daemon.socket), "") == [
        (second[-8:], "bob Terminal pending"),
        (first[-8:], r"alice A\x1bB pending"),
    ]
    assert [offer for offer, _ in session_ids(str(daemon.socket), "01J")] == [second, first]
    assert template_names(str(daemon.socket), "de") == [("desk", "Desk")]


def test_completion_reaches_the_shell(daemon: Daemon) -> None:
    """Through the protocol that the script speaks, with the socket that was typed."""
    session_id = daemon.start()
    words = f"fxctl --socket {daemon.socket} show "
    code = "import sys; from supervisor.ctl.app import main; sys.argv[0] = 'fxctl'; main()"
    done = subprocess.run(  # noqa: S603 this very program
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"COMP_WORDS": words, "COMP_CWORD": "4", "_FXCTL_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [session_id[-8:]]


def test_completion_without_a_daemon_is_silent(tmp_path: Path) -> None:
    """Nobody wants a complaint in the middle of a line."""
    assert session_ids(str(tmp_path / "none"), "") == []


@given(st.text(st.characters(codec=None)))
def test_plain_text_has_no_power(text: str) -> None:
    """No controls, no half characters; and what is plain already stays as it is."""
    shown = plain(text)
    shown.encode()
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in shown)
    assert plain(shown) == shown
    assert set(plain_lines(text)) - set(shown) <= {"\n", "\t"}


def test_sizes_and_ages_are_short() -> None:
    """Four characters at most, in the unit that says most."""
    shown = [size(n) for n in (0, 999, 1000, 1_288_490_188, 99 * 1024**2, 10**15)]
    assert shown == ["0B", "999B", "1.0K", "1.2G", "99M", "909T"]
    now = datetime.now(UTC)
    ages = [age(now - timedelta(seconds=n), now) for n in (-5, 0, 59, 60, 7200, 10**6)]
    assert ages == ["0s", "0s", "59s", "1m", "2h", "11d"]
    assert age(None, now) == "-"
    assert [span(n) for n in (0, 59, 5400, 28_800)] == ["0s", "59s", "1h30m", "8h"]
    assert when(now - timedelta(seconds=60), now).endswith("(1 minute ago)")
    assert moment("2026-01-01T00:00:00.000Z") == datetime(2026, 1, 1, tzinfo=UTC)
    assert moment("yesterday") is None
