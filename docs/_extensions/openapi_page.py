"""``openapi``: a page out of the OpenAPI document, so that there is one description of the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from docutils.statemachine import StringList  # type: ignore[import-untyped]
from ruamel.yaml import YAML
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

METHODS = ("get", "post", "put", "patch", "delete")

Node = dict[str, Any]


class OpenapiPage(SphinxDirective):
    """Every call by tag, then every schema. The argument is the document's path."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the page as Markdown and have it parsed where the directive stands."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        document = YAML(typ="safe").load(Path(path))
        lines = StringList(list(page(document)), source=path)
        container = nodes.section()
        container.document = self.state.document
        self.state.nested_parse(lines, 0, container, match_titles=True)
        children: list[nodes.Node] = container.children
        return children


def page(document: Node) -> Iterator[str]:
    """The lines of the page, in Markdown."""
    yield from document["info"]["description"].splitlines()
    yield ""
    for tag in document["tags"]:
        yield from _section(2, tag["name"].capitalize())
        for path, method, call in _calls(document):
            if tag["name"] in call["tags"]:
                yield from _call(document, path, method, call)
    yield from _section(2, "Schemas")
    for name, schema in document["components"]["schemas"].items():
        yield from _section(3, name)
        yield from _schema(schema)


def _calls(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, calls in document["paths"].items():
        shared = calls.get("parameters", [])
        for method in METHODS:
            if method in calls:
                call = calls[method]
                yield (
                    path,
                    method.upper(),
                    {**call, "parameters": [*shared, *call.get("parameters", [])]},
                )
    for name, calls in document.get("webhooks", {}).items():
        yield f"webhook {name}", "POST", calls["post"]


def _call(document: Node, path: str, method: str, call: Node) -> Iterator[str]:
    yield from _section(3, call["summary"])
    yield from ("```text", f"{method} {path}", "```", "")
    yield from call.get("description", "").splitlines()
    yield ""
    parameters = [_resolved(document, each) for each in call["parameters"]]
    if parameters:
        yield from _table(
            ("Parameter", "In", "Type", "Meaning"),
            (
                (f"`{each['name']}`", each["in"], _type(each["schema"]), _meaning(each))
                for each in parameters
            ),
        )
    if "requestBody" in call:
        yield f"The body is {_type(_content(call['requestBody']))}, as JSON."
        yield ""
    yield from _table(
        ("Status", "Body", "Meaning"),
        (_answer(status, _resolved(document, each)) for status, each in call["responses"].items()),
    )


def _answer(status: str, response: Node) -> tuple[str, ...]:
    content = response.get("content", {})
    kinds = ", ".join(
        f"`{kind}`" if not _named(body) else _type(body["schema"]) for kind, body in content.items()
    )
    return f"`{status}`", kinds or "none", _meaning(response)


def _named(body: Node) -> bool:
    return "$ref" in body.get("schema", {})


def _content(body: Node) -> Node:
    (content,) = body["content"].values()
    schema: Node = content["schema"]
    return schema


def _schema(schema: Node) -> Iterator[str]:
    yield from schema.get("description", "").splitlines()
    yield ""
    fields = schema.get("properties")
    if fields is None:
        yield f"{_type(schema)}."
        yield ""
        return
    required = schema.get("required", [])
    yield from _table(
        ("Field", "Type", "Meaning"),
        (
            (
                f"`{name}`" + (", required" if name in required else ""),
                _type(field),
                _meaning(field),
            )
            for name, field in fields.items()
        ),
    )


def _type(schema: Node) -> str:
    """A schema in a few words; one that has a name is linked."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return " or ".join(_type(each) for each in schema[choice])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type", "any")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    if words == ["array"]:
        return f"list of {_type(schema.get('items', {}))}"
    return " or ".join(words) + _bounds(schema)


def _bounds(schema: Node) -> str:
    least = schema.get("minimum", schema.get("minLength", schema.get("minItems")))
    most = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    if least is None and most is None:
        return ""
    return f" ({'' if least is None else least}…{'' if most is None else most})"


def _meaning(described: Node) -> str:
    default = described.get("default", described.get("schema", {}).get("default"))
    words = " ".join(described.get("description", "").split())
    return words if default is None else f"{words} Default: `{default}`.".strip()


def _resolved(document: Node, node: Node) -> Node:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _section(level: int, title: str) -> Iterator[str]:
    yield from (f"{'#' * level} {title}", "")


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield _row(head)
    yield _row(("---",) * len(head))
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it when it loads the extension."""
    app.add_directive("openapi", OpenapiPage)
    return {"parallel_read_safe": True}
