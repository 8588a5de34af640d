"""Each session has a display socket that no other can find, and so a queue of its own."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay.config import RelayLimits
from tests.support.turning import until
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.test_lifetime import relay_at

GARBAGE = b"FASTX-DISPLAY/1 x\n"
REFUSED = b"ERROR bad_handshake\n"


@pytest.fixture
def limits() -> RelayLimits:
    """Four displays at once, and then one each sixteenth of a second, which is exact."""
    return replace(LIMITS, container_connects=4, container_connects_a_second=16.0)


def told(house: House, agent: FakeAgent) -> Path:
    """Where the agent was told to dial."""
    assert agent.private_display is not None
    return house.config.display_socket.parent / agent.private_display


async def knock(path: Path) -> bytes:
    """What the socket answers to garbage."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(GARBAGE)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_a_display_comes_by_the_private_socket(house: House) -> None:
    """Also when the common one takes nobody."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    listener = house.relay._display_listener
    assert listener is not None
    listener.close()
    viewing = asyncio.create_task(house.view(await house.ticket(session_id)))
    reader, writer = await agent.open_display(told(house, agent))
    viewer = await viewing
    await viewer.send_bytes(b"RFB 003.008\n")
    assert await reader.readexactly(12) == b"RFB 003.008\n"
    writer.write(b"picture")
    assert (await viewer.receive_bytes()) == b"picture"


async def test_nobody_else_can_find_it(house: House) -> None:
    """The directory cannot be listed by others, the name not be guessed; it stays the session's."""
    await house.sessions.run(TOKEN)
    await house.sessions.run("another")
    paths = [told(house, await house.agent(token)) for token in (TOKEN, TOKEN, "another")]
    assert paths[0] == paths[1] != paths[2]
    folder = paths[0].parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o666
    assert all(len(bytes.fromhex(path.name)) == 16 for path in paths)
    bound = Path("/proc/net/unix").read_text()
    assert str(folder) in bound
    assert not any(path.name in bound for path in paths)


async def test_one_that_is_flooded_is_let_be(house: House) -> None:
    """Those who come too fast wait in their own queue, all are served, and the log has a line."""
    session_id = await house.sessions.run(TOKEN)
    path = told(house, await house.agent())
    now = 0.0
    house.relay._displays._allowance._clock = lambda: now
    with capture_logs() as lines:
        knocking = [asyncio.create_task(knock(path)) for _ in range(8)]
        await until(lambda: any("offence" in line for line in lines))
        await until(lambda: sum(each.done() for each in knocking) == 4)
        now = 1.0
        answers = await asyncio.gather(*knocking)
    assert answers == [REFUSED] * 8
    noted = [(line["offence"], line["session_id"]) for line in lines if "offence" in line]
    assert noted == [("connections", session_id)]


async def test_it_goes_with_its_session(house: House) -> None:
    """And the folder with the last one when the relay ends."""
    session_id = await house.sessions.run(TOKEN)
    path = told(house, await house.agent())
    assert await knock(path) == REFUSED
    await house.sessions.end(session_id)
    await until(lambda: not path.exists())
    assert not house.relay._displays._servers
    await house.relay.stop(1.0)
    assert not path.parent.exists()


async def test_what_a_killed_relay_left_is_removed(house: House) -> None:
    """Its agents are told of others."""
    folder = house.config.display_socket.parent / "displays"
    await house.relay.stop(1.0)
    folder.mkdir()
    (folder / "stale").touch()
    relay = relay_at(house.config)
    await relay.start()
    assert not folder.exists()
    await relay.stop(1.0)


async def test_without_one_there_is_the_common_one(house: House) -> None:
    """A control stream opens all the same, and the log says why."""
    await house.sessions.run(TOKEN)
    (house.config.display_socket.parent / "displays").touch()
    with capture_logs() as lines:
        agent = await house.agent()
    assert agent.private_display is None
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "private_display_not_opened"
    ]
    (house.config.display_socket.parent / "displays").unlink()
