"""Sessions and templates as the wire shows them, with types.

Read leniently, so that an older client gets on with a newer daemon: what is missing or of another
kind is as good as absent. Only what makes a session a session is insisted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from supervisor.ctl.errors import MalformedAnswerError
from supervisor.ctl.text import moment

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One session; ``document`` is the object as it came."""

    id: str
    user: str
    phase: str
    name: str
    template: str
    reason: str
    message: str
    progress: float | None
    queue_position: int | None
    created_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    control_viewers: int
    view_viewers: int
    memory_bytes: int
    processes: int
    cpu_cores: float
    last_seen_at: datetime | None
    document: Json = field(repr=False)

    @property
    def short_id(self) -> str:
        """The last eight characters: ids made at about the same time begin alike."""
        return self.id[-8:]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamView:
    """What a template lets the user set; sizes are bytes, durations seconds."""

    name: str
    type: str
    label: str
    help: str
    required: bool
    default: str | int | float | bool | None
    minimum: float | None
    maximum: float | None
    choices: tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateView:
    """One launcher template; ``document`` is the object as it came."""

    name: str
    title: str
    description: str
    params: tuple[ParamView, ...]
    document: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerView:
    """Somebody who is connected to a display."""

    mode: str
    guest: str
    label: str
    connected_at: datetime | None


def viewer_view(value: object) -> ViewerView:
    """Raises MalformedAnswerError for what is no viewer."""
    document = mapping(value)
    return ViewerView(
        mode=_required(document, "mode"),
        guest=_text(document, "guest"),
        label=_text(document, "label"),
        connected_at=moment(_text(document, "connected_at")),
    )


def session_view(value: object) -> SessionView:
    """Raises MalformedAnswerError for what is no session."""
    document = mapping(value)
    viewers, usage = _inner(document, "viewers"), _inner(document, "usage")
    return SessionView(
        id=_required(document, "id"),
        user=_required(document, "user"),
        phase=_required(document, "phase"),
        name=_text(document, "name"),
        template=_text(document, "template"),
        reason=_text(document, "reason"),
        message=_text(document, "message"),
        progress=_number(document, "progress"),
        queue_position=_integer(document, "queue_position"),
        created_at=moment(_text(document, "created_at")),
        ended_at=moment(_text(document, "ended_at")),
        exit_code=_integer(document, "exit_code"),
        control_viewers=_integer(viewers, "control") or 0,
        view_viewers=_integer(viewers, "view") or 0,
        memory_bytes=_integer(usage, "memory_bytes") or 0,
        processes=_integer(usage, "processes") or 0,
        cpu_cores=_number(usage, "cpu_cores") or 0.0,
        last_seen_at=moment(_text(document, "last_seen_at")),
        document=document,
    )


def template_view(value: object) -> TemplateView:
    """Raises MalformedAnswerError for what is no template."""
    document = mapping(value)
    return TemplateView(
        name=_required(document, "name"),
        title=_text(document, "title"),
        description=_text(document, "description"),
        params=tuple(_param(entry) for entry in _list(document, "params")),
        document=document,
    )


def mapping(value: object) -> Json:
    """Raises MalformedAnswerError for anything but a JSON object."""
    if isinstance(value, Mapping):
        return value
    raise MalformedAnswerError(f"The daemon answered {type(value).__name__}, not an object.")


def _param(value: object) -> ParamView:
    document = mapping(value)
    default = document.get("default")
    return ParamView(
        name=_required(document, "name"),
        type=_text(document, "type"),
        label=_text(document, "label"),
        help=_text(document, "help"),
        required=document.get("required") is True,
        default=default if isinstance(default, str | int | float | bool) else None,
        minimum=_number(document, "minimum"),
        maximum=_number(document, "maximum"),
        choices=tuple(
            choice["value"]
            for choice in _list(document, "choices")
            if isinstance(choice, Mapping) and isinstance(choice.get("value"), str | int | float)
        ),
    )


def _list(document: Json, key: str) -> Sequence[Any]:
    value = document.get(key)
    return value if isinstance(value, list | tuple) else ()


def _inner(document: Json, key: str) -> Json:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _required(document: Json, key: str) -> str:
    value = document.get(key)
    if isinstance(value, str) and value:
        return value
    raise MalformedAnswerError(f"The daemon's answer has no {key!r}; is fxctl of its version?")


def _text(document: Json, key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _number(document: Json, key: str) -> float | None:
    value = document.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(document: Json, key: str) -> int | None:
    value = document.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
