"""Ledger, API, history and engine held against each other, once everything has come to rest.

What takes its time (an end, a removal, news on its way) is looked at again and again until it is as
it has to be; what is still wrong at the deadline is a violation. What cannot mend itself (a wrong
reason, a container that died) is judged once, after that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scripts.chaos_lib.history import Told, Wire
from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.stage import Stage
from scripts.chaos_lib.tally import Kind, Violation
from scripts.chaos_lib.witness import Container, sessions_of

SETTLE_SECONDS = 180.0
LOOK_AGAIN_SECONDS = 0.5
SOCKETS = frozenset({"web.sock", "viewer.sock", "relay/session.sock", "relay/display.sock"})

_LIVE = ("running", "suspended")


@dataclass(slots=True, kw_only=True)
class Look:
    """Everything at one moment, the API first: what it shows is told to readers by then."""

    sessions: dict[str, Wire]
    containers: dict[str, list[Container]]
    files: set[str]
    sockets: set[str]
    displays: int
    """Sockets that are for one session alone."""
    stuck: set[str]
    """Containers that are frozen, and that the engine takes to run: killed between the two, it can
    neither pause nor unpause them any more (moby, ``cannot pause a paused container``).
    """
    strays: list[str]
    """Control groups of containers that are not there, in which something runs."""


async def settled(stage: Stage, healed_at: float) -> tuple[Look, list[Violation]]:
    """Wait for rest; the last look, and what was not right at it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        look = await take_look(stage)
        found = list(_discrepancies(stage, look, healed_at))
        if not found or time.monotonic() > deadline:
            return look, found
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def take_look(stage: Stage) -> Look:
    """Ask everybody."""
    sessions = {each["id"]: each for each in await stage.web.sessions()}
    containers = sessions_of(await stage.witness.containers(stage.daemon.owner))
    return Look(
        sessions=sessions,
        containers=containers,
        files=_names(stage.daemon.run / "sessions"),
        sockets={str(each.relative_to(stage.daemon.run)) for each in _sockets(stage.daemon.run)},
        displays=len(list(stage.daemon.run.glob("relay/displays/*"))),
        stuck=_stuck(stage, containers),
        strays=await _strays(stage),
    )


def _stuck(stage: Stage, containers: dict[str, list[Container]]) -> set[str]:
    if stage.private is None:
        return set()
    running = {c.id for each in containers.values() for c in each if c.status == "running"}
    return running & stage.private.frozen()


def _names(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir()}


def _sockets(run: Path) -> list[Path]:
    return [*run.glob("*.sock*"), *run.glob("relay/*sock*")]


async def _strays(stage: Stage) -> list[str]:
    """On an engine of our own: what runs on of a container that is gone.

    Not what stays mounted: an engine that is killed leaves that of its own accord.
    """
    engine = stage.private
    if engine is None:
        return []
    there = set((await stage.witness.docker("ps", "-aq", "--no-trunc")).split())
    return [f"control group {each}" for each in engine.cgroups() - there]


def _discrepancies(stage: Stage, look: Look, healed_at: float) -> Iterator[Violation]:
    records = stage.ledger.by_id()
    for record in records.values():
        yield from _of_record(stage, record, look, healed_at)
    for session_id, document in look.sessions.items():
        if session_id not in records:
            yield _wrong(Kind.DUPLICATED, session_id, f"nobody asked for it: {document}")
    for session_id in look.containers:
        if session_id not in look.sessions:
            yield _wrong(Kind.ORPHANED, session_id, "a container without a session")
    for session_id in look.files:
        document = look.sessions.get(session_id, {})
        if document.get("phase", "ended") == "ended":
            yield _wrong(Kind.ORPHANED, session_id, "files of a session that is over")
    yield from _leavings(look)


def _leavings(look: Look) -> Iterator[Violation]:
    for socket in look.sockets ^ SOCKETS:
        yield Violation(Kind.ORPHANED, f"the sockets differ from what they should be by {socket}")
    if look.displays > (live := sum(each["phase"] in _LIVE for each in look.sessions.values())):
        text = f"{look.displays} sockets for displays of {live} sessions"
        yield Violation(Kind.ORPHANED, text)
    for stray in look.strays:
        yield Violation(Kind.ORPHANED, stray)


def _of_record(stage: Stage, record: Record, look: Look, healed_at: float) -> Iterator[Violation]:
    session_id = record.id or ""
    document = look.sessions.get(session_id)
    containers = look.containers.get(session_id, [])
    for reader in stage.readers:
        told = reader.history.sessions.get(session_id)
        yield from _telling(reader.history.name, session_id, told, document)
    if document is None:
        if not (record.must_go or _was_over(stage, session_id)):
            yield _wrong(Kind.LOST, session_id, "accepted, and not there")
        return
    phase = document["phase"]
    if record.must_go:
        yield _wrong(Kind.UNTRUE, session_id, f"purged, and still {phase}")
    if record.must_end and phase != "ended":
        yield _wrong(Kind.UNTRUE, session_id, f"ended on request or by itself, and still {phase}")
    if phase == "ended":
        if containers:
            yield _wrong(Kind.ORPHANED, session_id, f"ended, and has {containers}")
    elif phase not in _LIVE:
        yield _wrong(Kind.UNTRUE, session_id, f"still {phase}")
    elif not any(each.id in look.stuck for each in containers):
        yield from _living(record, document, containers, healed_at)


def _was_over(stage: Stage, session_id: str) -> bool:
    told = stage.reader.history.sessions.get(session_id)
    return told is not None and "ended" in told.phases


def _telling(
    name: str, session_id: str, told: Told | None, document: Wire | None
) -> Iterator[Violation]:
    """The last event a reader got is the state that the API shows."""
    if document is None:
        # Begun after its deletion, a reader never heard of it.
        if told is not None and not told.deleted:
            yield _wrong(Kind.LOST, session_id, f"deleted, and {name} was not told")
    elif told is None or told.version < document["version"]:
        version = None if told is None else told.version
        text = f"version {document['version']}, and {name} was told {version}"
        yield _wrong(Kind.LOST, session_id, text)
    elif told.deleted:
        yield _wrong(Kind.UNTRUE, session_id, f"there, and {name} was told of its deletion")
    elif told.version == document["version"] and told.document != document:
        text = f"{name} was told {told.document}, the API shows {document}"
        yield _wrong(Kind.UNTRUE, session_id, text)


def _living(
    record: Record, document: Wire, containers: list[Container], healed_at: float
) -> Iterator[Violation]:
    session_id, phase = document["id"], document["phase"]
    if record.wish is not None and phase != record.wish:
        yield _wrong(Kind.UNTRUE, session_id, f"asked to be {record.wish}, is {phase}")
    if len(containers) != 1:
        kind = Kind.DUPLICATED if containers else Kind.LOST
        yield _wrong(kind, session_id, f"{phase}, with {len(containers)} containers")
        return
    container = containers[0]
    if container.id != document["container_id"]:
        text = f"its container is {container.id}, the API shows {document['container_id']}"
        yield _wrong(Kind.UNTRUE, session_id, text)
    frozen = record.freezes and phase == "suspended"
    right = ["paused" if frozen else "running"]
    if record.may_restart:
        # dockerd was killed between starting it and knowing that it had: it lives all the same.
        right.append("created")
    if container.status not in right:
        yield _wrong(Kind.UNTRUE, session_id, f"{phase}, its container is {container.status}")
    elif not frozen and _seconds(document["last_seen_at"]) < healed_at:
        seen = document["last_seen_at"]
        yield _wrong(Kind.LOST, session_id, f"its agent has not come back, last seen {seen}")


def _seconds(text: str | None) -> float:
    """RFC 3339 to seconds since the epoch."""
    if text is None:
        return 0.0
    return datetime.fromisoformat(text).timestamp()


def _wrong(kind: Kind, session_id: str, text: str) -> Violation:
    return Violation(kind, f"session {session_id}: {text}")
