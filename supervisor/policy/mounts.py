"""Where mounts may come from. Host paths are resolved, links and all, and compared part by part."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from supervisor.policy.rules import Grant, Policy
from supervisor.policy.way import judge_way

NEVER = tuple(
    map(Path, ("/etc", "/run", "/var/run", "/proc", "/sys", "/dev", "/boot", "/root"))
) + tuple(map(Path, ("/var/lib/docker", "/var/lib/containerd")))
"""Nothing of these, and nothing that holds one of these, whatever the policy says."""

Place = tuple[tuple[str, ...], str]
"""Where it stands in the body, and what is wrong with it."""


def judge_mounts(host: Mapping[str, Any], policy: Policy, home: Path) -> Iterator[str]:
    """What is wrong with the mounts of a canonical ``hostconfig``."""
    for mount in host.get("mounts") or ():
        kind = str(mount.get("type", "")).lower()
        source = str(mount.get("source") or "")
        if kind == "bind":
            yield from judge_source(source, policy, home)
        elif kind == "volume":
            yield from _judge_volume(source, mount, policy, home)
        elif kind != "tmpfs":
            yield f"mounts of type {kind!r} are not known to the policy"
    for bind in host.get("binds") or ():
        source = str(bind).split(":", 1)[0]
        if source.startswith("/"):
            yield from judge_source(source, policy, home)
        elif not _matches(source, policy.volumes):
            yield f"the volume {source!r} is not among policy.volumes"


def judge_source(source: str, policy: Policy, home: Path) -> Iterator[str]:
    """What is wrong with one host path; it is resolved now, and nobody may change that after.

    The home itself, and what the policy names, is where an administrator has put it.
    """
    if not source.startswith("/"):
        yield f"{source!r} is no absolute path"
        return
    roots = [home, *policy.mount_sources]
    named, real = Path(os.path.normpath(source)), Path(os.path.realpath(source))
    for path in {named: None, real: None}:
        told = f"{source} is {path}, which" if path != named else source
        if any(_touches(path, never) for never in NEVER) or path == Path("/"):
            yield f"{told} is never mounted: it holds, or belongs to, the host's own files"
            return
        inside = [root for root in roots if named.is_relative_to(root)]
        allowed = inside if path is named else [Path(os.path.realpath(root)) for root in inside]
        if not any(path.is_relative_to(root) for root in allowed):
            yield f"{told} is not below one of policy.mount_sources, nor in the user's home"
            return
    if (
        named != home
        and named not in policy.mount_sources
        and Grant.USER_SOURCES not in policy.allow
    ):
        yield from judge_way(named)


def _touches(path: Path, never: Path) -> bool:
    return path.is_relative_to(never) or never.is_relative_to(path)


def _judge_volume(
    source: str, mount: Mapping[str, Any], policy: Policy, home: Path
) -> Iterator[str]:
    """A volume may be a host path by another name: the local driver binds what it is told to."""
    if source and not _matches(source, policy.volumes):
        yield f"the volume {source!r} is not among policy.volumes"
    driver = (mount.get("volumeoptions") or {}).get("driverconfig") or {}
    options = driver.get("options") or {}
    device = str(options.get("device") or "")
    kind = str(options.get("type") or "none")
    if device.startswith("/") and kind in {"none", "bind"}:
        yield from judge_source(device, policy, home)
    elif device and kind not in {"tmpfs", "nfs", "nfs4", "cifs"}:
        yield f"the volume {source!r} mounts {device} as {kind}: a disk of the host's"


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
