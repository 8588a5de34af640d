"""Privileges and namespaces: what keeps a container apart from the host and from the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from supervisor.policy.rules import Grant, Policy

Found = tuple[str, str]
"""What is wrong, and the key that would allow it."""

_NAMESPACES = {
    "networkmode": Grant.HOST_NETWORK,
    "pidmode": Grant.HOST_PID,
    "ipcmode": Grant.HOST_IPC,
    "utsmode": Grant.HOST_UTS,
    "usernsmode": Grant.HOST_USERNS,
    "cgroupnsmode": Grant.HOST_CGROUP,
}


def judge_isolation(host: Mapping[str, Any], policy: Policy) -> Iterator[Found]:
    """What is wrong with a canonical ``hostconfig``."""
    for what, grant in _grants(host):
        if grant not in policy.allow:
            yield what, f"policy.allow: {grant}"
    yield from _lists(host, policy)


def _grants(host: Mapping[str, Any]) -> Iterator[tuple[str, Grant]]:
    if host.get("privileged"):
        yield "privileged is root on the host", Grant.PRIVILEGED
    for word, grant in _NAMESPACES.items():
        mode = str(host.get(word) or "")
        if mode == "host":
            yield f"{word} is the host's", grant
        elif mode.startswith("container:"):
            yield f"{word} is {mode}'s", Grant.OTHER_CONTAINERS
    if host.get("volumesfrom") or host.get("links") or host.get("cgroup"):
        yield "it takes part in another container", Grant.OTHER_CONTAINERS
    if host.get("maskedpaths") is not None or host.get("readonlypaths") is not None:
        yield "parts of /proc and /sys are unmasked", Grant.UNCONFINED
    if host.get("cgroupparent"):
        yield "cgroup_parent takes it out of the engine's limits", Grant.CGROUP_PARENT
    if host.get("oomkilldisable") or (host.get("oomscoreadj") or 0) < 0:
        yield "others would be killed in its place", Grant.OOM_EXEMPT
    yield from _given_up(host)


def _given_up(host: Mapping[str, Any]) -> Iterator[tuple[str, Grant]]:
    """Security options that take something away."""
    for option in host.get("securityopt") or ():
        grant = _gives_up(str(option))
        if grant is not None:
            yield f"{option} takes protection away", grant


def _gives_up(option: str) -> Grant | None:
    said = option.replace("=", ":", 1)
    if said == "no-new-privileges:false":
        return Grant.NEW_PRIVILEGES
    return Grant.UNCONFINED if said == "label:disable" or said.endswith(":unconfined") else None


def _lists(host: Mapping[str, Any], policy: Policy) -> Iterator[Found]:
    for each in host.get("capadd") or ():
        name = str(each).upper().removeprefix("CAP_")
        if name not in policy.capabilities:
            yield f"the capability {name} may not be added", "policy.capabilities"
    for option in host.get("securityopt") or ():
        if _gives_up(str(option)) is None and not _any(str(option), policy.security_opt):
            yield f"the security option {str(option)[:60]} is not allowed", "policy.security_opt"
    for name in host.get("sysctls") or {}:
        if not _any(str(name), policy.sysctls):
            yield f"the sysctl {name} is not allowed", "policy.sysctls"
    runtime = str(host.get("runtime") or "")
    if runtime and not _any(runtime, policy.runtimes):
        yield f"the runtime {runtime} is not allowed", "policy.runtimes"


def _any(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
