"""What can go wrong, and how the pages are told: RFC 9457 problems, as the relay's are.

PortalError
├── ConfigError                    portal.yaml or the command line is wrong    (exit 78)
├── StoreError                     the database cannot be used                 (exit 69)
└── ProblemError                   an answer: status, code, a sentence
    ├── NotSignedInError           401 not_signed_in
    ├── ForbiddenError             403 csrf, view_only, administrators_only, ...
    ├── NotFoundError              404 what one may not see is not there
    ├── InvalidError               422 with ``errors`` by field
    ├── TooManyError               429 with Retry-After
    ├── UnreachableError           503 supervisor_unreachable; trying again helps
    └── RelayError                 as the relay said it, word for word
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Problem = Mapping[str, Any]
"""A problem document, JSON-ready."""


class PortalError(Exception):
    """Root of all; the text is for whoever can do something about it."""

    code = "internal"


class ConfigError(PortalError):
    """The configuration cannot be used as it is; the message has one fault per line."""

    code = "config_invalid"


class StoreError(PortalError):
    """The portal's database cannot be opened, read or written."""

    code = "store_failed"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of what was sent: where, and what is wrong."""

    loc: tuple[int | str, ...]
    msg: str


class ProblemError(PortalError):
    """A refusal; ``detail`` is a sentence for a person, never a secret."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self) -> Problem:
        """The problem as a JSON-ready object."""
        members: dict[str, Any] = {
            "type": f"urn:fastx-portal:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            members["errors"] = [{"loc": list(each.loc), "msg": each.msg} for each in self.errors]
        return members


class NotSignedInError(ProblemError):
    """Nobody is signed in by this request."""

    def __init__(self) -> None:
        super().__init__(401, "not_signed_in", "You are not signed in, or not any more.")


class ForbiddenError(ProblemError):
    """Known who it is, and it is not for them."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(403, code, detail)


class NotFoundError(ProblemError):
    """There is no such thing, or none that this person may know of: they look the same."""

    def __init__(
        self, code: str = "session_not_found", detail: str = "There is no such session."
    ) -> None:
        super().__init__(404, code, detail)


class InvalidError(ProblemError):
    """What was sent is wrong; the detail names the first fault."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        where = ".".join(map(str, errors[0].loc)) or "the body"
        super().__init__(422, "invalid_request", f"{where}: {errors[0].msg}", errors=errors)


class TooManyError(ProblemError):
    """Too often; after so many seconds it may be tried again."""

    def __init__(self, code: str, detail: str, retry_seconds: float) -> None:
        retry = {"Retry-After": str(max(1, math.ceil(retry_seconds)))}
        super().__init__(429, code, detail, headers=retry)


class UnreachableError(ProblemError):
    """The supervisor does not answer, or will not answer this portal."""

    def __init__(self, detail: str, code: str = "supervisor_unreachable") -> None:
        super().__init__(503, code, detail, headers={"Retry-After": "5"})


class RelayError(ProblemError):
    """The relay refused; its problem document is handed on."""

    def __init__(self, status: int, document: Problem, headers: Mapping[str, str]) -> None:
        code = str(document.get("code", "relay_refused"))
        detail = str(document.get("detail", f"The supervisor answered {status}."))
        super().__init__(status, code, detail, headers=headers)
        self._document = {"code": code, "detail": detail, "status": status, **document}

    def document(self) -> Problem:
        """As the relay wrote it."""
        return self._document
