"""The core end to end over an engine in memory: the lives of sessions."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from supervisor.errors import ImagePullError
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.facts import AgentReady, CommandExited, TerminateRequested
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, Reason
from supervisor.reactor import lane
from supervisor.reactor.admission import AdmissionLimits
from tests.support.memory_host import Program
from tests.support.turning import settled, until
from tests.unit.reactor.life import IMAGE, TEMPLATE, House, Life

AGENT = ("/usr/bin/perl", "/opt/fastx/agent/bin/fx-session")


async def test_a_session_from_start_to_end(life: Life) -> None:
    """Pending, starting, running, terminating, ended: each is told, and nothing is left behind."""
    phases: list[Phase] = []
    with life.core.feed.subscribe() as items:
        session = await life.run()
        assert session.phase is Phase.RUNNING
        assert life.core.directory.find_by_token_hash(life.token_hash(session.id)) == session.id
        await life.core.sessions.submit(session.id, TerminateRequested())
        ended = await life.reaches(session.id, Phase.ENDED)
        latest = life.core.feed.latest()
        item: FeedItem = await anext(items)
        while item.seq < latest:
            item = await anext(items)
            phases.append(Phase(item.data.split(b'"phase":"')[1].split(b'"')[0].decode()))
    assert [phase for at, phase in enumerate(phases) if phases[at - 1 : at] != [phase]] == [
        Phase.STARTING,
        Phase.RUNNING,
        Phase.TERMINATING,
        Phase.ENDED,
    ]
    assert (ended.reason, ended.exit_code) == (Reason.TERMINATED, 143)
    await until(lambda: life.link.released == [session.id])
    await until(lambda: not life.house.files.path(session.id).exists())
    assert life.link.closed == [(session.id, 4001)]
    assert life.engine.host.containers == {}


async def test_the_container_is_dressed(life: Life) -> None:
    """Labels, user and mounts are the session's; the agent is what is run."""
    session = await life.run()
    spec = life.engine.container(session.id).spec
    assert spec.user == "1000:1000"
    assert spec.entrypoint == AGENT
    assert spec.labels["com.fastx.supervisor.owner"] == "memory"
    writable = [mount.target for mount in spec.mounts if not mount.read_only]
    assert writable == [life.house.identity.home]


async def test_a_command_that_exits(life: Life) -> None:
    """The agent reports the exit, the container follows, and the reason is the command's."""
    session = await life.run()
    await life.core.sessions.submit(session.id, CommandExited(3, 5, "bye"))
    life.engine.exit(session.id, 5)
    ended = await life.reaches(session.id, Phase.ENDED)
    assert (ended.reason, ended.exit_code, ended.has_log) == (Reason.COMMAND_EXITED, 5, True)
    # In the store, not in memory for as long as the session is remembered.
    assert ended.log_tail == ""
    async with life.core.logs.open(session.id, tail=None, follow=False) as pieces:
        assert b"".join([piece async for piece in pieces]) == b"bye"


async def test_a_container_that_dies(life: Life) -> None:
    """Without a word from the agent, the engine's events end the session."""
    session = await life.run()
    life.engine.exit(session.id, 9)
    ended = await life.reaches(session.id, Phase.ENDED)
    assert (ended.reason, ended.exit_code) == (Reason.CONTAINER_DIED, 9)


async def test_a_container_out_of_memory(life: Life) -> None:
    """The kernel's kill is told apart from other deaths."""
    session = await life.run()
    life.engine.exit(session.id, 137, oom=True)
    assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.OUT_OF_MEMORY


async def test_a_container_that_does_not_listen(life: Life) -> None:
    """What outstays its grace period is forced away."""
    life.engine.host.programs[AGENT] = Program(on_signal={})
    session = await life.run()
    await life.core.sessions.submit(session.id, TerminateRequested())
    await until(lambda: life.engine.container(session.id).signals == ["SIGTERM"])
    life.house.clock.at += 12.5
    life.look_at_clock(session.id)
    ended = await life.reaches(session.id, Phase.ENDED)
    assert ended.reason is Reason.TERMINATED
    assert life.engine.host.containers == {}


async def test_an_image_that_cannot_be_had(life: Life) -> None:
    """A failed pull ends the session with its reason; no container was ever made."""
    life.house.write_template("docker", TEMPLATE.replace(IMAGE, "nowhere/image:1"))
    session = await life.start()
    ended = await life.reaches(session.id, Phase.ENDED)
    assert ended.reason is Reason.IMAGE_PULL_FAILED
    assert "nowhere/image:1" in ended.message
    assert "launch" not in life.engine.calls


async def test_an_image_is_pulled(life: Life) -> None:
    """A missing image is fetched, its progress told, and the session runs."""
    contents = life.engine.host.images.pop(IMAGE)
    life.engine.host.registry[IMAGE] = contents
    before = life.core.feed.latest()
    with life.core.feed.subscribe() as items:
        session = await life.run()
        seen = [await anext(items) for _ in range(life.core.feed.latest() - before)]
    assert session.image_id == contents.image_id
    assert any(b'"progress":0.5' in item.data for item in seen)


async def test_an_image_is_pulled_for_the_templates_platform(life: Life) -> None:
    """Where an image is made for several, the template says which."""
    life.house.write_template("docker", TEMPLATE + "platform: linux/arm64\n")
    life.engine.host.registry[IMAGE] = life.engine.host.images.pop(IMAGE)
    await life.run()
    assert life.engine.pulled == [(IMAGE, "linux/arm64")]


async def test_an_image_without_perl(life: Life) -> None:
    """An image that cannot run the agent is refused before a container is made."""
    life.engine.host.add_image(IMAGE, perl=None)
    session = await life.start()
    assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.PERL_MISSING
    assert "launch" not in life.engine.calls


async def test_a_pull_is_cancelled(life: Life) -> None:
    """Terminating a session that is still being prepared does not wait for the pull."""
    del life.engine.host.images[IMAGE]
    gate = life.engine.hold("pull_image")
    session = await life.start()
    await gate.entered.wait()
    await life.core.sessions.submit(session.id, TerminateRequested())
    assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.TERMINATED


async def test_terminating_during_the_launch(life: Life) -> None:
    """A launch that the engine is at work on is removed when it is done."""
    gate = life.engine.hold("launch", after_work=True)
    session = await life.start()
    await gate.entered.wait()
    await life.core.sessions.submit(session.id, TerminateRequested())
    await settled()
    gate.release()
    ended = await life.reaches(session.id, Phase.ENDED)
    assert ended.reason is Reason.TERMINATED
    assert life.engine.host.containers == {}


async def test_a_lost_answer_to_the_launch(life: Life) -> None:
    """A container that started although its answer got lost is found, and there is one only."""
    life.engine.lose_answer("launch", times=2)
    session = await life.start()
    await until(lambda: life.engine.calls.count("launch") == 3)
    await life.launched(session.id)
    running = await life.core.sessions.submit(session.id, AgentReady(1))
    await settled()
    assert len(life.engine.host.containers) == 1
    assert life.session(session.id) == running


async def test_a_command_that_is_over_is_not_run_again(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent comes and goes before the answer to the launch, lost once, is asked for again."""
    monkeypatch.setattr(lane, "FIRST_RETRY_SECONDS", 0.2)
    life.engine.lose_answer("launch")
    session = await life.start()
    await life.launched(session.id)
    await life.core.sessions.submit(session.id, AgentReady(1))
    await life.core.sessions.submit(session.id, CommandExited(2, 0, "done"))
    life.engine.exit(session.id, 0)
    await until(lambda: not life.core._lanes._lanes)
    assert life.engine.calls.count("launch") == 1
    assert life.engine.host.containers == {}
    assert life.session(session.id).reason is Reason.COMMAND_EXITED


async def test_a_start_is_not_repeated_for_what_has_ended(life: Life) -> None:
    """A container that ended before the lost answer to its launch was missed is not made again."""
    gate = life.engine.hold("launch", after_work=True)
    life.engine.lose_answer("launch")
    session = await life.start()
    await gate.entered.wait()
    life.engine.exit(session.id, 3)
    await life.reaches(session.id, Phase.ENDED)
    gate.release()
    await until(lambda: life.link.released == [session.id])
    assert life.engine.calls.count("launch") == 1
    assert life.engine.host.containers == {}


async def test_nothing_starts_while_the_engine_is_away(house: House) -> None:
    """Who waits for a slot goes on waiting: it is not to be late for what nobody could start."""
    house.limits = AdmissionLimits(concurrent_starts=1)
    async with house.life() as life:
        await life.ready()
        first, second = await life.start(), await life.start()
        await life.launched(first.id)
        life.engine.go_away()
        await life.reaches(first.id, Phase.UNKNOWN)
        await life.core.sessions.submit(first.id, AgentReady(1))
        await settled()
        assert life.session(second.id).phase is Phase.PENDING
        life.engine.come_back()
        await life.reaches(second.id, Phase.STARTING)


async def test_an_engine_that_refuses(life: Life) -> None:
    """A refusal for good ends the session, and its removal leaves nothing."""
    life.engine.fail("read_image", ImagePullError("no"))
    session = await life.start()
    assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.IMAGE_PULL_FAILED


async def test_an_engine_that_goes_away(life: Life) -> None:
    """Sessions become unknown and return to what they were; what ended meanwhile has ended."""
    stays, leaves = await life.run(), await life.run()
    life.engine.go_away()
    await life.reaches(stays.id, Phase.UNKNOWN)
    await life.reaches(leaves.id, Phase.UNKNOWN)
    assert not life.core.health.ready()[0]
    with life.engine.host.dropped_events():
        life.engine.exit(leaves.id)
    life.engine.come_back()
    assert (await life.reaches(leaves.id, Phase.ENDED)).reason is Reason.CONTAINER_GONE
    assert (await life.reaches(stays.id, Phase.RUNNING)).container_id == stays.container_id


async def test_a_lost_engine_is_told_once_and_not_for_each_session(life: Life) -> None:
    """How many it concerns is in that line; thousands of others would bury it."""
    for _ in range(3):
        await life.run()
    with capture_logs() as logged:
        life.engine.go_away()
        await until(lambda: all(each.phase is Phase.UNKNOWN for each in life.core.directory))
        life.engine.come_back()
        await until(lambda: all(each.phase is Phase.RUNNING for each in life.core.directory))
    told = [line for line in logged if line["log_level"] != "debug"]
    assert [(line["event"], line.get("sessions")) for line in told] == [
        ("engine_lost", 3),
        ("engine_found", 3),
    ]


async def test_an_event_that_was_lost(house: House) -> None:
    """A listing now and then finds what no event told."""
    house.relist_seconds = 0.02
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        with life.engine.host.dropped_events():
            life.engine.exit(session.id)
        assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.CONTAINER_GONE


async def test_purging_waits_for_the_end(life: Life) -> None:
    """When purge returns there is neither container nor session."""
    session = await life.run()
    await life.core.sessions.purge(session.id)
    assert life.engine.host.containers == {}
    with pytest.raises(SessionNotFoundError):
        life.core.sessions.get(session.id)
    (item, *_) = (await life.core.feed.replay(life.core.feed.latest() - 1))[::-1]
    assert item.kind is EventKind.DELETE


async def test_starts_are_limited(house: House) -> None:
    """Beyond the limit sessions wait in order, and start when one before them is ready."""
    house.limits = AdmissionLimits(concurrent_starts=1)
    async with house.life() as life:
        await life.ready()
        first, second, third = [await life.start() for _ in range(3)]
        await life.launched(first.id)
        await until(lambda: life.session(third.id).queue_position == 2)
        assert life.session(second.id).phase is Phase.PENDING
        await life.core.sessions.submit(first.id, AgentReady(1))
        await life.launched(second.id)
        await until(lambda: life.session(third.id).queue_position == 1)
