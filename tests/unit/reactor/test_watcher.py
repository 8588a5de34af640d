"""The watcher over an engine in memory: events and listings become facts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from supervisor.engine import labels
from supervisor.engine.base import ContainerRecord
from supervisor.errors import EngineError
from supervisor.lifecycle.facts import (
    ContainerExited,
    ContainerGone,
    ContainerListed,
    ContainerOutOfMemory,
    ContainerStatus,
    EngineFound,
    EngineLost,
)
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.reactor.directory import Directory
from supervisor.reactor.watcher import Watcher
from supervisor.template.spec import ContainerSpec
from tests.support.memory_engine import MemoryEngine
from tests.support.sessions import SESSION_ID, session_in
from tests.support.turning import settled, until
from tests.unit.reactor.fakes import Posts, Tasks

OTHER = SessionId("01hf000000000000000000000b")


@dataclass
class Post:
    """A watcher and everything around it."""

    engine: MemoryEngine
    directory: Directory
    posts: Posts
    adopted: list[list[ContainerRecord]]
    watcher: Watcher
    tasks: Tasks

    async def begin(self) -> None:
        """Watch, and wait for the first listing."""
        self.tasks.spawn(self.watcher.run())
        await until(lambda: self.watcher.health.reachable)
        await settled()
        del self.posts.made[:]

    async def launch(self, session_id: SessionId = SESSION_ID) -> str:
        """A running container, and a session that knows of it."""
        spec = ContainerSpec(
            image="any",
            labels={labels.OWNER: self.engine.owner, labels.SESSION: session_id},
        )
        container_id = await self.engine.launch(session_id, spec)
        session = replace(session_in(Phase.RUNNING), id=session_id, container_id=container_id)
        self.directory.put(session)
        return container_id


@pytest.fixture
def post(tasks: Tasks) -> Post:
    """A watcher that has not begun."""
    engine, directory, posts = MemoryEngine(), Directory(), Posts()
    engine.host.add_image("any")
    adopted: list[list[ContainerRecord]] = []

    async def adopt(records: list[ContainerRecord]) -> None:
        adopted.append(records)

    watcher = Watcher(
        engine=engine,
        directory=directory,
        post=posts,
        adopt=adopt,
        found=lambda: None,
        lost=lambda: None,
        note=lambda _sessions, _records: None,
        now=lambda: 0.0,
        relist_seconds=lambda: 3600.0,
    )
    return Post(engine, directory, posts, adopted, watcher, tasks)


async def test_events_become_facts(post: Post) -> None:
    """Start, out of memory, death and removal are told of the session, in order."""
    await post.begin()
    container_id = await post.launch()
    post.engine.exit(SESSION_ID, 137, oom=True)
    await until(lambda: len(post.posts.made) >= 4)
    assert post.posts.made == [
        (SESSION_ID, ContainerListed(container_id, ContainerStatus.RUNNING)),
        (SESSION_ID, ContainerOutOfMemory(container_id)),
        (SESSION_ID, ContainerExited(container_id, 137)),
        (SESSION_ID, ContainerGone(container_id)),
    ]


async def test_freezing_is_told(post: Post) -> None:
    """A container that is paused or unpaused, by whomever, is told like one in a listing."""
    await post.begin()
    await post.launch()
    container = post.engine.container(SESSION_ID)
    post.engine.host.freeze(container, frozen=True)
    post.engine.host.freeze(container, frozen=False)
    post.engine.exit(SESSION_ID)
    await until(lambda: len(post.posts.made) >= 5)
    container_id = container.container_id
    assert post.posts.facts == [
        ContainerListed(container_id, ContainerStatus.RUNNING),
        ContainerListed(container_id, ContainerStatus.PAUSED),
        ContainerListed(container_id, ContainerStatus.RUNNING),
        ContainerExited(container_id, 0),
        ContainerGone(container_id),
    ]


async def test_adoption_comes_first_and_once(post: Post) -> None:
    """The first complete listing goes to adoption before the watcher calls itself ready."""
    container_id = await post.launch()
    assert not post.watcher.health.adopted
    await post.begin()
    assert [record.container_id for record in post.adopted[0]] == [container_id]
    post.engine.host.break_streams()
    await until(lambda: post.engine.calls.count("list_containers") == 2)
    assert len(post.adopted) == 1
    assert post.watcher.health.adopted


async def test_each_stream_is_followed_by_a_listing(post: Post) -> None:
    """What happened between two streams, unseen, is found by the listing after the reconnect."""
    await post.begin()
    gone, stays = await post.launch(), await post.launch(OTHER)
    with post.engine.host.dropped_events():
        post.engine.exit(SESSION_ID)
    del post.posts.made[:]
    post.engine.host.break_streams()
    await until(lambda: ContainerGone(gone) in post.posts.facts)
    assert post.posts.of(SESSION_ID)[-1] == ContainerGone(gone)
    assert ContainerListed(stays, ContainerStatus.RUNNING) in post.posts.of(OTHER)
    assert EngineLost() not in post.posts.facts


async def test_a_slow_timer_lists_once_more(post: Post) -> None:
    """An event that was lost on a healthy stream is made up for."""
    post.watcher._relist_seconds = lambda: 0.01
    await post.begin()
    container_id = await post.launch()
    with post.engine.host.dropped_events():
        post.engine.exit(SESSION_ID)
    await until(lambda: ContainerGone(container_id) in post.posts.facts)


async def test_a_session_that_starts_during_the_listing(post: Post) -> None:
    """A container that is younger than the listing is not missed in it."""
    await post.begin()
    old = await post.launch(OTHER)
    with post.engine.host.dropped_events():
        post.engine.exit(OTHER)
    gate = post.engine.hold("list_containers", after_work=True)
    post.engine.host.break_streams()
    await gate.entered.wait()
    young = await post.launch(SESSION_ID)
    gate.release()
    await until(lambda: ContainerGone(old) in post.posts.facts)
    await settled()
    assert ContainerGone(young) not in post.posts.facts


async def test_a_session_that_starts_during_adoption(post: Post) -> None:
    """The listing that is adopted is older than what adoption has started."""
    young: list[str] = []

    async def adopt(_records: list[ContainerRecord]) -> None:
        young.append(await post.launch())

    post.watcher._adopt = adopt
    post.tasks.spawn(post.watcher.run())
    await until(lambda: post.watcher.health.reachable)
    await settled()
    assert ContainerGone(young[0]) not in post.posts.facts


async def test_what_is_not_known_cannot_be_missed(post: Post) -> None:
    """A session without a container, and one that has ended, are not told that theirs is gone."""
    post.directory.put(session_in(Phase.STARTING))
    post.directory.put(replace(session_in(Phase.ENDED), id=OTHER))
    await post.begin()
    post.engine.host.break_streams()
    await until(lambda: post.engine.calls.count("list_containers") == 2)
    await settled()
    assert post.posts.made == []


async def test_an_exited_container_is_listed_as_such(post: Post) -> None:
    """Exit code and cause of death come from the listing when no event told them."""
    container_id = await post.launch()
    container = post.engine.container(SESSION_ID)
    container.spec = replace(container.spec, raw_host_config={"AutoRemove": False})
    with post.engine.host.dropped_events():
        post.engine.exit(SESSION_ID, 137, oom=True)
    post.tasks.spawn(post.watcher.run())
    exited = ContainerListed(container_id, ContainerStatus.EXITED, 137, oom_killed=True)
    await until(lambda: exited in post.posts.facts)


async def test_an_engine_that_is_lost_and_found(post: Post) -> None:
    """Each live session is told once that the engine is gone, and once that it is back."""
    await post.launch()
    post.directory.put(replace(session_in(Phase.ENDED), id=OTHER))
    await post.begin()
    post.engine.go_away()
    await until(lambda: post.engine.calls.count("list_containers") > 4)
    assert post.posts.made == [(SESSION_ID, EngineLost())]
    assert not post.watcher.health.reachable
    assert post.watcher.health.message == "The engine does not answer."
    post.engine.come_back()
    await until(lambda: post.watcher.health.reachable)
    await until(lambda: len(post.posts.made) >= 3)
    told = [type(fact) for fact in post.posts.facts]
    assert told[:3] == [EngineLost, EngineFound, ContainerListed]
    assert post.watcher.health.message == ""


async def test_events_are_taken_up_where_they_stopped(post: Post) -> None:
    """What happened while the stream was down is replayed, if the engine still has it."""
    await post.begin()
    container_id = await post.launch()
    await until(lambda: len(post.posts.made) == 1)
    gate = post.engine.hold("watch")
    post.engine.host.break_streams()
    await gate.entered.wait()
    post.engine.exit(SESSION_ID, 4)
    gate.release()
    await until(lambda: ContainerExited(container_id, 4) in post.posts.facts)


async def test_a_refused_listing_is_retried(post: Post) -> None:
    """An engine that refuses to list is as good as none, until it does."""
    post.engine.fail("list_containers", EngineError("no", status=500), times=3)
    post.tasks.spawn(post.watcher.run())
    await until(lambda: post.watcher.health.reachable)
    assert post.engine.calls.count("list_containers") == 4


async def test_the_watcher_can_be_stopped(post: Post) -> None:
    """Cancelled, it ends at once and closes its stream."""
    await post.begin()
    async with asyncio.timeout(5):
        await post.tasks.cancel()
    assert post.engine.host.streams == set()
