"""An engine in memory, held to the same contract as the real one (tests/contract).

Its knobs are synchronous. Every call goes through the same gate: it may be held until released,
find the engine unreachable, fail as a test ordered, or do its work and lose the answer.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Literal

from supervisor.engine import labels
from supervisor.engine.base import ContainerRecord, EngineVersion, container_name
from supervisor.engine.payload import limits_body
from supervisor.errors import (
    EngineError,
    EngineUnreachableError,
    ImagePullError,
    LogUnavailableError,
)
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec
from tests.support.memory_host import EventStream, MemoryContainer, MemoryHost

Call = Literal[
    "version",
    "find_image",
    "pull_image",
    "read_image",
    "launch",
    "stop",
    "pause",
    "unpause",
    "find_container",
    "update",
    "remove",
    "discard",
    "list_containers",
    "watch",
    "tidy",
    "read_log",
]


class Gate:
    """Holds calls until released; ``entered`` tells when one has arrived."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self._released = asyncio.Event()

    async def wait(self) -> None:
        """Stand at the gate."""
        self.entered.set()
        await self._released.wait()

    def release(self) -> None:
        """Let everybody through, from now on."""
        self._released.set()


class MemoryEngine:
    """The Engine Protocol (``supervisor.engine.base.Engine``) on a MemoryHost."""

    def __init__(self, host: MemoryHost | None = None, owner: str = "memory") -> None:
        self.host = host or MemoryHost()
        self.owner = owner
        self.calls: list[Call] = []
        """Every call that was made, in order, whatever came of it."""
        self.pulled: list[tuple[str, str | None]] = []
        """What was asked for, and for which platform."""
        self.pulling = 0
        """How many pulls are under way."""
        self.fractions: tuple[float, ...] = (0.5,)
        """What a pull tells of before it is half-way."""
        self.halfway: Gate | None = None
        self._reachable = True
        self._unreachable: type[EngineUnreachableError] = EngineUnreachableError
        self._before: dict[Call, Gate] = {}
        self._after: dict[Call, Gate] = {}
        self._failures: defaultdict[Call, deque[EngineError]] = defaultdict(deque)
        self._lost_answers: defaultdict[Call, int] = defaultdict(int)

    def go_away(self, error: type[EngineUnreachableError] = EngineUnreachableError) -> None:
        """Answer nothing more, and break what streams there are."""
        self._reachable, self._unreachable = False, error
        self.host.break_streams(error("The engine went away."))

    def come_back(self) -> None:
        """Answer again."""
        self._reachable = True

    def hold(self, call: Call, *, after_work: bool = False) -> Gate:
        """Delay these calls, before their work or just before their answer."""
        gates = self._after if after_work else self._before
        gates[call] = Gate()
        return gates[call]

    def fail(self, call: Call, error: EngineError, *, times: int = 1) -> None:
        """Refuse the next so many of these calls."""
        self._failures[call].extend([error] * times)

    def lose_answer(self, call: Call, *, times: int = 1) -> None:
        """Do the work of the next so many of these calls, and let their answer get lost."""
        self._lost_answers[call] += times

    def container(self, session_id: SessionId) -> MemoryContainer:
        """The session's container, which has to be there."""
        found = self.host.owned(session_id, self.owner)
        assert found is not None, f"session {session_id} has no container"
        return found

    def exit(self, session_id: SessionId, code: int = 0, *, oom: bool = False) -> None:
        """Let the session's container end by itself."""
        self.host.exit(self.container(session_id), code, oom=oom)

    async def version(self) -> EngineVersion:
        """See Engine."""
        async with self._answered("version"):
            return EngineVersion(name="memory", version="1", api_version="1.41")

    async def find_image(self, reference: str) -> str | None:
        """See Engine."""
        async with self._answered("find_image"):
            contents = self.host.images.get(reference)
            return None if contents is None else contents.image_id

    async def pull_image(
        self, reference: str, platform: str | None = None
    ) -> AsyncGenerator[float, None]:
        """See Engine. Half-way it stands still if ``halfway`` is a gate."""
        self.pulled.append((reference, platform))
        self.pulling += 1
        try:
            async with self._answered("pull_image"):
                contents = self.host.registry.get(reference)
                if contents is None:
                    message = f"The image {reference} could not be pulled: manifest unknown"
                    raise ImagePullError(message)
                for fraction in self.fractions:
                    yield fraction
                if self.halfway is not None:
                    await self.halfway.wait()
                self.host.images[reference] = contents
                yield 1.0
        finally:
            try:
                for _ in range(3):
                    # Closing a connection is not done at once.
                    await asyncio.sleep(0)
            finally:
                self.pulling -= 1

    async def read_image(self, image_id: str) -> ImageContents:
        """See Engine."""
        async with self._answered("read_image"):
            return self.host.image(image_id)

    async def tidy(self, created_before: float = math.inf) -> None:
        """See Engine."""
        async with self._answered("tidy"):
            for container in tuple(self.host.containers.values()):
                found = container.spec.labels
                probe = labels.PROBE in found and labels.SESSION not in found
                if (
                    probe
                    and container.owner == self.owner
                    and container.created_at < created_before
                ):
                    self.host.remove(container)

    async def launch(self, session_id: SessionId, spec: ContainerSpec) -> str:
        """See Engine."""
        async with self._answered("launch"):
            name = container_name(session_id)
            there = self.host.named(session_id)
            container = there or self.host.create(name, spec)
            if container.owner != self.owner:
                message = f"The name {name} is taken by a container that is not this supervisor's."
                raise EngineError(message)
            try:
                self.host.start(container)
            except EngineError:
                self.host.remove(container, quietly=there is not None)
                if there is None:
                    raise
                container = self.host.create(name, spec)
                self.host.start(container)
            return container.container_id

    async def stop(self, session_id: SessionId, signal: str) -> None:
        """See Engine."""
        async with self._answered("stop"):
            container = self.host.owned(session_id, self.owner)
            if container is not None:
                self.host.signal(container, signal)
                if container.status is ContainerStatus.PAUSED:
                    self.host.freeze(container, frozen=False)

    async def pause(self, session_id: SessionId) -> None:
        """See Engine."""
        async with self._answered("pause"):
            container = self.host.owned(session_id, self.owner)
            if container is not None and container.status is ContainerStatus.RUNNING:
                self.host.freeze(container, frozen=True)

    async def unpause(self, session_id: SessionId) -> None:
        """See Engine."""
        async with self._answered("unpause"):
            container = self.host.owned(session_id, self.owner)
            if container is not None and container.status is ContainerStatus.PAUSED:
                self.host.freeze(container, frozen=False)

    async def update(self, session_id: SessionId, spec: ContainerSpec) -> None:
        """See Engine."""
        async with self._answered("update"):
            container = self.host.owned(session_id, self.owner)
            if container is not None:
                container.limits = limits_body(spec)

    async def find_container(self, session_id: SessionId) -> ContainerRecord | None:
        """See Engine."""
        async with self._answered("find_container"):
            container = self.host.owned(session_id, self.owner)
            return None if container is None else container.record(session_id)

    async def remove(self, session_id: SessionId) -> None:
        """See Engine."""
        async with self._answered("remove"):
            container = self.host.owned(session_id, self.owner)
            if container is not None:
                self.host.remove(container)

    async def discard(self, container_id: str) -> None:
        """See Engine."""
        async with self._answered("discard"):
            for container in tuple(self.host.containers.values()):
                if container.container_id != container_id:
                    continue
                if container.owner != self.owner:
                    message = f"The container {container_id[:12]} is not this supervisor's."
                    raise EngineError(message)
                self.host.remove(container)

    async def list_containers(self) -> Sequence[ContainerRecord]:
        """See Engine."""
        async with self._answered("list_containers"):
            return [
                container.record(container.session_id)
                for container in self.host.containers.values()
                if container.owner == self.owner and container.session_id is not None
            ]

    @asynccontextmanager
    async def read_log(
        self, session_id: SessionId, *, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Engine."""
        async with self._answered("read_log"):
            container = self.host.owned(session_id, self.owner)
            if container is None:
                message = f"There is no container of session {session_id}."
                raise EngineError(message, status=404)
            if container.spec.log_driver == "none":
                raise LogUnavailableError("The logging driver cannot be read.")
        async with aclosing(container.log.read(tail, follow=follow)) as pieces:
            yield pieces

    @asynccontextmanager
    async def watch(self, since: float) -> AsyncIterator[EventStream]:
        """See Engine. As with the real one, a broken connection shows only when it is read."""
        stream = self.host.open_stream(self.owner, since)
        try:
            try:
                async with self._answered("watch"):
                    pass
            except EngineError as error:
                stream.end(error)
            yield stream
        finally:
            self.host.streams.discard(stream)

    async def close(self) -> None:
        """See Engine."""

    @asynccontextmanager
    async def _answered(self, call: Call) -> AsyncIterator[None]:
        """One call: asked, worked on, answered."""
        self.calls.append(call)
        await asyncio.sleep(0)
        if call in self._before:
            await self._before[call].wait()
        self._ask()
        if self._failures[call]:
            raise self._failures[call].popleft()
        yield
        if call in self._after:
            await self._after[call].wait()
        if self._lost_answers[call]:
            self._lost_answers[call] -= 1
            raise EngineUnreachableError("The answer got lost.")
        self._ask()

    def _ask(self) -> None:
        if not self._reachable:
            raise self._unreachable("The engine does not answer.")
