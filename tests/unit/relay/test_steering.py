"""Suspend, resume, change and quota as the web server calls them."""

from __future__ import annotations

import pytest

from supervisor.lifecycle.session import Phase
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.fake_sessions import QUOTA_USE
from tests.unit.relay.test_web_api import URL, problem


async def test_suspend_and_resume_can_be_repeated(house: House) -> None:
    """202 each time, and the phase that was asked for."""
    session_id = await house.sessions.run(TOKEN)
    for action, phase in [("suspend", "suspended"), ("resume", "running")]:
        for _ in range(2):
            async with house.web.post(f"{URL}/{session_id}/{action}") as response:
                assert response.status == 202
                assert (await response.json())["phase"] == phase


@pytest.mark.parametrize("action", ["suspend", "resume"])
@pytest.mark.parametrize(
    "phase", [Phase.PENDING, Phase.STARTING, Phase.TERMINATING, Phase.ENDED], ids=str
)
async def test_what_is_not_up_cannot_be_put_aside(house: House, action: str, phase: Phase) -> None:
    """409 says in which phase it is."""
    session_id = await house.sessions.run(TOKEN)
    house.sessions.force(session_id, phase=phase)
    async with house.web.post(f"{URL}/{session_id}/{action}") as response:
        assert phase.value in (await problem(response, 409, "conflict"))["detail"]


@pytest.mark.parametrize("action", ["suspend", "resume"])
async def test_no_such_session(house: House, action: str) -> None:
    """404."""
    async with house.web.post(f"{URL}/01jd0000000000000000000000/{action}") as response:
        await problem(response, 404, "session_not_found")


async def test_a_session_is_renamed_and_changed(house: House) -> None:
    """What is left out stays."""
    session_id = await house.sessions.run(TOKEN)
    session: dict[str, object] = {}
    for body in ({"name": "Mine"}, {"params": {"cores": 4}}, {}):
        async with house.web.patch(f"{URL}/{session_id}", json=body) as response:
            assert response.status == 200
            session = await response.json()
            assert response.headers["ETag"] == f'"{session["version"]}"'
    assert (session["name"], session["params"]) == ("Mine", {"cores": 4})


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "a\0b"}, ["name"]),
        ({"command": "xterm"}, ["command"]),
        ({"params": {"cores": []}}, ["params", "cores"]),
        ({"params": {"forbidden": 1}}, ["params", "forbidden"]),
    ],
)
async def test_a_change_that_cannot_be(
    house: House, body: dict[str, object], loc: list[str]
) -> None:
    """422 at the field, and the session is what it was."""
    session_id = await house.sessions.run(TOKEN)
    before = house.sessions.get(session_id)
    async with house.web.patch(f"{URL}/{session_id}", json=body) as response:
        document = await problem(response, 422, "invalid_request")
    assert document["errors"][0]["loc"] == loc
    assert house.sessions.get(session_id) == before


async def test_a_quota_is_limits_and_use(house: House) -> None:
    """Of a user there is; 404 of any other."""
    async with house.web.get("http://relay/v1/users/alice/quota") as response:
        assert response.status == 200
        assert await response.json() == {
            "user": "alice",
            "limits": {"sessions": 3},
            "use": QUOTA_USE,
        }
    async with house.web.get("http://relay/v1/users/nobody/quota") as response:
        await problem(response, 404, "not_found")
