"""What stands in the log: who did what, and no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from portal.log import configure

SECRET = "t0psecret"


@pytest.fixture
def restored() -> Iterator[None]:
    """As it was before."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("asyncio", "aiohttp.server")}
    yield
    root.handlers[:] = before
    root.setLevel(level)
    for name, each in levels.items():
        logging.getLogger(name).setLevel(each)
    structlog.reset_defaults()


def failed(password: str) -> None:
    """Something that knows a secret fails."""
    raise ValueError(f"of {len(password)} characters")


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_masked(capsys: pytest.CaptureFixture[str], log_format: Any) -> None:  # noqa: ANN401 a literal
    """Fields that look like one, and local variables of what failed."""
    configure("info", log_format)
    log = structlog.get_logger("portal.test")
    log.info("signed_in", user="alice", token=SECRET, csrf_token=SECRET, absent=None)
    try:
        failed(SECRET)
    except ValueError:
        log.exception("request_failed")
    said = capsys.readouterr().err
    assert "alice" in said
    assert SECRET not in said
    assert "absent" not in said


@pytest.mark.usefixtures("restored")
def test_a_line_is_an_object_in_reading_order(capsys: pytest.CaptureFixture[str]) -> None:
    """When, how bad, what, whose."""
    configure("info", "json")
    structlog.get_logger("portal.test").warning("sign_in_refused", method="pam", user="alice")
    first = json.loads(capsys.readouterr().err)
    assert list(first)[:4] == ["timestamp", "level", "event", "user"]


@pytest.mark.usefixtures("restored")
def test_a_terminal_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """Names come from anybody."""
    configure("info", "console")
    structlog.get_logger("portal.test").info("sign_in_refused", user="\x1b[2Jalice\nroot")
    said = capsys.readouterr().err
    assert "\x1b[2J" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.usefixtures("restored")
def test_what_strangers_send_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    """Aiohttp says of each malformed request what stood in it, as an error."""
    configure("info", "json")
    logging.getLogger("aiohttp.server").error("Error handling request: /v1?ticket=x")
    assert capsys.readouterr().err == ""
