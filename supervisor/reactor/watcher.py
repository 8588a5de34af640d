"""What the engine does, as facts: the event stream is the edge, a listing the level.

Each connection of the stream is followed by a complete listing, for events are lost while there is
no stream and the engine keeps but 256 of them. A slow timer lists once more, in case an event was
lost without the stream breaking.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import structlog

from supervisor.engine.base import (
    ContainerRecord,
    Engine,
    EngineEvent,
    EngineEventKind,
    EngineVersion,
)
from supervisor.errors import EngineDeniedError, EngineError
from supervisor.lifecycle.facts import (
    ContainerExited,
    ContainerGone,
    ContainerListed,
    ContainerOutOfMemory,
    ContainerStatus,
    EngineFound,
    EngineLost,
    Fact,
)
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp
from supervisor.reactor.directory import Directory

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 10.0
STEADY_SECONDS = 10.0
"""A stream that lasted so long was a good one: the next attempt need not wait."""
COMPLAIN_SECONDS = 60.0
"""How often to say that the engine is still away."""
CLOCK_SKEW_SECONDS = 5.0
"""How far the engine's clock may be behind ours without an event getting lost."""

Post = Callable[[SessionId, Fact], None]
Note = Callable[[Mapping[SessionId, Session], Sequence[ContainerRecord]], None]
"""Told of each listing, and of the sessions as they were before it."""


@dataclass(slots=True)
class EngineHealth:
    """Whether the engine answers, and if not, why."""

    reachable: bool = False
    adopted: bool = False
    first_ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once all is adopted and the engine answers, and never cleared."""
    version: EngineVersion | None = None
    """Who answered last."""
    message: str = "The Docker Engine has not answered yet."


class Watcher:
    """Follows one engine for as long as the daemon lives."""

    def __init__(  # noqa: PLR0913 what it is wired to, all by name
        self,
        *,
        engine: Engine,
        directory: Directory,
        post: Post,
        adopt: Callable[[list[ContainerRecord]], Awaitable[None]],
        found: Callable[[], None],
        lost: Callable[[], None],
        note: Note,
        now: Callable[[], Timestamp],
        relist_seconds: Callable[[], float],
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """``tell`` is called when the engine is found or lost, and after each listing."""
        self.health = EngineHealth()
        self._engine = engine
        self._directory = directory
        self._post = post
        self._adopt = adopt
        self._found = found
        self._lost = lost
        self._note = note
        self._now = now
        self._relist_seconds = relist_seconds
        self._tell_outside = tell
        self._since = now() - CLOCK_SKEW_SECONDS
        self._complain_at = 0.0
        self._told_lost: set[SessionId] = set()

    async def run(self) -> None:
        """Watch until cancelled. Raises EngineDeniedError at start: waiting would not mend it."""
        delay = FIRST_RETRY_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                async with self._engine.watch(self._since) as events:
                    await self._list()
                    await self._follow(events)
                log.info("engine_stream_ended")
            except EngineError as error:
                if isinstance(error, EngineDeniedError) and not self.health.adopted:
                    raise
                self._lose(error, delay)
            if loop.time() - begun > STEADY_SECONDS:
                delay = FIRST_RETRY_SECONDS
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 jitter
            delay = min(2 * delay, LAST_RETRY_SECONDS)

    async def _follow(self, events: AsyncIterator[EngineEvent]) -> None:
        """Events as they come; a listing whenever ``relist_seconds`` have passed."""
        loop = asyncio.get_running_loop()
        next_list = loop.time() + self._relist_seconds()
        upcoming = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                wait = max(0.0, next_list - loop.time())
                done, _ = await asyncio.wait([upcoming], timeout=wait)
                if not done:
                    await self._list()
                    next_list = loop.time() + self._relist_seconds()
                    continue
                event = upcoming.result()
                if event is None:
                    return
                self._since = max(self._since, event.at_nanoseconds / 1e9)
                self._tell(event)
                upcoming = asyncio.ensure_future(anext(events, None))
        finally:
            upcoming.cancel()
            await asyncio.wait([upcoming])

    async def _list(self) -> None:
        """Compare what there is with what is known, and tell the difference."""
        sessions = self._directory.by_id()
        records = list(await self._engine.list_containers())
        if not self.health.adopted:
            await self._adopt(records)
            self.health.adopted = True
            sessions = self._adopted(sessions, records)
        if not self.health.reachable:
            await self._find()
        self.health.first_ready.set()
        self._note(sessions, records)
        post_listing(sessions, records, self._post)
        self._tell_outside()

    def _adopted(
        self, before: Mapping[SessionId, Session], records: Sequence[ContainerRecord]
    ) -> dict[SessionId, Session]:
        """The sessions as they are by now, but for those with a container that is younger.

        What was to be started when the daemon ended may have been, before adoption was through.
        """
        old = {None, *(record.container_id for record in records)}
        old |= {session.container_id for session in before.values()}
        return {each.id: each for each in self._directory if each.container_id in old}

    async def _find(self) -> None:
        version = await self._engine.version()
        self.health.version = version
        self.health.reachable = True
        self.health.message = ""
        self._complain_at = 0.0
        self._told_lost.clear()
        live = list(self._directory.live())
        log.info("engine_found", engine=version.name, version=version.version, sessions=len(live))
        for session in live:
            self._post(session.id, EngineFound())
        self._found()

    def _lose(self, error: EngineError, delay: float) -> None:
        """The engine cannot be asked: every session's true state is unknown until it can."""
        now = asyncio.get_running_loop().time()
        if self.health.reachable or now >= self._complain_at:
            self._complain_at = now + COMPLAIN_SECONDS
            log.error(
                "engine_lost",
                error=str(error),
                sessions=sum(1 for _ in self._directory.live()),
                retry_seconds=round(delay, 1),
            )
        self.health.message = str(error)
        self._lost()
        if self.health.reachable:
            self.health.reachable = False
            self._tell_outside()
        for session in self._directory.live():
            if session.id not in self._told_lost:
                self._told_lost.add(session.id)
                self._post(session.id, EngineLost())

    def _tell(self, event: EngineEvent) -> None:
        log.debug(
            "engine_event_received",
            kind=event.kind.value,
            session_id=event.session_id,
            container_id=event.container_id[:12],
        )
        self._post(event.session_id, _fact(event))


def post_listing(
    sessions: Mapping[SessionId, Session], records: Sequence[ContainerRecord], post: Post
) -> None:
    """Post what a listing says; ``sessions`` as they were before it, for some are younger."""
    listed = {record.container_id for record in records}
    for record in records:
        session = sessions.get(record.session_id)
        known = session is not None and session.container_id == record.container_id
        if known or not record.is_stray:
            post(record.session_id, listed_fact(record))
    for session_id, session in sessions.items():
        lost = session.container_id is not None and session.container_id not in listed
        if lost and session.phase is not Phase.ENDED:
            post(session_id, ContainerGone(session.container_id))


def listed_fact(record: ContainerRecord) -> ContainerListed:
    """What a listing says of one container."""
    return ContainerListed(record.container_id, record.status, record.exit_code, record.oom_killed)


def _fact(event: EngineEvent) -> Fact:
    match event.kind:
        case EngineEventKind.START | EngineEventKind.UNPAUSE:
            return ContainerListed(event.container_id, ContainerStatus.RUNNING)
        case EngineEventKind.PAUSE:
            return ContainerListed(event.container_id, ContainerStatus.PAUSED)
        case EngineEventKind.DIE:
            return ContainerExited(event.container_id, event.exit_code, kept=event.kept)
        case EngineEventKind.OOM:
            return ContainerOutOfMemory(event.container_id)
        case EngineEventKind.DESTROY:
            return ContainerGone(event.container_id)
        case _:
            assert_never(event.kind)
