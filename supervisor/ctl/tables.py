"""Sessions and templates as an administrator sees them. What users chose goes through plain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rich.text import Text

from supervisor.ctl.layout import Column, table
from supervisor.ctl.sse import Event
from supervisor.ctl.text import age, moment, plain, size, span, when
from supervisor.ctl.views import (
    Json,
    ParamView,
    SessionView,
    TemplateView,
    ViewerView,
    session_view,
)

_STYLES = {
    "pending": "yellow",
    "starting": "yellow",
    "running": "green",
    "suspended": "cyan",
    "terminating": "magenta",
    "ended": "dim",
    "unknown": "red",
}
_SESSIONS = (
    Column("ID"),
    Column("USER", flexible=True),
    Column("NAME", flexible=True),
    Column("TEMPLATE", flexible=True),
    Column("PHASE"),
    Column("AGE", right=True),
    Column("VIEWERS", right=True),
    Column("MEMORY", right=True),
)
# Where sessions have reasons, what only those alive have stands back for them.
_WITH_REASON = (
    *_SESSIONS[:5],
    Column("REASON"),
    _SESSIONS[5],
    *(replace(column, optional=True) for column in _SESSIONS[6:]),
)
_TEMPLATES = (Column("NAME"), Column("TITLE", flexible=True), Column("PARAMS", flexible=True))
_PARAMS = (
    Column("PARAM"),
    Column("TYPE"),
    Column("DEFAULT", flexible=True),
    Column("ALLOWED", flexible=True),
    Column("MEANING", flexible=True),
)


_CLIPBOARD = {
    "in": "in: to the session only",
    "out": "out: from the session only",
    "off": "off: nothing is copied",
}
"""What is not let through is worth a line."""
_HINTS = {
    "unknown": "The engine cannot be asked at the moment; the session runs on (fxctl node).",
    "pending": "Waits for its turn (limits.max_sessions, limits.concurrent_starts).",
}
"""Of phases that say nothing by themselves."""


def session_table(
    sessions: Sequence[SessionView], now: datetime, width: int, *, with_reason: bool | None = None
) -> list[Text]:
    """``fxctl ps``; reasons are shown if there are any, unless that is said beforehand."""
    rows = [_session_row(session, now) for session in sessions]
    if with_reason is None:
        with_reason = any(session.reason for session in sessions)
    if not with_reason:
        return table(_SESSIONS, rows, width)
    for row, session in zip(rows, sessions, strict=True):
        style = "red" if _failed(session) else ""
        row.insert(5, Text(plain(session.reason) or "-", style=style))
    return table(_WITH_REASON, rows, width)


def phase_text(session: SessionView) -> Text:
    """The phase and how far it is: ``pending #3``, ``starting 42%``, ``ended (137)``."""
    style = _STYLES.get(session.phase, "")
    detail = ""
    if session.phase == "pending" and session.queue_position is not None:
        detail = f" #{session.queue_position}"
    elif session.phase == "starting" and session.progress is not None:
        detail = f" {session.progress:.0%}"
    elif session.phase == "ended" and session.exit_code:
        detail = f" ({session.exit_code})"
    return Text(plain(session.phase) + detail, style=style)


def session_lines(
    session: SessionView,
    now: datetime,
    declared: Sequence[ParamView] = (),
    viewers: Sequence[ViewerView] = (),
) -> list[Text]:
    """``fxctl show``: what is wrong first, then what is known; ``declared`` gives params units."""
    document = session.document
    lines = [Text.assemble((session.id, "bold"), "  ", plain(session.name))]
    lines.append(_state(session))
    if session.message:
        lines.append(Text(plain(session.message), style="bold red" if _failed(session) else ""))
    elif session.phase in _HINTS:
        lines.append(Text(_HINTS[session.phase]))
    lines.append(Text())
    values: list[tuple[str, object]] = [
        ("user", session.user),
        ("template", session.template),
        ("image", document.get("image")),
        ("command", document.get("command")),
        ("title", document.get("title")),
        ("display", _display(session)),
        ("params", _params(session, declared)),
        ("clipboard", _CLIPBOARD.get(str(document.get("clipboard")))),
        *((_spaced(key), when(_moment(session, key), now)) for key in _TIMES),
        ("viewers", _viewers(session)),
        *(("", _viewer(viewer, now)) for viewer in viewers),
        ("usage", _usage(session)),
        ("exit code", session.exit_code),
        ("node", document.get("node")),
        ("container", str(document.get("container_id") or "")[:12]),
        ("version", document.get("version")),
    ]
    shown = [(key, plain(str(value))) for key, value in values if value not in (None, "", "-")]
    return lines + [Text.assemble((f"{key:<13}", "bold"), value) for key, value in shown]


SHOWN_EVENTS = frozenset({"synced", "update", "delete", "node"})


def event_line(event: Event, user: str, now: datetime, *, listing: bool = False) -> Text:
    """``fxctl events``: time, seq, id, user, phase, and why.

    In the list of what there is (``listing``) the time is how long ago the session's last step was.
    """
    seq = "" if event.seq is None else str(event.seq)
    clock = (f"{now.astimezone():%H:%M:%S}  {seq:>13}  ", "dim")
    match event.kind:
        case "synced":
            line = Text(f"live, after event {seq}:" if seq else "live:", style="dim")
        case "update":
            session = session_view(event.document)
            if listing:
                clock = (f"{age(_last_step(session), now) + ' ago':>8}  {'':>13}  ", "dim")
            why = ": ".join(plain(t) for t in (session.reason, session.message) if t)
            phase = phase_text(session)
            phase.pad_right(max(0, 12 - len(phase)))
            line = Text.assemble(clock, session.short_id, f"  {plain(session.user):<12}  ", phase)
            line.append(f"  {why}")
        case "delete":
            short_id = plain(str(event.document.get("id", "")))[-8:]
            line = Text.assemble(clock, f"{short_id:>8}  {plain(user):<12}  ", ("forgotten", "dim"))
        case "node":
            line = Text.assemble(clock, f"{'node':<8}  {'':<12}  ", node_state(event.document))
        case _:
            line = Text.assemble(clock, (plain(event.kind), "dim"))
    line.rstrip()
    return line


def node_state(node: Json) -> str:
    """The node in a few words: what is wrong with it, or how many sessions it has."""
    if not node.get("ready"):
        return plain(str(node.get("message") or "not ready"))
    load = node.get("load")
    count = load.get("sessions", 0) if isinstance(load, dict) else 0
    draining = ", takes no new ones" if node.get("draining") else ""
    return f"ready, {count} session{'' if count == 1 else 's'}{draining}"


def template_table(templates: Sequence[TemplateView], width: int) -> list[Text]:
    """``fxctl templates``."""
    rows = [
        (Text(t.name), Text(plain(t.title)), Text(", ".join(plain(p.name) for p in t.params)))
        for t in templates
    ]
    return table(_TEMPLATES, rows, width)


def template_lines(template: TemplateView, width: int) -> list[Text]:
    """``fxctl templates NAME``."""
    lines = [Text.assemble((template.name, "bold"), "  ", plain(template.title))]
    if template.description:
        lines.append(Text(plain(template.description)))
    if template.params:
        rows = [tuple(map(Text, _param_row(param))) for param in template.params]
        lines += [Text(), *table(_PARAMS, rows, width)]
    return lines


_STEPS = ("ended_at", "ready_at", "started_at", "created_at")
_TIMES = (
    "created_at",
    "started_at",
    "ready_at",
    "expires_at",
    "ended_at",
    "last_input_at",
    "last_seen_at",
)


def _session_row(session: SessionView, now: datetime) -> list[Text]:
    ended = session.phase == "ended"
    viewers = f"{session.control_viewers}"
    if session.view_viewers:
        viewers += f"+{session.view_viewers}"
    return [
        Text(session.short_id, style="bold"),
        Text(plain(session.user)),
        Text(plain(session.name)),
        Text(plain(session.template)),
        phase_text(session),
        Text(age(session.created_at, now)),
        Text("-" if ended else viewers),
        Text("-" if ended or not session.memory_bytes else size(session.memory_bytes)),
    ]


def _state(session: SessionView) -> Text:
    state = phase_text(session)
    if session.reason:
        state.append(": " + plain(session.reason), style="bold red" if _failed(session) else "bold")
    return state


def _failed(session: SessionView) -> bool:
    """Whether it ended otherwise than somebody wanted."""
    wanted = session.reason in {"", "Terminated", "Purged"}
    return not wanted and not (session.reason == "CommandExited" and not session.exit_code)


def _display(session: SessionView) -> str:
    geometry, dpi = session.document.get("geometry"), session.document.get("dpi")
    return f"{geometry} at {dpi} dpi" if geometry and dpi else str(geometry or "")


def _params(session: SessionView, declared: Sequence[ParamView]) -> str:
    params = session.document.get("params")
    if not isinstance(params, dict):
        return ""
    kinds = {param.name: param.type for param in declared}
    shown = {key: _quantity(kinds.get(key, ""), value) for key, value in params.items()}
    return ", ".join(f"{key}={value}" for key, value in shown.items())


def _viewers(session: SessionView) -> str:
    if session.phase == "ended":
        return ""
    return f"{session.control_viewers} in control, {session.view_viewers} watching"


def _viewer(viewer: ViewerView, now: datetime) -> str:
    does = {"control": "in control", "view": "watching"}.get(viewer.mode, viewer.mode)
    label = f" [{viewer.label}]" if viewer.label else ""
    return f"{viewer.guest or 'somebody'} {does} for {age(viewer.connected_at, now)}{label}"


def _usage(session: SessionView) -> str:
    usage = session.document.get("usage")
    if not isinstance(usage, dict) or not session.memory_bytes:
        return ""
    seconds, processes = usage.get("cpu_seconds", 0), usage.get("processes", 0)
    spent = span(int(seconds)) if isinstance(seconds, int | float) else "-"
    return (
        f"{size(session.memory_bytes)} of memory, {spent} of CPU ({session.cpu_cores:.2f} cores), "
        f"{processes} processes"
    )


def _moment(session: SessionView, key: str) -> datetime | None:
    value = session.document.get(key)
    return moment(value) if isinstance(value, str) else None


def _last_step(session: SessionView) -> datetime | None:
    return next((at for key in _STEPS if (at := _moment(session, key))), None)


def _spaced(key: str) -> str:
    return key.removesuffix("_at").replace("_", " ")


def _param_row(param: ParamView) -> tuple[str, ...]:
    default = "-" if param.default is None else _quantity(param.type, param.default)
    if param.required and param.default is None:
        default = "(required)"
    low, high = (_limit(param.type, limit) for limit in (param.minimum, param.maximum))
    allowed = ", ".join(map(str, param.choices)) or (f"{low} to {high}" if low or high else "")
    return tuple(map(plain, (param.name, param.type, default, allowed, param.label)))


def _limit(kind: str, value: float | None) -> str:
    return "" if value is None else _quantity(kind, value)


def _quantity(kind: str, value: object) -> str:
    if kind == "size" and isinstance(value, int | float):
        return size(int(value))
    if kind == "duration" and isinstance(value, int | float):
        return span(int(value))
    return _value(value)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
