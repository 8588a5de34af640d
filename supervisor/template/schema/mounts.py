"""``volumes`` and ``tmpfs``, written out."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from supervisor.template.schema.values import (
    AbsolutePath,
    Flag,
    Line,
    OctalMode,
    Options,
    Section,
    Size,
    TextOrNumber,
    absolute_path,
)

Propagation = Literal["private", "rprivate", "shared", "rshared", "slave", "rslave"]


class BindOptions(Section):
    """What holds for ``type: bind`` only."""

    propagation: Propagation | None = None
    """How mounts below it travel between host and container."""
    create_host_path: Flag = False
    """Whether a missing source is made; needs an engine with API 1.42."""
    recursive: Literal["enabled", "disabled"] | None = None
    """Whether mounts below the source are mounted as well."""


class VolumeOptions(Section):
    """What holds for ``type: volume`` only. ``driver``... is what ``docker run --mount`` adds."""

    nocopy: Flag = False
    """Whether an empty volume is not filled from the image."""
    labels: Options = Field(default_factory=dict)
    """Labels of a volume that is made for this."""
    driver: Line | None = None
    """What makes the volume."""
    driver_opts: Options = Field(default_factory=dict)
    """Options of that driver."""


class TmpfsOptions(Section):
    """What holds for ``type: tmpfs`` only."""

    size: Size | None = None
    """How large it may get."""
    mode: OctalMode | None = None
    """Permissions, as octal digits in quotes."""


class MountSection(Section):
    """One of ``volumes``."""

    type: Literal["bind", "volume", "tmpfs"]
    """A path of the host, a volume of the engine, or memory."""
    source: Line | None = None
    """An absolute path of the host, or the volume's name; it has to be there."""
    target: AbsolutePath
    """Where in the container."""
    read_only: Flag = False
    """Whether nothing can be written to it."""
    bind: BindOptions | None = None
    """For ``type: bind``."""
    volume: VolumeOptions | None = None
    """For ``type: volume``."""
    tmpfs: TmpfsOptions | None = None
    """For ``type: tmpfs``."""

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        for kind in ("bind", "volume", "tmpfs"):
            if kind != self.type and getattr(self, kind) is not None:
                msg = f"{kind}: options do not apply to type: {self.type}"
                raise ValueError(msg)
        source = self.source
        if self.type == "bind":
            _check_bind_source(source)
        elif self.type == "tmpfs" and source is not None:
            msg = "a tmpfs has no source"
            raise ValueError(msg)
        elif source is not None and not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", source):
            msg = f"not a volume's name: {source[:80]!r}"
            raise ValueError(msg)
        return self


def _check_bind_source(source: str | None) -> None:
    if source is None:
        msg = "a bind mount needs a source"
        raise ValueError(msg)
    try:
        absolute_path(source)
    except ValueError as error:
        msg = f"the source {error}"
        raise ValueError(msg) from None


def _one_option(value: str) -> str:
    if "," in value:
        msg = "must not hold a comma: it would add an option"
        raise ValueError(msg)
    return value


class TmpfsMount(Section):
    """One of ``tmpfs``: where, and the options of mount(8)."""

    target: AbsolutePath
    options: list[Annotated[Line, AfterValidator(_one_option)]] = Field(default_factory=list)


class LogSection(Section):
    """``logging``."""

    driver: Line | None = None
    """The engine's logging driver, such as ``json-file``."""
    options: dict[Line, TextOrNumber] = Field(default_factory=dict)
    """Its options, such as ``max-size``."""
