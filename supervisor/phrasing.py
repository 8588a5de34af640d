"""What pydantic finds wrong, in the words of whoever wrote the file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_PLAIN: Final = {
    "extra_forbidden": "unknown key",
    "missing": "this key is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "union_tag_not_found": "must say its type",
}
_MAPPINGS: Final = frozenset({"dict_type", "model_type", "model_attributes_type"})
_WITH_BOUND: Final = {
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "too_long": "too many entries: {max_length} at most, not {actual_length}",
    "too_short": "too few entries: {min_length} at least",
    "string_too_long": "must have {max_length} characters at most",
    "string_too_short": "must have {min_length} characters at least",
    "union_tag_invalid": "unknown type: must be one of {expected_tags}",
}
_CHOICES: Final = frozenset({"literal_error", "enum"})


def phrase(detail: ErrorDetails) -> str:
    """One fault as a plain sentence, without where it is."""
    kind, value = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is not valid here: it must match {context['pattern']}"
    if kind == "string_type" and isinstance(value, (int, float)):
        return "must be text: put it in quotes"
    if kind in _CHOICES:
        choices = context["expected"].replace("'", "")
        known = choices.replace(" or ", ", ").split(", ")
        return f"must be {choices}{did_you_mean(str(value), known)}"
    if kind in _WITH_BOUND:
        return _WITH_BOUND[kind].format(**context).replace("'", "")
    if kind in _MAPPINGS:
        return f"{_PLAIN[kind]}{_slip(value)}"
    message = detail["msg"].removeprefix("Value error, ")
    return _PLAIN.get(kind, message.replace("Input should be", "must be", 1))


def yaml_problem(problem: str) -> str:
    """What the YAML parser says is wrong; with the cure where people ask for it."""
    return f"{problem}; indent with spaces" if r"'\t'" in problem else problem


def _slip(value: object) -> str:
    """What was probably meant, where something else stands in the place of a mapping."""
    if value is None:
        return ": indent what belongs to it, or leave it out"
    if isinstance(value, str) and ":" in value:
        return "; a colon wants a space after it"
    return ""


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Give ``; did you mean x?``, or nothing."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def keys_beside(model: type[BaseModel], loc: tuple[str | int, ...]) -> frozenset[str]:
    """The keys that are known where the last part of ``loc`` is not."""
    here = {model}
    for part in loc[:-1]:
        fields = [each.model_fields[part] for each in here if part in each.model_fields]
        tagged = {each for each in here if part in _tags(each)}
        # What is neither key nor tag of a union is an index, or a name in a map.
        here = {found for field in fields for found in _models(field.annotation)} or tagged or here
    return frozenset(key for each in here for key in each.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    """What ``type`` may say, where it tells this model from others."""
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field is not None else ()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
