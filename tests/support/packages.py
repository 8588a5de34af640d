"""``scripts/package`` as a release is made by it, and what it has made, once for all tests."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.surroundings import given

TREE = Path(__file__).parents[2]
SECONDS = 600.0
KEPT_SECONDS = 24 * 3600.0
"""How long packages of other sources stay: another run may be at work with them."""

# Everything that is packed, and everything that packs.
_SOURCES = (
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "pyproject.toml"),
    *("requirements.lock", "agent", "docs", "packaging", "portal", "relay", "supervisor"),
    *("systemd", "templates", "scripts/install", "scripts/lib", "scripts/package"),
)


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


def built() -> Packages:
    """Wheel, sdist and .deb of this tree, and the .deb of the next revision.

    Built when these sources have not been yet.
    """
    cache = Path(given("FX_TEST_BUILD_VENV")).parent / "packages"
    place = cache / _key()
    if not place.exists():
        cache.mkdir(exist_ok=True)
        _prune(cache)
        work = Path(tempfile.mkdtemp(dir=cache, prefix=".building-"))
        work.chmod(0o755)
        try:
            build(work, "wheel", "sdist", "deb")
            build(work, "deb", "--revision", "2")
            # Somebody else may have been faster: theirs are the same bytes.
            if not place.exists():
                work.rename(place)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Packages(place)


def _key() -> str:
    """What the bytes depend on: sources with their modes, their time, and the tools."""
    digest = hashlib.sha256(f"{_source_date()} {given('FX_TEST_BUILD_VENV')}\n".encode())
    for path in sorted(_files()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(TREE)} {path.stat().st_mode:o} {content}\n".encode())
    return digest.hexdigest()[:16]


def _files() -> Iterator[Path]:
    for name in _SOURCES:
        top = TREE / name
        for path in top.rglob("*") if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _source_date() -> str:
    """As scripts/package takes it where nobody says another."""
    asked = ["git", "-C", str(TREE), "log", "-1", "--format=%ct"]
    given_date = os.environ.get("SOURCE_DATE_EPOCH")
    return (
        given_date
        or subprocess.run(  # noqa: S603 no shell, no words of others
            asked, capture_output=True, text=True, check=False
        ).stdout.strip()
    )


def _prune(cache: Path) -> None:
    for old in cache.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
