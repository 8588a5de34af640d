"""A network that changes under a browser: another interface comes, or the last one goes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.async_api import Error, Page, Request, expect

from tests.browser.acts import card, given, look, steers, tile, title, until_seen
from tests.browser.people import Person, person
from tests.browser.stage import Stage
from tests.support.eventually import eventually
from tests.support.network import Network
from tests.support.tcp_proxy import tcp_proxy

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

BROKEN_OFF = "ERR_NETWORK_CHANGED"
CHANGES_AT = {10, 30}
"""The document has come by then, and is not loaded for ever."""


class Roaming:
    """A network that changes while a page is loaded, all of which comes by the network."""

    def __init__(self, page: Page, network: Network) -> None:
        self._page = page
        self._network = network
        self._requests = 0
        self._broken_off = 0
        page.on("request", self._requested)
        page.on("requestfailed", self._failed)

    async def load(self, url: str) -> None:
        """Go there, again if everything has come before it could be broken off."""
        session = await self._page.context.new_cdp_session(self._page)
        await session.send("Network.enable")
        await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self._broken_off = 0

        async def broken_off() -> int:
            self._requests = 0
            with suppress(Error):  # a page that loads itself again breaks this off
                await self._page.goto(url)
            return self._broken_off

        await eventually(broken_off, "a request is broken off")
        await session.detach()

    def _requested(self, _: Request) -> None:
        self._requests += 1
        if self._requests in CHANGES_AT:
            self._network.change()

    def _failed(self, request: Request) -> None:
        self._broken_off += BROKEN_OFF in (request.failure or "")


async def test_pages_come_while_the_network_changes(alice: Person, network: Network) -> None:
    """What a browser breaks off then, pages ask for again, or are loaded again: nobody has to."""
    alice.faults.expect(BROKEN_OFF, "dynamically imported module")
    session_id = await given(alice, "On the way")
    roaming = Roaming(alice.page, network)
    await roaming.load(f"{alice.origin}/")
    await expect(card(alice.page, "On the way")).to_be_visible()
    await expect(tile(alice.page, "Desk")).to_be_visible()
    await roaming.load(f"{alice.origin}/sessions/{session_id}")
    await until_seen(alice.page)
    await steers(alice, alice.scratch_name())


async def test_a_change_does_not_disturb_who_works(alice: Person, network: Network) -> None:
    """The screen stays; so do home's live changes."""
    alice.faults.expect(BROKEN_OFF)
    session_id = await given(alice, "At work")
    await look(alice, session_id)
    network.change()
    await steers(alice, alice.scratch_name())
    await alice.page.goto(f"{alice.origin}/")
    await expect(card(alice.page, "At work")).to_be_visible()
    network.change()
    await alice.stage.web.terminate(session_id)
    await expect(card(alice.page, "At work")).to_be_hidden()


async def test_without_a_network_the_page_says_so(stage: Stage, network: Network) -> None:
    """A browser that has none is told apart from a portal that is away; it heals by itself."""
    async with (
        tcp_proxy(stage.portal.port) as way,
        person(stage, stage.user, way.origin) as alice,
    ):
        alice.faults.expect(r"net::ERR_", r"WebSocket connection to")
        await alice.sign_in()
        await look(alice, await given(alice, "Out of reach"))
        network.unplug()
        try:
            await way.cut()
            await expect(title(alice.page)).to_have_text("No network")
        finally:
            network.plug_in()
        await way.mend()
        await until_seen(alice.page)
        await steers(alice, alice.scratch_name())
