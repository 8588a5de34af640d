"""A template's params as JSON Schema (2020-12), for web servers to build a form from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from supervisor.template.params import Param, ParamType

if TYPE_CHECKING:
    from supervisor.template.template import Template

_SIZE_TEXT = r"^\d+(\.\d+)? ?([kKmMgGtTpP]?)([iI]?[bB])?$"
_DURATION_TEXT = r"^(\d+(\.\d+)?|(\d+(\.\d+)?(us|ms|s|m|h|d))+)$"


def params_json_schema(template: Template) -> dict[str, Any]:
    """Give the schema of ``params`` in a start request.

    ``x-type`` holds the declared type, ``x-changeable`` whether a running session takes changes.
    Limits of sizes and durations apply to their number form; the server checks both forms.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": template.title,
        "properties": {param.name: _property(param) for param in template.params},
        "required": [
            param.name for param in template.params if param.required and param.default is None
        ],
        "additionalProperties": False,
    }


def _property(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": param.label, "x-type": param.type.value} | _typed(param)
    if param.help:
        schema["description"] = param.help
    if param.default is not None:
        schema["default"] = param.default
    if param.changeable:
        schema["x-changeable"] = True
    return schema


def _typed(param: Param) -> dict[str, Any]:  # noqa: PLR0911 - one for each type
    match param.type:
        case ParamType.STRING:
            schema: dict[str, Any] = {
                "type": "string",
                "minLength": param.min_length,
                "maxLength": param.max_length,
            }
            return schema | ({"pattern": f"^(?:{param.pattern})$"} if param.pattern else {})
        case ParamType.INTEGER:
            return {"type": "integer"} | _limits(param)
        case ParamType.NUMBER:
            return {"type": "number"} | _limits(param)
        case ParamType.BOOLEAN:
            return {"type": "boolean"}
        case ParamType.SIZE:
            number = {"type": "integer", "minimum": 0} | _limits(param)
            return {"anyOf": [number, {"type": "string", "pattern": _SIZE_TEXT}]}
        case ParamType.DURATION:
            number = {"type": "number", "minimum": 0} | _limits(param)
            return {"anyOf": [number, {"type": "string", "pattern": _DURATION_TEXT}]}
        case ParamType.CHOICE:
            return {"oneOf": [{"const": c.value, "title": c.label} for c in param.choices]}
        case _:
            assert_never(param.type)


def _limits(param: Param) -> dict[str, Any]:
    limits = {"minimum": param.minimum, "maximum": param.maximum}
    return {key: value for key, value in limits.items() if value is not None}
