"""Which supervisor this is, and that it is the only one on its run-time directory."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from supervisor.errors import AlreadyRunningError, ConfigError

log = structlog.get_logger(__name__)


def instance_id(local_directory: Path, run_directory: Path) -> str:
    """The owner of this daemon's containers: made once, kept apart from the database.

    A lost database must not make strangers of the containers that run, nor a lost state directory:
    beside their files, in the run-time directory, there is a copy for as long as they run.
    """
    path, copy = local_directory / "instance-id", run_directory / "instance-id"
    try:
        local_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _read(path) and (kept := _read(copy)):
            _write_whole(path, kept + "\n")
            log.warning("instance_id_restored", path=str(path), copy=str(copy))
        if not path.exists():
            _write_whole(path, secrets.token_hex(8) + "\n")
        found = _read(path)
        if found and _read(copy) != found:
            _write_whole(copy, found + "\n")
    except OSError as error:
        message = (
            f"The state directory {local_directory} cannot be used: {error.strerror}. "
            "Create it for the daemon's user, or set FX_LOCAL_DIR."
        )
        raise ConfigError(message) from error
    if not found:
        message = f"{path} is empty. Write the owner label of the containers that run into it."
        raise ConfigError(message)
    return found


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else ""


def _write_whole(path: Path, text: str) -> None:
    """All of the text or no file, whenever the daemon or the host dies."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 a descriptor, not a path
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def sole_use(directory: Path, option: str) -> Iterator[None]:
    """Hold a directory for this process; ``option`` is what names another one.

    Raises AlreadyRunningError if another daemon holds it, ConfigError if it cannot be used.
    """
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        _require_trusted(directory, option)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(directory / "lock", flags, 0o600)
    except OSError as error:
        message = (
            f"The directory {directory} cannot be used: {error.strerror}. "
            f"Create it for the daemon's user, or name another with {option}."
        )
        raise ConfigError(message) from error
    try:
        _lock(descriptor, directory, option)
        yield
    finally:
        os.close(descriptor)


def _require_trusted(directory: Path, option: str) -> None:
    """Whoever can write here can put anything into anybody's container."""
    status = directory.stat()
    if status.st_uid not in (0, os.geteuid()):
        message = (
            f"The directory {directory} belongs to uid {status.st_uid}, and fx-supervisor runs as "
            f"uid {os.geteuid()}. Start it as the directory's owner (systemctl start "
            f"fx-supervisor), or name another directory with {option}."
        )
        raise ConfigError(message)
    if status.st_mode & stat.S_IWOTH:
        message = (
            f"Everybody can write to the directory {directory}. Take that permission away (chmod "
            f"o-w), or name another with {option}."
        )
        raise ConfigError(message)


def _lock(descriptor: int, directory: Path, option: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        message = (
            f"Another fx-supervisor (pid {holder}) runs on {directory}; stop it first, or give "
            f"this one a directory of its own with {option}."
        )
        raise AlreadyRunningError(message) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
