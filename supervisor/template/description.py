"""What users may know of a template before they start from it: nothing of the container's keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.template.names import PARAM_PREFIX, texts
from supervisor.template.params import Param
from supervisor.template.schema.session import SessionSection
from supervisor.template.shell import COMMAND_NAME
from supervisor.template.substitution import Substitution
from supervisor.template.template import Template
from supervisor.template.text import Placeholder

_RULES = {
    "clipboard": "clipboard",
    "suspend": "suspend",
    "idle_seconds": "idle_timeout",
    "disconnect_seconds": "disconnect_timeout",
    "suspend_seconds": "suspend_timeout",
    "lifetime_seconds": "lifetime",
}
"""Names as ``SessionRules`` has them, and the template's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSummary:
    """What a web server shows of a template."""

    name: str
    title: str
    icon: str | None
    description: str
    geometry: str
    dpi: int
    command: str | None
    """What is run if none is asked for; ``None`` where the template does not say so in full."""
    accepts_command: bool
    """Whether one may be asked for."""
    requires_command: bool
    """Whether one must be."""
    params: tuple[Param, ...]
    session: Mapping[str, Any]
    """What holds for its sessions, JSON-ready, with the params' defaults. What depends on anything
    else that a start says is not in it."""


def describe(
    template: Template, clipboard: ClipboardPolicy = ClipboardPolicy.BOTH
) -> TemplateSummary:
    """Give what users may know of a template, on a host that lets through no more than this."""
    command = next(_commands(template), None)
    default = command.default if command is not None else None
    return TemplateSummary(
        name=template.name,
        title=template.title,
        icon=template.icon,
        description=template.description,
        geometry=template.geometry,
        dpi=template.dpi,
        command=default.literal if default is not None else None,
        accepts_command=template.uses_command,
        requires_command=any(each.default is None for each in _commands(template)),
        params=template.params,
        session=_narrowed(_session(template), clipboard),
    )


def _commands(template: Template) -> Iterator[Placeholder]:
    """Where the user's command goes; one inside another's default is only used without that."""
    for _, text in texts(template.service):
        for segment in text.segments:
            if isinstance(segment, Placeholder) and segment.name == COMMAND_NAME:
                yield segment


def _session(template: Template) -> dict[str, Any]:
    written = template.service.get("session")
    defaults = {
        PARAM_PREFIX + param.name: param.default
        for param in template.params
        if param.default is not None
    }
    found: dict[str, Any] = {}
    for name, key in _RULES.items():
        substitution = Substitution(defaults)
        leaf = written.get(key) if isinstance(written, dict) else None
        value = substitution.filled(leaf)
        if substitution.missing:
            continue
        try:
            section = SessionSection.model_validate({} if leaf is None else {key: value})
        except ValidationError:
            # The params' defaults alone make no session; a start says so.
            continue
        found[name] = getattr(section, key)
    return found


def _narrowed(session: dict[str, Any], clipboard: ClipboardPolicy) -> dict[str, Any]:
    own: ClipboardPolicy | None = session.get("clipboard")
    return session if own is None else {**session, "clipboard": own.within(clipboard)}
