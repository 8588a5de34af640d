"""``params``: declarations of what a user may set. One model for each type."""

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from supervisor.template.quantities import parse_duration
from supervisor.template.schema.values import AS_DURATION, Count, Flag, Line, Section, Size, Whole

MAX_TEXT = 32 * 1024
DEFAULT_MAX_TEXT = 4096


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        msg = "must be a number"
        raise ValueError(msg)
    return value


def whole_seconds(value: object) -> int | float:
    """Seconds of a duration, an integer where there is no fraction. Raises ValueError."""
    seconds = parse_duration(value)
    return int(seconds) if seconds.is_integer() else seconds


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        msg = "must be text or a number; for true and false there is type: boolean"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError into a fault
    return value


def _labelled(value: object) -> object:
    return value if isinstance(value, dict) else {"value": value}


class ChoiceSection(Section):
    """One of ``choices``."""

    value: Annotated[str | int | float, BeforeValidator(_not_bool)]
    label: Line | None = None


def _unique(choices: list[ChoiceSection]) -> list[ChoiceSection]:
    values = [choice.value for choice in choices]
    if len(set(values)) != len(values):
        msg = "a value stands here twice"
        raise ValueError(msg)
    return choices


Number = Annotated[int | float, BeforeValidator(_number)]
Duration = Annotated[int | float, BeforeValidator(whole_seconds), AS_DURATION]
Strict = Annotated[bool, Field(strict=True)]
Help = Annotated[str, StringConstraints(max_length=4096)]


class ParamSection(Section):
    """What all types share."""

    label: Line | None = None
    help: Help = ""
    required: Flag = False
    changeable: Flag = False


class StringParam(ParamSection):
    """Any text; ``pattern`` must match all of it."""

    type: Literal["string"]
    default: str | None = None
    min_length: Count = 0
    max_length: Annotated[Whole, Field(ge=1, le=MAX_TEXT)] = DEFAULT_MAX_TEXT
    pattern: Annotated[str, StringConstraints(max_length=1000)] | None = None


class IntegerParam(ParamSection):
    """A whole number."""

    type: Literal["integer"]
    default: Whole | None = None
    min: Whole | None = None
    max: Whole | None = None


class NumberParam(ParamSection):
    """Any finite number."""

    type: Literal["number"]
    default: Number | None = None
    min: Number | None = None
    max: Number | None = None


class BooleanParam(ParamSection):
    """``true`` or ``false``."""

    type: Literal["boolean"]
    default: Strict | None = None


class SizeParam(ParamSection):
    """Bytes, written ``2g``."""

    type: Literal["size"]
    default: Size | None = None
    min: Size | None = None
    max: Size | None = None


class DurationParam(ParamSection):
    """Seconds, written ``1h30m``."""

    type: Literal["duration"]
    default: Duration | None = None
    min: Duration | None = None
    max: Duration | None = None


class ChoiceParam(ParamSection):
    """One of a list."""

    type: Literal["choice"]
    default: Annotated[str | int | float, BeforeValidator(_not_bool)] | None = None
    choices: Annotated[
        list[Annotated[ChoiceSection, BeforeValidator(_labelled)]],
        Field(min_length=1),
        AfterValidator(_unique),
    ]


AnyParam = Annotated[
    StringParam
    | IntegerParam
    | NumberParam
    | BooleanParam
    | SizeParam
    | DurationParam
    | ChoiceParam,
    Field(discriminator="type"),
]
