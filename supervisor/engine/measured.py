"""Any engine, with its calls timed and its failures counted: the one place where that is done."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Protocol

from supervisor.engine.base import ContainerRecord, Engine, EngineEvent, EngineVersion
from supervisor.errors import EngineError
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec

CRASH = "crash"
"""Instead of an error's code: what nobody expected."""


class EngineRecorder(Protocol):
    """Told how the engine serves. Durations are seconds."""

    def engine_answered(self, call: str, seconds: float) -> None:
        """A call is over, well or ill; ``call`` is the method's name."""

    def engine_failed(self, call: str, code: str) -> None:
        """It was over ill; ``code`` is the error's, one of a few."""

    def engine_stream_opened(self) -> None:
        """Events are followed from here on; each time but the first, once more."""

    def engine_event_arrived(self, delay_seconds: float) -> None:
        """After so long, by the engine's clock and ours."""


class MeasuredEngine:
    """An ``Engine`` that hands every call on."""

    def __init__(
        self, engine: Engine, recorder: EngineRecorder, now: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._recorder = recorder
        self._now = now

    async def version(self) -> EngineVersion:
        """See Engine."""
        with self._timed("version"):
            return await self._engine.version()

    async def find_image(self, reference: str) -> str | None:
        """See Engine."""
        with self._timed("find_image"):
            return await self._engine.find_image(reference)

    async def pull_image(
        self, reference: str, platform: str | None = None
    ) -> AsyncGenerator[float, None]:
        """See Engine."""
        with self._timed("pull_image"):
            async with aclosing(self._engine.pull_image(reference, platform)) as fractions:
                async for fraction in fractions:
                    yield fraction

    async def read_image(self, image_id: str) -> ImageContents:
        """See Engine."""
        with self._timed("read_image"):
            return await self._engine.read_image(image_id)

    async def launch(self, session_id: SessionId, spec: ContainerSpec) -> str:
        """See Engine."""
        with self._timed("launch"):
            return await self._engine.launch(session_id, spec)

    async def stop(self, session_id: SessionId, signal: str) -> None:
        """See Engine."""
        with self._timed("stop"):
            await self._engine.stop(session_id, signal)

    async def pause(self, session_id: SessionId) -> None:
        """See Engine."""
        with self._timed("pause"):
            await self._engine.pause(session_id)

    async def unpause(self, session_id: SessionId) -> None:
        """See Engine."""
        with self._timed("unpause"):
            await self._engine.unpause(session_id)

    async def update(self, session_id: SessionId, spec: ContainerSpec) -> None:
        """See Engine."""
        with self._timed("update"):
            await self._engine.update(session_id, spec)

    async def find_container(self, session_id: SessionId) -> ContainerRecord | None:
        """See Engine."""
        with self._timed("find_container"):
            return await self._engine.find_container(session_id)

    async def remove(self, session_id: SessionId) -> None:
        """See Engine."""
        with self._timed("remove"):
            await self._engine.remove(session_id)

    async def discard(self, container_id: str) -> None:
        """See Engine."""
        with self._timed("discard"):
            await self._engine.discard(container_id)

    async def list_containers(self) -> Sequence[ContainerRecord]:
        """See Engine."""
        with self._timed("list_containers"):
            return await self._engine.list_containers()

    async def tidy(self, created_before: float = math.inf) -> None:
        """See Engine."""
        with self._timed("tidy"):
            await self._engine.tidy(created_before)

    @asynccontextmanager
    async def read_log(
        self, session_id: SessionId, *, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Engine. Timed until it opens: what is followed lasts as long as its session."""
        async with AsyncExitStack() as stack:
            with self._timed("read_log"):
                opening = self._engine.read_log(session_id, tail=tail, follow=follow)
                pieces = await stack.enter_async_context(opening)
            yield pieces

    @asynccontextmanager
    async def watch(self, since: float) -> AsyncIterator[AsyncIterator[EngineEvent]]:
        """See Engine. The engine says nothing until there is an event: how long is no measure."""
        async with self._engine.watch(since) as events:
            self._recorder.engine_stream_opened()
            yield self._noted(events)

    async def close(self) -> None:
        """See Engine."""
        await self._engine.close()

    async def _noted(self, events: AsyncIterator[EngineEvent]) -> AsyncIterator[EngineEvent]:
        opened_at = self._now()
        try:
            async for event in events:
                at = event.at_nanoseconds / 1e9
                # What is replayed from before is old, and not late.
                if at >= opened_at:
                    self._recorder.engine_event_arrived(max(0.0, self._now() - at))
                yield event
        except EngineError as error:
            self._recorder.engine_failed("watch", error.code)
            raise

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        """What is broken off counts as neither: nobody knows how long it would have been."""
        begun = time.perf_counter()
        try:
            yield
        except Exception as error:
            code = error.code if isinstance(error, EngineError) else CRASH
            self._recorder.engine_failed(call, code)
            self._recorder.engine_answered(call, time.perf_counter() - begun)
            raise
        self._recorder.engine_answered(call, time.perf_counter() - begun)
