"""``policy:`` in supervisor.yaml."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.policy.groups import forbidden_gids
from supervisor.policy.rules import Ceilings, Grant, Logging, Policy
from supervisor.template.schema.values import Size


def _capability(value: object) -> str:
    return str(value).upper().removeprefix("CAP_")


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise ValueError("it has to be an absolute path")
    return value


Capability = Annotated[str, BeforeValidator(_capability)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]

_DEFAULT = Policy()


class CeilingsSettings(BaseModel):
    """Bounds of one container; ``null`` leaves it open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory: Size | None = None
    """Bytes, or text such as ``4g``."""
    cpus: Annotated[float, Field(gt=0)] | None = None
    """CPUs, such as 1.5."""
    pids: Annotated[int, Field(gt=0)] | None = None
    """Processes and threads."""
    shm_size: Size | None = None
    """Shared memory (``/dev/shm``), as bytes or text."""

    def ceilings(self) -> Ceilings:
        """In base units."""
        return Ceilings(
            memory_bytes=self.memory,
            nano_cpus=None if self.cpus is None else round(self.cpus * 1_000_000_000),
            pids=self.pids,
            shm_bytes=self.shm_size,
        )


class LoggingSettings(BaseModel):
    """As ``logging:`` of a template."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    driver: Annotated[str, Field(min_length=1)] = Logging().driver
    """One of the engine's, as ``docker info`` lists them."""
    options: dict[str, Annotated[str, BeforeValidator(str)]] = dict(Logging().options)
    """The driver's own."""

    def logging(self) -> Logging:
        """As the rules have it."""
        return Logging(self.driver, tuple(self.options.items()))


class PolicySettings(BaseModel):
    """What containers may be, whatever a template says; judged at each start.

    Globs are those of the shell, but ``*`` matches ``/`` as well.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: tuple[str, ...] = _DEFAULT.images
    """References: ``registry.example.com/desktops/*``, ``debian``, ``*@sha256:...``."""
    mount_sources: tuple[AbsolutePath, ...] = _DEFAULT.mount_sources
    """Directories below which host paths may be mounted, beside the user's home."""
    volumes: tuple[str, ...] = _DEFAULT.volumes
    """Names of the engine's volumes that may be mounted."""
    allow: frozenset[Grant] = _DEFAULT.allow
    """What gives the host or other users away, one by one."""
    capabilities: frozenset[Capability] = _DEFAULT.capabilities
    """That templates may add, without ``CAP_``."""
    devices: tuple[str, ...] = _DEFAULT.devices
    """Paths of the host's devices that may be passed on: ``/dev/dri/*``."""
    security_opt: tuple[str, ...] = _DEFAULT.security_opt
    """Options that may be given; what takes protection away is in ``allow``."""
    sysctls: tuple[str, ...] = _DEFAULT.sysctls
    """Kernel settings that may be given: those of the container's own namespaces."""
    runtimes: tuple[str, ...] = _DEFAULT.runtimes
    """Runtimes of the engine that may be asked for."""
    most: CeilingsSettings = CeilingsSettings()
    """What no container exceeds."""
    default: CeilingsSettings = CeilingsSettings(
        memory=_DEFAULT.default.memory_bytes, pids=_DEFAULT.default.pids
    )
    """What a container has if its template says nothing."""
    logging: LoggingSettings | None = LoggingSettings()
    """Likewise; ``null`` leaves it to the engine."""
    clipboard: ClipboardPolicy = _DEFAULT.clipboard
    """Which way text may be copied at most; ``in`` is to the session. Templates may narrow it."""

    def policy(self, forbidden_groups: Collection[str]) -> Policy:
        """With the groups of this host that never enter a container."""
        return Policy(
            images=self.images,
            mount_sources=self.mount_sources,
            volumes=self.volumes,
            allow=self.allow,
            capabilities=self.capabilities,
            devices=self.devices,
            security_opt=self.security_opt,
            sysctls=self.sysctls,
            runtimes=self.runtimes,
            forbidden_gids=forbidden_gids(forbidden_groups),
            forbidden_groups=frozenset(forbidden_groups),
            most=self.most.ceilings(),
            default=self.default.ceilings(),
            clipboard=self.clipboard,
            logging=None if self.logging is None else self.logging.logging(),
        )
