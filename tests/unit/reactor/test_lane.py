"""Lanes: effects of one session one after the other, given up or repeated as each requires."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from supervisor.errors import (
    EngineUnreachableError,
    MountMissingError,
    PerlMissingError,
    StoreError,
)
from supervisor.lifecycle.effects import (
    CancelPreparation,
    CloseViewers,
    Effect,
    PrepareSession,
    ReleaseSession,
    RemoveContainer,
    StartContainer,
    StopContainer,
)
from supervisor.lifecycle.errors import UnavailableError
from supervisor.lifecycle.facts import (
    ContainerGone,
    ContainerStarted,
    Fact,
    LaunchFailed,
    SessionPrepared,
)
from supervisor.lifecycle.session import Reason, SessionId
from supervisor.reactor.lane import Lanes
from tests.support.memory_engine import Gate
from tests.support.sessions import CONTAINER, SESSION_ID
from tests.support.turning import settled, until
from tests.unit.reactor.fakes import Posts, Tasks

OTHER = SessionId("01hf000000000000000000000b")
PREPARED = SessionPrepared("sha256:1", "ab" * 32)
FACTS: dict[type, Fact] = {
    PrepareSession: PREPARED,
    StartContainer: ContainerStarted(CONTAINER),
    RemoveContainer: ContainerGone(None),
}


class Deeds:
    """Performs effects: at once, behind a gate, or with failures first."""

    def __init__(self) -> None:
        self.begun: list[tuple[SessionId, Effect]] = []
        self.done: list[Effect] = []
        self.gates: dict[type, Gate] = {}
        self.failures: defaultdict[type, list[Exception]] = defaultdict(list)

    async def __call__(self, session_id: SessionId, effect: Effect) -> Fact | None:
        """See lane.Perform."""
        self.begun.append((session_id, effect))
        kind = type(effect)
        if kind in self.gates:
            await self.gates[kind].wait()
        if self.failures[kind]:
            raise self.failures[kind].pop(0)
        self.done.append(effect)
        return FACTS.get(kind)

    def hold(self, kind: type) -> Gate:
        """Let effects of this kind wait."""
        self.gates[kind] = Gate()
        return self.gates[kind]


@pytest.fixture
def deeds() -> Deeds:
    """What effects do."""
    return Deeds()


@pytest.fixture
def posts() -> Posts:
    """What came of them."""
    return Posts()


@pytest.fixture
def lanes(deeds: Deeds, posts: Posts, tasks: Tasks) -> Lanes:
    """Lanes for any number of sessions."""
    return Lanes(deeds, posts, tasks.spawn)


async def test_effects_keep_their_order(
    lanes: Lanes, deeds: Deeds, posts: Posts, tasks: Tasks
) -> None:
    """Effects of one session are performed one by one as decided; then the lane is gone."""
    gate = deeds.hold(RemoveContainer)
    lanes.add(SESSION_ID, [RemoveContainer()])
    lanes.add(SESSION_ID, [StopContainer()])
    lanes.add(SESSION_ID, [ReleaseSession()])
    await gate.entered.wait()
    await settled()
    assert deeds.begun == [(SESSION_ID, RemoveContainer())]
    gate.release()
    await until(lambda: len(deeds.done) == 3)
    assert deeds.done == [RemoveContainer(), StopContainer(), ReleaseSession()]
    assert posts.made == [(SESSION_ID, ContainerGone(None))]
    await until(lambda: not tasks.running)


async def test_viewers_do_not_wait_for_the_engine(lanes: Lanes, deeds: Deeds) -> None:
    """They are put out at once, whatever the lane is at."""
    gate = deeds.hold(RemoveContainer)
    lanes.add(SESSION_ID, [RemoveContainer()])
    await gate.entered.wait()
    lanes.add(SESSION_ID, [CloseViewers(4001), ReleaseSession()])
    await until(lambda: deeds.done == [CloseViewers(4001)])
    gate.release()
    await until(lambda: deeds.done[1:] == [RemoveContainer(), ReleaseSession()])


async def test_a_removal_does_not_wait_for_a_stop(
    lanes: Lanes, deeds: Deeds, posts: Posts, tasks: Tasks
) -> None:
    """A stop that hangs at the engine is given up as soon as the container is to be forced away."""
    gate = deeds.hold(StopContainer)
    lanes.add(SESSION_ID, [StopContainer()])
    await gate.entered.wait()
    lanes.add(SESSION_ID, [StopContainer(), RemoveContainer()])
    await until(lambda: not tasks.running)
    assert deeds.done == [RemoveContainer()]
    assert posts.made == [(SESSION_ID, ContainerGone(None))]


async def test_sessions_do_not_wait_for_each_other(
    lanes: Lanes, deeds: Deeds, posts: Posts
) -> None:
    """A start that takes long delays nobody else's."""
    gate = deeds.hold(PrepareSession)
    lanes.add(SESSION_ID, [PrepareSession()])
    lanes.add(OTHER, [StartContainer()])
    await until(lambda: posts.made == [(OTHER, ContainerStarted(CONTAINER))])
    gate.release()
    await until(lambda: posts.of(SESSION_ID) == [PREPARED])


async def test_a_preparation_can_be_cancelled(lanes: Lanes, deeds: Deeds, posts: Posts) -> None:
    """A pull that nobody needs any more is broken off; the removal that follows is not delayed."""
    gate = deeds.hold(PrepareSession)
    lanes.add(SESSION_ID, [PrepareSession()])
    await gate.entered.wait()
    lanes.add(SESSION_ID, [CancelPreparation(), RemoveContainer()])
    await until(lambda: posts.facts == [ContainerGone(None)])
    assert deeds.done == [RemoveContainer()]


async def test_a_launch_that_waits_is_not_begun(lanes: Lanes, deeds: Deeds, posts: Posts) -> None:
    """Cancelling drops what would start the session, and nothing else, from the waiting ones."""
    gate = deeds.hold(StopContainer)
    lanes.add(SESSION_ID, [StopContainer(), PrepareSession(), StartContainer(), ReleaseSession()])
    await gate.entered.wait()
    lanes.add(SESSION_ID, [CancelPreparation()])
    gate.release()
    await until(lambda: ReleaseSession() in deeds.done)
    assert deeds.done == [StopContainer(), ReleaseSession()]
    assert posts.made == []


async def test_a_start_in_flight_is_awaited(lanes: Lanes, deeds: Deeds, posts: Posts) -> None:
    """What the engine is at work on may have happened: its end is awaited, then removed."""
    gate = deeds.hold(StartContainer)
    lanes.add(SESSION_ID, [StartContainer()])
    await gate.entered.wait()
    lanes.add(SESSION_ID, [CancelPreparation(), RemoveContainer()])
    await settled()
    assert deeds.begun == [(SESSION_ID, StartContainer())]
    gate.release()
    await until(lambda: len(posts.made) == 2)
    assert posts.facts == [ContainerStarted(CONTAINER), ContainerGone(None)]


@pytest.mark.parametrize("effect", [PrepareSession(), StartContainer(), RemoveContainer()])
async def test_an_absent_engine_is_waited_for(
    lanes: Lanes, deeds: Deeds, posts: Posts, effect: Effect
) -> None:
    """An effect is repeated until the engine answers, and its outcome is told once."""
    deeds.failures[type(effect)] = [EngineUnreachableError("down")] * 5
    lanes.add(SESSION_ID, [effect])
    await until(lambda: posts.facts == [FACTS[type(effect)]])
    assert deeds.begun == [(SESSION_ID, effect)] * 6


async def test_a_store_that_fails_is_waited_for(lanes: Lanes, deeds: Deeds, posts: Posts) -> None:
    """A disk that is full for a moment ends no start."""
    deeds.failures[PrepareSession] = [StoreError("full")] * 3
    lanes.add(SESSION_ID, [PrepareSession()])
    await until(lambda: posts.facts == [PREPARED])


async def test_waiting_for_the_engine_can_be_cancelled(
    lanes: Lanes, deeds: Deeds, posts: Posts
) -> None:
    """Between two attempts a start is given up at once: the removal will see to what it left."""
    deeds.failures[StartContainer] = [EngineUnreachableError("down")] * 100_000
    lanes.add(SESSION_ID, [StartContainer()])
    await until(lambda: len(deeds.begun) > 3)
    lanes.add(SESSION_ID, [CancelPreparation(), RemoveContainer()])
    await until(lambda: posts.facts == [ContainerGone(None)])
    assert StartContainer() not in deeds.done


@pytest.mark.parametrize(
    "refusal",
    [
        (MountMissingError("no /x"), Reason.MOUNT_MISSING),
        (PerlMissingError("no perl"), Reason.PERL_MISSING),
        (UnavailableError("no store"), Reason.ENGINE_REFUSED),
        (ZeroDivisionError("a defect"), Reason.ENGINE_REFUSED),
    ],
)
@pytest.mark.parametrize("effect", [PrepareSession(), StartContainer()])
async def test_a_failed_launch_has_a_reason(
    lanes: Lanes, deeds: Deeds, posts: Posts, effect: Effect, refusal: tuple[Exception, Reason]
) -> None:
    """A launch that is refused becomes a fact with the refusal's reason; a defect is not quoted."""
    error, reason = refusal
    deeds.failures[type(effect)] = [error]
    lanes.add(SESSION_ID, [effect])
    await until(lambda: bool(posts.made))
    (fact,) = posts.facts
    assert isinstance(fact, LaunchFailed)
    assert fact.reason is reason
    assert (str(error) in fact.message) == (not isinstance(error, ZeroDivisionError))
    assert fact.message


@pytest.mark.parametrize("error", [MountMissingError("no"), ZeroDivisionError("a defect")])
async def test_a_failed_end_does_not_stop_the_lane(
    lanes: Lanes, deeds: Deeds, posts: Posts, error: Exception
) -> None:
    """A removal that is refused is no fact; its deadline asks again, and other effects go on."""
    deeds.failures[RemoveContainer] = [error]
    lanes.add(SESSION_ID, [RemoveContainer(), ReleaseSession()])
    await until(lambda: ReleaseSession() in deeds.done)
    assert posts.made == []


async def test_closing_breaks_off(lanes: Lanes, deeds: Deeds, posts: Posts, tasks: Tasks) -> None:
    """When the daemon stops, nothing is awaited and nothing is told: adoption takes it up."""
    gate = deeds.hold(StartContainer)
    lanes.add(SESSION_ID, [StartContainer(), RemoveContainer()])
    lanes.add(OTHER, [StartContainer()])
    await gate.entered.wait()
    async with asyncio.timeout(5):
        await lanes.close()
    assert not tasks.running
    assert (deeds.done, posts.made) == ([], [])
    await lanes.close()
