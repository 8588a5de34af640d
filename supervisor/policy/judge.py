"""A container's body against the policy: every breach, with the key that would allow it.

Judged is what the engine would be sent, so that nothing passes by another way of saying it; what
the policy does not know is a breach. Our own additions (agent, files, labels) come after this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from supervisor.policy.canonical import canonical, collisions
from supervisor.policy.images import is_allowed
from supervisor.policy.isolation import judge_isolation
from supervisor.policy.mounts import judge_mounts
from supervisor.policy.rules import Ceilings, Grant, Policy

_LABELS = "com.fastx.supervisor."
_BODY = frozenset(
    {"image", "entrypoint", "cmd", "env", "workingdir", "user", "tty", "openstdin", "stdinonce"}
    | {"attachstdin", "attachstdout", "attachstderr", "hostname", "domainname", "macaddress"}
    | {"exposedports", "stopsignal", "stoptimeout", "labels", "healthcheck", "hostconfig"}
    | {"networkingconfig", "volumes", "argsescaped", "networkdisabled", "onbuild", "shell"}
)
_HOST = frozenset(
    {"autoremove", "init", "logconfig", "shmsize", "memory", "memoryreservation", "memoryswap"}
    | {"memoryswappiness", "nanocpus", "cpushares", "cpuquota", "cpuperiod", "cpusetcpus"}
    | {"cpusetmems", "pidslimit", "ulimits", "blkioweight", "blkioweightdevice"}
    | {"blkiodevicereadbps", "blkiodevicewritebps", "blkiodevicereadiops", "blkiodevicewriteiops"}
    | {"dns", "dnssearch", "dnsoptions", "extrahosts", "portbindings", "publishallports"}
    | {"readonlyrootfs", "tmpfs", "storageopt", "isolation", "consolesize", "restartpolicy"}
    # Judged below, or in the modules beside this one.
    | {"mounts", "binds", "volumesfrom", "links", "groupadd", "devices", "devicecgrouprules"}
    | {"devicerequests", "networkmode", "pidmode", "ipcmode", "utsmode", "usernsmode"}
    | {"cgroupnsmode", "cgroup", "cgroupparent", "runtime", "sysctls", "capadd", "capdrop"}
    | {"securityopt", "privileged", "maskedpaths", "readonlypaths", "oomscoreadj"}
    | {"oomkilldisable"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose container it is."""

    uid: int
    gid: int
    home: Path


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that is not allowed; ``key`` of the policy would allow it."""

    what: str
    key: str

    def __str__(self) -> str:
        return f"{self.what} ({self.key})"


def judge(body: Mapping[str, Any], policy: Policy, subject: Subject) -> list[Breach]:
    """Everything that is not allowed; it may take a look at the file system, and blocks."""
    return list(_breaches(body, policy, subject))


def _breaches(body: Mapping[str, Any], policy: Policy, subject: Subject) -> Iterator[Breach]:
    for word in collisions(body):
        yield Breach(f"{word} is said twice, in different letters", "container_config")
    known = canonical(body)
    host = known.get("hostconfig") or {}
    image = str(known.get("image"))
    if not is_allowed(image, policy.images):
        yield Breach(f"the image {image} is not allowed here", "policy.images")
    if Grant.RAW not in policy.allow:
        for word in sorted({*known} - _BODY) + sorted({*host} - _HOST):
            yield Breach(f"{word} is not known to the policy", "policy.allow: raw")
    for name in known.get("labels") or {}:
        if str(name).startswith(_LABELS):
            yield Breach(f"the label {name} is the supervisor's own", "labels")
    yield from _users(known, host, policy, subject)
    for what in judge_mounts(host, policy, subject.home):
        yield Breach(what, "policy.mount_sources, policy.volumes")
    for what, key in judge_isolation(host, policy):
        yield Breach(what, key)
    yield from _devices(host, policy)
    yield from _ceilings(host, policy.most)


def _users(
    known: Mapping[str, Any], host: Mapping[str, Any], policy: Policy, subject: Subject
) -> Iterator[Breach]:
    user, _, group = str(known.get("user") or "").partition(":")
    own = user == str(subject.uid) and group in {"", str(subject.gid)}
    if not own and Grant.OTHER_USER not in policy.allow:
        said = known.get("user") or "the image's user"
        yield Breach(
            f"it would run as {said}, not as the session's user", "policy.allow: other_user"
        )
    forbidden = {str(gid) for gid in policy.forbidden_gids} | policy.forbidden_groups
    for each in host.get("groupadd") or ():
        if str(each) in forbidden:
            yield Breach(f"the group {each} never enters a container", "identity.forbidden_groups")


def _devices(host: Mapping[str, Any], policy: Policy) -> Iterator[Breach]:
    for device in host.get("devices") or ():
        path = str(device.get("pathonhost"))
        if not any(fnmatchcase(path, glob) for glob in policy.devices):
            yield Breach(f"the device {path} is not allowed", "policy.devices")
    if host.get("devicecgrouprules") and "*" not in policy.devices:
        yield Breach("device_cgroup_rules open devices by number", 'policy.devices: ["*"]')
    if host.get("devicerequests") and Grant.GPUS not in policy.allow:
        yield Breach("GPUs are not allowed", "policy.allow: gpus")


def _ceilings(host: Mapping[str, Any], most: Ceilings) -> Iterator[Breach]:
    period = host.get("cpuperiod") or 100_000
    quota = host.get("cpuquota")
    cpus = host.get("nanocpus") or (quota * 1_000_000_000 // period if quota else None)
    asked = {
        "memory_bytes": host.get("memory"),
        "nano_cpus": cpus,
        "pids": host.get("pidslimit"),
        "shm_bytes": host.get("shmsize"),
    }
    for name, value in asked.items():
        bound = getattr(most, name)
        if bound is not None and (not value or value < 0 or value > bound):
            said = "no limit" if not value or value < 0 else value
            yield Breach(f"{name} may be {bound} at most, not {said}", f"policy.most.{name}")
