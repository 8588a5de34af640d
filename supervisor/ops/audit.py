"""The audit trail: acts as lines of JSON, written on a thread of its own.

A disk that is slow or full holds up no session: acts wait in a bounded queue, and what does not fit
or cannot be written is counted, and said on level error. Who a uid is, is asked on the thread as
well, for the name service may be slow.
"""

from __future__ import annotations

import pwd
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import structlog

from supervisor.lifecycle.audit import Act
from supervisor.lifecycle.times import rfc3339

QUEUE_ACTS = 10_000
_BATCH = 256
_TEXT_CHARACTERS = 4096
"""As much of a command is recorded."""
_COMPLAIN_SECONDS = 60.0
_NAME_SECONDS = 300.0
"""How long the name of a uid is believed."""

log = structlog.get_logger(__name__)

Record = Mapping[str, Any]
"""An act as docs/schema/audit.json has it."""


class Sink(Protocol):
    """Where records go."""

    def write(self, records: Sequence[Record]) -> None:
        """Called on the trail's thread. Raises OSError; then none of them counts as written."""

    def close(self) -> None:
        """Nothing follows."""


class AuditCounts(Protocol):
    """Told from the trail's thread, and of lost ones from any."""

    def audited(self, records: int) -> None:
        """So many more were written."""

    def audit_lost(self, records: int) -> None:
        """So many more were not."""


class Trail:
    """An ``AuditTrail`` over a sink; ``start`` begins its thread and ``close`` ends it."""

    def __init__(
        self,
        sink: Sink,
        counts: AuditCounts,
        now: Callable[[], float] = time.time,
        queue_acts: int = QUEUE_ACTS,
    ) -> None:
        self._sink = sink
        self._counts = counts
        self._now = now
        self._queue: queue.Queue[tuple[float, Act] | None] = queue.Queue(queue_acts)
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._names: dict[int, tuple[float, str | None]] = {}
        self._complain_at = 0.0
        self._records_lost = 0
        self._error: str | None = None

    def start(self) -> None:
        """Write from now on; what was recorded before has waited."""
        self._thread.start()

    def record(self, act: Act) -> None:
        """See AuditTrail."""
        try:
            self._queue.put_nowait((self._now(), act))
        except queue.Full:
            self._lose(1, "acts come faster than they can be written")

    def state(self) -> Mapping[str, Any]:
        """For the node object: how many records were lost, and why the last ones were."""
        return {"records_lost": self._records_lost, "error": self._error}

    def close(self, seconds: float) -> None:
        """Write what waits, for so long at most; nothing is to be recorded afterwards."""
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            taken = [self._queue.get()]
            while len(taken) < _BATCH and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            acts = [each for each in taken if each is not None]
            try:
                if acts:
                    self._write(acts)
            except Exception:
                # The thread's boundary: the trail must go on.
                log.exception("audit_crashed", records=len(acts))
                self._counts.audit_lost(len(acts))
                self._records_lost += len(acts)
            if len(acts) < len(taken):
                self._sink.close()
                return

    def _write(self, acts: Sequence[tuple[float, Act]]) -> None:
        try:
            self._sink.write([self._document(at, act) for at, act in acts])
        except OSError as error:
            self._lose(len(acts), str(error))
        else:
            self._counts.audited(len(acts))
            self._error = None

    def _lose(self, records: int, why: str) -> None:
        self._counts.audit_lost(records)
        self._records_lost += records
        self._error = why
        now = time.monotonic()
        if now >= self._complain_at:
            self._complain_at = now + _COMPLAIN_SECONDS
            log.error(
                "audit_records_lost",
                error=why,
                advice="Sessions go on unrecorded: make room, or mend audit.path.",
            )

    def _document(self, at: float, act: Act) -> Record:
        actor = {key: value for key, value in asdict(act.actor).items() if value is not None}
        actor["kind"] = act.actor.kind.value  # the console shows values as Python writes them
        if act.actor.uid is not None and (name := self._name(act.actor.uid)) is not None:
            actor["name"] = name
        document = {
            "timestamp": rfc3339(at),
            "stream": "audit",
            "action": act.action,
            "outcome": act.outcome.value,
            "code": act.code,
            "session_id": act.session_id or None,
            "user": act.user,
            "actor": _cut(actor),
            "request_id": act.request_id or None,
            "details": _cut(act.details) or None,
        }
        return {key: value for key, value in document.items() if value is not None}

    def _name(self, uid: int) -> str | None:
        asked_at, name = self._names.get(uid, (-_NAME_SECONDS, None))
        now = time.monotonic()
        if now - asked_at >= _NAME_SECONDS:
            try:
                name = pwd.getpwuid(uid).pw_name
            except (KeyError, OSError):
                name = None
            self._names[uid] = (now, name)
        return name


def _cut(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not there, and texts of bounded length."""
    return {key: _short(value) for key, value in values.items() if value is not None}


def _short(value: Any) -> Any:  # noqa: ANN401 any Detail
    if isinstance(value, list):
        return [_short(each) for each in value[:_BATCH]]
    if isinstance(value, str) and len(value) > _TEXT_CHARACTERS:
        return value[: _TEXT_CHARACTERS - 1] + "…"
    return value
