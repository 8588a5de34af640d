"""Start, callbacks, commands, display: the whole way once."""

from __future__ import annotations

from supervisor.lifecycle.session import Phase, ViewerCount
from tests.unit.relay.conftest import TOKEN, House


async def test_a_session_from_its_start_to_bytes_on_its_display(house: House) -> None:
    """A session is started, its agent reports ready, and a viewer exchanges bytes with it."""
    async with house.web.post("http://relay/v1/sessions", json={"user": "bob"}) as response:
        assert response.status == 202
        assert response.headers["Location"] == f"/v1/sessions/{(await response.json())['id']}"
    session_id = await house.sessions.prepare(TOKEN)
    agent = await house.agent()
    assert await agent.report({"seq": 1, "type": "ready"}) == 204
    assert house.sessions.get(session_id).phase is Phase.RUNNING
    path = await house.ticket(session_id)

    import asyncio

    dialing = asyncio.create_task(agent.open_display())
    viewer = await house.view(path)
    reader, writer = await dialing
    writer.write(b"RFB 003.008\n")
    assert await viewer.receive_bytes() == b"RFB 003.008\n"
    await viewer.send_bytes(b"RFB 003.008\n")
    assert await reader.readexactly(12) == b"RFB 003.008\n"
    await house.counted(session_id, ViewerCount(1, 0))
    await viewer.close()
    assert await reader.read() == b""
    await house.counted(session_id, ViewerCount(0, 0))
