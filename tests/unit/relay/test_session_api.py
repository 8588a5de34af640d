"""What agents call: reports become facts, commands come line by line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from relay.config import RelayLimits
from supervisor.lifecycle.facts import AgentFailed, AgentHeartbeat, AgentTitle, CommandExited
from supervisor.lifecycle.session import Phase, Reason, Usage
from tests.support.turning import until
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.test_web_api import problem


@pytest.fixture
def limits() -> RelayLimits:
    """As usual."""
    return LIMITS


async def post(house: House, body: bytes, token: str = TOKEN) -> tuple[int, Any]:
    """POST a callback as bytes; status and problem."""
    connector = aiohttp.UnixConnector(path=str(house.config.session_socket))
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as http,
        http.post("http://relay/v1/callbacks", data=body) as response,
    ):
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def test_reports_move_the_session(house: House) -> None:
    """From started to exited, each committed when it is answered."""
    session_id = await house.sessions.prepare(TOKEN)
    agent = await house.agent()
    started = {"seq": 1, "type": "started", "agent_version": "1", "perl": "v5.36", "pid": 7}
    assert await agent.report(started) == 204
    assert await agent.report({"seq": 2, "type": "ready", "display": ":1", "new": []}) == 204
    assert house.sessions.get(session_id).phase is Phase.RUNNING
    usage = {"memory_bytes": 1000, "cpu_seconds": 2, "processes": 3, "new": 1}
    assert await agent.report({"seq": 3, "type": "heartbeat", "usage": usage}) == 204
    assert house.sessions.get(session_id).usage == Usage(1000, 2.0, 3)
    assert await agent.report({"seq": 4, "type": "title", "title": "vi\nx\x07"}) == 204
    assert house.sessions.get(session_id).title == "vi x"
    exited = {"seq": 5, "type": "exited", "exit_code": 3, "log_tail": "bye\n"}
    assert await agent.report(exited) == 204
    session = house.sessions.get(session_id)
    assert (session.phase, session.exit_code) == (Phase.TERMINATING, 3)
    assert session.log_tail == "bye\n"


async def test_a_report_seen_before_is_harmless(house: House) -> None:
    """204, and nothing changes."""
    session_id = await house.sessions.prepare(TOKEN)
    agent = await house.agent()
    assert await agent.report({"seq": 1, "type": "ready"}) == 204
    version = house.sessions.get(session_id).version
    assert await agent.report({"seq": 1, "type": "ready"}) == 204
    assert house.sessions.get(session_id).version == version


async def test_a_report_is_cut_to_its_bounds(house: House) -> None:
    """The end of the log, the beginning of message and title; a signal becomes 128 + n."""
    session_id = await house.sessions.prepare(TOKEN)
    agent = await house.agent()
    await agent.report({"seq": 1, "type": "title", "title": "t" * 1000})
    head = b'{"seq": 2, "type": "exited", "signal": 9, "log_tail": "'
    # Bytes that are no character take three once they are made one.
    status, _ = await post(house, head + b"\xff" * 60_000 + b'\\u0000end"}')
    assert status == 204
    message = {"seq": 3, "type": "failed", "reason": "XServerFailed", "message": "m" * 5000}
    assert await agent.report(message) == 204
    facts = [fact for _, fact in house.sessions.facts]
    assert AgentTitle(1, "t" * 256) in facts
    exited = next(fact for fact in facts if isinstance(fact, CommandExited))
    assert exited.exit_code == 137
    assert 64 * 1024 - 3 < len(exited.log_tail.encode()) <= 64 * 1024
    assert exited.log_tail.endswith("\ufffd\ufffdend")
    assert exited.log_tail.startswith("\ufffd")
    failed = next(fact for fact in facts if isinstance(fact, AgentFailed))
    assert (failed.reason, failed.message) == (Reason.X_SERVER_FAILED, "m" * 1024)
    assert house.sessions.get(session_id).phase is Phase.TERMINATING


@pytest.mark.parametrize("reason", ["Terminated", "OutOfMemory", "nonsense", ""])
async def test_an_agent_cannot_give_reasons_that_are_not_its_own(house: House, reason: str) -> None:
    """They become AgentFailed."""
    session_id = await house.sessions.prepare(TOKEN)
    agent = await house.agent()
    await agent.report({"seq": 1, "type": "failed", "reason": reason, "message": "no"})
    assert house.sessions.get(session_id).reason is Reason.AGENT_FAILED


@pytest.mark.parametrize(
    "body",
    [
        {"seq": 1},
        {"type": "ready"},
        {"seq": -1, "type": "ready"},
        {"seq": 2**60, "type": "ready"},
        {"seq": "1", "type": "ready"},
        {"seq": 1.5, "type": "ready"},
        {"seq": 1, "type": "rooted"},
        {"seq": 1, "type": "heartbeat", "usage": {"memory_bytes": -1}},
        {"seq": 1, "type": "heartbeat", "usage": {"memory_bytes": 2**80}},
        {"seq": 1, "type": "heartbeat", "usage": {"cpu_seconds": "1"}},
        {"seq": 1, "type": "exited", "exit_code": 2**70},
        {"seq": 1, "type": "title", "title": None},
        [],
    ],
)
async def test_a_report_of_the_wrong_form_is_refused(house: House, body: object) -> None:
    """422, and no fact."""
    await house.sessions.prepare(TOKEN)
    before = len(house.sessions.facts)
    status, document = await post(house, json.dumps(body).encode())
    assert (status, document["code"]) == (422, "invalid_request")
    assert len(house.sessions.facts) == before


async def test_a_log_that_is_not_utf8_does_not_cost_the_report(house: House) -> None:
    """Bytes that are no character are replaced; what is not JSON is still refused."""
    session_id = await house.sessions.prepare(TOKEN)
    body = b'{"seq": 1, "type": "exited", "exit_code": 0, "log_tail": "caf\xe9"}'
    assert await post(house, body) == (204, None)
    assert house.sessions.get(session_id).log_tail == "caf\ufffd"
    status, document = await post(house, b"{")
    assert (status, document["code"]) == (400, "not_json")
    status, document = await post(house, b" " * 70_000)
    assert (status, document["code"]) == (413, "too_large")


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000, TOKEN + " "])
async def test_a_wrong_token_is_refused_and_not_repeated(house: House, token: str) -> None:
    """401, without the token in the answer."""
    await house.sessions.prepare(TOKEN + "x")
    status, document = await post(house, b'{"seq": 1, "type": "ready"}', token)
    assert (status, document["code"]) == (401, "unauthorized")
    assert not token.strip() or token.strip() not in json.dumps(document)


async def test_a_token_that_may_yet_be_known_is_put_off(house: House) -> None:
    """503 while sessions are taken over, for 401 would end a session that lives; then as ever."""
    house.sessions.all_known = False
    connector = aiohttp.UnixConnector(path=str(house.config.session_socket))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
        for call in (http.post("http://relay/v1/callbacks"), http.get("http://relay/v1/commands")):
            async with call as response:
                await problem(response, 503, "not_adopted")
                assert response.headers["Retry-After"] == "1"
    await house.sessions.run(TOKEN)
    assert await (await house.agent()).report({"seq": 5, "type": "heartbeat"}) == 204
    assert (await post(house, b"{}", ""))[0] == 401
    house.sessions.all_known = True
    assert (await post(house, b"{}", "wrong"))[0] == 401


async def test_a_token_is_over_with_its_session(house: House) -> None:
    """401 for callbacks and commands; the control stream there was has ended."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    await house.sessions.end(session_id)
    await asyncio.wait_for(agent.ended.wait(), 5)
    assert await agent.report({"seq": 9, "type": "heartbeat"}) == 401
    late = FakeAgent(house.config.session_socket, house.config.display_socket, TOKEN)
    assert await late.attach() == 401
    await late.close()


async def test_an_idle_control_stream_is_kept_alive(house: House) -> None:
    """Empty lines come by themselves; a ping would cost an answer."""
    await house.sessions.prepare(TOKEN)
    agent = await house.agent()
    await asyncio.wait_for(agent.kept_alive.wait(), 5)
    assert agent.commands.empty()


async def test_a_newer_control_stream_replaces_the_older(house: House) -> None:
    """The older ends; commands go to the newer."""
    session_id = await house.sessions.run(TOKEN)
    older = await house.agent()
    newer = await house.agent()
    await asyncio.wait_for(older.ended.wait(), 5)
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    reader, _ = await newer.open_display()
    viewer = await asking
    await viewer.send_bytes(b"RFB 003.008\n")
    assert await reader.readexactly(12) == b"RFB 003.008\n"


async def test_the_sessions_socket_has_nothing_but_its_two_calls(house: House) -> None:
    """A container cannot ask what the web server can."""
    connector = aiohttp.UnixConnector(path=str(house.config.session_socket))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get("http://relay/v1/sessions") as response,
    ):
        await problem(response, 404, "not_found")


async def test_a_heartbeat_without_usage_is_a_heartbeat(house: House) -> None:
    """Zeros are reported then."""
    await house.sessions.run(TOKEN)
    agent = await house.agent()
    assert await agent.report({"seq": 5, "type": "heartbeat"}) == 204
    await until(lambda: AgentHeartbeat(5, Usage()) in [f for _, f in house.sessions.facts])
