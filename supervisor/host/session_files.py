"""The files of one session that its container sees, read-only.

``<run>/sessions/<id>/`` holds ``passwd``, ``group`` and ``session.json``. The parent directory is
0700, which keeps other users of the host out; the files themselves are world-readable, because the
container's user is not the daemon's and the daemon cannot give files away.
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
        return directory

    def remove(self, session_id: SessionId) -> None:
        """Remove the session's files; fine if there are none."""
        shutil.rmtree(self.path(session_id), ignore_errors=True)

    def session_ids(self) -> Iterator[SessionId]:
        """Whose files there are."""
        for entry in os.scandir(self._root):
            if entry.is_dir(follow_symlinks=False):
                yield SessionId(entry.name)


def _write(path: Path, text: str) -> None:
    """In place, not by rename: a bind mount of the file would keep showing the old one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        os.fchmod(descriptor, 0o644)
        file.write(text)
