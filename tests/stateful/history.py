"""What has happened, recorded at the moment at which it happened; ``invariants`` judges it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, Reason, Session, SessionId
from supervisor.store.database import Database
from supervisor.store.group import GroupCommits
from supervisor.store.sessions import parse_session
from tests.stateful.faults import Faults
from tests.support.virtual_time import LoopExecutor

T = TypeVar("T")


@dataclass(slots=True)
class Span:
    """Between which readings the wall clock has been; a limit cannot be longer than that."""

    lowest: float
    highest: float

    @property
    def seconds(self) -> float:
        """The widest that anybody can have measured."""
        return self.highest - self.lowest

    def look(self, wall: float) -> None:
        """Take in a reading."""
        self.lowest = min(self.lowest, wall)
        self.highest = max(self.highest, wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How the world looked to a session at a moment."""

    wall: float
    containers: frozenset[str]
    """Ids of containers of ours with the session's label."""
    adopted: bool
    reachable: bool
    """Whether the daemon took the engine to answer."""
    waiting: tuple[SessionId, ...]
    """The queue of pending sessions."""
    since_accepted: Span
    attended_seconds: float
    """Since the daemon began, or since the session was accepted if that was later; real time."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Commit:
    """A change of a session; ``after`` is ``None`` when it was forgotten."""

    seq: int
    kind: EventKind
    session_id: SessionId
    before: Session | None
    after: Session | None
    scene: Scene

    def __repr__(self) -> str:
        return (
            f"{self.kind.value} {self.seq} of {self.session_id}:\n"
            f"    before  {brief(self.before)}\n    after   {brief(self.after)}\n    {self.scene}"
        )


def brief(session: Session | None) -> str:
    """What is worth knowing of a session when something about it is wrong."""
    if session is None:
        return "none"
    fields = (
        "phase",
        "known_phase",
        "reason",
        "version",
        "name",
        "template",
        "container_id",
        "callback_seq",
        "exit_code",
        "created_at",
        "deadlines",
        "purge",
    )
    return ", ".join(f"{name}={getattr(session, name)!s}" for name in fields)


@dataclass(frozen=True, slots=True, repr=False)
class Kill:
    """The supervisor made the engine stop or remove a container that ran."""

    session_id: SessionId
    session: Session | None
    """As committed then; ``None`` when the store had no such session."""
    is_orphan: bool = False
    """It was removed as one that no session stands for."""

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.session_id}: {brief(self.session)}"


@dataclass(frozen=True, slots=True, repr=False)
class Launch:
    """The supervisor asked the engine to start a session's container."""

    session_id: SessionId
    session: Session | None
    """As the daemon knew it then."""

    __repr__ = Kill.__repr__


@dataclass(frozen=True, slots=True, repr=False)
class Purged:
    """The web server was told that a session is gone."""

    session_id: SessionId
    session: Session | None
    containers: frozenset[str]

    __repr__ = Kill.__repr__


Event = Commit | Kill | Launch | Purged


class History:
    """Everything that was recorded, and what of it has not been judged yet."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.numbers: defaultdict[SessionId, list[int]] = defaultdict(list)
        """Of each session's commits."""
        self.known: dict[SessionId, Session] = {}
        """Sessions as last committed."""
        self.over: dict[SessionId, Session] = {}
        """Sessions that were forgotten, as they were last."""
        self.grounds: defaultdict[SessionId, set[Reason]] = defaultdict(set)
        """Reasons that a session has been given to end."""
        self._fresh: list[Event] = []

    @property
    def latest(self) -> int:
        """The number of the newest commit."""
        return self.commits[-1].seq if self.commits else 0

    def record(self, event: Event) -> None:
        """Something has happened."""
        self._fresh.append(event)
        if not isinstance(event, Commit):
            return
        self.commits.append(event)
        self.numbers[event.session_id].append(event.seq)
        if event.after is not None:
            self.known[event.session_id] = event.after
        elif (gone := self.known.pop(event.session_id, None)) is not None:
            self.over[event.session_id] = gone

    def fresh(self) -> list[Event]:
        """What was recorded since this was last asked."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def give_grounds(self, reason: Reason, session_id: SessionId | None = None) -> None:
        """A session (``None``: each that is not over) may end for this reason from now on."""
        if session_id is not None:
            self.grounds[session_id].add(reason)
            return
        for each in self.known.values():
            if each.phase is not Phase.ENDED:
                self.grounds[each.id].add(reason)


Witness = Callable[[int, EventKind, SessionId, Session | None], None]


class WitnessedDatabase(Database):
    """The store; tells of each commit at once, and has a disk that can be full."""

    def __init__(self, path: Path, faults: Faults, after: int, witness: Witness) -> None:
        super().__init__(path)
        self._thread = LoopExecutor()  # type: ignore[assignment] # it is used as an Executor
        self._commits = GroupCommits(self._thread, self._commit)
        self._faults = faults
        self._seen = after
        self._witness = witness

    def kill(self) -> None:
        """As the process ends."""
        self._close()

    def versions(self) -> dict[SessionId, int]:
        """What the store holds now."""
        assert self._connection is not None
        rows = self._connection.execute("SELECT id, json_extract(body, '$.version') FROM sessions")
        return {SessionId(session_id): version for session_id, version in rows}

    def _transact(self, function: Callable[[sqlite3.Connection], T]) -> T:
        result = super()._transact(lambda connection: self._refusable(connection, function))
        assert self._connection is not None
        for seq, kind, session_id in self._connection.execute(
            "SELECT seq, kind, session_id FROM outbox WHERE seq > ? ORDER BY seq", (self._seen,)
        ).fetchall():
            self._seen = seq
            body = self._connection.execute(
                "SELECT body FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
            session = None if body is None else parse_session(body[0])
            self._witness(seq, EventKind(kind), SessionId(session_id), session)
        return result

    def _refusable(
        self, connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], T]
    ) -> T:
        before = connection.total_changes
        result = function(connection)
        if self._faults.full_disk and connection.total_changes > before:
            self._faults.full_disk -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return result
