"""Request bodies: bounded in size and time, and JSON in the strict sense."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, NoReturn, TypeVar

from aiohttp import web

from relay.config import RelayLimits
from relay.problems import ProblemError

_DEPTH = 32
"""Levels of nesting; the deepest request has three."""


async def read_json(
    request: web.Request, limits: RelayLimits, *, empty: bytes = b"", undecodable: str = "strict"
) -> Any:  # noqa: ANN401 any JSON value
    """The request's body as a JSON value. ``empty`` is what an empty body stands for.

    Raises ProblemError: 400 ``not_json``, 408, 413 (without reading on), 415.
    """
    raw = await _read(request, limits) or empty
    try:
        return parse_json(raw.decode(errors=undecodable))
    except (ValueError, RecursionError) as error:
        detail = f"The body is not JSON: {_reason(error)}."
        raise ProblemError(400, "not_json", detail) from None


def parse_json(text: str) -> Any:  # noqa: ANN401 any JSON value
    """RFC 8259 without its loopholes. Raises ValueError or RecursionError.

    Refused beside bad syntax: NaN and infinities, a key twice in one object, lone surrogates, more
    than 32 levels.
    """
    value = _DECODER.decode(text)
    if text.count("[") + text.count("{") > _DEPTH:
        _check_depth(value)
    if "\\u" in text:
        # A lone surrogate, which only an escape can be, can be neither stored nor sent on.
        json.dumps(value, ensure_ascii=False).encode()
    return value


async def _read(request: web.Request, limits: RelayLimits) -> bytes:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise ProblemError(415, "encoding_not_supported", "Send the body without compression.")
    if (request.content_length or 0) > limits.body_bytes:
        raise _too_large(limits)
    if request.content.is_eof():
        # It came with the head, as that of every callback does: there is nothing to wait for.
        return _bounded(request.content.read_nowait(), limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                _bounded(body, limits)
    except TimeoutError:
        raise ProblemError(408, "body_timeout", "The body did not arrive in time.") from None
    return bytes(body)


_B = TypeVar("_B", bytes, bytearray)


def _bounded(body: _B, limits: RelayLimits) -> _B:
    if len(body) > limits.body_bytes:
        raise _too_large(limits)
    return body


def _too_large(limits: RelayLimits) -> ProblemError:
    return ProblemError(
        413,
        "too_large",
        f"The body is larger than {limits.body_bytes} bytes.",
        headers={"Connection": "close"},
    )


def _reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at line {error.lineno}, column {error.colno}"
        case UnicodeDecodeError():
            return f"byte {error.start} is not UTF-8"
        case UnicodeEncodeError():
            return "it has half of a surrogate pair"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return str(error)[:200]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has a key twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
