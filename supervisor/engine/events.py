"""Engine API events (``GET /events``) to EngineEvent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervisor.engine import labels
from supervisor.engine.base import EngineEvent, EngineEventKind, container_name
from supervisor.lifecycle.session import SessionId

_KINDS = frozenset(kind.value for kind in EngineEventKind)


def read_event(raw: Mapping[str, Any]) -> EngineEvent | None:
    """The event if it is about a container of a session; everything else is ``None``."""
    actor = raw.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    session_id = attributes.get(labels.SESSION)
    action = raw.get("Action")
    if raw.get("Type") != "container" or action not in _KINDS or not session_id:
        return None
    if attributes.get("name") != container_name(session_id):
        # Made from an image that a session's container was committed to: labels are inherited.
        return None
    return EngineEvent(
        kind=EngineEventKind(action),
        session_id=SessionId(session_id),
        container_id=str(actor.get("ID", "")),
        at_nanoseconds=int(raw.get("timeNano", 0)),
        exit_code=_exit_code(attributes.get("exitCode")),
        kept=labels.KEPT in attributes,
    )


def _exit_code(text: object) -> int | None:
    try:
        return int(str(text))
    except ValueError:
        return None
