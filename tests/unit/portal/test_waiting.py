"""Sessions that let whoever looks at them wait: others do not wait with them."""

from __future__ import annotations

import asyncio

import pytest

from portal.upstream import client
from tests.support.turning import until
from tests.unit.portal.conftest import Site

CONNECTIONS = 3


@pytest.fixture
def portal_config(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """One connection is the event stream's, so that few are left for calls."""
    monkeypatch.setattr(client, "_CONNECTIONS", CONNECTIONS)
    return {}


async def test_pictures_that_do_not_come_keep_no_call_waiting(site: Site) -> None:
    """As many as there are connections wait; calls of others are answered meanwhile."""
    session_id = await site.session("alice")
    agent = await site.agent()
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    path = f"/api/sessions/{session_id}/thumbnail"
    waiting = [asyncio.create_task(alice.get(path)) for _ in range(CONNECTIONS)]
    _, _writer = await agent.open_display()
    await until(lambda: site.portal.media.pictures.count("alice") == CONNECTIONS)
    assert (await bob.get("/api/templates")).status == 200
    assert not any(each.done() for each in waiting)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_user_waits_for_so_many_pictures_and_no_more(site: Site) -> None:
    """429 for one too many; places are free again when nobody waits."""
    session_id = await site.session("alice")
    await site.agent()
    alice = await site.signed_in("alice")
    site.portal.media.pictures.most = 1
    path = f"/api/sessions/{session_id}/thumbnail"
    waiting = asyncio.create_task(alice.get(path))
    await until(lambda: site.portal.media.pictures.count("alice") == 1)
    reply = await alice.get(path)
    assert (reply.status, reply.code) == (429, "too_many_pictures")
    waiting.cancel()
    await until(lambda: not site.portal.media.pictures.count("alice"))


async def test_a_user_has_so_many_logs_open_and_no_more(site: Site) -> None:
    """429 for one too many."""
    session_id = await site.session("alice")
    alice = await site.signed_in("alice")
    site.portal.media.logs.most = 0
    reply = await alice.get(f"/api/sessions/{session_id}/log?follow=true")
    assert (reply.status, reply.code) == (429, "too_many_logs")
