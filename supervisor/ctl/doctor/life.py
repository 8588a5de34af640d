"""The daemon's process, as the kernel tells of it to those who may know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process of the daemon."""

    pid: int
    uid: int
    gids: frozenset[int]
    """Effective and supplementary groups."""
    open_files: int | None
    """How many descriptors it may have; ``None``: without limit."""
    environment: Mapping[str, str]
    config_file: Path | None


def find_life(run: Path) -> Life | None:
    """The process that holds the run-time directory; ``None`` where none does, or none is told."""
    try:
        pid = int((run / "lock").read_text(encoding="ascii"))
        return read_life(pid)
    except (OSError, ValueError):
        return None


def read_life(pid: int, proc: Path = Path("/proc")) -> Life | None:
    """What there is to know of a process; ``None`` for one that is no daemon.

    Raises OSError where there is no such process, or it is not for this user.
    """
    process = proc / str(pid)
    words = (process / "cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")
    if not any("supervisor" in word for word in words[:3]):
        return None
    status = dict(
        line.split(":\t", 1)
        for line in (process / "status").read_text(encoding="utf-8").splitlines()
        if ":\t" in line
    )
    gids = {int(status["Gid"].split()[1]), *map(int, status.get("Groups", "").split())}
    return Life(
        pid=pid,
        uid=int(status["Uid"].split()[1]),
        gids=frozenset(gids),
        open_files=_open_files((process / "limits").read_text(encoding="utf-8")),
        environment=_environment((process / "environ").read_bytes()),
        config_file=_option(words, "--config"),
    )


def _open_files(limits: str) -> int | None:
    for line in limits.splitlines():
        if line.startswith("Max open files"):
            with suppress(ValueError):
                return int(line.split()[3])
    return None


def _environment(raw: bytes) -> dict[str, str]:
    pairs = (os.fsdecode(entry).partition("=") for entry in raw.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def _option(words: list[str], name: str) -> Path | None:
    for place, word in enumerate(words):
        if word.startswith(f"{name}="):
            return Path(word.removeprefix(f"{name}="))
        if word == name and place + 1 < len(words):
            return Path(words[place + 1])
    return None
