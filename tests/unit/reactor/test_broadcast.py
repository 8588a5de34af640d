"""Broadcast: committed changes to whoever listens now."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedGapError, FeedItem
from supervisor.reactor.broadcast import Broadcast
from tests.support.sessions import SESSION_ID
from tests.support.turning import settled


def item(seq: int) -> FeedItem:
    """A change."""
    return FeedItem(seq, EventKind.UPDATE, SESSION_ID, "alice", b"{}")


async def test_readers_get_everything_in_order() -> None:
    """Each reader gets what is published while it is there, at its own pace."""
    broadcast = Broadcast(10)
    with broadcast.subscribe() as early:
        broadcast.publish(item(11))
        with broadcast.subscribe() as late:
            broadcast.publish(item(12))
            assert [(await anext(early)).seq for _ in range(2)] == [11, 12]
            assert (await anext(late)).seq == 12
    assert broadcast.latest() == 12


async def test_a_reader_waits_for_news() -> None:
    """A reader that has read everything is woken by the next item."""
    broadcast = Broadcast(0)
    with broadcast.subscribe() as items:
        waiting = asyncio.ensure_future(anext(items, None))
        await settled()
        assert not waiting.done()
        broadcast.publish(item(1))
        async with asyncio.timeout(5):
            assert await waiting == item(1)


async def test_a_slow_reader_is_told() -> None:
    """Who falls behind the bound gets FeedGapError, now and later, and holds up nobody."""
    broadcast = Broadcast(0, buffer_items=3)
    with broadcast.subscribe() as slow, broadcast.subscribe() as quick:
        for seq in range(1, 5):
            broadcast.publish(item(seq))
            assert (await anext(quick)).seq == seq
        for _ in range(2):
            with pytest.raises(FeedGapError):
                await anext(slow)
        broadcast.publish(item(5))
        with pytest.raises(FeedGapError):
            await anext(slow)
        assert (await anext(quick)).seq == 5


async def test_the_bound_can_be_filled() -> None:
    """As many items as the bound says may wait."""
    broadcast = Broadcast(0, buffer_items=3)
    with broadcast.subscribe() as items:
        for seq in range(1, 4):
            broadcast.publish(item(seq))
        assert [(await anext(items)).seq for _ in range(3)] == [1, 2, 3]


async def test_a_reader_takes_what_there_is() -> None:
    """All at once, but not more than it can use; the rest is there the next time."""
    broadcast = Broadcast(0)
    with broadcast.subscribe() as reader:
        for seq in range(1, 6):
            broadcast.publish(item(seq))
        assert [each.seq for each in await reader.take(3)] == [1, 2, 3]
        assert [each.seq for each in await reader.take(3)] == [4, 5]


async def test_who_stops_waiting_loses_nothing() -> None:
    """An item that comes in the moment of the cancellation is there the next time."""
    broadcast = Broadcast(0)
    with broadcast.subscribe() as reader:
        waiting = asyncio.ensure_future(reader.take(3))
        await settled()
        broadcast.publish(item(1))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert [each.seq for each in await reader.take(3)] == [1]


async def test_who_left_gets_nothing() -> None:
    """A subscription ends with its block, and nothing is kept for it."""
    broadcast = Broadcast(0)
    with broadcast.subscribe():
        pass
    broadcast.publish(item(1))
    assert not broadcast._readers
