"""Logs by structlog: one JSON object per line for journald, key-value with colour on a terminal.

Lines for journald begin with their priority (sd-daemon(3)), which it takes off again: so
``journalctl -p warning`` finds them, and ``journalctl -o cat`` is JSON.

Events are snake_case past tense. A last step masks whatever looks like a secret, should one ever
be handed to a log call by mistake.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from supervisor.plain import plain, plain_lines

AUDIT_LOGGER = "audit"

LogFormat = Literal["auto", "json", "console"]

_SECRET_KEYS = ("token", "ticket", "secret", "password", "authorization", "cookie")
_MASK = "***"
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
"""Without local variables: among them are tokens."""
_PRIORITIES = {
    "critical": "<2>",
    "exception": "<3>",
    "error": "<3>",
    "warning": "<4>",
    "info": "<6>",
    "debug": "<7>",
}
_FIRST = ("timestamp", "level", "event", "session_id", "user", "container_id")


def configure(level: str, log_format: LogFormat) -> None:
    """Send everything, the standard library's loggers too, to standard error."""
    numeric = logging.getLevelName(level.upper())
    console = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_absent,
        _mask_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    final: list[Processor] = (
        [_make_plain, _console()]
        if console
        else [
            structlog.processors.ExceptionRenderer(_TRACEBACK),
            _in_reading_order,
            _journal_line if goes_to_journal(os.environ) else structlog.processors.JSONRenderer(),
        ]
    )
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(numeric)
    # Who did what is told whatever else is not.
    logging.getLogger(AUDIT_LOGGER).setLevel(logging.INFO)
    for noisy in ("asyncio", "aiohttp.access", "aiodocker"):
        logging.getLogger(noisy).setLevel(max(numeric, logging.WARNING))


def goes_to_journal(environment: Mapping[str, str]) -> bool:
    """Whether standard error is what systemd connected to the journal (systemd.exec(5))."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def last_words(text: str) -> str:
    """What a daemon that gives up says, as an error if the journal hears it."""
    if not goes_to_journal(os.environ):
        return text
    return "\n".join(f"{_PRIORITIES['error']}{line}" for line in text.splitlines())


def _journal_line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """A JSON object after its priority, by the name of the method that logged it."""
    rendered = structlog.processors.JSONRenderer()(logger, method, event)
    return f"{_PRIORITIES.get(method, _PRIORITIES['info'])}{rendered!s}"


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=_plain_traceback
    )


def _make_plain(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Values come from users, too, and a terminal obeys them; JSON is ASCII anyway.

    What is no text is shown by its ``repr``, which escapes.
    """
    return {key: plain(value) if isinstance(value, str) else value for key, value in event.items()}


def _plain_traceback(output: TextIO, error: ExcInfo) -> None:
    written = io.StringIO()
    structlog.dev.plain_traceback(written, error)
    output.write(plain_lines(written.getvalue()))


def _in_reading_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how bad, what, whose; then the rest."""
    first = {key: event.pop(key) for key in _FIRST if key in event}
    return {**first, **event}


def _drop_absent(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A field without a value says nothing; leave it out of the line."""
    return {key: value for key, value in event.items() if value is not None}


def _mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: Any) -> Any:  # noqa: ANN401 whatever was logged
    # Whether there is a token is no secret.
    if not isinstance(value, bool) and any(word in key.lower() for word in _SECRET_KEYS):
        return _MASK
    if isinstance(value, dict):
        return {inner: _masked(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(key, each) for each in value]
    return value
