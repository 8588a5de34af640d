"""Facts: everything that can happen to a session, from whichever side it comes.

A fact says what is so, never what to do about it; ``decide`` judges. Facts of one session reach its
worker through one mailbox, in the order in which they were posted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from supervisor.lifecycle.session import (
    ClipboardPolicy,
    DeadlineName,
    ParamValue,
    Reason,
    Timestamp,
    Usage,
    ViewerCount,
)


class ContainerStatus(StrEnum):
    """What the engine says a container is doing."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class SlotGranted:
    """The session's turn has come: it may start now."""


@dataclass(frozen=True, slots=True)
class QueueMoved:
    """The session waits at ``position`` (1 = next)."""

    position: int


@dataclass(frozen=True, slots=True)
class TerminateRequested:
    """Somebody who may asked for the session to end."""


@dataclass(frozen=True, slots=True)
class PurgeRequested:
    """Somebody who may asked for the session to be forced away and forgotten."""


@dataclass(frozen=True, slots=True)
class SuspendRequested:
    """Somebody who may asked for the session to be put aside; it goes on when resumed."""


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """Somebody who may asked for the session back, or came to look at it."""


@dataclass(frozen=True, slots=True)
class ChangeRequested:
    """Somebody who may gave the session another name or other params, judged by its template."""

    name: str | None = None
    rendered: Rendered | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a session is with other params; ``waiting``: rendered for one that has not started."""

    waiting: bool
    params: Mapping[str, ParamValue]
    spec: str
    image: str
    command: str


@dataclass(frozen=True, slots=True)
class ContainerUpdated:
    """The engine has taken the limits of this spec, or refused them for ``refusal``."""

    spec: str = field(repr=False)
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class PullProgressed:
    """The image is being pulled; ``fraction`` of it is here (0..1)."""

    fraction: float


@dataclass(frozen=True, slots=True)
class SessionPrepared:
    """Image and session files are ready for a container to be created from them."""

    image_id: str
    token_hash: str


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """The session cannot be started; ``message`` says what an administrator can do."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class ContainerStarted:
    """The engine has started the session's container."""

    container_id: str


@dataclass(frozen=True, slots=True)
class ContainerOutOfMemory:
    """The kernel killed something in the container for want of memory."""

    container_id: str


@dataclass(frozen=True, slots=True)
class ContainerExited:
    """The container's first program ended; the container itself may still be listed."""

    container_id: str
    exit_code: int | None
    oom_killed: bool = False
    kept: bool = False
    """The engine does not remove it by itself."""


@dataclass(frozen=True, slots=True)
class ContainerGone:
    """The engine has no such container. ``None``: it has none of this session at all."""

    container_id: str | None


@dataclass(frozen=True, slots=True)
class ContainerListed:
    """A complete listing of the engine's containers showed this one."""

    container_id: str
    status: ContainerStatus
    exit_code: int | None = None
    oom_killed: bool = False


@dataclass(frozen=True, slots=True)
class ContainerObserved:
    """Whether the container is frozen, as the engine said in answer to the order of that number."""

    order: int
    frozen: bool


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The engine cannot be asked; what is known of the container may no longer be true."""


@dataclass(frozen=True, slots=True)
class EngineFound:
    """The engine answers again; a listing follows."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The daemon has restarted and found this session in its store, and (or not) its container."""

    container: ContainerListed | None


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """The agent runs inside the container; its X server does not yet."""

    seq: int


@dataclass(frozen=True, slots=True)
class AgentReady:
    """X server and command are up: the display can be connected."""

    seq: int


@dataclass(frozen=True, slots=True)
class AgentHeartbeat:
    """The agent is alive and reports what the container uses."""

    seq: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class AgentTitle:
    """The title that the session's main window shows."""

    seq: int
    title: str


@dataclass(frozen=True, slots=True)
class CommandExited:
    """The session's command ended; the agent is about to leave."""

    seq: int
    exit_code: int
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class AgentFailed:
    """The agent could not start or keep the session."""

    seq: int
    reason: Reason
    message: str
    exit_code: int | None = None
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class ClipboardBounded:
    """What this host lets through at most, from now on."""

    ceiling: ClipboardPolicy


@dataclass(frozen=True, slots=True)
class ViewersChanged:
    """A viewer came or went; ``viewers`` is who is connected now."""

    viewers: ViewerCount


@dataclass(frozen=True, slots=True)
class InputSeen:
    """A viewer in control used keyboard or pointer at the time ``at``."""

    at: Timestamp


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The named wait is over, if it is still the one that was to end at ``due``.

    The wall clock may have been set since: that it shows another time does not matter.
    """

    name: DeadlineName
    due: Timestamp


Callback = AgentStarted | AgentReady | AgentHeartbeat | AgentTitle | CommandExited | AgentFailed
"""What the agent in the container says of itself: hostile input, deduplicated by ``seq``."""

Fact = (
    SlotGranted
    | QueueMoved
    | TerminateRequested
    | PurgeRequested
    | SuspendRequested
    | ResumeRequested
    | ChangeRequested
    | ContainerUpdated
    | ClipboardBounded
    | PullProgressed
    | SessionPrepared
    | LaunchFailed
    | ContainerStarted
    | ContainerOutOfMemory
    | ContainerExited
    | ContainerGone
    | ContainerListed
    | ContainerObserved
    | EngineLost
    | EngineFound
    | Adopted
    | Callback
    | ViewersChanged
    | InputSeen
    | DeadlinePassed
)
