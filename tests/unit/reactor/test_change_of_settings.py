"""Other settings while sessions run: each holds at the next decision, and undoes none."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from supervisor.errors import ImageNotAllowedError
from supervisor.host.identity import Identity, IdentityPolicy
from supervisor.lifecycle.facts import TerminateRequested
from supervisor.lifecycle.session import ClipboardPolicy, Phase, Reason, SessionId
from supervisor.lifecycle.transitions import CloseCode
from supervisor.lifecycle.view import session_object
from supervisor.policy.guard import Guard
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.quota import QuotaExceededError
from supervisor.template.spec import ContainerSpec
from tests.support.turning import settled, until
from tests.unit.reactor.life import House, Life


def bound(life: Life, clipboard: ClipboardPolicy) -> None:
    """Let another policy hold."""
    policy = replace(life.house.policy, clipboard=clipboard)
    life.core.change(replace(life.house.settings(), policy=policy))


def clipboard(life: Life, session_id: SessionId) -> str:
    """What the world is told of the session's."""
    return str(session_object(life.session(session_id))["clipboard"])


async def test_more_may_start_at_once(house: House) -> None:
    """Who waits for a slot is let in without anything else happening."""
    house.limits = AdmissionLimits(concurrent_starts=1)
    async with house.life() as life:
        await life.ready()
        first, second = await life.start(), await life.start()
        await life.reaches(first.id, Phase.STARTING)
        await settled()
        assert life.session(second.id).phase is Phase.PENDING
        life.core.change(replace(house.settings(), limits=AdmissionLimits(concurrent_starts=2)))
        await life.reaches(second.id, Phase.STARTING)


async def test_a_smaller_limit_ends_nothing(life: Life) -> None:
    """What is above it runs on; one more is refused."""
    running = [await life.run(), await life.run()]
    life.core.change(
        replace(life.house.settings(), limits=AdmissionLimits(max_sessions=1), sessions_per_user=2)
    )
    assert life.core.health.node()["capacity"]["max_sessions"] == 1
    with pytest.raises(QuotaExceededError):
        await life.start()
    assert [life.session(each.id).phase for each in running] == [Phase.RUNNING] * 2


async def test_a_stricter_policy_holds_for_who_waits(house: House) -> None:
    """Neither for who runs, nor for whose start is asked for after it."""
    house.limits = AdmissionLimits(concurrent_starts=1)
    async with house.life() as life:
        await life.ready()
        first = await life.start()
        await life.launched(first.id)
        second = await life.start()
        policy = replace(house.policy, images=("registry.example.com/*",))
        life.core.change(
            replace(house.settings(), policy=policy, limits=AdmissionLimits(concurrent_starts=2))
        )
        ended = await life.reaches(second.id, Phase.ENDED)
        assert ended.reason is Reason.IMAGE_NOT_ALLOWED
        with pytest.raises(ImageNotAllowedError):
            await life.start()
        assert life.session(first.id).phase is Phase.STARTING


async def test_a_tightened_clipboard_holds_for_who_is_there(house: House) -> None:
    """Who is in control comes anew; what the template lets through comes back with the policy."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        over = await life.start()
        await life.core.sessions.submit(over.id, TerminateRequested())
        await life.reaches(over.id, Phase.ENDED)
        bound(life, ClipboardPolicy.IN)
        await until(lambda: clipboard(life, session.id) == "in")
        assert life.link.renewed == [(session.id, CloseCode.TERMS_CHANGED)]
        assert life.link.closed == [(over.id, CloseCode.SESSION_ENDED)]
        bound(life, ClipboardPolicy.BOTH)
        await until(lambda: clipboard(life, session.id) == "both")
    house.policy = replace(house.policy, clipboard=ClipboardPolicy.OFF)
    async with house.life() as life:
        await life.ready()
        await until(lambda: clipboard(life, session.id) == "off")


async def test_a_start_under_way_meets_the_policy_of_its_commit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was rendered under another, which was tightened while its mounts were looked at."""
    entered, looked = asyncio.Event(), asyncio.Event()

    async def admitted(_: Guard, spec: ContainerSpec, _identity: Identity) -> ContainerSpec:
        entered.set()
        await looked.wait()
        return spec

    async with house.life() as life:
        await life.ready()
        monkeypatch.setattr(Guard, "admitted", admitted)
        starting = asyncio.create_task(life.start())
        await entered.wait()
        bound(life, ClipboardPolicy.OUT)
        looked.set()
        session = await starting
        await until(lambda: clipboard(life, session.id) == "out")


async def test_who_and_where_it_is_stays(life: Life) -> None:
    """Else its containers would be a stranger's."""
    owner = life.core.owner
    another = replace(
        life.house.settings(),
        owner="another",
        node="another",
        engine_url="another",
        identity=IdentityPolicy(min_uid=1),
    )
    life.core.change(another)
    node = life.core.health.node()
    assert (life.core.owner, node["host"]) == (owner, "host")
    assert node["engine"]["url"] == "memory"
