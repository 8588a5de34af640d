"""``scripts/package`` as a release is made by it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).parents[2]
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Packages:
    """What was built, by kind."""

    directory: Path

    @property
    def wheel(self) -> Path:
        """The only wheel."""
        return self._only("*.whl")

    @property
    def sdist(self) -> Path:
        """The only sdist."""
        return self._only("*.tar.gz")

    @property
    def deb(self) -> Path:
        """The .deb of the first revision."""
        return self._only("*-1_*.deb")

    def _only(self, pattern: str) -> Path:
        (found,) = self.directory.glob(pattern)
        return found


def build(directory: Path, *words: str, tree: Path = TREE) -> None:
    """Run ``scripts/package``. Raises AssertionError with what it said."""
    done = subprocess.run(  # noqa: S603 our own script
        [tree / "scripts" / "package", *words, "--output", directory],
        # xz takes a minute, and is not what is tested.
        env={**os.environ, "DEB_COMPRESSION": "gzip"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
