"""``ps --watch`` and ``top``: on a terminal and in a pipe, while the daemon comes and goes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from supervisor.ctl.usage import by_user, usage_lines
from supervisor.ctl.views import SessionView, session_view
from supervisor.lifecycle.session import Phase, Reason, Usage
from supervisor.lifecycle.view import session_object
from tests.support.sessions import NOW, session_in
from tests.unit.ctl.daemon import Daemon, Result

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 20.0
Run = Callable[..., Result]
AT = datetime.fromtimestamp(NOW, UTC)


def command(daemon: Daemon, *words: str) -> list[str]:
    """Of this very program."""
    return [sys.executable, "-m", "supervisor.ctl.app", *words, "--socket", str(daemon.socket)]


def environment() -> dict[str, str]:
    """Without the width of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm"}


@contextmanager
def piped(daemon: Daemon, *words: str) -> Iterator[subprocess.Popen[str]]:
    """In a pipe; killed after the block if it still runs."""
    with subprocess.Popen(  # noqa: S603 this very program
        command(daemon, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as program:
        try:
            yield program
        finally:
            program.kill()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words: list[str], columns: int, rows: int) -> None:
        self._master, slave = pty.openpty()
        self._slave = slave
        self._text = ""
        self.resize(columns, rows)
        self.program = subprocess.Popen(  # noqa: S603 this very program
            words, stdin=slave, stdout=slave, stderr=slave, env=environment()
        )

    def resize(self, columns: int, rows: int) -> None:
        """As if somebody drew at the window."""
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def shows(self, wanted: str) -> str:
        """What is written until this is."""
        end = time.monotonic() + PATIENCE_SECONDS
        while wanted not in self._text:
            assert time.monotonic() < end, self._text[-2000:]
            self._text += os.read(self._master, 65536).decode()
        before, _, self._text = self._text.partition(wanted)
        return before + wanted

    def close(self) -> None:
        """And with it whatever runs."""
        self.program.kill()
        self.program.wait()
        for descriptor in (self._master, self._slave):
            with suppress(OSError):
                os.close(descriptor)


@contextmanager
def terminal(daemon: Daemon, *words: str, columns: int = 80, rows: int = 24) -> Iterator[Terminal]:
    """``fxctl`` on one."""
    opened = Terminal(command(daemon, *words), columns, rows)
    try:
        yield opened
    finally:
        opened.close()


def test_in_a_pipe_each_change_is_a_line(daemon: Daemon) -> None:
    """First the table; heartbeats are no change to the eye; an end is told once; Ctrl-C is 0."""
    first = daemon.start("alice")
    with piped(daemon, "ps", "--watch") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        lines = [program.stdout.readline().split() for _ in range(2)]
        daemon.change(first, usage=Usage(5 << 20, 1.0, 3))
        daemon.change(first, phase=Phase.RUNNING)
        second = daemon.start("bob")
        daemon.change(first, phase=Phase.ENDED, reason=Reason.TERMINATED)
        lines += [program.stdout.readline().split() for _ in range(3)]
        program.send_signal(signal.SIGINT)
        assert (program.wait(10), program.stderr.read()) == (0, "")
    assert lines[0][:2] == ["ID", "USER"]
    short = (first[-8:], second[-8:])
    seen = [(line[0], line[1], line[4]) for line in lines[1:]]
    assert seen == [
        (short[0], "alice", "pending"),
        (short[0], "alice", "running"),
        (short[1], "bob", "pending"),
        (short[0], "alice", "ended"),
    ]


def test_programs_get_ids_or_objects(daemon: Daemon, run: Run) -> None:
    """Whole ids, each once; objects on lines; with or without watching."""
    first = daemon.start("alice")
    daemon.change(daemon.start("bob"), phase=Phase.ENDED)
    assert run("ps", "-q").out == f"{first}\n"
    with piped(daemon, "ps", "--watch", "-q", "--user", "alice") as program:
        assert program.stdout is not None
        assert program.stdout.readline() == f"{first}\n"
        daemon.start("bob")
        daemon.change(first, phase=Phase.STARTING)
        later = daemon.start("alice")
        assert program.stdout.readline() == f"{later}\n"
    with piped(daemon, "ps", "--watch", "--json", "--phase", "starting") as program:
        assert program.stdout is not None
        assert json.loads(program.stdout.readline())["id"] == first
        daemon.change(first, phase=Phase.RUNNING)
        assert json.loads(program.stdout.readline())["phase"] == "running"


def test_a_table_outlives_the_daemon_and_fits(daemon: Daemon) -> None:
    """The loss is said, and what happened meanwhile shown; a smaller window gets less."""
    sessions = [daemon.start(f"user{number}") for number in range(9)]
    with terminal(daemon, "ps", "--watch", rows=24) as shown:
        shown.shows("user0")
        daemon.restart(lambda: shown.shows("connect"))
        daemon.change(sessions[3], phase=Phase.SUSPENDED)
        shown.shows("suspended")
        shown.resize(60, 6)
        shown.shows("and 6 more")
        shown.program.send_signal(signal.SIGINT)
        # The terminal is given back as it was.
        shown.shows("\x1b[?1049l")
        assert shown.program.wait(PATIENCE_SECONDS) == 0


def view(user: str, cores: float, mebibytes: int, *, seen: float = NOW) -> SessionView:
    """A running session that uses so much."""
    session = session_in(Phase.RUNNING)
    used = replace(
        session,
        user=user,
        usage=Usage(mebibytes << 20, 9.0, 4),
        cpu_cores=cores,
        last_seen_at=seen,
    )
    return session_view(session_object(used))


def test_who_uses_most_is_first() -> None:
    """By CPU or by memory; users with all of theirs; what is not reported lately is not guessed."""
    sessions = [view("al\x1bice", 0.5, 100), view("bob", 0.25, 300), view("bob", 0.5, 10)]
    sessions.append(view("carol", 3.0, 50, seen=NOW - 200))
    summary, heading, *rows = [
        line.plain for line in usage_lines(sessions, AT, 80, sort="cpu", users=False)
    ]
    assert summary == "4 sessions, 1.25 cores, 460M"
    assert heading.split()[:5] == ["ID", "USER", "NAME", "PHASE", "CPU%"]
    shown = [line.split() for line in rows]
    assert [line[1] for line in shown] == ["al\\x1bice", "bob", "bob", "carol"]
    assert [line[-5] for line in shown] == ["50.0", "50.0", "25.0", "-"]
    assert max(map(len, (heading, *rows))) <= 80
    summed = by_user(sessions, AT, "memory")
    assert [(name, use.sessions, use.cores) for name, use in summed] == [
        ("bob", 2, 0.75),
        ("al\x1bice", 1, 0.5),
        ("carol", 1, 0.0),
    ]
    by_name = usage_lines(sessions, AT + timedelta(seconds=1), 80, sort="memory", users=True)
    assert by_name[2].plain.split() == ["bob", "2", "75.0", "310M", "8", "0"]


def test_use_that_nobody_has_reported_yet_is_not_guessed() -> None:
    """An agent that has just started has been seen, and has told nothing of its use."""
    *_, row = usage_lines([view("dora", 0.0, 0)], AT, 80, sort="cpu", users=False)
    assert row.plain.split()[-5:-2] == ["-", "-", "-"]


def test_top_is_printed_once_in_a_pipe(daemon: Daemon, run: Run) -> None:
    """Or where it is asked for; programs get cores; another order is wrong usage."""
    session_id = daemon.start("alice")
    now = datetime.now(UTC).timestamp()
    used = {"usage": Usage(64 << 20, 3.0, 5), "cpu_cores": 0.125, "last_seen_at": now}
    daemon.change(session_id, phase=Phase.RUNNING, **used)
    for options in ([], ["--once"], ["--sort", "memory"]):
        told = run("top", *options)
        assert (told.code, told.lines[0]) == (0, "1 session, 0.12 cores, 64M")
        assert told.lines[2].split()[-5:-1] == ["12.5", "64M", "5", "0"]
    (listed,) = json.loads(run("top", "--json").out)["sessions"]
    assert (listed["cpu_cores"], listed["memory_bytes"]) == (0.125, 64 << 20)
    assert run("top", "--users").lines[2].split() == ["alice", "1", "12.5", "64M", "5", "0"]
    assert run("top", "--sort", "luck").code == 2


def test_top_keeps_itself_up_to_date(daemon: Daemon) -> None:
    """On a terminal."""
    session_id = daemon.start("alice")
    with terminal(daemon, "top") as shown:
        shown.shows("alice")
        now = datetime.now(UTC).timestamp()
        daemon.change(session_id, usage=Usage(77 << 20, 1, 2), cpu_cores=0.5, last_seen_at=now)
        shown.shows("77M")


@pytest.mark.parametrize("words", [["ps", "--watch"], ["top"]])
def test_without_a_daemon_there_is_nothing_to_watch(tmp_path: Path, words: list[str]) -> None:
    """Said as everywhere, on the terminal as it was."""
    missing = [*words, "--socket", str(tmp_path / "none")]
    opened = Terminal([sys.executable, "-m", "supervisor.ctl.app", *missing], 80, 24)
    try:
        assert opened.shows("There is no socket").count("\x1b[?1049l") == 1
        assert opened.program.wait(PATIENCE_SECONDS) == 69
    finally:
        opened.close()
