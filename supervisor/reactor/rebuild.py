"""A session made again from what is left of it: its record, its agent's parameters, its labels.

    record.json, and session.json's token     everything that was settled when it was started
    session.json and the container            who, what and how large; no limits, no template's plan
    the container alone                       who and from which template; its agent cannot be known

Pure. Whatever is known of it, a container that runs becomes a session that runs.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from supervisor.engine.base import ContainerRecord
from supervisor.host.session_files import KeptFiles
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.ids import id_time
from supervisor.lifecycle.limits import limits_from_ready, without
from supervisor.lifecycle.session import (
    ClipboardPolicy,
    DeadlineName,
    Freeze,
    Phase,
    Reason,
    Session,
    SessionId,
    SessionRules,
    Timestamp,
    ViewerCount,
)
from supervisor.store.sessions import parse_session

_VERSIONS_PER_SECOND = 1000
"""More than there ever are, so that the time is above all versions that were shown."""

_SANE = 1e9
"""No number of seconds in a session's parameters is larger, unless they were tampered with."""

LOST_RECORD = (
    "The supervisor's database was lost, and this session's record with it: limits of its template "
    "are not applied to it any more."
)
_NEVER_STARTED = (
    "The session was being started when the supervisor's database was lost; start it again."
)
LOST_FILES = (
    "The supervisor's database was lost, and this session's files with it: it runs, and its "
    "display cannot be connected. Terminate it and start another."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is left of a session beside its container."""

    record: Session | None = None
    parameters: Mapping[str, Any] | None = field(default=None, repr=False)
    """``session.json``."""

    @property
    def token(self) -> str | None:
        """What the session's agent read when it started."""
        token = (self.parameters or {}).get("token")
        return token if isinstance(token, str) and token.isascii() else None

    @property
    def token_hash(self) -> str | None:
        """SHA-256 of the token, in hex."""
        return None if self.token is None else hashlib.sha256(self.token.encode()).hexdigest()


def read_remains(session_id: SessionId, files: KeptFiles | None) -> Remains:
    """What can be made out of a session's files; what is another session's counts for nothing."""
    if files is None:
        return Remains()
    record, parameters = _record(files.record), _object(files.session)
    return Remains(
        record=record if record is not None and record.id == session_id else None,
        parameters=parameters if (parameters or {}).get("session") == session_id else None,
    )


def rebuilt(container: ContainerRecord, remains: Remains, node: str, now: Timestamp) -> Session:
    """The session that this container must be."""
    record = remains.record
    if record is None or not _agree(record, container):
        record = _without_record(container, remains.parameters, node)
    token_hash = remains.token_hash or record.token_hash
    if token_hash is None:
        record = replace(record, message=LOST_FILES)
    session = replace(_cleared(record, now), token_hash=token_hash)
    match container.status:
        case ContainerStatus.CREATED if record.spec:
            return _starting(session, now)
        case ContainerStatus.PAUSED:
            frozen = replace(session, freeze=Freeze(frozen=True))
            return _live(frozen, container, Phase.SUSPENDED)
        case ContainerStatus.CREATED:
            # Without the container's id it is removed at once: there is nobody to ask to end.
            over = replace(session, reason=Reason.START_TIMEOUT, message=_NEVER_STARTED)
            return replace(over, phase=Phase.TERMINATING)
        case ContainerStatus.RUNNING | ContainerStatus.EXITED:
            return _live(session, container, Phase.RUNNING)
        case _:
            assert_never(container.status)


def bereft(record: Session, now: Timestamp) -> Session:
    """A session whose record is there and whose container is not: adoption will find it ended."""
    return replace(_cleared(record, now), phase=Phase.RUNNING)


def _cleared(record: Session, now: Timestamp) -> Session:
    """Without what was so only then, and newer than anything that was told of it."""
    age = max(0.0, now - record.created_at)
    return replace(
        record,
        version=record.version + 1 + int(age * _VERSIONS_PER_SECOND),
        known_phase=None,
        reason=None,
        progress=None,
        queue_position=None,
        viewers=ViewerCount(),
        warning=None,
        freeze=Freeze(),
        update_due=False,
        deadlines={},
    )


def _starting(session: Session, now: Timestamp) -> Session:
    deadlines = {DeadlineName.STARTUP: now + session.rules.startup_seconds}
    return replace(session, phase=Phase.STARTING, deadlines=deadlines)


def _live(session: Session, container: ContainerRecord, phase: Phase) -> Session:
    """Its agent has said what it had to say: that it is ready will not be told again.

    When it was ready is not known; the container is hardly older.
    """
    began_at = container.created_at
    running = replace(
        session,
        phase=phase,
        container_id=container.container_id,
        started_at=session.started_at or began_at,
        ready_at=session.ready_at or began_at,
    )
    limited = replace(running, deadlines=limits_from_ready(running, began_at))
    if phase is Phase.SUSPENDED:
        return replace(limited, deadlines=without(limited, DeadlineName.SUSPEND))
    return limited


def _agree(record: Session, container: ContainerRecord) -> bool:
    return (record.user, record.template) == (container.user, container.template)


def _without_record(
    container: ContainerRecord, parameters: Mapping[str, Any] | None, node: str
) -> Session:
    known = parameters or {}
    return Session(
        id=container.session_id,
        user=container.user or _text(known, "user"),
        name=_text(known, "desktop") or container.template,
        template=container.template,
        image=container.image,
        command=_command(known.get("command")),
        geometry=_text(known, "geometry") or "1280x800",
        dpi=_whole(known, "dpi", 96),
        message=LOST_RECORD,
        created_at=id_time(container.session_id),
        node=node,
        rules=SessionRules(
            stop_grace_seconds=_number(known, "stop_grace_seconds", 10.0),
            clipboard=_clipboard(known.get("clipboard")),
        ),
        image_id=container.image_id,
    )


def _record(text: str) -> Session | None:
    try:
        return parse_session(text)
    except ValueError:
        return None


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(known: Mapping[str, Any], key: str) -> str:
    found = known.get(key)
    return found if isinstance(found, str) else ""


def _whole(known: Mapping[str, Any], key: str, otherwise: int) -> int:
    found = known.get(key)
    return found if isinstance(found, int) else otherwise


def _number(known: Mapping[str, Any], key: str, otherwise: float) -> float:
    found = known.get(key)
    return float(found) if isinstance(found, int | float) and 0 <= found < _SANE else otherwise


def _clipboard(found: object) -> ClipboardPolicy:
    """Without a word of it, nothing passes."""
    return next((each for each in ClipboardPolicy if each == found), ClipboardPolicy.OFF)


def _command(found: object) -> str:
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return shlex.join(found)
    return found if isinstance(found, str) else ""
