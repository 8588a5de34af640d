"""What an agent may report, as it comes over the wire, and the fact that it is.

Hostile input: types are strict, numbers and lengths bounded; what is too long is cut rather than
refused, because a final report must not be lost to its size. Fields not known here are ignored, so
that a newer agent can talk to an older relay.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from supervisor.lifecycle.facts import (
    AgentFailed,
    AgentHeartbeat,
    AgentReady,
    AgentStarted,
    AgentTitle,
    Callback,
    CommandExited,
)
from supervisor.lifecycle.session import Reason, Usage

_LOG_TAIL_BYTES = 64 * 1024
"""No less than a report can carry."""
_MESSAGE_CHARS = 1024
_TITLE_CHARS = 256
_SIGNALLED = 128
"""A shell's way to say that a signal ended a command: 128 + its number."""

_AGENT_REASONS = frozenset(
    {
        Reason.X_SERVER_FAILED,
        Reason.COMMAND_NOT_FOUND,
        Reason.RELAY_UNREACHABLE,
        Reason.AGENT_FAILED,
    }
)


def _tail(text: str) -> str:
    kept = text.replace("\0", "\ufffd").encode()[-_LOG_TAIL_BYTES:]
    return kept.decode(errors="ignore")


def _line(text: str) -> str:
    """One line without control characters: it will be shown to an administrator."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


LogTail = Annotated[str, AfterValidator(_tail)]
ExitCode = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class _Report(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    seq: int = Field(ge=0, lt=2**53)


class Started(_Report):
    """The agent runs."""

    type: Literal["started"]
    agent_version: str | None = None
    perl: str | None = None
    pid: int | None = None

    def fact(self) -> Callback:
        """The agent runs inside the container."""
        return AgentStarted(self.seq)


class Ready(_Report):
    """X server and command are up."""

    type: Literal["ready"]
    display: str | None = None
    geometry: str | None = None

    def fact(self) -> Callback:
        """The display can be connected."""
        return AgentReady(self.seq)


class ReportedUsage(BaseModel):
    """What the container uses."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    memory_bytes: int = Field(0, ge=0, lt=2**53)
    cpu_seconds: float = Field(0.0, ge=0, lt=2**53, allow_inf_nan=False)
    processes: int = Field(0, ge=0, lt=2**31)


class Heartbeat(_Report):
    """The agent is alive."""

    type: Literal["heartbeat"]
    usage: ReportedUsage = ReportedUsage()

    def fact(self) -> Callback:
        """What the container uses."""
        usage = self.usage
        return AgentHeartbeat(
            self.seq, Usage(usage.memory_bytes, float(usage.cpu_seconds), usage.processes)
        )


class Title(_Report):
    """The main window's title."""

    type: Literal["title"]
    title: str

    def fact(self) -> Callback:
        """The title, on one line and cut."""
        return AgentTitle(self.seq, _line(self.title)[:_TITLE_CHARS])


class Exited(_Report):
    """The command ended."""

    type: Literal["exited"]
    exit_code: ExitCode | None = None
    signal: int | None = Field(None, ge=0, le=64)
    log_tail: LogTail = ""

    def fact(self) -> Callback:
        """The exit code; of a command that a signal ended, 128 + its number."""
        exit_code = self.exit_code
        if exit_code is None:
            exit_code = _SIGNALLED + self.signal if self.signal else 0
        return CommandExited(self.seq, exit_code, self.log_tail)


class ExecExited(_Report):
    """A program that was asked for beside the command ended: no fact, for it changes no session."""

    type: Literal["exec_exited"]
    id: str
    exit_code: ExitCode
    output: LogTail = ""


class Failed(_Report):
    """The agent could not start or keep the session."""

    type: Literal["failed"]
    reason: str
    message: str
    exit_code: ExitCode | None = None
    log_tail: LogTail = ""

    def fact(self) -> Callback:
        """The failure; a reason that is not an agent's to give becomes ``AgentFailed``."""
        given = (reason for reason in _AGENT_REASONS if reason.value == self.reason)
        return AgentFailed(
            self.seq,
            next(given, Reason.AGENT_FAILED),
            _line(self.message)[:_MESSAGE_CHARS],
            self.exit_code,
            self.log_tail,
        )


Report = Annotated[
    Started | Ready | Heartbeat | Title | Exited | ExecExited | Failed,
    Field(discriminator="type"),
]
