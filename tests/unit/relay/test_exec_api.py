"""Programs in a session: told to its agent, waited for if wished, and never for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from relay.config import RelayLimits
from supervisor.lifecycle.session import Phase, SessionId
from tests.support.turning import until
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.test_web_api import URL, problem

WAIT = {"command": "true", "wait": True}


@pytest.fixture
def limits() -> RelayLimits:
    """Two may wait."""
    return replace(LIMITS, programs=2)


def execute(house: House, session_id: SessionId, **wish: object) -> asyncio.Task[tuple[int, Any]]:
    """Ask for a program; status and document of the answer, in time."""

    async def ask() -> tuple[int, Any]:
        async with house.web.post(f"{URL}/{session_id}/exec", json=wish) as response:
            return response.status, await response.json()

    return asyncio.create_task(ask())


def waiting(house: House) -> int:
    """How many ends are waited for."""
    return sum(map(len, house.relay._programs._awaited.values()))


async def told(agent: FakeAgent) -> dict[str, Any]:
    """The next command that the agent is given."""
    async with asyncio.timeout(5):
        return await agent.commands.get()


def ended(seq: int, program_id: object, **fields: object) -> dict[str, object]:
    """A report of a program's end."""
    return {"type": "exec_exited", "seq": seq, "id": program_id, "exit_code": 0, **fields}


@pytest.mark.parametrize("command", ["xterm -e 'vi \u20ac'", ["xterm", "", "a b", "*"]])
async def test_a_program_is_told_to_the_agent_as_it_was_wished(
    house: House, command: object
) -> None:
    """202 and the session: a line or a list, not to be waited for."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    status, session = await execute(house, session_id, command=command)
    assert (status, session["id"]) == (202, session_id)
    wish = await told(agent)
    assert (wish["type"], wish["command"], "wait" in wish) == ("exec", command, False)
    assert waiting(house) == 0


async def test_the_end_of_a_program_can_be_waited_for(house: House) -> None:
    """200 with exit code and output; two at a time get each their own."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    answers, wishes = [], []
    for word in ("one", "two"):
        answers.append(execute(house, session_id, command=word, wait=True))
        wishes.append(await told(agent))
    assert [wish["wait"] for wish in wishes] == [True, True]
    assert await agent.report(ended(2, wishes[1]["id"], exit_code=127, output="no two\n")) == 204
    assert await agent.report(ended(3, wishes[0]["id"], output="\0é")) == 204
    assert await answers[0] == (200, {"exit_code": 0, "output": "\ufffdé"})
    assert await answers[1] == (200, {"exit_code": 127, "output": "no two\n"})
    assert waiting(house) == 0


async def test_an_end_that_is_told_again_is_harmless_and_so_is_what_follows(house: House) -> None:
    """The same report twice, then the next one: each is taken."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    answer = execute(house, session_id, **WAIT)
    report = ended(2, (await told(agent))["id"])
    assert await agent.report(report) == 204
    assert (await answer)[0] == 200
    version = house.sessions.get(session_id).version
    assert await agent.report(report) == 204
    assert house.sessions.get(session_id).version == version
    usage = {"memory_bytes": 7, "cpu_seconds": 1.0, "processes": 1}
    assert await agent.report({"seq": 3, "type": "heartbeat", "usage": usage}) == 204
    assert house.sessions.get(session_id).usage.memory_bytes == 7
    assert await agent.report({"seq": 4, "type": "exited", "exit_code": 0}) == 204
    assert house.sessions.get(session_id).phase is Phase.TERMINATING


async def test_a_hostile_agent_answers_for_itself_alone(house: House) -> None:
    """Made-up ids, another session's ids, wrong types and megabytes answer nobody's call."""
    session_id = await house.sessions.run(TOKEN)
    await house.sessions.run("hostile")
    agent, hostile = await house.agent(), await house.agent("hostile")
    answer = execute(house, session_id, **WAIT)
    program_id = (await told(agent))["id"]
    assert await hostile.report(ended(2, program_id, output="lies")) == 204
    for report in (
        ended(3, 7),
        ended(3, program_id, exit_code="0"),
        ended(3, program_id, exit_code=2**40),
        ended(3, program_id, output=None),
        {"type": "exec_exited", "seq": 3, "exit_code": 0},
    ):
        assert await agent.report(report) == 422
    assert await agent.report(ended(3, program_id, output="x" * 70_000)) == 413
    for made_up in ("", "x" * 60_000, "__class__", "\ud83d"):
        assert await agent.report(ended(3, made_up)) in (204, 400)
    assert not answer.done()
    assert await agent.report(ended(3, program_id, output="y" * 50_000)) == 204
    assert await answer == (200, {"exit_code": 0, "output": "y" * 50_000})


@pytest.mark.parametrize(
    ("phase", "word"),
    [
        (Phase.STARTING, "wait"),
        (Phase.SUSPENDED, "resume"),
        (Phase.TERMINATING, "start another"),
        (Phase.ENDED, "start another"),
    ],
)
async def test_only_a_running_session_has_programs(house: House, phase: Phase, word: str) -> None:
    """409 and what to do; one whose engine is away runs all the same."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    house.sessions.force(session_id, phase=phase)
    status, document = await execute(house, session_id, **WAIT)
    assert (status, document["code"]) == (409, "not_running")
    assert word in document["detail"]
    house.sessions.force(session_id, phase=Phase.UNKNOWN, known_phase=phase)
    assert (await execute(house, session_id, **WAIT))[0] == 409
    house.sessions.force(session_id, known_phase=Phase.RUNNING)
    assert (await execute(house, session_id, command="true"))[0] == 202
    assert (await told(agent))["command"] == "true"


@pytest.mark.parametrize("wait", [False, True])
async def test_an_agent_without_a_control_stream_cannot_be_told(
    house: House, *, wait: bool
) -> None:
    """503, to be tried again."""
    session_id = await house.sessions.run(TOKEN)
    wish = {"command": "true", "wait": wait}
    async with house.web.post(f"{URL}/{session_id}/exec", json=wish) as response:
        await problem(response, 503, "agent_unreachable")
        assert response.headers["Retry-After"]
    assert waiting(house) == 0


async def test_a_program_that_does_not_end_is_not_waited_for(house: House) -> None:
    """504 at the caller's deadline; its end comes too late for anybody."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    answer = execute(house, session_id, **WAIT, timeout_seconds=1)
    program_id = (await told(agent))["id"]
    status, document = await answer
    assert (status, document["code"]) == (504, "exec_timeout")
    assert waiting(house) == 0
    assert await agent.report(ended(2, program_id)) == 204


async def test_too_many_waits_are_refused(house: House) -> None:
    """429 beyond the bound of this session; another has its own, and not to wait needs none."""
    session_id = await house.sessions.run(TOKEN)
    other = await house.sessions.run("other")
    agent, another = await house.agent(), await house.agent("other")
    first = [execute(house, session_id, **WAIT) for _ in range(2)]
    wishes = [await told(agent) for _ in first]
    status, document = await execute(house, session_id, **WAIT)
    assert (status, document["code"]) == (429, "too_many_programs")
    assert (await execute(house, session_id, command="true"))[0] == 202
    await told(agent)
    elsewhere = execute(house, other, **WAIT)
    await another.report(ended(2, (await told(another))["id"]))
    assert (await elsewhere)[0] == 200
    for seq, wish in enumerate(wishes, 2):
        await agent.report(ended(seq, wish["id"]))
    assert [status for status, _ in await asyncio.gather(*first)] == [200, 200]
    assert waiting(house) == 0


async def test_a_caller_that_leaves_is_not_waited_for(house: House) -> None:
    """Its place is free at once, and the program's end is nobody's."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    connector = aiohttp.UnixConnector(path=str(house.config.web_socket))
    async with aiohttp.ClientSession(connector=connector) as impatient:
        url = f"{URL}/{session_id}/exec"
        asking = asyncio.create_task(impatient.post(url, json=WAIT).__aenter__())
        program_id = (await told(agent))["id"]
        assert waiting(house) == 1
        asking.cancel()
        await asyncio.wait({asking})
    await until(lambda: waiting(house) == 0)
    assert await agent.report(ended(2, program_id)) == 204


async def test_a_session_that_ends_answers_whoever_waits(house: House) -> None:
    """409: no end will be told any more."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    answer = execute(house, session_id, **WAIT)
    await told(agent)
    await house.sessions.end(session_id)
    status, document = await answer
    assert (status, document["code"]) == (409, "session_ended")
    assert waiting(house) == 0


async def test_a_stop_of_the_daemon_answers_whoever_waits(house: House) -> None:
    """503; the program runs on."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    answer = execute(house, session_id, **WAIT)
    await told(agent)
    await house.relay.stop(5.0)
    status, document = await answer
    assert (status, document["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("wish", "loc"),
    [
        ({}, "command"),
        ({"command": ""}, "command"),
        ({"command": None}, "command"),
        ({"command": []}, "command"),
        ({"command": ["", "a"]}, "command"),
        ({"command": ["a", 1]}, "command"),
        ({"command": "a\0b"}, "command"),
        ({"command": ["a", "b\0"]}, "command"),
        ({"command": "\u20ac" * 10_100}, "command"),
        ({"command": "true", "wait": "yes"}, "wait"),
        ({"command": "true", "timeout_seconds": 0}, "timeout_seconds"),
        ({"command": "true", "timeout_seconds": 3601}, "timeout_seconds"),
        ({"command": "true", "user": "root"}, "user"),
    ],
)
async def test_bad_wishes_are_refused(house: House, wish: dict[str, Any], loc: str) -> None:
    """422 with one fault, and the agent hears nothing."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    status, document = await execute(house, session_id, **wish)
    assert (status, document["code"]) == (422, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == [[loc]]
    assert agent.commands.empty()


async def test_a_burst_of_programs_loses_none_that_was_accepted(house: House) -> None:
    """503 for those the agent cannot be told of now; a display is opened all the same."""
    session_id = await house.sessions.run(TOKEN)
    stream = house.relay._controls.attach(session_id)
    bound = house.config.limits.commands
    burst = [execute(house, session_id, command=f"echo {each}") for each in range(bound + 10)]
    answers = await asyncio.gather(*burst)
    refused = [document["code"] for status, document in answers if status != 202]
    assert refused == ["agent_unreachable"] * 10
    viewing = asyncio.create_task(house.view(await house.ticket(session_id)))
    await until(lambda: len(stream._lines) == bound + 1)
    house.relay._controls.detach(stream)
    agent = await house.agent()
    await agent.open_display()
    await (await viewing).close()
