"""Timers: deadlines of the wall clock become facts when they pass, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from supervisor.lifecycle.facts import DeadlinePassed
from supervisor.lifecycle.session import DeadlineName, Phase, Session
from supervisor.reactor.timers import AGAIN_SECONDS, Timers
from tests.support.sessions import NOW, session_in
from tests.support.virtual_time import VirtualTimeLoop
from tests.unit.reactor.fakes import Clock, Posts

STARTUP, LIFETIME = DeadlineName.STARTUP, DeadlineName.LIFETIME


class Alarm:
    """Timers in a loop of virtual time, and a wall clock that goes with it unless it is set."""

    def __init__(self) -> None:
        self.loop = VirtualTimeLoop()
        self.clock = Clock(NOW)
        self.posts = Posts()
        self.timers = Timers(self.posts, self.clock)
        self.timers.open()

    def watch(self, session: Session) -> None:
        """Follow the session's deadlines."""

        async def watch() -> None:
            self.timers.watch(session)

        self.loop.run_until_complete(watch())

    def wait(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        self.clock.at += seconds
        self.loop.advance(seconds)

    @property
    def told(self) -> list[DeadlinePassed]:
        """What has been told since this was asked last."""
        told, self.posts.made[:] = self.posts.facts, []
        return [fact for fact in told if isinstance(fact, DeadlinePassed)]


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    """At ``NOW``."""
    alarm = Alarm()
    yield alarm
    alarm.loop.close()


def due_in(**seconds: float) -> Session:
    """A session with these deadlines, from ``NOW`` on."""
    deadlines = {DeadlineName(name): NOW + each for name, each in seconds.items()}
    return replace(session_in(Phase.STARTING), deadlines=deadlines)


def test_a_deadline_passes(alarm: Alarm) -> None:
    """At its time, the session is told which of its deadlines has passed."""
    alarm.watch(due_in(startup=5, lifetime=900))
    alarm.wait(4.9)
    assert alarm.told == []
    alarm.wait(0.2)
    assert alarm.told == [DeadlinePassed(STARTUP, NOW + 5)]


def test_what_changes_nothing_is_told_again(alarm: Alarm) -> None:
    """Now and then, and without putting off what comes next."""
    alarm.watch(due_in(startup=5, lifetime=7))
    both = [DeadlinePassed(STARTUP, NOW + 5), DeadlinePassed(LIFETIME, NOW + 7)]
    alarm.wait(7.1)
    assert alarm.told == [both[0], *both]
    alarm.wait(AGAIN_SECONDS)
    assert alarm.told == both


def test_deadlines_from_before_a_restart(alarm: Alarm) -> None:
    """What passed while the daemon was down is told at once, all of it, and once."""
    alarm.watch(due_in(startup=-9000, lifetime=-3))
    alarm.wait(0)
    assert set(alarm.told) == {
        DeadlinePassed(STARTUP, NOW - 9000),
        DeadlinePassed(LIFETIME, NOW - 3),
    }
    alarm.wait(AGAIN_SECONDS - 0.1)
    assert alarm.told == []


def test_an_overdue_deadline_is_told_after_each_change(alarm: Alarm) -> None:
    """A session that was not ready to hear of it may be now."""
    alarm.watch(due_in(startup=5))
    alarm.wait(5)
    assert len(alarm.told) == 1
    alarm.watch(replace(due_in(startup=5), title="changed"))
    alarm.wait(0)
    assert alarm.told == [DeadlinePassed(STARTUP, NOW + 5)]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
@pytest.mark.parametrize("changed", [False, True])
def test_a_clock_that_is_set(alarm: Alarm, jump: float, changed: bool) -> None:  # noqa: FBT001
    """It neither hastens a deadline nor puts it off, also when the session changes meanwhile."""
    alarm.watch(due_in(startup=10))
    alarm.wait(4)
    alarm.clock.at += jump
    if changed:
        alarm.watch(replace(due_in(startup=10), title="changed"))
    alarm.wait(5.9)
    assert alarm.told == []
    alarm.wait(0.2)
    assert alarm.told == [DeadlinePassed(STARTUP, NOW + 10)]


def test_only_the_present_deadlines_count(alarm: Alarm) -> None:
    """A deadline that was moved or lifted does not pass, nor one of a session that is forgotten."""
    session = due_in(startup=1)
    forgotten = replace(session, id=type(session.id)("01hf000000000000000000000b"))
    lifted = replace(session, id=type(session.id)("01hf000000000000000000000c"))
    for each in (session, forgotten, lifted, due_in(startup=900), replace(lifted, deadlines={})):
        alarm.watch(each)
    alarm.timers.forget(forgotten.id)
    alarm.wait(2)
    assert alarm.told == []


def test_nothing_passes_before_they_are_open(alarm: Alarm) -> None:
    """Before adoption a deadline may be one that begins anew."""
    timers = Timers(alarm.posts, alarm.clock)

    async def watch() -> None:
        timers.watch(due_in(startup=-1))
        await asyncio.sleep(9)
        assert alarm.told == []
        timers.open()
        timers.watch(due_in(startup=-1))
        await asyncio.sleep(0.1)

    alarm.loop.run_until_complete(watch())
    assert alarm.told == [DeadlinePassed(STARTUP, NOW - 1)]


def test_no_deadline_passes_after_closing(alarm: Alarm) -> None:
    """A daemon that stops leaves its deadlines in the store."""
    alarm.watch(due_in(startup=1))
    alarm.timers.close()
    alarm.wait(9)
    assert alarm.told == []
