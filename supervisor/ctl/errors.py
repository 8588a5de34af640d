"""What can go wrong for somebody who types ``fxctl``, and the exit code that says so to a script.

SupervisorError
└── CtlError
    ├── UnreachableError      the daemon's socket does not answer, or not in time      69
    │   └── SocketDeniedError this user may not connect to it                            5
    ├── ProblemError          the daemon refused; its problem document       by its status
    ├── MalformedAnswerError  what answers is not this daemon, or of another age        70
    ├── BadEndpointError      what was named is no daemon's address, or lacks its token  2
    ├── AmbiguousIdError      several sessions have an id like that                      2
    ├── NoSuchSessionError    none has                                                   3
    ├── BadStartObjectError   what came on stdin is not a start object                   4
    ├── FileNotWrittenError   what was fetched cannot be put where it was wanted         1
    ├── NotDrainedError       sessions were left when the time was over                  1
    └── SessionFailedError    what was asked for was accepted, and came to nothing       1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervisor.lifecycle.errors import (
    DeniedError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    SupervisorError,
    UnavailableError,
)

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_INVALID = 4
EXIT_DENIED = 5
EXIT_UNREACHABLE = 69
EXIT_INTERNAL = 70

_BY_STATUS = {
    400: EXIT_INVALID,
    401: EXIT_DENIED,
    403: EXIT_DENIED,
    404: EXIT_NOT_FOUND,
    413: EXIT_INVALID,
    415: EXIT_INVALID,
    422: EXIT_INVALID,
    503: EXIT_UNREACHABLE,
}
_BY_CLASS: tuple[tuple[type[SupervisorError], int], ...] = (
    (NotFoundError, EXIT_NOT_FOUND),
    (InvalidRequestError, EXIT_INVALID),
    (DeniedError, EXIT_DENIED),
    (UnavailableError, EXIT_UNREACHABLE),
)


class CtlError(SupervisorError):
    """Base of what this client finds wrong; ``exit_code`` is its word to scripts."""

    code = "failed"
    exit_code = EXIT_FAILED


class UnreachableError(CtlError):
    """No daemon at the other end of the socket, or none for this user."""

    code = "unreachable"
    exit_code = EXIT_UNREACHABLE
    retryable = True


class SocketDeniedError(UnreachableError):
    """The system does not let this user connect."""

    code = "socket_denied"
    exit_code = EXIT_DENIED


class MalformedAnswerError(CtlError):
    """What came back cannot be understood."""

    code = "malformed_answer"
    exit_code = EXIT_INTERNAL


class AmbiguousIdError(CtlError):
    """A part of an id that more than one session has."""

    code = "ambiguous_id"
    exit_code = EXIT_USAGE


class BadEndpointError(CtlError):
    """``--socket`` or ``FX_SOCKET`` cannot be used, or what goes with it."""

    code = "bad_endpoint"
    exit_code = EXIT_USAGE


class NoSuchSessionError(CtlError):
    """A part of an id that no session has."""

    code = "session_not_found"
    exit_code = EXIT_NOT_FOUND


class BadStartObjectError(CtlError):
    """The launcher's input cannot be made a start request of."""

    code = "invalid_request"
    exit_code = EXIT_INVALID


class FileNotWrittenError(CtlError):
    """No such directory, no permission, no room."""

    code = "file_not_written"


class NotDrainedError(CtlError):
    """Sessions are left on the node, or new ones may come."""

    code = "not_drained"


class SessionFailedError(CtlError):
    """The session ended where it should have run, or is not there any more."""

    code = "session_failed"


class ProblemError(CtlError):
    """The daemon's refusal (RFC 9457); ``document`` is as it came."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.document = document
        self.problem_code = str(document.get("code") or f"http_{status}")
        self.exit_code = _BY_STATUS.get(status, EXIT_FAILED)
        if status == 500 and self.problem_code == "internal":
            self.exit_code = EXIT_INTERNAL
        detail = document.get("detail") or document.get("title") or f"The daemon said {status}."
        super().__init__(str(detail), errors=tuple(_field_errors(document)))


def exit_code_of(error: SupervisorError) -> int:
    """The exit code for any error with a sentence to it."""
    if isinstance(error, CtlError):
        return error.exit_code
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), EXIT_FAILED)


def code_of(error: SupervisorError) -> str:
    """The stable snake_case word for programs: the daemon's own where it is the daemon's error."""
    return error.problem_code if isinstance(error, ProblemError) else error.code


def document_of(error: SupervisorError) -> dict[str, Any]:
    """The error as a problem document, whoever found it."""
    if isinstance(error, ProblemError):
        return dict(error.document)
    document: dict[str, Any] = {"code": error.code, "detail": str(error)}
    if error.errors:
        document["errors"] = [{"loc": list(e.loc), "msg": e.msg} for e in error.errors]
    return document


def _field_errors(document: Mapping[str, Any]) -> list[FieldError]:
    found = document.get("errors")
    return [
        FieldError(tuple(entry["loc"]), str(entry.get("msg", "")))
        for entry in (found if isinstance(found, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("loc"), list)
    ]
