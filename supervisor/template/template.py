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


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSummary:
    """What a web server shows of a template."""

    name: str
    title: str
    icon: str | None
    description: str
    geometry: str
    dpi: int
    params: tuple[Param, ...]


def describe(template: Template) -> TemplateSummary:
    """Give what users may know of a template: nothing of the container's keys."""
    return TemplateSummary(
        name=template.name,
        title=template.title,
        icon=template.icon,
        description=template.description,
        geometry=template.geometry,
        dpi=template.dpi,
        params=template.params,
    )
