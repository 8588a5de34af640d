"""Effects: what ``decide`` wants done. Performed after the decision is committed, in order.

Each is idempotent, because a crash between commit and performance makes the next life of the daemon
ask for it again. What comes of an effect returns as a fact, never as a return value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class PrepareSession:
    """Get the image, learn what it holds, write the session's files. -> SessionPrepared."""


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Create (or find) the session's container and start it. -> ContainerStarted."""


@dataclass(frozen=True, slots=True)
class CancelPreparation:
    """Give up a launch, whether it waits or is under way; does not wait for its own turn."""


@dataclass(frozen=True, slots=True)
class StopContainer:
    """Send the container its stop signal, and thaw it if it is frozen, for it to be heard.

    Forcing the container away is the termination deadline's business.
    """


@dataclass(frozen=True, slots=True)
class FreezeContainer:
    """Freeze every process of the container. -> ContainerObserved."""

    order: int


@dataclass(frozen=True, slots=True)
class ThawContainer:
    """Let the container's processes go on. -> ContainerObserved."""

    order: int


@dataclass(frozen=True, slots=True)
class InspectContainer:
    """See whether the container is frozen, once earlier orders are done. -> ContainerObserved."""

    order: int


@dataclass(frozen=True, slots=True)
class UpdateContainer:
    """Give the running container the limits that its spec has now. -> ContainerUpdated."""

    spec: str = field(repr=False)
    """The one that it was asked for: one that has changed since is asked for again."""


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Force away whatever container the session has, running or not. -> ContainerGone.

    Orders to a container that is to go (stop, freeze, thaw, update) are given up for it.
    """


@dataclass(frozen=True, slots=True)
class CloseViewers:
    """Put viewers out with this WebSocket close code; does not wait for its turn."""

    code: int
    in_control_only: bool = False
    """Leave those who only look."""


@dataclass(frozen=True, slots=True)
class ReleaseSession:
    """Remove the session's files, tickets and agent connections: nothing of it stays behind."""


Effect = (
    PrepareSession
    | StartContainer
    | CancelPreparation
    | StopContainer
    | FreezeContainer
    | ThawContainer
    | InspectContainer
    | UpdateContainer
    | RemoveContainer
    | CloseViewers
    | ReleaseSession
)


class EventKind(Enum):
    """What the outside is told of."""

    UPDATE = "update"
    DELETE = "delete"
    NODE = "node"
    """About no session: the node's own state, told as it is and not kept."""
