"""What the engine's own words mean for sessions. Pure; ``info`` is the answer of ``GET /info``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.ctl.doctor.finding import Finding, bad, doubtful, good, unknown
from supervisor.engine.live_restore import removes_survivors
from supervisor.errors import EngineDeniedError, EngineError

Info = Mapping[str, Any]

OLDEST_API = (1, 41)
"""Engine 20.10, the oldest that is tested."""
CLOCK_SECONDS = 5.0
BRIDGE_CONTAINERS = 1000
"""The kernel lets a bridge have 1023 ports."""
_NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class EngineReach:
    """Whether the engine answered; ``error`` is why it did not."""

    url: str
    name: str
    error: EngineError | None = None
    needs_access: bool = True
    """Whether who asks is root or the daemon's user; others have no business there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketAccess:
    """Who may use the engine's socket, and who the daemon is."""

    path: str
    mode: int
    uid: int
    gid: int
    group: str
    daemon_user: str
    daemon_uid: int
    account_gids: frozenset[int]
    """Groups of the daemon's user by the host's databases."""
    process_gids: frozenset[int] | None
    """Those of its running process; ``None`` where it does not run or is not told."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the engine made of a container with limits; ``None`` where none could be created."""

    info: Info
    warnings: tuple[str, ...] = ()
    made: Mapping[str, Any] | None = None


def judge_engine(reach: EngineReach) -> Finding:
    """Whether it answers."""
    match reach.error:
        case None:
            return good(f"Docker Engine {reach.name} answers on {reach.url}.")
        case EngineDeniedError() if not reach.needs_access:
            return unknown(f"Not known: this user may not use {reach.url} (run as root).")
        case EngineDeniedError():
            return bad(
                f"The engine's socket {reach.url} may not be used by this user.",
                "Run fxctl doctor as root. For the daemon's user: usermod -aG docker fastx, then "
                "systemctl restart fx-supervisor.",
            )
        case error:
            return bad(
                f"The engine does not answer on {reach.url}: {error}",
                "systemctl status docker; journalctl -u docker. Another address: engine.host in "
                "supervisor.yaml, or DOCKER_HOST in the daemon's environment.",
            )


def judge_access(access: SocketAccess | None) -> Finding:
    """Whether the daemon's user may use the socket."""
    if access is None:
        return good("The engine is not on a Unix socket of this host.")
    who = access.daemon_user
    if _may_use(access, access.account_gids):
        if access.process_gids is None or _may_use(access, access.process_gids):
            return good(f"User {who} may use {access.path}.")
        return bad(
            f"User {who} is in group {access.group}, but the daemon was started before that.",
            "systemctl restart fx-supervisor (sessions run on).",
        )
    if access.process_gids is not None and _may_use(access, access.process_gids):
        return good(f"The daemon may use {access.path}, by its unit's SupplementaryGroups.")
    return bad(
        f"User {who} may not use {access.path} (mode {access.mode & 0o777:04o}, group "
        f"{access.group}).",
        f"usermod -aG {access.group} {who}, then systemctl restart fx-supervisor.",
    )


def _may_use(access: SocketAccess, gids: frozenset[int]) -> bool:
    if access.daemon_uid in {0, access.uid}:
        return True
    bits = 0o060 if access.gid in gids else 0o006
    return access.mode & bits == bits


def judge_version(version: Info) -> Finding:
    """Whether the engine's API is one that is tested."""
    api = str(version.get("ApiVersion"))
    told = f"Engine {version.get('Version')}, API {api}."
    if _numbers(api) < OLDEST_API:
        return bad(
            f"{told} It is older than what this program is made for.",
            "Install Docker Engine 20.10 (API 1.41) or newer.",
        )
    return good(told)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def judge_limits(trial: Trial) -> Finding:
    """Whether one session can take the memory, or the processes, of all."""
    info = trial.info
    host = (trial.made or {}).get("HostConfig") or {}
    broken = [
        name
        for name, key, limit in (
            ("memory", "MemoryLimit", "Memory"),
            ("process (pids)", "PidsLimit", "PidsLimit"),
            ("CPU", "CpuCfsQuota", "NanoCpus"),
        )
        if info.get(key) is False or (trial.made is not None and not host.get(limit))
    ]
    if info.get("CgroupDriver") == "none":
        broken = ["memory", "process (pids)", "CPU"]
    if broken:
        return bad(
            f"The engine cannot put {' and '.join(broken)} limits into force: one session can "
            "take what all others need.",
            "Boot with cgroup_enable=memory swapaccount=1 (Debian: GRUB_CMDLINE_LINUX), or with "
            "cgroup v2; docker info shows what is missing.",
        )
    if info.get("SwapLimit") is False:
        return doubtful(
            "Memory is limited, swap is not: sessions above their limit slow the host down.",
            "Boot with swapaccount=1, or with cgroup v2, or without swap.",
        )
    tried = "" if trial.made is None else ", tried on a container"
    version = info.get("CgroupVersion") or "1"
    return good(f"Memory, processes and CPU can be limited (cgroup v{version}{tried}).")


def judge_namespaces(info: Info) -> Finding:
    """Whether files in a container belong to whom they belong outside."""
    options = _security(info)
    for name, said in (("userns", "userns-remap"), ("rootless", "rootless mode")):
        if name in options:
            return bad(
                f"The engine runs with {said}: in a session, HOME would belong to somebody else.",
                "Remove userns-remap from /etc/docker/daemon.json, or run an engine as root for "
                "sessions (engine.host), then systemctl restart docker.",
            )
    return good("User ids are the same inside and outside of containers.")


def judge_confinement(info: Info) -> Finding:
    """What the kernel forbids containers beside what the engine does."""
    options = _security(info)
    modules = [name for name in ("apparmor", "selinux") if name in options]
    if "seccomp" not in options:
        return doubtful(
            "The engine filters no system calls (seccomp): one wall less between sessions and "
            "the kernel.",
            "Use a kernel and an engine with seccomp; docker info lists Security Options.",
        )
    told = " and ".join(["seccomp", *modules])
    return good(
        f"Containers are confined by {told}{'' if modules else '; no AppArmor or SELinux'}."
    )


def _security(info: Info) -> frozenset[str]:
    """``name=seccomp,profile=default`` -> ``seccomp``."""
    options = info.get("SecurityOptions") or ()
    return frozenset(str(each).split(",")[0].removeprefix("name=") for each in options)


def judge_live_restore(info: Info) -> Finding:
    """Whether sessions outlive the engine."""
    if removes_survivors(info):
        return doubtful(
            f"live-restore is on, and Engine {info.get('ServerVersion')} removes running "
            "containers when it is restarted (moby issue 46308).",
            "Sessions are created so that they survive it; 24.0.8 and newer do not do so.",
        )
    if info.get("LiveRestoreEnabled"):
        return good("live-restore is on: sessions outlive a restart of the engine.")
    return good(
        'live-restore is off: a restart of the engine ends all sessions ("live-restore": true in '
        "daemon.json would keep them)."
    )


def judge_storage(info: Info) -> Finding:
    """Whether containers start fast and share what is the same."""
    driver = str(info.get("Driver"))
    if driver in {"vfs", "devicemapper", "aufs", "overlay"}:
        return doubtful(
            f"The engine's storage driver is {driver}: starts are slow, or fill the disk.",
            'Use overlay2 ("storage-driver" in /etc/docker/daemon.json); images are to be pulled '
            "again then.",
        )
    return good(f"Storage driver {driver}.")


def judge_forwarding(info: Info) -> Finding:
    """Whether sessions reach the network."""
    if info.get("IPv4Forwarding") is False:
        return doubtful(
            "The kernel forwards no packets: sessions on a bridge have no network.",
            "sysctl -w net.ipv4.ip_forward=1, and in /etc/sysctl.d/ for the next boot.",
        )
    return good("Packets of sessions are forwarded.")


def judge_clock(seconds: float) -> Finding:
    """``seconds``: how far the engine's clock is ahead of this host's."""
    if abs(seconds) > CLOCK_SECONDS:
        where = "ahead of" if seconds > 0 else "behind"
        return bad(
            f"The engine's clock is {abs(seconds):.0f} s {where} this host's: events are missed "
            "and tickets expire at the wrong time.",
            "timedatectl set-ntp true on both; timedatectl timesync-status shows the rest.",
        )
    return good("Engine and host have the same time.")


def judge_networks(networks: Mapping[str, int], max_sessions: int | None) -> Finding:
    """Whether sessions find room on a bridge."""
    for name, count in networks.items():
        if count >= _NEARLY * BRIDGE_CONTAINERS:
            judged = bad if count >= BRIDGE_CONTAINERS else doubtful
            return judged(
                f"{count} containers are on the bridge network {name}, which holds about "
                f"{BRIDGE_CONTAINERS}.",
                "docker network create another and name it in the template (network_mode), or set "
                "limits.max_sessions.",
            )
    if max_sessions is not None and max_sessions > BRIDGE_CONTAINERS:
        return doubtful(
            f"limits.max_sessions is {max_sessions}, and a bridge network holds about "
            f"{BRIDGE_CONTAINERS} containers.",
            "Give templates several networks, or lower limits.max_sessions.",
        )
    most = max(networks.values(), default=0)
    return good(f"The fullest bridge network has {most} of about {BRIDGE_CONTAINERS} containers.")
