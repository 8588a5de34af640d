"""Logs: one JSON object per line, in reading order, without secrets."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from supervisor.ops.log import LogFormat, configure, last_words

SECRET = "s3cr3t-value"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Leave logging as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logger() -> structlog.stdlib.BoundLogger:
    """A logger made now, for loggers remember how they were configured."""
    made: structlog.stdlib.BoundLogger = structlog.get_logger("supervisor.test")
    return made


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was written: nothing to standard output, one JSON object per line to the other."""
    written = capsys.readouterr()
    assert written.out == ""
    assert "\x1b" not in written.err
    return [json.loads(line) for line in written.err.splitlines()]


def test_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks and escape sequences in values do not leave their line."""
    configure("info", "json")
    logger().info("session_ended", message="a\nb\x1b[31m", nothing=None)
    (line,) = lines(capsys)
    assert (line["event"], line["message"]) == ("session_ended", "a\nb\x1b[31m")
    assert (line["level"], line["logger"]) == ("info", "supervisor.test")
    assert line["timestamp"].endswith("Z")
    assert "nothing" not in line


def test_lines_begin_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """When, how bad, what and whose come first."""
    configure("info", "json")
    with structlog.contextvars.bound_contextvars(session_id="01"):
        logger().warning("container_died", zebra=1, container_id="c", user="alice", apple=2)
    (line,) = lines(capsys)
    first = ["timestamp", "level", "event", "session_id", "user", "container_id"]
    assert list(line)[:6] == first


def test_libraries_log_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """The standard library's loggers come out in the same form, with the session's id."""
    configure("info", "json")
    with structlog.contextvars.bound_contextvars(session_id="01"):
        logging.getLogger("some.library").error("failed: %s", "why")
    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("failed: why", "error")
    assert (line["logger"], line["session_id"]) == ("some.library", "01")
    assert list(line)[:3] == ["timestamp", "level", "event"]


@pytest.mark.parametrize(
    "fields",
    [
        {"token": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"ticket_path": SECRET},
        {"headers": {"Cookie": SECRET}},
        {"nested": {"deeper": {"webhook_secret": SECRET}}},
        {"requests": [{"password": SECRET}]},
        {"requests": ({"password": SECRET},)},
    ],
)
def test_secrets_are_masked(capsys: pytest.CaptureFixture[str], fields: dict[str, Any]) -> None:
    """What a field's name calls a secret is not written, however deep it lies."""
    configure("info", "json")
    logger().info("request_made", **fields)
    written = capsys.readouterr().err
    assert SECRET not in written
    assert "***" in written


def test_whether_there_is_a_token_is_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """A yes or no is told as it is."""
    configure("info", "json")
    structlog.get_logger("test").info("session_rebuilt", had_token=True)
    assert '"had_token": true' in capsys.readouterr().err


def crash(token: str) -> None:
    """A defect, with a secret at hand."""
    assert token
    raise ZeroDivisionError


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_holds_no_values(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    """A defect is logged with its frames, and without what was in their variables."""
    configure("info", log_format)
    for report in (logger().exception, logging.getLogger("library").exception):
        try:
            crash(SECRET)
        except ZeroDivisionError:
            report("fact_crashed")
    written = capsys.readouterr().err
    assert written.count("ZeroDivisionError") >= 2
    assert "crash" in written
    assert SECRET not in written
    if log_format == "json":
        assert all("exception" in json.loads(line) for line in written.splitlines())


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    """What is below the level is not written, nor what libraries chatter about."""
    configure("warning", "json")
    logger().info("not_this")
    logging.getLogger("library").info("nor this")
    configure("debug", "json")
    structlog.get_logger("other").debug("this")
    logging.getLogger("aiohttp.access").info("nor this")
    assert [line["event"] for line in lines(capsys)] == ["this"]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal ``auto`` is JSON; ``console`` is text, and in colour only on one."""
    configure("info", "console")
    logger().info("session_ended", user="alice")
    text = capsys.readouterr().err
    assert "session_ended" in text
    assert "\x1b" not in text
    configure("info", "auto")
    structlog.get_logger("other").info("session_ended")
    (line,) = lines(capsys)
    assert line["event"] == "session_ended"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_values_have_no_power_over_a_terminal(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    """Wherever they are in a line: controls, and what turns the direction of writing round."""
    hostile = "\x1b[2J\u202eevil\x9b\u2066"
    configure("info", log_format)
    logger().info("title_reported", title=hostile, nested={"a": [hostile]}, spaced=f"a {hostile}")
    logging.getLogger("some.library").error("failed: %s", hostile)
    logger().error("call_failed", exc_info=ValueError(hostile))
    written = capsys.readouterr().err
    assert "evil" in written
    assert not set("\x1b\u202e\x9b\u2066") & set(written)


def test_what_is_logged_can_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """Also for loggers that have logged before: a reload of the configuration does that."""
    configure("warning", "json")
    old = logger()
    old.info("too_quiet")
    old.warning("first")
    configure("info", "json")
    old.info("second")
    assert [line["event"] for line in lines(capsys)] == ["first", "second"]
    configure("info", "console")
    old.info("third")
    assert "third" in capsys.readouterr().err


def test_the_journal_gets_priorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where standard error is the journal; each of several last words is an error there."""
    with (tmp_path / "journal").open("w+") as journal:
        status = os.fstat(journal.fileno())
        monkeypatch.setattr("sys.stderr", journal)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        configure("debug", "auto")
        for report in (logger().debug, logger().info, logger().warning, logger().critical):
            report("session_ended")
        logging.getLogger("library").error("failed")
        try:
            crash(SECRET)
        except ZeroDivisionError:
            logger().exception("fact_crashed")
        journal.seek(0)
        written = journal.read().splitlines()
        assert [line[:4] for line in written] == ["<7>{", "<6>{", "<4>{", "<2>{", "<3>{", "<3>{"]
        assert [json.loads(line[3:])["level"] for line in written][2] == "warning"
        assert last_words("a: wrong\nb: wrong") == "<3>a: wrong\n<3>b: wrong"
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
        assert last_words("a: wrong") == "a: wrong"
