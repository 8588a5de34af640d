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
    """What ``${start.params.NAME}`` becomes."""
    label: Line | None = None
    """What users see instead."""


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
    """What users see instead of the name."""
    help: Help = ""
    """A sentence for users."""
    required: Flag = False
    """Whether it must be given; then it has no default."""
    changeable: Flag = False
    """Whether it may be changed while the session runs."""


class StringParam(ParamSection):
    """Any text; ``pattern`` must match all of it."""

    type: Literal["string"]
    """Text without NUL."""
    default: str | None = None
    """What it is if nobody says."""
    min_length: Count = 0
    """Characters, at least."""
    max_length: Annotated[Whole, Field(ge=1, le=MAX_TEXT)] = DEFAULT_MAX_TEXT
    """Characters, at most."""
    pattern: Annotated[str, StringConstraints(max_length=1000)] | None = None
    """A regular expression that the whole text must match."""


class IntegerParam(ParamSection):
    """A whole number."""

    type: Literal["integer"]
    """A whole number."""
    default: Whole | None = None
    """What it is if nobody says."""
    min: Whole | None = None
    """The least."""
    max: Whole | None = None
    """The most."""


class NumberParam(ParamSection):
    """Any finite number."""

    type: Literal["number"]
    """A number."""
    default: Number | None = None
    """What it is if nobody says."""
    min: Number | None = None
    """The least."""
    max: Number | None = None
    """The most."""


class BooleanParam(ParamSection):
    """``true`` or ``false``."""

    type: Literal["boolean"]
    """``true`` or ``false``."""
    default: Strict | None = None
    """What it is if nobody says."""


class SizeParam(ParamSection):
    """Bytes, written ``2g``."""

    type: Literal["size"]
    """Bytes, written ``512m`` or ``2g``."""
    default: Size | None = None
    """What it is if nobody says."""
    min: Size | None = None
    """The least."""
    max: Size | None = None
    """The most."""


class DurationParam(ParamSection):
    """Seconds, written ``1h30m``."""

    type: Literal["duration"]
    """Seconds, written ``90s`` or ``1h30m``."""
    default: Duration | None = None
    """What it is if nobody says."""
    min: Duration | None = None
    """The least."""
    max: Duration | None = None
    """The most."""


class ChoiceParam(ParamSection):
    """One of a list."""

    type: Literal["choice"]
    """One of ``choices``."""
    default: Annotated[str | int | float, BeforeValidator(_not_bool)] | None = None
    """What it is if nobody says."""
    choices: Annotated[
        list[Annotated[ChoiceSection, BeforeValidator(_labelled)]],
        Field(min_length=1),
        AfterValidator(_unique),
    ]
    """Values, each alone or as ``{value, label}``."""


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
