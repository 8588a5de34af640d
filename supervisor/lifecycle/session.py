"""What a session is: the one record that every part of the daemon reads and one worker writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

SessionId = NewType("SessionId", str)
"""26 characters, a lower-case ULID: sorts by the time of creation."""

Timestamp = float
"""Seconds since the epoch, UTC."""

ParamValue = str | int | float | bool


class Phase(StrEnum):
    """Where a session stands; the diagram of the transitions heads ``decide.py``."""

    PENDING = "pending"
    STARTING = "starting"
    RUNNING = "running"
    SUSPENDED = "suspended"
    TERMINATING = "terminating"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a session is ending or has ended."""

    COMMAND_EXITED = "CommandExited"
    COMMAND_NOT_FOUND = "CommandNotFound"
    TERMINATED = "Terminated"
    PURGED = "Purged"
    IDLE_TIMEOUT = "IdleTimeout"
    DISCONNECT_TIMEOUT = "DisconnectTimeout"
    LIFETIME_EXCEEDED = "LifetimeExceeded"
    START_TIMEOUT = "StartTimeout"
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    IMAGE_NOT_ALLOWED = "ImageNotAllowed"
    PERL_MISSING = "PerlMissing"
    MOUNT_MISSING = "MountMissing"
    TEMPLATE_INVALID = "TemplateInvalid"
    OUT_OF_MEMORY = "OutOfMemory"
    CONTAINER_DIED = "ContainerDied"
    CONTAINER_GONE = "ContainerGone"
    AGENT_FAILED = "AgentFailed"
    X_SERVER_FAILED = "XServerFailed"
    RELAY_UNREACHABLE = "RelayUnreachable"
    ENGINE_REFUSED = "EngineRefused"
    QUOTA_EXCEEDED = "QuotaExceeded"


class DeadlineName(StrEnum):
    """The waits a session can be in; each is a point in time at which ``decide`` is asked again."""

    STARTUP = "startup"
    TERMINATION = "termination"
    LIFETIME = "lifetime"
    IDLE = "idle"
    DISCONNECT = "disconnect"
    SUSPEND = "suspend"
    LIFETIME_WARNING = "lifetime_warning"


class SessionWarning(StrEnum):
    """What a session that runs is about to meet."""

    LIFETIME_ENDING = "LifetimeEnding"


class SuspendMode(StrEnum):
    """What suspending does to the container."""

    DISCONNECT = "disconnect"
    FREEZE = "freeze"


class ClipboardPolicy(StrEnum):
    """Which way text may travel between the viewer and the session."""

    BOTH = "both"
    IN = "in"
    OUT = "out"
    OFF = "off"

    def within(self, other: ClipboardPolicy) -> ClipboardPolicy:
        """What both let through."""
        if other in (self, ClipboardPolicy.BOTH):
            return self
        return other if self is ClipboardPolicy.BOTH else ClipboardPolicy.OFF


class EndRule(StrEnum):
    """When a session is over: a desktop when its command exits, a rootless one with its windows."""

    COMMAND = "command"
    WINDOWS = "windows"


class WindowManager(StrEnum):
    """Who gives windows their frames: the bundle's, where the command brings none; or nobody."""

    AUTO = "auto"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """The template's ``session:`` section, resolved. ``None`` means no limit. Units: seconds."""

    startup_seconds: float = 60.0
    stop_grace_seconds: float = 10.0
    idle_seconds: float | None = None
    disconnect_seconds: float | None = None
    lifetime_seconds: float | None = None
    lifetime_warning_seconds: float = 300.0
    suspend: SuspendMode = SuspendMode.DISCONNECT
    suspend_seconds: float | None = None
    """Suspend a session by itself after so long without viewers."""
    clipboard: ClipboardPolicy = ClipboardPolicy.BOTH
    end: EndRule = EndRule.COMMAND
    window_manager: WindowManager = WindowManager.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What the web server asks for; ``None`` leaves the choice to the template."""

    user: str
    template: str = "docker"
    command: str | None = None
    geometry: str | None = None
    name: str | None = None
    dpi: int | None = None
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the container uses, as its agent last reported."""

    memory_bytes: int = 0
    cpu_seconds: float = 0.0
    processes: int = 0


@dataclass(frozen=True, slots=True)
class ViewerCount:
    """Viewers connected to the display at present."""

    control: int = 0
    view: int = 0

    @property
    def any(self) -> bool:
        """Whether anybody is there."""
        return self.control + self.view > 0


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whether the container's processes are frozen, and how far that is known."""

    frozen: bool = False
    order: int = 0
    """Counts orders to freeze and to thaw: the answer to an older one says nothing any more."""
    settled: bool = True
    """The engine has confirmed it; until then it is what was ordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session. Fields up to ``version`` are public (the wire's session object)."""

    id: SessionId
    user: str
    name: str
    template: str
    image: str
    command: str
    geometry: str
    dpi: int
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    phase: Phase = Phase.PENDING
    reason: Reason | None = None
    message: str = ""
    progress: float | None = None
    queue_position: int | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    ready_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    exit_code: int | None = None
    viewers: ViewerCount = ViewerCount()
    last_input_at: Timestamp | None = None
    last_seen_at: Timestamp | None = None
    usage: Usage = Usage()
    cpu_cores: float = 0.0
    """Cores in use on average between the last two reports of usage."""
    usage_at: Timestamp | None = None
    node: str = ""
    container_id: str | None = None
    warning: SessionWarning | None = None
    version: int = 1

    title: str = ""
    known_phase: Phase | None = None
    """While ``phase`` is ``unknown``: the phase it was in when the engine was last heard of."""
    rules: SessionRules = SessionRules()
    clipboard_ceiling: ClipboardPolicy = ClipboardPolicy.BOTH
    """What this host lets through at most, whatever the template says."""
    spec: str = ""
    """What was rendered at intake, as JSON; opaque here, read by whoever starts the container."""
    image_id: str | None = None
    generation: int = 1
    token_hash: str | None = None
    """SHA-256 of the agent's bearer token, in hex."""
    callback_seq: int = 0
    """Highest sequence number taken from the agent; what is not above it was seen before."""
    oom_killed: bool = False
    freeze: Freeze = Freeze()
    update_due: bool = False
    """The container's limits were changed in ``spec``; the engine has not confirmed it yet."""
    purge: bool = False
    """Forget the session once its container is gone."""
    deadlines: Mapping[DeadlineName, Timestamp] = field(default_factory=dict)
    has_log: bool = False
    """Whether its agent has reported last lines; the store keeps them."""
    log_tail: str = ""
    """Those lines, from the report until they are stored."""

    @property
    def clipboard(self) -> ClipboardPolicy:
        """Which way text may travel at present."""
        return self.rules.clipboard.within(self.clipboard_ceiling)


def known_phase(session: Session) -> Phase:
    """The phase, or the one that was known before the engine could not be asked any more."""
    return session.known_phase or session.phase
