"""What every engine does with containers: launch, stop, remove, list."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from supervisor.engine import labels
from supervisor.engine.base import ContainerRecord, container_name
from supervisor.errors import (
    EngineError,
    EngineUnreachableError,
    ImageNotFoundError,
    MountMissingError,
)
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import Mount, MountType, NetworkAttachment, Networking
from tests.contract.conftest import EXIT_3, IDS, NOT_THERE, Subject, specification

KEPT: dict[str, Any] = {"raw_host_config": {"AutoRemove": False}}
"""A container that stays when it has exited."""


async def record(subject: Subject, session_id: SessionId) -> ContainerRecord | None:
    """What a listing shows of the session's container."""
    for each in await subject.engine.list_containers():
        if each.session_id == session_id:
            return each
    return None


async def launch_and_wait(
    subject: Subject,
    session_id: SessionId,
    **changes: Any,  # noqa: ANN401 fields have types of their own
) -> str:
    """Launch a container whose program listens to signals when this returns."""
    container_id = await subject.engine.launch(
        session_id, specification(subject, session_id, **changes)
    )
    async with asyncio.timeout(10):
        while not await subject.is_up(session_id):
            await asyncio.sleep(0.02)
    return container_id


async def wait_status(
    subject: Subject, session_id: SessionId, status: ContainerStatus | None
) -> ContainerRecord | None:
    """Wait until the listing shows the status; ``None``: until it shows no container."""
    async with asyncio.timeout(20):
        while True:
            found = await record(subject, session_id)
            if (found and found.status) == status:
                return found
            await asyncio.sleep(0.02)


async def test_launch_starts_a_labelled_container(subject: Subject, session_id: SessionId) -> None:
    """What was launched runs, is listed by its session, and has the id that launch returned."""
    container_id = await subject.engine.launch(session_id, specification(subject, session_id))
    found = await record(subject, session_id)
    assert found is not None
    assert (found.container_id, found.status) == (container_id, ContainerStatus.RUNNING)
    assert found.exit_code is None
    assert found.created_at > 0


async def test_launch_twice_is_one_container(subject: Subject, session_id: SessionId) -> None:
    """A launch is repeated when its answer got lost: the same container is found, running."""
    spec = specification(subject, session_id)
    first = await subject.engine.launch(session_id, spec)
    assert await subject.engine.launch(session_id, spec) == first
    assert [each.container_id for each in await subject.engine.list_containers()] == [first]


async def test_launch_twice_with_networks(subject: Subject, session_id: SessionId) -> None:
    """A repeated launch finds the container connected already, and does not mind."""
    names = [await subject.add_network() for _ in range(2)]
    attached = tuple(NetworkAttachment(name=name) for name in names)
    spec = specification(subject, session_id, networking=Networking(networks=attached))
    first = await subject.engine.launch(session_id, spec)
    assert await subject.engine.launch(session_id, spec) == first


async def test_launch_starts_what_was_only_created(subject: Subject, session_id: SessionId) -> None:
    """A launch that broke off between create and start is completed by the next one."""
    spec = specification(subject, session_id)
    await subject.create_only(session_id, spec)
    await subject.engine.launch(session_id, spec)
    found = await record(subject, session_id)
    assert found is not None
    assert found.status is ContainerStatus.RUNNING


async def test_launch_replaces_what_cannot_be_started(
    subject: Subject, session_id: SessionId
) -> None:
    """What an engine that died in the middle of a start has left is of no use to anybody."""
    broken = specification(subject, session_id, entrypoint=NOT_THERE, init=False)
    await subject.create_only(session_id, broken)
    left = await record(subject, session_id)
    assert left is not None
    async with subject.engine.watch(time.time() - 60) as events:
        launched = await subject.engine.launch(session_id, specification(subject, session_id))
        assert launched != left.container_id
        async with asyncio.timeout(30):
            assert (await anext(events)).container_id == launched
    assert await subject.names() == {container_name(session_id)}


async def test_a_strangers_container_is_left_alone(subject: Subject, session_id: SessionId) -> None:
    """A name that another owner's container has is refused; stop and remove do not touch it."""
    other = f"{subject.owner}-other"
    spec = specification(
        subject, session_id, labels={labels.OWNER: other, labels.SESSION: session_id}
    )
    theirs = await subject.engine_of(other).launch(session_id, spec)
    with pytest.raises(EngineError) as refusal:
        await subject.engine.launch(session_id, specification(subject, session_id))
    assert not isinstance(refusal.value, EngineUnreachableError)
    await subject.engine.stop(session_id, "SIGKILL")
    await subject.engine.remove(session_id)
    (left,) = await subject.engine_of(other).list_containers()
    assert (left.container_id, left.status) == (theirs, ContainerStatus.RUNNING)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param(
            {"mounts": (Mount(type=MountType.BIND, source="/no/such/source", target="/m"),)},
            MountMissingError,
            id="mount without source",
        ),
        pytest.param({"image": "fx-no-such-image:ever"}, ImageNotFoundError, id="no image"),
        pytest.param(
            {"entrypoint": NOT_THERE, "init": False, **KEPT}, EngineError, id="no program"
        ),
    ],
)
async def test_a_failed_launch_leaves_nothing(
    subject: Subject, session_id: SessionId, changes: dict[str, Any], error: type[EngineError]
) -> None:
    """Whatever the engine refuses, no container stays behind, and retrying would not help."""
    with pytest.raises(error) as refusal:
        await subject.engine.launch(session_id, specification(subject, session_id, **changes))
    assert not refusal.value.retryable
    assert await subject.names() == set()


async def test_an_init_hides_a_missing_program(subject: Subject, session_id: SessionId) -> None:
    """Where an init is the first program, the engine starts it, and the exit code is 127."""
    await subject.engine.launch(
        session_id, specification(subject, session_id, entrypoint=NOT_THERE, **KEPT)
    )
    found = await wait_status(subject, session_id, ContainerStatus.EXITED)
    assert found is not None
    assert found.exit_code == 127


async def test_stop_delivers_the_signal(subject: Subject, session_id: SessionId) -> None:
    """The container's program gets the signal and ends as it sees fit."""
    await launch_and_wait(subject, session_id, **KEPT)
    await subject.engine.stop(session_id, "SIGTERM")
    found = await wait_status(subject, session_id, ContainerStatus.EXITED)
    assert found is not None
    assert found.exit_code == 7


async def test_stop_of_what_does_not_run_is_fine(subject: Subject, session_id: SessionId) -> None:
    """There may be no container, or one that has exited already: the wish is fulfilled."""
    await subject.engine.stop(session_id, "SIGTERM")
    await subject.engine.launch(
        session_id, specification(subject, session_id, entrypoint=EXIT_3, **KEPT)
    )
    await wait_status(subject, session_id, ContainerStatus.EXITED)
    await subject.engine.stop(session_id, "SIGTERM")


@pytest.mark.parametrize("changes", [{}, KEPT], ids=["removed by itself", "kept"])
async def test_remove_takes_a_running_container(
    subject: Subject, session_id: SessionId, changes: dict[str, Any]
) -> None:
    """When remove returns there is no container of that name, and removing again is fine."""
    await subject.engine.launch(session_id, specification(subject, session_id, **changes))
    await subject.engine.remove(session_id)
    assert container_name(session_id) not in await subject.names()
    await subject.engine.remove(session_id)


async def test_remove_takes_what_never_ran(subject: Subject, session_id: SessionId) -> None:
    """A container that was created and not started goes as well."""
    await subject.create_only(session_id, specification(subject, session_id))
    await subject.engine.remove(session_id)
    assert await subject.names() == set()


async def test_discarding_goes_by_id(subject: Subject, session_id: SessionId) -> None:
    """Whatever its name, the container is gone, and once more is fine; others stay."""
    spec = specification(subject, session_id)
    stray = await subject.run_stray("debugging", spec)
    container_id = await subject.engine.launch(session_id, spec)
    for _ in range(2):
        await subject.engine.discard(stray)
        assert await subject.names() == {container_name(session_id)}
    await subject.engine.discard(container_id)
    await wait_status(subject, session_id, None)


async def test_discarding_spares_others(subject: Subject, session_id: SessionId) -> None:
    """A container with another owner's label is refused, though its name is our session's."""
    theirs = {labels.OWNER: f"{subject.owner}-other", labels.SESSION: session_id}
    spec = specification(subject, session_id, labels=theirs)
    other = await subject.engine_of(f"{subject.owner}-other").launch(session_id, spec)
    with pytest.raises(EngineError, match="not this supervisor's"):
        await subject.engine.discard(other)
    assert await subject.names() == {container_name(session_id)}


async def test_a_stray_is_told_apart(subject: Subject, session_id: SessionId) -> None:
    """A container made from a session's image has its labels, and not its name."""
    spec = specification(
        subject,
        session_id,
        labels={
            labels.OWNER: subject.owner,
            labels.SESSION: session_id,
            labels.USER: "alice",
            labels.TEMPLATE: "docker",
        },
    )
    stray = await subject.run_stray("debugging", spec)
    container_id = await subject.engine.launch(session_id, spec)
    found = {each.container_id: each for each in await subject.engine.list_containers()}
    assert {each: found[each].is_stray for each in found} == {stray: True, container_id: False}
    listed = found[container_id]
    assert (listed.user, listed.template, listed.image) == ("alice", "docker", subject.image)
    assert listed.image_id == await subject.engine.find_image(subject.image)


async def test_removal_at_the_same_time_is_fine(subject: Subject, session_id: SessionId) -> None:
    """Two removals of one container do not quarrel."""
    await subject.engine.launch(session_id, specification(subject, session_id))
    await asyncio.gather(*(subject.engine.remove(session_id) for _ in range(3)))
    await wait_status(subject, session_id, None)


async def test_pause_and_unpause(subject: Subject, session_id: SessionId) -> None:
    """A frozen container says so, goes on when told to, and either may be asked twice."""
    container_id = await launch_and_wait(subject, session_id)
    for _ in range(2):
        await subject.engine.pause(session_id)
        found = await subject.engine.find_container(session_id)
        assert found is not None
        assert (found.container_id, found.status) == (container_id, ContainerStatus.PAUSED)
    listed = await record(subject, session_id)
    assert listed is not None
    assert listed.status is ContainerStatus.PAUSED
    for _ in range(2):
        await subject.engine.unpause(session_id)
        found = await subject.engine.find_container(session_id)
        assert found is not None
        assert found.status is ContainerStatus.RUNNING


async def test_what_is_not_there_can_be_paused(subject: Subject, session_id: SessionId) -> None:
    """Nor is there anything to find."""
    await subject.engine.pause(session_id)
    await subject.engine.unpause(session_id)
    assert await subject.engine.find_container(session_id) is None


async def test_what_is_found_is_ours(subject: Subject, session_id: SessionId) -> None:
    """Another owner's container of this session's name is not found, and not frozen."""
    other = subject.engine_of(f"{subject.owner}-other")
    theirs = specification(
        subject,
        session_id,
        labels={labels.OWNER: f"{subject.owner}-other", labels.SESSION: session_id},
    )
    await other.launch(session_id, theirs)
    try:
        assert await subject.engine.find_container(session_id) is None
        await subject.engine.pause(session_id)
        found = await other.find_container(session_id)
        assert found is not None
        assert found.status is ContainerStatus.RUNNING
    finally:
        await other.remove(session_id)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGWINCH"])
async def test_stop_reaches_a_frozen_container(
    subject: Subject, session_id: SessionId, signal: str
) -> None:
    """It is thawed, so that it hears its signal; also by one that ends nothing."""
    await launch_and_wait(subject, session_id, **KEPT)
    await subject.engine.pause(session_id)
    await subject.engine.stop(session_id, signal)
    if signal == "SIGTERM":
        found = await wait_status(subject, session_id, ContainerStatus.EXITED)
        assert found is not None
        assert found.exit_code == 7
    else:
        found = await wait_status(subject, session_id, ContainerStatus.RUNNING)
        assert found is not None


@pytest.mark.parametrize("changes", [{}, KEPT], ids=["removed by itself", "kept"])
async def test_remove_takes_a_frozen_container(
    subject: Subject, session_id: SessionId, changes: dict[str, Any]
) -> None:
    """A container need not be thawed to be removed."""
    await launch_and_wait(subject, session_id, **changes)
    await subject.engine.pause(session_id)
    await subject.engine.remove(session_id)
    assert container_name(session_id) not in await subject.names()


async def test_the_listing_tells_states_apart(subject: Subject) -> None:
    """Created, running and exited containers are listed as such, exited ones with their code."""
    created, running, exited = IDS.next(), IDS.next(), IDS.next()
    await subject.create_only(created, specification(subject, created))
    await subject.engine.launch(running, specification(subject, running))
    await subject.engine.launch(exited, specification(subject, exited, entrypoint=EXIT_3, **KEPT))
    await wait_status(subject, exited, ContainerStatus.EXITED)
    listed = await subject.engine.list_containers()
    assert {each.session_id: (each.status, each.exit_code) for each in listed} == {
        created: (ContainerStatus.CREATED, None),
        running: (ContainerStatus.RUNNING, None),
        exited: (ContainerStatus.EXITED, 3),
    }


async def test_the_listing_is_ours(subject: Subject, session_id: SessionId) -> None:
    """Another owner's containers are not listed, nor ours that belong to no session."""
    other = f"{subject.owner}-other"
    theirs, probe = IDS.next(), IDS.next()
    await subject.engine.launch(session_id, specification(subject, session_id))
    await subject.create_only(
        theirs,
        specification(subject, theirs, labels={labels.OWNER: other, labels.SESSION: theirs}),
    )
    await subject.create_only(
        probe,
        specification(subject, probe, labels={labels.OWNER: subject.owner, labels.PROBE: "true"}),
    )
    assert [each.session_id for each in await subject.engine.list_containers()] == [session_id]


async def test_tidying_leaves_sessions_alone(subject: Subject, session_id: SessionId) -> None:
    """What an earlier life left of reading an image goes; sessions' containers stay."""
    probe = IDS.next()
    await subject.engine.launch(session_id, specification(subject, session_id))
    await subject.create_only(
        probe,
        specification(subject, probe, labels={labels.OWNER: subject.owner, labels.PROBE: "true"}),
    )
    await subject.engine.tidy(created_before=time.time() - 3600)
    assert container_name(probe) in await subject.names()
    await subject.engine.tidy()
    assert [each.session_id for each in await subject.engine.list_containers()] == [session_id]
    assert container_name(probe) not in await subject.names()


async def test_an_image_cannot_have_its_sessions_tidied_away(
    subject: Subject, session_id: SessionId
) -> None:
    """A label of ours on an image is on its containers as well."""
    labelled = {labels.OWNER: subject.owner, labels.SESSION: session_id, labels.PROBE: "true"}
    await subject.engine.launch(session_id, specification(subject, session_id, labels=labelled))
    await subject.engine.tidy()
    assert [each.session_id for each in await subject.engine.list_containers()] == [session_id]
