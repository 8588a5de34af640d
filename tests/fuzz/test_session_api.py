"""Whatever a session says on its sockets: a documented answer, and never a word about another."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.daemon import URL, FuzzedDaemon

ANSWERS = {204, 400, 401, 408, 413, 415, 422, 429}
"""As docs/agent-protocol.md has them."""
TYPES = ["started", "ready", "heartbeat", "title", "exec_exited", "failed", "exited"]
FIELDS = ["seq", "type", "usage", "title", "id", "exit_code", "signal", "log_tail", "message"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
reports = st.fixed_dictionaries(
    {"seq": st.integers(-2, 2**64) | anything, "type": st.sampled_from(TYPES) | anything},
    optional=dict.fromkeys(FIELDS[2:], anything),
)
lines = st.one_of(
    st.binary(max_size=600),
    st.tuples(
        st.sampled_from([b"FASTX-DISPLAY/1", b"FASTX-DISPLAY/2", b"GET"]),
        st.binary(max_size=60),
        st.binary(max_size=60),
        st.sampled_from([b"\n", b"\r\n", b"", b"\n\n\0"]),
    ).map(lambda parts: b" ".join(parts[:3]) + parts[3]),
)
ENDING = ("exited", "failed")


@settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
@given(report=reports | anything)
def test_any_json_as_a_report(
    daemon: FuzzedDaemon,
    crowd: Iterator[str],
    report: Any,  # noqa: ANN401 any JSON
) -> None:
    """It is taken or refused; what would end the session is sent by another test."""
    running = next(crowd)
    if isinstance(report, dict) and report.get("type") in ENDING:
        report["seq"] = -1
    answer = daemon.agents.post(
        f"{URL}/v1/callbacks",
        data=json.dumps(report),
        headers={"Authorization": f"Bearer {daemon.token(running)}"},
        timeout=10,
    )
    assert answer.status_code in ANSWERS - {429}, answer.text
    assert daemon.phase(running) == "running"


@settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_as_a_report(daemon: FuzzedDaemon, crowd: Iterator[str], body: bytes) -> None:
    """Likewise."""
    running = next(crowd)
    answer = daemon.agents.post(
        f"{URL}/v1/callbacks",
        data=body,
        headers={"Authorization": f"Bearer {daemon.token(running)}"},
        timeout=10,
    )
    assert answer.status_code in ANSWERS - {204, 429}, answer.text


@settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
@given(token=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
def test_no_token_but_the_sessions_own(daemon: FuzzedDaemon, running: str, token: str) -> None:
    """Whatever else is presented, nothing is taken."""
    answer = daemon.agents.post(
        f"{URL}/v1/callbacks",
        json={"seq": 10**9, "type": "exited", "exit_code": 0},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.status_code in {400, 401, 429}, answer.text
    assert daemon.phase(running) == "running"


@pytest.mark.parametrize("socket_name", ["session.sock", "display.sock"])
@settings(max_examples=80, suppress_health_check=list(HealthCheck), database=None)
@given(line=lines)
def test_any_bytes_on_a_socket(
    daemon: FuzzedDaemon, running: str, socket_name: str, line: bytes
) -> None:
    """An answer or an end, and the daemon goes on."""
    with connected(daemon, socket_name) as peer:
        peer.sendall(line)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
    assert answer == b"" or answer.startswith((b"ERROR ", b"HTTP/1.1 4", b"HTTP/1.0 4")), answer
    assert daemon.phase(running) == "running"


@contextmanager
def connected(daemon: FuzzedDaemon, name: str) -> Iterator[socket.socket]:
    """A connection to a socket that sessions see."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(15)
        peer.connect(str(daemon.run / "relay" / name))
        yield peer
