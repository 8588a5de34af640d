"""What the pages are made of, under a name that changes with it: browsers may keep it for good.

A page is a hundred small files, as they lie in the tree. Asked for again each time, their answers,
"unchanged" all, would take longer than everything else on the way to a session's first picture.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

MARK = "@"
"""A path's first part is an edition if it begins with this."""

_LETTERS = 12
_LEAST_BYTES = 512
"""What is smaller gains nothing."""
_PACKED = frozenset({".css", ".js", ".json", ".svg"})


@dataclass(slots=True)
class Edition:
    """A directory as it was when it was last looked at."""

    directory: Path
    name: str = ""
    _packed: dict[Path, bytes] = field(default_factory=dict)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: int = 0
    _answered: int = 0
    """As many of those who asked had done so before the last look began."""

    async def current(self) -> str:
        """Its name as it is now: all who ask while it is looked at share the next look."""
        self._asked = mine = self._asked + 1
        async with self._looking:
            if self._answered < mine:
                asked = self._asked
                await asyncio.to_thread(self.look)
                self._answered = asked
        return self.name

    def look(self) -> str:
        """Its name as it is now; files that change while developing count at once."""
        name = MARK + _digest(self.directory)
        if name != self.name:
            self.name = name
            self._packed.clear()
        return name

    def packed(self, path: Path) -> bytes | None:
        """The file, compressed; ``None`` if that would gain nothing. Raises OSError."""
        if path.suffix not in _PACKED:
            return None
        if path not in self._packed:
            content = path.read_bytes()
            large = len(content) >= _LEAST_BYTES
            self._packed[path] = gzip.compress(content, mtime=0) if large else b""
        return self._packed[path] or None


def _digest(directory: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        found = path.stat()
        digest.update(
            f"{path.relative_to(directory)}\0{found.st_size}\0{found.st_mtime_ns}\0".encode()
        )
    return digest.hexdigest()[:_LETTERS]
