"""What a picture of everything shows: orphans, leftover files, drift; and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from supervisor.engine.base import ContainerRecord
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import Freeze, Phase, Session, SessionId
from supervisor.reactor.drift import Drift, Picture, Plan, Remedy, find_drift, plan
from tests.support.sessions import CONTAINER, NOW, SESSION_ID, session_in

OTHER = SessionId("01hf000000000000000000000b")
GRACE_SECONDS = 60.0


def container(
    status: ContainerStatus = ContainerStatus.RUNNING,
    session_id: SessionId = SESSION_ID,
    container_id: str = CONTAINER,
    *,
    age: float = 1000.0,
    is_stray: bool = False,
) -> ContainerRecord:
    """One of ours."""
    return ContainerRecord(
        session_id=session_id,
        container_id=container_id,
        status=status,
        created_at=NOW - age,
        is_stray=is_stray,
    )


def picture(
    sessions: Sequence[Session] = (),
    containers: Sequence[ContainerRecord] = (),
    kept: Collection[SessionId] = (),
    spared: Collection[SessionId] = (),
) -> Picture:
    """What there is."""
    by_id = {session.id: session for session in sessions}
    return Picture(sessions=by_id, containers=containers, kept_files=kept, spared=spared)


def planned(shown: Picture) -> Plan:
    """The plan for it."""
    return plan(shown, GRACE_SECONDS, NOW)


@pytest.mark.parametrize(("age", "is_due"), [(0, False), (59.9, False), (60, True), (1e6, True)])
def test_a_container_that_nobody_stands_for(age: float, is_due: bool) -> None:  # noqa: FBT001 a case
    """It is an orphan at once, and due when no creation can be under way any more."""
    found = planned(picture(containers=[container(age=age)]))
    assert [(each.container.container_id, each.is_due) for each in found.orphans] == [
        (CONTAINER, is_due)
    ]
    assert found.drift == []


@pytest.mark.parametrize(
    "shown",
    [picture([session_in(phase) for phase in [phase]], [container()]) for phase in Phase]
    + [
        picture([], [container()], kept=[SESSION_ID]),
        picture([], [container()], spared=[SESSION_ID]),
        picture(
            [session_in(Phase.RUNNING)],
            [container(), container(container_id="x" * 64, is_stray=True)],
        ),
    ],
)
def test_a_container_that_somebody_may_stand_for(shown: Picture) -> None:
    """A session in whatever phase, files, or the chance that it is put back: it is no orphan."""
    assert planned(shown).orphans == []


def test_a_stray_of_nobody_is_an_orphan() -> None:
    """Whatever its name: it carries our label and a session's."""
    found = planned(picture(containers=[container(is_stray=True)]))
    assert len(found.orphans) == 1


def test_files_of_nobody_are_left_over() -> None:
    """Those without session and container, and of sessions that are over."""
    ended = session_in(Phase.ENDED)
    kept = [SESSION_ID, OTHER]
    assert planned(picture([ended], kept=kept)).leftover_files == kept
    assert planned(picture([ended], kept=kept, spared=[OTHER])).leftover_files == [SESSION_ID]
    assert planned(picture([ended], [container()], kept=kept)).leftover_files == [OTHER]
    for phase in set(Phase) - {Phase.ENDED}:
        assert planned(picture([session_in(phase)], kept=[SESSION_ID])).leftover_files == []


FROZEN = replace(session_in(Phase.SUSPENDED), freeze=Freeze(frozen=True))
THAWED = session_in(Phase.RUNNING)
RUNNING, PAUSED = ContainerStatus.RUNNING, ContainerStatus.PAUSED
CREATED, EXITED = ContainerStatus.CREATED, ContainerStatus.EXITED


@pytest.mark.parametrize(
    ("session", "status"),
    [
        (session_in(Phase.STARTING), CREATED),
        (session_in(Phase.STARTING), RUNNING),
        (session_in(Phase.STARTING), None),
        (session_in(Phase.RUNNING), RUNNING),
        (session_in(Phase.SUSPENDED), RUNNING),
        (FROZEN, PAUSED),
        (replace(FROZEN, freeze=Freeze(frozen=True, order=1, settled=False)), RUNNING),
        (replace(THAWED, freeze=Freeze(frozen=False, order=2, settled=False)), PAUSED),
        (session_in(Phase.TERMINATING), RUNNING),
        (session_in(Phase.TERMINATING), EXITED),
        (session_in(Phase.ENDED), None),
        (session_in(Phase.PENDING), None),
        (session_in(Phase.UNKNOWN), RUNNING),
    ],
)
def test_what_agrees_is_no_drift(session: Session, status: ContainerStatus | None) -> None:
    """Nor what is about to."""
    containers = [] if status is None else [container(status)]
    assert list(find_drift(picture([session], containers))) == []


@pytest.mark.parametrize(
    ("session", "status", "remedy"),
    [
        (session_in(Phase.RUNNING), None, Remedy.END),
        (session_in(Phase.SUSPENDED), None, Remedy.END),
        (session_in(Phase.TERMINATING), None, Remedy.END),
        (session_in(Phase.UNKNOWN), None, Remedy.END),
        (session_in(Phase.RUNNING), EXITED, Remedy.END),
        (session_in(Phase.UNKNOWN), EXITED, Remedy.END),
        (session_in(Phase.ENDED), RUNNING, Remedy.REMOVE),
        (session_in(Phase.ENDED), EXITED, Remedy.REMOVE),
        (session_in(Phase.PENDING), RUNNING, Remedy.NOTHING),
        (session_in(Phase.RUNNING), PAUSED, Remedy.SUSPEND),
        (FROZEN, RUNNING, Remedy.RESUME),
    ],
)
def test_what_does_not_agree(
    session: Session, status: ContainerStatus | None, remedy: Remedy
) -> None:
    """Once per session, with the phase as it is known, and what is done about it."""
    containers = [] if status is None else [container(status)]
    (drift,) = find_drift(picture([session], containers))
    phase = session.known_phase or session.phase
    assert drift == Drift(SESSION_ID, phase, status, drift.what, remedy)
    assert drift.what


def test_a_container_in_place_of_another() -> None:
    """It is named, and nothing is done about it."""
    (drift,) = find_drift(picture([session_in(Phase.RUNNING)], [container(container_id="x" * 64)]))
    assert (drift.remedy, "replaced" in drift.what) == (Remedy.NOTHING, True)


def test_a_stray_beside_the_sessions_container() -> None:
    """It is named, and nothing is done about it; a renamed container is still the session's."""
    stray = container(container_id="x" * 64, is_stray=True)
    (drift,) = find_drift(picture([session_in(Phase.RUNNING)], [container(), stray]))
    assert (drift.remedy, "xxxxxxxxxxxx" in drift.what) == (Remedy.NOTHING, True)
    renamed = container(is_stray=True)
    assert list(find_drift(picture([session_in(Phase.RUNNING)], [renamed]))) == []


def test_a_container_with_files_and_no_session() -> None:
    """Its session is put back."""
    (drift,) = find_drift(picture([], [container()], kept=[SESSION_ID]))
    assert (drift.phase, drift.remedy) == (None, Remedy.PUT_BACK)
