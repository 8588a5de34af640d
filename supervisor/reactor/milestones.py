"""How far launches have come and how long each stage took, read off committed changes.

    accepted --queue--> starting --image--> prepared --container--> started --agent--> ready

Only of launches whose stage began in this life of the daemon: how long the daemon was away says
nothing of the host.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp

READY = "Ready"
"""The outcome of a launch that got there; any other's is the reason of its end."""


class Stage(StrEnum):
    """What a launch waits for."""

    QUEUE = "queue"
    """Its turn."""
    IMAGE = "image"
    """The image: pulled if it has to be, read; and the session's files."""
    CONTAINER = "container"
    """Created and started."""
    AGENT = "agent"
    """X server and command, until the agent says ready."""


class LaunchRecorder(Protocol):
    """Told of launches. Durations are seconds."""

    def stage_passed(self, stage: Stage, seconds: float) -> None:
        """A launch has this stage behind it."""

    def launch_ended(self, outcome: str) -> None:
        """``Ready``, or the ``Reason`` for which there will be no display."""


class Milestones:
    """A ``ChangeObserver`` of the reactor."""

    def __init__(self, recorder: LaunchRecorder, now: Callable[[], Timestamp]) -> None:
        self._recorder = recorder
        self._now = now
        self._marks: dict[SessionId, Timestamp] = {}
        """When the stage began that a launch is in."""

    def __call__(
        self, before: Session | None, after: Session, kind: EventKind, _news: object
    ) -> None:
        """See worker.ChangeObserver."""
        if before is None or before.ready_at is not None or before.phase is Phase.ENDED:
            return
        if before.phase is Phase.PENDING and after.phase is Phase.STARTING:
            self._marks[after.id] = before.created_at
            self._pass(after.id, Stage.QUEUE)
        if before.token_hash is None and after.token_hash is not None:
            self._pass(after.id, Stage.IMAGE)
        if before.container_id is None and after.container_id is not None:
            self._pass(after.id, Stage.CONTAINER)
        if after.ready_at is not None:
            self._pass(after.id, Stage.AGENT)
            self._end(after.id, READY)
        elif after.phase is Phase.ENDED or kind is EventKind.DELETE:
            self._end(after.id, after.reason.value if after.reason else "Purged")

    def _pass(self, session_id: SessionId, stage: Stage) -> None:
        begun = self._marks.get(session_id)
        if begun is not None:
            now = self._marks[session_id] = self._now()
            # A wall clock may be set back.
            self._recorder.stage_passed(stage, max(0.0, now - begun))

    def _end(self, session_id: SessionId, outcome: str) -> None:
        self._marks.pop(session_id, None)
        self._recorder.launch_ended(outcome)
