"""Every refusal is an RFC 9457 problem document, whoever refuses: supervisor, relay or aiohttp.

Members: ``type, title, status, detail`` of the RFC, ``code`` (stable snake_case) and, for bad
input, ``errors: [{"loc": [...], "msg": "..."}]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from relay.calls import current_call
from relay.transports import abort
from supervisor.lifecycle.errors import (
    ConflictError,
    DeniedError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    SupervisorError,
    UnavailableError,
)

RETRY_AFTER_SECONDS = 5

_STATUS: tuple[tuple[type[SupervisorError], int], ...] = (
    (InvalidRequestError, 422),
    (NotFoundError, 404),
    (ConflictError, 409),
    (DeniedError, 403),
    (UnavailableError, 503),
)

_HTTP_CODES = {
    400: ("bad_request", "The request is not well-formed HTTP."),
    404: ("not_found", "There is nothing at this path; see /v1/openapi.json."),
    405: ("method_not_allowed", "This path does not answer this method; see the Allow header."),
    413: ("too_large", "The request is larger than the relay takes."),
    417: ("expectation_failed", "The only expectation met here is 100-continue."),
}

_log = structlog.get_logger()


class ProblemError(Exception):
    """A refusal of the relay's own: ``detail`` is a sentence for the caller, never a secret."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


def invalid(errors: tuple[FieldError, ...]) -> ProblemError:
    """422 for a request whose fields are wrong; the detail names the first of them."""
    first = errors[0]
    where = ".".join(str(part) for part in first.loc) or "body"
    return ProblemError(422, "invalid_request", f"{where}: {first.msg}", errors=errors)


def document(problem: ProblemError) -> dict[str, Any]:
    """The problem as a JSON-ready object."""
    members: dict[str, Any] = {
        "type": f"urn:fastx-supervisor:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.errors:
        members["errors"] = [{"loc": list(e.loc), "msg": e.msg} for e in problem.errors]
    return members


def response(problem: ProblemError) -> web.Response:
    """The problem as an answer."""
    answer = web.Response(
        status=problem.status,
        body=json.dumps(document(problem)).encode(),
        content_type="application/problem+json",
        headers=problem.headers,
    )
    if problem.headers.get("Connection") == "close":
        # The header alone leaves it to the peer.
        answer.force_close()
    return answer


def of_supervisor(error: SupervisorError) -> ProblemError:
    """Status by class, code and text as they are: they are written to be read outside."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    if status is None:
        status = 503 if error.retryable else 500
    headers = {"Retry-After": str(error.retry_after_seconds)} if status == 503 else {}
    return ProblemError(status, error.code, str(error), errors=error.errors, headers=headers)


def of_http(status: int, headers: Mapping[str, str] | None = None) -> ProblemError:
    """What aiohttp refuses by itself."""
    phrase = HTTPStatus(status).phrase
    code, detail = _HTTP_CODES.get(status, (phrase.lower().replace(" ", "_"), f"{phrase}."))
    kept = {name: value for name, value in (headers or {}).items() if name == "Allow"}
    return ProblemError(status, code, detail, headers=kept)


INTERNAL = ProblemError(500, "internal", "The supervisor failed to answer; its log has the reason.")


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a call raises into a problem document; log what nobody expected."""
    try:
        return await handler(request)
    except ProblemError as error:
        problem = error
    except SupervisorError as error:
        problem = of_supervisor(error)
        if problem.status == 500:
            # Ours to read, not to debug: the text says it all.
            _log.error(
                "request_failed",
                method=request.method,
                path=request.path,
                code=error.code,
                error=str(error),
            )
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = of_http(error.status, error.headers)
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001 the one boundary of all calls; logged with its traceback
        _log.exception("request_failed", method=request.method, path=request.path)
        problem = INTERNAL
    current_call().code = problem.code
    if request.writer.output_size > 0:
        # The answer has begun; a second one would be read as part of it.
        abort(request.transport)
        raise ConnectionResetError("the answer had begun when it failed")
    return response(problem)
