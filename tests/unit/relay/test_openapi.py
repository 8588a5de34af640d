"""The published document is what is served: its paths, and the form of the answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from ruamel.yaml import YAML

from relay.config import RelayLimits
from tests.unit.relay.conftest import LIMITS, OPENAPI, TOKEN, House

DOCUMENT: dict[str, Any] = YAML(typ="safe", pure=True).load(OPENAPI.read_text())


@pytest.fixture
def limits() -> RelayLimits:
    """No agent is there to be waited for."""
    return replace(LIMITS, display_seconds=0.1)


def test_the_document_is_openapi() -> None:
    """By the standard's own schema."""
    validate(DOCUMENT)


async def test_the_document_is_served(house: House) -> None:
    """As JSON."""
    async with house.web.get("http://relay/v1/openapi.json") as response:
        assert await response.json() == json.loads(json.dumps(DOCUMENT))


async def test_every_route_is_documented_and_every_path_routed(house: House) -> None:
    """Both ways, method by method."""
    stopping = asyncio.get_running_loop().create_future()
    routed = {(route.method.lower(), route.path) for route in house.relay.web_routes(stopping)}
    documented = {
        (method, path)
        for path, calls in DOCUMENT["paths"].items()
        for method in calls
        if method != "parameters"
    }
    assert routed == documented


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)


CALLS = [
    ("post", "/v1/sessions", {"json": {"user": "bob"}}, 202),
    ("post", "/v1/sessions", {"json": {"user": 1}}, 422),
    ("post", "/v1/sessions", {"data": b"{"}, 400),
    ("post", "/v1/sessions", {"data": b" " * 70_000}, 413),
    ("post", "/v1/sessions", {"data": b"x", "headers": {"Content-Encoding": "br"}}, 415),
    ("get", "/v1/sessions", {}, 200),
    ("get", "/v1/sessions", {"params": {"limit": "x"}}, 422),
    ("get", "/v1/sessions/{id}", {}, 200),
    ("get", "/v1/sessions/{id}", {"headers": {"If-None-Match": "*"}}, 304),
    ("get", "/v1/sessions/{none}", {}, 404),
    ("post", "/v1/sessions/{id}/tickets", {"json": {}}, 201),
    ("post", "/v1/sessions/{id}/tickets", {"json": {"mode": 1}}, 422),
    ("post", "/v1/sessions/{id}/tickets", {"json": {"label": "x" * 65}}, 422),
    ("delete", "/v1/sessions/{id}/tickets", {}, 204),
    ("delete", "/v1/sessions/{id}/tickets", {"params": {"label": "one"}}, 204),
    ("delete", "/v1/sessions/{id}/tickets", {"params": {"label": "x", "code": "4401"}}, 204),
    ("delete", "/v1/sessions/{id}/tickets", {"params": {"label": ""}}, 422),
    ("delete", "/v1/sessions/{id}/tickets", {"params": {"label": "x", "code": "1000"}}, 422),
    ("get", "/v1/sessions/{id}/viewers", {}, 200),
    ("get", "/v1/sessions/{none}/viewers", {}, 404),
    ("get", "/v1/viewers", {}, 200),
    ("get", "/v1/handover", {}, 426),
    ("get", "/v1/sessions/{id}/log", {}, 200),
    ("get", "/v1/sessions/{id}/log", {"params": {"follow": "1"}}, 200),
    ("get", "/v1/sessions/{id}/log", {"params": {"tail": "-1"}}, 422),
    ("post", "/v1/sessions/{id}/exec", {"json": {"command": "true"}}, 503),
    ("post", "/v1/sessions/{id}/exec", {"json": {"command": []}}, 422),
    ("get", "/v1/sessions/{id}/screenshot", {"params": {"max_width": "1"}}, 422),
    ("get", "/v1/sessions/{id}/screenshot", {}, 504),
    ("get", "/v1/sessions/{id}/display", {}, 401),
    ("post", "/v1/sessions/{id}/disconnect", {}, 200),
    ("post", "/v1/sessions/{id}/terminate", {}, 202),
    ("delete", "/v1/sessions/{id}", {}, 204),
    ("delete", "/v1/sessions/{none}", {}, 404),
    ("get", "/v1/templates", {}, 200),
    ("get", "/v1/templates/docker", {}, 200),
    ("get", "/v1/templates/none", {}, 404),
    ("get", "/v1/node", {}, 200),
    ("post", "/v1/reconcile", {"json": {"dry_run": True}}, 200),
    ("post", "/v1/reconcile", {}, 200),
    ("post", "/v1/reconcile", {"json": {"dry_run": "yes"}}, 422),
    ("post", "/v1/node/cordon", {}, 200),
    ("post", "/v1/node/cordon", {"json": {"reason": 1}}, 422),
    ("post", "/v1/node/drain", {"json": {"terminate": True, "by": "bob", "reason": "rest"}}, 200),
    ("post", "/v1/node/undrain", {}, 200),
    ("post", "/v1/node/undrain", {"json": {"reason": "x"}}, 422),
    ("get", "/v1/openapi.json", {}, 200),
    ("get", "/healthz", {}, 200),
    ("get", "/readyz", {}, 200),
    ("get", "/metrics", {}, 200),
]


@pytest.mark.parametrize(("method", "path", "options", "status"), CALLS)
async def test_answers_have_the_documented_form(
    house: House, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    """Status, media type and schema of every call."""
    session_id = await house.sessions.run(TOKEN)
    url = "http://relay" + path.format(id=session_id, none="01jd0000000000000000000099")
    async with house.web.request(method, url, **options) as response:
        assert response.status == status
        body = await response.read()
    template = path.replace("{none}", "{id}")
    if template.startswith("/v1/templates/"):
        template = "/v1/templates/{name}"
    documented = DOCUMENT["paths"][template][method]["responses"]
    content = resolved(documented[str(status)]).get("content", {})
    if not content:
        assert body == b""
        return
    assert response.content_type in content
    if response.content_type.endswith("json"):
        schema = {**content[response.content_type]["schema"], "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(
            json.loads(body)
        )
