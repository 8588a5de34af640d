"""Turns the ``params:`` section into ``Param`` records, with its defaults held to its limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from supervisor.template.params import Choice, Param, ParamType, checked, matches
from supervisor.template.schema.params import (
    AnyParam,
    BooleanParam,
    ChoiceParam,
    StringParam,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.template.errors import Loc


def declared(name: str, section: AnyParam) -> Param:
    """Give the record of one declaration."""
    param = Param(
        name=name,
        type=ParamType(section.type),
        label=section.label or name,
        help=section.help,
        required=section.required,
        changeable=section.changeable,
        default=section.default,
    )
    return _with_limits(param, section)


def _with_limits(param: Param, section: AnyParam) -> Param:
    match section:
        case StringParam():
            return replace(
                param,
                min_length=section.min_length,
                max_length=section.max_length,
                pattern=section.pattern,
            )
        case ChoiceParam():
            choices = tuple(Choice(c.value, c.label or str(c.value)) for c in section.choices)
            return replace(param, choices=choices)
        case BooleanParam():
            return param
        case _:
            return replace(param, minimum=section.min, maximum=section.max)


def declaration_faults(param: Param) -> Iterator[tuple[Loc, str]]:
    """Yield what contradicts itself in a declaration."""
    loc: Loc = ("params", param.name)
    low, high = param.minimum, param.maximum
    if low is not None and high is not None and low > high:
        yield (*loc, "min"), "min is above max"
    if param.type is ParamType.STRING and param.min_length > param.max_length:
        yield (*loc, "min_length"), "min_length is above max_length"
    if param.pattern is not None:
        try:
            matches(param.pattern, "")
        except ValueError as error:
            yield (*loc, "pattern"), str(error)
            return
    if param.default is not None:
        try:
            checked(param, param.default)
        except ValueError as error:
            yield (*loc, "default"), f"the default {error}"
