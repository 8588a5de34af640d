"""FastX's launcher script: whatever comes on stdin, one JSON object goes out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.ctl.errors import BadStartObjectError
from supervisor.ctl.launch import MAX_BYTES, read_start_object, start_object
from supervisor.lifecycle.errors import DeniedError
from tests.unit.ctl.daemon import Daemon, Result, fxctl

Run = Callable[..., Result]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def launch(run: Run, value: object) -> tuple[int, dict[str, Any]]:
    """The exit code and the one object that was printed."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    result = run("launch", "--stdin", stdin=raw)
    assert result.err == ""
    assert len(result.lines) == 1
    return result.code, json.loads(result.out)


@pytest.mark.parametrize(
    "value",
    [
        {"user": "alice", "template": "desk", "command": "gimp", "params": {"cores": 4}},
        {
            "user": {"sub": "alice", "email": "a@example.org"},
            "admin": False,
            "name": "not the session's",
            "start": {"command": "gimp", "template": "desk", "params": {"cores": "4"}, "x": 1},
            "extra": {"tmp_dir": "/tmp"},
        },
        {"input": {"user": {"sub": "alice"}, "start": {"command": "gimp", "geometry": ""}}},
    ],
    ids=["flat", "nested", "input"],
)
def test_both_shapes_start_a_session(daemon: Daemon, run: Run, value: dict[str, Any]) -> None:
    """Unknown keys and empty fields are passed over; texts become the declared types."""
    code, answer = launch(run, value)
    assert code == 0
    assert answer["result"]["phase"] == "pending"
    request = daemon.sessions.requests[0]
    assert (request.user, request.command, request.name) == ("alice", "gimp", None)
    assert request.params in ({"cores": 4}, {})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \n",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'"alice"',
        b"{}",
        b"[" * 100_000,
        b'{"user": 1' + b"0" * 10_000 + b"}",
        b'{"user": "a", "start": {"dpi": "many"}}',
        b'{"user": "a", "params": [1]}',
        b'{"user": "a", "params": {"x": {}}}',
        b'{"user": "\\ud800"}',
        b" " * (MAX_BYTES + 1),
    ],
)
def test_what_is_no_start_object_is_an_error_with_a_name(run: Run, raw: bytes) -> None:
    """Exit code 4; the message says what was expected."""
    code, answer = launch(run, raw)
    assert code == 4
    assert answer["error"]["name"] in {"invalid_request", "not_json"}
    assert answer["error"]["message"]


def test_every_field_at_fault_is_named() -> None:
    """Not one per attempt."""
    wrong = {"user": {}, "command": 3, "dpi": True, "extra": "x", "params": {"a": []}}
    with pytest.raises(BadStartObjectError) as caught:
        start_object(wrong)
    locations = [".".join(map(str, error.loc)) for error in caught.value.errors]
    assert locations == ["user", "command", "dpi", "params.a", "extra"]


def test_the_daemons_refusal_is_passed_on(daemon: Daemon, run: Run) -> None:
    """Its code is the name, its sentence the message."""
    daemon.sessions.refusal = DeniedError("Not you.")
    code, answer = launch(run, {"user": "alice"})
    assert code == 5
    assert answer == {"error": {"name": "denied", "message": "Not you."}}


def test_without_a_daemon_there_is_an_answer_too(tmp_path: Path) -> None:
    """The launcher's caller reads stdout, whatever happens."""
    result = fxctl("launch", "--stdin", socket=tmp_path / "none", stdin=b'{"user": "alice"}')
    assert result.code == 69
    assert json.loads(result.out)["error"]["name"] == "unreachable"


def test_a_fault_of_ours_is_an_answer_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even then it is JSON."""

    async def broken(*_: object) -> None:
        raise LookupError("bug")

    monkeypatch.setattr("supervisor.ctl.launch.launch", broken)
    code, answer = launch(run, {"user": "alice"})
    assert code == 70
    assert answer["error"]["name"] == "internal"


def test_stdin_is_read_only_when_asked(run: Run) -> None:
    """A terminal would seem to hang."""
    assert run("launch").code == 2


@given(st.binary() | st.text().map(str.encode))
@example(b"NaN")
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    """No other exception comes out, whatever goes in."""
    try:
        wish = read_start_object(io.BytesIO(raw))
    except BadStartObjectError:
        return
    assert wish["user"]


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("user", "start", "input", "command", "dpi", "params", "extra", "template", "name"),
            JSON,
        ),
    )
)
def test_objects_are_taken_or_refused(value: dict[str, Any]) -> None:
    """What is taken has the shape that the API takes."""
    try:
        wish = start_object(value)
    except BadStartObjectError:
        return
    assert isinstance(wish["user"], str)
    assert all(isinstance(entry, str) for entry in wish["extra"].values())
    assert all(isinstance(entry, str | int | float) for entry in wish["params"].values())
    assert set(wish) <= {
        "user",
        "template",
        "command",
        "geometry",
        "name",
        "dpi",
        "params",
        "extra",
    }
