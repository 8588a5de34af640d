"""Processes, control groups and mounts of an engine, found without asking it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
GONE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05


class ChaosError(Exception):
    """The stage could not be set; says what to do about it."""


async def run(*command: str, within_seconds: float = 120.0) -> str:
    """Run a program; its output. Raises ChaosError with its complaint."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within_seconds):
            output, complaint = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode:
        text = complaint.decode(errors="replace").strip()
        raise ChaosError(f"{' '.join(command)}: exit code {process.returncode}: {text}")
    return output.decode(errors="replace")


def with_argument(start: str) -> Iterator[int]:
    """Processes that have an argument which begins so."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if any(word.decode(errors="replace").startswith(start) for word in words):
                yield int(entry.name)


def in_cgroup(name: str) -> set[int]:
    """Processes in the group ``name`` and below, in whichever hierarchy there is one."""
    found: set[int] = set()
    for directory in cgroup_directories(name):
        for members in directory.rglob("cgroup.procs"):
            with suppress(OSError):
                found.update(int(word) for word in members.read_text().split())
    return found - {0}


def cgroup_directories(name: str) -> list[Path]:
    """One per hierarchy (version 1), or one (version 2)."""
    places = [CGROUPS, *(each for each in CGROUPS.iterdir() if each.is_dir())]
    return [place / name for place in places if (place / name).is_dir()]


def cgroup_children(name: str) -> set[str]:
    """Groups below in which something runs: one per container, named by its id (cgroupfs driver).

    Empty ones are the engine's, and those in which a program was never begun: killed at the wrong
    moment it leaves some, and does not know them itself when it is back.
    """
    names = {
        child.name
        for directory in cgroup_directories(name)
        for child in directory.iterdir()
        if child.is_dir()
    }
    return {each for each in names if any(map(_has_begun, in_cgroup(f"{name}/{each}")))}


def _has_begun(pid: int) -> bool:
    """Whether the container's program runs, not still what the runtime waits in for its start."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b"runc\0init\0"
    except OSError:
        return False


def frozen_children(name: str) -> set[str]:
    """Groups below whose processes stand still."""
    found = set()
    for directory in cgroup_directories(name):
        for file, word in (("freezer.state", "FROZEN"), ("cgroup.freeze", "1")):
            for state in directory.glob(f"*/{file}"):
                with suppress(OSError):
                    if state.read_text().strip() == word:
                        found.add(state.parent.name)
    return found


def thaw_cgroup(name: str) -> None:
    """Let frozen processes go on: until then nothing kills them (version 1)."""
    for directory in cgroup_directories(name):
        for file, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            for state in directory.rglob(file):
                with suppress(OSError):
                    state.write_text(word)


def remove_cgroup(name: str) -> None:
    """Remove the empty groups, deepest first."""
    for directory in cgroup_directories(name):
        below = [each for each in directory.rglob("*") if each.is_dir()]
        for each in [*sorted(below, reverse=True), directory]:
            with suppress(OSError):
                each.rmdir()


def mounts_below(path: Path) -> list[str]:
    """Mount points below, innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4] for line in lines]
    return sorted((each for each in points if each.startswith(f"{path}")), reverse=True)


async def unmount_below(path: Path) -> None:
    """Unmount all of it, in use or not."""
    for point in mounts_below(path):
        with suppress(ChaosError):
            await run("umount", "-l", point)


def kill(pids: Iterable[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def until(
    condition: Callable[[], object], what: str, within_seconds: float = GONE_SECONDS
) -> None:
    """Wait for what only a look can tell. Raises ChaosError."""
    try:
        async with asyncio.timeout(within_seconds):
            while not condition():
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise ChaosError(f"not within {within_seconds:g} s: {what}") from None
