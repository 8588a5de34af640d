"""What the supervisor asks of a container engine, and nothing that only a local one can do.

A container is named by its session (``container_name``), so that every call can be repeated after
its answer got lost. All methods raise EngineUnreachableError when the engine does not answer (the
same call may succeed later) and EngineError when it refuses.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVersion:
    """Who answers."""

    name: str
    version: str
    api_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRecord:
    """One container of ours, as the engine lists it."""

    session_id: SessionId
    container_id: str
    status: ContainerStatus
    exit_code: int | None = None
    oom_killed: bool = False
    created_at: float = 0.0
    """Seconds since the epoch."""
    user: str = ""
    template: str = ""
    image: str = ""
    image_id: str = ""
    is_stray: bool = False
    """It has a session's label and not its name: ``launch`` did not make it."""


class EngineEventKind(StrEnum):
    """What can happen to a container that a session cares about (names of the Engine API)."""

    START = "start"
    DIE = "die"
    OOM = "oom"
    DESTROY = "destroy"
    PAUSE = "pause"
    UNPAUSE = "unpause"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """Something happened to a container of ours. May come twice, late, or not at all."""

    kind: EngineEventKind
    session_id: SessionId
    container_id: str
    at_nanoseconds: int
    exit_code: int | None = None
    kept: bool = False
    """The engine does not remove the container when it exits."""


class Engine(Protocol):
    """One engine, on which this supervisor instance owns what carries its label."""

    async def version(self) -> EngineVersion:
        """Ask who answers; the cheapest call there is."""

    async def find_image(self, reference: str) -> str | None:
        """The id of the image if it can be used without a pull."""

    def pull_image(
        self, reference: str, platform: str | None = None
    ) -> AsyncGenerator[float, None]:
        """Pull, yielding the fraction that is here (0..1). Raises ImagePullError.

        ``platform`` (``os[/arch[/variant]]``) chooses among those that the image is made for. The
        fraction never gets less; it comes with each sign of life, often the same as before.
        Closing the generator breaks the pull off.
        """

    async def read_image(self, image_id: str) -> ImageContents:
        """What the image holds of interest; costs a container that is never started."""

    async def launch(self, session_id: SessionId, spec: ContainerSpec) -> str:
        """Create the session's container, unless it is there, and start it. Returns its id.

        One that is there and cannot be started is replaced, and no event tells of that.
        Leaves no container behind when it raises EngineError (other than unreachable).
        """

    async def stop(self, session_id: SessionId, signal: str) -> None:
        """Send the stop signal and return; fine when there is no container.

        A frozen container is thawed, for nothing hears a signal before.
        """

    async def pause(self, session_id: SessionId) -> None:
        """Freeze every process of the container; fine when it is frozen, or not there."""

    async def unpause(self, session_id: SessionId) -> None:
        """Let a frozen container go on; fine when it is not frozen, or not there."""

    async def update(self, session_id: SessionId, spec: ContainerSpec) -> None:
        """Give the container the limits of ``spec``; fine when there is none.

        Memory, processors and processes: the rest of a container cannot change while it lives.
        """

    async def find_container(self, session_id: SessionId) -> ContainerRecord | None:
        """The session's container as it is now, whatever its state; ``None`` if there is none."""

    async def remove(self, session_id: SessionId) -> None:
        """Kill and remove the session's container; returns when it is gone, or never was."""

    async def discard(self, container_id: str) -> None:
        """Kill and remove this container, whatever its name; fine when it is gone.

        Raises EngineError for one without this instance's ownership label, and leaves it alone.
        """

    async def list_containers(self) -> Sequence[ContainerRecord]:
        """Every container with this instance's ownership label, in whatever state."""

    async def tidy(self, created_before: float = math.inf) -> None:
        """Remove what was left half done and no session stands for (image readings).

        ``created_before`` (seconds since the epoch) spares what is being done now.
        """

    def read_log(
        self, session_id: SessionId, *, tail: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """What the session's container has printed on both outputs, in pieces cut anywhere.

        Only the last ``tail`` lines; ``None``: all that the engine has kept. With ``follow`` it
        goes on until the container ends; a reader too slow for it misses some. Entering raises
        LogUnavailableError when the container's logging driver cannot be read, EngineError with
        status 404 when there is no container.
        """

    def watch(self, since: float) -> AbstractAsyncContextManager[AsyncIterator[EngineEvent]]:
        """Events from ``since`` (seconds since the epoch) on, until the stream breaks.

        The iterator ends, or raises EngineUnreachableError, when the stream breaks. What happened
        between two streams may be lost: list after each start.
        """

    async def close(self) -> None:
        """Close connections; containers live on."""


def container_name(session_id: SessionId) -> str:
    """The name of the session's container: one per session, ever."""
    return f"fx-{session_id}"
