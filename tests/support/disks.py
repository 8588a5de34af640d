"""Disks for tests, in place of a directory: one that can be filled up, one that can fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BYTES = 8 * 1024 * 1024


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of 8 MiB in place of an empty directory, which keeps owner and mode.

    Yields the path of a file that ``fill`` makes and whose removal gives the room back.
    """
    status = directory.stat()
    mode = f"mode={status.st_mode & 0o777:o},uid={status.st_uid},gid={status.st_gid}"
    _run("mount", "-t", "tmpfs", "-o", f"size={_BYTES},{mode}", "fx-test", str(directory))
    try:
        yield directory / "filler"
    finally:
        # Whoever still uses it keeps it, where a test has failed.
        _run("umount", "--lazy", str(directory))


def fill(path: Path) -> None:
    """Take up all the room there is on the file's disk."""
    with path.open("wb", buffering=0) as file:
        while _written(file.fileno(), bytes(4096)):
            pass


class FailingDisk:
    """An ext4 of its own that can become read-only under whoever writes, as after an I/O error."""

    def __init__(self, image: Path, directory: Path) -> None:
        self._image = image
        self._directory = directory

    def make(self) -> None:
        """Put it in place of an empty directory, whose owner and mode it keeps."""
        status = self._directory.stat()
        with self._image.open("wb") as image:
            image.truncate(3 * _BYTES)
        _run("mkfs.ext4", "-q", str(self._image))
        self.mount()
        os.chown(self._directory, status.st_uid, status.st_gid)
        self._directory.chmod(status.st_mode & 0o777)

    def mount(self) -> None:
        """Make it usable."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self._directory))

    def fail(self) -> None:
        """Let the kernel take it for broken: from now on it can only be read."""
        _run("mount", "-o", "remount,abort", str(self._directory))

    def mend(self) -> None:
        """Repair and mount it again; nobody may have a file of it open."""
        _run("umount", str(self._directory))
        # 1: errors were found and corrected.
        _run("e2fsck", "-fy", str(self._image), accepted=(0, 1))
        self.mount()

    def remove(self) -> None:
        """Take it away; whoever still uses it keeps it, where a test has failed."""
        _run("umount", "--lazy", str(self._directory))


@contextmanager
def failing_disk(image: Path, directory: Path) -> Iterator[FailingDisk]:
    """Such a disk in place of a directory."""
    disk = FailingDisk(image, directory)
    disk.make()
    try:
        yield disk
    finally:
        disk.remove()


def _written(descriptor: int, raw: bytes) -> bool:
    try:
        return os.write(descriptor, raw) > 0
    except OSError:
        return False


def _run(*command: str, accepted: tuple[int, ...] = (0,)) -> None:
    done = subprocess.run(  # noqa: S603 commands of this file
        command, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in accepted, f"{command}: {done.stderr or done.stdout}"
