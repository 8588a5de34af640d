"""Many sessions, one pull: who joins, who leaves, and what becomes of those who stay."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

from supervisor.errors import EngineUnreachableError, ImageNotFoundError, ImagePullError
from supervisor.lifecycle.facts import TerminateRequested
from supervisor.lifecycle.session import Phase, Reason, Session
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.pulls import Pulls
from tests.support.memory_engine import Gate, MemoryEngine
from tests.support.turning import settled, until
from tests.unit.reactor.life import IMAGE, TEMPLATE, House, Life

OTHER = "fx-other:image"
HALF = 0.5
"""Where the pull stands still."""


class Waiting:
    """One who waits for an image."""

    def __init__(self, pulls: Pulls, reference: str = IMAGE, platform: str | None = None) -> None:
        self.told: list[float] = []
        self.task = asyncio.ensure_future(pulls.join(reference, platform, self.told.append))

    async def leave(self) -> None:
        """As a session does that is terminated."""
        self.task.cancel()
        await asyncio.wait([self.task])
        assert self.task.cancelled()


@pytest.fixture
def engine() -> MemoryEngine:
    """One that has nothing, and stands still half-way through each pull."""
    engine = MemoryEngine()
    for reference in (IMAGE, OTHER):
        engine.host.registry[reference] = engine.host.add_image(reference)
        del engine.host.images[reference]
    engine.halfway = Gate()
    return engine


@pytest.fixture
def pulls(engine: MemoryEngine) -> Pulls:
    """The pulls of it."""
    return Pulls(engine)


async def test_one_pull_for_all(engine: MemoryEngine, pulls: Pulls) -> None:
    """All see it advance, whoever comes late begins where it is, and all get the outcome."""
    engine.fractions = (0.2, HALF)
    early = [Waiting(pulls), Waiting(pulls)]
    await halfway(engine)
    late = Waiting(pulls)
    await settled()
    assert late.told == [HALF]
    opened(engine)
    ids = await asyncio.gather(*(each.task for each in (*early, late)))
    assert set(ids) == {engine.host.images[IMAGE].image_id}
    assert engine.pulled == [(IMAGE, None)]
    assert [each.told for each in early] == [[0.0, 0.2, HALF, 1.0]] * 2
    assert late.told == [HALF, 1.0]


async def test_one_who_leaves_disturbs_nobody(engine: MemoryEngine, pulls: Pulls) -> None:
    """Not even if it was the one for whom the pull was begun."""
    first, second = Waiting(pulls), Waiting(pulls)
    await halfway(engine)
    await first.leave()
    assert engine.pulling == 1
    opened(engine)
    await second.task
    assert first.told == [0.0, HALF]
    assert second.told == [0.0, HALF, 1.0]
    assert engine.pulled == [(IMAGE, None)]


async def test_the_last_to_leave_breaks_it_off(engine: MemoryEngine, pulls: Pulls) -> None:
    """Once it has left the engine pulls no more; whoever comes then begins anew."""
    first, second = Waiting(pulls), Waiting(pulls)
    await halfway(engine)
    await first.leave()
    await second.leave()
    assert engine.pulling == 0
    third = Waiting(pulls)
    opened(engine)
    await third.task
    assert third.told == [0.0, HALF, 1.0]
    assert len(engine.pulled) == 2


async def test_one_who_comes_while_it_is_broken_off(engine: MemoryEngine, pulls: Pulls) -> None:
    """Nobody joins a pull that is about to end."""
    leaving = Waiting(pulls)
    await halfway(engine)
    leaving.task.cancel()
    coming = Waiting(pulls)
    await asyncio.wait([leaving.task])
    opened(engine)
    await coming.task
    assert coming.told[0] == 0.0


async def test_one_who_leaves_before_it_has_begun(engine: MemoryEngine, pulls: Pulls) -> None:
    """Coming and going within one turn of the loop leaves nothing."""
    leaving = Waiting(pulls)
    await asyncio.sleep(0)
    await leaving.leave()
    assert engine.pulling == 0
    opened(engine)
    await Waiting(pulls).task


@pytest.mark.parametrize(
    "error", [ImagePullError("no"), EngineUnreachableError("gone")], ids=["refused", "unreachable"]
)
async def test_a_failure_is_everybodys(
    engine: MemoryEngine, pulls: Pulls, error: ImagePullError | EngineUnreachableError
) -> None:
    """It is told once to each, and the next who comes tries again."""
    engine.fail("pull_image", error)
    both = [Waiting(pulls), Waiting(pulls)]
    for each in both:
        with pytest.raises(type(error)):
            await each.task
    opened(engine)
    await Waiting(pulls).task
    assert len(engine.pulled) == 2


@pytest.mark.parametrize("turns", range(12))
async def test_a_failure_that_nobody_hears(engine: MemoryEngine, pulls: Pulls, turns: int) -> None:
    """Everybody has left at the moment it fails: that is no error of anybody's."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    engine.fail("pull_image", ImagePullError("no"))
    leaving = Waiting(pulls)
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.task.cancel()
    await asyncio.wait([leaving.task])
    assert leaving.task.cancelled() or isinstance(leaving.task.exception(), ImagePullError)
    assert engine.pulling == 0
    del leaving
    gc.collect()
    assert complaints == []


async def test_other_images_and_platforms_are_other_pulls(
    engine: MemoryEngine, pulls: Pulls
) -> None:
    """What is shared is the same image for the same platform."""
    waiting = [
        Waiting(pulls),
        Waiting(pulls, platform="linux/arm64"),
        Waiting(pulls, OTHER),
    ]
    await until(lambda: engine.pulling == 3)
    opened(engine)
    await asyncio.gather(*(each.task for each in waiting))
    assert set(engine.pulled) == {(IMAGE, None), (IMAGE, "linux/arm64"), (OTHER, None)}


async def test_an_image_that_vanishes(engine: MemoryEngine, pulls: Pulls) -> None:
    """Pulled and pruned within a moment: said as it is."""
    gate = engine.hold("find_image")
    waiting = Waiting(pulls)
    opened(engine)
    await gate.entered.wait()
    del engine.host.images[IMAGE]
    gate.release()
    with pytest.raises(ImageNotFoundError, match="removed again"):
        await waiting.task


async def test_close_breaks_off(engine: MemoryEngine, pulls: Pulls) -> None:
    """The daemon stops: nothing goes on."""
    waiting = Waiting(pulls)
    await halfway(engine)
    await pulls.close()
    await asyncio.wait([waiting.task])
    assert engine.pulling == 0


async def test_a_pull_is_nobodys_own(engine: MemoryEngine, pulls: Pulls) -> None:
    """Its log lines name the image, not the session that happened to be first."""
    with (
        capture_logs(processors=[merge_contextvars]) as logged,
        bound_contextvars(session_id="s1"),
    ):
        waiting = Waiting(pulls)
        opened(engine)
        await waiting.task
    assert [(line["event"], line.get("session_id")) for line in logged] == [
        ("pull_awaited", "s1"),
        ("pull_started", None),
        ("pull_finished", None),
    ]
    assert all(line["image"] == IMAGE for line in logged)


@pytest_asyncio.fixture
async def life(house: House) -> AsyncIterator[Life]:
    """A daemon whose one image has to be pulled, and the pull stands still half-way."""
    house.engine.host.registry[IMAGE] = house.engine.host.images.pop(IMAGE)
    house.engine.halfway = Gate()
    async with house.life() as life:
        await life.ready()
        yield life


async def test_sessions_share_a_pull(life: Life) -> None:
    """All are told of its progress at once; one is terminated, the others run."""
    first, second = await life.start(), await life.start()
    await until(lambda: progress(life, first) == progress(life, second) == HALF)
    late = await life.start()
    await until(lambda: progress(life, late) == HALF)
    await life.core.sessions.submit(first.id, TerminateRequested())
    ended = await life.reaches(first.id, Phase.ENDED)
    assert (ended.reason, ended.progress) == (Reason.TERMINATED, None)
    assert life.engine.pulling == 1
    opened(life.engine)
    for session in (second, late):
        assert (await life.launched(session.id)).progress is None
    assert life.engine.pulled == [(IMAGE, None)]


async def test_who_waits_for_a_pull_holds_up_nobody(house: House) -> None:
    """Others start meanwhile; when the image is here, no more are started at once than may be."""
    house.limits = AdmissionLimits(concurrent_starts=2)
    house.write_template("here", TEMPLATE.replace(IMAGE, OTHER))
    house.engine.host.images[OTHER] = house.engine.host.images[IMAGE]
    house.engine.host.registry[IMAGE] = house.engine.host.images.pop(IMAGE)
    house.engine.halfway = Gate()
    async with house.life() as life:
        await life.ready()
        waiting = [await life.start() for _ in range(5)]
        await until(lambda: all(progress(life, session) == HALF for session in waiting))
        await life.launched((await life.start(template="here")).id)
        launches = house.engine.hold("launch", after_work=True)
        opened(house.engine)
        await until(lambda: all(progress(life, session) is None for session in waiting))
        # The second may still be writing its files, on a thread, when the first is at the engine.
        await until(lambda: house.engine.calls.count("launch") >= 1 + 2)
        await settled()
        assert house.engine.calls.count("launch") == 1 + 2
        launches.release()
        for session in waiting:
            await life.launched(session.id)


async def test_the_last_session_takes_the_pull_along(life: Life) -> None:
    """Terminating all who wait stops the engine's work."""
    sessions = [await life.start(), await life.start()]
    await until(lambda: all(progress(life, session) == HALF for session in sessions))
    for session in sessions:
        await life.core.sessions.submit(session.id, TerminateRequested())
    for session in sessions:
        assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.TERMINATED
    assert life.engine.pulling == 0
    assert life.engine.host.containers == {}


async def test_always_joins_a_pull_under_way(life: Life) -> None:
    """And pulls again once it is over, though the image is here."""
    life.house.write_template("docker", TEMPLATE + "pull_policy: always\n")
    sessions = [await life.start(), await life.start()]
    await until(lambda: all(progress(life, session) == HALF for session in sessions))
    opened(life.engine)
    for session in sessions:
        await life.launched(session.id)
    assert life.engine.pulled == [(IMAGE, None)]
    await life.run()
    assert life.engine.pulled == [(IMAGE, None)] * 2


@pytest.mark.parametrize("policy", ["missing", "if_not_present", "never"])
async def test_what_is_here_is_not_pulled(life: Life, policy: str) -> None:
    """Only ``always`` asks the registry for what the engine has."""
    life.house.write_template("docker", TEMPLATE + f"pull_policy: {policy}\n")
    life.engine.host.images[IMAGE] = life.engine.host.registry[IMAGE]
    await life.run()
    assert life.engine.pulled == []


@pytest.mark.parametrize("policy", ["missing", "if_not_present", "always"])
async def test_what_is_not_here_is_pulled(life: Life, policy: str) -> None:
    """Whatever the policy says but ``never``."""
    life.house.write_template("docker", TEMPLATE + f"pull_policy: {policy}\n")
    opened(life.engine)
    await life.run()
    assert life.engine.pulled == [(IMAGE, None)]


async def test_never_means_never(life: Life) -> None:
    """The session ends at once, and what to do is told."""
    life.house.write_template("docker", TEMPLATE + "pull_policy: never\n")
    session = await life.start()
    ended = await life.reaches(session.id, Phase.ENDED)
    assert ended.reason is Reason.IMAGE_NOT_FOUND
    assert "pull_policy is never" in ended.message
    assert life.engine.pulled == []


async def test_a_pull_that_stands_still(life: Life) -> None:
    """The startup limit counts from its last sign of life; past it the pull is broken off."""
    life.house.clock.at += 50
    session = await life.start()
    await until(lambda: progress(life, session) == HALF)
    life.house.clock.at += 59
    life.look_at_clock(session.id)
    await settled()
    assert life.session(session.id).phase is Phase.STARTING
    life.house.clock.at += 1
    life.look_at_clock(session.id)
    ended = await life.reaches(session.id, Phase.ENDED)
    assert ended.reason is Reason.START_TIMEOUT
    assert f"image {IMAGE} stood still at 50% for 60 s" in ended.message
    assert life.engine.pulling == 0


async def test_a_pull_that_begins_anew(life: Life) -> None:
    """The engine's connection broke: it is tried again, and progress does not go back."""
    life.house.write_template("docker", TEMPLATE + "pull_policy: always\n")
    life.engine.fractions = (0.1, HALF)
    life.engine.lose_answer("pull_image")
    session = await life.start()
    await until(lambda: progress(life, session) == HALF)
    before = life.core.feed.latest()
    with life.core.feed.subscribe() as items:
        opened(life.engine)
        await life.launched(session.id)
        seen = [await anext(items) for _ in range(life.core.feed.latest() - before)]
    assert life.engine.pulled == [(IMAGE, None)] * 2
    told = [json.loads(item.data)["progress"] for item in seen]
    shown = [fraction for fraction in told if fraction is not None]
    assert shown == sorted(shown)
    assert shown[0] >= HALF


async def test_stopping_the_daemon_stops_the_pull(house: House, life: Life) -> None:
    """Its next life takes it up; the session still starts."""
    session = await life.start()
    await until(lambda: progress(life, session) == HALF)
    await life.end()
    assert house.engine.pulling == 0
    opened(house.engine)
    async with house.life() as next_life:
        await next_life.ready()
        await next_life.launched(session.id)


def progress(life: Life, session: Session) -> float | None:
    """How far its pull is, as the web server sees it."""
    return life.session(session.id).progress


async def halfway(engine: MemoryEngine) -> None:
    """Wait until a pull stands still."""
    assert engine.halfway is not None
    await engine.halfway.entered.wait()


def opened(engine: MemoryEngine) -> None:
    """Let every pull go on."""
    assert engine.halfway is not None
    engine.halfway.release()
