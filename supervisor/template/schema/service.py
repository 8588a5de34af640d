"""The keys of a container, named as in a Docker Compose service.

``service_keys`` is the list that unknown keys are compared with. What Compose has and a session
cannot have stands in ``REFUSED``, each with its reason.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from supervisor.template.schema.deploy import DeploySection
from supervisor.template.schema.devices import (
    BlkioSection,
    DeviceSection,
    GpuSection,
    UlimitSection,
)
from supervisor.template.schema.mounts import LogSection, MountSection, TmpfsMount
from supervisor.template.schema.network import (
    Address,
    Domain,
    ExposedPorts,
    HostEntry,
    HostName,
    MacAddress,
    NetworkMode,
    NetworkOrNothing,
    PortSection,
)
from supervisor.template.schema.session import SessionSection
from supervisor.template.schema.values import (
    AbsolutePath,
    Count,
    Flag,
    FreeText,
    LabelName,
    Line,
    LineOrNumber,
    MemoryLimit,
    NanoCpus,
    Options,
    Seconds,
    Section,
    Size,
    SwapLimit,
    TextOrNumber,
    VariableName,
    Whole,
)


class PullPolicy(StrEnum):
    """When to ask a registry for the image."""

    ALWAYS = "always"
    MISSING = "missing"
    NEVER = "never"


_PERIODIC = frozenset({"daily", "weekly", "refresh"})


def _pull_policy(value: object) -> object:
    """The rest of what Compose accepts, as what it means here, or with why it is not to be had."""
    if value == "if_not_present":
        return PullPolicy.MISSING
    if value == "build":
        msg = "templates start images, they do not build them: missing, always or never"
        raise ValueError(msg)
    if isinstance(value, str) and (value in _PERIODIC or value.startswith("every_")):
        msg = "how old an image is does not count: missing, or always to ask at every start"
        raise ValueError(msg)
    return value


def _security_option(value: str) -> str:
    """Refuse a profile's path: the docker command reads the file, the engine wants its content."""
    name, _, profile = value.replace(":", "=", 1).partition("=")
    if name == "seccomp" and not (profile in {"unconfined", "builtin"} or profile[:1] == "{"):
        msg = (
            "seccomp takes unconfined, builtin or the profile's JSON itself, not the name of a file"
        )
        raise ValueError(msg)
    return value


Image = Annotated[
    str,
    Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/@+-]*$", max_length=512),
]
SecurityOption = Annotated[FreeText, Field(min_length=1), AfterValidator(_security_option)]
UserName = Annotated[LineOrNumber, Field(pattern=r"^[A-Za-z0-9_.$-]+(:[A-Za-z0-9_.$-]+)?$")]
CpuSet = Annotated[LineOrNumber, Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$")]
Signal = Annotated[LineOrNumber, Field(pattern=r"^[A-Z0-9+-]{1,16}$")]


class CommandLine(Section):
    """Either a line for ``/bin/sh -c`` or the arguments one by one."""

    shell: FreeText | None = None
    argv: Annotated[list[FreeText], Field(min_length=1)] | None = None


class HealthSection(Section):
    """``healthcheck``."""

    test: CommandLine | None = None
    """A command line, or ``[CMD, ...]``, ``[CMD-SHELL, line]``, ``[NONE]``."""
    interval: Seconds | None = None
    """Between two tests."""
    timeout: Seconds | None = None
    """For one test."""
    start_period: Seconds | None = None
    """How long failures do not count at first."""
    retries: Count | None = None
    """How many failures in a row make a container unhealthy."""
    disable: Flag = False
    """Whether the image's own check is left out."""


class ServiceSection(Section):
    """Every key of the container, after short forms were written out."""

    image: Image
    """The image that sessions are started from; it needs perl and the X applications."""
    pull_policy: Annotated[PullPolicy, BeforeValidator(_pull_policy)] = PullPolicy.MISSING
    """When the registry is asked: when the image is not here, at every start, or never."""
    platform: Line | None = None
    """Which of an image's platforms, such as ``linux/amd64``."""
    command: CommandLine | None = None
    """What to run; text is a line for ``/bin/sh -c``, a list the program and its arguments."""
    entrypoint: CommandLine | None = None
    """Put before ``command``; the container's own entry point is the session agent."""
    environment: dict[VariableName, TextOrNumber | None] = Field(default_factory=dict)
    """Variables, as a map or ``KEY=value`` list; without a value one is removed."""
    working_dir: AbsolutePath | None = None
    """Where the command starts; the user's home, which then has to be mounted."""
    user: UserName | None = None
    """Who the session runs as, instead of its user; drops all supplementary groups."""
    group_add: list[LineOrNumber] = Field(default_factory=list)
    """Further groups, by name or number."""
    tty: Flag = False
    """Whether the container's standard streams are a terminal."""
    stdin_open: Flag = False
    """Whether the container's standard input stays open."""
    init: Flag = True
    """Whether a small init reaps zombies."""
    stop_signal: Signal | None = None
    """What asks the container to end, such as ``SIGTERM``."""
    stop_grace_period: Seconds | None = None
    """From the request to end until the container is killed; or under ``session``."""
    healthcheck: HealthSection | None = None
    """How the engine tells whether the container is well."""
    labels: dict[LabelName, TextOrNumber] = Field(default_factory=dict)
    """Labels of the container, as a map or ``KEY=value`` list."""
    logging: LogSection | None = None
    """Where what a session prints goes, and how much of it is kept."""

    volumes: list[MountSection] = Field(default_factory=list)
    """What of the host is mounted: ``source:target:options``, or the long form."""
    volumes_from: list[Line] = Field(default_factory=list)
    """Names of containers whose volumes are mounted."""
    tmpfs: list[TmpfsMount] = Field(default_factory=list)
    """Directories in memory, as ``/path:options``."""
    read_only: Flag = False
    """Whether the image cannot be written to."""
    shm_size: Size | None = None
    """Size of ``/dev/shm``, which browsers and GPU programs want more of."""
    storage_opt: Options = Field(default_factory=dict)
    """Options of the storage driver, such as ``size``."""

    network_mode: NetworkMode | None = None
    """``bridge``, ``none``, ``host``, ``container:NAME`` or a network."""
    networks: dict[Line, NetworkOrNothing] = Field(default_factory=dict)
    """Networks to join, instead of ``network_mode``."""
    mac_address: MacAddress | None = None
    """The container's MAC address."""
    hostname: HostName | None = None
    """The container's host name."""
    domainname: HostName | None = None
    """The container's domain name."""
    extra_hosts: list[HostEntry] = Field(default_factory=list)
    """Lines for ``/etc/hosts``, as ``host:address``."""
    dns: list[Address] = Field(default_factory=list)
    """Addresses of name servers."""
    dns_search: list[Domain] = Field(default_factory=list)
    """Domains that short names are looked up in."""
    dns_opt: list[Line] = Field(default_factory=list)
    """Options of the resolver."""
    ports: list[PortSection] = Field(default_factory=list)
    """Ports published on the host: ``[address:][published:]target[/protocol]``."""
    expose: list[ExposedPorts] = Field(default_factory=list)
    """Ports that other containers may reach."""

    cap_add: list[Line] = Field(default_factory=list)
    """Capabilities that are added, without ``CAP_``."""
    cap_drop: list[Line] = Field(default_factory=list)
    """Capabilities that are taken away; ``ALL`` for all."""
    security_opt: list[SecurityOption] = Field(default_factory=list)
    """Options of the kernel's protections; a ``seccomp=`` profile is its JSON itself."""
    privileged: Flag = False
    """Root on the host, by another name."""
    userns_mode: Line | None = None
    """User namespace: ``host`` or the engine's own."""
    pid: NetworkMode | None = None
    """PID namespace: ``host`` or ``container:NAME``."""
    ipc: NetworkMode | None = None
    """IPC namespace: ``private``, ``shareable``, ``host`` or ``container:NAME``."""
    uts: Line | None = None
    """Host name namespace: ``host`` or the container's own."""
    cgroup: Literal["host", "private"] | None = None
    """Whether the container sees all control groups or its own."""
    cgroup_parent: Line | None = None
    """The control group below which the container's is made."""
    runtime: Line | None = None
    """The engine's runtime, such as ``runsc``."""
    isolation: Line | None = None
    """Isolation technology; only Windows has several."""
    sysctls: Options = Field(default_factory=dict)
    """Kernel settings of the container's namespaces."""
    devices: list[DeviceSection] = Field(default_factory=list)
    """Devices of the host, as ``source[:target[:permissions]]``."""
    device_cgroup_rules: list[Line] = Field(default_factory=list)
    """Rules of the device control group, such as ``c 189:* rmw``."""
    gpus: list[GpuSection] = Field(default_factory=list)
    """``all``, a number, or which."""

    cpus: NanoCpus | None = None
    """How many CPUs; the engine refuses more than the host has."""
    cpu_shares: Count | None = None
    """Weight against others when all CPUs are busy; 1024 is usual."""
    cpu_quota: Annotated[Whole, Field(ge=-1)] | None = None
    """Microseconds of CPU time in each ``cpu_period``."""
    cpu_period: Count | None = None
    """Length of a period in microseconds."""
    cpu_rt_period: Count | None = None
    """Length of a period for real-time scheduling, in microseconds."""
    cpu_rt_runtime: Count | None = None
    """Real-time scheduling in each of these, in microseconds."""
    cpuset: CpuSet | None = None
    """Which CPUs, such as ``0-3,8``."""
    mem_limit: MemoryLimit | None = None
    """Memory; what needs more is killed."""
    mem_reservation: MemoryLimit | None = None
    """Memory that is promised when the host runs short."""
    mem_swappiness: Annotated[Whole, Field(ge=0, le=100)] | None = None
    """How readily memory is swapped out, 0 to 100."""
    memswap_limit: SwapLimit | None = None
    """Memory and swap together; -1 is no limit."""
    pids_limit: Annotated[Whole, Field(ge=-1)] | None = None
    """Processes and threads; -1 is no limit."""
    ulimits: dict[Line, UlimitSection] = Field(default_factory=dict)
    """Limits of each process, such as ``nofile``."""
    blkio_config: BlkioSection | None = None
    """Weight and limits of block devices."""
    oom_score_adj: Annotated[Whole, Field(ge=-1000, le=1000)] | None = None
    """Killed earlier (above 0) or later when the whole host is out of memory."""
    oom_kill_disable: Flag = False
    """Whether nothing is killed when memory runs out."""
    deploy: DeploySection = DeploySection()
    """Resources as Compose and Swarm write them, instead of the keys above."""

    session: SessionSection = SessionSection()
    """How long a session lasts, and what its viewers may do."""
    host_config: dict[str, Any] = Field(default_factory=dict)
    """In the words of the Engine API, merged over everything else."""
    container_config: dict[str, Any] = Field(default_factory=dict)
    """Likewise, for the container itself."""


REFUSED: Final = {
    "restart": "the supervisor owns the lifecycle: a session that ended stays ended",
    "container_name": "the supervisor names containers, or two sessions could not run at once",
    "auto_remove": "always on: containers clean up after themselves",
    "rm": "always on: containers clean up after themselves",
    "detach": "sessions always run in the background",
    "links": "legacy: put both containers on one of networks: and use aliases",
    "external_links": "legacy: put both containers on one of networks: and use aliases",
    "build": "templates start images, they do not build them: write image:",
    "depends_on": "there are no other services to wait for",
    "env_file": "write the variables under environment:",
    "label_file": "write the labels under labels:",
    "secrets": "mount what the session may read under volumes:",
    "configs": "mount what the session may read under volumes:",
    "scale": "one start is one container",
    "profiles": "there are no other services: use another template",
    "extends": "use YAML anchors with an x- key, or another template",
    "volume_driver": "write it at the volume: volumes: [{type: volume, volume: {driver: ...}}]",
    "use_api_socket": "the engine's socket would give the session the host",
    "cpuset_mems": "write host_config: {CpusetMems: ...}",
    "kernel_memory": "deprecated by the engine; write host_config: {KernelMemory: ...}",
    "publish_all": "write host_config: {PublishAllPorts: true}",
    "annotations": "newer than API 1.41; on an engine that has it: host_config: {Annotations: ...}",
    "cpu_count": "only Windows has it; write host_config: {CpuCount: ...}",
    "cpu_percent": "only Windows has it; write host_config: {CpuPercent: ...}",
    "version": "not needed",
    "services": "a template is one service: write its keys at the top level",
}

RAW_REFUSED: Final = {
    "host_config": {
        "AutoRemove": "the supervisor's own: containers clean up after themselves",
        "RestartPolicy": "the supervisor's own: it owns the lifecycle",
        "ContainerIDFile": "the supervisor's own",
        "Binds": "creates missing host directories as root: write volumes:",
        "Mounts": "would replace the supervisor's mounts: write volumes:",
        "Tmpfs": "would replace the supervisor's: write tmpfs:",
        "GroupAdd": "would replace the user's groups: write group_add:",
    },
    "container_config": {
        "Labels": "the supervisor's own are among them: write labels:",
        "Name": "the supervisor names containers",
        "Image": "write image:",
        "Env": "would replace the supervisor's variables: write environment:",
        "Cmd": "write command:",
        "Entrypoint": "write entrypoint:",
        "User": "write user:",
        "WorkingDir": "write working_dir:",
        "HostConfig": "write host_config:",
        "NetworkingConfig": "write networks:",
    },
}
"""Keys that raw sections may not hold, compared without regard to case as Go's decoder does."""


def service_keys() -> frozenset[str]:
    """Every key that a container can have."""
    return frozenset(ServiceSection.model_fields)
