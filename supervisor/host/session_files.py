"""The files of one session that its container sees, read-only, and one that it does not.

``<run>/sessions/<id>/`` holds ``passwd``, ``group`` and ``session.json``. The parent directory is
0700, which keeps other users of the host out; the files themselves are world-readable, because the
container's user is not the daemon's and the daemon cannot give files away.

``record.json``, for the daemon's user alone, is the session as it was when these were written. It
is mounted nowhere: should the database be lost, it says what the container is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from supervisor.lifecycle.session import SessionId


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """What one session's directory holds."""

    passwd: str
    group: str
    session: str
    """``session.json``: parameters and token for the agent."""
    record: str = ""
    """``record.json``: the session as the store keeps it; empty for none."""


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """What is left of a session's files; empty where there is none, or it cannot be read."""

    session: str = ""
    record: str = ""


class SessionDirectory:
    """All sessions' directories below one run-time directory. Blocking: call it on a thread."""

    def __init__(self, run_directory: Path) -> None:
        self._root = run_directory / "sessions"

    def create_root(self) -> None:
        """Make the parent directory, closed to everybody but the daemon."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root.chmod(0o700)

    def path(self, session_id: SessionId) -> Path:
        """Where the session's files are, or would be."""
        return self._root / session_id

    def write(self, session_id: SessionId, files: SessionFiles) -> Path:
        """Write the session's files anew; the directory keeps its identity if it is there."""
        directory = self.path(session_id)
        directory.mkdir(mode=0o755, exist_ok=True)
        directory.chmod(0o755)
        _write(directory / "passwd", files.passwd)
        _write(directory / "group", files.group)
        _write(directory / "session.json", files.session)
        if files.record:
            _replace(directory / "record.json", files.record)
        return directory

    def read(self, session_id: SessionId) -> KeptFiles | None:
        """What was written for the session; ``None`` without a directory of its own."""
        directory = self.path(session_id)
        if not directory.is_dir():
            return None
        return KeptFiles(_read(directory / "session.json"), _read(directory / "record.json"))

    def remove(self, session_id: SessionId) -> None:
        """Remove the session's files; fine if there are none."""
        shutil.rmtree(self.path(session_id), ignore_errors=True)

    def session_ids(self) -> Iterator[SessionId]:
        """Whose files there are."""
        for entry in os.scandir(self._root):
            if entry.is_dir(follow_symlinks=False):
                yield SessionId(entry.name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: nothing has it mounted."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        os.fchmod(descriptor, 0o600)
        file.write(text)
    draft.rename(path)


def _write(path: Path, text: str) -> None:
    """In place, not by rename: a bind mount of the file would keep showing the old one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        os.fchmod(descriptor, 0o644)
        file.write(text)
