"""What is there against what should be: orphans, leftover files, drift. Pure.

An orphan is a container with our ownership label and a session's, whose session is neither in the
store nor has files left, and which is older than any creation that could be under way. It comes
from a creation whose answer was lost, and which the engine carried out when its session was over.
Containers of another instance, or of none, are not even looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from supervisor.engine.base import ContainerRecord
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp, known_phase

_ALIVE = (Phase.STARTING, Phase.RUNNING, Phase.SUSPENDED)
_WITH_CONTAINER = (*_ALIVE, Phase.TERMINATING)


class Remedy(Enum):
    """What is done about a difference: as it would be, and as it was."""

    NOTHING = ("nothing would be done about it", "nothing is done about it")
    END = ("the session would be ended", "the session was told, and ends")
    REMOVE = ("the container would be removed", "the container is being removed")
    SUSPEND = ("the session would be suspended", "the session was told, and is suspended")
    RESUME = ("the session would be resumed", "the session was told, and is resumed")
    PUT_BACK = ("the session would be put back", "the session is being put back")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that is there at one time."""

    sessions: Mapping[SessionId, Session]
    """As they were before the containers were listed: what began since is no drift."""
    containers: Sequence[ContainerRecord]
    kept_files: Collection[SessionId]
    spared: Collection[SessionId]
    """Of these a session may yet come back."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A container that no session stands for."""

    container: ContainerRecord
    is_due: bool
    """Whether it is old enough to be removed."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A session whose stored state and container do not agree."""

    session_id: SessionId
    phase: Phase | None
    container: ContainerStatus | None
    what: str
    remedy: Remedy = Remedy.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is to do."""

    orphans: Sequence[Orphan]
    leftover_files: Sequence[SessionId]
    drift: Sequence[Drift]


def plan(picture: Picture, grace_seconds: float, now: Timestamp) -> Plan:
    """What is too much, and what is not as it should be."""
    orphans = [
        Orphan(container, now - container.created_at >= grace_seconds)
        for container in picture.containers
        if _is_orphan(container, picture)
    ]
    in_use = {container.session_id for container in picture.containers} | {*picture.spared}
    leftovers = [
        session_id
        for session_id in sorted(picture.kept_files)
        if session_id not in in_use and _is_over(picture.sessions.get(session_id))
    ]
    return Plan(orphans=orphans, leftover_files=leftovers, drift=list(find_drift(picture)))


def find_drift(picture: Picture) -> Iterator[Drift]:
    """Sessions that are not what their containers show."""
    listed = {each.session_id: each for each in picture.containers if not each.is_stray}
    ids = {each.container_id for each in picture.containers}
    for session_id, session in picture.sessions.items():
        phase = known_phase(session)
        container = listed.get(session_id)
        if container is not None:
            yield from _differences(session, phase, container)
        elif session.container_id not in (None, *ids) and phase in _WITH_CONTAINER:
            yield Drift(session_id, phase, None, "Its container is gone", Remedy.END)
    for container in picture.containers:
        yield from _unaccounted(container, picture)


def _is_orphan(container: ContainerRecord, picture: Picture) -> bool:
    known = (picture.sessions, picture.kept_files, picture.spared)
    return not any(container.session_id in each for each in known)


def _is_over(session: Session | None) -> bool:
    return session is None or session.phase is Phase.ENDED


def _differences(session: Session, phase: Phase, container: ContainerRecord) -> Iterator[Drift]:
    status = container.status
    what, remedy = "", Remedy.NOTHING
    if phase is Phase.ENDED:
        what, remedy = "It has ended, and its container is still there", Remedy.REMOVE
    elif session.container_id not in (None, container.container_id):
        what = "Its container was replaced by another"
    elif status is ContainerStatus.EXITED and phase in _ALIVE:
        what, remedy = "Its container has exited", Remedy.END
    elif phase is Phase.PENDING:
        what = "It waits for its turn, and has a container already"
    elif phase is Phase.RUNNING and status is ContainerStatus.PAUSED and session.freeze.settled:
        what, remedy = "It runs, and its container was paused", Remedy.SUSPEND
    elif _is_frozen(session, phase) and status is ContainerStatus.RUNNING:
        what, remedy = "It is suspended, and its container was unpaused", Remedy.RESUME
    if what:
        yield Drift(session.id, phase, status, what, remedy)


def _is_frozen(session: Session, phase: Phase) -> bool:
    return phase is Phase.SUSPENDED and session.freeze.frozen and session.freeze.settled


def _unaccounted(container: ContainerRecord, picture: Picture) -> Iterator[Drift]:
    """Containers that have a session's label, and are not the one that it has."""
    session = picture.sessions.get(container.session_id)
    status, session_id = container.status, container.session_id
    if session is None:
        if not _is_orphan(container, picture) and not container.is_stray:
            what = "It has a container and files, and is not in the store"
            yield Drift(session_id, None, status, what, Remedy.PUT_BACK)
    elif container.is_stray and session.container_id != container.container_id:
        what = f"Another container ({container.container_id[:12]}) has its label"
        yield Drift(session_id, session.phase, status, what)
