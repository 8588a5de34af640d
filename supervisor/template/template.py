"""A launcher template, checked and ready to be rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from supervisor.template.document import Tree
    from supervisor.template.errors import Loc
    from supervisor.template.params import Param
    from supervisor.template.text import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template file. ``service`` is the container's keys, short forms written out."""

    name: str
    path: Path
    title: str
    icon: str | None
    description: str
    geometry: str
    dpi: int
    params: tuple[Param, ...]
    service: Mapping[str, Tree] = field(repr=False)
    marks: Mapping[Loc, Mark] = field(repr=False, default_factory=dict)
    uses_command: bool = True
    """Whether ``${start.command}`` stands in it, so that a command may be asked for."""
