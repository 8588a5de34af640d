"""The log says who asked for what."""

from __future__ import annotations

import os

from structlog.testing import capture_logs

from tests.unit.relay.conftest import TOKEN, House

URL = "http://relay/v1/sessions"


async def test_what_was_asked_for_is_logged_with_who_asked(house: House) -> None:
    """A start with the session it led to; steps with theirs; nothing of what was only read."""
    with capture_logs() as logs:
        async with house.web.post(URL, json={"user": "alice"}) as response:
            started = (await response.json())["id"]
        async with house.web.get(URL) as response:
            assert response.status == 200
        session_id = await house.sessions.run(TOKEN)
        async with house.web.post(f"{URL}/{session_id}/tickets") as response:
            assert response.status == 201
            ticket = (await response.json())["ticket"]
        async with house.web.post(f"{URL}/{session_id}/terminate") as response:
            assert response.status == 202
    told = [line for line in logs if line["event"] == "request_answered"]
    assert [(line["session_id"], line["path"], line["status"]) for line in told] == [
        (started, "/v1/sessions", 202),
        (session_id, "/v1/sessions/{id}/tickets", 201),
        (session_id, "/v1/sessions/{id}/terminate", 202),
    ]
    assert {line["uid"] for line in told} == {os.getuid()}
    assert ticket not in str(logs)


async def test_what_was_refused_is_logged_by_its_code(house: House) -> None:
    """Not with what was sent: it may hold secrets, and be long."""
    with capture_logs() as logs:
        async with house.web.post(URL, json={"user": "alice", "hunter2": 1}) as response:
            assert response.status == 422
        async with house.web.delete(f"{URL}/{'x' * 1000}") as response:
            assert response.status == 404
    told = [line for line in logs if line["event"] == "request_refused"]
    assert [(line["method"], line["status"], line["code"]) for line in told] == [
        ("POST", 422, "invalid_request"),
        ("DELETE", 404, "session_not_found"),
    ]
    assert told[0]["session_id"] is None
    assert len(told[1]["session_id"]) == 64
    assert "hunter2" not in str(logs)
