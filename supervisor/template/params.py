"""Declared params and the values given for them.

``resolve_params`` is the only door by which a user's values come in. Each declared param ends up
with a value of its type in its base unit (bytes, seconds), or with none at all if it is optional.
Patterns are matched by pydantic's regex engine, which takes linear time and has no backtracking.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, assert_never

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from supervisor.lifecycle.errors import FieldError
from supervisor.template.errors import ParamsInvalidError
from supervisor.template.quantities import duration_text, parse_size, size_text
from supervisor.template.schema.params import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from supervisor.lifecycle.session import ParamValue


class ParamType(StrEnum):
    """What a param can be."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    SIZE = "size"
    DURATION = "duration"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value and what to call it."""

    value: str | int | float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One declared param. Sizes are bytes, durations seconds, in limits and default alike."""

    name: str
    type: ParamType
    label: str
    help: str = ""
    required: bool = False
    changeable: bool = False
    default: ParamValue | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    min_length: int = 0
    max_length: int = 0
    pattern: str | None = None
    choices: tuple[Choice, ...] = ()


def checked(param: Param, value: object) -> ParamValue:  # noqa: PLR0911 - one for each type
    """Convert a value to the param's type and hold it against its limits. Raises ValueError."""
    match param.type:
        case ParamType.STRING:
            return _string(param, value)
        case ParamType.BOOLEAN:
            if isinstance(value, bool):
                return value
            raise _expected("a boolean: true or false")
        case ParamType.CHOICE:
            return _choice(param, value)
        case ParamType.INTEGER:
            if isinstance(value, int) and not isinstance(value, bool):
                return _within(param, value)
            raise _expected("an integer")
        case ParamType.NUMBER:
            return _within(param, _number(value))
        case ParamType.SIZE:
            return _within(param, parse_size(value))
        case ParamType.DURATION:
            return _within(param, whole_seconds(value))
        case _:
            assert_never(param.type)


def resolve_params(
    params: Iterable[Param],
    given: Mapping[str, ParamValue],
) -> dict[str, ParamValue]:
    """Give the value of every declared param that has one: what was given, else the default.

    Raises ParamsInvalidError naming every value that is undeclared, missing or not allowed.
    """
    declared = {param.name: param for param in params}
    errors = [_undeclared(name, declared) for name in given if name not in declared]
    values: dict[str, ParamValue] = {}
    for name, param in declared.items():
        if name not in given:
            if param.required and param.default is None:
                errors.append(FieldError(("params", name), "must be given"))
            elif param.default is not None:
                values[name] = param.default
            continue
        try:
            values[name] = checked(param, given[name])
        except ValueError as error:
            errors.append(FieldError(("params", name), str(error)))
    _raise_if_any(errors)
    return values


def change_params(
    params: Iterable[Param],
    current: Mapping[str, ParamValue],
    changes: Mapping[str, ParamValue],
) -> dict[str, ParamValue]:
    """Apply changes to a running session's params: only what is declared changeable.

    Raises ParamsInvalidError.
    """
    declared = {param.name: param for param in params}
    errors = [_undeclared(name, declared) for name in changes if name not in declared]
    errors += [
        FieldError(("params", name), "cannot be changed while the session runs")
        if name in declared
        else _undeclared(name, declared)
        for name in changes
        if name not in declared or not declared[name].changeable
    ]
    _raise_if_any(errors)
    wanted = [declared[name] for name in changes]
    return {**current, **resolve_params(wanted, changes)}


def _raise_if_any(errors: list[FieldError]) -> None:
    if errors:
        text = "; ".join(f"{error.loc[-1]} {error.msg}" for error in errors)
        raise ParamsInvalidError(f"params: {text}", errors=tuple(errors))


def _undeclared(name: str, declared: Mapping[str, Param]) -> FieldError:
    listed = ", ".join(sorted(declared)) or "none"
    return FieldError(("params", name[:64]), f"is not a param of this template; it has: {listed}")


def _expected(what: str) -> ValueError:
    return ValueError(f"must be {what}")


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _expected("a number")
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        raise _expected("a finite number")
    return value


def _within(param: Param, value: float) -> int | float:
    if param.minimum is not None and value < param.minimum:
        raise _expected(f"at least {_limit(param, param.minimum)}")
    if param.maximum is not None and value > param.maximum:
        raise _expected(f"at most {_limit(param, param.maximum)}")
    return value


def _limit(param: Param, limit: float) -> str:
    """As an administrator writes it."""
    match param.type:
        case ParamType.SIZE:
            return size_text(limit)
        case ParamType.DURATION:
            return duration_text(limit)
        case _:
            return str(limit)


def _string(param: Param, value: object) -> str:
    if not isinstance(value, str):
        raise _expected("a string")
    if "\0" in value:
        raise _expected("without NUL bytes")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _expected("valid Unicode text")
    # The length is bounded before the pattern is tried.
    if not param.min_length <= len(value) <= param.max_length:
        raise _expected(f"{param.min_length} to {param.max_length} characters long")
    if param.pattern is not None and not matches(param.pattern, value):
        raise _expected(f"text that matches {param.pattern}")
    return value


def _choice(param: Param, value: object) -> ParamValue:
    for choice in param.choices:
        # True == 1 in Python, and 1 == 1.0: a choice is its value and its type.
        if choice.value == value and isinstance(value, bool) is isinstance(choice.value, bool):
            return choice.value
    raise _expected("one of " + ", ".join(str(choice.value) for choice in param.choices))


def matches(pattern: str, text: str) -> bool:
    """Tell whether the pattern matches the whole text. Raises ValueError for a bad pattern."""
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> TypeAdapter[str]:
    anchored = rf"\A(?:{pattern})\z"
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=anchored)])
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        msg = f"not a usable pattern (no look-around, no back-references): {reason}"
        raise ValueError(msg) from None
