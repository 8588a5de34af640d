"""Starting sessions, following them, and ending them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from unittest.mock import patch

import pytest

from supervisor.ctl.wishes import invoking_user
from supervisor.lifecycle.errors import (
    DeniedError,
    FieldError,
    InvalidRequestError,
    UnavailableError,
)
from supervisor.lifecycle.session import Phase, Reason, SessionId
from tests.unit.ctl.daemon import Daemon, Result, Step, fxctl
from tests.unit.relay.fake_sessions import FakeSessions

Run = Callable[..., Result]


def becomes(**changes: object) -> Step:
    """A step of a script: the session is in this state."""

    async def step(sessions: FakeSessions, session_id: SessionId) -> None:
        sessions.force(session_id, **changes)

    return step


async def purged(sessions: FakeSessions, session_id: SessionId) -> None:
    """A step of a script: somebody purges it."""
    await sessions.purge(session_id)


def test_a_start_prints_the_id_and_nothing_else(daemon: Daemon, run: Run) -> None:
    """In a pipe it does not wait, so that ``id=$(fxctl start)`` is all one needs."""
    started = run("start", "--user", "bob", "-c", "xterm -ls", "-g", "800x600", "--dpi", "120")
    (session_id,) = daemon.sessions.sessions
    assert (started.code, started.out, started.err) == (0, f"{session_id}\n", "")
    request = daemon.sessions.requests[0]
    assert (request.user, request.command, request.geometry) == ("bob", "xterm -ls", "800x600")
    assert request.dpi == 120


def test_params_are_sent_as_their_declared_types(daemon: Daemon, run: Run) -> None:
    """A number for a text param stays text; a size may be either; a choice is what it was."""
    given = {
        "label": "4",
        "cores": "4",
        "ratio": "1.5",
        "fast": "yes",
        "memory": "3g",
        "length": "90",
        "depth": "8",
    }
    options = [word for name, text in given.items() for word in ("--param", f"{name}={text}")]
    assert run("start", "-t", "desk", *options, "--extra", "tmp_dir=/t=1").code == 0
    request = daemon.sessions.requests[0]
    assert request.params == {
        "label": "4",
        "cores": 4,
        "ratio": 1.5,
        "fast": True,
        "memory": "3g",
        "length": 90,
        "depth": 8,
    }
    assert request.extra == {"tmp_dir": "/t=1"}


@pytest.mark.parametrize("given", [["--param", "cores"], ["--param", "=1"], ["--extra", "x"]])
def test_what_is_no_pair_is_wrong_usage(run: Run, given: list[str]) -> None:
    """Said before anything is asked of the daemon."""
    refused = run("start", *given)
    assert refused.code == 2
    assert "NAME=VALUE" in refused.err


def test_a_param_given_twice_is_wrong_usage(run: Run) -> None:
    """Which of them is meant is not guessed."""
    assert run("start", "-p", "a=1", "-p", "a=2").code == 2


def test_a_start_is_followed_to_the_running_session(daemon: Daemon, run: Run) -> None:
    """Queue and pull are told on stderr; the id alone is on stdout."""
    daemon.sessions.script = [
        becomes(queue_position=3),
        becomes(phase=Phase.STARTING, queue_position=None, progress=0.42),
        becomes(phase=Phase.STARTING, progress=None),
        becomes(phase=Phase.RUNNING),
    ]
    started = run("start", "--wait")
    assert started.code == 0
    assert started.out == f"{next(iter(daemon.sessions.sessions))}\n"
    said = [line.split(" ", 1)[1] for line in started.err.splitlines()]
    assert said[0] == "is waiting for its turn"
    assert said[-1] == "is running"
    assert "is starting: 42% of the image pulled" in said


def test_a_terminal_waits_by_itself_behind_a_spinner(daemon: Daemon, run: Run) -> None:
    """The last word is the id; the spinner is taken away."""
    daemon.sessions.script = [becomes(phase=Phase.RUNNING)]
    started = run("start", terminal=True)
    assert started.code == 0
    assert "\x1b[?25h" in started.err, "the cursor is shown again"
    assert started.err.endswith(f"{started.out.strip()[-8:]} is running\n")


def test_a_start_that_comes_to_nothing_says_why(daemon: Daemon, run: Run) -> None:
    """Exit code 1, reason, message, and the last lines of the log without power."""
    daemon.sessions.script = [
        becomes(
            phase=Phase.ENDED,
            reason=Reason.AGENT_FAILED,
            message="The agent could not start Xvnc.",
            log_tail="first\n\x1b[31mlast\n",
        )
    ]
    seen = run("start", "--wait", "--json")
    assert seen.code == 1
    assert json.loads(seen.out)["reason"] == "AgentFailed"
    failed = run("start", "--wait", "--no-color")
    assert failed.code == 1
    assert "ended: AgentFailed." in failed.err
    assert "The agent could not start Xvnc." in failed.err
    assert "  first\n  \\x1b[31mlast\n" in failed.err


def test_a_failed_start_is_told_once_and_between_words(daemon: Daemon, run: Run) -> None:
    """On a terminal the progress makes room for the reason, which is wrapped."""
    message = "The image cannot be pulled: " + "registry " * 20 + "says no."
    daemon.sessions.script = [
        becomes(phase=Phase.ENDED, reason=Reason.IMAGE_PULL_FAILED, message=message)
    ]
    for terminal in (False, True):
        failed = run("start", "--wait", "--no-color", terminal=terminal)
        assert failed.code == 1
        said = failed.err.rpartition("fxctl: ")[2]
        assert failed.err.count("says no.") == 1
        assert " ".join(said.split()).endswith(message)
        if terminal:
            assert max(map(len, said.splitlines())) <= 80


def test_a_session_that_is_purged_meanwhile_is_a_failure(daemon: Daemon, run: Run) -> None:
    """Waiting ends; it does not hang."""
    daemon.sessions.script = [purged]
    failed = run("start", "--wait")
    assert failed.code == 1
    assert "purged" in failed.err


def test_waiting_for_json_gives_the_session_as_it_became(daemon: Daemon, run: Run) -> None:
    """One document on stdout, nothing on stderr."""
    daemon.sessions.script = [becomes(phase=Phase.RUNNING)]
    started = run("start", "--wait", "--json")
    assert json.loads(started.out)["phase"] == "running"
    assert started.err == ""


def test_the_same_key_gives_the_same_session(run: Run) -> None:
    """And another wish with it is refused."""
    key = ["--idempotency-key", "k1"]
    assert run("start", *key).out == run("start", *key).out
    conflict = run("start", "--name", "Other", *key)
    assert conflict.code == 1
    assert "Idempotency-Key" in conflict.err


def test_a_refusal_is_a_sentence_and_a_line_for_each_field(daemon: Daemon, run: Run) -> None:
    """What the daemon found wrong, on stderr; as it came with --json."""
    faults = (FieldError(("params", "cores"), "must be at most 8"), FieldError(("name",), "odd"))
    daemon.sessions.refusal = InvalidRequestError("Two things are wrong.", errors=faults)
    refused = run("start")
    assert refused.code == 4
    assert refused.err.splitlines() == [
        "fxctl: Two things are wrong.",
        "  params.cores: must be at most 8",
        "  name: odd",
    ]
    assert json.loads(run("start", "--json").err)["errors"][1]["loc"] == ["name"]


def test_a_refusal_does_not_say_the_same_twice(run: Run) -> None:
    """Where the sentence is made of the fields, one of the two is enough."""
    refused = run("ps", "--phase", "odd")
    assert refused.code == 4
    assert refused.err.startswith("fxctl: query.phase: ")
    assert refused.err.count("query.phase") == 1


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(DeniedError("No."), 5), (UnavailableError("Not now."), 69), (RuntimeError("bug"), 70)],
)
def test_what_kind_of_refusal_it_was_is_the_exit_code(
    daemon: Daemon, run: Run, refusal: Exception, code: int
) -> None:
    """Scripts tell them apart without reading."""
    daemon.sessions.refusal = refusal
    assert run("start").code == code


def test_an_unknown_template_is_not_found(run: Run) -> None:
    """Here it is asked for because of the param."""
    assert run("start", "-t", "../x", "-p", "a=1").code == 3


def test_many_are_ended_whatever_becomes_of_one(daemon: Daemon, run: Run) -> None:
    """The exit code is that of what failed; the others are ended all the same."""
    first, second = daemon.start(), daemon.start()
    ended = run("terminate", first[-8:], "zzz", second)
    assert ended.code == 3
    assert [line.split()[0] for line in ended.lines] == [first, second]
    assert {s.phase for s in daemon.sessions.sessions.values()} == {Phase.ENDED}


def test_ending_is_waited_for(daemon: Daemon, run: Run) -> None:
    """``--wait`` comes back when it is over."""
    assert run("terminate", daemon.start(), "--wait").lines[0].endswith(" ended")


def test_an_order_that_waits_for_the_engine_is_kept(daemon: Daemon, run: Run) -> None:
    """A session that cannot be seen is told to end all the same, and that is said."""
    session_id = daemon.start()
    daemon.change(session_id, phase=Phase.UNKNOWN, known_phase=Phase.RUNNING)
    told = run("terminate", session_id)
    assert (told.code, told.lines) == (0, [f"{session_id} unknown"])
    assert "the order is kept" in told.err
    assert "the order is kept" not in run("terminate", session_id, "--json").err


def test_purging_forgets(daemon: Daemon, run: Run) -> None:
    """Without a terminal it does not ask."""
    session_id = daemon.start()
    assert run("purge", session_id[-8:]).out == f"{session_id} purged\n"
    assert not daemon.sessions.sessions


def test_purging_asks_on_a_terminal(daemon: Daemon) -> None:
    """No means no, and --yes is not asked."""
    session_id = daemon.start()

    class Typed(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    def answering(text: bytes, *words: str) -> Result:
        with patch.object(io, "TextIOWrapper", Typed):
            return fxctl("purge", session_id, *words, socket=daemon.socket, stdin=text)

    refused = answering(b"n\n")
    assert refused.code == 1
    assert f"Purge {session_id[-8:]} (alice, pending)?" in refused.err
    assert daemon.sessions.sessions
    assert answering(b"", "--yes").code == 0
    assert not daemon.sessions.sessions


def test_who_calls_through_sudo_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """SUDO_USER counts for root alone: anybody can set a variable."""
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert invoking_user() == "alice"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert invoking_user() == "root"


def test_interrupting_leaves_the_session_and_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while waiting: 130, and how to end it."""

    async def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("supervisor.ctl.watching.until_up", interrupted)
    stopped = run("start", "--wait")
    assert stopped.code == 130
    assert "fxctl terminate" in stopped.err


def test_suspend_and_resume_say_the_phase(daemon: Daemon, run: Run) -> None:
    """A line each; what is not there, or not up, is a failure that stops no other."""
    one, two = daemon.start(), daemon.start()
    daemon.change(one, phase=Phase.RUNNING)
    suspended = run("suspend", two, one)
    assert (suspended.code, suspended.out) == (1, f"{one} suspended\n")
    assert "can be suspended while it is running" in suspended.err
    resumed = run("resume", one)
    assert (resumed.code, resumed.out, resumed.err) == (0, f"{one} running\n", "")


def test_a_change_is_sent_as_the_declared_types(daemon: Daemon, run: Run) -> None:
    """A new name, and params as their template declares them."""
    session_id = daemon.start()
    changed = run("change", session_id, "--name", "Mine", "--param", "cores=4")
    assert (changed.code, changed.out) == (0, f"{session_id} pending\n")
    session = daemon.sessions.get(session_id)
    assert (session.name, session.params["cores"]) == ("Mine", 4)


def test_a_change_of_nothing_is_refused(daemon: Daemon, run: Run) -> None:
    """2, and what to give."""
    refused = run("change", daemon.start())
    assert refused.code == 2
    assert "--name or --param" in refused.err


def test_all_sessions_of_a_user_are_ended(daemon: Daemon, run: Run) -> None:
    """Only theirs, only those alive; what was asked for has to be clear."""
    mine = [daemon.start("alice") for _ in range(2)]
    over, other = daemon.start("alice"), daemon.start("bob")
    daemon.change(over, phase=Phase.ENDED, reason=Reason.COMMAND_EXITED)
    told = run("terminate", "--user", "alice")
    assert (told.code, told.err) == (0, "")
    assert {line.split()[0] for line in told.lines} == set(mine)
    assert daemon.sessions.sessions[other].phase is Phase.PENDING
    assert run("terminate", "--all").lines == [f"{other} ended"]
    nobody = run("terminate", "--all")
    assert (nobody.code, nobody.err) == (0, "fxctl: there is no session to end\n")
    for wrong in ([], ["--all", "--user", "alice"], ["--all", other]):
        assert run("terminate", *wrong).code == 2


def test_ending_all_is_asked_about(daemon: Daemon) -> None:
    """On a terminal; a no ends nothing."""
    session_id = daemon.start("alice")

    class Typed(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    def answering(text: bytes, *words: str) -> Result:
        with patch.object(io, "TextIOWrapper", Typed):
            return fxctl(*words, socket=daemon.socket, stdin=text)

    for words in (["terminate", "--all"], ["drain", "--terminate"]):
        refused = answering(b"n\n", *words)
        assert (refused.code, "End 1 session (alice 1)?" in refused.err) == (1, True)
        assert daemon.sessions.sessions[session_id].phase is Phase.PENDING
        assert daemon.health.node_object["draining"] is False
    assert answering(b"", "terminate", "--all", "--yes").code == 0
    assert daemon.sessions.sessions[session_id].phase is Phase.ENDED
