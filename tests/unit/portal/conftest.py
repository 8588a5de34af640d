"""The real portal in front of a real relay, on real sockets; time and people are in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from portal.app import Outside, Places, Portal
from portal.config import Config
from portal.sign_in.links import Links
from portal.sign_in.users import User
from portal.store.directory import link_key
from supervisor.lifecycle.session import SessionId
from tests.support.turning import until
from tests.unit.portal.browser import Browser
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import House, config, directory, house, limits
from tests.unit.relay.fakes import Clock

__all__ = ["config", "directory", "house", "limits"]

PEOPLE = {
    "alice": User("alice", "Alice Liddell", frozenset({"alice"}), is_known=True),
    "bob": User("bob", "", frozenset({"bob"}), is_known=True),
    "carol": User("carol", "Carol", frozenset({"carol"}), is_known=True),
    "dora": User("dora", "Dora", frozenset({"dora", "admins"}), is_known=True),
}
TOKEN = "token-of-alice"
STATIC = Path(__file__).parents[3] / "portal" / "static"


def person_of(name: str) -> User:
    """The name service; it takes capitals for small letters, as some do."""
    return PEOPLE.get(name.lower(), User(name, "", frozenset(), is_known=False))


@dataclass
class Site:
    """The portal, what it stands in front of, and browsers."""

    portal: Portal
    house: House
    state: Path
    clock: Clock
    stack: AsyncExitStack

    @property
    def base(self) -> str:
        """Where it listens."""
        return self.portal.addresses[0]

    def browser(self, **options: Any) -> Browser:  # noqa: ANN401 those of Browser
        """One in which nobody is signed in."""
        browser = Browser(self.base, **options)
        self.stack.push_async_callback(browser.close)
        return browser

    def link(self, user: str, seconds: float = 60.0) -> str:
        """A one-time link's token."""
        return Links(link_key(self.state)).issue(user, self.clock() + seconds)

    async def signed_in(self, user: str) -> Browser:
        """A browser in which somebody is."""
        browser = self.browser()
        reply = await browser.sign_in(self.link(user))
        assert reply.status == 200, reply.body
        return browser

    async def session(self, user: str = "alice", token: str = TOKEN) -> SessionId:
        """A session that runs, of which the portal has heard."""
        session_id = await self.house.sessions.run(token, user)
        mirror = self.portal.mirror
        await until(lambda: mirror.sessions.get(session_id, {}).get("phase") == "running")
        return session_id

    async def agent(self, token: str = TOKEN) -> FakeAgent:
        """The session's agent."""
        return await self.house.agent(token)


@pytest.fixture
def portal_config() -> dict[str, Any]:
    """``portal.yaml``; a test that needs another overrides this."""
    return {"shares": {"anyone": True}, "administrators": {"groups": ["admins"]}}


@pytest_asyncio.fixture
async def site(house: House, tmp_path: Path, portal_config: dict[str, Any]) -> AsyncIterator[Site]:
    """A portal that knows what there is."""
    clock = Clock()
    state = tmp_path / "portal"
    async with AsyncExitStack() as stack:
        portal = await begun(stack, house, portal_config, state, clock)
        yield Site(portal, house, state, clock, stack)


async def begun(
    stack: AsyncExitStack,
    house: House,
    portal_config: dict[str, Any],
    state: Path,
    clock: Clock,
) -> Portal:
    """A portal's life, until the stack is unwound."""
    document = {"sign_in": {"pam": {"enabled": False}}, **portal_config}
    upstream = {"socket": house.config.web_socket, **portal_config.get("upstream", {})}
    document |= {"upstream": upstream, "listen": {"port": 0, **portal_config.get("listen", {})}}
    outside = Outside(person_of, clock, tick_seconds=0.01, refusal_seconds=0.0)
    portal = Portal(Config.model_validate(document), Places(state, STATIC), outside)
    await portal.start()
    stack.push_async_callback(portal.stop)
    running = asyncio.create_task(portal.run())
    stack.push_async_callback(_ended, running)
    async with asyncio.timeout(10):
        await portal.mirror.synced.wait()
    return portal


async def _ended(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
