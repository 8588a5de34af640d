"""Tables of keys for docs/, made of the same models and schemas as all else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from scripts.reference_lib.example import needs_restart, shown
from supervisor.config import Config
from supervisor.reference.docstrings import field_docstrings
from supervisor.reference.schemas import SCHEMAS

Schema = Mapping[str, Any]


def config_tables() -> str:
    """A table for each section of ``supervisor.yaml``."""
    return "\n".join(_config_section("", Config()))


def _config_section(path: str, section: BaseModel) -> Iterator[str]:
    described = field_docstrings(type(section))
    rows, inner = [], list[tuple[str, BaseModel, str]]()
    for name in type(section).model_fields:
        value = getattr(section, name)
        meaning = described.get(name, "")
        if isinstance(value, BaseModel):
            inner.append(
                (f"{path}.{name}".lstrip("."), value, meaning or type(value).__doc__ or "")
            )
            continue
        restart = " **Restart.**" if needs_restart(section, name) else ""
        rows.append((f"`{name}`", f"`{shown(section, name)}`", meaning + restart))
    if rows:
        yield from _table(("key", "default", "meaning"), rows)
        yield ""
    for key, value, meaning in inner:
        yield f"{'##' if '.' not in key else '###'} {key}"
        yield ""
        yield _plain(meaning)
        yield ""
        yield from _config_section(key, value)


def template_tables() -> str:
    """A table for the template as a whole, and for each section of one."""
    schema = SCHEMAS["template"]()
    return "\n".join(_template_pages(_spelt_out(schema, schema["definitions"])))


def _spelt_out(node: Any, definitions: Schema) -> Any:  # noqa: ANN401 any part of a schema
    """With the values of enumerations where their names are."""
    if isinstance(node, list):
        return [_spelt_out(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    found = definitions.get(str(node.get("$ref", "")).rpartition("/")[2], {})
    if "enum" in found:
        return {**node, "$ref": "", "enum": found["enum"]}
    return {key: _spelt_out(value, definitions) for key, value in node.items()}


def _template_pages(schema: Schema) -> Iterator[str]:
    yield "## Top level"
    yield ""
    yield from _keys(schema)
    for name, definition in schema["definitions"].items():
        if "properties" in definition:
            yield ""
            yield f"## {name}"
            yield ""
            yield _plain(definition.get("description", ""))
            yield ""
            yield from _keys(definition)
    yield ""


def _keys(schema: Schema) -> Iterator[str]:
    required = schema.get("required", [])
    rows = []
    for name, key in schema["properties"].items():
        default = key.get("default")
        must = (
            "required"
            if name in required
            else ""
            if default in (None, "")
            else f"`{_yaml(default)}`"
        )
        rows.append((f"`{name}`", ", ".join(_takes(key)), must, key.get("description", "")))
    yield from _table(("key", "takes", "default", "meaning"), rows)


def _takes(key: Schema) -> list[str]:
    """What stands for a value, in a few words each; that a placeholder can goes without saying."""
    found: list[str] = []
    for option in key.get("anyOf", [key]):
        for word in _words(option):
            if word not in found:
                found.append(word)
    return found


def _words(option: Schema) -> Iterator[str]:
    name = option.get("$ref", "").rpartition("/")[2]
    if name == "Placeholder" or option.get("type") == "null":
        return
    if name:
        yield f"[{name}](#{name.lower()})"
    elif "anyOf" in option:
        yield from _takes(option)
    elif "enum" in option:
        yield from (f"`{_yaml(each)}`" for each in option["enum"] if each not in ("true", "false"))
    elif "const" in option:
        yield f"`{_yaml(option['const'])}`"
    elif "oneOf" in option:
        for each in option["oneOf"]:
            yield from _words(each)
    elif option.get("type") == "array":
        yield f"list of {' or '.join(_takes(option['items']))}"
    elif option.get("type") == "object":
        inner = option.get("additionalProperties") or {}
        patterns = list(option.get("patternProperties", {}).values())
        taken = _takes(patterns[0] if patterns else inner) if inner is not True else []
        yield f"map of {' or '.join(taken)}" if taken else "map"
    else:
        kinds = option.get("type", "anything")
        yield " or ".join(_KINDS.get(each, each) for each in _many(kinds))


_KINDS = {"string": "text", "integer": "number", "boolean": "`true`, `false`"}


def _many(value: Any) -> list[str]:  # noqa: ANN401 one or several
    return value if isinstance(value, list) else [value]


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        cells = [_plain(cell).replace("|", r"\|") for cell in row]
        yield f"| {' | '.join(cells)} |".replace("|  |", "| |")
