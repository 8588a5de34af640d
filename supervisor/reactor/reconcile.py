"""Keeping what is there as it should be: what a listing shows is put in order, or just told.

Each listing of the engine comes by here, and so does whoever asks (``POST /v1/reconcile``). What
has to be done is planned by ``drift.plan`` alone, so that a dry run tells what would be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from supervisor.engine.base import ContainerRecord, Engine
from supervisor.errors import EngineError
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.errors import SupervisorError, UnavailableError
from supervisor.lifecycle.facts import Fact
from supervisor.lifecycle.session import Session, SessionId, Timestamp
from supervisor.lifecycle.times import rfc3339
from supervisor.reactor.adoption import Adoption
from supervisor.reactor.directory import Directory
from supervisor.reactor.drift import Drift, Orphan, Picture, Plan, find_drift, plan
from supervisor.reactor.tally import Tally
from supervisor.reactor.watcher import EngineHealth, post_listing

log = structlog.get_logger(__name__)

PROBE_SECONDS = 60.0
"""How old a container is that an image was read by, and that was left behind."""
TURN_SECONDS = 10.0
"""How long whoever asks waits for a reconciliation that is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRules:
    """``reconcile:`` in supervisor.yaml. Units: seconds."""

    grace_seconds: float = 60.0
    """How old a container without a session must be."""
    initial_delay_seconds: float = 60.0
    """How long after its start the daemon leaves such containers alone."""


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """Puts in order what listings show."""

    engine: Engine
    directory: Directory
    files: SessionDirectory
    adoption: Adoption
    health: EngineHealth
    rules: Callable[[], OrphanRules]
    post: Callable[[SessionId, Fact], None]
    now: Callable[[], Timestamp]
    tally: Tally
    on_orphan_removed: Callable[[ContainerRecord], None] = lambda _container: None
    _begun_at: Timestamp = field(init=False)
    _sessions: Mapping[SessionId, Session] = field(default_factory=dict)
    _records: Sequence[ContainerRecord] = ()
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _at_work: asyncio.Lock = field(default_factory=asyncio.Lock)
    _drift: frozenset[Drift] = frozenset()
    """What the last listing showed."""
    _told: set[str] = field(default_factory=set)
    _removed: set[str] = field(default_factory=set)
    """Orphans that an older listing may still show."""

    def __post_init__(self) -> None:
        self._begun_at = self.now()

    def note(
        self, sessions: Mapping[SessionId, Session], records: Sequence[ContainerRecord]
    ) -> None:
        """A listing, and the sessions as they were before it; its facts are posted after this.

        A difference is told once, however many listings show it before it is mended.
        """
        found = tuple(find_drift(_picture(sessions, records)))
        for drift in found:
            if drift in self._drift:
                continue
            self.tally.drift_by_remedy[drift.remedy.name.lower()] += 1
            log.warning(
                "drift_found",
                session_id=drift.session_id,
                phase=drift.phase,
                container=drift.container,
                difference=drift.what,
            )
        self._drift = frozenset(found)
        self._sessions, self._records = sessions, records
        self._news.set()

    @property
    def orphans(self) -> int:
        """How many containers without a session the last listing has shown."""
        return len(self._told - self._removed)

    async def run(self) -> None:
        """Put in order what each listing shows, beside the watcher; until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                async with self._at_work:
                    await self._keep_up(self._sessions, self._records)
            except (SupervisorError, OSError) as error:
                log.warning("reconciliation_failed", error=str(error))

    async def collect_files(self, records: Sequence[ContainerRecord]) -> None:
        """Remove files of sessions that are over, left by a life that was cut short."""
        found = await self._plan(self.directory.by_id(), records)
        await self._remove_files(found)

    async def reconcile(self, *, dry_run: bool) -> Mapping[str, Any]:
        """List once more, and do or tell what there is to do: the object of the wire.

        Raises UnavailableError before adoption is complete, EngineUnreachableError.
        """
        if not self.health.adopted:
            message = f"Sessions are not adopted yet. {self.health.message}".strip()
            raise UnavailableError(message)
        async with self._turn():
            sessions = self.directory.by_id()
            records = await self.engine.list_containers()
            found = await self._plan(sessions, records)
            failures: dict[str, str] = {}
            if not dry_run:
                post_listing(sessions, records, self.post)
                await self.adoption.again(records)
                failures = await self._remove_orphans(found)
                await self._remove_files(found)
                await self.engine.tidy(self.now() - PROBE_SECONDS)
        return {
            "dry_run": dry_run,
            "orphans": [
                self._orphan_object(each, failures, dry_run=dry_run) for each in found.orphans
            ],
            "leftover_files": [
                _files_object(each, dry_run=dry_run) for each in found.leftover_files
            ],
            "drift": [_drift_object(each, dry_run=dry_run) for each in found.drift],
        }

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One at a time. Raises UnavailableError when the one before takes too long."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._at_work.acquire()
        except TimeoutError:
            message = "The last reconciliation is still under way; try again in a minute."
            raise UnavailableError(message) from None
        try:
            yield
        finally:
            self._at_work.release()

    async def _keep_up(
        self, sessions: Mapping[SessionId, Session], records: Sequence[ContainerRecord]
    ) -> None:
        # Here, not when a listing is noted: an older one may still be put in order then.
        listed = {record.container_id for record in records}
        self._told &= listed
        self._removed &= listed
        await self.adoption.again(records)
        # What was purged since the listing had a container in it, and is no orphan.
        found = await self._plan({**sessions, **self.directory.by_id()}, records)
        self._tell_orphans(found)
        if self.now() - self._begun_at >= self.rules().initial_delay_seconds:
            await self._remove_orphans(found)
        await self._remove_files(found)
        await self.engine.tidy(self.now() - PROBE_SECONDS)

    async def _plan(
        self, sessions: Mapping[SessionId, Session], records: Sequence[ContainerRecord]
    ) -> Plan:
        kept = await asyncio.to_thread(lambda: frozenset(self.files.session_ids()))
        known = {*kept, *(record.session_id for record in records)}
        spared = {
            each
            for each in known
            # What began since the sessions were looked at has files in use as well.
            if self.adoption.spares(each) or (each not in sessions and self._is_known(each))
        }
        picture = _picture(sessions, records, kept, spared)
        return plan(picture, self.rules().grace_seconds, self.now())

    def _is_known(self, session_id: SessionId) -> bool:
        return self.directory.find(session_id) is not None

    def _tell_orphans(self, found: Plan) -> None:
        for orphan in found.orphans:
            container = orphan.container
            if container.container_id not in self._told:
                self._told.add(container.container_id)
                self.tally.orphans_found += 1
                log.warning(
                    "orphan_found",
                    session_id=container.session_id,
                    container_id=container.container_id[:12],
                    created_at=rfc3339(container.created_at),
                )

    async def _remove_orphans(self, found: Plan) -> dict[str, str]:
        """Remove those that are due; why some could not be, by container."""
        failures: dict[str, str] = {}
        for container in (orphan.container for orphan in found.orphans if orphan.is_due):
            if self._is_known(container.session_id) or container.container_id in self._removed:
                continue
            fields = {
                "session_id": container.session_id,
                "container_id": container.container_id[:12],
            }
            try:
                await self.engine.discard(container.container_id)
            except EngineError as error:
                failures[container.container_id] = str(error)
                log.warning("orphan_not_removed", error=str(error), **fields)
            else:
                self._removed.add(container.container_id)
                self.tally.orphans_removed += 1
                self.on_orphan_removed(container)
                log.warning("orphan_removed", **fields)
        return failures

    async def _remove_files(self, found: Plan) -> None:
        for session_id in found.leftover_files:
            await asyncio.to_thread(self.files.remove, session_id)
            log.info("leftover_files_removed", session_id=session_id)

    def _orphan_object(
        self, orphan: Orphan, failures: Mapping[str, str], *, dry_run: bool
    ) -> Mapping[str, Any]:
        container = orphan.container
        message = "No session stands for it: it would be removed."
        if not orphan.is_due:
            grace = f"{self.rules().grace_seconds:g} s"
            message = f"No session stands for it: it is removed once it is {grace} old."
        elif not dry_run:
            reason = failures.get(container.container_id)
            message = "No session stood for it: it was removed."
            if reason is not None:
                message = f"No session stands for it, and it could not be removed: {reason}"
        return {
            "container_id": container.container_id,
            "session_id": container.session_id,
            "user": container.user,
            "template": container.template,
            "created_at": rfc3339(container.created_at),
            "message": message,
        }


def _picture(
    sessions: Mapping[SessionId, Session],
    records: Sequence[ContainerRecord],
    kept: frozenset[SessionId] = frozenset(),
    spared: frozenset[SessionId] | set[SessionId] = frozenset(),
) -> Picture:
    return Picture(sessions=sessions, containers=records, kept_files=kept, spared=spared)


def _files_object(session_id: SessionId, *, dry_run: bool) -> Mapping[str, Any]:
    done = "would be" if dry_run else "were"
    message = f"Its session is over or was never known: they {done} removed."
    return {"session_id": session_id, "message": message}


def _drift_object(drift: Drift, *, dry_run: bool) -> Mapping[str, Any]:
    would, was = drift.remedy.value
    return {
        "session_id": drift.session_id,
        "phase": drift.phase and drift.phase.value,
        "container": drift.container and drift.container.value,
        "message": f"{drift.what}: {would if dry_run else was}.",
    }
