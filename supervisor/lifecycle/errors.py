"""The error tree shared by the daemon and its relay.

    SupervisorError
    ├── InvalidRequestError      the caller sent something that cannot be done as asked
    ├── NotFoundError            what was named does not exist
    ├── ConflictError            it exists, but not in a state that allows this
    ├── DeniedError              the caller may not
    ├── UnavailableError         not now; the same call may succeed later
    └── (supervisor.errors)      template, identity, engine, store

Every error says in ``str(error)`` what happened and what to do about it. ``code`` is stable and
meant for programs; it appears unchanged in problem documents, logs and exit messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field: ``loc`` is the path to it, ``msg`` says what was expected."""

    loc: tuple[str | int, ...]
    msg: str


class SupervisorError(Exception):
    """Base of every error that is meant to be read by a person outside the code."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    retry_after_seconds: ClassVar[int] = 5
    """When to try again what is retryable."""

    def __init__(self, message: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.errors = errors


class InvalidRequestError(SupervisorError):
    """The request is understood and cannot be carried out as asked."""

    code = "invalid_request"


class NotFoundError(SupervisorError):
    """What the request names does not exist."""

    code = "not_found"


class SessionNotFoundError(NotFoundError):
    """No session of that id: never started, purged, or past retention."""

    code = "session_not_found"


class TemplateNotFoundError(NotFoundError):
    """No launcher template of that name."""

    code = "template_not_found"


class ConflictError(SupervisorError):
    """The thing exists, but its present state does not allow the request."""

    code = "conflict"


class DeniedError(SupervisorError):
    """The caller is known and may not do this."""

    code = "denied"


class UnavailableError(SupervisorError):
    """Not possible at the moment; the same request may succeed later."""

    code = "unavailable"
    retryable = True
