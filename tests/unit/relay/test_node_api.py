"""Templates, node, health, metrics, and what is refused before any call is reached."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.lifecycle.errors import UnavailableError
from tests.unit.relay.conftest import House
from tests.unit.relay.test_web_api import problem


async def test_templates_are_shown(house: House) -> None:
    """All, one, none of that name."""
    async with house.web.get("http://relay/v1/templates") as response:
        assert [t["name"] for t in (await response.json())["templates"]] == ["docker"]
    async with house.web.get("http://relay/v1/templates/docker") as response:
        assert (await response.json())["title"] == "Terminal"
    async with house.web.get("http://relay/v1/templates/nope") as response:
        await problem(response, 404, "template_not_found")


async def test_health_is_told(house: House) -> None:
    """Alive always; ready or 503 with a sentence."""
    async with house.web.get("http://relay/healthz") as response:
        assert response.status == 200
    async with house.web.get("http://relay/readyz") as response:
        assert response.status == 200
    house.health.is_ready, house.health.sentence = False, "The engine does not answer."
    async with house.web.get("http://relay/readyz") as response:
        document = await problem(response, 503, "not_ready")
    assert document["detail"] == "The engine does not answer."
    async with house.web.get("http://relay/healthz") as response:
        assert response.status == 200


async def test_reconciling_is_asked_for(house: House) -> None:
    """For real unless it is called a dry run; what cannot be at the moment is 503."""
    url = "http://relay/v1/reconcile"
    for body, dry_run in ((b"", False), (b"{}", False), (b'{"dry_run": true}', True)):
        async with house.web.post(url, data=body) as response:
            assert response.status == 200
            assert (await response.json())["dry_run"] is dry_run
    assert house.upkeep.asked == [False, False, True]
    for wrong in (b'{"dry_run": 1}', b'{"dry_run": null}', b'{"dry": true}', b"[]"):
        async with house.web.post(url, data=wrong) as response:
            await problem(response, 422, "invalid_request")
    house.upkeep.refusal = UnavailableError("Sessions are not adopted yet.")
    async with house.web.post(url) as response:
        assert (await problem(response, 503, "unavailable"))["detail"].startswith("Sessions")


async def test_node_and_metrics_are_shown(house: House) -> None:
    """The node as it is given; Prometheus' text format, even of nothing."""
    async with house.web.get("http://relay/v1/node") as response:
        assert (await response.json())["host"] == "node1"
    async with house.web.get("http://relay/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/sessions/", 404, "not_found"),
        ("POST", "/v1/sessions/x/burn", 404, "not_found"),
        ("GET", "/v1/users/alice", 404, "not_found"),
        ("PUT", "/v1/sessions", 405, "method_not_allowed"),
        ("PUT", "/v1/sessions/x", 405, "method_not_allowed"),
        ("HEAD", "/v1/node", 405, None),
    ],
)
async def test_unknown_paths_and_methods_are_problems_too(
    house: House, method: str, path: str, status: int, code: str | None
) -> None:
    """404 and 405; the latter says what is allowed."""
    async with house.web.request(method, f"http://relay{path}") as response:
        assert response.status == status
        assert ("Allow" in response.headers) == (status == 405)
        if code is not None:
            await problem(response, status, code)


@pytest.mark.parametrize(
    "garbage",
    [b"nonsense\r\n\r\n", b"GET /v1/node HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
)
async def test_what_is_not_http_is_answered_with_a_problem(house: House, garbage: bytes) -> None:
    """400, and the connection is closed."""
    reader, writer = await asyncio.open_unix_connection(str(house.config.web_socket))
    writer.write(garbage)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/problem+json" in answer
    assert b'"code": "bad_request"' in answer
    writer.close()
    await writer.wait_closed()
