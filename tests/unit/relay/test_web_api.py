"""What the web server calls: every answer of every call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from yarl import URL as URL_OF

from supervisor.lifecycle.errors import (
    ConflictError,
    DeniedError,
    FieldError,
    InvalidRequestError,
    UnavailableError,
)
from supervisor.lifecycle.session import Phase, Reason
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.fakes import BrokenError

URL = "http://relay/v1/sessions"


async def problem(response: aiohttp.ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document, checked for its form."""
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = await response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["detail"]
    return document


async def test_starting_is_accepted_with_a_location(house: House) -> None:
    """202, the session, where to find it; the supervisor is asked what was asked."""
    body = {
        "user": "alice",
        "template": "desktop",
        "command": "xterm -ls",
        "geometry": "800x600",
        "name": "Mine",
        "dpi": 120,
        "params": {"cores": 2, "fast": True, "ratio": 0.5, "label": "x"},
        "extra": {"tmp_dir": "/tmp"},
    }
    async with house.web.post(URL, json=body) as response:
        assert response.status == 202
        session = await response.json()
        assert response.headers["Location"] == f"/v1/sessions/{session['id']}"
    assert session["phase"] == "pending"
    request = house.sessions.requests[0]
    assert {name: getattr(request, name) for name in body} == body


async def test_a_start_with_a_key_is_accepted_once(house: House) -> None:
    """The same key and body: the same session. Another body: 409."""
    headers = {"Idempotency-Key": "k-1"}
    seen = set()
    for _ in range(2):
        async with house.web.post(URL, json={"user": "alice"}, headers=headers) as response:
            seen.add((await response.json())["id"])
    assert len(seen) == 1
    async with house.web.post(URL, json={"user": "bob"}, headers=headers) as response:
        await problem(response, 409, "conflict")


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"])
async def test_a_key_that_cannot_be_kept_is_refused(house: House, key: str) -> None:
    """1 to 255 printable characters."""
    headers = {"Idempotency-Key": key}
    async with house.web.post(URL, json={"user": "alice"}, headers=headers) as response:
        document = await problem(response, 422, "invalid_request")
    assert document["errors"][0]["loc"] == ["header", "Idempotency-Key"]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["user"]),
        ({"user": 7}, ["user"]),
        ({"user": ""}, ["user"]),
        ({"user": "a\0b"}, ["user"]),
        ({"user": "alice", "uid": 0}, ["uid"]),
        ({"user": "alice", "dpi": "96"}, ["dpi"]),
        ({"user": "alice", "dpi": True}, ["dpi"]),
        ({"user": "alice", "params": {"cores": [1]}}, ["params", "cores"]),
        ({"user": "alice", "params": {"cores": None}}, ["params", "cores"]),
        ({"user": "alice", "params": {"cores": 2**63}}, ["params", "cores"]),
        ({"user": "alice", "extra": {"tmp_dir": 1}}, ["extra", "tmp_dir"]),
        ({"user": "alice", "command": "x" * 5000}, ["command"]),
        ([], []),
        ("alice", []),
        (None, []),
    ],
)
async def test_bad_fields_are_named(house: House, body: object, loc: list[str]) -> None:
    """422, and the path to what is wrong."""
    async with house.web.post(URL, data=json.dumps(body)) as response:
        document = await problem(response, 422, "invalid_request")
    assert [error["loc"] for error in document["errors"]] == [loc]
    assert "Value error" not in document["detail"], "that is a name of the library's"
    assert house.sessions.requests == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"user":NaN}', b"[" * 60_000])
async def test_what_is_not_json_is_refused(house: House, body: bytes) -> None:
    """400 not_json."""
    async with house.web.post(URL, data=body) as response:
        await problem(response, 400, "not_json")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_body_is_refused(house: House, *, announced: bool) -> None:
    """413, whether its length is announced or only found out."""
    body = b" " * (64 * 1024 + 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    async with house.web.post(URL, data=body if announced else pieces()) as response:
        await problem(response, 413, "too_large")


async def test_a_body_of_announced_terabytes_is_answered_at_once(house: House) -> None:
    """Nothing of it is waited for."""
    reader, writer = await asyncio.open_unix_connection(str(house.config.web_socket))
    writer.write(b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999\r\n\r\n{")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


async def test_a_compressed_body_is_refused(house: House) -> None:
    """415: what is small on the wire could be anything."""
    headers = {"Content-Encoding": "gzip"}
    async with house.web.post(URL, data=b"x", headers=headers) as response:
        await problem(response, 415, "encoding_not_supported")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequestError("No.", errors=(FieldError(("a",), "b"),)), 422, "invalid_request"),
        (DeniedError("No."), 403, "denied"),
        (ConflictError("No."), 409, "conflict"),
        (UnavailableError("Later."), 503, "unavailable"),
        (BrokenError("Broken."), 500, "broken"),
    ],
)
async def test_the_supervisors_errors_keep_code_and_text(
    house: House, error: Exception, status: int, code: str
) -> None:
    """Status by class; 503 says when to come again."""
    house.sessions.refusal = error
    async with house.web.post(URL, json={"user": "alice"}) as response:
        document = await problem(response, status, code)
        assert ("Retry-After" in response.headers) == (status == 503)
    assert document["detail"] == str(error)


async def test_an_unexpected_error_tells_nothing(house: House) -> None:
    """500 internal, without what was in the exception."""
    house.sessions.refusal = RuntimeError("password is hunter2")
    async with house.web.post(URL, json={"user": "alice"}) as response:
        document = await problem(response, 500, "internal")
    assert "hunter2" not in json.dumps(document)


async def test_sessions_are_listed_newest_first_in_pages(house: House) -> None:
    """By user and phase, with a cursor to go on."""
    for user in ("alice", "bob", "alice"):
        await house.sessions.run(user, user)
    async with house.web.get(URL, params={"user": "alice", "limit": "1"}) as response:
        first = await response.json()
    assert [s["user"] for s in first["sessions"]] == ["alice"]
    params = {"user": "alice", "limit": "1", "cursor": first["next"]}
    async with house.web.get(URL, params=params) as response:
        second = await response.json()
    assert second["sessions"][0]["id"] < first["sessions"][0]["id"]
    assert second["next"] is None
    async with house.web.get(URL, params={"phase": "ended"}) as response:
        assert (await response.json())["sessions"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "x"},
        {"phase": "x"},
        {"cursor": "../x"},
        {"x": "1"},
    ],
)
async def test_bad_query_members_are_named(house: House, params: dict[str, str]) -> None:
    """422, loc starting with "query"."""
    async with house.web.get(URL, params=params) as response:
        document = await problem(response, 422, "invalid_request")
    assert document["errors"][0]["loc"] == ["query", *params]


async def test_a_session_has_a_version_that_can_be_asked_by(house: House) -> None:
    """ETag; 304 while it is the same."""
    session_id = await house.sessions.run(TOKEN)
    url = f"{URL}/{session_id}"
    async with house.web.get(url) as response:
        etag = response.headers["ETag"]
        assert etag == f'"{(await response.json())["version"]}"'
    async with house.web.get(url, headers={"If-None-Match": f'"0", W/{etag}'}) as response:
        assert response.status == 304
    house.sessions.force(session_id, message="changed")
    async with house.web.get(url, headers={"If-None-Match": etag}) as response:
        assert response.status == 200


async def test_terminating_twice_is_harmless(house: House) -> None:
    """202 both times."""
    session_id = await house.sessions.run(TOKEN)
    for _ in range(2):
        async with house.web.post(f"{URL}/{session_id}/terminate") as response:
            assert response.status == 202
            assert (await response.json())["phase"] == "terminating"


async def test_purging_forgets(house: House) -> None:
    """204, then 404."""
    session_id = await house.sessions.run(TOKEN)
    async with house.web.delete(f"{URL}/{session_id}") as response:
        assert response.status == 204
    async with house.web.get(f"{URL}/{session_id}") as response:
        await problem(response, 404, "session_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/terminate"),
        ("POST", "/disconnect"),
        ("POST", "/exec"),
        ("GET", "/log"),
        ("GET", "/log?follow=true"),
        ("GET", "/screenshot"),
        ("POST", "/tickets"),
        ("DELETE", "/tickets"),
        ("GET", "/display"),
    ],
)
async def test_an_unknown_session_is_not_found(house: House, method: str, path: str) -> None:
    """404 whatever is asked of it, also with a strange id."""
    for name in ("01jd0000000000000000000099", "%00", "a%2Fb", "%ff", "x" * 1000):
        url = f"{URL}/{name}{path}"
        async with house.web.request(method, URL_OF(url, encoded=True)) as response:
            await problem(response, 404, "session_not_found")


async def test_a_ticket_says_where_to_go(house: House) -> None:
    """201 with mode, expiry and path."""
    session_id = await house.sessions.run(TOKEN)
    url = f"{URL}/{session_id}/tickets"
    async with house.web.post(url, json={"mode": "view", "ttl_seconds": 60}) as response:
        assert response.status == 201
        issued = await response.json()
    assert issued["mode"] == "view"
    assert issued["expires_at"] == "2023-11-14T22:14:20.000Z"
    assert issued["path"] == f"/v1/sessions/{session_id}/display?ticket={issued['ticket']}"
    async with house.web.post(url) as response:
        assert (await response.json())["mode"] == "control"


@pytest.mark.parametrize(
    "wish",
    [{"mode": "root"}, {"ttl_seconds": 0}, {"ttl_seconds": 86401}, {"uses": 0}, {"x": 1}],
)
async def test_a_ticket_beyond_its_bounds_is_refused(house: House, wish: dict[str, object]) -> None:
    """422 with the field."""
    session_id = await house.sessions.run(TOKEN)
    async with house.web.post(f"{URL}/{session_id}/tickets", json=wish) as response:
        document = await problem(response, 422, "invalid_request")
    assert document["errors"][0]["loc"] == list(wish)


async def test_a_session_that_is_over_admits_nobody(house: House) -> None:
    """409."""
    session_id = await house.sessions.run(TOKEN)
    await house.sessions.end(session_id)
    assert house.sessions.get(session_id).reason is Reason.CONTAINER_GONE
    async with house.web.post(f"{URL}/{session_id}/tickets") as response:
        await problem(response, 409, "conflict")


async def test_too_many_tickets_are_refused(house: House) -> None:
    """429 past the bound."""
    session_id = await house.sessions.run(TOKEN)
    for _ in range(256):
        await house.ticket(session_id)
    async with house.web.post(f"{URL}/{session_id}/tickets") as response:
        await problem(response, 429, "too_many_tickets")


async def test_an_unknown_phase_counts_as_what_it_was(house: House) -> None:
    """While the engine cannot be asked, a running session still gets tickets."""
    session_id = await house.sessions.run(TOKEN)
    house.sessions.force(session_id, phase=Phase.UNKNOWN, known_phase=Phase.RUNNING)
    assert await house.ticket(session_id)


async def test_a_faulty_template_is_no_crash(house: House) -> None:
    """The log has the sentence that the caller has, and no traceback."""
    house.sessions.refusal = BrokenError("docker.tpl:1:1: unknown key")
    with capture_logs() as logs:
        async with house.web.post(URL, json={"user": "alice"}) as response:
            await problem(response, 500, "broken")
    (entry,) = [entry for entry in logs if entry["event"] == "request_failed"]
    assert (entry["code"], entry["error"]) == ("broken", "docker.tpl:1:1: unknown key")
    assert "exc_info" not in entry
