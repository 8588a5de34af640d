"""``devices``, ``gpus``, ``ulimits``, ``blkio_config``: written out."""

from typing import Annotated, Self

from pydantic import Field, WithJsonSchema, model_validator

from supervisor.template.schema.values import AbsolutePath, Line, Options, Section, Size, Whole


class DeviceSection(Section):
    """One of ``devices``."""

    source: AbsolutePath
    """Path on the host."""
    target: AbsolutePath
    """Path in the container; the same."""
    permissions: Annotated[str, Field(pattern="^[rwm]{1,3}$")] = "rwm"
    """Read, write, make nodes: letters of ``rwm``."""


_AS_COUNT = WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "integer", "minimum": -1}]})


def _all_or_number(value: object) -> object:
    return -1 if value == "all" else value


class GpuSection(Section):
    """One of ``gpus``: ``count`` -1 is all of them."""

    driver: Line | None = None
    """Such as ``nvidia``."""
    count: Annotated[Whole, Field(ge=-1), _AS_COUNT] | None = None
    """How many; ``all`` or -1 for all."""
    device_ids: list[Line] = Field(default_factory=list)
    """Which, instead of ``count``."""
    capabilities: list[Line] = Field(default_factory=list)
    """Such as ``gpu``, ``utility``."""
    options: Options = Field(default_factory=dict)
    """Options of the driver."""

    @model_validator(mode="before")
    @classmethod
    def _all(cls, value: object) -> object:
        if isinstance(value, dict) and "count" in value:
            return value | {"count": _all_or_number(value["count"])}
        return value

    @model_validator(mode="after")
    def _count_or_ids(self) -> Self:
        if self.count is not None and self.device_ids:
            msg = "count and device_ids exclude each other"
            raise ValueError(msg)
        return self


class UlimitSection(Section):
    """One of ``ulimits``; -1 is no limit."""

    soft: Annotated[Whole, Field(ge=-1)]
    """What holds; -1 is no limit."""
    hard: Annotated[Whole, Field(ge=-1)]
    """What a process may raise it to."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            msg = "soft must not be above hard"
            raise ValueError(msg)
        return self


class DeviceWeight(Section):
    """Block IO weight of one device."""

    path: AbsolutePath
    """Path of the device."""
    weight: Annotated[Whole, Field(ge=0, le=1000)]
    """10 to 1000."""


class DeviceRate(Section):
    """Limit of one device in bytes or operations per second."""

    path: AbsolutePath
    """Path of the device."""
    rate: Size
    """Bytes or operations in a second."""


class BlkioSection(Section):
    """``blkio_config``."""

    weight: Annotated[Whole, Field(ge=0, le=1000)] | None = None
    """10 to 1000, against other containers."""
    weight_device: list[DeviceWeight] = Field(default_factory=list)
    """Weights of single devices."""
    device_read_bps: list[DeviceRate] = Field(default_factory=list)
    """Bytes read in a second."""
    device_write_bps: list[DeviceRate] = Field(default_factory=list)
    """Bytes written in a second."""
    device_read_iops: list[DeviceRate] = Field(default_factory=list)
    """Read operations in a second."""
    device_write_iops: list[DeviceRate] = Field(default_factory=list)
    """Write operations in a second."""
