"""Declared params: what is taken, what is refused and how."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.template import (
    Param,
    ParamsInvalidError,
    change_params,
    params_json_schema,
    resolve_params,
)
from supervisor.template.quantities import duration_text, parse_duration, parse_size, size_text
from tests.unit.template.samples import load

TEMPLATE = load(
    """
image: fx/x
title: All types
params:
  text: {type: string, default: a, min_length: 1, max_length: 5, pattern: "[a-z]+"}
  whole: {type: integer, default: 2, min: 1, max: 4, changeable: true}
  number: {type: number, default: 1, min: 0.5, max: 4}
  flag: {type: boolean, default: false}
  memory: {type: size, default: 2g, min: 256m, max: 8g, label: Memory, help: How much}
  time: {type: duration, default: 1h30m, max: 1d}
  theme: {type: choice, choices: [light, {value: dark, label: Dark}], default: light}
  level: {type: choice, choices: [1, 2]}
  project: {type: string, required: true}
"""
)
GIVEN = {"project": "p"}


def resolve(**given_values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Resolve what is given over what is required."""
    return resolve_params(TEMPLATE.params, {**GIVEN, **given_values})


def refusal(**given_values: Any) -> dict[str, str]:  # noqa: ANN401
    """Give the message for each refused param."""
    with pytest.raises(ParamsInvalidError) as caught:
        resolve(**given_values)
    assert caught.value.code == "params_invalid"
    assert all(error.loc[0] == "params" for error in caught.value.errors)
    return {str(error.loc[1]): error.msg for error in caught.value.errors}


def test_defaults_are_in_base_units() -> None:
    """Sizes are bytes and durations seconds; an optional param without default has no value."""
    assert resolve() == {
        "text": "a",
        "whole": 2,
        "number": 1,
        "flag": False,
        "memory": 2 * 1024**3,
        "time": 5400,
        "theme": "light",
        "project": "p",
    }


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("memory", "1.5g", 1610612736),
        ("memory", 268435456, 268435456),
        ("memory", "512 MiB", 536870912),
        ("time", "90s", 90),
        ("time", "0.5h", 1800),
        ("time", 12, 12),
        ("time", "250ms", 0.25),
        ("number", 0.75, 0.75),
        ("flag", True, True),
        ("level", 2, 2),
        ("theme", "dark", "dark"),
    ],
)
def test_accepted_value(name: str, value: Any, result: Any) -> None:  # noqa: ANN401
    """A value in any of its type's forms becomes one form."""
    assert resolve(**{name: value})[name] == result


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("whole", True, "must be an integer"),
        ("whole", 2.0, "must be an integer"),
        ("whole", "2", "must be an integer"),
        ("whole", 5, "must be at most 4"),
        ("whole", 0, "must be at least 1"),
        ("number", False, "must be a number"),
        ("number", float("nan"), "must be a finite number"),
        ("number", float("inf"), "must be a finite number"),
        ("flag", 1, "must be a boolean: true or false"),
        ("flag", "true", "must be a boolean: true or false"),
        ("memory", "lots", 'must be a size such as "512m" or "2g", not \'lots\''),
        ("memory", True, 'must be a size such as "512m" or "2g", not True'),
        ("memory", "9g", "must be at most 8g"),
        ("memory", -1, 'must be a size such as "512m" or "2g", not -1'),
        ("time", "soon", 'must be a duration such as "90s" or "1h30m", not \'soon\''),
        ("time", "2d", "must be at most 1d"),
        ("text", 5, "must be a string"),
        ("text", "", "must be 1 to 5 characters long"),
        ("text", "abcdef", "must be 1 to 5 characters long"),
        ("text", "aB", "must be text that matches [a-z]+"),
        ("text", "a\n", "must be text that matches [a-z]+"),
        ("project", "a\0b", "must be without NUL bytes"),
        ("project", "\ud800", "must be valid Unicode text"),
        ("theme", "blue", "must be one of light, dark"),
        ("level", True, "must be one of 1, 2"),
        ("level", "1", "must be one of 1, 2"),
    ],
)
def test_refused_value(name: str, value: Any, message: str) -> None:  # noqa: ANN401
    """A value that is not allowed is refused with what would be."""
    assert refusal(**{name: value}) == {name: message}


def test_all_refusals_at_once() -> None:
    """Undeclared, missing and wrong values are named together."""
    with pytest.raises(ParamsInvalidError) as caught:
        resolve_params(TEMPLATE.params, {"whole": 9, "nope": 1})
    assert {error.loc[1] for error in caught.value.errors} == {"whole", "nope", "project"}
    (undeclared,) = (error for error in caught.value.errors if error.loc[1] == "nope")
    assert undeclared.msg.startswith("is not a param of this template; it has: flag, level, memory")


def test_pattern_takes_linear_time() -> None:
    """A pattern that would make a backtracking engine hang does not."""
    (param,) = load(
        'image: fx/x\nparams: {a: {type: string, pattern: "(a|a)*(a|a)*b", max_length: 32000}}'
    ).params
    began = time.monotonic()
    with pytest.raises(ParamsInvalidError):
        resolve_params([param], {"a": "a" * 32000})
    assert time.monotonic() - began < 5


def test_change_takes_changeable_params_only() -> None:
    """A running session keeps what was not declared changeable."""
    current = resolve()
    assert change_params(TEMPLATE.params, current, {"whole": 3}) == current | {"whole": 3}
    for changes in ({"flag": True}, {"nope": 1}, {"whole": 9}):
        with pytest.raises(ParamsInvalidError):
            change_params(TEMPLATE.params, current, changes)
    with pytest.raises(ParamsInvalidError, match=r"nope is not a param .* it has: flag, level, "):
        change_params(TEMPLATE.params, current, {"nope": 1, "whole": 3})


def test_what_is_not_there_is_told_with_what_is() -> None:
    """All params of the template, not only those that were named."""
    with pytest.raises(ParamsInvalidError) as caught:
        change_params(TEMPLATE.params, resolve(), {"nope": 1, "flag": True})
    told = {error.loc[1]: error.msg for error in caught.value.errors}
    assert told["flag"] == "cannot be changed while the session runs"
    assert told["nope"].startswith("is not a param of this template; it has: flag, level, memory")


@pytest.mark.parametrize("text", ["8g", "1536m", "3k", "1000 bytes", "0 bytes", "5p"])
def test_sizes_are_written_as_they_are_read(text: str) -> None:
    """Exactly, in the largest unit that does."""
    assert size_text(parse_size(text.removesuffix(" bytes"))) == text


@pytest.mark.parametrize("text", ["1d", "1h30m", "90m", "59s", "0s"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    """Exactly, in few units."""
    assert duration_text(parse_duration(text)) == {"90m": "1h30m"}.get(text, text)


def test_schema_is_valid_and_accepts_the_defaults() -> None:
    """The published JSON Schema is one, and agrees with the defaults and requirements."""
    schema = params_json_schema(TEMPLATE)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert validator.is_valid(resolve())
    assert validator.is_valid(GIVEN | {"memory": "1.5g", "time": "1h30m", "theme": "dark"})
    for wrong in ({}, GIVEN | {"nope": 1}, GIVEN | {"whole": 9}, GIVEN | {"theme": "blue"}):
        assert not validator.is_valid(wrong)
    assert schema["properties"]["memory"]["title"] == "Memory"
    assert schema["properties"]["whole"]["x-changeable"] is True


@example(268435456.5)
@given(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.none()))
)
def test_schema_never_refuses_what_the_server_takes(value: Any) -> None:  # noqa: ANN401
    """A form built from the schema can send everything that is allowed."""
    validator = jsonschema.Draft202012Validator(params_json_schema(TEMPLATE))
    for param in TEMPLATE.params:
        if _takes(param, value):
            assert validator.is_valid(GIVEN | {param.name: value}), param.name


def _takes(param: Param, value: Any) -> bool:  # noqa: ANN401
    try:
        resolve_params([param], {param.name: value})
    except ParamsInvalidError:
        return False
    return True
