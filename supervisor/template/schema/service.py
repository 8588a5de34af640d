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
    interval: Seconds | None = None
    timeout: Seconds | None = None
    start_period: Seconds | None = None
    retries: Count | None = None
    disable: Flag = False


class ServiceSection(Section):
    """Every key of the container, after short forms were written out."""

    image: Image
    pull_policy: Annotated[PullPolicy, BeforeValidator(_pull_policy)] = PullPolicy.MISSING
    platform: Line | None = None
    command: CommandLine | None = None
    entrypoint: CommandLine | None = None
    environment: dict[VariableName, TextOrNumber | None] = Field(default_factory=dict)
    working_dir: AbsolutePath | None = None
    user: UserName | None = None
    group_add: list[LineOrNumber] = Field(default_factory=list)
    tty: Flag = False
    stdin_open: Flag = False
    init: Flag = True
    stop_signal: Signal | None = None
    stop_grace_period: Seconds | None = None
    healthcheck: HealthSection | None = None
    labels: dict[LabelName, TextOrNumber] = Field(default_factory=dict)
    logging: LogSection | None = None

    volumes: list[MountSection] = Field(default_factory=list)
    volumes_from: list[Line] = Field(default_factory=list)
    tmpfs: list[TmpfsMount] = Field(default_factory=list)
    read_only: Flag = False
    shm_size: Size | None = None
    storage_opt: Options = Field(default_factory=dict)

    network_mode: NetworkMode | None = None
    networks: dict[Line, NetworkOrNothing] = Field(default_factory=dict)
    mac_address: MacAddress | None = None
    hostname: HostName | None = None
    domainname: HostName | None = None
    extra_hosts: list[HostEntry] = Field(default_factory=list)
    dns: list[Address] = Field(default_factory=list)
    dns_search: list[Domain] = Field(default_factory=list)
    dns_opt: list[Line] = Field(default_factory=list)
    ports: list[PortSection] = Field(default_factory=list)
    expose: list[ExposedPorts] = Field(default_factory=list)

    cap_add: list[Line] = Field(default_factory=list)
    cap_drop: list[Line] = Field(default_factory=list)
    security_opt: list[SecurityOption] = Field(default_factory=list)
    privileged: Flag = False
    userns_mode: Line | None = None
    pid: NetworkMode | None = None
    ipc: NetworkMode | None = None
    uts: Line | None = None
    cgroup: Literal["host", "private"] | None = None
    cgroup_parent: Line | None = None
    runtime: Line | None = None
    isolation: Line | None = None
    sysctls: Options = Field(default_factory=dict)
    devices: list[DeviceSection] = Field(default_factory=list)
    device_cgroup_rules: list[Line] = Field(default_factory=list)
    gpus: list[GpuSection] = Field(default_factory=list)

    cpus: NanoCpus | None = None
    cpu_shares: Count | None = None
    cpu_quota: Annotated[Whole, Field(ge=-1)] | None = None
    cpu_period: Count | None = None
    cpu_rt_period: Count | None = None
    cpu_rt_runtime: Count | None = None
    cpuset: CpuSet | None = None
    mem_limit: MemoryLimit | None = None
    mem_reservation: MemoryLimit | None = None
    mem_swappiness: Annotated[Whole, Field(ge=0, le=100)] | None = None
    memswap_limit: SwapLimit | None = None
    pids_limit: Annotated[Whole, Field(ge=-1)] | None = None
    ulimits: dict[Line, UlimitSection] = Field(default_factory=dict)
    blkio_config: BlkioSection | None = None
    oom_score_adj: Annotated[Whole, Field(ge=-1000, le=1000)] | None = None
    oom_kill_disable: Flag = False
    deploy: DeploySection = DeploySection()

    session: SessionSection = SessionSection()
    host_config: dict[str, Any] = Field(default_factory=dict)
    container_config: dict[str, Any] = Field(default_factory=dict)


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
