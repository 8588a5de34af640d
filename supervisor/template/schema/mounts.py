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
    create_host_path: Flag = False
    recursive: Literal["enabled", "disabled"] | None = None


class VolumeOptions(Section):
    """What holds for ``type: volume`` only. ``driver``... is what ``docker run --mount`` adds."""

    nocopy: Flag = False
    labels: Options = Field(default_factory=dict)
    driver: Line | None = None
    driver_opts: Options = Field(default_factory=dict)


class TmpfsOptions(Section):
    """What holds for ``type: tmpfs`` only."""

    size: Size | None = None
    mode: OctalMode | None = None


class MountSection(Section):
    """One of ``volumes``."""

    type: Literal["bind", "volume", "tmpfs"]
    source: Line | None = None
    target: AbsolutePath
    read_only: Flag = False
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    tmpfs: TmpfsOptions | None = None

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
    options: dict[Line, TextOrNumber] = Field(default_factory=dict)
