"""Logs by structlog: one JSON object per line for journald, key-value with colour on a terminal.

Events are snake_case past tense; who did what has ``user`` and ``remote``, and ``session_id``. A
last step masks whatever looks like a secret, should one ever be handed to a log call by mistake.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "json", "console"]

_SECRET_KEYS = ("token", "ticket", "secret", "password", "authorization", "cookie")
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
"""Without local variables: among them are passwords."""
_PRIORITIES = {"critical": 2, "exception": 3, "error": 3, "warning": 4, "info": 6, "debug": 7}
_FIRST = ("timestamp", "level", "event", "session_id", "user", "remote")


def configure(level: str, log_format: LogFormat) -> None:
    """Send everything, the standard library's loggers too, to standard error."""
    console = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _clean,
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
        else [structlog.processors.ExceptionRenderer(_TRACEBACK), _in_order, _line]
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
    set_level(level)


def set_level(level: str) -> None:
    """What is less grave is left out from now on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for noisy in ("asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING))
    # It says, as an error, what of a stranger's bytes was no HTTP. Failed calls are logged by us.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def _console() -> Processor:
    # Without local variables here as well.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _goes_to_journal() -> bool:
    """Whether standard error is what systemd connected to the journal (systemd.exec(5))."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """A JSON object; for the journal after its priority (sd-daemon(3))."""
    rendered = structlog.processors.JSONRenderer()(logger, method, event)
    prefix = f"<{_PRIORITIES.get(method, 6)}>" if _goes_to_journal() else ""
    return f"{prefix}{rendered!s}"


def _make_plain(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Values come from users, too, and a terminal obeys them; JSON is ASCII anyway."""
    return {
        key: value.encode("unicode_escape").decode()
        if isinstance(value, str) and not value.isprintable()
        else value
        for key, value in event.items()
    }


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how bad, what, whose; then the rest."""
    first = {key: event.pop(key) for key in _FIRST if key in event}
    return {**first, **event}


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Without fields that say nothing, and without secrets."""
    return {key: _masked(key, value) for key, value in event.items() if value is not None}


def _masked(key: str, value: object) -> object:
    is_secret = any(word in key.lower() for word in _SECRET_KEYS)
    return "***" if is_secret and not isinstance(value, bool) else value
