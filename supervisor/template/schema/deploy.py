"""``deploy``: resources as Compose and Swarm write them, and where on a cluster to run."""

from typing import Annotated

from pydantic import Field

from supervisor.template.schema.devices import GpuSection
from supervisor.template.schema.values import Count, Line, MemoryLimit, NanoCpus, Section, Whole


class ResourceLimits(Section):
    """``deploy.resources.limits``."""

    cpus: NanoCpus | None = None
    memory: MemoryLimit | None = None
    pids: Annotated[Whole, Field(ge=-1)] | None = None


class ResourceReservations(Section):
    """``deploy.resources.reservations``."""

    cpus: NanoCpus | None = None
    memory: MemoryLimit | None = None
    devices: list[GpuSection] = Field(default_factory=list)


class Resources(Section):
    """``deploy.resources``."""

    limits: ResourceLimits = ResourceLimits()
    reservations: ResourceReservations = ResourceReservations()


class Spread(Section):
    """One of ``deploy.placement.preferences``."""

    spread: Line


class PlacementSection(Section):
    """``deploy.placement``: meaningful on a Swarm, kept and unused on one host."""

    constraints: list[Line] = Field(default_factory=list)
    preferences: list[Spread] = Field(default_factory=list)
    max_replicas_per_node: Count = 0


class DeploySection(Section):
    """``deploy``."""

    resources: Resources = Resources()
    placement: PlacementSection | None = None
