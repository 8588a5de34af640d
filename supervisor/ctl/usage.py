"""What sessions and users use, as ``fxctl top`` shows it. CPU is in percent of one core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from rich.text import Text

from supervisor.ctl.layout import Column, table
from supervisor.ctl.tables import phase_text
from supervisor.ctl.text import age, plain, size
from supervisor.ctl.views import SessionView

SortKey = Literal["cpu", "memory"]

STALE = timedelta(seconds=150)
"""Over twice the longest pause between an agent's reports: it is frozen, or cannot report."""
_SESSIONS = (
    Column("ID"),
    Column("USER", flexible=True),
    Column("NAME", flexible=True),
    Column("PHASE"),
    Column("CPU%", right=True),
    Column("MEMORY", right=True),
    Column("PROCS", right=True),
    Column("VIEWERS", right=True, optional=True),
    Column("AGE", right=True, optional=True),
)
_USERS = (
    Column("USER", flexible=True),
    Column("SESSIONS", right=True),
    Column("CPU%", right=True),
    Column("MEMORY", right=True),
    Column("PROCS", right=True),
    Column("VIEWERS", right=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Of one session, or of several together."""

    cores: float = 0.0
    memory_bytes: int = 0
    processes: int = 0
    viewers: int = 0
    sessions: int = 0


def use_of(sessions: Sequence[SessionView], now: datetime) -> Use:
    """The sum; what was not reported lately counts as none of the CPU."""
    return Use(
        cores=sum(session.cpu_cores for session in sessions if not _is_stale(session, now)),
        memory_bytes=sum(session.memory_bytes for session in sessions),
        processes=sum(session.processes for session in sessions),
        viewers=sum(session.control_viewers + session.view_viewers for session in sessions),
        sessions=len(sessions),
    )


def usage_lines(
    sessions: Sequence[SessionView], now: datetime, width: int, *, sort: SortKey, users: bool
) -> list[Text]:
    """The sum of all, then who uses most first."""
    total = use_of(sessions, now)
    noun = "session" if total.sessions == 1 else "sessions"
    summary = f"{total.sessions} {noun}, {total.cores:.2f} cores, {size(total.memory_bytes)}"
    if users:
        rows = [
            (Text(plain(user)), Text(str(use.sessions)), *_amounts(use), Text(str(use.viewers)))
            for user, use in by_user(sessions, now, sort)
        ]
        return [Text(summary, style="bold"), *table(_USERS, rows, width)]
    listed = [_row(session, now) for session in ordered(sessions, now, sort)]
    return [Text(summary, style="bold"), *table(_SESSIONS, listed, width)]


def usage_object(session: SessionView, now: datetime) -> dict[str, Any]:
    """One session's for programs; ``cpu_cores`` is ``null`` where it was not reported lately."""
    return {
        "id": session.id,
        "user": session.user,
        "name": session.name,
        "phase": session.phase,
        "cpu_cores": None if _is_stale(session, now) else session.cpu_cores,
        "memory_bytes": session.memory_bytes,
        "processes": session.processes,
        "viewers": {"control": session.control_viewers, "view": session.view_viewers},
    }


def ordered(sessions: Sequence[SessionView], now: datetime, sort: SortKey) -> Sequence[SessionView]:
    """Who uses most first."""
    most = _measure(sort)
    return sorted(sessions, key=lambda session: most(use_of([session], now)), reverse=True)


def by_user(
    sessions: Sequence[SessionView], now: datetime, sort: SortKey
) -> Sequence[tuple[str, Use]]:
    """Users with all of theirs, who uses most first."""
    most = _measure(sort)
    names = dict.fromkeys(session.user for session in sessions)
    sums = [(name, use_of([s for s in sessions if s.user == name], now)) for name in names]
    return sorted(sums, key=lambda entry: most(entry[1]), reverse=True)


def _measure(sort: SortKey) -> Callable[[Use], tuple[float, float]]:
    if sort == "cpu":
        return lambda use: (use.cores, use.memory_bytes)
    return lambda use: (use.memory_bytes, use.cores)


def _row(session: SessionView, now: datetime) -> list[Text]:
    use = use_of([session], now)
    cpu, memory, processes = _amounts(use)
    return [
        Text(session.short_id, style="bold"),
        Text(plain(session.user)),
        Text(plain(session.name)),
        phase_text(session),
        Text("-") if _is_stale(session, now) else cpu,
        memory if use.memory_bytes else Text("-"),
        processes if use.memory_bytes else Text("-"),
        Text(str(use.viewers)),
        Text(age(session.created_at, now)),
    ]


def _amounts(use: Use) -> tuple[Text, Text, Text]:
    return Text(f"{100 * use.cores:.1f}"), Text(size(use.memory_bytes)), Text(str(use.processes))


def _is_stale(session: SessionView, now: datetime) -> bool:
    # Every process has some memory: without any, none was reported yet.
    if not session.memory_bytes or session.last_seen_at is None:
        return True
    return now - session.last_seen_at > STALE
