"""Suspending, changing and quotas over an engine in memory, through restarts of the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from supervisor.errors import EngineError
from supervisor.lifecycle.errors import ConflictError, InvalidRequestError
from supervisor.lifecycle.facts import (
    ContainerStatus,
    ResumeRequested,
    SlotGranted,
    SuspendRequested,
    TerminateRequested,
)
from supervisor.lifecycle.session import Phase, StartRequest
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.quota import QuotaExceededError
from tests.support.turning import settled, until
from tests.unit.reactor.life import IMAGE, House

TEMPLATE = f"""
image: {IMAGE}
command: sleep 1000
mem_limit: ${{start.params.memory}}
environment: {{SOLVER: "${{start.params.solver}}"}}
params:
  memory: {{type: size, default: 1g, changeable: true}}
  solver: {{type: string, default: fast, changeable: true}}
  fixed: {{type: integer, default: 1}}
session: {{suspend: freeze, stop_grace_period: 7s}}
"""
GIB = 1024**3


@pytest.fixture
def frosty(house: House) -> House:
    """A host whose template freezes, and takes its memory from a param."""
    house.write_template("docker", TEMPLATE)
    return house


async def test_freezing_and_thawing(frosty: House) -> None:
    """The container is frozen when suspended, goes on when resumed; viewers are put out first."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        container = frosty.engine.container(session.id)
        await life.core.sessions.submit(session.id, SuspendRequested())
        await until(lambda: container.status is ContainerStatus.PAUSED)
        assert life.link.closed == [(session.id, 4002)]
        await until(lambda: life.session(session.id).freeze.settled)
        await life.core.sessions.submit(session.id, ResumeRequested())
        await until(lambda: container.status is ContainerStatus.RUNNING)
        assert life.session(session.id).phase is Phase.RUNNING


async def test_viewers_are_put_out_whatever_the_engine_is_at(frosty: House) -> None:
    """Those who are there when the session is put aside, and not those who come after."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        gate = frosty.engine.hold("update")
        await life.core.sessions.change(session.id, name=None, params={"memory": 2 * GIB})
        await gate.entered.wait()
        await life.core.sessions.submit(session.id, SuspendRequested())
        await settled()
        assert life.link.closed == [(session.id, 4002)]
        await life.core.sessions.submit(session.id, ResumeRequested())
        gate.release()
        await until(lambda: life.session(session.id).freeze.settled)
        assert life.link.closed == [(session.id, 4002)]


async def test_terminating_what_is_frozen(frosty: House) -> None:
    """Also while the engine is still at the freezing."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        gate = frosty.engine.hold("pause")
        await life.core.sessions.submit(session.id, SuspendRequested())
        await gate.entered.wait()
        await life.core.sessions.submit(session.id, TerminateRequested())
        gate.release()
        assert (await life.reaches(session.id, Phase.ENDED)).reason == "Terminated"


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
async def test_a_freeze_survives_a_crash(frosty: House, done: bool) -> None:  # noqa: FBT001 a parameter
    """Committed and, the daemon dying, perhaps done: the next life sees to it."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        gate = frosty.engine.hold("pause", after_work=done)
        await life.core.sessions.submit(session.id, SuspendRequested())
        await gate.entered.wait()
        await life.crash()
    gate.release()
    async with frosty.life() as life:
        await life.ready()
        await until(lambda: life.session(session.id).freeze.settled)
        assert life.session(session.id).phase is Phase.SUSPENDED
        assert frosty.engine.container(session.id).status is ContainerStatus.PAUSED


async def test_a_pause_outside_is_seen_by_event_and_by_listing(frosty: House) -> None:
    """Whoever did it, whether or not the daemon was told."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        container = frosty.engine.container(session.id)
        frosty.engine.host.freeze(container, frozen=True)
        await life.reaches(session.id, Phase.SUSPENDED)
        with frosty.engine.host.dropped_events():
            frosty.engine.host.freeze(container, frozen=False)
        frosty.engine.host.break_streams()
        await life.reaches(session.id, Phase.RUNNING)


async def test_a_refused_freeze_is_no_lie_for_long(frosty: House) -> None:
    """The engine would not: the session stays put aside, and says that its container runs."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        frosty.engine.fail("pause", EngineError("cannot freeze"))
        await life.core.sessions.submit(session.id, SuspendRequested())
        await until(lambda: "pause" in frosty.engine.calls)
        frosty.engine.host.break_streams()
        await until(lambda: life.session(session.id).freeze.settled)
        after = life.session(session.id)
        assert (after.phase, after.freeze.frozen) == (Phase.SUSPENDED, False)


async def test_params_reach_the_container(frosty: House) -> None:
    """Limits of a running container follow; what it was started with stays."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        container = frosty.engine.container(session.id)
        changed = await life.core.sessions.change(
            session.id, name="Mine", params={"memory": 2 * GIB, "solver": "slow"}
        )
        assert (changed.name, changed.params["memory"]) == ("Mine", 2 * GIB)
        await until(lambda: not life.session(session.id).update_due)
        assert container.limits["Memory"] == 2 * GIB
        assert container.spec.environment["SOLVER"] == "fast"


async def test_a_waiting_session_starts_with_its_new_params(frosty: House) -> None:
    """It has not begun: everything that is rendered follows."""
    frosty.limits = AdmissionLimits(concurrent_starts=1)
    async with frosty.life() as life:
        await life.ready()
        gate = frosty.engine.hold("launch")
        first = await life.start()
        await gate.entered.wait()
        second = await life.start()
        await life.core.sessions.change(second.id, name=None, params={"solver": "slow"})
        gate.release()
        await life.core.sessions.submit(first.id, TerminateRequested())
        await life.launched(second.id)
        assert frosty.engine.container(second.id).spec.environment["SOLVER"] == "slow"


async def test_a_refused_update_is_said(frosty: House) -> None:
    """The message says that the container has its old limits, until another update is taken."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        frosty.engine.fail("update", EngineError("below what is in use"))
        await life.core.sessions.change(session.id, name=None, params={"memory": GIB // 2})
        await until(lambda: not life.session(session.id).update_due)
        assert "below what is in use" in life.session(session.id).message
        await life.core.sessions.change(session.id, name=None, params={"memory": GIB})
        await until(lambda: not life.session(session.id).message)


async def test_an_update_survives_a_crash(frosty: House) -> None:
    """What was committed is done by the next life."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        gate = frosty.engine.hold("update")
        await life.core.sessions.change(session.id, name=None, params={"memory": 2 * GIB})
        await gate.entered.wait()
        await life.crash()
    gate.release()
    async with frosty.life() as life:
        await life.ready()
        await until(lambda: not life.session(session.id).update_due)
        assert frosty.engine.container(session.id).limits["Memory"] == 2 * GIB


async def test_changes_at_once_do_not_undo_each_other(frosty: House) -> None:
    """Each finds what the one before has left."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        change = life.core.sessions.change
        await asyncio.gather(
            change(session.id, name=None, params={"memory": 2 * GIB}),
            change(session.id, name=None, params={"solver": "slow"}),
            change(session.id, name="Mine", params={}),
        )
        after = life.session(session.id)
        assert after.params == {"memory": 2 * GIB, "solver": "slow", "fixed": 1}
        assert after.name == "Mine"


async def test_a_change_while_the_one_before_is_made(frosty: House) -> None:
    """The engine is at the first: it is asked once more, for the limits are what was said last."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        container = frosty.engine.container(session.id)
        gate = frosty.engine.hold("update")
        await life.core.sessions.change(session.id, name=None, params={"memory": 2 * GIB})
        await gate.entered.wait()
        await life.core.sessions.change(session.id, name=None, params={"memory": 4 * GIB})
        gate.release()
        await until(lambda: not life.session(session.id).update_due)
        assert container.limits["Memory"] == 4 * GIB


async def test_a_change_that_meets_the_start(frosty: House) -> None:
    """Asked of a session that waits, judged when it has begun: made all the same."""
    note = "  note: {type: string, default: none, changeable: true}\nsession:"
    frosty.write_template("docker", TEMPLATE.replace("session:", note))
    frosty.limits = AdmissionLimits(concurrent_starts=1)
    async with frosty.life() as life:
        await life.ready()
        gate = frosty.engine.hold("launch")
        await life.start()
        await gate.entered.wait()
        second = await life.start()
        life.core.reactor.post(second.id, SlotGranted())
        changed = await life.core.sessions.change(second.id, name="Mine", params={"note": "mine"})
        assert (changed.name, changed.params["note"]) == ("Mine", "mine")
        gate.release()


@pytest.mark.parametrize("params", [{"fixed": 2}, {"other": 1}, {"memory": "much"}])
async def test_what_may_not_be_changed(frosty: House, params: dict[str, str | int]) -> None:
    """Nothing is, the name beside it neither."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        with pytest.raises(InvalidRequestError):
            await life.core.sessions.change(session.id, name="Mine", params=params)
        assert life.session(session.id) == session


async def test_what_is_over_cannot_be_changed(frosty: House) -> None:
    """Nor what is about to be, nor by a template that is gone."""
    async with frosty.life() as life:
        await life.ready()
        session = await life.run()
        Path(frosty.directory / "etc" / "launcher-templates" / "docker.tpl").unlink()
        with pytest.raises(ConflictError, match="is gone"):
            await life.core.sessions.change(session.id, name=None, params={"memory": GIB})
        await life.core.sessions.submit(session.id, TerminateRequested())
        with pytest.raises(ConflictError, match="is over"):
            await life.core.sessions.change(session.id, name="Mine", params={})


async def test_a_user_has_so_many_sessions(house: House) -> None:
    """Asked for at once or one after the other; one that has ended makes room."""
    house.sessions_per_user = 2
    async with house.life() as life:
        await life.ready()
        asked = await asyncio.gather(*(life.start() for _ in range(5)), return_exceptions=True)
        accepted = [each for each in asked if not isinstance(each, BaseException)]
        refused = [each for each in asked if isinstance(each, QuotaExceededError)]
        assert (len(accepted), len(refused)) == (2, 3)
        await life.core.sessions.submit(accepted[0].id, TerminateRequested())
        await life.reaches(accepted[0].id, Phase.ENDED)
        await life.core.sessions.start(StartRequest(user="alice"), idempotency_key=None)


async def test_an_accepted_start_is_repeated_past_the_quota(house: House) -> None:
    """The same key is the same session: it needs no room."""
    house.sessions_per_user = 1
    async with house.life() as life:
        await life.ready()
        first = await life.start(key="k")
        assert (await life.start(key="k")).id == first.id
