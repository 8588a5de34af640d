"""What a container engine keeps, in memory: images, containers, the last events, open streams.

Synchronous, so that a test or a state machine can turn every knob between two awaits. Several
``MemoryEngine`` of different owners may share one host.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.engine import labels
from supervisor.engine.base import ContainerRecord, EngineEvent, EngineEventKind, container_name
from supervisor.errors import (
    EngineError,
    EngineUnreachableError,
    ImageNotFoundError,
    MountMissingError,
)
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec, MountType
from tests.support.memory_log import MemoryLog

KEPT_EVENTS = 256
"""As many as Docker Engine keeps for ``since``."""

KILLED = 137
NOT_EXECUTED = 127

_ALIVE = (ContainerStatus.RUNNING, ContainerStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Program:
    """What a container's entry point does, as far as an engine can see."""

    exits_at_once: int | None = None
    """Its exit code; ``None`` when it stays."""
    on_signal: Mapping[str, int] = field(default_factory=lambda: {"SIGTERM": 143})
    """Which signals end it, and with which code. SIGKILL always does."""
    prints: bytes = b""
    """What it says at once."""
    starts: bool = True
    """Whether it can be executed at all. The engine is the one to notice unless an init is."""


@dataclass(slots=True)
class MemoryContainer:
    """One container."""

    name: str
    container_id: str
    spec: ContainerSpec
    created_at: float
    image_id: str
    status: ContainerStatus = ContainerStatus.CREATED
    exit_code: int | None = None
    oom_killed: bool = False
    signals: list[str] = field(default_factory=list)
    limits: dict[str, object] = field(default_factory=dict)
    """What it was updated to."""
    log: MemoryLog = field(default_factory=MemoryLog)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.spec.labels.get(labels.OWNER, "")

    @property
    def session_id(self) -> SessionId | None:
        """Which session's it is, if any."""
        found = self.spec.labels.get(labels.SESSION)
        return None if found is None else SessionId(found)

    @property
    def auto_removed(self) -> bool:
        """Whether it goes when it exits; sessions' containers do unless the template objects."""
        return bool(self.spec.raw_host_config.get("AutoRemove", True))

    def record(self, session_id: SessionId) -> ContainerRecord:
        """What a listing shows of it."""
        return ContainerRecord(
            session_id=session_id,
            container_id=self.container_id,
            status=self.status,
            exit_code=self.exit_code,
            oom_killed=self.oom_killed,
            created_at=self.created_at,
            user=self.spec.labels.get(labels.USER, ""),
            template=self.spec.labels.get(labels.TEMPLATE, ""),
            image=self.spec.image,
            image_id=self.image_id,
            is_stray=self.name != container_name(session_id),
        )


class EventStream(AsyncIterator[EngineEvent]):
    """Events for one reader, until the stream is ended or broken."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._items: deque[EngineEvent] = deque()
        self._ended = False
        self._error: EngineError | None = None
        self._news = asyncio.Event()

    def push(self, event: EngineEvent) -> None:
        """Hand an event to the reader."""
        if not self._ended:
            self._items.append(event)
            self._news.set()

    def end(self, error: EngineError | None = None) -> None:
        """Nothing more comes; what was pushed can still be read."""
        self._ended = True
        self._error = error
        self._news.set()

    async def __anext__(self) -> EngineEvent:
        while not self._items:
            if self._ended:
                raise self._error or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()


class MemoryHost:
    """The engine's side of things; ``programs`` says what an entry point does."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.images: dict[str, ImageContents] = {}
        """What is here, by reference."""
        self.registry: dict[str, ImageContents] = {}
        """What can be pulled, by reference."""
        self.programs: dict[tuple[str, ...], Program] = {}
        self.containers: dict[str, MemoryContainer] = {}
        """By name."""
        self.streams: set[EventStream] = set()
        self._now = now
        self._numbers = itertools.count(1)
        self._kept: deque[tuple[str, EngineEvent]] = deque(maxlen=KEPT_EVENTS)
        self._last_at = 0
        self._dropping = False

    def add_image(self, reference: str, *, perl: str | None = "/usr/bin/perl") -> ImageContents:
        """Put an image on this host."""
        contents = ImageContents(
            image_id=f"sha256:{len(self.images) + 1:064x}",
            perl=perl,
            passwd="root:x:0:0:root:/root:/bin/bash\n",
            group="root:x:0:\n",
        )
        self.images[reference] = contents
        return contents

    def image(self, reference_or_id: str) -> ImageContents:
        """An image that is here. Raises ImageNotFoundError."""
        for reference, contents in self.images.items():
            if reference_or_id in (reference, contents.image_id):
                return contents
        message = f"No such image: {reference_or_id}"
        raise ImageNotFoundError(message, status=404)

    def named(self, session_id: SessionId) -> MemoryContainer | None:
        """The container with this session's name, whoever's it is."""
        return self.containers.get(container_name(session_id))

    def owned(self, session_id: SessionId, owner: str) -> MemoryContainer | None:
        """The session's container, if it is this owner's."""
        found = self.named(session_id)
        return found if found is not None and found.owner == owner else None

    def create(self, name: str, spec: ContainerSpec) -> MemoryContainer:
        """Create a container, or refuse as an engine would. Raises EngineError."""
        if name in self.containers:
            message = f"Conflict. The container name {name} is already in use"
            raise EngineError(message, status=409)
        image = self.image(spec.image)
        for mount in spec.mounts:
            bound = mount.type is MountType.BIND and not mount.create_host_path
            if bound and not Path(mount.source or "").exists():
                message = f"A mount has no source on this host: {mount.source} does not exist."
                raise MountMissingError(message, status=400)
        number = next(self._numbers)
        container = MemoryContainer(name, f"{number:064x}", spec, self._now(), image.image_id)
        self.containers[name] = container
        return container

    def start(self, container: MemoryContainer) -> None:
        """Start what was created or has exited; nothing happens to what runs."""
        if container.status in _ALIVE:
            return
        program = self._program(container)
        if not (program.starts or container.spec.init):
            message = f"{container.spec.entrypoint} could not be executed"
            raise EngineError(message, status=400)
        container.status = ContainerStatus.RUNNING
        container.exit_code = None
        self._emit(EngineEventKind.START, container)
        container.log.print(program.prints)
        code = program.exits_at_once if program.starts else NOT_EXECUTED
        if code is not None:
            self.exit(container, code)

    def signal(self, container: MemoryContainer, signal: str) -> None:
        """Send a signal; what does not run gets none."""
        if container.status not in _ALIVE:
            return
        container.signals.append(signal)
        code = KILLED if signal == "SIGKILL" else self._program(container).on_signal.get(signal)
        if code is not None:
            self.exit(container, code)

    def exit(self, container: MemoryContainer, code: int, *, oom: bool = False) -> None:
        """Let the container's program end; the container goes with it if it is auto-removed."""
        if oom:
            container.oom_killed = True
            self._emit(EngineEventKind.OOM, container)
        container.status = ContainerStatus.EXITED
        container.exit_code = code
        container.log.end()
        self._emit(EngineEventKind.DIE, container, code)
        if container.auto_removed:
            self.remove(container)

    def remove(self, container: MemoryContainer, *, quietly: bool = False) -> None:
        """Kill it if it runs, and forget it; ``quietly``: it was never started."""
        if container.status in _ALIVE:
            container.status = ContainerStatus.EXITED
            container.exit_code = KILLED
            container.log.end()
            self._emit(EngineEventKind.DIE, container, KILLED)
        if self.containers.pop(container.name, None) is not None and not quietly:
            self._emit(EngineEventKind.DESTROY, container)

    def freeze(self, container: MemoryContainer, *, frozen: bool) -> None:
        """Pause or unpause."""
        container.status = ContainerStatus.PAUSED if frozen else ContainerStatus.RUNNING
        kind = EngineEventKind.PAUSE if frozen else EngineEventKind.UNPAUSE
        self._emit(kind, container)

    def restart(self) -> None:
        """What a reboot does: everything that ran is gone, and nobody was told."""
        with self.dropped_events():
            for container in list(self.containers.values()):
                if container.status in _ALIVE:
                    self.exit(container, KILLED)
        self._kept.clear()
        self.break_streams()

    @contextmanager
    def dropped_events(self) -> Iterator[None]:
        """What happens inside is told to nobody, ever."""
        before, self._dropping = self._dropping, True
        try:
            yield
        finally:
            self._dropping = before

    def break_streams(self, error: EngineError | None = None) -> None:
        """End every open stream, in order or with an error."""
        for stream in self.streams:
            stream.end(error)
        for container in self.containers.values():
            container.log.break_off(error or EngineUnreachableError("The stream broke."))

    def open_stream(self, owner: str, since: float) -> EventStream:
        """What is kept from ``since`` on, and then whatever comes."""
        stream = EventStream(owner)
        for kept_owner, event in self._kept:
            if kept_owner == owner and event.at_nanoseconds >= since * 1e9:
                stream.push(event)
        self.streams.add(stream)
        return stream

    def _program(self, container: MemoryContainer) -> Program:
        return self.programs.get(tuple(container.spec.entrypoint), Program())

    def _emit(
        self, kind: EngineEventKind, container: MemoryContainer, exit_code: int | None = None
    ) -> None:
        session_id = container.session_id
        if session_id is None or self._dropping or container.name != container_name(session_id):
            return
        self._last_at = max(self._last_at + 1, int(self._now() * 1e9))
        event = EngineEvent(
            kind=kind,
            session_id=session_id,
            container_id=container.container_id,
            at_nanoseconds=self._last_at,
            exit_code=exit_code,
        )
        self._kept.append((container.owner, event))
        for stream in self.streams:
            if stream.owner == container.owner:
                stream.push(event)
