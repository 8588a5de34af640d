"""Cordon, drain, undrain: what is asked of the daemon, waited for, and said."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from supervisor.ctl.node_lines import node_lines
from supervisor.ctl.roster import Roster, headcount
from supervisor.ctl.sse import Event
from supervisor.lifecycle.errors import UnavailableError
from supervisor.lifecycle.session import Phase, Reason, SessionId
from supervisor.lifecycle.view import node_document
from tests.unit.ctl.daemon import Daemon, Result
from tests.unit.ctl.test_live import piped

Run = Callable[..., Result]
NOW = datetime(2025, 1, 1, 12, 5, tzinfo=UTC)


def end(daemon: Daemon, session_id: SessionId) -> None:
    """As a command's end does."""
    daemon.change(session_id, phase=Phase.ENDED, reason=Reason.COMMAND_EXITED)


@contextmanager
def once_followed(daemon: Daemon, act: Callable[[], None]) -> Iterator[None]:
    """Do it as soon as somebody follows the event stream."""
    seen = threading.Event()

    def watch() -> None:
        while not daemon.feed.readers and not seen.wait(0.01):
            pass
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        seen.set()
        thread.join()


def test_a_cordon_says_who_and_why(
    daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It returns at once, whatever runs; the node shows it."""
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    daemon.start()
    told = run("cordon", "--reason", "kernel update")
    assert (told.code, told.out, told.err) == (0, "node1 cordoned\n", "")
    cordon = daemon.health.node_object["cordon"]
    assert (cordon["by"], cordon["reason"]) == ("alice", "kernel update")
    shown = run("node")
    assert "takes no new sessions: kernel update" in shown.lines
    assert "\nby order of alice since 2025-01-01 " in shown.out
    assert run("uncordon").out == "node1 open\n"
    assert daemon.health.node_object["draining"] is False
    assert json.loads(run("undrain", "--json").out)["cordon"] is None


def test_a_drain_waits_for_the_last(daemon: Daemon, run: Run) -> None:
    """Progress says how many are left, and whose."""
    first, second = daemon.start("alice"), daemon.start("bob")

    def both() -> None:
        end(daemon, first)
        end(daemon, second)

    with once_followed(daemon, both):
        told = run("drain")
    assert (told.code, told.out) == (0, "node1 drained\n")
    assert "Waiting for 1 session (bob 1)" in told.err
    assert daemon.health.node_object["draining"] is True


def test_an_empty_node_is_drained_at_once(daemon: Daemon, run: Run) -> None:
    """What has ended does not count; programs get the node."""
    end(daemon, daemon.start())
    assert json.loads(run("drain", "--json").out)["draining"] is True


def test_a_drain_that_takes_too_long(daemon: Daemon, run: Run) -> None:
    """It says what is left, and that the node stays cordoned."""
    daemon.start("alice")
    told = run("drain", "--timeout", "0s")
    assert (told.code, told.out) == (1, "")
    assert "stays cordoned" in told.err
    assert daemon.health.node_object["draining"] is True


@pytest.mark.parametrize("options", [[], ["--timeout", "0"]])
def test_a_drain_can_end_sessions(daemon: Daemon, run: Run, options: list[str]) -> None:
    """At once, or after the timeout."""
    session_id = daemon.start("alice")
    told = run("drain", "--terminate", *options)
    assert (told.code, told.out) == (0, "node1 drained\n")
    assert daemon.sessions.sessions[session_id].phase is Phase.ENDED


def test_without_waiting_it_is_a_cordon(daemon: Daemon, run: Run) -> None:
    """Said as such; a timeout makes no sense with it."""
    daemon.start()
    assert run("drain", "--no-wait").out == "node1 cordoned\n"
    assert run("drain", "--no-wait", "--timeout", "3m").code == 2
    assert run("drain", "--timeout", "soon").code == 2


def test_somebody_else_opens_the_node(daemon: Daemon, run: Run) -> None:
    """Then it would be waited for in vain."""
    daemon.start()

    async def publish() -> None:
        daemon.feed.publish_node(node_document({"ready": True, "draining": False}))

    with once_followed(daemon, lambda: daemon.do(publish())):
        told = run("drain", "--timeout", "20s")
    assert told.code == 1
    assert "opened again" in told.err


def test_what_cannot_be_kept_is_refused(daemon: Daemon, run: Run) -> None:
    """With the daemon's own sentence."""
    daemon.gate.refusal = UnavailableError("The disk is full.")
    for command in ("cordon", "drain", "undrain"):
        told = run(command)
        assert (told.code, told.err) == (69, "fxctl: The disk is full.\n")


def test_the_node_is_shown_whole() -> None:
    """What is wrong first; parts of a newer daemon as they are; nothing that steers a terminal."""
    node = {
        "host": "desk\x1b[2J",
        "ready": False,
        "message": "The engine is away.",
        "engine": {"name": "Docker", "version": "20.10", "api_version": "1.41", "url": "unix:///d"},
        "capacity": {"max_sessions": 100, "cpus": 8},
        "load": {"sessions": 12, "pending": 3, "average": [0.5, 0.25, 1]},
        "draining": True,
        "cordon": {"by": "al\u202eice", "since": "2025-01-01T12:00:00.000Z", "reason": "a\nb"},
        "web_server": {"streams": 0, "last_seen_at": None},
        "audit": {"records_lost": 2, "error": "No space left on device"},
        "webhook": {"state": "paused", "waiting": 3, "stopped_for": None},
    }
    lines = [line.plain for line in node_lines(node, NOW)]
    assert lines[1:3] == ["not ready", "The engine is away."]
    assert lines[3] == "takes no new sessions: a\\nb"
    assert lines[4].startswith("by order of al\\u202eice since ")
    assert lines[4].endswith("(5 minutes ago)")
    assert lines[6:] == [
        "engine        Docker 20.10 (API 1.41) at unix:///d, does not answer",
        "sessions      12 of 100, 3 pending",
        "load          0.50 0.25 1.00 (on 8 CPUs)",
        "web server    has read no events since the daemon was started",
        "audit         2 records lost: No space left on device",
        "webhook       state=paused, waiting=3",
    ]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("web_server", "told"),
    [
        ({"streams": 1, "last_seen_at": "2025-01-01T12:00:00.000Z"}, "1 reader of events"),
        ({"streams": 0, "last_seen_at": "2025-01-01T12:00:00.000Z"}, "reads no events since 20"),
    ],
)
def test_whether_anybody_follows_is_told(web_server: dict[str, object], told: str) -> None:
    """In words; and nothing where nothing was lost."""
    node = {"ready": True, "web_server": web_server, "audit": {"records_lost": 0}}
    last = node_lines(node, NOW)[-1].plain
    assert last.startswith(f"web server    {told}")


def test_what_of_the_files_does_not_hold_is_told_first() -> None:
    """A refused reload, keys that wait for a restart, templates: each a line of its own."""
    node = {
        "host": "desk",
        "ready": True,
        "configuration": {
            "loaded_at": "2025-01-01T12:00:00.000Z",
            "error": "s.yaml:1:1: a: unknown key\ns.yaml:2:1: b: unknown\x1b key",
            "kept": ["engine.host", "audit.path"],
            "templates_refused": ["x.tpl:1:1: image: this key is required"],
        },
    }
    lines = [line.plain for line in node_lines(node, NOW)]
    assert lines[2:8] == [
        "supervisor.yaml was refused at the last reload; the one before it goes on:",
        "  s.yaml:1:1: a: unknown key",
        "  s.yaml:2:1: b: unknown\\x1b key",
        "changed in supervisor.yaml, and waiting for a restart: engine.host, audit.path",
        "templates that cannot be used:",
        "  x.tpl:1:1: image: this key is required",
    ]
    assert lines[-1].startswith("configuration of ")
    assert lines[-1].endswith("(5 minutes ago)")


def test_a_list_that_comes_anew_replaces_the_other() -> None:
    """Only once it is complete: what is shown meanwhile is what there was."""
    roster = Roster()
    first = {"id": "a", "user": "alice", "phase": "running"}
    roster.take(Event(None, "reset", {}))
    roster.take(Event(None, "update", first))
    assert not roster.is_known
    roster.take(Event(1, "synced", {}))
    roster.take(Event(None, "reset", {}))
    assert [session.id for session in roster.live()] == ["a"]
    roster.take(Event(None, "update", {**first, "id": "b"}))
    roster.take(Event(2, "synced", {}))
    assert [session.id for session in roster.live()] == ["b"]
    roster.take(Event(3, "delete", {"id": "b"}))
    assert headcount(roster.live()) == "0 sessions"


def test_ctrl_c_leaves_the_node_cordoned(daemon: Daemon) -> None:
    """And says so."""
    daemon.start("alice")
    with piped(daemon, "drain") as program:
        assert program.stderr is not None
        assert program.stderr.readline() == "Waiting for 1 session (alice 1)\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 130
        assert "the node stays cordoned" in program.stderr.read()
    assert daemon.health.node_object["draining"] is True


def test_json_may_be_asked_for_as_kubectl_has_it(daemon: Daemon, run: Run) -> None:
    """``-o json``."""
    del daemon
    assert json.loads(run("node", "-o", "json").out)["host"] == "node1"
