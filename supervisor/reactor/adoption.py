"""The first look at the engine after a start: what runs is taken over.

The store says which sessions there are, the engine which containers; each session is told what was
found of it and its worker does the rest. A store can be lost, or have gone back in time: where it
does not know the session of a container of ours, or knows it only from before the container, the
session is made again from what is left (``rebuild``). Nothing is killed by a store that was lost.

A session that cannot be told is ``unknown`` until it can; every listing is another attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from supervisor.engine.base import ContainerRecord
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.errors import SessionNotFoundError, SupervisorError
from supervisor.lifecycle.facts import Adopted, ContainerStatus, EngineFound
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.ids import is_session_id
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp, known_phase
from supervisor.lifecycle.transitions import covered
from supervisor.reactor.directory import Directory
from supervisor.reactor.rebuild import Remains, bereft, read_remains, rebuilt
from supervisor.reactor.tally import Tally
from supervisor.reactor.watcher import listed_fact
from supervisor.reactor.worker import Reactor
from supervisor.store.database import Database
from supervisor.store.lives import mark_whole
from supervisor.store.sessions import drop_unreadable, keep_unreadable

log = structlog.get_logger(__name__)

ADOPT_SECONDS = 30.0

_PURGED = "It was purged meanwhile."
_ALIVE = (ContainerStatus.RUNNING, ContainerStatus.PAUSED)


@dataclass(slots=True, kw_only=True)
class Adoption:
    """Runs before the daemon is ready, and goes on for what could not be settled then."""

    directory: Directory
    database: Database
    files: SessionDirectory
    reactor: Reactor
    publish: Callable[[FeedItem], None]
    node: str
    now: Callable[[], Timestamp]
    tally: Tally
    is_whole: bool
    """Whether the store knows every session there is; else what runs is put back into it."""
    unreadable: set[SessionId] = field(default_factory=set)
    """Rows of the store that cannot be understood."""
    _unsettled: set[SessionId] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether every session has been told, and the store has it."""
        return self.is_whole and not self._unsettled and not self.unreadable

    def spares(self, session_id: SessionId) -> bool:
        """Whether a session of this id may yet come back: nothing of it is a leftover."""
        return not self.is_whole or session_id in self._unsettled | self.unreadable

    async def run(self, records: Sequence[ContainerRecord]) -> None:
        """Tell every session what became of it. One that cannot be told does not stop the rest."""
        containers = _by_session(records)
        known = {
            session.id
            for session in self.directory
            if session.phase is not Phase.ENDED or session.id in containers
        }
        kept = set(await asyncio.to_thread(lambda: list(self.files.session_ids())))
        lost = {each for each in containers if self._is_lost(each, kept)}
        if not self.is_whole:
            lost |= {each for each in kept if self._is_lost(each, kept)}
        await self._settle_all(known | lost | self.unreadable, containers)

    async def again(self, records: Sequence[ContainerRecord]) -> None:
        """Once more for those that could not be settled, or that came to light since."""
        containers = _by_session(records)
        kept = set(await asyncio.to_thread(lambda: list(self.files.session_ids())))
        lost = {each for each in containers if self._is_lost(each, kept)}
        await self._settle_all(self._unsettled | self.unreadable | lost, containers)

    def _is_lost(self, session_id: SessionId, kept: Collection[SessionId]) -> bool:
        """Whether there must have been a session of this id, and it is not known."""
        known = self.directory.find(session_id) is not None
        if known or self.directory.was_dropped(session_id) or not is_session_id(session_id):
            return False
        return session_id in kept or not self.is_whole

    async def _settle_all(
        self, ids: Collection[SessionId], containers: Mapping[SessionId, ContainerRecord]
    ) -> None:
        remains = await asyncio.to_thread(self._read, ids)
        await asyncio.gather(
            *(self._settle(each, containers.get(each), remains[each]) for each in ids)
        )
        if self._unsettled or self.unreadable or self.is_whole:
            return
        try:
            await self.database.run(mark_whole)
        except SupervisorError as error:
            log.error("adoption_not_recorded", error=str(error))
        else:
            self.is_whole = True

    def _read(self, ids: Iterable[SessionId]) -> dict[SessionId, Remains]:
        return {
            each: read_remains(each, self.files.read(each) if is_session_id(each) else None)
            for each in ids
        }

    async def _settle(
        self, session_id: SessionId, container: ContainerRecord | None, remains: Remains
    ) -> None:
        retried = session_id in self._unsettled
        try:
            async with asyncio.timeout(ADOPT_SECONDS):
                session = await self._restore(session_id, container, remains)
                if session is not None:
                    if retried:
                        await self.reactor.submit(session_id, EngineFound())
                    fact = Adopted(listed_fact(container) if container is not None else None)
                    session = await self.reactor.submit(session_id, fact)
        except SessionNotFoundError:
            self._unsettled.discard(session_id)  # purged
        except (SupervisorError, TimeoutError) as error:
            log.error("adoption_failed", session_id=session_id, error=str(error) or "timed out")
            self._put_off(session_id)
        except Exception:  # one that cannot be understood must not stop the others
            log.exception("adoption_failed", session_id=session_id)
            self._put_off(session_id)
        else:
            self._unsettled.discard(session_id)
            self.unreadable.discard(session_id)
            if session is not None:
                self.tally.sessions_adopted += 1
                phase = known_phase(session)
                log.info("session_adopted", session_id=session_id, phase=phase.value)

    def _put_off(self, session_id: SessionId) -> None:
        self.tally.adoptions_failed += 1
        self._unsettled.add(session_id)
        if self.directory.find(session_id) is not None:
            self.reactor.post_revision(session_id, _cover)

    async def _restore(
        self, session_id: SessionId, container: ContainerRecord | None, remains: Remains
    ) -> Session | None:
        """The session as it has to be; ``None`` when nothing is left of it."""
        session = self.directory.find(session_id)
        if session is None and self.directory.was_dropped(session_id):
            return None
        if session is not None and not _is_behind(session, container, remains):
            return session
        now = self.now()
        if container is not None:
            left = replace(remains, record=remains.record or session)
            after = rebuilt(container, left, self.node, now)
        elif remains.record is not None:
            after = bereft(remains.record, now)
        else:
            await self._give_up(session_id)
            return None
        if session_id in self.unreadable:
            await self.database.run(lambda db: keep_unreadable(db, session_id, now))
        self.tally.sessions_rebuilt += 1
        log.warning(
            "session_rebuilt",
            session_id=session_id,
            user=after.user,
            container_id=container.container_id[:12] if container is not None else None,
            had_record=remains.record is not None,
            had_token=after.token_hash is not None,
        )

        def put_back(_before: Session | None) -> Session:
            if self.directory.was_dropped(session_id):
                raise SessionNotFoundError(_PURGED)
            return after

        return await self.reactor.revise(session_id, put_back)

    async def _give_up(self, session_id: SessionId) -> None:
        """Neither container nor record: there is no session any more."""
        if session_id in self.unreadable:
            log.error("stored_session_dropped", session_id=session_id, kept="damaged_sessions")
            now = self.now()
            self.publish(await self.database.run(lambda db: drop_unreadable(db, session_id, now)))


def _by_session(records: Sequence[ContainerRecord]) -> dict[SessionId, ContainerRecord]:
    return {record.session_id: record for record in records if not record.is_stray}


def _is_behind(session: Session, container: ContainerRecord | None, remains: Remains) -> bool:
    """Whether the store has lost what came after this: the container's agent has another token."""
    return (
        session.phase is not Phase.ENDED
        and container is not None
        and container.status in _ALIVE
        and remains.token_hash not in (None, session.token_hash)
    )


def _cover(session: Session | None) -> Session:
    if session is None:
        raise SessionNotFoundError(_PURGED)
    return covered(session)
