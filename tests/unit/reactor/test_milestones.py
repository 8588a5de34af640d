"""How far launches have come, and how long it took them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, Reason, Session
from supervisor.reactor.milestones import Milestones, Stage
from tests.support.sessions import NOW, pending_session, session_in
from tests.unit.reactor.fakes import Clock


class Kept:
    """What the recorder was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[Stage, float]] = []
        self.outcomes: list[str] = []

    def stage_passed(self, stage: Stage, seconds: float) -> None:
        """See LaunchRecorder."""
        self.stages.append((stage, seconds))

    def launch_ended(self, outcome: str) -> None:
        """See LaunchRecorder."""
        self.outcomes.append(outcome)


def steps() -> list[Session]:
    """A launch from its acceptance to its display."""
    pending = replace(pending_session(), created_at=NOW)
    starting = replace(pending, phase=Phase.STARTING)
    pulling = replace(starting, progress=0.5)
    prepared = replace(starting, token_hash="a" * 64, image_id="sha256:1")
    started = replace(prepared, container_id="c", started_at=NOW)
    ready = replace(started, phase=Phase.RUNNING, ready_at=NOW)
    later = replace(ready, title="Terminal")
    return [pending, starting, pulling, prepared, started, ready, later]


def walk(milestones: Milestones, clock: Clock, sessions: list[Session]) -> None:
    """One change a second."""
    for before, after in pairwise(sessions):
        clock.at += 1
        milestones(before, after, EventKind.UPDATE, None)


def test_each_stage_is_timed_from_the_one_before() -> None:
    """And the outcome is told once."""
    kept, clock = Kept(), Clock(NOW)
    walk(Milestones(kept, clock), clock, steps())
    assert kept.stages == [
        (Stage.QUEUE, 1.0),
        (Stage.IMAGE, 2.0),
        (Stage.CONTAINER, 1.0),
        (Stage.AGENT, 1.0),
    ]
    assert kept.outcomes == ["Ready"]


def test_a_launch_that_ends_before_it_is_ready_has_its_reason_as_outcome() -> None:
    """Whether it was terminating on the way or not; what ends later was ready once."""
    kept, clock = Kept(), Clock(NOW)
    milestones = Milestones(kept, clock)
    starting = steps()[1]
    ending = replace(starting, phase=Phase.TERMINATING, reason=Reason.IMAGE_PULL_FAILED)
    ended = replace(ending, phase=Phase.ENDED)
    walk(milestones, clock, [starting, ending, ended, replace(ended, message="more")])
    assert kept.outcomes == ["ImagePullFailed"]
    running = replace(session_in(Phase.RUNNING), ready_at=NOW)
    walk(milestones, clock, [running, replace(running, phase=Phase.ENDED)])
    assert kept.outcomes == ["ImagePullFailed"]
    assert not milestones._marks


def test_what_an_earlier_life_began_has_an_outcome_and_no_times() -> None:
    """How long the daemon was away says nothing of the host."""
    kept, clock = Kept(), Clock(NOW)
    walk(Milestones(kept, clock), clock, steps()[2:])
    assert kept.stages == []
    assert kept.outcomes == ["Ready"]


def test_a_clock_that_is_set_back_makes_no_negative_times() -> None:
    """Histograms would take them, and sums be wrong for ever."""
    kept, clock = Kept(), Clock(NOW)
    milestones = Milestones(kept, clock)
    first = steps()
    clock.at -= 100
    milestones(first[0], first[1], EventKind.UPDATE, None)
    assert kept.stages == [(Stage.QUEUE, 0.0)]
