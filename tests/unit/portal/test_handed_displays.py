"""Displays that were handed to the relay: what ends them, also when the portal was not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portal import revocation
from portal.app import Portal
from portal.display.admissions import Admissions
from portal.display.audience import Audience
from portal.display.labels import Label
from portal.errors import UnreachableError
from portal.upstream.client import Answer, Upstream
from tests.support.turning import until
from tests.unit.portal.browser import Object
from tests.unit.portal.conftest import Site, begun
from tests.unit.portal.test_shares import shared, token_of
from tests.unit.portal.viewing import admitted, code_of, opened, still_shows

Config = dict[str, Any]


@pytest.fixture(autouse=True)
def in_doubt_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a life's first look, viewers are looked at when there is a reason, and not by time."""
    monkeypatch.setattr(revocation, "_EXPIRY_TICKS", 1_000_000)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Audience]:
    """Each look at the viewers that is over, by whose it was."""
    look, over = Audience.look, list[Audience]()

    async def noted(self: Audience, verdict: Callable[[Label], int | None]) -> set[str]:
        used = await look(self, verdict)
        over.append(self)
        return used

    monkeypatch.setattr(Audience, "look", noted)
    return over


async def next_life(site: Site, portal_config: Config, meanwhile: Callable[[], None]) -> Portal:
    """Of the portal, on the same state; browsers find it where it listens then."""
    await site.portal.stop()
    meanwhile()
    site.portal = await begun(site.stack, site.house, portal_config, site.state, site.clock)
    return site.portal


def nothing() -> None:
    """Happens while the portal is away."""


def lose_sign_ins(site: Site) -> None:
    """And shares: all that the database has."""
    for path in site.state.glob("portal.db*"):
        path.unlink()


async def test_a_display_outlives_the_portal_and_is_ended_by_the_next(
    site: Site, portal_config: Config
) -> None:
    """By a sign-out then, as by one before."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, _, writer = await opened(site, alice, agent, await admitted(alice, session_id))
    await next_life(site, portal_config, nothing)
    assert await still_shows(socket, writer)
    alice.base = site.base
    assert (await alice.post("/api/sign-out")).status == 204
    assert await code_of(socket) == 4401


async def test_an_administrators_display_is_ended_in_the_next_life_too(
    site: Site, portal_config: Config
) -> None:
    """Of a session that is not theirs, and to which nobody knows any more that they came."""
    session_id, agent = await site.session("alice"), await site.agent()
    dora = await site.signed_in("dora")
    admission = await admitted(dora, session_id, "view")
    socket, _, writer = await opened(site, dora, agent, admission)
    await next_life(site, portal_config, nothing)
    assert await still_shows(socket, writer)
    dora.base = site.base
    assert (await dora.post("/api/sign-out")).status == 204
    assert await code_of(socket) == 4401


async def test_what_ended_while_the_portal_was_away_ends_when_it_is_back(
    site: Site, portal_config: Config
) -> None:
    """A share whose time was over; who came by another way stays."""
    session_id, agent = await site.session(), await site.agent()
    alice, guest = await site.signed_in("alice"), site.browser()
    share = await shared(alice, session_id, expires_in_seconds=60)
    mine, _, writer = await opened(site, alice, agent, await admitted(alice, session_id))
    admission = (await guest.post("/api/shared/connect", {"token": token_of(share)})).object
    socket, *_ = await opened(site, guest, agent, admission)

    def an_hour_passes() -> None:
        site.clock.now += 3600

    await next_life(site, portal_config, an_hour_passes)
    assert await code_of(socket) == 4003
    assert await still_shows(mine, writer)


async def test_sign_ins_that_are_lost_take_their_displays_along(
    site: Site, portal_config: Config
) -> None:
    """Whoever removes the database to end all sign-ins has ended them."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, *_ = await opened(site, alice, agent, await admitted(alice, session_id))

    await next_life(site, portal_config, partial(lose_sign_ins, site))
    assert await code_of(socket) == 4401


async def test_another_portals_displays_are_its_own(
    looks: list[Audience], site: Site, portal_config: Config, tmp_path: Path
) -> None:
    """It knows nothing of the sign-in, and does not take it for one that has ended."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, _, writer = await opened(site, alice, agent, await admitted(alice, session_id))
    other = await begun(site.stack, site.house, portal_config, tmp_path / "other", site.clock)
    await until(lambda: other._revocation.audience in looks)
    assert await still_shows(socket, writer)


@pytest.mark.parametrize(("what", "code"), [("sign-in", 4401), ("share", 4003)])
async def test_an_end_that_did_not_reach_the_relay_is_told_again(
    looks: list[Audience], site: Site, monkeypatch: pytest.MonkeyPatch, what: str, code: int
) -> None:
    """Until it is so."""
    session_id, agent = await site.session(), await site.agent()
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    share = await shared(alice, session_id, user="bob")
    socket, *_ = await opened(site, bob, agent, await admitted(bob, session_id, "view"))
    call, failures = Upstream.call, [1, 2, 3]

    async def at_first_in_vain(
        self: Upstream,
        method: str,
        path: str,
        **more: Any,  # noqa: ANN401 those of call
    ) -> Answer:
        if method == "DELETE" and failures:
            failures.pop()
            raise UnreachableError("The supervisor cannot be reached at the moment.")
        return await call(self, method, path, **more)

    await until(lambda: bool(looks))
    monkeypatch.setattr(Upstream, "call", at_first_in_vain)
    if what == "share":
        await alice.call("DELETE", f"/api/shares/{share['id']}")
    else:
        await bob.post("/api/sign-out")
    assert await code_of(socket) == code
    assert failures == []


async def test_a_sign_in_that_ends_while_the_relay_is_asked_has_no_display(
    looks: list[Audience], site: Site
) -> None:
    """Though nobody could tell the relay of one that was not there yet."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    asking = asyncio.create_task(alice.display(admission["path"]))
    command = await agent._asked_for_display()
    # The ticket is being used, and the relay lists those who are connected.
    site.portal._admissions._given.clear()
    await until(lambda: bool(looks))
    looks.clear()
    await alice.post("/api/sign-out")
    await until(lambda: bool(looks))
    await agent.dial(command["stream"])
    assert await code_of(await asking) == 4401


async def test_one_that_cannot_be_put_out_keeps_no_other(
    site: Site, portal_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay may fail for a session of many."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    first, second = [await admitted(alice, session_id) for _ in range(2)]
    stays, *_ = await opened(site, alice, agent, first)
    goes, *_ = await opened(site, alice, agent, second)
    put_out, tried = Admissions.put_out, list[str]()

    async def failing_once(self: Admissions, session: str, label: str, code: int) -> None:
        if label.endswith(first["connection"]) and len(tried) < 3:
            tried.append(label)
            raise UnreachableError("It cannot be reached at the moment.")
        await put_out(self, session, label, code)

    monkeypatch.setattr(Admissions, "put_out", failing_once)
    await next_life(site, portal_config, partial(lose_sign_ins, site))
    assert await code_of(goes) == 4401
    assert await code_of(stays) == 4401
    assert len(tried) == 3


async def test_what_comes_to_be_in_doubt_during_a_look_is_looked_at(
    looks: list[Audience], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed is older than the doubt."""
    await until(lambda: bool(looks))
    audience, list_all = site.portal._revocation.audience, Admissions.all_viewers
    doubts = [1, 2]

    async def listed(self: Admissions) -> list[Object]:
        viewers = await list_all(self)
        if doubts:
            doubts.pop()
            audience.in_doubt = True
        return viewers

    monkeypatch.setattr(Admissions, "all_viewers", listed)
    looks.clear()
    audience.in_doubt = True
    await until(lambda: len(looks) == 3)
