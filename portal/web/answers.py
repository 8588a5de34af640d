"""Answers, and problems as answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from portal.errors import NotFoundError, ProblemError, StoreError, UnreachableError
from portal.request_id import begin_request

_log = structlog.get_logger()

_INTERNAL = ProblemError(500, "internal", "The portal failed to answer; its log has the reason.")

_OF_HTTP = {
    400: ("bad_request", "The request is not well-formed."),
    405: ("method_not_allowed", "This path does not answer this method."),
    413: ("too_large", "The request is larger than the portal takes."),
}


def json_answer(
    value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON object as an answer."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def no_content() -> web.Response:
    """It is done, and there is nothing to say."""
    return web.Response(status=204)


def problem_answer(problem: ProblemError) -> web.Response:
    """A problem as an answer."""
    return web.Response(
        status=problem.status,
        body=json.dumps(problem.document()).encode(),
        content_type="application/problem+json",
        headers=problem.headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a call raises into a problem document; log what nobody expected."""
    try:
        return await handler(request)
    except ProblemError as error:
        problem = error
    except StoreError as error:
        _log.error("store_failed", path=request.path, error=str(error))
        detail = "The portal cannot write down what was asked; its log has the reason."
        problem = UnreachableError(detail, "store_failed")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = _of_http(error)
    except ConnectionError:
        return _cut_off(request)
    except Exception:  # noqa: BLE001 the one boundary of all calls; logged with its traceback
        _log.exception("request_failed", method=request.method, path=request.path)
        problem = _INTERNAL
    if request.writer.output_size > 0:
        # The answer has begun; a second one would be read as part of it.
        return _cut_off(request)
    return problem_answer(problem)


@web.middleware
async def completion(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the call; what changes something is done to its end, whoever waits for it.

    A call that only looks is broken off with its connection (``handler_cancellation``).
    """
    begin_request()
    if request.method in {"GET", "HEAD"}:
        return await handler(request)
    return await asyncio.shield(asyncio.ensure_future(handler(request)))


def _cut_off(request: web.Request) -> web.StreamResponse:
    """In the place of an answer to a browser that has left, or shall."""
    if request.transport is not None:
        request.transport.abort()
    response = web.Response(status=400)
    response.force_close()
    return response


def _of_http(error: web.HTTPException) -> ProblemError:
    if error.status == 404:
        return NotFoundError("not_found", "There is nothing at this path.")
    reason = error.reason or "refused"
    fallback = (reason.lower().replace(" ", "_"), f"{reason}.")
    code, detail = _OF_HTTP.get(error.status, fallback)
    kept = {name: value for name, value in error.headers.items() if name == "Allow"}
    return ProblemError(error.status, code, detail, headers=kept)
