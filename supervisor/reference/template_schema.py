"""The schema of launcher templates: the models' own, with short forms and with placeholders.

It is what editors complete by. It takes every template that the supervisor takes, and refuses most
of those that it refuses; ``fx-supervisor check`` has the last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from supervisor.reference.generation import generated
from supervisor.reference.short_forms import SHORT_FORMS
from supervisor.template.schema.head import HeadSection
from supervisor.template.schema.service import ServiceSection

Schema = dict[str, Any]

_PLACEHOLDER: Final = {"$ref": "#/definitions/Placeholder"}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}


def template_schema() -> Schema:
    """Of ``NAME.tpl``."""
    head, service = generated(HeadSection, ""), generated(ServiceSection, "")
    definitions = {name: _open(each) for name, each in service["definitions"].items()}
    _loosen(definitions)
    definitions |= head["definitions"]
    choices = definitions["ChoiceParam"]["properties"]["choices"]
    choices["items"] = {"anyOf": [choices["items"], {"type": ["string", "number"]}]}
    networks = service["properties"]["networks"]
    networks["additionalProperties"] = {
        "anyOf": [networks["additionalProperties"], {"type": "null"}]
    }
    definitions["Placeholder"] = {
        "type": "string",
        "pattern": r"\$\{",
        "description": "A value that is filled in when a session starts.",
    }
    keys = head["properties"] | {
        name: _short(name, _open(each)) for name, each in service["properties"].items()
    }
    made = {
        "$schema": head["$schema"],
        "title": "Launcher template",
        "description": "How a session becomes a container.",
        "type": "object",
        "required": service["required"],
        "properties": {name: _or_nothing(each) for name, each in keys.items()},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    made["definitions"] = {
        name: definitions[name] for name in sorted(_reached(made, definitions, set()))
    }
    return made


def _open(node: Schema) -> Schema:
    """The same, where a placeholder may stand for any single value."""
    if "$ref" in node:
        return node
    found = dict(node)
    if "properties" in node:
        found["properties"] = {key: _open_value(each) for key, each in node["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            found[inner] = _open_value(node[inner])
    if "patternProperties" in node:
        found["patternProperties"] = {
            key: _open_value(each) for key, each in node["patternProperties"].items()
        }
    return found


def _open_value(node: Schema) -> Schema:
    if node.get("type") in ("object", "array"):
        return _open(node)
    described, plain = _parted(node)
    options = [_open(each) for each in plain.get("anyOf", [plain])]
    return {**described, "anyOf": [*options, _PLACEHOLDER]}


def _loosen(definitions: dict[str, Schema]) -> None:
    """What short forms there are inside of sections, and what no template can say."""
    definitions["DeviceSection"]["required"].remove("target")
    definitions["HealthSection"]["properties"]["test"] |= {"anyOf": [{"type": "string"}, _TEXTS]}


def _short(name: str, node: Schema) -> Schema:
    """One key of the container, as it may be written."""
    short = SHORT_FORMS.get(name)
    if short is None:
        return node if node.get("type") in ("object", "array") else _open_value(node)
    described, long = _parted(node)
    options: list[Schema] = [long] if short.kind == "besides" else []
    match short.kind:
        case "item":
            long["items"] = {"anyOf": [*long["items"].get("anyOf", [long["items"]]), *short.forms]}
            return {**described, **long}
        case "value":
            inner = long["additionalProperties"]
            long["additionalProperties"] = {"anyOf": [*inner.get("anyOf", [inner]), *short.forms]}
            return {**described, **long}
        case "instead" | "besides":
            pass
    return {**described, "anyOf": [*options, *short.forms]}


def _parted(node: Schema) -> tuple[Schema, Schema]:
    """What is said of a key, and what it takes."""
    said = ("description", "default")
    return (
        {key: value for key, value in node.items() if key in said},
        {key: value for key, value in node.items() if key not in said},
    )


def _or_nothing(node: Schema) -> Schema:
    """A key without a value counts as not written."""
    described, plain = _parted(node)
    options = [each for each in plain.get("anyOf", [plain]) if each != {"type": "null"}]
    return {**described, "anyOf": [*options, {"type": "null"}]}


def _reached(node: Any, definitions: dict[str, Schema], seen: set[str]) -> set[str]:  # noqa: ANN401
    """Names of all definitions that are referred to."""
    for name in _references(node):
        if name not in seen:
            seen.add(name)
            _reached(definitions[name], definitions, seen)
    return seen


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 any part of a schema
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for each in node.values():
            yield from _references(each)
