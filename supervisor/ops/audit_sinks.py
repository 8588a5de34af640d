"""Where the audit trail is written: the daemon's own log, or a file that others may rotate."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from supervisor.ops.audit import Record
from supervisor.ops.log import AUDIT_LOGGER

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

log = structlog.get_logger(AUDIT_LOGGER)


class LogSink:
    """One line of the daemon's log per act, told from others by ``"stream": "audit"``."""

    def write(self, records: Sequence[Record]) -> None:
        """See Sink; the log's own time takes the place of the act's."""
        for record in records:
            fields = {key: value for key, value in record.items() if key != "timestamp"}
            log.info("act_recorded", **fields)

    def close(self) -> None:
        """See Sink."""


class FileSink:
    """Appends lines of JSON to a file of mode 0600.

    Whenever the file at the path is another one than it was (logrotate has moved it), that one is
    opened: no signal is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._is_torn = False

    def write(self, records: Sequence[Record]) -> None:
        """See Sink."""
        descriptor = self._opened()
        lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        # What was cut off by a full disk must not swallow the line that follows it.
        whole = b"\n" + lines if self._is_torn else lines
        written = os.write(descriptor, whole)
        self._is_torn = written < len(whole) and (self._is_torn or written > 0)
        if written < len(whole):
            message = f"{self._path}: only a part of the records could be written"
            raise OSError(message)

    def close(self) -> None:
        """See Sink."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is not None and self._is_there(self._descriptor):
            return self._descriptor
        self.close()
        self._is_torn = False
        # O_NONBLOCK: a FIFO without a reader is an error, and no place to wait.
        self._descriptor = os.open(self._path, _FLAGS, 0o600)
        return self._descriptor

    def _is_there(self, descriptor: int) -> bool:
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return False
        opened = os.fstat(descriptor)
        return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)
