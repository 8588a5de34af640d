"""What an administrator sees of sessions, 80 columns wide."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from supervisor.lifecycle.session import ClipboardPolicy, Phase, Reason, Usage, ViewerCount
from supervisor.lifecycle.tickets import Mode
from tests.unit.ctl.daemon import Daemon, Result, fxctl

Run = Callable[..., Result]


def widest(text: str) -> int:
    """In characters; what is tested is ASCII."""
    return max(map(len, text.splitlines()))


def test_the_list_fits_80_columns_whatever_users_call_things(daemon: Daemon, run: Run) -> None:
    """Long names are cut with an ellipsis; ids, phases and figures never."""
    session_id = daemon.start("a-user-with-a-very-long-name@example.org", name="n" * 200)
    daemon.change(
        session_id,
        phase=Phase.STARTING,
        progress=0.42,
        viewers=ViewerCount(12, 30),
        usage=Usage(memory_bytes=1_288_490_188),
    )
    listed = run("ps")
    assert listed.code == 0
    assert listed.lines[0].split() == [
        *("ID", "USER", "NAME", "TEMPLATE", "PHASE", "AGE", "VIEWERS", "MEMORY")
    ]
    row = listed.lines[1]
    assert row.startswith(session_id[-8:])
    for figure in ("starting 42%", "12+30", "1.2G", "…"):
        assert figure in row
    assert widest(listed.out) <= 80


def test_ended_sessions_are_listed_only_when_asked_for(daemon: Daemon, run: Run) -> None:
    """``--all`` or ``--phase ended`` shows them; JSON obeys the same."""
    alive, over = daemon.start(), daemon.start()
    daemon.change(over, phase=Phase.ENDED, exit_code=137)
    assert over[-8:] not in run("ps").out
    assert alive[-8:] in run("ps").out
    for options in (["--all"], ["--phase", "ended"]):
        assert "ended (137)" in run("ps", *options).out
    shown = json.loads(run("ps", "--json").out)
    assert [session["id"] for session in shown["sessions"]] == [alive]


@pytest.mark.parametrize("reason", list(Reason))
def test_the_list_says_why_sessions_ended(daemon: Daemon, run: Run, reason: Reason) -> None:
    """Whole, in 80 columns; what only the living have gives way where there is no room."""
    alive, over = daemon.start(name="n" * 40), daemon.start("a-user-with-a-long-name")
    daemon.change(alive, phase=Phase.RUNNING, viewers=ViewerCount(1, 0))
    daemon.change(over, phase=Phase.ENDED, exit_code=137, reason=reason)
    listed = run("ps", "--all")
    assert listed.lines[0].split()[4:6] == ["PHASE", "REASON"]
    assert f"ended (137)  {reason} " in listed.lines[1]
    assert "running      - " in listed.lines[2]
    assert widest(listed.out) <= 80
    assert "VIEWERS" in run("ps").out


def test_the_list_is_read_page_by_page(
    daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No session is missing because there are many."""
    monkeypatch.setattr("supervisor.ctl.client.PAGE_SESSIONS", 2)
    started = [daemon.start() for _ in range(5)]
    shown = json.loads(run("--json", "ps", "--user", "alice").out)
    assert [session["id"] for session in shown["sessions"]] == started[::-1]


@pytest.mark.parametrize("part", [slice(None), slice(-8, None), slice(-3, None)])
def test_a_session_is_found_by_so_much_of_its_id_as_tells_it_apart(
    daemon: Daemon, run: Run, part: slice
) -> None:
    """The whole id, the eight characters of the list, or fewer; in any case of letters."""
    session_id = daemon.start()
    daemon.start()
    assert run("show", session_id[part].upper()).lines[0].startswith(session_id)


def test_the_beginning_of_what_the_list_shows_is_enough(daemon: Daemon, run: Run) -> None:
    """Nobody types eight characters where three tell the session apart."""
    session_id = daemon.start()
    daemon.rename(session_id, "01jdx4v8e0k7m2p9q1m2p6rf0h")
    daemon.start()
    assert run("show", "m2p").lines[0].startswith("01jdx4v8e0k7m2p9q1m2p6rf0h")


def test_an_id_that_several_have_is_wrong_usage(daemon: Daemon, run: Run) -> None:
    """The candidates are named, and which of them was meant is not guessed."""
    first, second = daemon.start(), daemon.start("bob")
    refused = run("show", "01jd")
    assert refused.code == 2
    assert first[-8:] in refused.err
    assert f"{second[-8:]} (bob, pending)" in refused.err


@pytest.mark.parametrize("typed", ["zzzz", "0" * 26, "", "../../x", "\udcff", "a b"])
def test_an_id_that_nobody_has_is_not_found(daemon: Daemon, run: Run, typed: str) -> None:
    """Exit code 3 and a sentence, whatever was typed."""
    daemon.start()
    missing = run("show", typed)
    assert missing.code == 3
    assert missing.err.startswith("fxctl: ")
    assert missing.err.count("\n") == 1


def test_what_went_wrong_is_shown_first(daemon: Daemon, run: Run) -> None:
    """Reason and message stand above everything else."""
    session_id = daemon.start(name="Desk")
    daemon.change(
        session_id, phase=Phase.ENDED, reason=Reason.IMAGE_NOT_FOUND, message="No such image."
    )
    shown = run("show", session_id[-8:])
    assert shown.lines[1:3] == ["ended: ImageNotFound", "No such image."]
    assert "user         alice" in shown.lines
    assert "2023-" in shown.out
    assert "ago)" in shown.out
    assert json.loads(run("show", session_id, "--json").out)["reason"] == "ImageNotFound"


def test_what_is_long_goes_on_below_itself(daemon: Daemon, run: Run) -> None:
    """The names of values stand alone to the left of them."""
    session_id = daemon.start(command="firefox " + " ".join(["https://www.example.org"] * 5))
    lines = run("show", session_id).lines
    at = next(i for i, line in enumerate(lines) if line.startswith("command      firefox https"))
    assert lines[at + 1].startswith("             https://www.example.org")
    assert max(map(len, lines)) <= 80


def test_a_clipboard_that_is_kept_back_is_shown(daemon: Daemon, run: Run) -> None:
    """By whichever of template and host; what is usual is not worth a line."""
    session_id = daemon.start()
    assert "clipboard" not in run("show", session_id).out
    daemon.change(session_id, clipboard_ceiling=ClipboardPolicy.IN)
    assert "clipboard    in: to the session only" in run("show", session_id).lines


def test_who_looks_is_shown_by_name(daemon: Daemon, run: Run) -> None:
    """As their tickets have them; whatever is in a name, it is one line."""
    session_id = daemon.start()
    daemon.look_at(session_id, Mode.VIEW, "Bob\x1b[2J", "link-1")
    daemon.look_at(session_id, Mode.CONTROL, None, None)
    lines = run("show", session_id).lines
    at = lines.index("viewers      1 in control, 1 watching")
    assert sorted(lines[at + 1 : at + 3]) == [
        "             Bob\\x1b[2J watching for 0s [link-1]",
        "             somebody in control for 0s",
    ]


@pytest.mark.parametrize(
    ("phase", "told"), [(Phase.UNKNOWN, "fxctl node"), (Phase.PENDING, "limits.max_sessions")]
)
def test_a_phase_that_says_nothing_is_explained(
    daemon: Daemon, run: Run, phase: Phase, told: str
) -> None:
    """Where to look next stands where the message would."""
    session_id = daemon.start(name="Desk")
    daemon.change(session_id, phase=phase, known_phase=Phase.RUNNING)
    assert told in run("show", session_id).lines[2]


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_of_a_users_steers_the_terminal(
    daemon: Daemon, run: Run, *, terminal: bool
) -> None:
    """Escape sequences, line ends and reversed writing are made visible."""
    nasty = "\x1b]0;owned\x07\r\n\x9b31m\u202egnp[bold]"
    session_id = daemon.start(name=nasty, command=nasty)
    daemon.change(session_id, title=nasty, message=nasty, log_tail="line\n" + nasty)
    for words in (["ps"], ["show", session_id], ["log", session_id]):
        shown = run(*words, "--no-color", terminal=terminal)
        assert shown.code == 0
        if words[0] == "log" and not terminal:
            continue
        assert not {"\x1b", "\x07", "\x9b", "\r", "\u202e"} & set(shown.out), words
    assert r"\x1b]0;owned\x07" in run("show", session_id, terminal=True).out
    assert "[bold]" in run("show", session_id).out


def test_a_ticket_is_a_path(daemon: Daemon, run: Run) -> None:
    """Made for control, or to watch; JSON has all of it."""
    session_id = daemon.start()
    path = run("ticket", session_id[-8:]).out.strip()
    assert path.startswith(f"/v1/sessions/{session_id}/display?ticket=")
    issued = json.loads(run("--json", "ticket", session_id, "--view", "--uses", "3").out)
    assert issued["mode"] == "view"


def test_templates_and_their_params_are_listed(run: Run) -> None:
    """By name with what can be set, and one of them with types, limits and defaults."""
    listed = run("templates")
    names = [line.split()[0] for line in listed.lines]
    assert names == ["NAME", "browser", "desk", "docker", "opengl", "terminal", "xfce"]
    shown = run("templates", "desk")
    assert "memory  size" in shown.out
    assert "2.0G" in shown.out
    assert "256M to 8.0G" in shown.out
    assert "8h" in shown.out
    assert max(widest(listed.out), widest(shown.out)) <= 80
    assert run("templates", "none").code == 3


def test_errors_wrap_between_words_on_a_terminal(run: Run) -> None:
    """In a pipe a sentence is one line."""
    assert len(run("show", "zzz" * 20).err.splitlines()) == 1
    wrapped = run("show", "zzz" * 20, terminal=True).err
    assert len(wrapped.splitlines()) == 3
    assert widest(wrapped) <= 80


def test_colours_are_for_terminals_that_want_them(daemon: Daemon, run: Run) -> None:
    """Not in a pipe, and not with --no-color or NO_COLOR."""
    daemon.start()
    assert "\x1b[" in run("ps", terminal=True).out
    assert "\x1b[" not in run("ps").out
    assert "\x1b[" not in run("ps", "--no-color", terminal=True).out


def test_no_color_is_honoured(daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of no-color.org."""
    daemon.start()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("ps", terminal=True).out


def test_the_socket_is_named_by_the_environment_too(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FX_SOCKET, and the run-time directory that systemd hands out."""
    daemon.start()
    monkeypatch.setenv("FX_SOCKET", str(daemon.socket))
    assert fxctl("ps").code == 0
    monkeypatch.delenv("FX_SOCKET")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(daemon.socket.parent))
    assert fxctl("ps").code == 0


def test_params_are_shown_in_their_units(daemon: Daemon, run: Run) -> None:
    """As the template declares them; as they are, once it is gone."""
    session_id = daemon.start("alice", template="desk")
    params = {"memory": 4 << 30, "length": 5400, "cores": 2, "label": "a b"}
    daemon.change(session_id, params=params)
    shown = run("show", session_id).out
    assert "params       memory=4.0G, length=1h30m, cores=2, label=a b" in shown
    daemon.change(session_id, template="gone", params={"length": 5400})
    assert "params       length=5400" in run("show", session_id).out


@pytest.mark.parametrize(("typed", "seconds"), [("45", 45), ("30m", 1800), ("1h30m", 5400)])
def test_a_ticket_lasts_as_long_as_said(daemon: Daemon, run: Run, typed: str, seconds: int) -> None:
    """In the usual notation; anything else is wrong usage."""
    session_id = daemon.start("alice")
    before = datetime.now(UTC)
    issued = json.loads(run("ticket", session_id, "--ttl", typed, "--json").out)
    expires = datetime.fromisoformat(issued["expires_at"])
    assert seconds - 1 <= (expires - before).total_seconds() <= seconds + 60
    assert run("ticket", session_id, "--ttl", "soon").code == 2
