"""Files that SQLite cannot use: telling that they are damaged, and setting them aside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

CHECKED_BYTES = 256 * 1024 * 1024
"""Reading a larger file through would keep sessions waiting: its damage is found when met."""

_SIDE_FILES = ("-wal", "-shm")
_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SHORT_READ = sqlite3.SQLITE_IOERR_SHORT_READ
"""The file ends where a page should be. Other errors of the disk may pass."""

_ADVICE = (
    "A new database was begun, and what runs is taken over from its containers and session files. "
    "The old file is kept for whoever wants to know what happened (look at the disk: dmesg, "
    "smartctl); remove it when it is of no more use."
)


class DamagedFileError(sqlite3.DatabaseError):
    """What the check at the start has found."""


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is at fault, so that trying again is of no use."""
    if isinstance(error, DamagedFileError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in _CODES or code == _SHORT_READ)


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Read the whole file through, unless it is very large. Raises DamagedFileError."""
    size = path.stat().st_size
    if size > CHECKED_BYTES:
        log.warning("store_check_skipped", path=str(path), bytes=size)
        return
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedFileError(str(found).replace("\n", " "))


def is_obstructed(path: Path) -> bool:
    """Whether something stands in the way: what is no file, or a journal without its database."""
    _, journal, _ = _family(path)
    strangers = any(each.exists() and not each.is_file() for each in _family(path))
    return strangers or (journal.exists() and not path.exists())


def set_aside(path: Path, reason: str) -> Path | None:
    """Rename the database and its side files, so that a new one can be begun; where it is now.

    ``None`` if there was nothing. Raises OSError.
    """
    kept = _free_name(path)
    pairs = zip(_family(path), _family(kept), strict=True)
    moved = [pair for pair in pairs if pair[0].exists() or pair[0].is_symlink()]
    for each, name in moved:
        each.rename(name)
    if not moved:
        return None
    log.error("store_set_aside", path=str(path), kept=str(kept), reason=reason, advice=_ADVICE)
    return kept


def _family(path: Path) -> Iterator[Path]:
    yield path
    for suffix in _SIDE_FILES:
        yield path.with_name(path.name + suffix)


def _free_name(path: Path) -> Path:
    """Two in one second are possible; neither may replace the other."""
    stem = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (path.with_name(stem + (f".{n}" if n else "")) for n in range(1000))
    return next(name for name in names if not any(each.exists() for each in _family(name)))
