"""``devices``, ``gpus``, ``ulimits``, ``blkio_config``: written out."""

from typing import Annotated, Self

from pydantic import Field, WithJsonSchema, model_validator

from supervisor.template.schema.values import AbsolutePath, Line, Options, Section, Size, Whole


class DeviceSection(Section):
    """One of ``devices``."""

    source: AbsolutePath
    target: AbsolutePath
    permissions: Annotated[str, Field(pattern="^[rwm]{1,3}$")] = "rwm"


_AS_COUNT = WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "integer", "minimum": -1}]})


def _all_or_number(value: object) -> object:
    return -1 if value == "all" else value


class GpuSection(Section):
    """One of ``gpus``: ``count`` -1 is all of them."""

    driver: Line | None = None
    count: Annotated[Whole, Field(ge=-1), _AS_COUNT] | None = None
    device_ids: list[Line] = Field(default_factory=list)
    capabilities: list[Line] = Field(default_factory=list)
    options: Options = Field(default_factory=dict)

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
    hard: Annotated[Whole, Field(ge=-1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            msg = "soft must not be above hard"
            raise ValueError(msg)
        return self


class DeviceWeight(Section):
    """Block IO weight of one device."""

    path: AbsolutePath
    weight: Annotated[Whole, Field(ge=0, le=1000)]


class DeviceRate(Section):
    """Limit of one device in bytes or operations per second."""

    path: AbsolutePath
    rate: Size


class BlkioSection(Section):
    """``blkio_config``."""

    weight: Annotated[Whole, Field(ge=0, le=1000)] | None = None
    weight_device: list[DeviceWeight] = Field(default_factory=list)
    device_read_bps: list[DeviceRate] = Field(default_factory=list)
    device_write_bps: list[DeviceRate] = Field(default_factory=list)
    device_read_iops: list[DeviceRate] = Field(default_factory=list)
    device_write_iops: list[DeviceRate] = Field(default_factory=list)
