"""A real relay on real sockets, with everything around it in memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from relay.app import Relay
from relay.config import RelayConfig, RelayLimits
from supervisor.lifecycle.facts import ViewersChanged
from supervisor.lifecycle.session import SessionId, ViewerCount
from tests.support.certificates import Authority, KeyPair
from tests.support.turning import until
from tests.support.webhook_receiver import Receiver
from tests.unit.reactor.fakes import BreakableDatabase
from tests.unit.reactor.fakes import Clock as WallClock
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.fake_feed import FakeFeed
from tests.unit.relay.fake_sessions import FakeSessions
from tests.unit.relay.fakes import (
    Clock,
    FakeCatalog,
    FakeGate,
    FakeHealth,
    FakeLogs,
    FakeShelf,
    FakeUpkeep,
    KeptTrail,
)
from tests.unit.relay.posting import Office

OPENAPI = Path(__file__).parents[3] / "docs" / "openapi.yaml"
TOKEN = "token-of-alice"
LIMITS = RelayLimits(
    keepalive_seconds=0.2,
    stall_seconds=5.0,
    display_seconds=5.0,
    handshake_seconds=5.0,
    verdict_seconds=0.05,
    close_seconds=1.0,
    count_seconds=0.02,
)


def config_in(directory: Path, limits: RelayLimits = LIMITS) -> RelayConfig:
    """A relay's configuration with its sockets in this directory."""
    return RelayConfig(
        web_socket=directory / "web.sock",
        session_socket=directory / "session.sock",
        display_socket=directory / "display.sock",
        viewer_socket=directory / "viewer.sock",
        openapi=OPENAPI,
        limits=limits,
    )


@dataclass
class House:
    """The relay and all that it speaks to."""

    relay: Relay
    config: RelayConfig
    sessions: FakeSessions
    feed: FakeFeed
    logs: FakeLogs
    health: FakeHealth
    upkeep: FakeUpkeep
    gate: FakeGate
    clock: Clock
    web: aiohttp.ClientSession
    inputs: list[tuple[SessionId, float]]
    trail: KeptTrail
    stack: AsyncExitStack

    async def agent(self, token: str = TOKEN) -> FakeAgent:
        """An agent with its control stream open."""
        agent = FakeAgent(self.config.session_socket, self.config.display_socket, token)
        self.stack.push_async_callback(agent.close)
        assert await agent.attach() == 200
        return agent

    async def ticket(self, session_id: SessionId, **wishes: object) -> str:
        """The path with which a viewer is admitted."""
        url = f"http://relay/v1/sessions/{session_id}/tickets"
        async with self.web.post(url, json=wishes) as response:
            assert response.status == 201, await response.text()
            path: str = (await response.json())["path"]
            return path

    async def view(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """A viewer's WebSocket; raises WSServerHandshakeError when refused."""
        return await self.web.ws_connect(
            f"http://relay{path}", protocols=("binary",), max_msg_size=0
        )

    async def counted(self, session_id: SessionId, viewers: ViewerCount) -> None:
        """Wait until the session's last viewer count is this one."""
        await until(lambda: self.sessions.get(session_id).viewers == viewers)

    def counts(self) -> list[ViewerCount]:
        """Every count that was posted."""
        return [fact.viewers for _, fact in self.sessions.facts if isinstance(fact, ViewersChanged)]


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory whose path leaves room for a socket's name (unix(7): 108 bytes)."""
    path = Path(tempfile.mkdtemp(prefix="fx-relay-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def limits() -> RelayLimits:
    """Bounds; a test that needs others overrides this."""
    return LIMITS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom web servers on other hosts believe."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> KeyPair:
    """The relay's certificate."""
    return authority.issue("relay")


@pytest.fixture
def config(directory: Path, limits: RelayLimits) -> RelayConfig:
    """Where the relay listens; a test that needs more overrides this."""
    return config_in(directory, limits)


@pytest_asyncio.fixture
async def house(config: RelayConfig) -> AsyncIterator[House]:
    """A relay that is up, and goes when the test does."""
    feed = FakeFeed()
    sessions = FakeSessions(feed)
    logs = FakeLogs(sessions)
    health = FakeHealth()
    upkeep = FakeUpkeep()
    gate = FakeGate(health, sessions)
    clock = Clock()
    inputs: list[tuple[SessionId, float]] = []
    trail = KeptTrail()
    relay = Relay(
        config,
        sessions=sessions,
        catalog=FakeCatalog(),
        feed=feed,
        logs=logs,
        health=health,
        upkeep=upkeep,
        gate=gate,
        shelf=FakeShelf(),
        clock=clock,
        trail=trail,
        on_input=lambda session_id, at: inputs.append((session_id, at)),
    )
    sessions.link = relay
    await relay.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(relay.stop, 2.0)
        web = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(config.web_socket)))
        )
        yield House(
            relay,
            config,
            sessions,
            feed,
            logs,
            health,
            upkeep,
            gate,
            clock,
            web,
            inputs,
            trail,
            stack,
        )


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """A store with nothing in it, and a receiver that accepts everything."""
    database = BreakableDatabase(tmp_path / "supervisor.db")
    await database.open()
    async with Receiver().serving() as receiver:
        yield Office(database, receiver, WallClock(1_700_000_000.0))
    await database.close()
