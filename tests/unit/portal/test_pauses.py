"""A session that its owner has put aside: no guest takes it up; what a time limit did, they may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portal.display.admissions import Admissions
from portal.pauses import Pauses
from portal.pictures import Pictures
from portal.upstream.client import Upstream
from supervisor.lifecycle.facts import SuspendRequested
from supervisor.lifecycle.session import SessionId
from tests.support.turning import until
from tests.unit.portal.browser import Browser, Object
from tests.unit.portal.conftest import Site
from tests.unit.portal.test_shares import shared, token_of
from tests.unit.portal.viewing import admitted, code_of, opened, refused


@pytest.fixture(autouse=True)
def _no_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """These agents are asked for no picture (``test_pictures``)."""

    async def nothing(_pictures: Pictures, _session_id: str) -> None:
        pass

    monkeypatch.setattr(Pictures, "take_last", nothing)


async def both(site: Site) -> tuple[SessionId, Browser, Browser, str]:
    """A session that bob, and whoever has the token, may steer."""
    session_id = await site.session("alice")
    alice = await site.signed_in("alice")
    await shared(alice, session_id, mode="control", user="bob")
    token = token_of(await shared(alice, session_id, mode="control"))
    return session_id, alice, await site.signed_in("bob"), token


async def suspend(browser: Browser, session_id: str) -> None:
    """By hand."""
    reply = await browser.post(f"/api/sessions/{session_id}/suspend")
    assert reply.object["phase"] == "suspended"


def phase(site: Site, session_id: SessionId) -> str:
    """As the relay knows it."""
    return site.house.sessions.get(session_id).phase.value


async def test_a_guest_waits_until_it_is_resumed(site: Site) -> None:
    """409 `paused`, which the session tells them too; resumed, it is theirs again."""
    session_id, alice, bob, token = await both(site)
    path = f"/api/sessions/{session_id}"
    await suspend(alice, session_id)
    assert (await bob.post(f"{path}/connect", {})).code == "paused"
    assert (await bob.get(path)).object["access"]["paused"] is True
    guest = site.browser()
    assert (await guest.post("/api/shared/connect", {"token": token})).code == "paused"
    assert (await guest.post("/api/shared", {"token": token})).object["paused"] is True
    assert phase(site, session_id) == "suspended"
    assert site.house.trail.of("ticket.issue") == [], "nobody had one for a moment"
    assert (await alice.get(path)).object["access"]["paused"] is False
    await alice.post(f"{path}/resume")
    assert (await bob.post(f"{path}/connect", {})).status == 200
    assert (await guest.post("/api/shared/connect", {"token": token})).status == 200
    assert (await guest.post("/api/shared", {"token": token})).object["paused"] is False


async def test_what_its_time_limit_has_suspended_a_guest_resumes(site: Site) -> None:
    """Nobody meant them to wait; also when it was paused, and resumed, before."""
    session_id, alice, bob, token = await both(site)
    agent = await site.agent()
    await suspend(alice, session_id)
    await alice.post(f"/api/sessions/{session_id}/resume")
    mirror, pauses = site.portal.mirror, site.portal._pauses
    await until(lambda: not pauses._noted)
    await site.house.sessions.submit(session_id, SuspendRequested())
    await until(lambda: mirror.sessions[session_id]["phase"] == "suspended")
    guest = site.browser()
    assert (await guest.post("/api/shared", {"token": token})).object["paused"] is False
    await opened(site, bob, agent, await admitted(bob, session_id))
    assert phase(site, session_id) == "running"


async def test_the_owner_resumes_by_opening_it(site: Site) -> None:
    """And their guests may come with them."""
    session_id, alice, bob, _ = await both(site)
    agent = await site.agent()
    await suspend(alice, session_id)
    await opened(site, alice, agent, await admitted(alice, session_id))
    await until(lambda: site.portal.mirror.sessions[session_id]["phase"] == "running")
    assert (await bob.post(f"/api/sessions/{session_id}/connect", {})).status == 200


async def test_a_ticket_from_before_resumes_nothing(site: Site) -> None:
    """Neither here nor, by a proxy, past the portal."""
    session_id, alice, bob, _ = await both(site)
    admission = await admitted(bob, session_id)
    await suspend(alice, session_id)
    assert await refused(bob, admission["path"]) == 401
    async with site.house.web.get(f"http://relay{admission['path']}") as response:
        assert response.status == 401
    assert phase(site, session_id) == "suspended"


async def test_a_ticket_that_is_made_meanwhile_is_void(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409, and the relay does not take it."""
    session_id, alice, bob, _ = await both(site)
    made: list[Object] = []
    make = Admissions._ticket  # there is no other moment between

    async def paused_meanwhile(*arguments: Any) -> Object:  # noqa: ANN401 its own
        made.append(await make(*arguments))
        await suspend(alice, session_id)
        return made[0]

    monkeypatch.setattr(Admissions, "_ticket", paused_meanwhile)
    reply = await bob.post(f"/api/sessions/{session_id}/connect", {})
    assert (reply.status, reply.code) == (409, "paused")
    async with site.house.web.get(f"http://relay{made[0]['path']}") as response:
        assert response.status == 401


async def test_while_it_is_asked_for_no_guest_comes_between(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even before the relay has answered; a refusal leaves no pause."""
    session_id, alice, bob, _ = await both(site)
    call, asked, go_on = Upstream.call, asyncio.Event(), asyncio.Event()

    async def slowly(self: Upstream, method: str, path: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 its own
        if path.endswith("/suspend"):
            asked.set()
            await go_on.wait()
            path = path.replace("suspend", "nothing-there")
        return await call(self, method, path, *rest, **more)

    monkeypatch.setattr(Upstream, "call", slowly)
    suspending = asyncio.create_task(alice.post(f"/api/sessions/{session_id}/suspend"))
    await asked.wait()
    assert (await bob.post(f"/api/sessions/{session_id}/connect", {})).code == "paused"
    go_on.set()
    assert (await suspending).status == 404
    assert (await bob.post(f"/api/sessions/{session_id}/connect", {})).status == 200


async def test_who_is_connected_is_told_that_it_is_suspended(site: Site) -> None:
    """4002, and not that they may not see it any more."""
    session_id, alice, bob, _ = await both(site)
    agent = await site.agent()
    socket, *_ = await opened(site, bob, agent, await admitted(bob, session_id))
    suspending = asyncio.create_task(suspend(alice, session_id))
    assert await code_of(socket) == 4002
    await suspending


async def test_it_outlives_a_restart(site: Site) -> None:
    """Of the portal: its next life knows of it; and forgets what is resumed or gone."""
    session_id, alice, _, _ = await both(site)
    await suspend(alice, session_id)
    database, mirror = site.portal._database, site.portal.mirror

    async def next_life() -> Pauses:
        pauses = Pauses(database, mirror)
        await pauses.load()
        return pauses

    assert (await next_life()).holds(session_id)
    await alice.call("DELETE", f"/api/sessions/{session_id}")
    assert not (await next_life()).holds(session_id)
    await until(lambda: not site.portal._pauses._noted)
    await site.portal._pauses.forget_resumed()
    assert (await next_life())._noted == set()
