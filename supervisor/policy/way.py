"""The way to a mount's source: nobody but root and the daemon may lead it elsewhere.

The engine goes it as root, and after the policy has looked. Who can put a link into a directory on
the way chooses what is mounted, and a mount passes by the modes of what is above it: one of
``/home/bob/letters`` needs no leave to enter ``/home/bob``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_MOST_LINKS = 40
"""As the kernel has it."""


def judge_way(source: Path) -> Iterator[str]:
    """What is wrong with it; links are followed one by one. What is missing is not wrong."""
    at, waiting, links = Path("/"), list(source.parts[1:]), 0
    while waiting:
        part = waiting.pop(0)
        if part == "..":
            at = at.parent  # as the kernel has it, for there is no link in it
            continue
        above = None
        try:
            above = at.lstat()
            below = _status(at / part) if _is_trusted(above) else None
            target = (at / part).readlink() if below and stat.S_ISLNK(below.st_mode) else None
        except OSError as error:
            if above is not None and _is_closed(above):
                return
            yield f"{source} cannot be judged: {at} cannot be looked into ({error.strerror})"
            return
        if not _is_steady(above, below):
            yield f"{source} leads through {at}, where users can put a link to any place"
            return
        if below is None:
            return
        if target is None:
            at /= part
            continue
        links += 1
        if links > _MOST_LINKS:
            yield f"{source} leads through more than {_MOST_LINKS} links"
            return
        at = Path("/") if target.is_absolute() else at
        waiting[:0] = [each for each in target.parts if each != "/"]


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_steady(above: os.stat_result, below: os.stat_result | None) -> bool:
    """Whether what is ``below`` stays what it is; of a sticky directory only its owner moves it."""
    if not _is_trusted(above):
        return False
    by_group = above.st_mode & stat.S_IWGRP and above.st_gid != 0
    if not (by_group or above.st_mode & stat.S_IWOTH):
        return True
    return bool(above.st_mode & stat.S_ISVTX) and below is not None and _is_trusted(below)


def _is_closed(above: os.stat_result) -> bool:
    """Whether nobody but root comes in at all: what is in there is root's doing."""
    by_group = above.st_mode & stat.S_IXGRP and above.st_gid != 0
    return _is_trusted(above) and not (by_group or above.st_mode & stat.S_IXOTH)


def _is_trusted(status: os.stat_result) -> bool:
    return status.st_uid in {0, os.geteuid()}
