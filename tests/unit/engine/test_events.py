"""Engine API events, read from what a real engine sends."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.engine import labels
from supervisor.engine.base import EngineEvent, EngineEventKind, container_name
from supervisor.engine.events import read_event
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


def test_a_container_that_stays() -> None:
    """A label says that the engine does not remove it."""
    event = read_event(raw(**{labels.KEPT: "true"}))
    assert event is not None
    assert event.kept


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
