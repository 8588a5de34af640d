"""What a reconciliation has found, as people read it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime

from rich.text import Text

from supervisor.ctl.text import age, moment, plain
from supervisor.ctl.views import Json

_INDENT = "    "
_LEGIBLE = 40


def finding_lines(found: Json, now: datetime, width: int) -> list[Text]:
    """``fxctl reconcile``: a heading and its findings, each with a sentence of its own."""
    parts: tuple[tuple[str, str, Callable[[Json, datetime], str]], ...] = (
        ("orphans", "Containers that no session stands for", _orphan),
        ("leftover_files", "Files of sessions that are over", _files),
        ("drift", "Sessions that differ from their containers", _drift),
    )
    lines: list[Text] = []
    for key, title, head in parts:
        entries = [entry for entry in found.get(key) or () if isinstance(entry, dict)]
        if entries:
            lines.append(Text(f"{title}: {len(entries)}", style="bold"))
        for entry in entries:
            lines.append(Text(f"  {head(entry, now)}"))
            lines.extend(map(Text, _wrapped(_value(entry, "message"), width)))
    return lines or [Text("Everything is as it should be.")]


def _orphan(entry: Json, now: datetime) -> str:
    words = [
        _value(entry, "container_id")[:12],
        f"{age(moment(_value(entry, 'created_at')), now)} old",
        f"session {_value(entry, 'session_id')[-8:]}",
    ]
    owner = ", ".join(filter(None, (_value(entry, "user"), _value(entry, "template"))))
    return "  ".join([*words, f"({owner})"] if owner else words)


def _files(entry: Json, _now: datetime) -> str:
    return f"session {_value(entry, 'session_id')}"


def _drift(entry: Json, _now: datetime) -> str:
    phase = _value(entry, "phase") or "not in the store"
    container = _value(entry, "container")
    state = f"container {container}" if container else "no container"
    return f"session {_value(entry, 'session_id')[-8:]}  {phase}, {state}"


def _value(entry: Json, key: str) -> str:
    return plain(str(entry.get(key) or ""))


def _wrapped(sentence: str, width: int) -> Iterator[str]:
    wrapper = textwrap.TextWrapper(
        max(_LEGIBLE, width),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
    )
    yield from wrapper.wrap(sentence)
