"""The description of one container: typed, in base units, free of any engine's words.

Sizes are bytes, CPUs billionths, times seconds. ``None`` and empty leave the choice to the engine
or the image. ``TypeAdapter(ContainerSpec)`` reads and writes it as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from supervisor.template.schema.service import PullPolicy


class MountType(StrEnum):
    """Where a mount's content comes from."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Something mounted at ``target``. ``source`` is a host path, a volume's name, or nothing."""

    type: MountType
    target: str
    source: str | None = None
    read_only: bool = False
    propagation: str | None = None
    create_host_path: bool = False
    recursive: bool = True
    no_copy: bool = False
    driver: str | None = None
    driver_options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAttachment:
    """How the container joins one network."""

    name: str
    aliases: tuple[str, ...] = ()
    ipv4_address: str | None = None
    ipv6_address: str | None = None
    link_local_ips: tuple[str, ...] = ()
    mac_address: str | None = None
    driver_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortBinding:
    """One published port. ``host_port`` is a port, a range to choose from, or empty for any."""

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device node of the host."""

    source: str
    target: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """Devices that a driver chooses (GPUs): ``count`` of them, -1 all, or those named."""

    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ("gpu",)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """A limit of setrlimit(2); -1 is none."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLimit:
    """Block IO weight, or bytes or operations per second, of one device."""

    path: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockIo:
    """Block IO limits."""

    weight: int | None = None
    weight_devices: tuple[DeviceLimit, ...] = ()
    read_bps: tuple[DeviceLimit, ...] = ()
    write_bps: tuple[DeviceLimit, ...] = ()
    read_iops: tuple[DeviceLimit, ...] = ()
    write_iops: tuple[DeviceLimit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """The engine's health check; an empty ``test`` is the image's own.

    Otherwise ``test`` begins with NONE, CMD or CMD-SHELL.
    """

    test: tuple[str, ...] = ()
    interval_seconds: float = 0
    timeout_seconds: float = 0
    start_period_seconds: float = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where on a cluster to run; unused on one host."""

    constraints: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    max_replicas_per_node: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Limits and reservations of the whole container."""

    nano_cpus: int | None = None
    nano_cpus_reserved: int | None = None
    cpu_shares: int | None = None
    cpu_quota: int | None = None
    cpu_period: int | None = None
    cpu_rt_period: int | None = None
    cpu_rt_runtime: int | None = None
    cpuset: str | None = None
    memory_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    memory_swap_bytes: int | None = None
    memory_swappiness: int | None = None
    pids: int | None = None
    shm_bytes: int | None = None
    oom_score_adj: int | None = None
    oom_kill_disable: bool = False
    ulimits: tuple[Ulimit, ...] = ()
    block_io: BlockIo = BlockIo()


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Privileges and namespaces."""

    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    privileged: bool = False
    read_only: bool = False
    userns_mode: str | None = None
    pid_mode: str | None = None
    ipc_mode: str | None = None
    uts_mode: str | None = None
    cgroup_mode: str | None = None
    cgroup_parent: str | None = None
    runtime: str | None = None
    technology: str | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Networking:
    """Networks, names and ports. ``mode`` and ``networks`` exclude each other."""

    mode: str | None = None
    networks: tuple[NetworkAttachment, ...] = ()
    mac_address: str | None = None
    hostname: str | None = None
    domainname: str | None = None
    extra_hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    exposed: tuple[str, ...] = ()
    """``PORT/PROTOCOL`` each, no ranges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """Everything there is to say about one container, except its name."""

    image: str
    pull_policy: PullPolicy = PullPolicy.MISSING
    platform: str | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """None removes a variable that the image sets."""
    working_dir: str | None = None
    user: str | None = None
    group_add: tuple[str, ...] = ()
    tty: bool = False
    stdin_open: bool = False
    init: bool = True
    stop_signal: str | None = None
    stop_grace_seconds: float | None = None
    healthcheck: Healthcheck | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    log_driver: str | None = None
    log_options: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    """Target to the options of mount(8), comma-separated."""
    storage_options: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    networking: Networking = Networking()
    isolation: Isolation = Isolation()
    resources: Resources = Resources()
    placement: Placement | None = None
    raw_host_config: Mapping[str, Any] = field(default_factory=dict)
    raw_container_config: Mapping[str, Any] = field(default_factory=dict)
    """Merged over everything else, in the engine's own words."""
