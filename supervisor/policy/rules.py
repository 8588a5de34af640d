"""The rules of ``policy:`` in supervisor.yaml, with defaults that give nothing of the host away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from supervisor.lifecycle.session import ClipboardPolicy


class Grant(StrEnum):
    """What gives the host, or other users, away: denied unless it stands in ``policy.allow``."""

    PRIVILEGED = "privileged"
    HOST_NETWORK = "host_network"
    HOST_PID = "host_pid"
    HOST_IPC = "host_ipc"
    HOST_UTS = "host_uts"
    HOST_USERNS = "host_userns"
    HOST_CGROUP = "host_cgroup"
    OTHER_CONTAINERS = "other_containers"
    """Namespaces and volumes of another container."""
    OTHER_USER = "other_user"
    """To run as somebody else than the session's user: root, for one."""
    NEW_PRIVILEGES = "new_privileges"
    """Programs with the set-uid bit work in the container: sudo, for one."""
    UNCONFINED = "unconfined"
    """Without seccomp, AppArmor, SELinux or masked paths."""
    CGROUP_PARENT = "cgroup_parent"
    OOM_EXEMPT = "oom_exempt"
    """To be spared when the host runs out of memory."""
    GPUS = "gpus"
    USER_SOURCES = "user_sources"
    """Mounts below a directory of a user's, who can put a link to any place there."""
    RAW = "raw"
    """Keys of ``host_config`` that this policy does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The most a container may have; ``None`` leaves it open."""

    memory_bytes: int | None = None
    nano_cpus: int | None = None
    pids: int | None = None
    shm_bytes: int | None = None


DEVICES_OF_SOUND_AND_GRAPHICS = ("/dev/dri", "/dev/dri/*", "/dev/snd", "/dev/snd/*")
NAMESPACED_SYSCTLS = (
    "kernel.msg*",
    "kernel.sem",
    "kernel.shm*",
    "fs.mqueue.*",
    "net.*",
)
"""What the engine takes for a container of its own network and IPC namespaces (docker run(1))."""
CONFINING = (
    "no-new-privileges",
    "no-new-privileges[:=]true",
    "seccomp[:=]builtin",
    "apparmor[:=]docker-default",
)


@dataclass(frozen=True, slots=True)
class Logging:
    """Where what a container prints goes, in the engine's words."""

    driver: str = "json-file"
    options: tuple[tuple[str, str], ...] = (("max-size", "10m"), ("max-file", "2"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is allowed. Globs are those of fnmatch(3), ``*`` matching ``/`` as well."""

    images: tuple[str, ...] = ("*",)
    mount_sources: tuple[Path, ...] = (
        Path("/home"),
        Path("/srv"),
        Path("/opt"),
        Path("/mnt"),
        Path("/media"),
        Path("/usr/share"),
    )
    """Directories below which host paths may be mounted; the user's home may be in any case."""
    volumes: tuple[str, ...] = ("*",)
    allow: frozenset[Grant] = frozenset()
    capabilities: frozenset[str] = frozenset()
    """That may be added, without ``CAP_``."""
    devices: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = CONFINING
    sysctls: tuple[str, ...] = NAMESPACED_SYSCTLS
    runtimes: tuple[str, ...] = ("runc", "crun", "runsc", "kata*", "io.containerd.*")
    forbidden_gids: frozenset[int] = frozenset({0})
    forbidden_groups: frozenset[str] = frozenset()
    most: Ceilings = Ceilings()
    default: Ceilings = Ceilings(memory_bytes=4 * 1024**3, pids=4096)
    """For templates that say nothing."""
    logging: Logging | None = Logging()
    """Likewise; ``None`` leaves it to the engine, whose own default may have no bound."""
    clipboard: ClipboardPolicy = ClipboardPolicy.BOTH
    """The most that a template can let through."""
