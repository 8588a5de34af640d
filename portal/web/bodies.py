"""Request bodies: bounded, JSON, and of the type that the call wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from portal.errors import FieldError, InvalidError, ProblemError

_Model = TypeVar("_Model", bound=BaseModel)

BODY_BYTES = 64 * 1024
_BODY_SECONDS = 15.0


class Body(BaseModel):
    """Base of what is sent: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


async def read_body(request: web.Request, model: type[_Model]) -> _Model:
    """The body as the model; an empty one is ``{}``. Raises as ``read_json``, and 422."""
    return validated(model, await read_json(request))


async def read_json(request: web.Request, limit_bytes: int = BODY_BYTES) -> Any:  # noqa: ANN401
    """The body as a JSON value. Raises ProblemError 400, 408, 413, 415."""
    raw = await read_bytes(request, limit_bytes)
    # A page of another origin can send a form or text unasked, but JSON only if it is let.
    if raw and request.content_type != "application/json":
        raise ProblemError(
            415, "not_json", "Send JSON, and say so: Content-Type: application/json."
        )
    try:
        value = json.loads(raw.decode() or "{}", parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ProblemError(400, "not_json", "The body is not JSON.") from None
    return value


async def read_bytes(request: web.Request, limit_bytes: int = BODY_BYTES) -> bytes:
    """The body, which is not read on when it is too large."""
    body = bytearray()
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit_bytes:
                    raise _too_large(limit_bytes)
    except web.RequestPayloadError:
        # Its encoding is not what it says, or it broke off.
        raise ProblemError(400, "bad_request", "The body cannot be read.") from None
    except TimeoutError:
        raise ProblemError(408, "body_timeout", "The body did not arrive in time.") from None
    return bytes(body)


def read_query(request: web.Request, model: type[_Model]) -> _Model:
    """The query string's members as the model. Raises InvalidError."""
    return validated(model, dict(request.query), "query", strict=False)


def validated(
    model: type[_Model], value: object, *prefix: str, strict: bool | None = None
) -> _Model:
    """``value`` as the model. Raises InvalidError with every fault."""
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidError([_fault(each, prefix) for each in faults]) from None


def _fault(detail: Mapping[str, Any], prefix: tuple[str, ...]) -> FieldError:
    message = str(detail["msg"]).removeprefix("Value error, ")
    return FieldError((*prefix, *detail["loc"]), message.replace("Input should be", "must be", 1))


def _too_large(limit_bytes: int) -> ProblemError:
    detail = f"The body is larger than {limit_bytes} bytes."
    return ProblemError(413, "too_large", detail, headers={"Connection": "close"})


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
