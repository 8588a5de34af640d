"""``deploy``: resources as Compose and Swarm write them, and where on a cluster to run."""

from typing import Annotated

from pydantic import Field

from supervisor.template.schema.devices import GpuSection
from supervisor.template.schema.values import Count, Line, MemoryLimit, NanoCpus, Section, Whole


class ResourceLimits(Section):
    """``deploy.resources.limits``."""

    cpus: NanoCpus | None = None
    """As ``cpus``."""
    memory: MemoryLimit | None = None
    """As ``mem_limit``."""
    pids: Annotated[Whole, Field(ge=-1)] | None = None
    """As ``pids_limit``."""


class ResourceReservations(Section):
    """``deploy.resources.reservations``."""

    cpus: NanoCpus | None = None
    """CPUs that are promised; meaningful on a Swarm."""
    memory: MemoryLimit | None = None
    """As ``mem_reservation``."""
    devices: list[GpuSection] = Field(default_factory=list)
    """As ``gpus``."""


class Resources(Section):
    """``deploy.resources``."""

    limits: ResourceLimits = ResourceLimits()
    """What is not exceeded."""
    reservations: ResourceReservations = ResourceReservations()
    """What is promised."""


class Spread(Section):
    """One of ``deploy.placement.preferences``."""

    spread: Line
    """A label of nodes to spread over."""


class PlacementSection(Section):
    """``deploy.placement``: meaningful on a Swarm, kept and unused on one host."""

    constraints: list[Line] = Field(default_factory=list)
    """Conditions on the node, such as ``node.labels.gpu == true``."""
    preferences: list[Spread] = Field(default_factory=list)
    """How to choose among those that meet them."""
    max_replicas_per_node: Count = 0
    """How many on one node."""


class DeploySection(Section):
    """``deploy``."""

    resources: Resources = Resources()
    """Limits and reservations."""
    placement: PlacementSection | None = None
    """Where on a Swarm."""
