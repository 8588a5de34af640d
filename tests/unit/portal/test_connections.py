"""How many connections there may be: real sockets, of real addresses of loopback."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from yarl import URL

from portal.certificate import tls_context
from portal.config import ConnectionsConfig, ListenConfig
from portal.crowd import Crowd
from tests.support.certificates import Authority
from tests.support.turning import until
from tests.unit.portal.conftest import Site
from tests.unit.portal.viewing import admitted, hand_over, opened
from tests.unit.relay.fakes import Clock

PER_ADDRESS = 4
TOTAL = 10


@pytest.fixture
def portal_config(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Few connections; a test may say more of ``listen``."""
    few = {"per_address": PER_ADDRESS, "total": TOTAL}
    return {"listen": {"connections": few, **getattr(request, "param", {})}}


class Client:
    """Somebody who connects from one address, again and again."""

    def __init__(self, site: Site, address: str) -> None:
        self.place = URL(site.base)
        self.address = address
        self.held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self) -> asyncio.StreamReader:
        """One more, on which nothing is said."""
        reader, writer = await asyncio.open_connection(
            self.place.host, self.place.port, local_addr=(self.address, 0)
        )
        self.held.append((reader, writer))
        return reader

    async def is_closed(self) -> bool:
        """Whether one more is turned away: at once, without a word."""
        reader = await self.connect()
        try:
            async with asyncio.timeout(10):
                return await reader.read(1) == b""
        except ConnectionResetError:
            return True

    async def is_served(self) -> bool:
        """Whether one more is answered."""
        reader = await self.connect()
        self.held[-1][1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            return await reader.readline() == b"HTTP/1.1 200 OK\r\n"

    async def leave(self, count: int) -> None:
        """Close so many of them."""
        for _, writer in self.held[:count]:
            writer.close()
            await writer.wait_closed()
        del self.held[:count]


@pytest_asyncio.fixture
async def clients(site: Site) -> AsyncIterator[list[Client]]:
    """Three of them, elsewhere."""
    found = [Client(site, f"127.0.0.{number}") for number in (2, 3, 4)]
    yield found
    for each in found:
        await each.leave(len(each.held))


async def crowded(site: Site, client: Client, count: int) -> None:
    """So many more of the client's, which the portal has taken."""
    before = site.portal.crowd.total
    for _ in range(count):
        await client.connect()
    await until(lambda: site.portal.crowd.total == before + count)


async def test_one_address_does_not_take_all(site: Site, clients: list[Client]) -> None:
    """One too many is closed; others are served, and who leaves makes room."""
    greedy, other, _ = clients
    await crowded(site, greedy, PER_ADDRESS)
    assert await greedy.is_closed()
    assert await other.is_served()
    before = site.portal.crowd.total
    await greedy.leave(1)
    await until(lambda: site.portal.crowd.total == before - 1)
    assert await greedy.is_served()


async def test_there_is_an_end_to_all_of_them(site: Site, clients: list[Client]) -> None:
    """Whoever comes then is turned away, from wherever; those who are there stay."""
    one, two, three = clients
    await crowded(site, one, PER_ADDRESS)
    await crowded(site, two, PER_ADDRESS)
    await crowded(site, three, TOTAL - 2 * PER_ADDRESS)
    assert await three.is_closed()
    await one.leave(1)
    await until(lambda: site.portal.crowd.total == TOTAL - 1)
    assert await three.is_served()


@pytest.mark.parametrize("portal_config", [{"trusted_proxies": ["127.0.0.2"]}], indirect=True)
async def test_a_trusted_proxy_has_everybodys(site: Site, clients: list[Client]) -> None:
    """It is bounded by the total alone."""
    proxy, other, _ = clients
    await crowded(site, proxy, TOTAL - 1)
    assert await other.is_served()
    assert await proxy.is_closed()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who certifies the portal."""
    return Authority(tmp_path / "authority")


async def test_before_the_handshake_they_count_as_well(
    site: Site, clients: list[Client], authority: Authority
) -> None:
    """Who connects and says nothing of TLS takes a descriptor, too."""
    pair = authority.issue("127.0.0.1")
    files = ListenConfig(certificate_file=pair.certificate, key_file=pair.key)
    site.portal.settings.tls = tls_context(files)
    greedy, other, _ = clients
    await crowded(site, greedy, PER_ADDRESS)
    assert await greedy.is_closed()
    place = URL(site.base).with_scheme("https")
    connector = aiohttp.TCPConnector(local_addr=(other.address, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get(place / "healthz", ssl=authority.trusting()) as response,
    ):
        assert response.status == 200
    await greedy.leave(PER_ADDRESS)
    await until(lambda: site.portal.crowd.total <= 1)


@pytest.mark.parametrize(("by", "count"), [("portal", 2), ("relay", 1)])
async def test_a_display_counts_until_it_is_closed(site: Site, by: str, count: int) -> None:
    """Although it is not the web server's any more by then; or until the relay has it."""
    hand_over(site, wanted=by == "relay")
    session_id = await site.session("alice")
    alice, agent = await site.signed_in("alice"), await site.agent()
    await opened(site, alice, agent, await admitted(alice, session_id))
    assert (await alice.get("/api/ping")).status == 204
    await until(lambda: site.portal.crowd.total == count)
    await alice.post(f"/api/sessions/{session_id}/disconnect")
    await until(lambda: site.portal.crowd.total == 1)


def test_who_is_turned_away_is_named_once_a_minute() -> None:
    """With the key that bounds it, and how many it were since."""
    clock = Clock()
    crowd = Crowd(lambda: ConnectionsConfig(per_address=1, total=4), clock)
    assert crowd.enter("192.0.2.1")
    with capture_logs() as logs:
        for seconds in (0, 1, 58, 1):
            clock.now += seconds
            assert not crowd.enter("192.0.2.1")
    told = [(each["event"], each["remote"], each["bound"], each["count"]) for each in logs]
    first = ("connections_refused", "192.0.2.1", "listen.connections.per_address", 1)
    assert told == [first, (*first[:3], 3)]


def test_half_of_the_room_is_for_others() -> None:
    """However much one address is allowed; and one customer's addresses are one."""
    crowd = Crowd(lambda: ConnectionsConfig(per_address=1000, total=6), lambda: 0.0)
    entered = [crowd.enter(f"2001:db8::{number}") for number in range(4)]
    assert entered == [True, True, True, False]
    assert crowd.enter("2001:db8:1::1")


def test_by_default_descriptors_are_left_for_everything_else() -> None:
    """A third of what the process may have: a display takes two."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    crowd = Crowd(ConnectionsConfig, lambda: 0.0)
    crowd._total = most // 3 - 1
    assert crowd.enter(None)
    assert not crowd.enter(None)
