"""Rights that are lost while something is open by them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from portal.sign_in import users
from tests.unit.portal import conftest
from tests.unit.portal.conftest import PEOPLE, Site
from tests.unit.portal.test_events import opening


@pytest.fixture(autouse=True)
def believed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the name service says counts as soon as it says it."""
    monkeypatch.setattr(users, "_KEPT_SECONDS", 0.0)


async def test_who_is_no_administrator_any_more_is_told_of_all_no_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened as one ends; whoever signs in again has what is theirs."""
    session_id = await site.session("alice")
    agent = await site.agent()
    dora = await site.signed_in("dora")
    path = f"/api/sessions/{session_id}/connect"
    admission = (await dora.post(path, {"mode": "view"})).object
    display, _ = await asyncio.gather(dora.display(admission["path"]), agent.open_display())
    async with dora.events("?scope=all") as events:
        await events.until("update", id=session_id)
        ordinary = replace(PEOPLE["dora"], groups=frozenset({"dora"}))
        monkeypatch.setitem(conftest.PEOPLE, "dora", ordinary)
        await events.until("signed_out")
    assert (await display.receive()).type is aiohttp.WSMsgType.CLOSE
    assert display.close_code == 4401
    again = await site.signed_in("dora")
    assert (await again.get("/api/sessions")).object["sessions"] == []


async def test_who_is_no_user_any_more_is_signed_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose account was removed; others stay."""
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    async with bob.events() as events:
        await opening(events)
        monkeypatch.delitem(conftest.PEOPLE, "bob")
        await events.until("signed_out")
    assert (await alice.get("/api/me")).status == 200
