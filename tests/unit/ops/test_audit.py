"""The audit trail: lines that nobody can forge, and that no disk holds up."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import structlog

from supervisor.lifecycle.audit import Act, Actor, ActorKind, Outcome
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import DeadlinePassed, TerminateRequested
from supervisor.lifecycle.session import DeadlineName, Phase, Reason
from supervisor.ops.acts import SystemActs
from supervisor.ops.audit import Record, Trail
from supervisor.ops.audit_sinks import FileSink, LogSink
from supervisor.ops.log import LogFormat, configure
from tests.support.sessions import NOW, session_in
from tests.unit.relay.fakes import KeptTrail

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "schema" / "audit.json").read_text())
FORGED = 'x\n{"action": "session.purge"}\x1b[2J\u2028\ud800'
ACT = Act(
    action="session.exec",
    actor=Actor(kind=ActorKind.PEER, uid=os.getuid(), gid=0, pid=1),
    outcome=Outcome.REFUSED,
    code="conflict",
    session_id="01hf000000000000000000000a",
    user="alice",
    request_id="r-1",
    details={"command": FORGED, "wait": False, "nothing": None},
)


class Counted:
    """How many were written and lost."""

    def __init__(self) -> None:
        self.written = self.lost = 0

    def audited(self, records: int) -> None:
        """See AuditCounts."""
        self.written += records

    def audit_lost(self, records: int) -> None:
        """See AuditCounts."""
        self.lost += records


class SlowSink:
    """A disk that takes nothing until it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.reached = threading.Event()

    def write(self, _records: Sequence[Record]) -> None:
        """See Sink."""
        self.reached.set()
        assert self.go_on.wait(10)

    def close(self) -> None:
        """See Sink."""


def recorded(path: Path, *acts: Act) -> tuple[list[dict[str, Any]], Counted]:
    """Record these in a file through a trail of their own; its lines."""
    counted = Counted()
    trail = Trail(FileSink(path), counted, lambda: NOW)
    for act in acts:
        trail.record(act)
    trail.start()
    trail.close(10)
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line], counted


def test_a_record_is_one_line_of_the_schema(tmp_path: Path) -> None:
    """Whatever a viewer or a command holds; the file is for its owner alone."""
    path = tmp_path / "audit.log"
    (line,), counted = recorded(path, ACT)
    jsonschema.validate(line, SCHEMA)
    assert line["details"] == {"command": FORGED, "wait": False}
    assert line["actor"]["name"]
    assert line["timestamp"].endswith("Z")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().isascii()
    assert (counted.written, counted.lost) == (1, 0)


def test_what_is_long_is_cut(tmp_path: Path) -> None:
    """A command of 64 KiB is no reason for a line of that length."""
    act = replace(ACT, details={"command": "y" * 60_000}, actor=Actor(kind=ActorKind.SYSTEM))
    (line,), _ = recorded(tmp_path / "audit.log", act)
    jsonschema.validate(line, SCHEMA)
    assert len(line["details"]["command"]) == 4096


def test_a_file_that_was_rotated_is_left(tmp_path: Path) -> None:
    """What comes after logrotate has moved it goes to a new file at the path."""
    path = tmp_path / "audit.log"
    sink = FileSink(path)
    sink.write([{"a": 1}])
    path.rename(tmp_path / "audit.log.1")
    sink.write([{"a": 2}])
    path.rename(tmp_path / "audit.log.2")
    path.touch()
    sink.write([{"a": 3}])
    sink.close()
    kept = [tmp_path / f"audit.log.{number}" for number in (1, 2)]
    assert [each.read_text() for each in (*kept, path)] == [
        '{"a": 1}\n',
        '{"a": 2}\n',
        '{"a": 3}\n',
    ]


def test_a_file_that_cannot_be_written_is_counted_and_tried_again(tmp_path: Path) -> None:
    """A link is not followed, a directory or FIFO is none; once it is mended, it goes on."""
    path = tmp_path / "audit.log"
    path.symlink_to(tmp_path / "elsewhere")
    _, counted = recorded(path, ACT, ACT)
    assert (counted.written, counted.lost) == (0, 2)
    assert not (tmp_path / "elsewhere").exists()
    path.unlink()
    os.mkfifo(path)
    assert recorded(path, ACT)[1].lost == 1
    path.unlink()
    assert recorded(path, ACT)[1].written == 1


def test_a_line_cut_off_by_a_full_disk_does_not_swallow_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The torn one is lost, and counted; what follows begins a line."""
    path = tmp_path / "audit.log"
    sink, write = FileSink(path), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
    with pytest.raises(OSError, match="only a part"):
        sink.write([{"a": "long enough"}])
    monkeypatch.undo()
    sink.write([{"a": 2}])
    sink.close()
    assert path.read_text().splitlines()[-1] == '{"a": 2}'


def test_a_slow_disk_holds_up_nobody() -> None:
    """What does not fit into the queue is counted, and ``record`` returns."""
    sink, counted = SlowSink(), Counted()
    trail = Trail(sink, counted, lambda: NOW, queue_acts=3)
    trail.start()
    trail.record(ACT)
    assert sink.reached.wait(10)
    for _ in range(5):
        trail.record(ACT)
    assert counted.lost == 2
    sink.go_on.set()
    trail.close(10)
    assert counted.written == 4


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_in_the_daemons_log_it_is_one_line_too(
    log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where only errors are logged, and in the format for people."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure("error", log_format)
    try:
        trail = Trail(LogSink(), Counted(), lambda: NOW)
        trail.record(replace(ACT, user="alice\x1b[2J\u2028x"))
        trail.start()
        trail.close(10)
        written = capsys.readouterr().err
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    assert written.count("\n") == 1
    assert not set("\x1b\u2028\ud800") & set(written)
    if log_format == "json":
        line = json.loads(written)
        assert line.pop("event") == "act_recorded"
        assert (line.pop("level"), line.pop("logger")) == ("info", "audit")
        line["user"] = "alice"
        jsonschema.validate(line, SCHEMA)


def test_limits_and_ends_are_the_daemons_acts() -> None:
    """What somebody asked for is not told a second time as the daemon's; its end is."""
    trail = KeptTrail()
    told = SystemActs(trail)
    running, over = session_in(Phase.RUNNING), session_in(Phase.ENDED)
    ending = replace(session_in(Phase.TERMINATING), reason=Reason.IDLE_TIMEOUT)
    over = replace(over, reason=Reason.IDLE_TIMEOUT, exit_code=143)
    told(running, ending, EventKind.UPDATE, DeadlinePassed(DeadlineName.IDLE, NOW))
    told(running, ending, EventKind.UPDATE, TerminateRequested())
    told(ending, over, EventKind.UPDATE, TerminateRequested())
    told(over, over, EventKind.UPDATE, TerminateRequested())
    told(over, over, EventKind.DELETE, TerminateRequested())
    assert [act.action for act in trail.acts] == [
        "session.terminate",
        "session.end",
        "session.forget",
    ]
    limit, end, _ = trail.acts
    assert limit.details == {"deadline": "idle", "reason": "IdleTimeout"}
    assert end.details["exit_code"] == 143
    assert {act.actor.kind for act in trail.acts} == {ActorKind.SYSTEM}


class Failing:
    """A sink that fails once."""

    def __init__(self) -> None:
        self.calls = 0
        self.written = threading.Semaphore(0)

    def write(self, records: Sequence[Record]) -> None:
        """See Sink."""
        self.calls += len(records)
        self.written.release()
        if self.calls == 1:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        """See Sink."""


def test_the_node_tells_whether_acts_are_recorded() -> None:
    """What was lost stays counted; why is told until it passes."""
    told = []
    for acts in (1, 2):
        sink = Failing()
        trail = Trail(sink, Counted())
        trail.start()
        for number in range(1, acts + 1):
            trail.record(ACT)
            assert sink.written.acquire(timeout=10), f"record {number} was not written"
        trail.close(10)
        told.append(trail.state())
    assert told == [
        {"records_lost": 1, "error": "[Errno 28] No space left on device"},
        {"records_lost": 1, "error": None},
    ]
