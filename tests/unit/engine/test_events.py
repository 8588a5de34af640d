"""Engine API events and pull progress, read from what a real engine sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.engine import labels
from supervisor.engine.base import EngineEvent, EngineEventKind, container_name
from supervisor.engine.events import read_event
from supervisor.engine.pull import PullProgress
from supervisor.lifecycle.session import SessionId

SESSION = SessionId("01hf000000000000000000000a")
NAMED = {labels.SESSION: SESSION, "name": container_name(SESSION)}


def raw(action: str = "die", **attributes: str) -> dict[str, Any]:
    """An event as Engine API 1.41 sends it."""
    return {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": "c0ffee", "Attributes": {**NAMED, **attributes}},
        "timeNano": 17,
    }


def test_a_death() -> None:
    """The exit code is text there, a number here."""
    assert read_event(raw(exitCode="137")) == EngineEvent(
        kind=EngineEventKind.DIE,
        session_id=SESSION,
        container_id="c0ffee",
        at_nanoseconds=17,
        exit_code=137,
    )


@pytest.mark.parametrize("text", ["", "x", "1.5"])
def test_an_exit_code_that_is_none(text: str) -> None:
    """What is no number is not known."""
    event = read_event(raw(exitCode=text))
    assert event is not None
    assert event.exit_code is None


@pytest.mark.parametrize(
    "other",
    [
        raw("exec_start: /bin/sh"),
        raw("create"),
        raw(name="debugging"),
        raw() | {"Type": "network"},
        raw() | {"Actor": {"ID": "c0ffee", "Attributes": {}}},
        raw() | {"Actor": None},
        {},
    ],
)
def test_other_events(other: dict[str, Any]) -> None:
    """What is not about a session's container is passed over."""
    assert read_event(other) is None


def layer(name: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    """A line of a pull."""
    detail = {"current": current, "total": total} if total else {}
    return {"id": name, "status": status, "progressDetail": detail}


def test_a_pull_from_nothing_to_all() -> None:
    """Download and unpacking of every layer count; the end is one."""
    progress = PullProgress()
    lines = (
        {"status": "Pulling from library/x", "id": "latest"},
        layer("a", "Pulling fs layer"),
        layer("b", "Pulling fs layer"),
        layer("a", "Downloading", 50, 100),
        layer("b", "Downloading", 300, 300),
        layer("a", "Download complete"),
        layer("b", "Verifying Checksum"),
        layer("a", "Extracting", 100, 100),
        layer("a", "Pull complete"),
        layer("b", "Pull complete"),
        {"status": "Digest: sha256:1"},
    )
    seen = [progress.fraction for line in lines if progress.take(line)]
    assert seen == sorted(set(seen))
    assert seen[-1] == 1.0
    assert 0 < seen[0] < 1


def test_layers_that_are_here() -> None:
    """What need not be fetched is done."""
    progress = PullProgress()
    assert progress.take(layer("a", "Already exists"))
    assert progress.fraction == 1.0


LINES = st.builds(
    layer,
    st.sampled_from("abc"),
    st.sampled_from(
        ["Waiting", "Downloading", "Download complete", "Extracting", "Pull complete", "Retrying"]
    ),
    st.integers(0, 100),
    st.integers(0, 100),
)


@given(st.lists(LINES, max_size=40))
def test_progress_never_goes_back(lines: list[dict[str, Any]]) -> None:
    """Whatever the registry does, the fraction grows within its bounds, and only news is news."""
    progress = PullProgress()
    for line in lines:
        before = progress.fraction
        assert progress.take({**line, "current": 0}) == (progress.fraction > before)
        assert before <= progress.fraction
