"""Other settings while sessions run: each holds at the next decision, and undoes none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.errors import ImageNotAllowedError
from supervisor.host.identity import IdentityPolicy
from supervisor.lifecycle.session import Phase, Reason
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.quota import QuotaExceededError
from tests.support.turning import settled
from tests.unit.reactor.life import House, Life


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
