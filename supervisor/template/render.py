"""One start: template and request in, the session's container and rules out.

The user's values are checked one by one, filled into the leaves that name them, and the result is
held against the schema as if an administrator had written it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from supervisor.lifecycle.errors import FieldError
from supervisor.template.assembly import container_spec, session_rules
from supervisor.template.errors import Loc, TemplateValueError, loc_text
from supervisor.template.judge import Problem, judged
from supervisor.template.names import EXTRA_NAME, EXTRA_PREFIX, PARAM_PREFIX, texts
from supervisor.template.params import resolve_params
from supervisor.template.quantities import parse_geometry
from supervisor.template.schema.service import ServiceSection
from supervisor.template.substitution import RAW_SECTIONS, Substitution, request_loc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.lifecycle.session import ParamValue, SessionRules, StartRequest
    from supervisor.template.schema.service import CommandLine, PullPolicy
    from supervisor.template.spec import ContainerSpec
    from supervisor.template.template import Template
    from supervisor.template.text import Mark

MAX_COMMAND: Final = 32 * 1024
MAX_NAME: Final = 255
MAX_EXTRA: Final = 4096
DPI_RANGE: Final = (24, 600)
_ASKED_FOR: Final = ("start.", "extra.")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserContext:
    """The user as the host's NSS knows them."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str = "/bin/sh"
    gecos: str = ""
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderContext:
    """What the supervisor knows about the session to come."""

    user: UserContext
    session_id: str
    session_name: str
    host_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSession:
    """What to run. ``command`` is a line for ``/bin/sh -c``, or arguments."""

    spec: ContainerSpec
    image: str
    pull_policy: PullPolicy
    command: str | tuple[str, ...]
    command_text: str
    geometry: str
    dpi: int
    name: str
    params: Mapping[str, ParamValue]
    rules: SessionRules


def render(template: Template, start: StartRequest, context: RenderContext) -> RenderedSession:
    """Render a template for one start.

    Raises TemplateValueError (ParamsInvalidError for params) naming each field of the request that
    is at fault.
    """
    _check_request(template, start)
    _check_home(template, context.user)
    params = resolve_params(template.params, start.params)
    geometry = start.geometry or template.geometry
    dpi = template.dpi if start.dpi is None else start.dpi
    name = start.name or context.session_name or template.title
    values = _values(start, context) | {
        "start.geometry": geometry,
        "start.dpi": dpi,
        "start.name": name,
        **{PARAM_PREFIX + key: value for key, value in params.items()},
    }
    substitution = Substitution(values)
    tree = {
        key: substitution.filled(value, raw=key in RAW_SECTIONS)
        for key, value in template.service.items()
    }
    _raise_if_any(substitution.missing)
    service = _validated(template, tree)
    whole = _whole_command(service.entrypoint, service.command)
    user = context.user
    return RenderedSession(
        spec=container_spec(service, user.groups, f"{user.uid}:{user.gid}"),
        image=service.image,
        pull_policy=service.pull_policy,
        command=whole,
        command_text=whole.strip() if isinstance(whole, str) else shlex.join(whole),
        geometry=geometry,
        dpi=dpi,
        name=name,
        params=params,
        rules=session_rules(service),
    )


def _values(start: StartRequest, context: RenderContext) -> dict[str, ParamValue]:
    user = context.user
    values: dict[str, ParamValue] = {
        "user.name": user.name,
        "user.uid": user.uid,
        "user.gid": user.gid,
        # A slash at the end would make ${user.home}/x a path with an empty part.
        "user.home": user.home.rstrip("/"),
        "user.shell": user.shell,
        "user.gecos": user.gecos,
        "session.id": context.session_id,
        "session.name": context.session_name,
        "host.name": context.host_name,
    }
    if start.command:
        values["start.command"] = start.command
    return values | {EXTRA_PREFIX + key: value for key, value in start.extra.items()}


def _check_request(template: Template, start: StartRequest) -> None:
    """Check what the caller sent beside params."""
    errors: list[FieldError] = []
    if start.command is not None:
        errors += _text_errors(("command",), start.command, MAX_COMMAND)
        if start.command and not template.uses_command:
            msg = f"the template {template.name} runs a command of its own: leave this out"
            errors.append(FieldError(("command",), msg))
    if start.geometry:
        try:
            parse_geometry(start.geometry)
        except ValueError as error:
            errors.append(FieldError(("geometry",), str(error)))
    low, high = DPI_RANGE
    if start.dpi is not None and not low <= start.dpi <= high:
        errors.append(FieldError(("dpi",), f"must be {low} to {high}"))
    if start.name is not None:
        errors += _text_errors(("name",), start.name, MAX_NAME)
        if any(character < " " or character == "\x7f" for character in start.name):
            errors.append(FieldError(("name",), "must not hold control characters"))
    for key, value in start.extra.items():
        if EXTRA_NAME.fullmatch(key) is None:
            errors.append(FieldError(("extra", key[:64]), "is not a usable name"))
        errors += _text_errors(("extra", key[:64]), value, MAX_EXTRA)
    _raise_if_any(errors)


def _check_home(template: Template, user: UserContext) -> None:
    """Refuse to take the root directory for somebody's home: it would mount the whole host."""
    if user.home.rstrip("/"):
        return
    used = any(
        placeholder.name == "user.home"
        for _, text in texts(template.service)
        for placeholder in text.placeholders()
    )
    if used:
        msg = f"the template needs a home directory, and {user.name} has none ({user.home!r})"
        _raise_if_any([FieldError(("user",), msg)])


def _text_errors(loc: Loc, value: str, limit: int) -> list[FieldError]:
    errors: list[FieldError] = []
    try:
        if len(value.encode()) > limit:
            errors.append(FieldError(loc, f"must be at most {limit} bytes long"))
    except UnicodeEncodeError:
        errors.append(FieldError(loc, "must be valid Unicode text"))
    if "\0" in value:
        errors.append(FieldError(loc, "must not hold NUL bytes"))
    return errors


def _validated(template: Template, tree: dict[str, object]) -> ServiceSection:
    service, problems = judged(ServiceSection, tree)  # type: ignore[arg-type]
    if service is not None:
        return service
    _raise_if_any([error for problem in problems for error in _blamed(template, problem)])
    raise AssertionError(problems)  # pragma: no cover - no model means problems


def _blamed(template: Template, problem: Problem) -> list[FieldError]:
    """Name the fields of the request whose values the refused leaf was filled with."""
    names: dict[str, Mark] = {}
    for loc, text in texts(template.service):
        if loc[: len(problem.loc)] == problem.loc:
            for placeholder in text.placeholders():
                names.setdefault(placeholder.name, placeholder.mark)
    # The user's identity is to blame only where nothing that was asked for is.
    asked_for = {name: mark for name, mark in names.items() if name.startswith(_ASKED_FOR)}
    if not names:
        return [FieldError(("template",), f"{loc_text(problem.loc)}: {problem.message}")]
    return [
        FieldError(
            request_loc(name),
            f"{problem.message} ({template.path}:{mark.line}:{mark.column}: "
            f"{loc_text(problem.loc)})",
        )
        for name, mark in (asked_for or names).items()
    ]


def _whole_command(
    entrypoint: CommandLine | None, command: CommandLine | None
) -> str | tuple[str, ...]:
    """Put entrypoint and command together as Docker does: the command is the last arguments."""
    arguments = _arguments(command)
    if entrypoint is None:
        line = command.shell if command is not None else None
        if not arguments or not arguments[0]:
            raise TemplateValueError(
                "command: must not be empty",
                errors=(FieldError(("command",), "must not be empty"),),
            )
        return line if line is not None else arguments
    if entrypoint.shell is not None:
        # A block scalar ends in a line break, which would end the command before its arguments.
        return " ".join([entrypoint.shell.rstrip(), *map(shlex.quote, arguments)])
    return (*(entrypoint.argv or ()), *arguments)


def _arguments(command: CommandLine | None) -> tuple[str, ...]:
    if command is None:
        return ()
    if command.argv is not None:
        return tuple(command.argv)
    line = command.shell or ""
    return ("/bin/sh", "-c", line) if line.strip() else ()


def _raise_if_any(errors: list[FieldError]) -> None:
    if errors:
        text = "; ".join(f"{loc_text(error.loc)}: {error.msg}" for error in errors)
        raise TemplateValueError(text, errors=tuple(errors))
