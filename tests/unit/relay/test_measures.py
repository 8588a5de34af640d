"""What the relay tells of its work: few words, none of them a caller's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest_asyncio

from relay.app import Relay
from relay.display.pump import Traffic
from supervisor.ops.metrics import Metrics
from tests.support.scraping import samples
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, TOKEN, config_in
from tests.unit.relay.fake_feed import FakeFeed
from tests.unit.relay.fake_sessions import FakeSessions
from tests.unit.relay.fakes import (
    FakeCatalog,
    FakeGate,
    FakeHealth,
    FakeLogs,
    FakeShelf,
    FakeUpkeep,
)

URL = "http://relay/v1/sessions"


class Measured:
    """A relay that is counted, and its numbers."""

    def __init__(
        self, metrics: Metrics, web: aiohttp.ClientSession, sessions: FakeSessions
    ) -> None:
        self.metrics = metrics
        self.web = web
        self.sessions = sessions

    async def read(self) -> dict[str, float]:
        """What Prometheus would get."""
        return samples(await self.metrics.expose())


@pytest_asyncio.fixture
async def measured(directory: Path) -> AsyncIterator[Measured]:
    """Up, with a feed that has room for few."""
    config = replace(config_in(directory, LIMITS), metrics_tcp=("127.0.0.1", 0))
    feed = FakeFeed()
    sessions = FakeSessions(feed)
    metrics, health = Metrics(), FakeHealth()
    relay = Relay(
        config,
        sessions=sessions,
        catalog=FakeCatalog(),
        feed=feed,
        logs=FakeLogs(sessions),
        health=health,
        upkeep=FakeUpkeep(),
        gate=FakeGate(health, sessions),
        shelf=FakeShelf(),
        metrics=metrics,
        measures=metrics.instruments,
    )
    sessions.link = relay
    await relay.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(relay.stop, 2.0)
        connector = aiohttp.UnixConnector(path=str(config.web_socket))
        web = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Measured(metrics, web, sessions)


async def test_what_callers_make_up_is_no_label(measured: Measured) -> None:
    """Paths, ids, methods, users and templates: a thousand of each are the same few series."""
    for number in range(30):
        for path in (f"/{number}", f"/v1/sessions/{number}", f"/v1/users/u{number}/quota"):
            async with measured.web.get(f"http://relay{path}"):
                pass
        async with measured.web.request("PROPFIND", URL):
            pass
        body = {"user": f"u{number}", "template": f"t{number}", "nonsense": number}
        async with measured.web.post(URL, json=body) as answer:
            assert answer.status == 422
    found = await measured.read()
    requests = {name: n for name, n in found.items() if name.startswith("http_requests_total")}
    assert sum(requests.values()) == 150
    assert len(requests) == 5
    invalid = 'launches_refused_total{code="invalid_request"}'
    assert found[invalid] == 30
    other = 'listener="web",method="other",route="unmatched",status="405"'
    assert found[f"http_requests_total{{{other}}}"] == 30


async def test_what_streams_has_no_duration(measured: Measured) -> None:
    """It would be as long as somebody reads; the calls beside it have theirs."""
    async with measured.web.get("http://relay/v1/events") as stream:
        await stream.content.readline()
    async with measured.web.get(URL) as answer:
        assert answer.status == 200
    found = await measured.read()
    durations = 'http_request_duration_seconds_count{listener="web",route='
    assert found[f'{durations}"/v1/sessions"}}'] == 1
    assert f'{durations}"/v1/events"}}' not in found


async def test_a_reader_that_leaves_was_not_cut_off(measured: Measured) -> None:
    """Every command line that waits for a session leaves so; an alert counts the others."""
    session_id = await measured.sessions.run(TOKEN)
    feed = measured.sessions.feed
    async with measured.web.get("http://relay/v1/events") as stream:
        await stream.content.readline()
        await until(lambda: len(feed.readers) == 1)
        stream.close()

    def left() -> bool:
        measured.sessions.force(session_id, message="x")
        return not feed.readers

    await until(left, 20)
    assert not [name for name in await measured.read() if name.startswith("stream_readers_cut")]


def test_a_displays_bytes_are_told_by_direction() -> None:
    """Piece by piece, and summed up for the audit trail."""
    told: list[tuple[str, int]] = []
    traffic = Traffic(lambda direction, size: told.append((direction, size)))
    traffic.add_to_viewer(3)
    traffic.add_to_viewer(4)
    traffic.add_to_agent(5)
    assert told == [("to_viewer", 3), ("to_viewer", 4), ("to_agent", 5)]
    assert (traffic.to_viewer_bytes, traffic.to_agent_bytes) == (7, 5)
