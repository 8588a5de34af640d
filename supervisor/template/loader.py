"""From a file's content to a ``Template``: reads, checks, and reports every fault at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from supervisor.phrasing import did_you_mean
from supervisor.template.declarations import declaration_faults, declared
from supervisor.template.document import Document, Tree, read_document
from supervisor.template.errors import Loc, TemplateError
from supervisor.template.judge import judged
from supervisor.template.names import name_fault, texts
from supervisor.template.schema.head import HeadSection, head_keys
from supervisor.template.schema.service import RAW_REFUSED, REFUSED, ServiceSection, service_keys
from supervisor.template.shell import COMMAND_NAME
from supervisor.template.shorthand import written_out
from supervisor.template.template import Template
from supervisor.template.text import Mark, Placeholder, ShellLine, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from supervisor.template.params import Param

_TWICE: Final = (
    (("mem_limit",), ("deploy", "resources", "limits", "memory")),
    (("cpus",), ("deploy", "resources", "limits", "cpus")),
    (("pids_limit",), ("deploy", "resources", "limits", "pids")),
    (("mem_reservation",), ("deploy", "resources", "reservations", "memory")),
    (("gpus",), ("deploy", "resources", "reservations", "devices")),
    (("cpus",), ("cpu_quota",)),
    (("network_mode",), ("networks",)),
    (("stop_grace_period",), ("session", "stop_grace_period")),
)
"""Pairs of keys that say the same thing in two ways."""


def load_template(name: str, path: Path, content: bytes) -> Template:
    """Read and check a template. Raises TemplateError with every fault found."""
    document = read_document(str(path), content)
    head = _head(document)
    params = {key: declared(key, section) for key, section in head.params.items()} if head else {}
    for param in params.values():
        for loc, message in declaration_faults(param):
            document.blame(loc, message)
    service = written_out(document)
    if document.root:
        _check_service(document, service)
        _check_names(document, service, params if head else None)
    if document.faults or head is None:
        raise TemplateError(document.faults)
    service.setdefault("command", _asked_for(optional="entrypoint" in service))
    return Template(
        name=name,
        path=path,
        title=head.title or name,
        icon=head.icon,
        description=head.description.strip(),
        geometry=head.geometry,
        dpi=head.dpi,
        params=tuple(params.values()),
        service=service,
        marks=document.values,
        uses_command=_uses_command(service),
    )


def _head(document: Document) -> HeadSection | None:
    """Check the template's own keys; None where they, or the whole file, could not be read."""
    tree = {
        key: value
        for key, value in document.root.items()
        if key in head_keys() and value is not None
    }
    head, problems = judged(HeadSection, tree)
    for problem in problems:
        document.blame(problem.loc, problem.message, key=problem.at_key)
    return head


def _check_service(document: Document, service: dict[str, Tree]) -> None:
    known = {key: value for key, value in service.items() if key in service_keys()}
    for key in service.keys() - known.keys():
        document.blame((key,), _unknown(key), key=True)
    for problem in judged(ServiceSection, known)[1]:
        document.blame(problem.loc, problem.message, key=problem.at_key)
    for one, other in _TWICE:
        if _present(service, one) and _present(service, other):
            document.blame(
                other,
                f"says the same as {'.'.join(one)}: keep one of them",
                key=True,
            )
    for loc, message in _raw_faults(service):
        document.blame(loc, message, key=True)


def _unknown(key: str) -> str:
    if key in REFUSED:
        return f"not possible in a template: {REFUSED[key]}"
    return f"unknown key{did_you_mean(key, service_keys() | head_keys())}"


def _present(tree: Tree | Mapping[str, Tree], path: tuple[str, ...]) -> bool:
    here: object = tree
    for key in path:
        if not isinstance(here, dict) or here.get(key) is None:
            return False
        here = here[key]
    return True


def _raw_faults(service: Mapping[str, Tree]) -> Iterator[tuple[Loc, str]]:
    for section, refused in RAW_REFUSED.items():
        raw = service.get(section)
        reasons = {key.lower(): reason for key, reason in refused.items()}
        for key in raw if isinstance(raw, dict) else ():
            if key.lower() in reasons:
                yield (section, key), f"may not be set here: {reasons[key.lower()]}"


def _check_names(
    document: Document, service: dict[str, Tree], params: Mapping[str, Param] | None
) -> None:
    """Check what placeholders are called; ``params`` None where the declarations are faulty."""
    for loc, text in texts(service):
        for placeholder in text.placeholders():
            if params is None and placeholder.name.startswith("start.params."):
                continue
            message = name_fault(placeholder, params or {})
            if message is not None:
                document.blame(loc, message, placeholder.mark)


def _asked_for(*, optional: bool) -> Tree:
    """Give the command of a template that names none: what the user asks for."""
    default = Text(()) if optional else None
    placeholder = Placeholder(COMMAND_NAME, Mark(1, 1), default=default)
    return {"shell": ShellLine(Text((placeholder,)))}


def _uses_command(service: Mapping[str, Tree]) -> bool:
    return any(
        placeholder.name == COMMAND_NAME
        for _, text in texts(dict(service))
        for placeholder in text.placeholders()
    )
