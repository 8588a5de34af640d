"""How displays end by themselves: with agent, portal or use; and what a browser leaves behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portal.display.admissions import Admissions
from tests.support.rfb_client import VERSION
from tests.support.turning import until
from tests.unit.portal.browser import Object
from tests.unit.portal.conftest import Site
from tests.unit.portal.test_shares import shared, token_of
from tests.unit.portal.viewing import admitted, code_of, opened


@pytest.fixture(params=[True, False], ids=["handed", "carried"])
def portal_config(request: pytest.FixtureRequest, portal_config: dict[str, Any]) -> dict[str, Any]:
    """Whoever serves them."""
    return {**portal_config, "upstream": {"hand_over": request.param}}


async def test_an_agent_that_leaves_ends_the_display(site: Site) -> None:
    """With the relay's code; the connection is closed."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, _, writer = await opened(site, alice, agent, await admitted(alice, session_id))
    await site.house.sessions.end(session_id)
    writer.close()
    assert await code_of(socket) == 4001


@pytest.mark.parametrize("portal_config", [False], indirect=True)
async def test_a_portal_that_stops_says_so(site: Site) -> None:
    """1001 by displays that it carries, within its deadline, and streams end as well."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, *_ = await opened(site, alice, agent, await admitted(alice, session_id))
    async with alice.events() as events:
        await events.until("synced")
        stopping = asyncio.create_task(site.portal.stop())
        assert await code_of(socket) == 1001
        with pytest.raises(EOFError):
            await events.until("nothing of that name")
    await stopping


async def test_using_a_display_is_using_the_sign_in(site: Site) -> None:
    """Whoever works in a session for a day is not signed out meanwhile; who looks away is."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, reader, _ = await opened(site, alice, agent, await admitted(alice, session_id))
    revocation, (sign_in,) = site.portal._revocation, site.portal._sign_ins._by_key.values()
    site.clock.now += 8 * 3600 - 10
    await socket.send_bytes(VERSION)
    await reader.readexactly(len(VERSION))
    await revocation._expire_sign_ins()
    site.clock.now += 8 * 3600 - 10
    assert not sign_in.ended.is_set()
    await revocation._expire_sign_ins()
    assert not sign_in.ended.is_set()
    site.clock.now += 20
    await revocation._expire_sign_ins()
    assert sign_in.ended.is_set()
    assert await code_of(socket) == 4401


async def test_the_server_forgets_a_connection_that_was_a_display(site: Site) -> None:
    """What aiohttp keeps of each connection goes with the browser, though it had given it away."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    assert site.portal.runner is not None
    server = site.portal.runner.server
    assert server is not None
    admission = await admitted(alice, session_id)
    # The one that is kept for the next request becomes the display's.
    before = len(server.connections)
    socket, *_ = await opened(site, alice, agent, admission)
    await socket.close()
    await until(lambda: len(server.connections) == before - 1)


async def test_what_was_asked_is_done_though_the_browser_leaves(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that is ended is ended to its last guest, whoever waits for the answer."""
    session_id, agent = await site.session(), await site.agent()
    alice, guest = await site.signed_in("alice"), site.browser()
    share = await shared(alice, session_id)
    admission = (await guest.post("/api/shared/connect", {"token": token_of(share)})).object
    socket, *_ = await opened(site, guest, agent, admission)
    asked, answer = asyncio.Event(), asyncio.Event()
    viewers = Admissions.viewers

    async def slow(self: Admissions, session: str) -> list[Object]:
        asked.set()
        await answer.wait()
        return await viewers(self, session)

    monkeypatch.setattr(Admissions, "viewers", slow)
    ending = asyncio.create_task(alice.call("DELETE", f"/api/shares/{share['id']}"))
    await asked.wait()
    ending.cancel()
    await alice.close()
    assert site.portal.runner is not None
    server = site.portal.runner.server
    assert server is not None
    await until(lambda: all(each.transport is not None for each in server.connections))
    answer.set()
    assert await code_of(socket) == 4003
