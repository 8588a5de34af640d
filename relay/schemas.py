"""What the web server may send: types and lengths. What the values mean, the supervisor judges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WrapValidator,
)

from relay.problems import ProblemError, invalid
from supervisor.lifecycle.errors import FieldError, SessionNotFoundError
from supervisor.lifecycle.session import ParamValue, Phase, StartRequest
from supervisor.lifecycle.tickets import Mode

_T = TypeVar("_T")

_INTEGER_LIMIT = 2**63
"""What a database column holds."""

_COMMAND_BYTES = 60_000
"""Room is left for the rest of a command's line: agents take 64 KiB."""


def validated(adapter: TypeAdapter[_T], value: object, *prefix: str) -> _T:
    """``value`` as the adapter's type. Raises ProblemError 422 with every fault and its path."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid(
            tuple(
                FieldError((*prefix, *_location(fault["loc"])), _sentence(fault["msg"]))
                for fault in faults
            )
        ) from None


def _sentence(message: str) -> str:
    """What is wrong, without pydantic's name for who found it."""
    return message.removeprefix("Value error, ")


def _location(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Without the "[key]" by which pydantic marks a fault of a mapping's key."""
    return tuple(part for part in loc if part != "[key]")


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


def _scalar(value: Any, _next: Any) -> ParamValue:  # noqa: ANN401 that is what is found out
    """A union would report one fault per member."""
    if isinstance(value, str) and len(value) <= 4096:
        return _no_nul(value)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < _INTEGER_LIMIT:
        return value
    raise ValueError("must be a string (4096 characters at most), a number, or true or false")


def _command(value: Any, _next: Any) -> str | list[str]:  # noqa: ANN401 likewise
    words = value if isinstance(value, list) else [value]
    if not words or not words[0] or not all(isinstance(word, str) for word in words):
        raise ValueError("must be a line for /bin/sh, or a list: a program and its arguments")
    for word in words:
        _no_nul(word)
    if len(json.dumps(value)) > _COMMAND_BYTES:
        raise ValueError(f"must have {_COMMAND_BYTES} bytes at most, as JSON in ASCII")
    command: str | list[str] = value
    return command


Word = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_no_nul)]
Text = Annotated[str, Field(max_length=4096), AfterValidator(_no_nul)]
Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Scalar = Annotated[Any, WrapValidator(_scalar)]
Command = Annotated[Any, WrapValidator(_command)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class StartBody(_Body):
    """``POST /v1/sessions``. ``null`` is the same as leaving a field out."""

    user: Word
    template: Word = "docker"
    command: Text | None = None
    geometry: Annotated[str, Field(max_length=64)] | None = None
    name: Annotated[str, Field(max_length=256), AfterValidator(_no_nul)] | None = None
    dpi: Annotated[int, Field(ge=1, le=10_000)] | None = None
    params: Annotated[dict[Word, Scalar], Field(max_length=256)] = {}
    extra: Annotated[dict[Word, Text], Field(max_length=256)] = {}

    def request(self) -> StartRequest:
        """What the supervisor is asked."""
        return StartRequest(
            user=self.user,
            template=self.template,
            command=self.command,
            geometry=self.geometry,
            name=self.name,
            dpi=self.dpi,
            params=self.params,
            extra=self.extra,
        )


class ChangeBody(_Body):
    """``PATCH /v1/sessions/{id}``: what is left out stays as it is."""

    name: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_no_nul)] | None = None
    params: Annotated[dict[Word, Scalar], Field(max_length=256)] = {}


class TicketBody(_Body):
    """``POST /v1/sessions/{id}/tickets``; a ticket lasts a day at most."""

    mode: Annotated[Mode, Field(strict=False)] = Mode.CONTROL
    guest: Annotated[str, Field(max_length=64), AfterValidator(_printable)] | None = None
    label: Label | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=24 * 3600)] = 30
    uses: Annotated[int, Field(ge=1, le=1000)] = 1


class ReconcileBody(_Body):
    """``POST /v1/reconcile``."""

    dry_run: bool = False


class UndrainBody(_Body):
    """``POST /v1/node/undrain``; ``by`` is whoever told the caller, if it is not the caller."""

    by: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)] | None = None


class CordonBody(UndrainBody):
    """``POST /v1/node/cordon``."""

    reason: Annotated[str, Field(max_length=256), AfterValidator(_printable)] = ""


class DrainBody(CordonBody):
    """``POST /v1/node/drain``."""

    terminate: bool = False


class ExecBody(_Body):
    """``POST /v1/sessions/{id}/exec``; how long to wait is of no account without ``wait``."""

    command: Command
    wait: bool = False
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListQuery(_Query):
    """``GET /v1/sessions``."""

    user: Word | None = None
    phase: Phase | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")] | None = None


class LogQuery(_Query):
    """``GET /v1/sessions/{id}/log``; ``tail`` counts lines."""

    tail: Annotated[int, Field(ge=0, le=10_000)] | None = None
    follow: Literal["true", "false", "1", "0"] = "false"


class ScreenshotQuery(_Query):
    """``GET /v1/sessions/{id}/screenshot``; pixels."""

    max_width: Annotated[int, Field(ge=16, le=4096)] | None = None


class TicketsQuery(_Query):
    """``DELETE /v1/sessions/{id}/tickets``."""

    label: Label | None = None
    code: Annotated[int, Field(ge=4000, le=4999)] | None = None
    """With what viewers are closed, in the place of 4003 (RFC 6455, 7.4.2: private use)."""


class EventsQuery(_Query):
    """``GET /v1/events``."""

    user: Word | None = None


START = TypeAdapter(StartBody)
CHANGE = TypeAdapter(ChangeBody)
TICKET = TypeAdapter(TicketBody)
RECONCILE = TypeAdapter(ReconcileBody)
CORDON = TypeAdapter(CordonBody)
DRAIN = TypeAdapter(DrainBody)
UNDRAIN = TypeAdapter(UndrainBody)
EXEC = TypeAdapter(ExecBody)
LIST_QUERY = TypeAdapter(ListQuery)
LOG_QUERY = TypeAdapter(LogQuery)
SCREENSHOT_QUERY = TypeAdapter(ScreenshotQuery)
TICKETS_QUERY = TypeAdapter(TicketsQuery)
EVENTS_QUERY = TypeAdapter(EventsQuery)


def query(adapter: TypeAdapter[_T], values: Mapping[str, str]) -> _T:
    """A query string's members as the adapter's type. Raises ProblemError 422."""
    return validated(adapter, dict(values), "query")


def idempotency_key(header: str | None) -> str | None:
    """The header if it is 1 to 255 printable characters. Raises ProblemError 422."""
    if header is None or (1 <= len(header) <= 255 and header.isascii() and header.isprintable()):
        return header
    fault = FieldError(("header", "Idempotency-Key"), "must be 1 to 255 printable characters")
    raise invalid((fault,))


def named_session(request: web.Request) -> str:
    """The id in a request's path. Raises SessionNotFoundError for what cannot be one."""
    named = request.match_info["id"]
    if not (len(named) <= 64 and named.isascii() and named.isalnum()):
        raise SessionNotFoundError("There is no session of that id: it is not a session's id.")
    return named


def if_none_match(request: web.Request) -> set[str]:
    """The entity tags that the caller has, weak ones as if they were strong."""
    header = request.headers.get("If-None-Match", "")
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def last_event_id(header: str | None) -> int | None:
    """``Last-Event-ID`` as a number; empty is none. Raises ProblemError 422."""
    if not header:
        return None
    if not (header.isascii() and header.isdigit() and len(header) <= 19):
        raise invalid((FieldError(("header", "Last-Event-ID"), "must be an event's id"),))
    return int(header)


__all__ = [
    "CHANGE",
    "CORDON",
    "DRAIN",
    "EVENTS_QUERY",
    "EXEC",
    "LIST_QUERY",
    "LOG_QUERY",
    "RECONCILE",
    "SCREENSHOT_QUERY",
    "START",
    "TICKET",
    "TICKETS_QUERY",
    "UNDRAIN",
    "ChangeBody",
    "CordonBody",
    "DrainBody",
    "ExecBody",
    "ProblemError",
    "ReconcileBody",
    "StartBody",
    "TicketBody",
    "UndrainBody",
    "idempotency_key",
    "if_none_match",
    "last_event_id",
    "named_session",
    "query",
    "validated",
]
