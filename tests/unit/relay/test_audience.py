"""Who looks at a display is known by name, and is put out by the label of their ticket."""

from __future__ import annotations

import asyncio
from typing import Any

from supervisor.lifecycle.session import SessionId, ViewerCount
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.viewing import closed, connected, refused


async def audience(house: House, session_id: SessionId) -> list[dict[str, Any]]:
    """Who is said to be connected."""
    async with house.web.get(f"http://relay/v1/sessions/{session_id}/viewers") as response:
        assert response.status == 200
        viewers: list[dict[str, Any]] = (await response.json())["viewers"]
        return viewers


async def revoke(house: House, session_id: SessionId, label: str) -> None:
    """What the web server does when somebody takes a link back."""
    url = f"http://relay/v1/sessions/{session_id}/tickets"
    async with house.web.delete(url, params={"label": label}) as response:
        assert response.status == 204


async def test_viewers_have_names(house: House) -> None:
    """As their tickets have them, in the order in which they came, until they leave."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    assert await audience(house, session_id) == []
    path = await house.ticket(session_id, mode="view", guest="Bob", label="link-1", uses=2)
    bob, _, _ = await connected(house, agent, path)
    house.clock.now += 60
    alice, _, _ = await connected(house, agent, await house.ticket(session_id))
    first, second = await audience(house, session_id)
    assert first.pop("id") != second.pop("id")
    assert first == {
        "mode": "view",
        "guest": "Bob",
        "label": "link-1",
        "connected_at": "2023-11-14T22:13:20.000Z",
    }
    assert second == {
        "mode": "control",
        "guest": None,
        "label": None,
        "connected_at": "2023-11-14T22:14:20.000Z",
    }
    await bob.close()
    await house.counted(session_id, ViewerCount(1, 0))
    assert [each["mode"] for each in await audience(house, session_id)] == ["control"]
    await alice.close()


async def test_who_is_still_on_the_way_is_no_viewer(house: House) -> None:
    """The agent has not dialled yet."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(refused(house, await house.ticket(session_id)))
    await agent.commands.get()
    assert await audience(house, session_id) == []
    await house.sessions.end(session_id)
    await asking


async def test_a_label_puts_out_who_came_by_it_and_nobody_else(house: House) -> None:
    """Whether their tickets are used up or not; and nobody comes by them any more."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    paths = {
        "used up": await house.ticket(session_id, label="link-1"),
        "good": await house.ticket(session_id, label="link-1", uses=2),
        "other": await house.ticket(session_id, label="link-2", uses=2),
        "plain": await house.ticket(session_id, uses=2),
    }
    viewers = {name: await connected(house, agent, path) for name, path in paths.items()}
    await revoke(house, session_id, "link-1")
    for name in ("used up", "good"):
        assert await closed(viewers[name][0]) == 4003
        assert await refused(house, paths[name]) == 401
    await house.counted(session_id, ViewerCount(2, 0))
    for name in ("other", "plain"):
        viewer, _, writer = viewers[name]
        writer.write(b"still here")
        assert await viewer.receive_bytes() == b"still here"
        await viewer.close()
    (act,) = house.trail.of("ticket.revoke")
    assert dict(act.details) == {"count": 1, "label": "link-1", "viewers": 2}


async def test_a_label_reaches_who_is_still_on_the_way(house: House) -> None:
    """They wait no longer for an agent that has not dialled, and need not try again."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id, label="link-1")
    asking = asyncio.create_task(refused(house, path))
    await agent.commands.get()
    await revoke(house, session_id, "link-1")
    assert await asking == 409
    assert await refused(house, path) == 401
