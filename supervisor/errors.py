"""Errors of the daemon that are not the relay's business. The tree's root: ``lifecycle.errors``.

SupervisorError
├── ConfigError               supervisor.yaml or the command line is wrong     (exit 78)
├── AlreadyRunningError       another daemon holds the run-time directory      (exit 75)
├── EngineError               the engine said no
│   ├── ImageNotFoundError
│   ├── ImagePullError
│   └── EngineUnreachableError    it does not answer; retryable
│       └── EngineDeniedError     it may not be asked by this user             (exit 77)
├── StoreError                the database cannot be read or written; retryable
│   └── StoreDamagedError     its file is at fault: the next start begins another (exit 74)
├── LogUnavailableError       the container's logging driver cannot be read (a ConflictError)
├── UserNotAllowedError       unknown, privileged or system user (an InvalidRequestError)
└── PolicyError               the host's policy does not allow the container (a DeniedError)
    └── ImageNotAllowedError
"""

from __future__ import annotations

from supervisor.lifecycle.errors import (
    ConflictError,
    DeniedError,
    InvalidRequestError,
    SupervisorError,
    UnavailableError,
)
from supervisor.lifecycle.session import Reason


class ConfigError(SupervisorError):
    """The configuration cannot be used as it is; the message has one fault per line."""

    code = "config_invalid"


class AlreadyRunningError(SupervisorError):
    """Two daemons on one run-time directory would fight over sockets and containers."""

    code = "already_running"


class EngineError(SupervisorError):
    """The engine refused; ``reason`` is what a session that needed it ends with."""

    code = "engine_refused"
    reason = Reason.ENGINE_REFUSED

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the Engine API's answer; 0 if there was none."""


class ImageNotFoundError(EngineError):
    """The image is neither on this machine nor to be had by the template's pull policy."""

    code = "image_not_found"
    reason = Reason.IMAGE_NOT_FOUND


class ImagePullError(EngineError):
    """The registry refused the image or the pull broke off."""

    code = "image_pull_failed"
    reason = Reason.IMAGE_PULL_FAILED


class MountMissingError(EngineError):
    """A mount's source does not exist on this host, or the engine cannot reach it."""

    code = "mount_missing"
    reason = Reason.MOUNT_MISSING


class PerlMissingError(EngineError):
    """The image holds no perl, which the session's agent is written in."""

    code = "perl_missing"
    reason = Reason.PERL_MISSING


class EngineUnreachableError(EngineError):
    """The engine does not answer, or not in time."""

    code = "engine_unreachable"
    retryable = True


class EngineDeniedError(EngineUnreachableError):
    """The engine's socket is there, but not for this user."""

    code = "engine_denied"


class StoreError(UnavailableError):
    """The database cannot be read or written at the moment."""

    code = "store_unavailable"


class StoreDamagedError(StoreError):
    """The database's file is damaged; the daemon ends, and its next life sets the file aside."""

    code = "store_damaged"


class StoreVersionError(StoreError):
    """The database was written by a newer version of the supervisor."""

    code = "store_version"


class LogUnavailableError(ConflictError):
    """The session's container logs to where nothing can be read back from."""

    code = "log_unavailable"


class UserNotAllowedError(InvalidRequestError):
    """Sessions are for ordinary users of this host; this is none."""

    code = "user_not_allowed"


class PolicyError(DeniedError):
    """The host's policy does not allow what the template has become for this start."""

    code = "policy_violation"
    reason = Reason.TEMPLATE_INVALID


class ImageNotAllowedError(PolicyError):
    """The image is not among those that this host allows."""

    code = "image_not_allowed"
    reason = Reason.IMAGE_NOT_ALLOWED
