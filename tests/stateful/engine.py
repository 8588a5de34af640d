"""The engine in memory, with everything wrong that can be wrong with a real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from supervisor.engine.agent_document import SESSION_PATH
from supervisor.engine.base import EngineEvent, EngineEventKind, container_name
from supervisor.errors import EngineError, EngineUnreachableError
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec
from tests.stateful.faults import Delivery, Faults, Step
from tests.support.memory_engine import Call, MemoryEngine
from tests.support.memory_host import EventStream, MemoryContainer, MemoryHost, Program

REQUEST_SECONDS = 30.0
"""After which a call is given up, as DockerEngine does; the engine may be at work on it still."""

_FREEZING = (EngineEventKind.PAUSE, EngineEventKind.UNPAUSE)

STUBBORN = Program(on_signal={})
BRIEF = Program(exits_at_once=3)


class Watched(Protocol):
    """Who is told what happens to containers."""

    def container_started(self, container: MemoryContainer, token: str | None) -> None:
        """A container of ours runs; ``token`` is what its agent finds."""

    def container_left(self, container: MemoryContainer, *, oom: bool) -> None:
        """A container of ours ended or went, and it was not the supervisor's doing."""

    def container_killed(self, container: MemoryContainer, *, is_orphan: bool) -> None:
        """The supervisor is about to stop or remove a container that runs."""

    def call_refused(self, error: EngineError, session_id: SessionId | None) -> None:
        """The engine said no, to a call for one session or for nobody knows how many."""

    def launch_asked(self, session_id: SessionId) -> None:
        """The supervisor asks for a session's container."""


class FaultyHost(MemoryHost):
    """A host whose events may be lost, late, doubled or out of order."""

    def __init__(self, now: Callable[[], float], faults: Faults, owner: str) -> None:
        super().__init__(now)
        self.faults = faults
        self.owner = owner
        self.witness: Watched | None = None
        self.held_events: list[tuple[EventStream, EngineEvent]] = []
        self._by_supervisor = False

    @contextmanager
    def by_supervisor(self) -> Iterator[None]:
        """What happens inside is the supervisor's doing."""
        self._by_supervisor = True
        try:
            yield
        finally:
            self._by_supervisor = False

    def open_stream(self, owner: str, since: float) -> EventStream:
        """See MemoryHost."""
        stream = _FaultyStream(owner, self)
        self.streams.add(stream)
        for kept_owner, event in self._kept:
            if kept_owner == owner and event.at_nanoseconds >= since * 1e9:
                stream.push(event)
        return stream

    def ours(self, session_id: SessionId) -> list[MemoryContainer]:
        """Every container with our label and this session's, whatever its name and state."""
        return [
            each
            for each in self.containers.values()
            if (each.owner, each.session_id) == (self.owner, session_id)
        ]

    def _program(self, container: MemoryContainer) -> Program:
        template = container.spec.labels.get("com.fastx.supervisor.template")
        return {"stubborn": STUBBORN, "brief": BRIEF}.get(template or "", Program())

    def _emit(
        self, kind: EngineEventKind, container: MemoryContainer, exit_code: int | None = None
    ) -> None:
        if self.witness is not None and container.owner == self.owner:
            if kind is EngineEventKind.START:
                self.witness.container_started(container, _token(container))
            elif kind not in _FREEZING and not self._by_supervisor:
                self.witness.container_left(container, oom=kind is EngineEventKind.OOM)
        with self.dropped_events() if self.faults.events is Delivery.LOST else nullcontext():
            super()._emit(kind, container, exit_code)


class _FaultyStream(EventStream):
    """Hands events on as promptly as the host's faults allow."""

    def __init__(self, owner: str, host: FaultyHost) -> None:
        super().__init__(owner)
        self._host = host

    def push(self, event: EngineEvent) -> None:
        if self._host.faults.events is Delivery.HELD:
            self._host.held_events.append((self, event))
        else:
            super().push(event)

    def deliver(self, event: EngineEvent) -> None:
        """Hand on what was held."""
        super().push(event)


def deliver(stream: EventStream, event: EngineEvent) -> None:
    """Hand a held event to its reader at last."""
    assert isinstance(stream, _FaultyStream)
    stream.deliver(event)


class FaultyEngine(MemoryEngine):
    """One life's connection to the engine."""

    def __init__(self, host: FaultyHost, faults: Faults) -> None:
        super().__init__(host, host.owner)
        self._faulty_host = host
        self._faults = faults
        self._is_cut = False

    def cut(self) -> None:
        """The process that asked is gone: nothing of what it still says reaches the engine."""
        self._is_cut = True

    async def launch(self, session_id: SessionId, spec: ContainerSpec) -> str:
        """See Engine. Two requests: create, then start."""
        self._witness.launch_asked(session_id)

        def late() -> None:
            self._start(session_id, self._create(session_id, spec))

        async with self._answered("launch", late):
            container = self._create(session_id, spec)
            await self._travel("start", answer=False)
            self._ask()
            self._start(session_id, container)
            return container.container_id

    async def stop(self, session_id: SessionId, signal: str) -> None:
        """See Engine."""

        def work() -> None:
            container = self.host.owned(session_id, self.owner)
            if container is not None:
                with self._killing(container):
                    self.host.signal(container, signal)
                    if container.status is ContainerStatus.PAUSED:
                        self.host.freeze(container, frozen=False)

        async with self._answered("stop", work):
            work()

    async def remove(self, session_id: SessionId) -> None:
        """See Engine."""

        def work() -> None:
            container = self.host.owned(session_id, self.owner)
            if container is not None:
                with self._killing(container):
                    self.host.remove(container)

        async with self._answered("remove", work):
            work()

    async def discard(self, container_id: str) -> None:
        """See Engine."""
        async with self._answered("discard"):
            for container in tuple(self.host.containers.values()):
                if container.container_id == container_id:
                    assert container.owner == self.owner
                    with self._killing(container, is_orphan=True):
                        self.host.remove(container)

    @property
    def _witness(self) -> Watched:
        assert self._faulty_host.witness is not None
        return self._faulty_host.witness

    def _create(self, session_id: SessionId, spec: ContainerSpec) -> MemoryContainer:
        name = container_name(session_id)
        container = self.host.named(session_id) or self.host.create(name, spec)
        if container.owner != self.owner:
            raise self._refusal(session_id, f"The name {name} is taken by another's container.")
        return container

    def _start(self, session_id: SessionId, container: MemoryContainer) -> None:
        """Gone since it was created, or unable to start, it is refused and not left behind."""
        if self.host.containers.get(container.name) is not container:
            raise self._refusal(session_id, f"There is no container {container.name} any more.")
        try:
            self.host.start(container)
        except EngineError:
            with self._faulty_host.by_supervisor():
                self.host.remove(container)
            raise

    def _refusal(self, session_id: SessionId, message: str) -> EngineError:
        error = EngineError(message)
        self._witness.call_refused(error, session_id)
        return error

    @contextmanager
    def _killing(self, container: MemoryContainer, *, is_orphan: bool = False) -> Iterator[None]:
        if container.exit_code is None:
            self._witness.container_killed(container, is_orphan=is_orphan)
        with self._faulty_host.by_supervisor():
            yield

    @asynccontextmanager
    async def _answered(
        self, call: Call, late: Callable[[], object] | None = None
    ) -> AsyncIterator[None]:
        """One call: asked, worked on, answered; ``late`` does its work when nobody waits for it."""
        self._require_connection()
        self.calls.append(call)
        try:
            await self._travel(call, answer=False)
        except (asyncio.CancelledError, EngineUnreachableError):
            if late is not None:
                self._faults.late_work.append(late)
            raise
        self._ask()
        if self._faults.refused[call]:
            error = self._faults.refused[call].popleft()
            if not isinstance(error, EngineUnreachableError):
                self._witness.call_refused(error, None)
            raise error
        yield
        await self._travel(call, answer=True)
        if self._faults.lost_answers[call]:
            self._faults.lost_answers[call] -= 1
            raise EngineUnreachableError("The answer got lost.")
        self._ask()

    async def _travel(self, step: Step, *, answer: bool) -> None:
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(None if step == "pull_image" else REQUEST_SECONDS):
                await self._faults.pass_through(step, answer=answer)
        except TimeoutError:
            raise EngineUnreachableError("The engine did not answer in time.") from None

    def _ask(self) -> None:
        self._require_connection()
        if self._faults.away:
            raise EngineUnreachableError("The engine does not answer.")

    def _require_connection(self) -> None:
        if self._is_cut:
            raise EngineUnreachableError("The process that asks is gone.")


def _token(container: MemoryContainer) -> str | None:
    """What the container's agent reads when it starts."""
    for mount in container.spec.mounts:
        if mount.target == f"{SESSION_PATH}/session.json":
            with suppress(FileNotFoundError):
                return str(json.loads(Path(mount.source or "").read_text())["token"])
    return None
