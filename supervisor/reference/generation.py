"""JSON Schemas of models, with the docstrings of fields as their descriptions."""

from __future__ import annotations

import inspect
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from supervisor.reference.docstrings import field_docstrings

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""What language servers for YAML understand; it knows ``$ref`` by ``definitions`` as well."""


_BOUNDS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
"""As pydantic leaves them where a validator of ours comes first."""


class DescribedSchema(GenerateJsonSchema):
    """Adds what stands below fields, and leaves out what says nothing to an author."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """One section."""
        made = super().model_schema(schema)
        described = field_docstrings(schema["cls"])
        for name, inner in made.get("properties", {}).items():
            if name in described:
                inner["description"] = described[name]
        return made

    def get_title_from_name(self, name: str) -> str:
        """The key is title enough."""
        return name


def generated(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a whole file, always the same for the same models."""
    made = model.model_json_schema(
        schema_generator=DescribedSchema, ref_template="#/definitions/{model}"
    )
    made["definitions"] = made.pop("$defs", {})
    tidied: dict[str, Any] = _tidy(made)
    tidied["title"] = title
    return {"$schema": DIALECT, **tidied}


def _tidy(node: Any) -> Any:  # noqa: ANN401 any part of a schema
    """Without titles, which repeat the key, and with docstrings on one line."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {
        _BOUNDS.get(key, key): _tidy(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }
    if isinstance(found.get("description"), str):
        found["description"] = inspect.cleandoc(found["description"]).replace("``", "`")
    if "patternProperties" in found:
        # A name that does not match is refused, and not just left unjudged.
        found.setdefault("additionalProperties", False)
    if "$ref" in found:
        # What a section holds by default stands at its keys.
        found.pop("default", None)
    if found.get("uniqueItems") and isinstance(found.get("default"), list):
        found["default"] = sorted(found["default"])
    return found
