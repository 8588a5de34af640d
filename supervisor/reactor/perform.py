"""Effects to deeds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, assert_never

import structlog

from supervisor.engine.base import Engine
from supervisor.engine.plan import load_plan
from supervisor.errors import EngineError, EngineUnreachableError
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.effects import (
    CancelPreparation,
    CloseViewers,
    Effect,
    FreezeContainer,
    InspectContainer,
    PrepareSession,
    ReleaseSession,
    RemoveContainer,
    StartContainer,
    StopContainer,
    ThawContainer,
    UpdateContainer,
)
from supervisor.lifecycle.facts import (
    ContainerGone,
    ContainerObserved,
    ContainerStatus,
    ContainerUpdated,
    Fact,
)
from supervisor.lifecycle.session import Phase, SessionId, known_phase
from supervisor.reactor.directory import Directory
from supervisor.reactor.launch import Launcher

log = structlog.get_logger(__name__)


class AgentLink(Protocol):
    """What the relay does for the supervisor (implemented there)."""

    def close_viewers(
        self, session_id: SessionId, code: int, *, in_control_only: bool = False
    ) -> None:
        """Close the session's display connections with this WebSocket code."""

    def release(self, session_id: SessionId) -> None:
        """Drop tickets, control stream and displays of a session that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Performs one effect at a time per session; the fact that comes of it is returned."""

    directory: Directory
    engine: Engine
    launcher: Launcher
    files: SessionDirectory
    link: AgentLink

    async def __call__(self, session_id: SessionId, effect: Effect) -> Fact | None:
        """Raises EngineUnreachableError when it should be tried again, EngineError when not."""
        match effect:
            case PrepareSession():
                return await self.launcher.prepare(self.directory.get(session_id))
            case StartContainer():
                return await self._start(session_id)
            case StopContainer():
                await self.engine.stop(session_id, self._stop_signal(session_id))
            case FreezeContainer() | ThawContainer() | InspectContainer():
                return await self._freeze(session_id, effect)
            case UpdateContainer():
                return await self._update(session_id)
            case RemoveContainer():
                await self.engine.remove(session_id)
                return ContainerGone(None)
            case CloseViewers(code, in_control_only):
                self.link.close_viewers(session_id, code, in_control_only=in_control_only)
            case ReleaseSession():
                self.link.release(session_id)
                await asyncio.to_thread(self.files.remove, session_id)
            case CancelPreparation():
                pass
            case _:
                assert_never(effect)
        return None

    async def _start(self, session_id: SessionId) -> Fact | None:
        """Unless the session was ended meanwhile, or runs: an earlier attempt's answer got lost.

        To ask once more would make a second container if the first one is gone by now.
        """
        spec = await self.launcher.specify(self.directory.get(session_id))
        session = self.directory.get(session_id)
        if known_phase(session) is not Phase.STARTING:
            return None
        return await self.launcher.start(session, spec)

    def _stop_signal(self, session_id: SessionId) -> str:
        """A session that was put back without its plan has the agent's own."""
        spec = self.directory.get(session_id).spec
        return (load_plan(spec).spec.stop_signal if spec else None) or "SIGTERM"

    async def _update(self, session_id: SessionId) -> Fact:
        spec = self.directory.get(session_id).spec
        try:
            await self.engine.update(session_id, load_plan(spec).spec)
        except EngineUnreachableError:
            raise
        except EngineError as error:
            log.warning("container_update_refused", error=str(error))
            return ContainerUpdated(spec, str(error))
        return ContainerUpdated(spec)

    async def _freeze(
        self, session_id: SessionId, effect: FreezeContainer | ThawContainer | InspectContainer
    ) -> Fact:
        """What the engine says of the container when it has been done."""
        match effect:
            case FreezeContainer():
                await self.engine.pause(session_id)
            case ThawContainer():
                await self.engine.unpause(session_id)
            case InspectContainer():
                pass
            case _:
                assert_never(effect)
        found = await self.engine.find_container(session_id)
        if found is None:
            return ContainerGone(None)
        return ContainerObserved(effect.order, found.status is ContainerStatus.PAUSED)
