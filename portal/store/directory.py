"""The directory of the portal's state: for its user alone."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.errors import StoreError

KEY_BYTES = 32


def prepare_directory(path: Path) -> None:
    """Make it if need be. Raises StoreError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_closed(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be made: {error.strerror}. Set FX_PORTAL_DIR to a directory of the "
            "portal's own."
        ) from error


def _require_closed(path: Path) -> None:
    """Whoever can replace the key can sign in as anybody. Raises StoreError, OSError."""
    if path.stat().st_mode & 0o022:
        raise StoreError(f"{path} can be written to by others: 'chmod go-w {path}'.")


@contextmanager
def sole_use(path: Path) -> Iterator[None]:
    """Within the block no other portal uses the directory. Raises StoreError.

    Two would each keep in memory what the other changes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(f"{path} is in use: another portal runs on it.") from None


def link_key(directory: Path) -> bytes:
    """The key that signs one-time links; made when it is needed first. Raises StoreError."""
    path = directory / "link.key"
    try:
        _require_closed(directory)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                # By root it is made for the portal, whose directory it is.
                owner = directory.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be used: {error.strerror}. This is for the portal's user, or for root, "
            "and there once the portal was started."
        ) from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path} is damaged: remove it, and links that are out hold no more.")
    return key
