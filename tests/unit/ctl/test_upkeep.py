"""Putting in order, by hand: what is said, in how many columns, and what is asked of the daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from rich.cells import cell_len

from supervisor.ctl.findings import finding_lines
from supervisor.lifecycle.errors import UnavailableError
from tests.unit.ctl.daemon import Daemon, Result

Run = Callable[..., Result]


def test_a_dry_run_says_what_would_be_done(daemon: Daemon, run: Run) -> None:
    """Each finding with its sentence, in 80 columns; nothing is done."""
    told = run("reconcile", "--dry-run")
    assert told.code == 0
    assert daemon.upkeep.asked == [True]
    assert told.lines == [
        "Containers that no session stands for: 1",
        told.lines[1],
        "    No session stands for it: it would be removed.",
        "Files of sessions that are over: 1",
        "  session 01jd0000000000000000000007",
        "    They would be removed.",
        "Sessions that differ from their containers: 2",
        "  session 00000007  running, no container",
        "    Its container is gone: the session would be ended.",
        "  session 00000007  not in the store, container running",
        "    Its container is gone: the session would be ended.",
    ]
    words = told.lines[1].split()
    assert (words[0], words[3:]) == ("c0ffeec0ffee", ["session", "00000007", "(alice,", "docker)"])
    assert max(map(cell_len, told.lines)) <= 80


def test_in_earnest_it_is_done(daemon: Daemon, run: Run) -> None:
    """Unless told otherwise; programs get the daemon's own object."""
    assert "it was removed" in run("reconcile").out
    assert json.loads(run("reconcile", "-n", "--json").out)["dry_run"] is True
    assert daemon.upkeep.asked == [False, True]


def test_a_daemon_that_cannot_yet_is_told_of(daemon: Daemon, run: Run) -> None:
    """With its own sentence, and the exit code of those who may try again."""
    daemon.upkeep.refusal = UnavailableError("Sessions are not adopted yet.")
    refused = run("reconcile")
    assert (refused.code, refused.err) == (69, "fxctl: Sessions are not adopted yet.\n")


def test_nothing_found_is_said() -> None:
    """Rather than nothing."""
    empty = {"dry_run": True, "orphans": [], "leftover_files": [], "drift": []}
    lines = finding_lines(empty, datetime.now(UTC), 80)
    assert [line.plain for line in lines] == ["Everything is as it should be."]


def test_what_is_found_has_no_power_over_the_terminal() -> None:
    """Labels may be anything; long sentences are wrapped."""
    orphan = {"container_id": "\x1b[2J", "user": "\x1b[31m", "message": "word " * 40}
    lines = [line.plain for line in finding_lines({"orphans": [orphan]}, datetime.now(UTC), 80)]
    assert "\x1b" not in "".join(lines)
    assert len(lines) == 5
    assert max(map(len, lines)) <= 80
